/* What tables of tracks make of the decisions of a frame, any number of tables at once: histories of the
 * association, motion, and what a table keeps of its detections. Logarithms are numpy's: ``gather`` writes
 * what they are taken of, ``settle`` reads them. */
#pragma once
#include "motion.h"
#include "observe.h"

/* The ``count`` pairs chosen, of ``pairs`` with features [FEATURES, pairs], track and detection. mixed,
 * split: of the votes, see observe.h. */
typedef struct {
    const Table *table;
    const Found *found;
    const float *features;
    const int64_t *track, *detection, *chosen;
    int64_t tracks, pairs, count, mixed, split;
} Settled;

/* The same for each match, those of one table behind those of another: logs of width and height [., 2],
 * then for each table those of its gaps and of width to height. */
typedef struct {
    float *boxes, *scores, *logs;
    int64_t *rows, *labels, *numbers;
} Matches;

INLINE Matches matches_from(const Matches *m, int64_t first, int64_t total) {
    return (Matches){m->boxes + 4 * first, m->scores + first, m->logs + 2 * total + 2 * first,
                     m->rows + first, m->labels + first, m->numbers + first};
}

/* Returns 0 where a match is none of the pairs, tracks or detections. */
static int gather_one(const Motion *motion, const Settled *s, const Matches *to, float *sizes) {
    if (first_outside(s->count, s->chosen, s->pairs - 1) >= 0) return 0;
    for (int64_t c = 0; c < s->count; c++) {
        int64_t i = s->track[s->chosen[c]], j = s->detection[s->chosen[c]];
        if (i < 0 || i >= s->tracks || j < 0 || j >= s->found->count) return 0;
        const float *row = s->found->rows + FOUND * j;
        memcpy(to->boxes + 4 * c, row + 4, 4 * sizeof(float));
        memcpy(sizes + 2 * c, row + 6, 2 * sizeof(float));
        to->rows[c] = i, to->scores[c] = row[8];
        to->labels[c] = s->found->labels[j], to->numbers[c] = s->found->numbers[j];
    }
    ask_logs(motion, s->count, to->rows, to->boxes, s->table->motion, to->logs);
    return 1;
}

static int gather(const Motion *motion, int64_t tables, const Settled *settled, int64_t total,
                  const Matches *to) {
    int64_t first = 0;
    for (int64_t k = 0; k < tables; first += settled[k++].count) {
        Matches own = matches_from(to, first, total);
        if (!gather_one(motion, settled + k, &own, to->logs + 2 * first)) return 0;
    }
    return 1;
}

/* Motion and table; the association's part is the caller's. */
static void settle_one(const Motion *motion, Settled *s, const Matches *from, const float *sizes) {
    Observed seen = {from->boxes, sizes, from->scores, from->labels, from->numbers};
    correct(motion, s->count, from->rows, from->boxes, from->logs, s->table->motion);
    observe(s->table, &seen, s->count, from->rows);
    s->split = s->mixed || !agree(s->table, &seen, s->count, from->rows);
    if (!s->split) vote_again(s->table, &seen, s->count, from->rows);
}
