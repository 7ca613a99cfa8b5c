/* Which pairs of a track and a detection may be matched, and what is known of each:
 * mambatrack/association/features.py to the bit, in its order. Logarithms are numpy's, whose last
 * bits depend on the processor: ``gate`` writes what they are taken of, ``describe`` reads them. */
#pragma once
#include "neighbours.h"
#include "table.h"
#include <math.h>

enum { FEATURES = 47, ALONE = 6, MOST_HITS = 200, MOST_SURPRISE = 8 };

/* reach: of the gate in sizes of the box; per frame unseen; the largest. class_aware: a pair is of
 * one class. log_hits [MOST_HITS + 1]: logarithms of counts. Of more than ``many`` pairs a track keeps
 * the ``nearest``, and a detection likewise. */
typedef struct {
    double reach, reach_per_frame, most_reach;
    const float *log_hits;
    int64_t class_aware, many, nearest;
} Gate;

/* A table after its newest step, of ``span`` frames, and the detections of the frame. several, compared:
 * see answers.h; beside: it is a further table of the same tracker as the one before. sure_by: see exits.h. */
typedef struct {
    const Table *table;
    const Found *found;
    int64_t tracks, span, several, compared, beside;
    double sure_by;
} Frame;

/* What ``gate`` leaves for ``describe``, of the tracks and of the detections. */
typedef struct {
    float *sizes, *found_sizes, *heights;  /* logs: [tracks, 2], [detections, 2], [detections] */
    float *corners, *found_corners;        /* [4, tracks], [4, detections] */
    float *most, *found_most;              /* the largest IoU with a neighbour */
    float *log_missed;                     /* [tracks]: of frames before the newest step, unseen */
    float *memory;                         /* of neighbours and best_other */
    int64_t *which, *found_which, *holder; /* whose that is */
    Sorted sorted, found_sorted;
} Around;

/* What is a logarithm once numpy took it, of all frames in one piece. */
static void lay_out_logs(const Frame *f, float *floats, int64_t *used, Around *a) {
    a->sizes = claim(floats, used, 2 * f->tracks);
    a->found_sizes = claim(floats, used, 2 * f->found->count);
    a->heights = claim(floats, used, f->found->count);
}

static void lay_out_around(const Frame *f, float *floats, int64_t *used, int64_t *numbers,
                           int64_t *counted, Around *a) {
    int64_t n = f->tracks, m = f->found->count;
    a->corners = claim(floats, used, 4 * n);
    a->found_corners = claim(floats, used, 4 * m);
    a->most = claim(floats, used, n);
    a->found_most = claim(floats, used, m);
    a->log_missed = claim(floats, used, n);
    a->memory = claim(floats, used, 2 * more(n, m));
    a->which = claim_numbers(numbers, counted, n);
    a->found_which = claim_numbers(numbers, counted, m);
    a->holder = claim_numbers(numbers, counted, more(n, m));
    claim_sorted(floats, used, numbers, counted, n, &a->sorted);
    claim_sorted(floats, used, numbers, counted, m, &a->found_sorted);
}

static void put_corners(const float *box, int64_t i, int64_t count, float *corners) {
    for (int side = 0; side < 2; side++) {
        corners[side * count + i] = box[side] - .5f * box[2 + side];
        corners[(2 + side) * count + i] = box[side] + .5f * box[2 + side];
    }
}

/* Of all tracks and detections: corners, neighbours, and what a logarithm is taken of. */
static void look_around(const Frame *f, Around *a) {
    int64_t n = f->tracks, m = f->found->count;
    const Table *t = f->table;
    for (int64_t i = 0; i < n; i++) {
        put_corners(t->boxes + 4 * i, i, n, a->corners);
        memcpy(a->sizes + 2 * i, t->boxes + 4 * i + 2, 2 * sizeof(float));
        a->log_missed[i] = (float)log1p((double)(t->gap[i] - f->span));
    }
    for (int64_t j = 0; j < m; j++) {
        for (int side = 0; side < 4; side++) a->found_corners[side * m + j] = f->found->boxes[4 * j + side];
        memcpy(a->found_sizes + 2 * j, f->found->centred + 4 * j + 2, 2 * sizeof(float));
    }
    sort_boxes(a->corners, a->holder, &a->sorted);
    sort_boxes(a->found_corners, a->holder, &a->found_sorted);
    neighbours(&a->sorted, a->memory, a->most, a->which);
    neighbours(&a->found_sorted, a->memory, a->found_most, a->found_which);
    for (int64_t j = 0; j < m; j++)
        a->heights[j] = f->found->centred[4 * a->found_which[j] + 3] / f->found->centred[4 * j + 3];
}

enum { RUN = 64 }; /* boxes that are looked at together */

/* The largest float that is at most x, and the least that is not less: floats compare with them as with x. */
INLINE float rounded_down(double x) {
    float near = (float)x;
    return near > x ? nextafterf(near, -INFINITY) : near;
}

