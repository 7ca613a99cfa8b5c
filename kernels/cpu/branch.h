/* How the hypotheses of one tracker go on: mambatrack/tracking/hypotheses.py, ``advance``, to the bit. */
#pragma once
#include "noise.h"
#include "problems.h"

/* The table of a hypothesis, with how likely that is against the first; or one that is spare, of no tracks.
 * mixed: some track has votes for two classes; taken: a hypothesis goes on in it. */
typedef struct {
    const Table *table;
    int64_t tracks, mixed, taken;
    double likelihood;
} Held;

/* A hypothesis that goes on: as answer number ``answer`` of table ``parent``, in table ``held``; tracks that start
 * in it, which are those ``born`` numbers from the first of Thoughts on. */
typedef struct {
    int64_t parent, answer, held, tracks, mixed, births, born;
    double likelihood;
} Kept;

/* How many may go on, of ``most``, where there is ``room`` for so many tracks of all together. */
static int64_t most_kept(const Held *held, int64_t tables, int64_t found, int64_t most, int64_t room) {
    int64_t largest = more(1, found);
    for (int64_t k = 0; k < tables; k++) largest = more(largest, held[k].tracks);
    return more(room / largest < most ? room / largest : most, 1);
}

INLINE const int64_t *chosen_of(const Thoughts *by, int64_t frame, int64_t answer) {
    const Outcome *o = by->outcomes + frame;
    return by->chosen + ANSWERS * (o->first + ALTERNATIVES * frame) + answer * (o->pairs + ALTERNATIVES);
}

INLINE const int64_t *born_of(const Thoughts *by, int64_t frame, int64_t answer, int64_t found) {
    return by->born + ANSWERS * by->outcomes[frame].first_detection + answer * found;
}

/* who [found]: of each detection the id of the track that is seen there, 0 of none, -1 where one starts. */
static void tell_who(const Table *t, const Thoughts *by, int64_t frame, int64_t answer, int64_t found,
                     int64_t *who) {
    const Outcome *o = by->outcomes + frame;
    const int64_t *chosen = chosen_of(by, frame, answer), *born = born_of(by, frame, answer, found);
    for (int64_t j = 0; j < found; j++) who[j] = 0;
    for (int64_t c = 0; c < o->matched[answer]; c++) {
        int64_t pair = o->first + chosen[c];
        who[by->detection[pair]] = t->ids[by->track[pair]];
    }
    for (int64_t c = 0; c < o->births[answer]; c++) who[born[c]] = -1;
}

/* The next after ``last`` in the order of their likelihood, of equal ones in that of their tables and answers.
 * Whether there is one. */
static int next_likeliest(const Held *held, int64_t tables, const Outcome *outcomes, Kept *last) {
    Kept best = {.parent = -1};
    for (int64_t k = 0; k < tables; k++)
        for (int64_t a = 0; a < outcomes[k].count; a++) {
            double own = held[k].likelihood + outcomes[k].likelihoods[a];
            int behind = k > last->parent || (k == last->parent && a > last->answer);
            if (own > last->likelihood || (own == last->likelihood && !behind)) continue;
            if (best.parent < 0 || own > best.likelihood)
                best = (Kept){.parent = k, .answer = a, .likelihood = own};
        }
    *last = best;
    return best.parent >= 0;
}

/* The likeliest, ``most`` at most, that are not ``far`` behind the best and see the same tracks at different
 * places; frame: that of the first table; memory [., found] -> how many, or 0 where they are more than
 * ``tables``, of which all but the first ``used`` are spare. */
static int64_t keep_likeliest(const Held *held, int64_t used, int64_t tables, const Thoughts *by, int64_t frame,
                              int64_t found, int64_t most, double far, int64_t *memory, Kept *kept) {
    Kept each = {.parent = -1, .answer = -1, .likelihood = INFINITY};
    int64_t count = 0;
    while (count < most && next_likeliest(held, used, by->outcomes + frame, &each)) {
        int64_t *who = memory + count * found, known = 0;
        if (count && each.likelihood < kept[0].likelihood - far) break;
        tell_who(held[each.parent].table, by, frame + each.parent, each.answer, found, who);
        for (int64_t i = 0; i < count; i++) known |= !memcmp(who, memory + i * found, found * sizeof *who);
        if (known) continue;
        if (count == tables) return 0;
        kept[count++] = each;
    }
    return count;
}

INLINE int has_room(const Held *held, int64_t tracks) { return !held->taken && held->table->capacity >= tracks; }

/* A table for each; of several with one parent all but the last get another one. Whether there are enough. */
static int place_kept(Held *held, int64_t tables, Kept *kept, int64_t count) {
    for (int64_t i = 0; i < count; i++) held[kept[i].parent].taken = 1;
    for (int64_t i = 0; i < count; i++) {
        int64_t parent = kept[i].parent, place = parent;
        for (int64_t j = i + 1; j < count && place == parent; j++)
            if (kept[j].parent == parent)
                for (place = 0; place < tables && !has_room(held + place, held[parent].tracks);) place++;
        if (place == tables) return 0;
        kept[i].held = place, held[place].taken = 1;
    }
    return 1;
}

/* The first ``count`` rows. */
static void copy_table(const Table *from, const Table *to, int64_t count) {
    const struct {
        const void *from;
        void *to;
        int64_t row;
    } columns[] = {
        {from->boxes, to->boxes, 4 * sizeof(float)},       {from->spread, to->spread, 4 * sizeof(float)},
        {from->last, to->last, 4 * sizeof(float)},         {from->means, to->means, MEANS * sizeof(float)},
        {from->scores, to->scores, sizeof(float)},         {from->votes, to->votes, VOTES * sizeof(float)},
        {from->before, to->before, 4 * sizeof(float)},     {from->bends, to->bends, BENDS * sizeof(float)},
        {from->labels, to->labels, sizeof(int64_t)},       {from->hits, to->hits, sizeof(int64_t)},
        {from->gap, to->gap, sizeof(int64_t)},             {from->age, to->age, sizeof(int64_t)},
        {from->det_ind, to->det_ind, sizeof(int64_t)},     {from->ids, to->ids, sizeof(int64_t)},
        {from->stamp, to->stamp, sizeof(int64_t)},         {from->streak, to->streak, sizeof(int64_t)},
        {from->classes, to->classes, VOTES * sizeof(int64_t)},
        {from->motion, to->motion, from->motion_size * sizeof(float)},
        {from->memory, to->memory, from->memory_size * sizeof(float)},
    };
    for (size_t k = 0; k < sizeof columns / sizeof *columns; k++)
        memcpy(columns[k].to, columns[k].from, count * columns[k].row);
    if (from->looks) memcpy(to->looks, from->looks, from->looks_size * count * sizeof(float));
    if (from->noise) memcpy(to->noise, from->noise, 4 * NOISE * sizeof(double));
    if (!from->filter) return;
    memcpy(to->filter, from->filter, FILTER * count * sizeof(float));
    memcpy(to->unfiltered, from->unfiltered, 4 * count * sizeof(float));
}
