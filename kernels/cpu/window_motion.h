/* What the window predictor does beside its network, mambatrack/motion/window_predictor.py to the bit:
 * a track's state is its last boxes [window, 4], newest last, how many of them count, and the frames
 * since it was seen. */
#pragma once
#include "motion.h"

enum { SIDES = 4 };

INLINE float *count_of(const Motion *m, float *own) { return own + SIDES * m->window; }
INLINE float *gap_of(const Motion *m, float *own) { return own + SIDES * m->window + 1; }

/* scale [SIDES]: pixels per unit of offset. */
static void offset_scale(const Motion *m, const float *own, int64_t count, float *scale) {
    float width = 0, height = 0;
    for (int64_t k = m->window - count; k < m->window; k++)
        width += own[SIDES * k + 2], height += own[SIDES * k + 3];
    float side = sqrtf((width / (float)count) * (height / (float)count)) / UNITS;
    for (int k = 0; k < SIDES; k++) scale[k] = m->scale ? m->scale[k] : side;
}

/* boxes [offsets + 1, SIDES] -> to [offsets, SIDES]. */
static void offsets_of(int64_t offsets, const float *restrict boxes, const float *scale,
                       float *restrict to) {
    float unit[SIDES];
    memcpy(unit, scale, sizeof unit);
    for (int64_t k = 0; k < offsets; k++)
        for (int i = 0; i < SIDES; i++)
            to[SIDES * k + i] = (boxes[SIDES * (k + 1) + i] - boxes[SIDES * k + i]) / unit[i];
}

/* Of each of ``count`` rows that does not rest: offsets [., window - 1, SIDES], oldest first, of which
 * lengths [.] count, and scales [., SIDES] -> how many these are, or -1 where a window holds none of its
 * boxes, or more than it can. */
static int64_t ask_windows(const Motion *m, int64_t count, const int64_t *rows, float *state,
                           float *offsets, int64_t *lengths, float *scales) {
    int64_t asked = 0;
    for (int64_t i = 0; i < count; i++) {
        float *own = state + row_of(rows, i) * state_floats(m), held = *count_of(m, own);
        if (!(held >= 1 && held <= (float)m->window)) return -1;
        if (*gap_of(m, own) >= (float)m->horizon) continue;
        if (*gap_of(m, own) == 0 && held > (float)m->seen_window) held = (float)m->seen_window;
        float *scale = scales + asked * SIDES;
        offset_scale(m, own, (int64_t)held, scale);
        lengths[asked] = (int64_t)held - 1;
        offsets_of(lengths[asked], own + SIDES * (m->window - (int64_t)held), scale,
                   offsets + asked * (m->window - 1) * SIDES);
        asked++;
    }
    return asked;
}

static void spread_of(const Motion *m, float gap, const float *box, float *spread) {
    const float *measured = m->measured + SIDES * (frames_of(m, gap) - 1);
    for (int k = 0; k < SIDES; k++) {
        spread[k] = measured[k] * box[2 + k % 2];
        if (gap > (float)m->horizon) spread[k] *= sqrtf(gap / (float)m->horizon);
    }
}

/* moved [., SIDES]: what the network says of the rows that ``ask_windows`` asked for, in units of
 * ``scales``. The boxes of all rows [count, SIDES] and their spread; both lie in the state, too, and its
 * gaps count one more. -> how many were asked for. */
static int64_t move_windows(const Motion *m, int64_t count, const int64_t *rows, float *state,
                            const float *moved, const float *scales, float *boxes, float *spread) {
    int64_t asked = 0, kept = SIDES * (m->window - 1);
    for (int64_t i = 0; i < count; i++) {
        float *own = state + row_of(rows, i) * state_floats(m), *box = boxes + SIDES * i;
        float *gap = gap_of(m, own), *held = count_of(m, own);
        memcpy(box, own + kept, SIDES * sizeof(float));
        for (int k = 0; *gap < (float)m->horizon && k < SIDES; k++) {
            float offset = moved[SIDES * asked + k] * scales[SIDES * asked + k];
            box[k] = within(box[k] + offset, k < 2 ? -FARTHEST : SMALLEST, FARTHEST);
        }
        asked += *gap < (float)m->horizon;
        memmove(own, own + SIDES, kept * sizeof(float));
        memcpy(own + kept, box, SIDES * sizeof(float));
        *held = *held < (float)m->window ? *held + 1 : *held;
        *gap += 1;
        spread_of(m, *gap, box, spread + SIDES * i);
    }
    return asked;
}

/* The predicted boxes of the last ``gap`` frames become a straight line to the newest one: in double
 * precision, as numpy has it where integers are divided. */
static void straighten(const Motion *m, float *own, float gap) {
    int64_t last = m->window - 1;
    if (!(gap >= 0)) return;
    int64_t before = gap < (float)(last - 1) ? last - 1 - (int64_t)gap : 0;
    const float *start = own + SIDES * before, *end = own + SIDES * last;
    for (int64_t k = before + 1; k <= last; k++) {
        double share = (double)(k - before) / (double)more(last - before, 1);
        for (int i = 0; i < SIDES; i++)
            own[SIDES * k + i] = (float)(start[i] + share * (double)(end[i] - start[i]));
    }
}

/* A new track at a box. */
static void start_window(const Motion *m, const float *box, float *own) {
    for (int64_t k = 0; k < m->window; k++) memcpy(own + SIDES * k, box, SIDES * sizeof(float));
    *count_of(m, own) = 1, *gap_of(m, own) = 0;
}

/* The tracks ``rows`` were seen at boxes [count, SIDES]. */
static void correct_windows(const Motion *m, int64_t count, const int64_t *rows, const float *boxes,
                            float *state) {
    for (int64_t c = 0; c < count; c++) {
        float *own = state + rows[c] * state_floats(m), *gap = gap_of(m, own);
        memcpy(own + SIDES * (m->window - 1), boxes + SIDES * c, SIDES * sizeof(float));
        if (m->straightens) straighten(m, own, *gap - 1);
        *gap = 0;
    }
}
