/* The usual frames of several trackers at once, of whose detections nothing is to be told. They are read;
 * settled, where nothing is left to the general solver; and, once tracks have started and ended, written as
 * results, where no lost track may have leapt. All else is left to Python, with nothing of it begun. */
#pragma once
#include "admit.h"
#include "branch.h"
#include "leaps.h"
#include "moved.h"
#include "settle.h"
#include "snapshot.h"

enum { OPEN, SETTLED, REPORTED }; /* how far a frame has come; with the last one there is nothing left to do */
enum { BIRTH_LOGS = 3 };          /* for each track that starts */

/* What counts in all of them. limits: of ``admit``; margins: sure_by where alternatives are not looked for and
 * nothing is compared, and where they are; far, most_kept, room: of keep_likeliest and most_kept; most_tracks,
 * most_found: of a usual frame; leaps: whether tracks are followed that leap; the others as of TrackTable.end. */
typedef struct {
    double limits[COLUMNS], margins[2], far;
    int64_t most_kept, room, most_tracks, most_found, min_hits, max_age, leaps;
} Usually;

/* A tracker of so many ``tables``, the likeliest first, and ``spares``, at ``spare``, whose next track has the id
 * next_id; its step and what is given of its frame: what was found or, where that is NULL, that the next ``count`` rows of
 * doubles are its; the size of the picture, 0 where it is not known; looks: what is in the picture adds to the scores;
 * told: the result is not all that is told of the frame, so that it comes to SETTLED at most. */
typedef struct {
    const Found *found;
    int64_t count, columns, width, height, span, tables, spares;
    const Table *const *spare;
    int64_t next_id, looks, told;
} Asking;

/* One that is usual, number ``place`` of those that were asked about. Once it is settled: kept: hypotheses that go
 * on, in the tables that there are and with the same tracks where ``same``; settled: the first of them. Once it is
 * reported: tracks of its likeliest table, whose result is at ``result`` numbers from that of the first tracker on;
 * fresh: ids that were given; started: tracks that were never put out before; ended: ids, of those that were put
 * out last. frame: of its first table; stamp: the next one; known: tracks that were put out last, ``ids``, of which
 * those that ended are left; found: what was read. */
typedef struct {
    int64_t place, state, tracks, kept, same, settled, frame, fresh, started, ended, result;
    int64_t span, tables, spares, next_id, looks, told, stamp, known;
    int64_t *ids;
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
                        .sure_by = u->looks ? INFINITY : by->margins[several || compared]};
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

/* rows: of all that have some; held: tables of all, one behind the other, with room for spare ones. floats, numbers: memory as of found_in for
 * each, one behind the other. Returns how many are usual; frames: of their ``tables`` tables, moved: how these go on
 * first. */
