/* The motion predictor of mambatrack/networks/window.py in one call: a window of offsets per track
 * in, the next offset out. */
#pragma once
#include "network.h"

/* The mean of each row's tokens, which the head reads. */
static void pool(const Shape *n, const Scratch *s, int rows, const int64_t *lengths) {
    const float *token = s->tokens;
    for (int row = 0; row < rows; token += lengths[row++] * n->width)
        average(token, lengths[row], n->width, s->pooled + row * n->width);
}

/* offsets [rows, window, inputs] -> out [rows, outputs] for a block of rows with ``tokens`` offsets. */
static void window_block(const Shape *n, const Scratch *s, int rows, int tokens, int64_t window,
                         const float *offsets, const int64_t *lengths, float *out) {
    float *to = s->hidden;
    for (int row = 0; row < rows; to += lengths[row++] * n->inputs)
        bound(lengths[row] * n->inputs, offsets + row * window * n->inputs, n->limit, to);
    const float *at = n->weights;
    for (int64_t i = 0; i < n->layers; i++) {
        Layer layer = next_layer(n, i, &at);
        project_in(n, &layer, s, tokens);
        for (int d = 0; d < n->directions; d++) mamba(n, &layer, s, d, rows, tokens, lengths);
        mix(n, &layer, s, tokens);
    }
    pool(n, s, rows, lengths);
    head(n, s, at, rows, s->pooled, out);
    for (int row = 0; row < rows; row++)
        if (!lengths[row]) memset(out + row * n->outputs, 0, n->outputs * sizeof(float));
}

/* offsets [batch, window, inputs], of which the first lengths [batch] count -> out [batch, outputs].
 * Returns -1, or the first row whose length does not fit; nothing is written then. */
static int64_t window_network(const Shape *n, float *memory, int64_t batch, int64_t window,
                           const float *offsets, const int64_t *lengths, float *out) {
    int64_t wrong = first_outside(batch, lengths, window);
    if (wrong >= 0) return wrong;
    Scratch s = lay_out(n, memory, window > BLOCK ? window : BLOCK);
    for (int64_t from = 0; from < batch;) {
        int64_t rows = 1, tokens = lengths[from];
        while (from + rows < batch && rows < BLOCK && tokens + lengths[from + rows] <= BLOCK)
            tokens += lengths[from + rows++];
        window_block(n, &s, (int)rows, (int)tokens, window, offsets + from * window * n->inputs,
                     lengths + from, out + from * n->outputs);
        from += rows;
    }
    return -1;
}
