/* The columns of a table of tracks (mambatrack/track_table.py) that a frame reads and writes. */
#pragma once
#include <stdint.h>

enum { MEANS = 8, VOTES = 4 };

/* Rows are contiguous, ``motion_size`` and ``memory_size`` floats of the last two. */
typedef struct {
    float *boxes, *spread, *last, *means, *scores, *votes;
    int64_t *labels, *hits, *gap, *det_ind;
    float *motion, *memory;
    int64_t motion_size, memory_size;
} Table;