static int64_t admit_usual(const Usually *by, const Asking *asking, int64_t count, Held *held, const double *rows,
                           float *floats, int64_t *numbers, Usual *to, Frame *frames, Moved *moved,
                           int64_t *tables) {
    int64_t kept = 0;
    *tables = 0;
    for (const Asking *a = asking; a < asking + count; a++) {
        for (int64_t k = 0; k < a->spares; k++) held[a->tables + k] = (Held){.table = a->spare[k]};
        Given given = {a->found, rows, 1, a->count, a->columns, a->width, a->height};
        if (is_usual(by, a, held, &given, floats, numbers)) {
            Usual *u = to + kept++;
            *u = (Usual){.place = a - asking, .frame = *tables, .span = a->span, .tables = a->tables,
                         .spares = a->spares, .next_id = a->next_id, .looks = a->looks, .told = a->told, .held = held,
                         .found = found_in(&given, floats, numbers)};
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
    memcpy(u->ids, u->held->table->ids, u->known * sizeof *u->ids);
    for (int64_t i = count - 1; i >= 0; i--) {
        Kept *k = kept + i;
        const Held *from = u->held + k->parent;
        int64_t frame = u->frame + k->parent;
        k->tracks = from->tracks, k->mixed = from->mixed, k->likelihood -= kept[0].likelihood;
        k->births = thoughts->outcomes[frame].births[k->answer];
        k->born = born_of(thoughts, frame, k->answer, found) - thoughts->track;
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

/* Those that go on of all ``count`` trackers, with stamps from ``stamp`` on -> how many; ids: as many as all tables
 * have tracks; matches: of all. */
static int64_t list_settled(const Usually *by, const Asked *asked, const Thoughts *thoughts, Usual *usual,
                            int64_t count, int64_t stamp, Kept *kept, Settled *to, int64_t *ids, int64_t *matches) {
    int64_t listed = 0;
    *matches = 0;
    for (Usual *u = usual; u < usual + count; u++) {
        u->stamp = stamp, u->settled = listed;
        u->known = u->held->tracks, u->ids = ids, ids += u->known;
        u->kept = go_on(by, thoughts, u, asked->compared, kept + listed);
        u->state = u->kept ? SETTLED : OPEN;
        for (int64_t i = 0; i < u->kept; i++, listed++) {
            to[listed] = settled_of(u, thoughts, kept + listed, u->stamp, i > 0);
            u->stamp += to[listed].count, *matches += to[listed].count;
        }
    }
    return listed;
}

/* logs [BIRTH_LOGS, .]: what logarithms are taken of where tracks start -> where they end. */
static float *ask_births(const Usual *usual, int64_t count, const int64_t *numbers, const Kept *kept, float *logs) {
    for (const Usual *u = usual; u < usual + count; u++)
        for (const Kept *k = kept + u->settled; k < kept + u->settled + u->kept; k++)
            for (int64_t c = 0; c < k->births; c++, logs += BIRTH_LOGS) {
                const float *box = u->found.centred + 4 * numbers[k->born + c];
                logs[0] = box[2], logs[1] = box[3], logs[2] = box[2] / box[3];
            }
    return logs;
}

/* Whether tracks may start here: there is room for them, and it is sure that no lost track is one of them. */
static int may_start(const Usually *by, const Usual *u, const Kept *kept) {
    for (const Kept *k = kept; k < kept + u->kept; k++) {
        const Table *t = u->held[k->held].table;
        if (k->births && (k->tracks + k->births > t->capacity || (by->leaps && may_leap(t, k->tracks, u->span))))
            return 0;
    }
    return 1;
}

/* Hypotheses.start, with the logarithms of ask_births; places [found]: memory. */
static void start_all(const Motion *motion, Usual *u, const int64_t *numbers, Kept *kept, const float *logs,
                      int64_t *places) {
    int64_t found = u->found.count;
    for (int64_t j = 0; j < found; j++) places[j] = 0;
    for (const Kept *k = kept; k < kept + u->kept; k++)
        for (int64_t c = 0; c < k->births; c++) places[numbers[k->born + c]] = 1;
    u->fresh = number_those(found, places);
    for (Kept *k = kept; k < kept + u->kept; k++) {
        const Table *t = u->held[k->held].table;
        for (int64_t c = 0; c < k->births; c++, k->tracks++, logs += BIRTH_LOGS) {
            int64_t j = numbers[k->born + c], own = places[j] - 1;
            start_motion(motion, u->found.centred + 4 * j, logs, t->motion + k->tracks * t->motion_size);
            start_track(t, k->tracks, u->next_id + own, u->stamp + own, &u->found, j, logs, k->mixed);
        }
        if (k->births && k->mixed) k->mixed = any_mixed(t, k->tracks);
    }
}

/* The tracks of the likeliest hypothesis whose time is over, and those that nobody has heard of and that are not
 * seen -> how many are left. Of the ids put out last those that ended are left. */
static int64_t end_first(const Usually *by, Usual *u, const Table *t, int64_t tracks) {
    int64_t kept = 0, next = 0;
    u->ended = u->started = 0;
    for (int64_t i = 0; i < tracks; i++) {
        while (next < u->known && u->ids[next] < t->ids[i]) u->ids[u->ended++] = u->ids[next++];
        int heard = next < u->known && u->ids[next] == t->ids[i];
        int stays = !is_over(t, i, by->min_hits, by->max_age) && (heard || !t->gap[i]);
        if (heard && !stays) u->ids[u->ended++] = u->ids[next];
        next += heard, u->started += stays && !heard;
        if (stays) keep_row(t, i, kept++);
    }
    while (next < u->known) u->ids[u->ended++] = u->ids[next++];
    return kept;
}

/* Whether one of the ids that ended lives on in a table; both ascend. */
static int lives_on(const Usual *u, const Table *t, int64_t tracks) {
    for (int64_t i = 0, e = 0; i < tracks && e < u->ended; i++) {
        while (e < u->ended && u->ids[e] < t->ids[i]) e++;
        if (e < u->ended && u->ids[e] == t->ids[i]) return 1;
    }
    return 0;
}

/* Hypotheses.end. */
static void end_all(const Usually *by, Usual *u, Kept *kept) {
    int64_t left = 1;
    kept->tracks = end_first(by, u, u->held[kept->held].table, kept->tracks);
    for (int64_t i = 1; i < u->kept; i++) {
        const Table *t = u->held[kept[i].held].table;
        kept[i].tracks = end_tracks(t, kept[i].tracks, by->min_hits, by->max_age, NULL);
        if (!lives_on(u, t, kept[i].tracks)) kept[left++] = kept[i];
    }
    u->kept = left;
}

/* Once they are settled, with the logarithms of ask_births; places: memory, of as many as a frame has detections.
 * results: of all trackers, one behind the other -> how many numbers. */
static int64_t report_usual(const Usually *by, const Motion *motion, Usual *usual, int64_t count, const int64_t *numbers,
                            Kept *kept, const Settled *settled, const float *logs, int64_t *places,
                            int64_t *results) {
    int64_t used = 0;
    for (Usual *u = usual; u < usual + count; u++) {
        Kept *own = kept + u->settled;
        int64_t births = 0;
        u->fresh = u->ended = u->started = u->same = 0;
        for (int64_t i = 0; i < u->kept; i++)
            own[i].mixed = settled[u->settled + i].mixed, births += own[i].births;
        if (u->state == OPEN) continue;
        if (!u->told && may_start(by, u, own)) {
            if (births) start_all(motion, u, numbers, own, logs, places);
            end_all(by, u, own);
            u->same = u->tables == 1 && u->kept == 1 && !own->held && !u->ended && !u->started && own->mixed == u->held->mixed;
            u->tracks = own->tracks, u->result = used;
            snapshot(u->held[own->held].table, u->tracks, by->min_hits, results + used);
            used += snapshot_room(u->tracks);
            u->state = REPORTED;
        }
        logs += BIRTH_LOGS * births;
    }
    return used;
}
