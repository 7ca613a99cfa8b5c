/* The boxes around each box, and the pairs around each pair: to the bit what
 * mambatrack/association/features.py has in numpy, but that of several neighbours with equally large
 * overlap another one may be named. */
#pragma once
#include "boxes.h"

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

INLINE void prefer(float value, int64_t i, int64_t j, float *most, int64_t *which) {
    if (value < most[i] || (value == most[i] && j > which[i])) return;
    most[i] = value, which[i] = j;
}

/* Of each box the largest IoU with another one and which that is, the first of several, itself where
 * nothing overlaps; memory [2, count]. Only boxes that begin left of where a box ends are looked at. */
static void neighbours(const Sorted *s, float *memory, float *most, int64_t *which) {
    int64_t count = s->count;
    const float *left = s->corners, *top = left + count, *right = top + count, *low = right + count;
    float *areas = memory, *shared = memory + count;
    for (int64_t k = 0; k < count; k++) {
        areas[k] = (right[k] - left[k]) * (low[k] - top[k]);
        most[k] = 0, which[k] = k;
    }
    for (int64_t k = 0; k < count; k++) {
        int64_t next = k + 1, others = count_below(left, count, right[k], 1) - next;
        if (others <= 0) continue;
        share(left + k, left + next, count, others, shared);
        divide(areas[k], areas + next, others, shared);
        for (int64_t j = 0; j < others; j++) {
            if (!(shared[j] > 0)) continue;
            prefer(shared[j], s->order[k], s->order[next + j], most, which);
            prefer(shared[j], s->order[next + j], s->order[k], most, which);
        }
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
