/* The columns of a table of tracks (mambatrack/track_table.py) that a frame reads and writes, and its
 * detections. */
#pragma once
#include <stdint.h>

enum { MEANS = 8, VOTES = 4 };

/* Rows are contiguous, ``motion_size`` and ``memory_size`` floats of the last two. rates [MEANS] of the
 * running means; decay of older votes. stamp: of tables of one tracker, tracks of one id whose stamps
 * are equal have the same motion and memory. */
typedef struct {
    float *boxes, *spread, *last, *means, *scores, *votes;
    int64_t *labels, *hits, *gap, *age, *det_ind, *ids, *stamp;
    float *motion, *memory;
    int64_t motion_size, memory_size;
    const float *rates;
    float decay;
} Table;

enum { FOUND = 9 };

/* The detections of a frame: rows [count, FOUND]: xyxy, cxcywh, score; classes; rows in the caller's
 * array. */
typedef struct {
    const float *rows;
    const int64_t *labels, *numbers;
    int64_t count;
} Found;
