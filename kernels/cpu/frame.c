/* The array work of a frame beside the networks, one instruction set's functions. Compiled without
 * fused multiplication and addition, so that every number is numpy's to the bit. */
#include "shape.h"
#include "usual.h"
#include "variant.h"

int64_t PUBLIC(step_network)(const Shape *network, float *scratch, int64_t room, int64_t count,
                             const float *tokens, const int64_t *rows, int64_t table, float *state,
                             int64_t stride, float *out); /* of variant.c */

int64_t PUBLIC(window_network)(const Shape *network, float *scratch, int64_t room, int64_t batch,
                               int64_t window, const float *offsets, const int64_t *lengths,
                               float *out); /* likewise */

int64_t PUBLIC(committee_scores)(const Members *committee, float *scratch, int64_t room,
                                 int64_t pairs, int64_t tracks, int64_t detections,
                                 const float *features, const int64_t *track,
                                 const int64_t *detection, const float *codes, int64_t stride,
                                 const float *alone, const float *margins, float *odds,
                                 float *people); /* likewise */

int64_t PUBLIC(committee_remember)(const Members *committee, float *scratch, int64_t room,
                                   const float *features, int64_t pairs, int64_t count,
                                   const int64_t *chosen, const int64_t *rows, int64_t tracks,
                                   float *memory);

int64_t PUBLIC(score_floats)(const Members *committee, int64_t pairs, int64_t tracks,
                             int64_t detections); /* likewise */

/* code: floats of a track's codes. Returns 1, or 0 where memory has to grow: then it is said how much is
 * needed. */
int64_t PUBLIC(gate)(const Gate *by, const Members *committee, int64_t code, Asked *asked) {
    if (!look_around_all(by, asked) || !gate_all(by, asked)) return 0;
    asked->scratch = part_floats(asked, code) + EXPAND(score_floats, VARIANT)(committee, asked->most_pairs,
                                                                              asked->most_sides,
                                                                              asked->most_sides);
    return 1;
}

/* floats, numbers: of Thoughts, as far as they are written. */
void PUBLIC(describe)(const Gate *by, const Asked *asked, float *floats, int64_t *numbers) {
    Thoughts to = thoughts_in(asked, floats, numbers);
    describe_all(by, asked, &to);
}

/* The scores of one whole table, by the margins there are. Returns as committee_scores does. */
static int64_t score_table(const Members *committee, const Asked *asked, const Thoughts *to, int64_t k,
                           float *scratch, int64_t room) {
    const Frame *f = asked->frames + k;
    const Problem *p = asked->problems + k;
    return EXPAND(committee_scores, VARIANT)(
        committee, scratch, room, p->pairs, f->tracks, f->found->count,
        to->features + FEATURES * p->first, asked->track + p->first, asked->detection + p->first,
        f->table->memory, f->table->memory_size, to->alone + ALONE * p->first_detection,
        asked->margins, to->odds + p->first, to->people + p->first_detection);
}

/* The same where table ``first`` of the tracker is scored and was compared: what differs from it. code: floats of a
 * track's codes; memory: of a Part, as large as a table may need. */
static int64_t score_rest(const Members *committee, const Asked *asked, const Thoughts *to, int64_t k,
                          int64_t first, int64_t code, float *memory, float *scratch, int64_t room) {
    Part part;
    Shared s = shared_of(asked, k, first);
    lay_out_part(asked, &s, code, memory, asked->twins + asked->pair_room, &part);
    take_part(asked, to, &s, code, &part);
    for (int64_t j = 0; j < part.detections; j++) asked->margins[j] = INFINITY;
    int64_t wrong = EXPAND(committee_scores, VARIANT)(
        committee, scratch, room, part.pairs, part.tracks, part.detections, part.features,
        part.track, part.detection, part.codes, code, part.alone, asked->margins, part.odds, part.people);
    if (wrong == -1) give_scores(asked, to, &s, &part);
    return wrong;
}

/* Describes and scores; scratch [room]: as ``gate`` says. Returns as committee_scores does, and -1 where all went
 * well. */
