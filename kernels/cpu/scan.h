/* The selective scan of one row for LANES channels at a time, in three passes over tiles that stay
 * in the first-level cache: step sizes, recurrence, gate. (Step by step in one pass is 1.6 times
 * slower: the long chain of one softplus blocks the exponentials of the next step.) */
#pragma once
#include "simd.h"

enum { TILE = 32, MAX_STATES = 256 };

/* Up to TILE steps of LANES channels, in the order of the scan. */
typedef struct {
    vf dt[TILE], inflow[TILE], y[TILE];  /* inflow = dt x */
} Tile;

/* The recurrence: the state after a step. decay = 2^(dt a), inflow = dt x, B of this state. */
INLINE vf next_state(vf decay, vf before, vf inflow, float B) { return decay * before + inflow * B; }

/* h_t = 2^(dt_t a) h_{t-1} + inflow_t B_t and y_t += C_t h_t for ``count`` states and the steps from
 * ``begin`` to ``end`` of a tile. B, C: of the tile's first step, ``stride`` floats from one to the next;
 * a: A log2(e). Constants: first, y starts at 0; any, a may be positive. fresh: h is 0 before ``begin``
 * and is not read. */
INLINE void recur_some(Tile *tile, int begin, int end, const int count, const float *B, const float *C,
                       ptrdiff_t stride, const vf *a, vf *h, const int first, const int any,
                       int fresh) {
    vf state[4], rate[4];
    for (int n = 0; n < count; n++) rate[n] = a[n];
    if (fresh) {
        vf y = first ? splat(0.0f) : tile->y[begin];
        for (int n = 0; n < count; n++) {
            state[n] = tile->inflow[begin] * B[begin * stride + n];
            y += state[n] * C[begin * stride + n];
        }
        tile->y[begin] = y;
    } else {
        for (int n = 0; n < count; n++) state[n] = h[n];
    }
    int from = begin + (fresh ? 1 : 0);
    vf decay[TILE * 4]; /* in a loop of their own: the exponentials do not wait for the states */
    for (int s = from; s < end; s++)
        for (int n = 0; n < count; n++) {
            vf x = tile->dt[s] * rate[n];
            decay[s * count + n] = any ? exp2_any(x) : exp2_decay(x);
        }
    for (int s = from; s < end; s++) {
        vf inflow = tile->inflow[s], y = first ? splat(0.0f) : tile->y[s];
        for (int n = 0; n < count; n++) {
            state[n] = next_state(decay[s * count + n], state[n], inflow, B[s * stride + n]);
            y += state[n] * C[s * stride + n];
        }
        tile->y[s] = y;
    }
    for (int n = 0; n < count; n++) h[n] = state[n];
}

INLINE void recur(Tile *tile, int begin, int end, int states, const float *B, const float *C,
                  ptrdiff_t stride, const vf *a, vf *h, const int any, int fresh) {
    int n = 0;
    if (states >= 4) recur_some(tile, begin, end, 4, B, C, stride, a, h, 1, any, fresh), n = 4;
    for (; n + 4 <= states; n += 4)
        recur_some(tile, begin, end, 4, B + n, C + n, stride, a + n, h + n, 0, any, fresh);
    if (n + 2 <= states)
        recur_some(tile, begin, end, 2, B + n, C + n, stride, a + n, h + n, n == 0, any, fresh), n += 2;
    for (; n < states; n++)
        recur_some(tile, begin, end, 1, B + n, C + n, stride, a + n, h + n, n == 0, any,
                   fresh);
}

/* The arguments of kernels/reference.py, all contiguous; absent ones are NULL. */
typedef struct {
    int64_t batch, tokens, channels, states;
    const float *x, *dt, *A, *B, *C, *D, *z, *dt_bias, *initial;
    const int64_t *lengths;
    float *y, *final;
    int64_t softplus, reverse;
} Scan;

/* ``steps`` tokens from ``token`` on in the direction of ``move``, channels c to c + lanes. */
INLINE void scan_tile(const Scan *g, Tile *tile, int64_t token, int64_t move, int steps, int64_t c,
                      int lanes, const vf *a, vf *h) {
    vf bias = g->dt_bias ? load_some(g->dt_bias + c, lanes) : splat(0.0f);
    vf skip = g->D ? load_some(g->D + c, lanes) : splat(0.0f);
    for (int s = 0; s < steps; s++) {
        int64_t at = (token + s * move) * g->channels + c;
        vf dt = load_some(g->dt + at, lanes) + bias;
        tile->dt[s] = g->softplus ? softplus(dt) : dt;
        tile->inflow[s] = tile->dt[s] * load_some(g->x + at, lanes);
    }
    int64_t gates = token * g->states;
    recur(tile, 0, steps, (int)g->states, g->B + gates, g->C + gates, move * g->states, a, h, 1, 0);
    for (int s = 0; s < steps; s++) {
        int64_t at = (token + s * move) * g->channels + c;
        vf y = tile->y[s];
        if (g->D) y += skip * load_some(g->x + at, lanes);
        if (g->z) y *= silu(load_some(g->z + at, lanes));
        store_some(g->y + at, y, lanes);
    }
}

static void scan_channels(const Scan *g, int64_t row, int64_t length, int64_t c) {
    int lanes = g->channels - c < LANES ? (int)(g->channels - c) : LANES;
    vf a[MAX_STATES], h[MAX_STATES];
    memset(a, 0, sizeof(vf) * (size_t)g->states);
    memset(h, 0, sizeof(vf) * (size_t)g->states);
    int64_t state = (row * g->channels + c) * g->states;
    for (int64_t n = 0; n < g->states; n++)
        for (int i = 0; i < lanes; i++) {
            a[n][i] = g->A[(c + i) * g->states + n] * 1.44269504f;
            if (g->initial) h[n][i] = g->initial[state + i * g->states + n];
        }
    Tile tile;
    int64_t move = g->reverse ? -1 : 1;
    for (int64_t done = 0; done < length; done += TILE) {
        int steps = length - done < TILE ? (int)(length - done) : TILE;
        int64_t token = row * g->tokens + (g->reverse ? length - 1 - done : done);
        scan_tile(g, &tile, token, move, steps, c, lanes, a, h);
    }
    for (int64_t n = 0; g->final && n < g->states; n++)
        for (int i = 0; i < lanes; i++) g->final[state + i * g->states + n] = h[n][i];
}

static void scan(const Scan *g) {
    for (int64_t row = 0; row < g->batch; row++) {
        int64_t length = g->lengths ? g->lengths[row] : g->tokens;
        int64_t end = (row * g->tokens + length) * g->channels;
        size_t padding = (size_t)((g->tokens - length) * g->channels);
        for (int64_t c = 0; c < g->channels; c += LANES) scan_channels(g, row, length, c);
        if (padding) memset(g->y + end, 0, padding * sizeof(float));
    }
}
