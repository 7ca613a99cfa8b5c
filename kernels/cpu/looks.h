/* What tracks look like: mambatrack/appearance/view.py, looks.py and clean.py, whose constants have the same names
 * here. Sums have another order than numpy's. */
#pragma once
#include "similarities.h"
#include "usual.h"

enum { FURTHER = 5 }; /* numbers of a track's looks behind the mean */

/* few_looks: FIRST; apart: APART of view.py; some: KNOWN; most_count: LARGEST_EXACT; crossing to most_looks: those of
 * doubts.py, where prior is that of a track. */
typedef struct {
    Worth worth;
    double most_odds, few_looks, refresh, apart, lost, some, rate, most_count, in_front, behind;
    double crossing, unlike, like, reach, share, prior, settled, fewest, most_looks;
} LooksBy;

/* A tracker that is asked: size of its vectors, 0 where it has no picture; what similarities are worth. The detections
 * that are to be looked at are the ``wanted`` from number ``first`` of all rows on; vectors [., size], usable [.]: of
 * these. */
typedef struct {
    int64_t size;
    Calibration calibration;
    int64_t first, wanted;
    const float *vectors;
    const uint8_t *usable;
} View;

/* Of all frames: rows, place [detections]: those to be looked at, and the number of the vector of each, -1 of none;
 * contested [pairs]: which have a track or a detection in common with another possible one; numbers [3, sides of the
 * largest table], floats [9, its tracks]: memory. */
typedef struct {
    int64_t *rows, *place, *numbers;
    uint8_t *contested;
    float *floats;
} Looked;

INLINE float *looks_of(const Table *t, int64_t i) { return t->looks + t->looks_size * i; }
INLINE float *further(const Table *t, int64_t i) { return looks_of(t, i) + t->looks_size - FURTHER; }
INLINE float *look_count(const Table *t, int64_t i) { return further(t, i); }
INLINE float *looked_at(const Table *t, int64_t i) { return further(t, i) + 1; }
INLINE float *rival(const Table *t, int64_t i) { return further(t, i) + 2; }
INLINE float *evidence(const Table *t, int64_t i) { return further(t, i) + 3; }
INLINE float *doubtful_looks(const Table *t, int64_t i) { return further(t, i) + 4; }
INLINE double look_age(const Table *t, int64_t i) { return (double)t->hits[i] - *looked_at(t, i); }

static float product(const float *a, const float *b, int64_t size) {
    enum { WIDE = 16 };
    float lanes[WIDE] = {0}, total = 0;
    int64_t k = 0;
    for (; k + WIDE <= size; k += WIDE)
        for (int l = 0; l < WIDE; l++) lanes[l] += a[k + l] * b[k + l];
    for (; k < size; k++) total += a[k] * b[k];
    for (int l = 0; l < WIDE; l++) total += lanes[l];
    return total;
}

/* Whether box j of one frame shows one object and hardly anything else. */
static int is_clean(const LooksBy *by, const Found *found, int64_t j) {
    const float *own = found->boxes + 4 * j;
    float area = greater((own[2] - own[0]) * (own[3] - own[1]), 1e-9f);
    for (int64_t k = 0; k < found->count; k++) {
        const float *box = found->boxes + 4 * k;
        float wide = lesser(own[2], box[2]) - greater(own[0], box[0]);
        float high = lesser(own[3], box[3]) - greater(own[1], box[1]);
        if (k == j || wide <= 0 || high <= 0) continue;
        if (wide * high / area > (box[3] >= own[3] ? by->in_front : by->behind)) return 0;
    }
    return 1;
}

