/* Tables that go one frame on, as the motion model says: TrackTable.predict. */
#pragma once
#include "noise.h"
#include "share.h"
#include "window_motion.h"

/* Its tracks are then unseen for ``span`` frames more. beside: a further table of the same tracker as the
 * one before; own: tracks that the first table does not have just so; rows [own]: which those are, twin
 * [tracks]: of all the row in the first table, -1 where it has none. */
typedef struct {
    const Table *table;
    int64_t tracks, span, beside, own;
    int64_t *rows, *twin;
} Moved;

/* memory [2, tracks of all tables]. Returns how many tracks all tables have of their own. */
static int64_t find_own(int64_t tables, Moved *moved, int64_t *memory) {
    const Moved *first = moved;
    int64_t own = 0;
    for (int64_t k = 0; k < tables; k++) {
        Moved *m = moved + k;
        if (!m->beside || !k) first = m;
        m->rows = memory, m->twin = memory + m->tracks, m->own = 0;
        memory += 2 * m->tracks;
        for (int64_t i = 0; i < m->tracks; i++) m->twin[i] = -1;
        if (m != first) pair_tracks(m->table, m->tracks, first->table, first->tracks, m->twin);
        for (int64_t i = 0; i < m->tracks; i++)
            if (m->twin[i] < 0) m->rows[m->own++] = i;
        own += m->own;
    }
    return own;
}

/* Of the own tracks of all tables: scales [total, 4] and ratios [total] of width to height, of which
 * exponentials and logarithms are taken; boxes [total, 4]; work: of the network, for the largest. */
typedef struct {
    float *scales, *ratios, *boxes, *work;
} Predicted;

INLINE Predicted predicted_in(float *floats, int64_t total) {
    return (Predicted){floats, floats + 4 * total, floats + 5 * total, floats + 9 * total};
}

INLINE Predicted predicted_from(const Predicted *all, int64_t first) {
    return (Predicted){all->scales + 4 * first, all->ratios + first, all->boxes + 4 * first, all->work};
}

/* boxes and spread [own, 4] of the own tracks; those of the others are in the first table. */
static void keep_prediction(const Motion *motion, const Moved *first, const Moved *by, const float *boxes,
                            const float *spread) {
    const Table *t = by->table, *other = first->table;
    for (int64_t c = 0; c < by->own; c++) {
        memcpy(t->boxes + 4 * by->rows[c], boxes + 4 * c, 4 * sizeof(float));
        memcpy(t->spread + 4 * by->rows[c], spread + 4 * c, 4 * sizeof(float));
    }
    for (int64_t i = 0; i < by->tracks; i++) {
        int64_t twin = by->twin[i];
        t->gap[i] += by->span, t->age[i] += by->span;
        t->det_ind[i] = -1;
        if (twin < 0) continue;
        memcpy(t->boxes + 4 * i, other->boxes + 4 * twin, 4 * sizeof(float));
        memcpy(t->spread + 4 * i, other->spread + 4 * twin, 4 * sizeof(float));
        copy_step(motion, other->motion + twin * t->motion_size, t->motion + i * t->motion_size);
    }
}

/* The filters of all tracks go one frame on; boxes and spread have their share, by that of the likeliest table. */
static void filter_predictions(const Jitter *by, const Table *t, int64_t tracks) {
    float share = (float)by->filtered;
    memcpy(t->unfiltered, t->boxes, 4 * tracks * sizeof(float));
    for (int64_t i = 0; i < tracks; i++) {
        float box[4], wide[4], *to = t->boxes + 4 * i, *spread = t->spread + 4 * i;
        predict_filter(&BESIDE, t->filter + FILTER * i, box, wide);
        for (int k = 0; share != 0 && k < 4; k++)
            to[k] += share * (box[k] - to[k]), spread[k] += share * (wide[k] - spread[k]);
    }
}

/* Once all tables are where the motion model has them: those with a filter beside it. */
static void filter_all(const Moved *moved, int64_t tables) {
    Jitter by = {{0}, {0}, 0}; /* of the first table of each tracker */
    for (int64_t k = 0; k < tables; k++) {
        if (!moved[k].beside || !k) by = jitter_of(moved[k].table);
        if (moved[k].table->filter) filter_predictions(&by, moved[k].table, moved[k].tracks);
    }
}

/* What the network is asked of the tracks of all tables, what several have alike once -> how many those are, or
 * -1 as of ask_windows. numbers: memory of find_own. */
static int64_t ask_all_windows(const Motion *motion, Moved *moved, int64_t tables, int64_t *numbers,
                               float *offsets, int64_t *lengths, float *scales) {
    int64_t asked = 0;
    find_own(tables, moved, numbers);
    for (int64_t k = 0; k < tables; k++) {
        const Moved *m = moved + k;
        int64_t some = ask_windows(motion, m->own, m->rows, m->table->motion,
                                   offsets + asked * SIDES * (motion->window - 1), lengths + asked,
                                   scales + SIDES * asked);
        if (some < 0) return some;
        asked += some;
    }
    return asked;
}

/* The same tables one frame on, with the answers [., SIDES]. boxes, spread: memory of all tracks. */
static void move_all_windows(const Motion *motion, const Moved *moved, int64_t tables, const float *answers,
                             const float *scales, float *boxes, float *spread) {
    const Moved *first = moved;
    for (int64_t k = 0; k < tables; k++) {
        const Moved *m = moved + k;
        if (!m->beside || !k) first = m;
        int64_t asked = move_windows(motion, m->own, m->rows, m->table->motion, answers, scales, boxes,
                                     spread);
        keep_prediction(motion, first, m, boxes, spread);
        answers += SIDES * asked, scales += SIDES * asked;
        boxes += SIDES * m->own, spread += SIDES * m->own;
    }
    filter_all(moved, tables);
}
