/* The columns of a table of tracks (mambatrack/track_columns.py) that a frame reads and writes, and its
 * detections. */
#pragma once
#include <stdint.h>

enum { MEANS = 8, VOTES = 4, BENDS = 8 };

/* Rows are contiguous, ``capacity`` of them, ``motion_size`` and ``memory_size`` floats of the last two. rates [MEANS] of the
 * running means; shares [most_shares]: of a mean velocity that moves make up, by the number of
 * detections; decay of older votes. stamp: of tables of one tracker, tracks of one id whose stamps
 * are equal have the same motion and memory. noise: sums of noise.h, NULL where boxes are not steadied.
 * filter [., FILTER]: of a filter beside the motion model, unfiltered [., 4]: what that predicts alone; looks
 * [., looks_size]: of looks.h; NULL where there is none. */
typedef struct {
    float *boxes, *spread, *last, *means, *scores, *votes, *before, *bends;
    int64_t *labels, *hits, *gap, *age, *det_ind, *ids, *stamp, *streak, *classes;
    float *motion, *memory;
    int64_t motion_size, memory_size, capacity, most_shares;
    const float *rates, *shares;
    double *noise;
    float *filter, *unfiltered, *looks;
    int64_t looks_size;
    float decay;
} Table;

/* The detections of a frame: boxes [count, 4] xyxy, the same as cxcywh, scores; classes; rows in the
 * caller's array. */
typedef struct {
    const float *boxes, *centred, *scores;
    const int64_t *labels, *numbers;
    int64_t count;
} Found;
