/* The usual frames of several trackers at once, of whose detections nothing is to be told. They are read;
 * settled, where nothing is left to the general solver; and written as results, where no track starts or ends.
 * All else is left to Python, with nothing of it begun. */
#pragma once
#include "admit.h"
#include "branch.h"
#include "moved.h"
#include "settle.h"
#include "snapshot.h"

enum { OPEN, SETTLED, REPORTED }; /* how far a frame has come; with the last one there is nothing left to do */

/* What counts in all of them. limits: of ``admit``; margins: sure_by where alternatives are not looked for and
 * nothing is compared, and where they are; far, most_kept, room: of keep_likeliest and most_kept; most_tracks,
 * most_found: of a usual frame; the others as of TrackTable.end. */
typedef struct {
    double limits[COLUMNS], margins[2], far;
    int64_t most_kept, room, most_tracks, most_found, min_hits, max_age;
} Usually;

/* A tracker of so many ``tables``, the likeliest first, then ``spares``; its step and what is given of its frame:
 * what was found or, where that is NULL, that the next ``count`` rows of doubles are its; the size of the
 * picture, 0 where it is not known. */
typedef struct {
    const Found *found;
    int64_t count, columns, width, height, span, tables, spares;
} Asking;

/* One that is usual, number ``place`` of those that were asked about. Once it is settled: births: tracks that
 * start; tracks of its likeliest table; kept: hypotheses that go on, in the tables that there are where ``same``;
 * settled: the first of them. frame: of its first table; found: what was read. */
typedef struct {
    int64_t place, state, births, tracks, kept, same, settled, frame, same_ids, span, tables, spares;
    Held *held;
    Found found;
} Usual;

static int any_over(const Table *t, int64_t count, int64_t min_hits, int64_t max_age) {
    for (int64_t i = 0; i < count; i++)
        if (is_over(t, i, min_hits, max_age)) return 1;
    return 0;
}

static int is_usual(const Usually *by, const Asking *a, const Held *held, const Given *given, float *floats,
                    int64_t *numbers) {
    if (a->count > by->most_found) return 0;
    for (int64_t k = 0; k < a->tables; k++) {
        if (held[k].tracks > by->most_tracks) return 0;
        if (a->span > 1 && any_over(held[k].table, held[k].tracks, 0, by->max_age - (a->span - 1))) return 0;
    }
    return admit_given(given, by->limits, floats, numbers);
}

/* What there is to decide for each of its tables. */
static void ask_usual(const Usually *by, const Usual *u, Frame *to) {
    int several = most_kept(u->held, u->tables, u->found.count, by->most_kept, by->room) > 1;
    int compared = u->tables > 1;
    for (int64_t k = 0; k < u->tables; k++)
        to[k] = (Frame){.table = u->held[k].table, .found = &u->found, .tracks = u->held[k].tracks, .span = u->span,
                        .several = several, .compared = compared, .beside = k > 0,
                        .sure_by = by->margins[several || compared]};
}

/* Tables of those that go on for a further frame, number ``frame`` from 0 -> how many. */
static int64_t list_moved(const Usual *usual, int64_t count, int64_t frame, Moved *to) {
    int64_t listed = 0;
    for (const Usual *u = usual; u < usual + count; u++)
        for (int64_t k = 0; frame < u->span && k < u->tables; k++)
            to[listed++] = (Moved){.table = u->held[k].table, .tracks = u->held[k].tracks,
                                   .span = frame ? 0 : u->span, .beside = k > 0};
    return listed;
}

/* rows: of all that have some; held: tables of all, one behind the other. floats, numbers: memory as of found_in for
 * each, one behind the other. Returns how many are usual; frames: of their ``tables`` tables, moved: how these go on
 * first. */
static int64_t admit_usual(const Usually *by, const Asking *asking, int64_t count, Held *held, const double *rows,
                           float *floats, int64_t *numbers, Usual *to, Frame *frames, Moved *moved,
                           int64_t *tables) {
    int64_t kept = 0;
    *tables = 0;
    for (const Asking *a = asking; a < asking + count; a++) {
        Given given = {a->found, rows, 1, a->count, a->columns, a->width, a->height};
        if (is_usual(by, a, held, &given, floats, numbers)) {
            Usual *u = to + kept++;
            *u = (Usual){.place = a - asking, .frame = *tables, .span = a->span, .tables = a->tables,
                         .spares = a->spares, .held = held, .found = found_in(&given, floats, numbers)};
            ask_usual(by, u, frames + *tables);
            *tables += a->tables;
        }
        if (!a->found) rows += a->count * a->columns;
        held += a->tables + a->spares;
        floats += 9 * a->count + EXTENT, numbers += 2 * a->count;
    }
    list_moved(to, kept, 0, moved);
    return kept;
}

