/* What a crowd's boxes are to each other: to the bit what mambatrack/association/features.py has in
 * numpy, but that of several neighbours with equally large overlap another one may be named. */
#pragma once
#include "memory.h"

INLINE float greater(float a, float b) { return a > b ? a : b; }
INLINE float lesser(float a, float b) { return a < b ? a : b; }

/* shared [count]: the area that a box and each of ``count`` boxes [4, stride] have in common. */
static __attribute__((noinline)) void share(const float *box, const float *boxes, int64_t stride,
                                            int64_t count, float *shared) {
    const float *left = boxes, *top = left + stride, *right = top + stride, *low = right + stride;
    float x1 = box[0], y1 = box[stride], x2 = box[2 * stride], y2 = box[3 * stride];
    for (int64_t j = 0; j < count; j++) {
        float width = greater(lesser(right[j], x2) - greater(left[j], x1), 0);
        float height = greater(lesser(low[j], y2) - greater(top[j], y1), 0);
        shared[j] = width * height;
    }
}

/* shared [count] -> the IoU. */
static __attribute__((noinline)) void divide(float area, const float *areas, int64_t count,
                                             float *shared) {
    for (int64_t j = 0; j < count; j++)
        shared[j] /= greater(area + areas[j] - shared[j], 1e-9f);
}

/* At least 0. */
static float largest(const float *values, int64_t count) {
    vf most = splat(0.0f);
    int64_t j = 0;
    for (; j + LANES <= count; j += LANES) most = larger(load(values + j), most);
    most = larger(load_some(values + j, (int)(count - j)), most);
    float lanes[LANES];
    store(lanes, most);
    for (j = 1; j < LANES; j++) lanes[0] = greater(lanes[0], lanes[j]);
    return lanes[0];
}

/* corners [4, count], xyxy -> of each box the largest IoU with another one and which that is,
 * itself where nothing overlaps; memory [2, count]. */
static void neighbours(const float *corners, int64_t count, float *memory, float *most,
                       int64_t *which) {
    float *areas = memory, *shared = memory + count;
    for (int64_t i = 0; i < count; i++)
        areas[i] = (corners[2 * count + i] - corners[i]) *
                   (corners[3 * count + i] - corners[count + i]);
    for (int64_t i = 0; i < count; i++) {
        share(corners + i, corners, count, count, shared);
        divide(areas[i], areas, count, shared);
        shared[i] = 0;
        most[i] = largest(shared, count);
        int64_t j = 0;
        while (most[i] > 0 && shared[j] != most[i]) j++;
        which[i] = most[i] > 0 ? j : i;
    }
}

/* values [pairs] of pairs, of which pair k is of side of[k] -> other [pairs]: the largest among the
 * other pairs of that side, 0 where there is none; memory [2, count], holder [count]. Returns
 * -1, or the first k whose side is not from 0 to ``count``; nothing is written then. */
static int64_t best_other(int64_t pairs, const float *values, const int64_t *of, int64_t count,
                          float *memory, int64_t *holder, float *other) {
    int64_t wrong = first_outside(pairs, of, count - 1);
    if (wrong >= 0) return wrong;
    float *best = memory, *second = memory + count;
    for (int64_t i = 0; i < count; i++) best[i] = second[i] = 0, holder[i] = -1;
    for (int64_t k = 0; k < pairs; k++) {
        int64_t i = of[k];
        if (holder[i] < 0 || values[k] > best[i])
            second[i] = best[i], best[i] = values[k], holder[i] = k;
        else if (values[k] > second[i])
            second[i] = values[k];
    }
    for (int64_t k = 0; k < pairs; k++)
        other[k] = holder[of[k]] == k ? second[of[k]] : best[of[k]];
    return -1;
}
