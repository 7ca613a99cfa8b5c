/* What is counted and laid out alike everywhere. */
#pragma once
#include "simd.h"

enum { MISFIT = -2 }; /* of a call whose sizes do not fit each other */

INLINE int64_t more(int64_t a, int64_t b) { return a > b ? a : b; }
INLINE int64_t padded(int64_t count) { return (count + LANES - 1) / LANES * LANES; }

/* The next ``count`` floats of what lies in one piece. */
INLINE const float *take(const float **at, int64_t count) {
    const float *here = *at;
    *at += count;
    return here;
}

/* The same of memory that is being laid out, NULL where it is only measured. */
INLINE float *claim(float *memory, int64_t *used, int64_t count) {
    float *here = memory ? memory + *used : NULL;
    *used += count;
    return here;
}

INLINE int64_t *claim_numbers(int64_t *memory, int64_t *used, int64_t count) {
    int64_t *here = memory ? memory + *used : NULL;
    *used += count;
    return here;
}

INLINE float bounded(float x, float limit) { return x > limit ? limit : x < -limit ? -limit : x; }

INLINE void bound(int64_t count, const float *restrict from, float limit, float *restrict to) {
    for (int64_t i = 0; i < count; i++) to[i] = bounded(from[i], limit);
}

/* The first of ``count`` values that is not from 0 to ``limit``; -1 where there is none. */
INLINE int64_t first_outside(int64_t count, const int64_t *values, int64_t limit) {
    for (int64_t i = 0; i < count; i++)
        if (values[i] < 0 || values[i] > limit) return i;
    return -1;
}

/* The numbers [count] become ascending. */
INLINE void ascend(int64_t *numbers, int64_t count) {
    for (int64_t i = 1; i < count; i++) {
        int64_t own = numbers[i], j = i;
        for (; j > 0 && own < numbers[j - 1]; j--) numbers[j] = numbers[j - 1];
        numbers[j] = own;
    }
}

/* Numbers of the marked ones, written in the place of the 1 that marks them, from 1 on -> how many. */
INLINE int64_t number_those(int64_t count, int64_t *marks) {
    int64_t numbered = 0;
    for (int64_t i = 0; i < count; i++)
        if (marks[i]) marks[i] = ++numbered;
    return numbered;
}
