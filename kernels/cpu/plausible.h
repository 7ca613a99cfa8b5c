/* What a predicted box may be: as_plausible of mambatrack/boxes.py. */
#pragma once
#include "memory.h"

#define FARTHEST 1e7f
#define SMALLEST 1.0f

/* NaN becomes the least. */
INLINE float within(float x, float least, float most) {
    x = x > least ? x : least;
    return x < most ? x : most;
}

/* Number k of a box as cxcywh. */
INLINE float plausible(float x, int k) { return within(x, k < 2 ? -FARTHEST : SMALLEST, FARTHEST); }
