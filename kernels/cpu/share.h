/* What the table of one hypothesis has in common with the first of its tracker: a track of the same id
 * and memory is scored alike in both, so people who touch none that differ are scored once. */
#pragma once
#include "problems.h"

/* One table beside the first: twin of each track and of each pair in the first table, -1 where there is
 * none that is equal; where tracks and detections differ (1), their pairs are scored. */
typedef struct {
    const Frame *frame, *first;
    const Problem *problem, *first_problem;
    int64_t *track_twin, *pair_twin, *track_differs, *detection_differs, *counts;
} Shared;

/* Of table k, in the numbers that are kept for it. */
static Shared shared_of(const Asked *asked, int64_t k, int64_t first) {
    const Frame *f = asked->frames + k;
    int64_t *own = asked->compared + COMPARED * asked->most_sides * k, *found = own + 2 * f->tracks;
    return (Shared){
        .frame = f, .first = asked->frames + first, .problem = asked->problems + k,
        .first_problem = asked->problems + first, .track_twin = own, .track_differs = own + f->tracks,
        .detection_differs = found, .counts = found + f->found->count,
        .pair_twin = asked->twins + asked->problems[k].first};
}

/* twin [tracks] of one table: the row of each in the other, -1 where it is not the same. */
static void pair_tracks(const Table *a, int64_t tracks, const Table *b, int64_t others, int64_t *twin) {
    int64_t other = 0;
    for (int64_t i = 0; i < tracks; i++) {
        while (other < others && b->ids[other] < a->ids[i]) other++;
        int same = other < others && b->ids[other] == a->ids[i] && b->stamp[other] == a->stamp[i];
        twin[i] = same ? other : -1;
    }
}

/* The same by what the association knows of a track, which equal stamps say at once; stamps are new ones
 * where a state was restored. */
static void pair_known(const Table *a, int64_t tracks, const Table *b, int64_t others, int64_t *twin) {
    int64_t other = 0, size = a->memory_size;
    for (int64_t i = 0; i < tracks; i++) {
        while (other < others && b->ids[other] < a->ids[i]) other++;
        int same = other < others && b->ids[other] == a->ids[i] &&
                   (b->stamp[other] == a->stamp[i] ||
                    !memcmp(b->memory + other * size, a->memory + i * size, size * sizeof(float)));
        twin[i] = same ? other : -1;
    }
}

/* Whether two pairs have the same features, each [FEATURES, stride]. */
static int alike(const float *one, int64_t stride, const float *other, int64_t other_stride) {
    for (int64_t k = 0; k < FEATURES; k++)
        if (memcmp(one + k * stride, other + k * other_stride, sizeof(float))) return 0;
    return 1;
}

/* Both tables have their pairs in the order of their tracks; twins of tracks ascend, too. */
static void pair_pairs(const Asked *asked, const Thoughts *by, const Shared *s) {
    const Problem *a = s->problem, *b = s->first_problem;
    const int64_t *track = asked->track + a->first, *detection = asked->detection + a->first;
    const int64_t *others = asked->track + b->first, *theirs = asked->detection + b->first;
    const float *own = by->features + FEATURES * a->first, *other = by->features + FEATURES * b->first;
    int64_t q = 0;
    for (int64_t p = 0; p < a->pairs; p++) {
        int64_t twin = s->track_twin[track[p]];
        s->pair_twin[p] = -1;
        if (twin < 0) continue;
        while (q < b->pairs && (others[q] < twin || (others[q] == twin && theirs[q] < detection[p]))) q++;
        int same = q < b->pairs && others[q] == twin && theirs[q] == detection[p];
        if (same && alike(own + p, a->pairs, other + q, b->pairs)) s->pair_twin[p] = q;
    }
}

/* Tracks and detections with other pairs than in the first table differ. counts [tracks + detections of
 * the first table, and of this one]. */
static void mark_other_pairs(const Asked *asked, const Shared *s) {
    const Problem *a = s->problem, *b = s->first_problem;
    int64_t m = s->frame->found->count, n = s->frame->tracks, n2 = s->first->tracks;
    int64_t *own = s->counts, *own_found = own + n, *other = own_found + m, *other_found = other + n2;
    for (int64_t i = 0; i < n + 2 * m + n2; i++) own[i] = 0;
    for (int64_t p = 0; p < a->pairs; p++)
        own[asked->track[a->first + p]]++, own_found[asked->detection[a->first + p]]++;
    for (int64_t q = 0; q < b->pairs; q++)
        other[asked->track[b->first + q]]++, other_found[asked->detection[b->first + q]]++;
    for (int64_t j = 0; j < m; j++) s->detection_differs[j] = own_found[j] != other_found[j];
    for (int64_t i = 0; i < n; i++)
        if (s->track_twin[i] >= 0 && own[i] != other[s->track_twin[i]]) s->track_differs[i] = 1;
}

