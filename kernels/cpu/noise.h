/* How much of a surprise is the detector's noise, and boxes that have less of it:
 * mambatrack/track_noise.py to the bit. */
#pragma once
#include "kalman.h"
#include "memory.h"
#include "table.h"
#include <math.h>

enum { NOISE = 6, LONG_STREAK = 5 }; /* rows of Table.noise, and frames that tell of it */
static const double NOISE_KEPT = .99, NOISE_PRIOR = 20, LARGEST_SURPRISE = .3, LEARNT_NOISE = .15, FULL_NOISE = .25,
                    BETTER = .75, LEVEL = .9, FILTER_FROM = .03, FILTER_ALONE = .05, MOST_NOISE = .9, PARTS = 4294967296.0, SMALLEST_SIDE = 1e-30;

INLINE double clipped(double x, double least, double most) { return x < least ? least : x > most ? most : x; }

INLINE double in_parts(double x) { return rint(x * PARTS) / PARTS; }

INLINE int goes_on(const Table *t, int64_t i) { return t->streak[i] > 0 && t->gap[i] == 1; }

/* What is taken off: share of a surprise; most: in box sizes. filtered: the filter's share of a prediction. */
typedef struct {
    double share[4], most[4], filtered;
} Jitter;

INLINE double between(double low, double high, double value) {
    return clipped((value - low) / (high - low), 0, 1);
}

static void tell_jitter(const double *noise, Jitter *to) {
    double likely[4], mean = 0;
    for (int k = 0; k < 4; k++) {
        double count = noise[k], one = noise[4 + k], two = noise[8 + k], surprise = noise[12 + k];
        double known = surprise > 0 ? count / (count + NOISE_PRIOR) / surprise : 0;
        double least = two < -one / 4 ? two : -one / 4, variance = (two - one) / 5;
        mean += clipped(least * known, 0, 1);
        likely[k] = variance * known;
        to->most[k] = count > 0 && variance > 0 ? 2 * sqrt(variance / count) : 0;
    }
    double alone = noise[16] + noise[17], beside = noise[20] + noise[21];
    double level = between(BETTER, LEVEL, beside > 0 ? alone / beside : 0);
    double certain = between(LEARNT_NOISE, FULL_NOISE, mean / 4) * level;
    double size = (to->most[0] + to->most[1] + to->most[2] + to->most[3]) / 8;
    to->filtered = between(FILTER_FROM, FILTER_ALONE, size) * certain;
    for (int k = 0; k < 4; k++) to->share[k] = clipped(likely[k] * certain, 0, MOST_NOISE);
}

/* The same of a table; one without sums is not steadied. */
static Jitter jitter_of(const Table *t) {
    Jitter told = {{0}, {0}, 0};
    if (t->noise) tell_jitter(t->noise, &told);
    return told;
}

/* boxes [count, 4] of detections -> where the tracks are shown. */
static void steady(const Table *t, const Jitter *by, int64_t count, const int64_t *rows, const float *boxes,
                   float *shown) {
    for (int64_t c = 0; c < count; c++) {
        const float *expected = t->boxes + 4 * rows[c], *box = boxes + 4 * c;
        int on = goes_on(t, rows[c]);
        for (int k = 0; k < 4; k++) {
            double most = by->most[k] * (double)expected[2 + k % 2];
            double off = clipped(by->share[k] * ((double)box[k] - expected[k]), -most, most);
            shown[4 * c + k] = on && by->share[k] > 0 ? (float)(box[k] - off) : box[k];
        }
    }
}

/* The filter beside the motion model, as mambatrack/box_filter.py has it. */
static const Kalman BESIDE = {1.0 / 20, 1.0 / 160, 2 * (1.0 / 20), 10 * (1.0 / 160)};

INLINE double surprise_of(double now, float expected, double size) {
    double surprise = clipped((now - expected) / size, -LARGEST_SURPRISE, LARGEST_SURPRISE);
    return in_parts(surprise * surprise);
}

/* One track; told [NOISE, 4]: what it adds to the sums. Returns whether it does. */
static int note_bends(const Table *t, int64_t i, const float *box, double *told) {
    const float *expected = t->boxes + 4 * i, *last = t->last + 4 * i;
    const float *alone = t->filter ? t->unfiltered + 4 * i : expected;
    const float *beside = t->filter ? t->filter + FILTER * i : expected;
    float *before = t->before + 4 * i, *bends = t->bends + 8 * i;
    int tells = ++t->streak[i] >= LONG_STREAK;
    for (int k = 0; k < 4; k++) {
        double size = expected[2 + k % 2], now = box[k];
        size = size > SMALLEST_SIDE ? size : SMALLEST_SIDE;
        double bend = clipped((now - 2 * (double)last[k] + before[k]) / size, -2 * LARGEST_SURPRISE, 2 * LARGEST_SURPRISE);
        if (tells) {
            told[k] += 1, told[4 + k] += in_parts(bend * bends[k]), told[8 + k] += in_parts(bend * bends[4 + k]);
            told[12 + k] += surprise_of(now, expected[k], size);
            told[16 + k] += surprise_of(now, alone[k], size), told[20 + k] += surprise_of(now, beside[k], size);
        }
        before[k] = last[k], bends[4 + k] = bends[k], bends[k] = (float)bend;
    }
    return tells;
}

static void note_noise(const Table *t, int64_t count, const int64_t *rows, const float *boxes) {
    double told[4 * NOISE] = {0};
    int any = 0;
    for (int64_t c = 0; c < count; c++) {
        if (goes_on(t, rows[c]))
            any |= note_bends(t, rows[c], boxes + 4 * c, told);
        else
            t->streak[rows[c]] = 1;
    }
    for (int k = 0; any && k < 4 * NOISE; k++) t->noise[k] = NOISE_KEPT * t->noise[k] + told[k];
}
