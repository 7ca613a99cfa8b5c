/* The array work of a frame beside the networks, one instruction set's functions. Compiled without
 * fused multiplication and addition, so that every number is numpy's to the bit. */
#include "candidates.h"
#include "variant.h"

int64_t PUBLIC(around_floats)(const Frame *frame) {
    Around around;
    return lay_out_around(frame, NULL, NULL, &around);
}

int64_t PUBLIC(gate)(const Table *table, const Frame *frame, float *floats, int64_t *numbers,
                     int64_t room, int64_t *tracks, int64_t *detections) {
    Around around;
    lay_out_around(frame, floats, numbers, &around);
    look_around(table, frame, &around);
    return gate(table, frame, &around, room, tracks, detections);
}

void PUBLIC(describe)(const Table *table, const Frame *frame, float *floats, int64_t *numbers,
                      int64_t pairs, const int64_t *tracks, const int64_t *detections,
                      float *features, float *alone) {
    Around around;
    lay_out_around(frame, floats, numbers, &around);
    describe(table, frame, &around, pairs, tracks, detections, features, alone);
}

void PUBLIC(neighbours)(const float *corners, int64_t count, float *memory, float *most,
                        int64_t *which) {
    neighbours(corners, count, memory, most, which);
}

int64_t PUBLIC(best_other)(int64_t pairs, const float *values, const int64_t *of, int64_t count,
                           float *memory, int64_t *holder, float *other) {
    return best_other(pairs, values, of, count, memory, holder, other);
}