/* Whoever is connected by pairs to somebody who differs, differs. */
static void spread_differences(const Asked *asked, const Shared *s) {
    const Problem *a = s->problem;
    const int64_t *track = asked->track + a->first, *detection = asked->detection + a->first;
    for (int changed = 1; changed;) {
        changed = 0;
        for (int64_t p = 0; p < a->pairs; p++) {
            int64_t *one = s->track_differs + track[p], *other = s->detection_differs + detection[p];
            if ((*one && *other) || (!*one && !*other && s->pair_twin[p] >= 0)) continue;
            *one = *other = changed = 1;
        }
    }
}

static void compare_tables(const Asked *asked, const Thoughts *by, const Shared *s) {
    pair_known(s->frame->table, s->frame->tracks, s->first->table, s->first->tracks, s->track_twin);
    for (int64_t i = 0; i < s->frame->tracks; i++) s->track_differs[i] = s->track_twin[i] < 0;
    pair_pairs(asked, by, s);
    mark_other_pairs(asked, s);
    spread_differences(asked, s);
}

/* The tables beside the first one are compared with it. margins: of its detections, see exits.h; where any
 * table differs they are infinite, as odds add to what tables are compared by. */
static void compare_all(const Asked *asked, const Thoughts *by, int64_t first) {
    const Frame *f = asked->frames + first;
    for (int64_t j = 0; j < f->found->count; j++) asked->margins[j] = (float)f->sure_by;
    for (int64_t k = first + 1; k < asked->count && asked->frames[k].beside; k++) {
        Shared s = shared_of(asked, k, first);
        compare_tables(asked, by, &s);
        for (int64_t j = 0; j < f->found->count; j++)
            if (s.detection_differs[j]) asked->margins[j] = INFINITY;
    }
}

/* What is scored of a table: pairs, tracks and detections that differ, by new numbers. */
typedef struct {
    int64_t pairs, tracks, detections;
    float *features, *alone, *codes, *odds, *people;
    int64_t *track, *detection;
} Part;

/* Floats of the largest part, in whole cache lines; code: as of take_part. */
static int64_t part_floats(const Asked *a, int64_t code) {
    int64_t floats = (FEATURES + 1) * a->most_pairs + (ALONE + 1 + code) * a->most_sides;
    return (floats + 15) / 16 * 16;
}

static void lay_out_part(const Asked *asked, const Shared *s, int64_t code, float *floats,
                         int64_t *numbers, Part *to) {
    const Problem *a = s->problem;
    int64_t used = 0;
    to->tracks = number_those(s->frame->tracks, s->track_differs);
    to->detections = number_those(s->frame->found->count, s->detection_differs);
    to->pairs = 0;
    for (int64_t p = 0; p < a->pairs; p++) to->pairs += s->track_differs[asked->track[a->first + p]] > 0;
    to->codes = claim(floats, &used, to->tracks * code);
    to->features = claim(floats, &used, FEATURES * to->pairs);
    to->alone = claim(floats, &used, ALONE * to->detections);
    to->odds = claim(floats, &used, to->pairs);
    to->people = claim(floats, &used, to->detections);
    to->track = numbers, to->detection = numbers + to->pairs;
}

/* Copies what is scored. code: floats of the codes at the beginning of each track's memory. */
static void take_part(const Asked *asked, const Thoughts *by, const Shared *s, int64_t code, Part *to) {
    const Problem *a = s->problem;
    const Table *t = s->frame->table;
    int64_t m = s->frame->found->count, kept = 0;
    const float *features = by->features + FEATURES * a->first, *alone = by->alone + ALONE * a->first_detection;
    for (int64_t i = 0; i < s->frame->tracks; i++)
        if (s->track_differs[i])
            memcpy(to->codes + (s->track_differs[i] - 1) * code, t->memory + i * t->memory_size,
                   code * sizeof(float));
    for (int64_t j = 0; j < m; j++)
        for (int64_t k = 0; s->detection_differs[j] && k < ALONE; k++)
            to->alone[k * to->detections + s->detection_differs[j] - 1] = alone[k * m + j];
    for (int64_t p = 0; p < a->pairs; p++) {
        int64_t number = s->track_differs[asked->track[a->first + p]];
        if (!number) continue;
        to->track[kept] = number - 1;
        to->detection[kept] = s->detection_differs[asked->detection[a->first + p]] - 1;
        for (int64_t k = 0; k < FEATURES; k++) to->features[k * to->pairs + kept] = features[k * a->pairs + p];
        kept++;
    }
}

/* The scores of the part, and of the others those of the first table. */
static void give_scores(const Asked *asked, const Thoughts *by, const Shared *s, const Part *from) {
    const Problem *a = s->problem, *b = s->first_problem;
    float *odds = by->odds + a->first, *people = by->people + a->first_detection;
    int64_t kept = 0;
    for (int64_t p = 0; p < a->pairs; p++)
        odds[p] = s->track_differs[asked->track[a->first + p]] ? from->odds[kept++]
                                                               : by->odds[b->first + s->pair_twin[p]];
    for (int64_t j = 0; j < s->frame->found->count; j++)
        people[j] = s->detection_differs[j] ? from->people[s->detection_differs[j] - 1]
                                            : by->people[b->first_detection + j];
}