int64_t PUBLIC(score)(const Gate *by, const Members *committee, int64_t code, const Asked *asked, float *floats,
                      int64_t *numbers, float *scratch, int64_t room) {
    Thoughts to = thoughts_in(asked, floats, numbers);
    int64_t part = part_floats(asked, code), first = 0, wrong = -1;
    if (asked->scratch > room) return MISFIT;
    describe_all(by, asked, &to);
    for (int64_t k = 0; k < asked->count && wrong == -1; k++) {
        if (!asked->frames[k].beside) first = k, compare_all(asked, &to, k);
        wrong = k == first ? score_table(committee, asked, &to, k, scratch + part, room - part)
                           : score_rest(committee, asked, &to, k, first, code, scratch, scratch + part,
                                        room - part);
        tell_outcome(asked, &to, k);
    }
    return wrong;
}

/* All answers by the scores. */
void PUBLIC(answer)(const Limits *limits, const Asked *asked, float *floats, int64_t *numbers) {
    Thoughts to = thoughts_in(asked, floats, numbers);
    answer_all(limits, asked, &to);
}

/* floats [7, count] and numbers [2, count] of memory. */
void PUBLIC(neighbours)(const float *corners, int64_t count, float *floats, int64_t *numbers,
                        float *most, int64_t *which) {
    int64_t used = 2 * count, counted = count;
    Sorted sorted;
    claim_sorted(floats, &used, numbers, &counted, count, &sorted);
    sort_boxes(corners, numbers, &sorted);
    neighbours(&sorted, floats, most, which);
}

int64_t PUBLIC(best_other)(int64_t pairs, const float *values, const int64_t *of, int64_t count,
                           float *memory, int64_t *holder, float *other) {
    return best_other(pairs, values, of, count, memory, holder, other);
}

/* Of ``count`` rows of a state of ``tracks``; work: TOKEN + OUTPUTS + motion->carried floats for each.
 * Returns as step_network does. */
static int64_t predict(const Motion *motion, const Shape *network, float *scratch, int64_t room,
                       int64_t count, const int64_t *rows, int64_t tracks, float *state, float *work,
                       int64_t *places, float *boxes, float *log_scales, float *ratios) {
    float *outputs = work + TOKEN * count, *resting = outputs + OUTPUTS * count;
    feed(motion, count, rows, state, work, places, resting);
    int64_t wrong =
        EXPAND(step_network, VARIANT)(network, scratch, room, count, work, places,
                                      tracks * state_floats(motion), state, 1, outputs);
    rest(motion, count, rows, state, resting);
    if (wrong == -1) move_boxes(motion, count, rows, state, outputs, boxes, log_scales, ratios);
    return wrong;
}

int64_t PUBLIC(predict)(const Motion *motion, const Shape *network, float *scratch, int64_t room,
                        int64_t count, float *state, float *work, int64_t *places, float *boxes,
                        float *log_scales, float *ratios) {
    return predict(motion, network, scratch, room, count, NULL, count, state, work, places, boxes,
                   log_scales, ratios);
}

void PUBLIC(spread_boxes)(const Motion *motion, int64_t count, float *state, const float *ratios,
                          float *scales) {
    spread_boxes(motion, count, NULL, state, ratios, scales);
}

/* The same of all tables, with ``total`` tracks, what several have alike once; floats: of Predicted;
 * numbers [3, total]. Returns how many tracks that are, or MISFIT. */
int64_t PUBLIC(predict_tables)(const Motion *motion, const Shape *network, float *scratch,
                               int64_t room, Moved *moved, int64_t tables, int64_t total,
                               float *floats, int64_t *numbers) {
    Predicted all = predicted_in(floats, total);
    int64_t own = find_own(tables, moved, numbers + total), at = 0;
    for (int64_t k = 0; k < tables; at += moved[k++].own) {
        const Moved *m = moved + k;
        Predicted to = predicted_from(&all, at);
        if (predict(motion, network, scratch, room, m->own, m->rows, m->tracks, m->table->motion,
                    to.work, numbers, to.boxes, to.scales, to.ratios) != -1)
            return MISFIT;
    }
    return own;
}

void PUBLIC(spread_tables)(const Motion *motion, const Moved *moved, int64_t tables, int64_t total,
                           float *floats) {
    Predicted all = predicted_in(floats, total);
    const Moved *first = moved;
    for (int64_t k = 0, at = 0; k < tables; at += moved[k++].own) {
        const Moved *m = moved + k;
        Predicted from = predicted_from(&all, at);
        if (!m->beside || !k) first = m;
        spread_boxes(motion, m->own, m->rows, m->table->motion, from.ratios, from.scales);
        keep_prediction(motion, first, m, from.boxes, from.scales);
    }
    filter_all(moved, tables);
}

