/* The live tracks of a table as a result: snapshot in mambatrack/track_observation.py to the bit. */
#pragma once
#include "table.h"

enum { TENTATIVE, OBSERVED, PREDICTED, RESULT_BYTES = 85 /* of a track */ };

/* boxes, spread [count, 4], velocity [count, 2], scores [count] -> where they end. */
static float *snapshot_floats(const Table *t, int64_t count, float *to) {
    float *spread = to + 4 * count, *velocity = spread + 4 * count, *scores = velocity + 2 * count;
    memcpy(spread, t->spread, 4 * count * sizeof(float));
    memcpy(scores, t->scores, count * sizeof(float));
    for (int64_t i = 0; i < count; i++) {
        const float *box = t->boxes + 4 * i, *means = t->means + MEANS * i, *last = t->last + 4 * i;
        int64_t hits = t->hits[i] < t->most_shares ? t->hits[i] : t->most_shares - 1;
        for (int side = 0; side < 2; side++) {
            to[4 * i + side] = box[side] - .5f * box[2 + side];
            to[4 * i + 2 + side] = box[side] + .5f * box[2 + side];
            velocity[2 * i + side] = means[6 + side] * last[2 + side] / t->shares[hits];
        }
    }
    return scores + count;
}

/* Of the first ``count`` tracks, one behind the other: ids, classes, gaps, rows of detections and ages;
 * the floats; states. */
static void snapshot(const Table *t, int64_t count, int64_t min_hits, int64_t *to) {
    const int64_t *columns[] = {t->ids, t->labels, t->gap, t->det_ind, t->age};
    for (int k = 0; k < 5; k++, to += count) memcpy(to, columns[k], count * sizeof(int64_t));
    uint8_t *state = (uint8_t *)snapshot_floats(t, count, (float *)to);
    for (int64_t i = 0; i < count; i++)
        state[i] = t->gap[i] > 0 ? PREDICTED : t->hits[i] >= min_hits ? OBSERVED : TENTATIVE;
}

/* Numbers that this takes. */
INLINE int64_t snapshot_room(int64_t count) { return (RESULT_BYTES * count + 7) / 8; }