INLINE float rounded_up(double x) { return -rounded_down(-x); }

/* The detections that overlap a box x1 y1 x2 y2, ascending -> how many there are; where they are more
 * than ``room`` the others are not written. Those in reach of the box are one run of the sorted. */
static int64_t overlapping(const Sorted *s, const double *box, int64_t room, int64_t *which) {
    int64_t m = s->count, found = 0;
    const float *left = s->corners, *top = left + m, *right = top + m, *low = right + m;
    const float x = rounded_down(box[0]), y = rounded_down(box[1]), below = rounded_up(box[3]);
    int64_t end = count_below(left, m, box[2], 1);
    for (int64_t from = count_below(s->rightmost, m, box[0], 0); from < end; from += RUN) {
        int64_t count = end - from < RUN ? end - from : RUN;
        int32_t hit[RUN];
        for (int64_t k = 0; k < count; k++)
            hit[k] = (x < right[from + k]) & (y < low[from + k]) & (below > top[from + k]);
        for (int64_t k = 0; k < count; k++) {
            if (!hit[k]) continue;
            if (found < room) which[found] = s->order[from + k];
            found++;
        }
    }
    ascend(which, found < room ? found : room);
    return found;
}

/* Of ``count`` detections those of the class of track i, in their order -> how many. */
static int64_t of_class(const Frame *f, int64_t i, int64_t count, int64_t *which) {
    int64_t kept = 0;
    for (int64_t k = 0; k < count; k++)
        if (f->table->labels[i] == f->found->labels[which[k]]) which[kept++] = which[k];
    return kept;
}

/* The candidates in the order of their tracks and then detections -> how many there are; where they
 * are more than ``room`` the others are not written. */
static int64_t gate(const Gate *g, const Frame *f, const Around *a, int64_t room, int64_t *tracks,
                    int64_t *detections) {
    int64_t n = f->tracks, pairs = 0;
    const Table *t = f->table;
    for (int64_t i = 0; i < n; i++) {
        double reach = g->reach + g->reach_per_frame * (double)(t->gap[i] - f->span);
        if (reach > g->most_reach) reach = g->most_reach;
        double wide = reach * t->boxes[4 * i + 2], high = reach * t->boxes[4 * i + 3];
        double box[4] = {a->corners[i] - wide, a->corners[n + i] - high,
                         a->corners[2 * n + i] + wide, a->corners[3 * n + i] + high};
        int64_t left = room > pairs ? room - pairs : 0;
        int64_t found = overlapping(&a->found_sorted, box, left, detections + pairs);
        if (g->class_aware && found <= left) found = of_class(f, i, found, detections + pairs);
        for (int64_t k = 0; k < found && k < left; k++) tracks[pairs + k] = i;
        pairs += found;
    }
    return pairs;
}

/* How far a detection is from where a track was predicted: the square of the distance of their centres in
 * sizes of the box. */
INLINE float distance(const Frame *f, int64_t i, int64_t j) {
    const float *box = f->table->boxes + 4 * i, *found = f->found->centred + 4 * j;
    float x = (found[0] - box[0]) / box[2], y = (found[1] - box[1]) / box[3];
    return x * x + y * y;
}

/* Of one side's pairs the least distances, ascending in least [most], with one more. */
INLINE void offer_distance(float far, int64_t most, float *least) {
    if (!(far < least[most - 1])) return;
    for (int64_t k = 0; k < most; k++) {
        float before = least[k];
        least[k] = lesser(far, before), far = greater(far, before);
    }
}

/* Of many candidates those that are among the nearest of their track or of their detection -> how many.
 * far [pairs], least [nearest, tracks + detections]: memory. */
static int64_t keep_nearest(const Gate *g, const Frame *f, int64_t pairs, int64_t *tracks, int64_t *detections,
                            float *far, float *least) {
    int64_t most = g->nearest, n = f->tracks, kept = 0;
    float *found = least + most * n;
    if (pairs <= g->many) return pairs;
    for (int64_t k = 0; k < most * (n + f->found->count); k++) least[k] = INFINITY;
    for (int64_t p = 0; p < pairs; p++) {
        far[p] = distance(f, tracks[p], detections[p]);
        offer_distance(far[p], most, least + most * tracks[p]);
        offer_distance(far[p], most, found + most * detections[p]);
    }
    for (int64_t p = 0; p < pairs; p++) {
        int64_t i = tracks[p], j = detections[p];
        if (far[p] > least[most * i + most - 1] && far[p] > found[most * j + most - 1]) continue;
        tracks[kept] = i, detections[kept++] = j;
    }
    return kept;
}

