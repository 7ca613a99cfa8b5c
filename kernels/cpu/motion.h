/* What the causal predictor does beside its network, mambatrack/motion/causal_predictor.py to the
 * bit, and in its order: the state of a track is described there. Logarithms and exponentials are
 * numpy's, taken between two calls. */
#pragma once
#include "kalman.h"

enum { SEEN = 4, SIZE = 8, GAP = 9, PENDING = 10, TOKEN = 7, HEAD = 17, OUTPUTS = 8, SIZED = 5 };
#define UNITS 20.0f
#define SIZE_WEIGHT .2f
#define LOWEST_LOG_SCALE -7.0f
#define HIGHEST_LOG_SCALE 2.0f

/* A motion model. horizon: frames that the spread was fitted to; measured [horizon, 4].
 * The causal predictor's: carried: floats of A, and of B; log_gaps [horizon + 1]: log1p of 0, 1, ...
 * The window predictor's (window_motion.h): window: boxes of a track, 0 of the other predictor;
 * seen_window: those that are read of one seen in the frame before; straightens: what was predicted in a gap becomes a line; scale [4]: pixels per unit of offset, NULL
 * where that is the track's own. filter: the Kalman filter, NULL of the other two. */
typedef struct {
    int64_t carried, horizon, window, seen_window, straightens;
    const float *measured, *log_gaps, *scale;
    const Kalman *filter;
} Motion;

INLINE int is_causal(const Motion *m) { return !m->window && !m->filter; }

INLINE int64_t state_floats(const Motion *m) {
    return m->filter ? FILTER : m->window ? 4 * m->window + 2 : HEAD + 2 * m->carried;
}

/* Of a gap: from 1 to the horizon. */
INLINE int64_t frames_of(const Motion *m, float gap) {
    return gap >= 1 && gap < m->horizon ? (int64_t)gap : m->horizon;
}

/* rows [count] of a state, NULL for the first ``count``. */
INLINE int64_t row_of(const int64_t *rows, int64_t i) { return rows ? rows[i] : i; }

/* tokens [count, TOKEN]: the pending ones; places [count]: where in ``state`` the carried state lies
 * that they are fed to, A of a track seen last, else B; resting [., carried]: B of those beyond the
 * horizon, which ``rest`` puts back. */
static void feed(const Motion *m, int64_t count, const int64_t *rows, float *state, float *tokens,
                 int64_t *places, float *resting) {
    int64_t size = state_floats(m), carried = m->carried;
    for (int64_t i = 0; i < count; i++) {
        int64_t row = row_of(rows, i);
        float *own = state + row * size, *A = own + HEAD, *B = A + carried;
        memcpy(tokens + TOKEN * i, own + PENDING, TOKEN * sizeof(float));
        places[i] = row * size + HEAD + (own[GAP] != 0 ? carried : 0);
        if (own[GAP] >= m->horizon) {
            memcpy(resting, B, carried * sizeof(float));
            resting += carried;
        }
        if (own[GAP] != 0 && own[GAP] < 2) memcpy(B, A, carried * sizeof(float));
    }
}

static void rest(const Motion *m, int64_t count, const int64_t *rows, float *state,
                 const float *resting) {
    for (int64_t i = 0; i < count; i++) {
        float *own = state + row_of(rows, i) * state_floats(m);
        if (own[GAP] < m->horizon) continue;
        memcpy(own + HEAD + m->carried, resting, m->carried * sizeof(float));
        resting += m->carried;
    }
}

/* outputs [count, OUTPUTS] of the network -> boxes [count, 4], log_scales [count, 4], ratios [count]
 * of width to height; the gap counts one more. */
