/* What tables of tracks make of the decisions of a frame, any number of tables at once: histories of the
 * association, motion, and what a table keeps of its detections. Logarithms are numpy's: ``gather`` writes
 * what they are taken of, ``settle`` reads them. */
#pragma once
#include "births.h"
#include "share.h"
#include "window_motion.h"

/* The ``count`` pairs chosen, of ``pairs`` with features [FEATURES, pairs], track and detection; beside:
 * of a further table of the same tracker as the one before. mixed: some track has votes for two
 * classes, before and after;
 * stamp: the first of new ones; own: matches that the first table does not have just so. */
typedef struct {
    const Table *table;
    const Found *found;
    const float *features;
    const int64_t *track, *detection, *chosen;
    int64_t tracks, pairs, count, mixed, stamp, beside, own;
} Settled;

/* The same for each match, those of one table behind those of another and in each the own ones first:
 * logs of width and height [., 2], then for each table those of its gaps and of width to height; leader:
 * the row in the first table of what is not own; of_row, twin [most tracks]: memory; shown: the boxes once they
 * are steadied. */
typedef struct {
    float *boxes, *scores, *logs, *shown;
    int64_t *rows, *labels, *numbers, *chosen, *leader, *of_row, *twin;
} Matches;

/* logs: floats at the beginning that logarithms are taken of, 4 for each match at least. */
static Matches matches_in(int64_t tables, const Settled *settled, int64_t total, int64_t logs, float *floats,
                          int64_t *numbers) {
    int64_t most = 0;
    for (int64_t k = 0; k < tables; k++) most = more(most, settled[k].tracks);
    return (Matches){
        .logs = floats, .boxes = floats + logs, .scores = floats + logs + 4 * total,
        .shown = floats + logs + 5 * total, .rows = numbers,
        .labels = numbers + total, .numbers = numbers + 2 * total, .chosen = numbers + 3 * total,
        .leader = numbers + 4 * total, .of_row = numbers + 5 * total,
        .twin = numbers + 5 * total + most,
    };
}

INLINE Matches matches_from(const Matches *m, int64_t first, int64_t total) {
    return (Matches){m->boxes + 4 * first, m->scores + first, m->logs + 2 * total + 2 * first,
                     m->shown + 4 * first, m->rows + first, m->labels + first, m->numbers + first, m->chosen + first,
                     m->leader + first, m->of_row, m->twin};
}

/* Of the causal predictor alone; those of the others stay 1. */
static void ask_logs_of(const Motion *m, int64_t count, const int64_t *rows, const float *boxes,
                        const float *state, float *logs) {
    for (int64_t c = 0; c < 2 * count; c++) logs[c] = 1;
    if (is_causal(m)) ask_logs(m, count, rows, boxes, state, logs);
}

static void correct_by(const Motion *m, int64_t count, const int64_t *rows, const float *boxes,
                       const float *logs, float *state) {
    for (int64_t c = 0; m->filter && c < count; c++)
        correct_filter(m->filter, boxes + 4 * c, state + FILTER * rows[c]);
    if (m->window)
        correct_windows(m, count, rows, boxes, state);
    else if (!m->filter)
        correct(m, count, rows, boxes, logs, state);
}

/* logs [3]: of width and height of the box, and of the one to the other. */
static void start_motion(const Motion *m, const float *box, const float *logs, float *own) {
    if (m->filter)
        start_filter(m->filter, box, own);
    else if (m->window)
        start_window(m, box, own);
    else
        start_causal(m, box, logs[2], own);
}

static int sound_matches(const Settled *s) {
    if (first_outside(s->count, s->chosen, s->pairs - 1) >= 0) return 0;
    for (int64_t c = 0; c < s->count; c++) {
        int64_t i = s->track[s->chosen[c]], j = s->detection[s->chosen[c]];
        if (i < 0 || i >= s->tracks || j < 0 || j >= s->found->count) return 0;
    }
    return 1;
}

/* For each track of the first table the pair that is chosen, -1 for none. */
static void note_pairs(const Settled *first, const Matches *to) {
    for (int64_t i = 0; i < first->tracks; i++) to->of_row[i] = -1;
    for (int64_t c = 0; c < first->count; c++) to->of_row[first->track[first->chosen[c]]] = first->chosen[c];
}

