/* The association by overlap of boxes: mambatrack/association/overlap.py, to the bit where
 * height_power is 0, .5, 1 or 2. */
#pragma once
#include "boxes.h"
#include "contest.h"
#include "table.h"

/* The settings of the same names; by_class: class_aware. */
typedef struct {
    float iou_gate, match_score, birth_score, birth_iou, height_power;
    int64_t passes, by_class;
} Overlap;

/* Pairs that may be matched, in the order of their tracks; those beyond ``room`` are only counted. */
typedef struct {
    int64_t count, room, *track, *detection;
    float *worth;
} PairList;

static void raise_to(float *values, int64_t count, float power) {
    for (int64_t j = 0; j < count; j++)
        values[j] = power == 2 ? values[j] * values[j]
                    : power == 1 ? values[j]
                    : power == .5f ? sqrtf(values[j]) : powf(values[j], power);
}

/* IoU [count] of a box [4] with boxes [4, stride], all xyxy. */
static __attribute__((noinline)) void overlaps(const float *box, const float *boxes, int64_t stride,
                                               int64_t count, float *to) {
    const float *left = boxes, *top = left + stride, *right = top + stride, *low = right + stride;
    float x1 = box[0], y1 = box[1], x2 = box[2], y2 = box[3], area = (x2 - x1) * (y2 - y1);
    for (int64_t j = 0; j < count; j++) {
        float width = greater(lesser(right[j], x2) - greater(left[j], x1), 0);
        float height = greater(lesser(low[j], y2) - greater(top[j], y1), 0);
        float shared = width * height, other = (right[j] - left[j]) * (low[j] - top[j]);
        to[j] = shared / greater(area + other - shared, 1e-9f);
    }
}

/* What of their vertical extents both have in common. */
static __attribute__((noinline)) void heights(const float *box, const float *boxes, int64_t stride,
                                              int64_t count, float *to) {
    const float *top = boxes + stride, *low = boxes + 3 * stride;
    float y1 = box[1], y2 = box[3];
    for (int64_t j = 0; j < count; j++) {
        float shared = greater(lesser(low[j], y2) - greater(top[j], y1), 0);
        to[j] = shared / greater(greater(low[j], y2) - lesser(top[j], y1), 1e-9f);
    }
}

static void add_pair(PairList *to, int64_t track, int64_t detection, float worth) {
    if (to->count < to->room) {
        to->track[to->count] = track, to->detection[to->count] = detection;
        to->worth[to->count] = worth;
    }
    to->count++;
}

/* boxes [tracks, 4] xyxy; sorted: the detections; values [2, detections]: memory. */
static void list_pairs(const Overlap *by, const Table *t, const Found *found, const float *boxes,
                       int64_t tracks, const Sorted *sorted, float *values, PairList *to) {
    int64_t all = sorted->count;
    float *height = values + all;
    to->count = 0;
    for (int64_t i = 0; i < tracks; i++) {
        const float *box = boxes + 4 * i;
        int64_t from = count_below(sorted->rightmost, all, box[0], 0);
        int64_t near = count_below(sorted->corners, all, box[2], 1) - from;
        if (near <= 0) continue;
        overlaps(box, sorted->corners + from, all, near, values);
        if (by->height_power != 0) {
            heights(box, sorted->corners + from, all, near, height);
            raise_to(height, near, by->height_power);
            for (int64_t k = 0; k < near; k++) values[k] *= height[k];
        }
        for (int64_t k = 0; k < near; k++) {
            int64_t j = sorted->order[from + k];
            if (!(values[k] > 0 && values[k] >= by->iou_gate)) continue;
            if (found->scores[j] < by->match_score) continue;
            if (by->by_class && t->labels[i] != found->labels[j]) continue;
            add_pair(to, i, j, values[k]);
        }
    }
}

/* of_track [tracks]: its detection, of_detection [.]: its track, -1 for none. The pairs whose two sides
 * are free; in the first of two passes those of tracks that were seen a ``span`` of frames ago. */
static void list_free(const PairList *from, const Table *t, int64_t span, int active, const int64_t *of_track,
                      const int64_t *of_detection, PairList *to) {
    to->count = 0;
    for (int64_t p = 0; p < from->count; p++) {
        int64_t i = from->track[p], j = from->detection[p];
        if (of_track[i] >= 0 || of_detection[j] >= 0 || (active && t->gap[i] != span)) continue;
        add_pair(to, i, j, from->worth[p]);
    }
}

/* The pairs that are matched are the first ``settled`` of chosen [pairs]; sums [tracks + detections],
 * left [pairs], blocks [tracks + detections]: memory. Returns how many pairs are left to the general
 * solver, whose numbers are in ``left``. */
static int64_t match_pairs(const PairList *pairs, int64_t tracks, int64_t rounds, double *sums,
                           int64_t *blocks, int64_t *chosen, int64_t *left, int64_t *settled) {
    int64_t count = choose_clear(pairs->count, pairs->track, pairs->detection, tracks, pairs->worth, 0, 0,
                                 rounds, sums, pairs->worth, chosen, left, settled);
    int64_t matched = count ? match_contested(count, left, pairs->track, pairs->detection, pairs->worth,
                                              blocks, blocks + tracks, chosen + *settled)
                            : 0;
    if (matched < 0) return count;
    *settled += matched;
    return 0;
}

/* Whether no track's box [tracks, 4] xyxy covers the detection. */
static int uncovered(const Overlap *by, const Table *t, const Found *found, int64_t j, const float *boxes,
                     int64_t tracks) {
    const float *box = found->boxes + 4 * j;
    for (int64_t i = 0; i < tracks; i++) {
        float iou;
        overlaps(boxes + 4 * i, box, 1, 1, &iou);
        if (iou > 0 && iou >= by->birth_iou && !(by->by_class && t->labels[i] != found->labels[j])) return 0;
    }
    return 1;
}

/* The detections that start tracks, to ``born`` -> how many. boxes: where the tracks are now. */
static int64_t list_births(const Overlap *by, const Table *t, const Found *found, const int64_t *of_detection,
                           const float *boxes, int64_t tracks, int64_t *born) {
    int64_t count = 0;
    for (int64_t j = 0; j < found->count; j++)
        if (of_detection[j] < 0 && found->scores[j] >= by->birth_score &&
            (by->birth_iou >= 1 || uncovered(by, t, found, j, boxes, tracks)))
            born[count++] = j;
    return count;
}
