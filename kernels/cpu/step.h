/* The causal network of mambatrack/networks/causal.py: one new token for each of many tracks, whose
 * convolution tails, scan states and newest tokens lie in the caller's memory and move on in
 * place. */
#pragma once
#include "network.h"

/* Convolution over the last taps - 1 inputs kept in ``tail`` and the new one x; then x is kept. */
static void convolve_step(const Shape *n, const Direction *w, const float *x, float *tail,
                          float *u) {
    int64_t past = n->taps - 1;
    for (int64_t c = 0; c < n->inner; c += LANES) {
        vf sum = load(w->conv_bias + c) + load(w->taps + past * n->inner + c) * load(x + c);
        for (int64_t k = 0; k < past; k++) {
            float *kept = tail + k * n->inner + c;
            sum += load(w->taps + k * n->inner + c) * load(kept);
            store(kept, load(k + 1 < past ? kept + n->inner : x + c));
        }
        store(u + c, sum * sigmoid2(sum));
    }
}

/* One step of the recurrence; h [states, inner] is updated in place. next: of the next row, which is on
 * its way from memory meanwhile. */
static void scan_step(const Shape *n, const Direction *w, const float *select, const float *u,
                      const float *z, float *h, const float *next, float *to) {
    const float *B = select + n->rank, *C = B + n->states;
    for (int64_t c = 0; c < n->inner; c += LANES) {
        vf dt = load(w->dt_bias + c), x = load(u + c);
        for (int64_t r = 0; r < n->rank; r++) dt += load(w->dt + r * n->inner + c) * select[r];
        dt = softplus2(dt);
        vf y = load(w->D + c) * x, inflow = dt * x;
        for (int64_t i = 0; i < n->states; i++) {
            float *kept = h + i * n->inner + c;
            __builtin_prefetch(next + i * n->inner + c);
            vf decay = exp2_decay(dt * load(w->A + i * n->inner + c));
            vf state = next_state(decay, load(kept), inflow, B[i]);
            store(kept, state);
            y += state * C[i];
        }
        vf gate = load(z + c);
        store(to + c, y * (gate * sigmoid2(gate)));
    }
}

/* The newest tokens of one row, newest first, from the new one and those kept; then they are kept
 * but for the oldest. */
static void recall(const Shape *n, const float *token, float *kept, float *recent) {
    int64_t past = (n->back - 1) * n->inputs;
    memcpy(recent, token, n->inputs * sizeof(float));
    memcpy(recent + n->inputs, kept, past * sizeof(float));
    memcpy(kept, recent, past * sizeof(float));
}

/* The look-back of every row, whose new token lies in s->hidden: behind it comes the mean of what
 * the branch scans. It reads from right to left, which is in the order of ``recall``. */
static void look_back(const Shape *n, const float **at, const Scratch *s, int count,
                      const int64_t *rows, float *state, int64_t stride) {
    int inner = (int)n->inner, back = (int)n->back, most = BLOCK / back;
    int64_t lengths[BLOCK], kept = n->layers * (n->taps - 1 + n->states) * n->inner;
    Layer branch = {.in = take(at, n->inputs * 2 * inner), .in_bias = take(at, 2 * inner)};
    branch.direction[0] = next_direction(n, at);
    for (int i = 0; i < most; i++) lengths[i] = back;
    for (int from = 0; from < count; from += most) {
        int some = count - from < most ? count - from : most;
        float *to = s->hidden + from * n->first;
        for (int i = 0; i < some; i++)
            recall(n, to + i * n->first, state + rows[from + i] * stride + kept,
                   s->recent + i * back * n->inputs);
        product(some * back, (int)n->inputs, 2 * inner, s->recent, n->inputs, branch.in,
                branch.in_bias, s->in, 2 * inner);
        mamba(n, &branch, s, 0, some, some * back, lengths);
        for (int i = 0; i < some; i++)
            average(s->scanned + i * back * inner, back, inner, to + i * n->first + n->inputs);
    }
}

/* One new token for each of ``count`` rows (at most BLOCK) of state, see ``step_network``. */
static void step_block(const Shape *n, const Scratch *s, int count, const float *tokens,
                       const int64_t *rows, float *state, int64_t stride, float *out) {
    for (int i = 0; i < count; i++)
        for (int64_t c = 0; c < n->inputs; c++)
            s->hidden[i * n->first + c] = bounded(tokens[i * n->inputs + c], n->limit);
    const float *at = n->weights;
    if (n->back) look_back(n, &at, s, count, rows, state, stride);
    int inner = (int)n->inner;
    int64_t tail = 0;
    for (int64_t l = 0; l < n->layers; l++) {
        Layer layer = next_layer(n, l, &at);
        const Direction *w = &layer.direction[0];
        project_in(n, &layer, s, count);
        for (int i = 0; i < count; i++)
            convolve_step(n, w, s->in + i * 2 * inner, state + rows[i] * stride + tail,
                          s->conv + i * inner);
        product(count, inner, (int)n->select, s->conv, inner, w->select, NULL, s->select[0],
                n->select);
        tail += (n->taps - 1) * inner;
        for (int i = 0; i < count; i++)
            scan_step(n, w, s->select[0] + i * n->select, s->conv + i * inner,
                      s->in + i * 2 * inner + inner, state + rows[i] * stride + tail,
                      state + rows[i + 1 < count ? i + 1 : i] * stride + tail, s->scanned + i * inner);
        tail += n->states * inner;
        mix(n, &layer, s, count);
    }
    head(n, s, at, count, s->tokens, out);
}

/* tokens [count, inputs], the state of row rows[i] at state + rows[i] * stride ->
 * out [count, outputs].
 * A row's state, updated in place: for each layer the convolution's tail [taps - 1, inner], oldest
 * first, and h [states, inner]; then with look-back the newest tokens [back - 1, inputs], newest
 * first; all 0 for a new track. No row may be named twice. Returns -1, or
 * the first i whose row is not one of ``table``; nothing is written then. */
static int64_t step_network(const Shape *n, float *memory, int64_t count, const float *tokens,
                            const int64_t *rows, int64_t table, float *state, int64_t stride,
                            float *out) {
    int64_t wrong = first_outside(count, rows, table - 1);
    if (wrong >= 0) return wrong;
    Scratch s = lay_out(n, memory, BLOCK);
    for (int64_t from = 0; from < count; from += BLOCK) {
        int64_t some = count - from < BLOCK ? count - from : BLOCK;
        step_block(n, &s, (int)some, tokens + from * n->inputs, rows + from, state, stride,
                   out + from * n->outputs);
    }
    return -1;
}
