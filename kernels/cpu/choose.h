/* The clear pairs of a matching: mambatrack/association/pairs.py, ``best``, to the bit and in its
 * order. */
#pragma once
#include "memory.h"

/* Of ``count`` pairs, given by their numbers: tracks, detections and worth of all of them; sums of
 * worth by track and by detection are written into the last two. */
static void sum_worth(int64_t count, const int64_t *numbers, const int64_t *track,
                      const int64_t *detection, const float *worth, double *of_track,
                      double *of_detection) {
    for (int64_t i = 0; i < count; i++) of_track[track[numbers[i]]] = 0;
    for (int64_t i = 0; i < count; i++) of_detection[detection[numbers[i]]] = 0;
    for (int64_t i = 0; i < count; i++) of_track[track[numbers[i]]] += worth[numbers[i]];
    for (int64_t i = 0; i < count; i++) of_detection[detection[numbers[i]]] += worth[numbers[i]];
}

/* odds [pairs], of which those below ``lowest`` are never matched; sums [tracks + detections],
 * worth [pairs], left [pairs] -> chosen [pairs]: numbers of the pairs that are worth more than all
 * others of their track and detection together; how many goes to ``settled``. Returns how many are
 * left that nothing is known of, with their numbers in ``left``. */
static int64_t choose_clear(int64_t pairs, const int64_t *track, const int64_t *detection,
                            int64_t tracks, const float *odds, float lowest, float least,
                            int64_t rounds, double *sums, float *worth, int64_t *chosen,
                            int64_t *left, int64_t *settled) {
    double *of_track = sums, *of_detection = sums + tracks;
    int64_t count = 0, done = 0;
    for (int64_t p = 0; p < pairs; p++) {
        worth[p] = (odds[p] - lowest) + least;
        if (odds[p] >= lowest) left[count++] = p;
    }
    for (; count; rounds--) {
        int64_t before = done, rest = 0;
        sum_worth(count, left, track, detection, worth, of_track, of_detection);
        for (int64_t i = 0; i < count; i++) {
            int64_t p = left[i];
            /* in double: rounded up, of two that are worth the same each would be worth more than both */
            if (3.0 * worth[p] > of_track[track[p]] + of_detection[detection[p]]) chosen[done++] = p;
        }
        if (done - before == count) count = 0;
        if (done == before || !rounds || !count) {
            if (count) done = before;
            break;
        }
        for (int64_t i = before; i < done; i++)
            of_track[track[chosen[i]]] = of_detection[detection[chosen[i]]] = -1;
        for (int64_t i = 0; i < count; i++)
            if (of_track[track[left[i]]] >= 0 && of_detection[detection[left[i]]] >= 0)
                left[rest++] = left[i];
        count = rest;
    }
    *settled = done;
    return count;
}
