/* Boxes in the order of their left edges. */
#pragma once
#include "memory.h"

INLINE float greater(float a, float b) { return a > b ? a : b; }
INLINE float lesser(float a, float b) { return a < b ? a : b; }

/* Boxes in the order of their left edges: which each is, corners [4, count], and the rightmost edge
 * of it and all before it. */
typedef struct {
    int64_t count, *order;
    float *corners, *rightmost;
} Sorted;

/* order, other [count]; keys [count] -> order ascends by them, equal ones stay in turn. */
static void sort_by(const float *keys, int64_t count, int64_t *order, int64_t *other) {
    for (int64_t i = 0; i < count; i++) order[i] = i;
    for (int64_t width = 1; width < count; width *= 2) {
        for (int64_t from = 0; from < count; from += 2 * width) {
            int64_t middle = from + width < count ? from + width : count;
            int64_t end = from + 2 * width < count ? from + 2 * width : count;
            int64_t a = from, b = middle;
            for (int64_t to = from; to < end; to++) {
                int first = a < middle && (b >= end || !(keys[order[b]] < keys[order[a]]));
                other[to] = order[first ? a++ : b++];
            }
        }
        memcpy(order, other, count * sizeof(int64_t));
    }
}

/* The places of everything for ``count`` boxes. */
static void claim_sorted(float *floats, int64_t *used, int64_t *numbers, int64_t *counted,
                         int64_t count, Sorted *s) {
    s->count = count;
    s->corners = claim(floats, used, 4 * count);
    s->rightmost = claim(floats, used, count);
    s->order = claim_numbers(numbers, counted, count);
}

/* corners [4, count]; memory [count]. */
static void sort_boxes(const float *corners, int64_t *memory, Sorted *to) {
    int64_t count = to->count;
    sort_by(corners, count, to->order, memory);
    for (int64_t k = 0; k < count; k++) {
        for (int side = 0; side < 4; side++)
            to->corners[side * count + k] = corners[side * count + to->order[k]];
        float right = to->corners[2 * count + k];
        to->rightmost[k] = k ? greater(to->rightmost[k - 1], right) : right;
    }
}

/* How many of the ascending values are at most ``limit``, or with ``below`` less than it. */
static int64_t count_below(const float *values, int64_t count, double limit, int below) {
    int64_t low = 0, high = count;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (values[middle] < limit || (!below && values[middle] == limit))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
