/* The usual frames of several trackers at once: a table each, of whose detections nothing is to be told.
 * They are read; settled, where there is one answer; and written as results, where no track starts or
 * ends. All else is left to Python, with nothing of it begun. */
#pragma once
#include "admit.h"
#include "settle.h"
#include "snapshot.h"

enum { REFUSED, OPEN, SETTLED, REPORTED }; /* how far a frame has come; of the first nothing has changed */

/* One table of ``tracks`` with what is given to it; span, several: of Frame. mixed: some track has votes for
 * two classes, before and after; births: tracks that start once it is settled; found: what was read. */
typedef struct {
    const Table *table;
    Given given;
    int64_t tracks, span, several, mixed, births, state;
    Found found;
} Usual;

/* What is to be settled of all: matches, those of the largest table, and its tracks. */
typedef struct {
    int64_t total, most, tracks;
} Amount;

/* margins [2]: sure_by where there are not several, and where there are. floats, numbers: memory as of
 * found_in for each, one behind the other. Returns how many are not usual after all. */
static int64_t admit_usual(Usual *u, int64_t count, const double *limits, const double *margins,
                           float *floats, int64_t *numbers, Frame *frames) {
    int64_t refused = 0;
    for (int64_t k = 0; k < count; k++, u++) {
        u->state = admit_given(&u->given, limits, floats, numbers) ? OPEN : REFUSED;
        u->found = found_in(&u->given, floats, numbers);
        frames[k] = (Frame){.table = u->table, .found = &u->found, .tracks = u->tracks, .span = u->span,
                            .several = u->several, .sure_by = margins[u->several]};
        floats += 9 * u->given.count + EXTENT, numbers += 2 * u->given.count;
        refused += u->state == REFUSED;
    }
    return refused;
}

/* The matches of those that have one answer, with stamps from ``stamp`` on -> how many those are. */
static int64_t list_settled(const Asked *asked, const Thoughts *by, Usual *usual, int64_t stamp, Settled *to,
                            Amount *amount) {
    int64_t listed = 0;
    *amount = (Amount){0};
    for (int64_t k = 0; k < asked->count; k++) {
        Usual *u = usual + k;
        const Outcome *o = by->outcomes + k;
        u->state = o->count == 1 && !o->remaining ? SETTLED : OPEN;
        u->births = o->births[0];
        if (u->state == OPEN) continue;
        to[listed++] = (Settled){
            .table = u->table, .found = &u->found, .features = by->features + FEATURES * o->first,
            .track = by->track + o->first, .detection = by->detection + o->first,
            .chosen = by->chosen + ANSWERS * (o->first + ALTERNATIVES * k), .tracks = u->tracks,
            .pairs = o->pairs, .count = o->matched[0], .mixed = u->mixed, .stamp = stamp};
        amount->total += o->matched[0], amount->most = more(amount->most, o->matched[0]);
        amount->tracks = more(amount->tracks, u->tracks);
    }
    return listed;
}

static int any_over(const Table *t, int64_t count, int64_t min_hits, int64_t max_age) {
    for (int64_t i = 0; i < count; i++)
        if (is_over(t, i, min_hits, max_age)) return 1;
    return 0;
}

/* Once they are settled: results [count] have room for snapshots of all tables, ``room`` numbers for each. */
static void report_usual(Usual *u, int64_t count, const Settled *settled, int64_t min_hits, int64_t max_age,
                         int64_t *results, int64_t room) {
    for (int64_t k = 0; k < count; k++, u++, results += room) {
        if (u->state != SETTLED) continue;
        u->mixed = settled++->mixed;
        if (u->births || any_over(u->table, u->tracks, min_hits, max_age)) continue;
        snapshot(u->table, u->tracks, min_hits, results);
        u->state = REPORTED;
    }
}
