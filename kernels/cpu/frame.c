/* The array work of a frame beside the networks, one instruction set's functions. Compiled without
 * fused multiplication and addition, so that every number is numpy's to the bit. */
#include "admit.h"
#include "answers.h"
#include "candidates.h"
#include "motion.h"
#include "observe.h"
#include "shape.h"
#include "variant.h"

int64_t PUBLIC(step_network)(const Shape *network, float *scratch, int64_t room, int64_t count,
                             const float *tokens, const int64_t *rows, int64_t table, float *state,
                             int64_t stride, float *out); /* of variant.c */

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

/* work: TOKEN + OUTPUTS + motion->carried floats for each track. Returns as step_network does. */
int64_t PUBLIC(predict)(const Motion *motion, const Shape *network, float *scratch, int64_t room,
                        int64_t count, float *state, float *work, int64_t *places, float *boxes,
                        float *log_scales, float *ratios) {
    float *outputs = work + TOKEN * count, *resting = outputs + OUTPUTS * count;
    feed(motion, count, state, work, places, resting);
    int64_t wrong =
        EXPAND(step_network, VARIANT)(network, scratch, room, count, work, places,
                                      count * state_floats(motion), state, 1, outputs);
    rest(motion, count, state, resting);
    if (wrong == -1) move_boxes(motion, count, state, outputs, boxes, log_scales, ratios);
    return wrong;
}

void PUBLIC(spread_boxes)(const Motion *motion, int64_t count, float *state, const float *ratios,
                          float *scales) {
    spread_boxes(motion, count, state, ratios, scales);
}

/* Returns -1, or the first row that is not one of ``tracks``; nothing is written then. */
int64_t PUBLIC(ask_logs)(const Motion *motion, int64_t count, const int64_t *rows,
                         const float *boxes, int64_t tracks, const float *state, float *logs) {
    int64_t wrong = first_outside(count, rows, tracks - 1);
    if (wrong < 0) ask_logs(motion, count, rows, boxes, state, logs);
    return wrong;
}

void PUBLIC(correct)(const Motion *motion, int64_t count, const int64_t *rows, const float *boxes,
                     const float *logs, float *state) {
    correct(motion, count, rows, boxes, logs, state);
}

/* mixed: some track has votes for two classes. Returns -1; SPLIT where that is so or a class is
 * another one, and the votes are left to the caller; or the first row that is not one of ``tracks``,
 * and nothing is written then. */
int64_t PUBLIC(observe)(const Table *table, const Observed *seen, int64_t count,
                        const int64_t *rows, int64_t tracks, int64_t mixed) {
    int64_t wrong = first_outside(count, rows, tracks - 1);
    if (wrong >= 0) return wrong;
    observe(table, seen, count, rows);
    if (mixed || !agree(table, seen, count, rows)) return SPLIT;
    vote_again(table, seen, count, rows);
    return -1;
}

int64_t PUBLIC(admit)(const void *rows, int64_t wide, int64_t count, int64_t columns,
                      const double *limits, float *boxes, float *scores, int64_t *labels) {
    return admit(rows, wide, count, columns, limits, boxes, scores, labels);
}

/* Returns how many pairs are left of which nothing is known: 0 where all answers are there; UNORDERED
 * where the pairs are not in their order or of none of the tracks or detections. */
int64_t PUBLIC(answer)(const Scored *scored, const Limits *limits, const Places *places,
                       Answers *to) {
    if (!ordered(scored)) return UNORDERED;
    answer(scored, limits, places, to);
    return to->remaining;
}

/* The same once ``matched`` pairs of the best answer are chosen; MISFIT where one is none. */
int64_t PUBLIC(compare)(const Scored *scored, const Limits *limits, const Places *places,
                        Answers *to) {
    if (!ordered(scored)) return UNORDERED;
    if (first_outside(to->matched[0], to->chosen, scored->pairs - 1) >= 0) return MISFIT;
    compare(scored, limits, places, to);
    return 0;
}
