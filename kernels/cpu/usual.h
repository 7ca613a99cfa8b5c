/* The usual frames of several trackers at once: a table each, of whose detections nothing is to be told.
 * They are read; settled, where there is one answer; and written as results, where no track starts or
 * ends. All else is left to Python, with nothing of it begun. */
#pragma once
#include "admit.h"
#include "moved.h"
#include "settle.h"
#include "snapshot.h"

enum { OPEN, SETTLED, REPORTED }; /* how far a frame has come; with the last one there is nothing left to do */

/* What counts in all of them. limits: of ``admit``; margins: sure_by where alternatives are not looked for,
 * and where they are, which is among up to ``several`` tracks and detections; most_tracks, most_found: of a
 * usual frame; the others as of TrackTable.end. */
typedef struct {
    double limits[COLUMNS], margins[2];
    int64_t several, most_tracks, most_found, min_hits, max_age;
} Usually;

/* A table of ``tracks``, its step and what is given of its frame: what was found or, where that is NULL, that
 * the next ``count`` rows of doubles are its; the size of the picture, 0 where it is not known. mixed: some
 * track has votes for two classes. */
typedef struct {
    const Table *table;
    const Found *found;
    int64_t count, columns, width, height, tracks, span, mixed;
} Asking;

/* One that is usual, number ``place`` of those that were asked about. mixed: before and after; births: tracks
 * that start once it is settled; found: what was read. */
typedef struct {
    int64_t place, mixed, births, tracks, state, span;
    const Table *table;
    Found found;
} Usual;

/* What is to be settled of all: matches, those of the largest table, and its tracks. */
typedef struct {
    int64_t total, most, tracks;
} Amount;

static int any_over(const Table *t, int64_t count, int64_t min_hits, int64_t max_age) {
    for (int64_t i = 0; i < count; i++)
        if (is_over(t, i, min_hits, max_age)) return 1;
    return 0;
}

static int is_usual(const Usually *by, const Asking *a, const Given *given, float *floats, int64_t *numbers) {
    if (a->tracks > by->most_tracks || a->count > by->most_found) return 0;
    if (a->span > 1 && any_over(a->table, a->tracks, 0, by->max_age - (a->span - 1))) return 0;
    return admit_given(given, by->limits, floats, numbers);
}

/* rows: of all that have some. floats, numbers: memory as of found_in for each, one behind the other. Returns
 * how many are usual: their frames, and their tables as they go on first. */
static int64_t admit_usual(const Usually *by, const Asking *asking, int64_t count, const double *rows,
                           float *floats, int64_t *numbers, Usual *to, Frame *frames, Moved *moved) {
    int64_t kept = 0;
    for (int64_t k = 0; k < count; k++) {
        const Asking *a = asking + k;
        Given given = {a->found, rows, 1, a->count, a->columns, a->width, a->height};
        int usual = is_usual(by, a, &given, floats, numbers);
        int several = more(a->tracks, a->count) <= by->several;
        if (usual) {
            Usual *u = to + kept;
            *u = (Usual){k, a->mixed, 0, a->tracks, OPEN, a->span, a->table, found_in(&given, floats, numbers)};
            frames[kept] = (Frame){.table = a->table, .found = &u->found, .tracks = a->tracks, .span = a->span,
                                   .several = several, .sure_by = by->margins[several]};
            moved[kept++] = (Moved){.table = a->table, .tracks = a->tracks, .span = a->span};
        }
        if (!a->found) rows += a->count * a->columns;
        floats += 9 * a->count + EXTENT, numbers += 2 * a->count;
    }
    return kept;
}

/* Those that go on for a further frame, number ``frame`` from 0 -> how many. */
static int64_t list_moved(const Usual *u, int64_t count, int64_t frame, Moved *to) {
    int64_t listed = 0;
    for (int64_t k = 0; k < count; k++)
        if (u[k].tracks && frame < u[k].span) to[listed++] = (Moved){.table = u[k].table, .tracks = u[k].tracks};
    return listed;
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

/* Once they are settled: results [count] have room for snapshots of all tables, ``room`` numbers for each. */
static void report_usual(const Usually *by, Usual *u, int64_t count, const Settled *settled, int64_t *results,
                         int64_t room) {
    for (int64_t k = 0; k < count; k++, u++, results += room) {
        if (u->state != SETTLED) continue;
        int64_t before = u->mixed;
        u->mixed = settled++->mixed;
        if (u->births || u->mixed != before || any_over(u->table, u->tracks, by->min_hits, by->max_age)) continue;
        snapshot(u->table, u->tracks, by->min_hits, results);
        u->state = REPORTED;
    }
}