/* Tables with ``tracks`` tracks at most go one frame on. floats [tracks, SIDES (window + 3)], numbers
 * [3, tracks]: memory. Returns 0; -1 where a window holds none of its boxes, or more than it can; MISFIT. Nothing
 * is written then. */
int64_t PUBLIC(predict_windows)(const Motion *motion, const Shape *network, float *scratch, int64_t room,
                                Moved *moved, int64_t tables, int64_t tracks, float *floats,
                                int64_t *numbers) {
    int64_t size = SIDES * tracks, *lengths = numbers + 2 * tracks;
    float *scales = floats, *answers = scales + size, *boxes = answers + size, *spread = boxes + size;
    float *offsets = spread + size;
    int64_t asked = ask_all_windows(motion, moved, tables, numbers, offsets, lengths, scales);
    if (asked < 0) return asked;
    if (EXPAND(window_network, VARIANT)(network, scratch, room, asked, motion->window - 1, offsets, lengths,
                                        answers) != -1)
        return MISFIT;
    move_all_windows(motion, moved, tables, answers, scales, boxes, spread);
    return 0;
}

void PUBLIC(predict_filters)(const Motion *motion, const Moved *moved, int64_t tables) {
    for (const Moved *m = moved; m < moved + tables; m++)
        predict_filters(motion->filter, m->table, m->tracks, m->span);
}

/* Returns -1, or the first row that is not one of ``tracks``; nothing is written then. */
int64_t PUBLIC(ask_logs)(const Motion *motion, int64_t count, const int64_t *rows,
                         const float *boxes, int64_t tracks, const float *state, float *logs) {
    int64_t wrong = first_outside(count, rows, tracks - 1);
    if (wrong < 0) ask_logs_of(motion, count, rows, boxes, state, logs);
    return wrong;
}

void PUBLIC(correct)(const Motion *motion, int64_t count, const int64_t *rows, const float *boxes,
                     const float *logs, float *state) {
    correct_by(motion, count, rows, boxes, logs, state);
}

/* mixed: some track has votes for two classes. Returns -1, or MIXED where one has now, or the first row
 * that is not one of ``tracks``, and nothing is written then. */
int64_t PUBLIC(observe)(const Table *table, const Observed *seen, int64_t count,
                        const int64_t *rows, int64_t tracks, int64_t mixed) {
    int64_t wrong = first_outside(count, rows, tracks - 1);
    if (wrong >= 0) return wrong;
    observe(table, seen, count, rows);
    return vote_all(table, seen, count, rows, tracks, mixed) ? MIXED : -1;
}

void PUBLIC(snapshot)(const Table *table, int64_t count, int64_t min_hits, int64_t *to) {
    snapshot(table, count, min_hits, to);
}

int64_t PUBLIC(any_over)(const Table *table, int64_t count, int64_t min_hits, int64_t max_age) {
    return any_over(table, count, min_hits, max_age);
}

/* total: matches of all tables; floats [13, total], of which logarithms are taken of the first 4; numbers [5, total]
 * and twice the tracks of the largest table. Returns 1, or 0 where one is none of the pairs, tracks or detections. */
int64_t PUBLIC(gather)(const Motion *motion, int64_t tables, Settled *settled, int64_t total,
                       float *floats, int64_t *numbers) {
    Matches to = matches_in(tables, settled, total, 4 * total, floats, numbers);
    return gather(motion, tables, settled, total, &to);
}

/* The same with the logarithms taken, the first ``logs`` floats; scratch: of committee_remember for the largest
 * table. Returns as committee_remember does, or MIXED where that is so in some table. */
static int64_t settle(const Motion *motion, const Members *committee, float *scratch, int64_t room,
                      int64_t tables, Settled *settled, int64_t total, int64_t logs, float *floats,
                      int64_t *numbers) {
    Matches from = matches_in(tables, settled, total, logs, floats, numbers);
    const Settled *first = settled;
    int64_t at = 0, mixed = 0;
    for (int64_t k = 0; k < tables; at += settled[k++].count) {
        Settled *s = settled + k;
        Matches own = matches_from(&from, at, total);
        if (!s->beside) first = s;
        int64_t wrong = EXPAND(committee_remember, VARIANT)(
            committee, scratch, room, s->features, s->pairs, s->own, own.chosen, own.rows, s->tracks,
            s->table->memory);
        if (wrong != -1) return wrong;
        settle_one(motion, first, s, &own, from.logs + 2 * at);
        mixed += s->mixed;
    }
    return mixed ? MIXED : -1;
}

