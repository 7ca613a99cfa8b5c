/* The Kalman filter of mambatrack/motion/classical.py to the bit: of each coordinate of a box place,
 * velocity, and the covariances of place, of both, and of velocity, [5, 4] of a track. */
#pragma once
#include "plausible.h"
#include "table.h"
#include <math.h>

enum { FILTER = 20 };

/* Standard deviations as shares of the size: of a place and of a velocity in each frame, and at first. */
typedef struct {
    float place, velocity, first_place, first_velocity;
} Kalman;

INLINE float squared(float x) { return x * x; }

INLINE void start_filter(const Kalman *by, const float *box, float *state) {
    for (int k = 0; k < 4; k++) {
        float size = box[2 + k % 2];
        state[k] = box[k], state[4 + k] = state[12 + k] = 0;
        state[8 + k] = squared(by->first_place * size);
        state[16 + k] = squared(by->first_velocity * size);
    }
}

/* One frame on -> box [4] and its spread [4]. */
static void predict_filter(const Kalman *by, float *state, float *box, float *spread) {
    const float sides[2] = {state[2], state[3]};
    for (int k = 0; k < 4; k++) {
        float *own = state + k, size = sides[k % 2];
        box[k] = own[0] = plausible(own[0] + own[4], k);
        own[8] = own[8] + 2 * own[12] + own[16] + squared(by->place * size);
        own[12] = own[12] + own[16];
        own[16] = own[16] + squared(by->velocity * size);
        spread[k] = sqrtf(own[8]);
    }
}

/* All tracks of a table one frame on; they are then unseen for ``span`` frames more. */
INLINE void predict_filters(const Kalman *by, const Table *t, int64_t tracks, int64_t span) {
    for (int64_t i = 0; i < tracks; i++) {
        predict_filter(by, t->motion + FILTER * i, t->boxes + 4 * i, t->spread + 4 * i);
        t->gap[i] += span, t->age[i] += span;
        t->det_ind[i] = -1;
    }
}

/* Seen at a box [4] after the prediction. */
static void correct_filter(const Kalman *by, const float *box, float *state) {
    const float sides[2] = {state[2], state[3]};
    for (int k = 0; k < 4; k++) {
        float *own = state + k, total = own[8] + squared(by->place * sides[k % 2]);
        float gain = own[8] / total, turn = own[12] / total, residual = box[k] - own[0];
        own[0] = plausible(own[0] + gain * residual, k);
        own[4] = own[4] + turn * residual;
        own[8] = own[8] - gain * own[8];
        own[16] = own[16] - turn * own[12];
        own[12] = own[12] - gain * own[12];
    }
}