/* The row in the first table that a pair moves just as this one does, -1 where there is none. */
static int64_t leader_of(const Settled *first, const Settled *s, int64_t pair, const Matches *m) {
    int64_t row = m->twin[s->track[pair]], other = row >= 0 ? m->of_row[row] : -1;
    if (other < 0 || first->detection[other] != s->detection[pair]) return -1;
    return alike(s->features + pair, s->pairs, first->features + other, first->pairs) ? row : -1;
}

/* The chosen pairs, own ones first. */
static void order_pairs(const Settled *first, Settled *s, const Matches *to) {
    int64_t last = s->count;
    s->own = 0;
    if (s != first) pair_tracks(s->table, s->tracks, first->table, first->tracks, to->twin);
    for (int64_t c = 0; c < s->count; c++) {
        int64_t row = s == first ? -1 : leader_of(first, s, s->chosen[c], to);
        int64_t at = row < 0 ? s->own++ : --last;
        to->chosen[at] = s->chosen[c], to->leader[at] = row;
    }
}

static void gather_one(const Motion *motion, const Settled *s, const Jitter *by, const Matches *to,
                       float *sizes) {
    for (int64_t c = 0; c < s->count; c++) {
        int64_t j = s->detection[to->chosen[c]];
        const float *box = s->found->centred + 4 * j;
        memcpy(to->boxes + 4 * c, box, 4 * sizeof(float));
        memcpy(sizes + 2 * c, box + 2, 2 * sizeof(float));
        to->rows[c] = s->track[to->chosen[c]], to->scores[c] = s->found->scores[j];
        to->labels[c] = s->found->labels[j], to->numbers[c] = s->found->numbers[j];
        to->logs[2 * c] = to->logs[2 * c + 1] = 1;
    }
    steady(s->table, by, s->count, to->rows, to->boxes, to->shown);
    ask_logs_of(motion, s->own, to->rows, to->shown, s->table->motion, to->logs);
}

/* Returns 0, and nothing is to be done, where a match is none of the pairs, tracks or detections. */
static int gather(const Motion *motion, int64_t tables, Settled *settled, int64_t total,
                  const Matches *to) {
    int64_t at = 0;
    const Settled *first = settled;
    Jitter by = {{0}, {0}}; /* of the first table of each tracker */
    for (int64_t k = 0; k < tables; k++)
        if (!sound_matches(settled + k)) return 0;
    for (int64_t k = 0; k < tables; at += settled[k++].count) {
        Matches own = matches_from(to, at, total);
        if (!settled[k].beside) {
            first = settled + k;
            by = jitter_of(first->table);
            note_pairs(first, to);
        }
        order_pairs(first, settled + k, &own);
        gather_one(motion, settled + k, &by, &own, to->logs + 2 * at);
    }
    return 1;
}

/* Rows that the first table has just so are its rows. */
static void take_rows(const Motion *motion, const Settled *first, const Settled *s, const Matches *from) {
    const Table *a = s->table, *b = first->table;
    for (int64_t c = s->own; c < s->count; c++) {
        int64_t i = from->rows[c], other = from->leader[c];
        copy_corrected(motion, b->motion + other * b->motion_size, a->motion + i * a->motion_size);
        memcpy(a->memory + i * a->memory_size, b->memory + other * b->memory_size, a->memory_size * sizeof(float));
        a->stamp[i] = b->stamp[other];
    }
}

/* Motion and table, once the association remembers the own matches. */
static void settle_one(const Motion *motion, const Settled *first, Settled *s, const Matches *from,
                       const float *sizes) {
    Observed seen = {from->boxes, sizes, from->scores, from->labels, from->numbers, from->shown};
    correct_by(motion, s->own, from->rows, from->shown, from->logs, s->table->motion);
    for (int64_t c = 0; c < s->own; c++) s->table->stamp[from->rows[c]] = s->stamp + c;
    take_rows(motion, first, s, from);
    observe(s->table, &seen, s->count, from->rows);
    s->mixed = vote_all(s->table, &seen, s->count, from->rows, s->tracks, s->mixed);
}