static void move_boxes(const Motion *m, int64_t count, const int64_t *rows, float *state,
                       const float *outputs, float *boxes, float *log_scales, float *ratios) {
    for (int64_t i = 0; i < count; i++) {
        float *own = state + row_of(rows, i) * state_floats(m), *box = boxes + 4 * i, unit = own[SIZE] / UNITS;
        const float *out = outputs + OUTPUTS * i;
        int resting = own[GAP] >= m->horizon, sized = own[GAP] >= SIZED;
        for (int k = 0; k < 4; k++) {
            float to = plausible(own[k] + out[k] * unit, k);
            box[k] = resting || (sized && k > 1) ? own[k] : to;
            log_scales[4 * i + k] = within(out[4 + k], LOWEST_LOG_SCALE, HIGHEST_LOG_SCALE);
        }
        ratios[i] = box[2] / box[3];
        own[GAP] += 1;
        if (!resting) {
            for (int k = 0; k < 4; k++) own[PENDING + k] = (box[k] - own[k]) / unit;
            own[PENDING + 4] = 0;
            own[PENDING + 5] = m->log_gaps[frames_of(m, own[GAP])];
        }
        memcpy(own, box, 4 * sizeof(float));
    }
}

/* Of a track that was the same as this one: what its last step changed, and what it being seen does. */
static void copy_step(const Motion *m, const float *from, float *to) {
    int64_t half = HEAD + (from[GAP] > 1 ? m->carried : 0);
    if (!is_causal(m)) {
        memcpy(to, from, state_floats(m) * sizeof(float));
        return;
    }
    memcpy(to, from, HEAD * sizeof(float));
    memcpy(to + half, from + half, m->carried * sizeof(float));
}

static void copy_corrected(const Motion *m, const float *from, float *to) {
    memcpy(to, from, (is_causal(m) ? HEAD : state_floats(m)) * sizeof(float));
}

/* With the logarithm of ``ratios`` and the scales [count, 4], which become the spread in pixels. */
static void spread_boxes(const Motion *m, int64_t count, const int64_t *rows, float *state,
                         const float *ratios, float *scales) {
    for (int64_t i = 0; i < count; i++) {
        float *own = state + row_of(rows, i) * state_floats(m), gap = own[GAP], horizon = (float)m->horizon;
        const float *measured = m->measured + 4 * (frames_of(m, gap) - 1);
        float grown = gap > horizon ? sqrtf(gap / horizon) : 1;
        if (gap <= horizon) own[PENDING + 6] = ratios[i];
        for (int k = 0; k < 4; k++)
            scales[4 * i + k] *= measured[k] * own[2 + k % 2] * grown;
    }
}

/* A new track at a box; log_ratio: of its width to its height. */
static void start_causal(const Motion *m, const float *box, float log_ratio, float *own) {
    memset(own, 0, state_floats(m) * sizeof(float));
    memcpy(own, box, 4 * sizeof(float));
    memcpy(own + SEEN, box, 4 * sizeof(float));
    own[SIZE] = sqrtf(box[2] * box[3]);
    own[PENDING + 6] = log_ratio;
}

/* logs [2, count]: what a logarithm is taken of where the tracks ``rows`` were seen at ``boxes``:
 * frames since the last time, width to height. */
static void ask_logs(const Motion *m, int64_t count, const int64_t *rows, const float *boxes,
                     const float *state, float *logs) {
    for (int64_t c = 0; c < count; c++) {
        logs[c] = state[rows[c] * state_floats(m) + GAP];
        logs[count + c] = boxes[4 * c + 2] / boxes[4 * c + 3];
    }
}

static void correct(const Motion *m, int64_t count, const int64_t *rows, const float *boxes,
                    const float *logs, float *state) {
    for (int64_t c = 0; c < count; c++) {
        float *own = state + rows[c] * state_floats(m);
        const float *box = boxes + 4 * c;
        own[SIZE] += SIZE_WEIGHT * (sqrtf(box[2] * box[3]) - own[SIZE]);
        float units = own[GAP] * (own[SIZE] / UNITS);
        for (int k = 0; k < 4; k++) own[PENDING + k] = (box[k] - own[SEEN + k]) / units;
        own[PENDING + 4] = logs[c], own[PENDING + 5] = 0, own[PENDING + 6] = logs[count + c];
        memcpy(own, box, 4 * sizeof(float));
        memcpy(own + SEEN, box, 4 * sizeof(float));
        own[GAP] = 0;
    }
}