/* How the hypotheses of a tracker go on, where that is known and there are tables for them; memory: of
 * keep_likeliest -> how many. */
static int64_t go_on(const Usually *by, const Thoughts *thoughts, Usual *u, int64_t *memory, Kept *kept) {
    int64_t tables = u->tables + u->spares, found = u->found.count;
    for (int64_t k = 0; k < u->tables; k++)
        if (thoughts->outcomes[u->frame + k].remaining) return 0;
    int64_t most = most_kept(u->held, u->tables, found, by->most_kept, by->room);
    int64_t count = keep_likeliest(u->held, u->tables, tables, thoughts, u->frame, found, most, by->far, memory, kept);
    if (!count || !place_kept(u->held, tables, kept, count)) return 0;
    const Held *before = u->held, *now = u->held + kept[0].parent;
    u->same = count == u->tables;
    u->same_ids = now->tracks == before->tracks &&
                  !memcmp(now->table->ids, before->table->ids, now->tracks * sizeof *now->table->ids);
    for (int64_t i = count - 1; i >= 0; i--) {
        Kept *k = kept + i;
        const Held *from = u->held + k->parent;
        int64_t frame = u->frame + k->parent;
        k->tracks = from->tracks, k->mixed = from->mixed, k->likelihood -= kept[0].likelihood;
        k->births = thoughts->outcomes[frame].births[k->answer];
        k->born = born_of(thoughts, frame, k->answer, found) - thoughts->track;
        u->births += k->births, u->same &= k->held == i;
        if (k->held != k->parent) copy_table(from->table, u->held[k->held].table, k->tracks);
    }
    return count;
}

/* The matches of a hypothesis that goes on, with new stamps from ``stamp`` on. */
static Settled settled_of(const Usual *u, const Thoughts *by, const Kept *kept, int64_t stamp, int beside) {
    int64_t frame = u->frame + kept->parent;
    const Outcome *o = by->outcomes + frame;
    return (Settled){
        .table = u->held[kept->held].table, .found = &u->found, .features = by->features + FEATURES * o->first,
        .track = by->track + o->first, .detection = by->detection + o->first,
        .chosen = chosen_of(by, frame, kept->answer), .tracks = kept->tracks, .pairs = o->pairs,
        .count = o->matched[kept->answer], .mixed = kept->mixed, .stamp = stamp, .beside = beside};
}

/* Those that go on of all ``count`` trackers, with stamps from ``stamp`` on -> how many; matches: of all. */
static int64_t list_settled(const Usually *by, const Asked *asked, const Thoughts *thoughts, Usual *usual,
                            int64_t count, int64_t stamp, Kept *kept, Settled *to, int64_t *matches) {
    int64_t listed = 0;
    *matches = 0;
    for (Usual *u = usual; u < usual + count; u++) {
        int64_t next = stamp;
        u->settled = listed;
        u->kept = go_on(by, thoughts, u, asked->compared, kept + listed);
        u->state = u->kept ? SETTLED : OPEN;
        for (int64_t i = 0; i < u->kept; i++, listed++) {
            to[listed] = settled_of(u, thoughts, kept + listed, next, i > 0);
            next += to[listed].count, *matches += to[listed].count;
        }
    }
    return listed;
}

/* Once they are settled: results [count] have room for snapshots of all trackers, ``room`` numbers for each. */
static void report_usual(const Usually *by, Usual *usual, int64_t count, Kept *kept, const Settled *settled,
                         int64_t *results, int64_t room) {
    for (Usual *u = usual; u < usual + count; u++, results += room) {
        if (u->state == OPEN) continue;
        int changes = u->births || !u->same_ids;
        for (int64_t i = u->settled; i < u->settled + u->kept; i++) {
            const Settled *s = settled + i;
            changes |= s->mixed != kept[i].mixed || any_over(s->table, s->tracks, by->min_hits, by->max_age);
            kept[i].mixed = s->mixed;
        }
        u->tracks = settled[u->settled].tracks;
        if (changes) continue;
        snapshot(settled[u->settled].table, u->tracks, by->min_hits, results);
        u->state = REPORTED;
    }
}
