/* What a table of tracks keeps of the detections that were matched: observe in
 * mambatrack/track_observation.py to the bit. */
#pragma once
#include "noise.h"
#include "table.h"

/* Of each detection: boxes [count, 4] cxcywh, the logarithms of width and height [count, 2], scores,
 * classes and rows in the caller's array [count]; shown [count, 4]: where the tracks are shown. */
typedef struct {
    const float *boxes, *logs, *scores;
    const int64_t *labels, *rows;
    const float *shown;
} Observed;

/* In double precision, as numpy has it where an integer takes part. */
static void update_means(const Table *t, const Observed *seen, int64_t c, int64_t i) {
    const float *box = seen->boxes + 4 * c, *logs = seen->logs + 2 * c;
    float *means = t->means + MEANS * i, *last = t->last + 4 * i;
    double least = 1.0 / (double)(t->hits[i] + 1), now[MEANS];
    for (int k = 0; k < 2; k++) {
        now[k] = now[2 + k] = logs[k];
        now[4 + k] = seen->scores[c];
        now[6 + k] = (box[k] - last[k]) / (last[2 + k] * (double)t->gap[i]);
    }
    for (int k = 0; k < MEANS; k++) {
        double rate = t->rates[k] > least ? t->rates[k] : least;
        means[k] = (float)(means[k] + rate * (now[k] - means[k]));
    }
    memcpy(last, box, 4 * sizeof(float));
}

static void observe(const Table *t, const Observed *seen, int64_t count, const int64_t *rows) {
    if (t->noise) note_noise(t, count, rows, seen->boxes);
    for (int64_t c = 0; c < count; c++) {
        int64_t i = rows[c];
        if (t->filter && t->hits[i] > 0) correct_filter(&BESIDE, seen->shown + 4 * c, t->filter + FILTER * i);
        update_means(t, seen, c, i);
        memcpy(t->boxes + 4 * i, seen->shown + 4 * c, 4 * sizeof(float));
        memset(t->spread + 4 * i, 0, 4 * sizeof(float));
        t->scores[i] = seen->scores[c];
        t->det_ind[i] = seen->rows[c];
        t->hits[i]++;
        t->gap[i] = 0;
    }
}

/* Whether each track is seen as what it is: then its first vote alone counts. */
static int agree(const Table *t, const Observed *seen, int64_t count, const int64_t *rows) {
    for (int64_t c = 0; c < count; c++)
        if (t->labels[rows[c]] != seen->labels[c]) return 0;
    return 1;
}

static void vote_again(const Table *t, const Observed *seen, int64_t count, const int64_t *rows) {
    for (int64_t c = 0; c < count; c++) {
        float *first = t->votes + VOTES * rows[c];
        *first = *first * t->decay + seen->scores[c];
    }
}