/* alone [ALONE, detections]: what is known of each detection by itself. */
static void describe_alone(const Frame *f, const Around *a, float *alone) {
    int64_t m = f->found->count;
    const float *low = a->found_corners + 3 * m;
    for (int64_t j = 0; j < m; j++) {
        int64_t other = a->found_which[j];
        const float *own = f->found->centred + 4 * j, *near = f->found->centred + 4 * other;
        alone[j] = f->found->scores[j];
        alone[m + j] = a->found_most[j];
        alone[2 * m + j] = (low[other] - low[j]) / own[3];
        alone[3 * m + j] = (near[0] - own[0]) / own[2];
        alone[4 * m + j] = f->found->scores[other];
        alone[5 * m + j] = a->heights[j];
    }
}

INLINE int64_t bounded_index(int64_t i, int64_t most) { return i < 0 ? 0 : i > most ? most : i; }

/* IoU of two boxes, xyxy; sides: what they have in common, negative where they are apart. */
INLINE float overlap(const float *a, const float *b, float *sides) {
    for (int k = 0; k < 2; k++) sides[k] = lesser(a[2 + k], b[2 + k]) - greater(a[k], b[k]);
    float shared = greater(sides[0], 0) * greater(sides[1], 0);
    float both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]);
    return shared / greater(both - shared, 1e-9f);
}

/* What a box, cxcywh and xyxy, is moved by to become the detection, xyxy and its middle: centre [2],
 * edges [4]. */
INLINE void moved(const float *box, const float *corners, const float *found, const float *middle,
                  float *centre, float *edges) {
    for (int k = 0; k < 2; k++) centre[k] = (middle[k] - box[k]) / box[2 + k];
    for (int k = 0; k < 4; k++) edges[k] = (found[k] - corners[k]) / box[2 + k % 2];
}

/* The features of one pair in the order of NAMES, but for the rivals. */
static void describe_pair(const Gate *g, const Frame *f, const Around *a, int64_t i, int64_t j,
                          const float *alone, float *to) {
    int64_t n = f->tracks, m = f->found->count, other = a->which[i];
    const Table *t = f->table;
    const float *box = t->boxes + 4 * i, *last = t->last + 4 * i, *means = t->means + MEANS * i;
    const float *found = f->found->boxes + 4 * j, *middle = f->found->centred + 4 * j;
    const float *logs = a->found_sizes + 2 * j, *near = t->boxes + 4 * other;
    float score = f->found->scores[j], corners[4], before[4], sides[2], unused[2];
    for (int k = 0; k < 4; k++) corners[k] = a->corners[k * n + i];
    for (int k = 0; k < 2; k++)
        before[k] = last[k] - last[2 + k] / 2, before[2 + k] = last[k] + last[2 + k] / 2;
    to[0] = overlap(corners, found, sides);
    moved(box, corners, found, middle, to + 3, to + 5);
    moved(last, before, found, middle, to + 11, to + 13);
    to[19] = overlap(before, found, unused);
    for (int k = 0; k < 2; k++) {
        float hull = greater(corners[2 + k], found[2 + k]) - lesser(corners[k], found[k]);
        float carried = (float)(last[k] + (double)t->gap[i] * means[6 + k] * last[2 + k]);
        float spread = t->spread[4 * i + k] / box[2 + k], surprise = to[3 + k] / greater(spread, .005f);
        to[1 + k] = sides[k] / hull;
        to[9 + k] = logs[k] - a->sizes[2 * i + k];
        to[17 + k] = (middle[k] - carried) / last[2 + k];
        to[20 + k] = logs[k] - means[k], to[22 + k] = logs[k] - means[2 + k];
        to[25 + k] = score - means[4 + k];
        to[30 + k] = means[6 + k];
        to[32 + k] = lesser(greater(surprise, -MOST_SURPRISE), MOST_SURPRISE);
        to[34 + k] = spread;
    }
    to[24] = score, to[27] = means[4];
    to[28] = a->log_missed[i];
    to[29] = g->log_hits[bounded_index(t->hits[i], MOST_HITS)];
    for (int k = 1; k < ALONE; k++) to[35 + k] = alone[k * m + j];
    to[41] = a->most[i];
    to[42] = (a->corners[3 * n + other] - corners[3]) / box[3];
    to[43] = (near[0] - box[0]) / box[2];
    to[44] = a->log_missed[other];
}

/* features [FEATURES, pairs] of the candidates that ``gate`` gave, alone [ALONE, detections]. */
static void describe(const Gate *g, const Frame *f, const Around *a, int64_t pairs,
                     const int64_t *tracks, const int64_t *detections, float *features,
                     float *alone) {
    float *of_track = features + 45 * pairs, *of_detection = features + 46 * pairs;
    describe_alone(f, a, alone);
    for (int64_t p = 0; p < pairs; p++) {
        float own[FEATURES - 2];
        describe_pair(g, f, a, tracks[p], detections[p], alone, own);
        for (int k = 0; k < FEATURES - 2; k++) features[k * pairs + p] = own[k];
    }
    best_other(pairs, features, tracks, f->tracks, a->memory, a->holder, of_track);
    best_other(pairs, features, detections, f->found->count, a->memory, a->holder, of_detection);
}
