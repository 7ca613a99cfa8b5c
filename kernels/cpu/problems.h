/* What there is to decide in a frame, for any number of tables at once: candidates, their features and
 * scores, and the answers. Logarithms are numpy's: ``gate`` writes what they are taken of in one piece,
 * ``score`` reads them. */
#pragma once
#include "answers.h"
#include "candidates.h"

/* Where the results of one frame lie: from which of all pairs and detections on, how many pairs, and
 * what is known around its boxes. */
typedef struct {
    int64_t first, pairs, first_detection;
    Around around;
    Answers answers;
} Problem;

/* Of all ``count`` frames: the pairs of their tracks and detections [pair_room]; memory that is kept,
 * and how much of it is needed; the ``logs`` first floats are those that numpy takes logarithms of.
 * nearest: of keep_nearest; margins, compared, twins: of share.h. scratch: floats that the scores take. */
enum { COMPARED = 5 }; /* numbers for each track and detection of a table that is compared */

typedef struct {
    int64_t count;
    const Frame *frames;
    Problem *problems;
    int64_t *track, *detection;
    float *floats, *worth, *nearest, *margins;
    int64_t *numbers, *left, *places, *twins, *compared;
    double *sums;
    int64_t pair_room, float_room, number_room;
    int64_t pairs, detections, needed_floats, needed_numbers, logs, most_pairs, most_sides, scratch;
} Asked;

/* What a frame's answers are, and where its results lie: see Problem and Answers. */
typedef struct {
    int64_t first, pairs, first_detection, count, remaining, matched[ANSWERS], births[ANSWERS];
    double likelihoods[ANSWERS];
} Outcome;

/* features [FEATURES, pairs], then those of the next frame; alone [ALONE, detections] likewise; odds and
 * people; track, detection: of all pairs; chosen, born: of every frame as Answers has them. */
typedef struct {
    float *features, *alone, *odds, *people;
    int64_t *track, *detection, *chosen, *born;
    Outcome *outcomes;
} Thoughts;

/* One behind the other in floats and numbers of the caller. */
static Thoughts thoughts_in(const Asked *a, float *floats, int64_t *numbers) {
    int64_t pairs = a->pairs, found = a->detections;
    Thoughts t = {.features = floats, .track = numbers};
    t.alone = t.features + FEATURES * pairs, t.odds = t.alone + ALONE * found, t.people = t.odds + pairs;
    t.detection = t.track + pairs, t.chosen = t.detection + pairs;
    t.born = t.chosen + ANSWERS * (pairs + ALTERNATIVES * a->count);
    t.outcomes = (Outcome *)(t.born + ANSWERS * found);
    return t;
}

static void lay_out_problems(const Gate *g, Asked *a, float *floats, int64_t *numbers) {
    int64_t used = 0, counted = 0;
    a->detections = 0, a->most_sides = 0;
    for (int64_t k = 0; k < a->count; k++)
        lay_out_logs(a->frames + k, floats, &used, &a->problems[k].around);
    a->logs = used;
    for (int64_t k = 0; k < a->count; k++) {
        const Frame *f = a->frames + k;
        lay_out_around(f, floats, &used, numbers, &counted, &a->problems[k].around);
        a->problems[k].first_detection = a->detections;
        a->detections += f->found->count;
        a->most_sides = more(a->most_sides, f->tracks + f->found->count);
    }
    a->nearest = claim(floats, &used, g->nearest * a->most_sides);
    a->margins = claim(floats, &used, a->most_sides);
    a->places = claim_numbers(numbers, &counted, a->most_sides);
    a->sums = (double *)claim_numbers(numbers, &counted, a->most_sides);
    a->compared = claim_numbers(numbers, &counted, COMPARED * a->most_sides * a->count);
    a->needed_floats = used, a->needed_numbers = counted;
}

/* Whether the memory was enough: where it was not, what is needed is known, and nothing is written. */
static int look_around_all(const Gate *g, Asked *a) {
    a->pairs = 0;
    lay_out_problems(g, a, NULL, NULL);
    if (a->needed_floats > a->float_room || a->needed_numbers > a->number_room) return 0;
    lay_out_problems(g, a, a->floats, a->numbers);
    for (int64_t k = 0; k < a->count; k++) look_around(a->frames + k, &a->problems[k].around);
    return 1;
}

/* The candidates of all frames; where they are more than ``pair_room`` the others are not written. */
static int gate_all(const Gate *g, Asked *a) {
    a->pairs = 0, a->most_pairs = 0;
    for (int64_t k = 0; k < a->count; k++) {
        Problem *p = a->problems + k;
        int64_t room = a->pair_room > a->pairs ? a->pair_room - a->pairs : 0;
        p->first = a->pairs;
        p->pairs = gate(g, a->frames + k, &p->around, room, a->track + a->pairs, a->detection + a->pairs);
        if (p->pairs <= room)
            p->pairs = keep_nearest(g, a->frames + k, p->pairs, a->track + a->pairs, a->detection + a->pairs,
                                    a->worth + a->pairs, a->nearest);
        a->pairs += p->pairs;
        a->most_pairs = more(a->most_pairs, p->pairs);
    }
    return a->pairs <= a->pair_room;
}

static void describe_all(const Gate *g, const Asked *a, const Thoughts *to) {
    memcpy(to->track, a->track, a->pairs * sizeof(int64_t));
    memcpy(to->detection, a->detection, a->pairs * sizeof(int64_t));
    for (int64_t k = 0; k < a->count; k++) {
        const Problem *p = a->problems + k;
        describe(g, a->frames + k, &p->around, p->pairs, a->track + p->first, a->detection + p->first,
                 to->features + FEATURES * p->first, to->alone + ALONE * p->first_detection);
    }
}

/* Of frame k: its candidates and their scores; where its answers are to be. */
static Scored scored_of(const Asked *a, const Thoughts *by, int64_t k) {
    const Frame *f = a->frames + k;
    const Problem *p = a->problems + k;
    return (Scored){
        .pairs = p->pairs, .tracks = f->tracks, .detections = f->found->count,
        .several = f->several, .compared = f->compared,
        .track = a->track + p->first, .detection = a->detection + p->first,
        .odds = by->odds + p->first, .people = by->people + p->first_detection,
        .scores = by->alone + ALONE * p->first_detection,
    };
}

static Places places_of(const Asked *a, const Thoughts *by, const Scored *s) {
    float *worth = a->worth + (s->odds - by->odds);
    return (Places){a->sums, worth, a->places, a->places + s->tracks};
}

static void tell_outcome(const Asked *a, const Thoughts *by, int64_t k) {
    const Problem *p = a->problems + k;
    Outcome *to = by->outcomes + k;
    *to = (Outcome){p->first, p->pairs, p->first_detection, p->answers.count, p->answers.remaining};
    memcpy(to->matched, p->answers.matched, sizeof to->matched);
    memcpy(to->births, p->answers.births, sizeof to->births);
    memcpy(to->likelihoods, p->answers.likelihoods, sizeof to->likelihoods);
}

static void answer_all(const Limits *l, const Asked *a, const Thoughts *by) {
    for (int64_t k = 0; k < a->count; k++) {
        Problem *p = a->problems + k;
        Scored s = scored_of(a, by, k);
        Places at = places_of(a, by, &s);
        p->answers.chosen = by->chosen + ANSWERS * (p->first + ALTERNATIVES * k);
        p->answers.born = by->born + ANSWERS * p->first_detection;
        p->answers.left = a->left + p->first;
        answer(&s, l, &at, &p->answers);
        tell_outcome(a, by, k);
    }
}
