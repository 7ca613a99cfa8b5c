/* What is remembered of matches, of any number of tables: handed from frame.c to the committee, which is
 * compiled with other flags. */
#pragma once
#include "memory.h"

/* The features of each match [count, inputs], and the memory of its track. */
typedef struct {
    float *tokens, **memories;
} Taken;

INLINE int64_t taken_floats(int64_t inputs, int64_t count) {
    return padded(count * inputs) + padded(2 * count);
}

/* One behind the other. */
INLINE Taken taken_in(float *scratch, int64_t inputs, int64_t count) {
    return (Taken){scratch, (float **)(scratch + padded(count * inputs))};
}

/* The pairs chosen [count] of features [inputs, pairs], from match ``at`` on: of the tracks rows [count] of
 * memory [., stride]. */
static void take_pairs(const Taken *to, int64_t at, int64_t inputs, const float *features, int64_t pairs,
                       int64_t count, const int64_t *chosen, const int64_t *rows, float *memory,
                       int64_t stride) {
    float *tokens = to->tokens + inputs * at;
    for (int64_t f = 0; f < inputs; f++)
        for (int64_t i = 0; i < count; i++) tokens[i * inputs + f] = features[f * pairs + chosen[i]];
    for (int64_t i = 0; i < count; i++) to->memories[at + i] = memory + rows[i] * stride;
}