/* Which detections table k is worth a look at, marked in wanted [found]; counts [tracks + found]: memory. */
static void want(const LooksBy *by, const Asked *asked, const Thoughts *thoughts, int64_t k, int64_t *wanted,
                 uint8_t *contested, int64_t *counts) {
    const Frame *f = asked->frames + k;
    const Outcome *o = thoughts->outcomes + k;
    const Table *t = f->table;
    const int64_t *track = thoughts->track + o->first, *detection = thoughts->detection + o->first;
    const float *odds = thoughts->odds + o->first, least = (float)-by->most_odds;
    int64_t *of_detection = counts + f->tracks;
    for (int64_t i = 0; i < f->tracks + f->found->count; i++) counts[i] = 0;
    for (int64_t p = 0; p < o->pairs; p++)
        if (odds[p] >= least) counts[track[p]]++, of_detection[detection[p]]++;
    for (int64_t p = 0; p < o->pairs; p++) {
        int64_t i = track[p], possible = odds[p] >= least;
        contested[o->first + p] = possible && (counts[i] > 1 || of_detection[detection[p]] > 1);
        int due = *look_count(t, i) < by->few_looks || look_age(t, i) >= by->refresh ||
                  t->gap[i] - f->span >= by->lost || *rival(t, i) > 0;
        if (contested[o->first + p] || (possible && due)) wanted[detection[p]] = 1;
    }
}

/* What was seen of table k is added to the odds of its pairs. */
static void weigh(const Telling *by, const View *v, const Asked *asked, const Thoughts *thoughts, int64_t k,
                  const int64_t *place) {
    const Table *t = asked->frames[k].table;
    const Outcome *o = thoughts->outcomes + k;
    const int64_t *track = thoughts->track + o->first, *detection = thoughts->detection + o->first;
    for (int64_t p = 0; p < o->pairs; p++) {
        int64_t seen = place[detection[p]];
        if (seen >= 0 && *look_count(t, track[p]) > 0)
            thoughts->odds[o->first + p] +=
                log_odds(by, product(looks_of(t, track[p]), v->vectors + v->size * seen, v->size));
    }
}

/* One that goes on: its matches whose detections were seen, as rows and vectors; sure: nothing else was possible. */
typedef struct {
    const Table *table;
    int64_t tracks, size, count, *row, *sure;
    const float **vector;
} Seen;

static Seen seen_of(const View *v, const Settled *s, const int64_t *place, const uint8_t *contested,
                    int64_t *numbers, const float **vectors) {
    Seen to = {s->table, s->tracks, v->size, 0, numbers, numbers + s->count, vectors};
    for (int64_t c = 0; c < s->count; c++) {
        int64_t p = s->chosen[c], seen = place[s->detection[p]];
        if (seen < 0) continue;
        to.row[to.count] = s->track[p], to.sure[to.count] = !contested[p];
        to.vector[to.count++] = v->vectors + v->size * seen;
    }
    return to;
}

/* A track looks like ``vector`` now, before it is observed. */
static void note_look(const LooksBy *by, const Table *t, int64_t i, const float *vector, int64_t size) {
    float *mean = looks_of(t, i), *count = look_count(t, i), rate = greater(1 / (*count + 1), (float)by->rate);
    for (int64_t k = 0; k < size; k++) mean[k] = (1 - rate) * mean[k] + rate * vector[k];
    float length = greater(sqrtf(product(mean, mean, size)), 1e-9f);
    for (int64_t k = 0; k < size; k++) mean[k] /= length;
    *count = lesser(*count + 1, (float)by->most_count), *looked_at(t, i) = (float)(t->hits[i] + 1);
}

/* How like itself each track is that is surely seen, and how like the others that are seen. */
static void calibrate(const LooksBy *by, const Settled *s, const Seen *seen, Calibration *to) {
    const Table *t = s->table;
    int64_t own = 0, other = 0;
    double same[2] = {0}, others[2] = {0}, near[2] = {to->same.mean, to->others.mean};
    for (int64_t c = 0; c < seen->count; c++) {
        int64_t i = seen->row[c];
        if (!seen->sure[c] || *rival(t, i) > 0) continue;
        if (*look_count(t, i) >= by->some && look_age(t, i) >= by->apart) {
            double alike = product(looks_of(t, i), seen->vector[c], seen->size) - near[0];
            own++, same[0] += alike, same[1] += alike * alike;
        }
        for (int64_t k = 0; k < s->count; k++) {
            int64_t j = s->track[s->chosen[k]];
            if (j == i || *rival(t, j) > 0 || *look_count(t, j) < by->some) continue;
            double alike = product(looks_of(t, j), seen->vector[c], seen->size) - near[1];
            other++, others[0] += alike, others[1] += alike * alike;
        }
    }
    note(&by->worth, &to->same, own, near[0], same[0], same[1]);
    note(&by->worth, &to->others, other, near[1], others[0], others[1]);
}
