/* Whether a lost track may have moved by more than its size: as mambatrack/tracking/leaps.py asks first, where numpy
 * goes on. */
#pragma once
#include "table.h"
#include <math.h>

/* Speeds are a little lower, as they are rounded otherwise here: numpy tells. */
enum { LEAP_STEPS = 5, LEAP_STEPS_ONCE = 2, LEAP_KNOWN = 3, LEAP_FEWEST = 3 };
static const float LEAP_FAST = .5f * .9999f, LEAP_BRISK = .25f * .9999f;

/* Sizes per update. */
static float speed_of(const Table *t, int64_t i, int64_t span) {
    const float *means = t->means + MEANS * i, *last = t->last + 4 * i;
    int64_t hits = t->hits[i] < t->most_shares ? t->hits[i] : t->most_shares - 1;
    float x = means[6] * last[2] / t->shares[hits], y = means[7] * last[3] / t->shares[hits];
    return sqrtf(x * x + y * y) * (float)span / sqrtf(last[2] * last[3]);
}

INLINE int is_recent(const Table *t, int64_t i, int64_t span) { return t->gap[i] <= LEAP_STEPS * span; }

/* Whether so many tracks of a class are brisk, or were seen once, that all of it may be. */
static int is_fleeting(const Table *t, int64_t count, int64_t span, int64_t label) {
    int64_t recent = 0, fleeting = 0;
    for (int64_t i = 0; i < count; i++) {
        if (t->labels[i] != label || !is_recent(t, i, span)) continue;
        recent++;
        fleeting += (t->hits[i] == 1 && t->gap[i] > 0) || speed_of(t, i, span) >= LEAP_BRISK;
    }
    return fleeting >= LEAP_FEWEST && 2 * fleeting >= recent;
}

/* Whether some lost track may have leapt to where another one would start. */
static int may_leap(const Table *t, int64_t count, int64_t span) {
    int64_t slow = -1; /* a track of a class that is not fleeting */
    for (int64_t i = 0; i < count; i++) {
        if (!t->gap[i] || !is_recent(t, i, span)) continue;
        int near = t->hits[i] > 1 || t->gap[i] <= LEAP_STEPS_ONCE * span;
        if (t->hits[i] >= LEAP_KNOWN && speed_of(t, i, span) >= LEAP_FAST) return 1;
        if (!near || (slow >= 0 && t->labels[slow] == t->labels[i])) continue;
        if (is_fleeting(t, count, span, t->labels[i])) return 1;
        slow = i;
    }
    return 0;
}