int64_t PUBLIC(settle)(const Motion *motion, const Members *committee, float *scratch, int64_t room,
                       int64_t tables, Settled *settled, int64_t total, float *floats,
                       int64_t *numbers) {
    return settle(motion, committee, scratch, room, tables, settled, total, 4 * total, floats, numbers);
}

int64_t PUBLIC(admit)(const void *rows, int64_t wide, int64_t count, int64_t columns,
                      const double *limits, float *floats, int64_t *numbers) {
    return admit(rows, wide, count, columns, limits, floats, numbers);
}

int64_t PUBLIC(admit_usual)(const Usually *by, const Asking *asking, int64_t count, Held *held,
                            const double *rows, float *floats, int64_t *numbers, Usual *to,
                            Frame *frames, Moved *moved, int64_t *tables) {
    return admit_usual(by, asking, count, held, rows, floats, numbers, to, frames, moved, tables);
}

int64_t PUBLIC(list_moved)(const Usual *usual, int64_t count, int64_t frame, Moved *to) {
    return list_moved(usual, count, frame, to);
}

/* How all hypotheses go on; then ``gather`` of these, and what logarithms are taken of where tracks start.
 * match_floats, match_numbers: its memory, with BIRTH_LOGS floats more for each track that starts; ids: of
 * list_settled. Returns of how many floats logarithms are taken, or MISFIT. */
int64_t PUBLIC(go_on)(const Usually *by, const Motion *motion, const Asked *asked, float *floats,
                      int64_t *numbers, Usual *usual, int64_t count, int64_t stamp, Kept *kept,
                      Settled *settled, int64_t *ids, float *match_floats, int64_t *match_numbers) {
    Thoughts thoughts = thoughts_in(asked, floats, numbers);
    int64_t total;
    int64_t tables = list_settled(by, asked, &thoughts, usual, count, stamp, kept, settled, ids, &total);
    int64_t logs = ask_births(usual, count, numbers, kept, match_floats + 4 * total) - match_floats;
    Matches to = matches_in(tables, settled, total, logs, match_floats, match_numbers);
    return gather(motion, tables, settled, total, &to) ? logs : MISFIT;
}

/* ``settle`` of these with the logarithms taken; tracks start and end, and results are written, as report_usual has
 * them. Returns how many numbers these are, or as committee_remember does. */
int64_t PUBLIC(settle_usual)(const Usually *by, const Motion *motion, const Members *committee, float *scratch,
                             int64_t room, const Asked *asked, const int64_t *numbers, Usual *usual,
                             int64_t count, Kept *kept, Settled *settled, int64_t logs, float *match_floats,
                             int64_t *match_numbers, int64_t *results) {
    int64_t tables = 0, total = 0;
    for (int64_t k = 0; k < count; k++) tables += usual[k].kept;
    for (int64_t k = 0; k < tables; k++) total += settled[k].count;
    int64_t wrong = settle(motion, committee, scratch, room, tables, settled, total, logs, match_floats,
                           match_numbers);
    if (wrong != -1 && wrong != MIXED) return MISFIT;
    return report_usual(by, motion, usual, count, numbers, kept, settled, match_floats + 4 * total,
                        asked->compared, results);
}

/* All answers of frame k once ``matched`` pairs of the best one are chosen; MISFIT where one is none. */
int64_t PUBLIC(compare)(const Limits *limits, const Asked *asked, float *floats, int64_t *numbers,
                        int64_t k, int64_t matched) {
    Thoughts by = thoughts_in(asked, floats, numbers);
    Problem *p = asked->problems + k;
    Scored scored = scored_of(asked, &by, k);
    Places places = places_of(asked, &by, &scored);
    if (matched > scored.pairs || first_outside(matched, p->answers.chosen, scored.pairs - 1) >= 0)
        return MISFIT;
    p->answers.matched[0] = matched;
    compare(&scored, limits, &places, &p->answers);
    tell_outcome(asked, &by, k);
    return 0;
}
