/* What the motion networks share: sizes, the order of the weights, scratch memory, a Mamba block, its
 * MLP and the head. Tokens of many tracks lie packed one after the other, so that padding costs
 * nothing, and are worked on in blocks that stay in the second-level cache.
 *
 * Widths are padded to LANES by packing.py with weights of 0; a padded activation is 0. What goes into
 * SiLU and softplus and comes out of them is in units of ln 2 (packing.py). */
#pragma once
#include "gemm.h"
#include "memory.h"
#include "scan.h"
#include "shape.h"

typedef struct {
    const float *taps, *conv_bias, *select, *dt, *dt_bias, *A, *D;
} Direction;

typedef struct {
    const float *in, *in_bias, *out, *up, *up_bias, *down, *down_bias, *scale, *shift;
    Direction direction[2];
} Layer;

/* Activations of one block, [tokens, ...]; see ``scratch_floats``. */
typedef struct {
    float *tokens, *in, *conv, *select[2], *scanned, *mixed, *hidden, *pooled, *recent;
} Scratch;

/* Tokens of one block: what they need in every step fits the second-level cache. */
enum { BLOCK = 60 };

static Direction next_direction(const Shape *n, const float **at) {
    Direction d;
    d.taps = take(at, n->taps * n->inner);
    d.conv_bias = take(at, n->inner);
    d.select = take(at, n->inner * n->select);
    d.dt = take(at, n->rank * n->inner);
    d.dt_bias = take(at, n->inner);
    d.A = take(at, n->states * n->inner);
    d.D = take(at, n->inner);
    return d;
}

/* Layer i. The embedding is part of the first one's input projection, which has a bias then. */
static Layer next_layer(const Shape *n, int64_t i, const float **at) {
    Layer layer;
    int64_t inputs = 2 * n->directions * n->inner;
    layer.in = take(at, (i ? n->width : n->first) * inputs);
    layer.in_bias = i ? NULL : take(at, inputs);
    for (int64_t d = 0; d < n->directions; d++) layer.direction[d] = next_direction(n, at);
    layer.out = take(at, n->directions * n->inner * n->width);
    layer.up = take(at, n->width * n->hidden);
    layer.up_bias = take(at, n->hidden);
    layer.down = take(at, n->hidden * n->width);
    layer.down_bias = take(at, n->width);
    layer.scale = take(at, n->width);
    layer.shift = take(at, n->width);
    return layer;
}

/* What lies in s.hidden for each token: the MLP's channels, what the first layer reads, or the
 * first layer of the head. */
INLINE int64_t in_hidden(const Shape *n) { return more(n->width, more(n->hidden, n->first)); }

/* What lies in s.in for each token: inputs of convolutions and gates, or outputs of the head. */
INLINE int64_t in_in(const Shape *n) {
    return more(2 * n->directions * n->inner, padded(n->outputs));
}

static int64_t scratch_floats(const Shape *n, int64_t tokens) {
    int64_t inner = n->directions * n->inner;
    int64_t recent = n->back ? n->inputs : 0;
    return tokens * (3 * n->width + in_in(n) + 2 * inner + 2 * n->select + in_hidden(n) + recent);
}

static Scratch lay_out(const Shape *n, float *memory, int64_t tokens) {
    int64_t inner = tokens * n->directions * n->inner;
    Scratch s;
    s.tokens = memory;
    s.mixed = s.tokens + tokens * n->width;
    s.pooled = s.mixed + tokens * n->width;
    s.in = s.pooled + tokens * n->width;
    s.conv = s.in + tokens * in_in(n);
    s.scanned = s.conv + inner;
    s.select[0] = s.scanned + inner;
    s.select[1] = s.select[0] + tokens * n->select;
    s.hidden = s.select[1] + tokens * n->select;
    s.recent = s.hidden + tokens * in_hidden(n);
    return s;
}

/* x and z of every direction: from the tokens, in the first layer from what is in s->hidden. */
static void project_in(const Shape *n, const Layer *layer, const Scratch *s, int tokens) {
    int inputs = (int)(2 * n->directions * n->inner), width = (int)n->width;
    if (layer->in_bias)
        product(tokens, (int)n->first, inputs, s->hidden, n->first, layer->in, layer->in_bias,
                s->in, inputs);
    else
        product(tokens, width, inputs, s->tokens, width, layer->in, NULL, s->in, inputs);
}

/* Causal convolution and SiLU of one row: x, u point at its first token in scan order. Before it are zeros. */
INLINE void convolve_taps(const Shape *n, const Direction *w, const int taps, int length,
                          const float *x, ptrdiff_t x_move, float *u, ptrdiff_t u_move) {
    for (int64_t c = 0; c < n->inner; c += LANES) {
        const float *tap = w->taps + (taps - 1) * n->inner + c;  /* of the newest token */
        vf bias = load(w->conv_bias + c), past[taps];
        for (int j = 1; j < taps; j++) past[j] = splat(0.0f);
        for (int s = 0; s < length; s++) {
            past[0] = load(x + s * x_move + c);
            vf sum = bias;
            for (int j = 0; j < taps; j++) sum += load(tap - j * n->inner) * past[j];
            for (int j = taps - 1; j > 0; j--) past[j] = past[j - 1];
            store(u + s * u_move + c, sum * sigmoid2(sum));
        }
    }
}

static void convolve(const Shape *n, const Direction *w, int length, const float *x,
                     ptrdiff_t x_move, float *u, ptrdiff_t u_move) {
    if (n->taps == 4)
        convolve_taps(n, w, 4, length, x, x_move, u, u_move);
    else
        convolve_taps(n, w, (int)n->taps, length, x, x_move, u, u_move);
}

/* Where a block's tokens lie for one direction: the first in scan order, floats to the next. */
typedef struct {
    const float *select, *u, *z;
    float *y;
    ptrdiff_t select_move, move, z_move;
} Lane;

/* Step sizes of LANES channels from c on, ``rank`` a constant. */
INLINE void project(const Shape *n, const Direction *w, const Lane *at, Tile *tile,
                    const int rank, int steps, int64_t c) {
    vf bias = load(w->dt_bias + c);
    for (int s = 0; s < steps; s++) {
        vf dt = bias;
        for (int r = 0; r < rank; r++)
            dt += load(w->dt + r * n->inner + c) * at->select[s * at->select_move + r];
        tile->dt[s] = softplus2(dt);
        tile->inflow[s] = tile->dt[s] * load(at->u + s * at->move + c);
    }
}

/* Rows in scan order, so far as they are scanned: lengths of those to come, ``move`` from one to the
 * next; left: tokens of the present one; fresh: none of them is scanned yet. */
typedef struct {
    const int64_t *lengths;
    int move, left, fresh;
} Rows;

/* Step sizes, recurrence, skip and gate of LANES channels from c on. */
INLINE void scan_lane(const Shape *n, const Direction *w, const Lane *at, Tile *tile, int steps,
                      int64_t c, const vf *a, vf *h, Rows *rows) {
    if (n->rank == 1)
        project(n, w, at, tile, 1, steps, c);
    else if (n->rank == 2)
        project(n, w, at, tile, 2, steps, c);
    else if (n->rank == 4)
        project(n, w, at, tile, 4, steps, c);
    else
        project(n, w, at, tile, (int)n->rank, steps, c);
    const float *B = at->select + n->rank;
    for (int s = 0, end; s < steps; s = end) {
        for (; !rows->left; rows->lengths += rows->move) rows->left = (int)*rows->lengths, rows->fresh = 1;
        end = s + rows->left < steps ? s + rows->left : steps;
        recur(tile, s, end, (int)n->states, B, B + n->states, at->select_move, a, h, 0, rows->fresh);
        rows->left -= end - s, rows->fresh = 0;
    }
    vf skip = load(w->D + c);
    for (int s = 0; s < steps; s++) {
        vf y = tile->y[s] + skip * load(at->u + s * at->move + c);
        vf z = load(at->z + s * at->z_move + c);
        store(at->y + s * at->move + c, y * (z * sigmoid2(z)));
    }
}

/* All rows of a block: tiles reach over several short ones. */
static void scan_rows(const Shape *n, const Direction *w, Lane first, int tokens, Rows all) {
    vf a[MAX_STATES], h[MAX_STATES];
    Tile tile;
    for (int64_t c = 0; c < n->inner; c += LANES) {
        for (int64_t i = 0; i < n->states; i++) a[i] = load(w->A + i * n->inner + c);
        Lane at = first;
        Rows rows = all;
        for (int done = 0; done < tokens; done += TILE) {
            int steps = tokens - done < TILE ? tokens - done : TILE;
            scan_lane(n, w, &at, &tile, steps, c, a, h, &rows);
            at.select += TILE * at.select_move;
            at.u += TILE * at.move;
            at.y += TILE * at.move;
            at.z += TILE * at.z_move;
        }
    }
}

/* One direction of every row of a block. lengths: of the block's rows, packed. */
static void mamba(const Shape *n, const Layer *layer, const Scratch *s, int i, int rows, int tokens,
                  const int64_t *lengths) {
    const Direction *w = &layer->direction[i];
    int64_t inner = n->directions * n->inner, offset = i * n->inner;
    int move = i ? -1 : 1;
    int64_t token = 0;
    for (int row = 0; row < rows; token += lengths[row++]) {
        int64_t first = token + (i && lengths[row] ? lengths[row] - 1 : 0);
        convolve(n, w, (int)lengths[row], s->in + first * 2 * inner + offset, move * 2 * inner,
                 s->conv + first * inner + offset, move * inner);
    }
    product(tokens, (int)n->inner, (int)n->select, s->conv + offset, inner, w->select, NULL,
            s->select[i], n->select);
    if (!tokens) return;
    int64_t first = i ? tokens - 1 : 0;
    Lane at = {
        .select = s->select[i] + first * n->select,
        .u = s->conv + first * inner + offset,
        .z = s->in + first * 2 * inner + inner + offset,
        .y = s->scanned + first * inner + offset,
        .select_move = move * n->select,
        .move = move * inner,
        .z_move = move * 2 * inner,
    };
    scan_rows(n, w, at, tokens, (Rows){.lengths = i ? lengths + rows - 1 : lengths, .move = move});
}

static void activate(float *x, int64_t count) {
    for (int64_t i = 0; i < count; i += LANES) store(x + i, gelu(load(x + i)));
}

/* s->tokens = s->mixed + LayerNorm(s->tokens); the weights of the MLP have taken off the mean of its
 * outputs. */
static void add_normalised(const Shape *n, const Layer *layer, const Scratch *s, int tokens) {
    int64_t width = n->width;
    float *inverse = s->in;
    for (int t = 0; t < tokens; t++) {
        const float *x = s->tokens + t * width;
        vf square = splat(0.0f);
        for (int64_t c = 0; c < width; c += LANES) square += load(x + c) * load(x + c);
        inverse[t] = total(square) / (float)n->model;
    }
    for (int t = 0; t < tokens; t++) /* NORM_EPSILON of networks/units.py */
        inverse[t] = 1.0f / __builtin_sqrtf(inverse[t] + 1e-5f);
    for (int t = 0; t < tokens; t++)
        for (int64_t c = 0; c < width; c += LANES) {
            float *x = s->tokens + t * width + c;
            vf y = load(s->mixed + t * width + c) + load(layer->shift + c);
            store(x, y + load(x) * inverse[t] * load(layer->scale + c));
        }
}

/* X' = Y + LayerNorm(MLP(Y)) with Y = out(scanned), from s->scanned to s->tokens. */
static void mix(const Shape *n, const Layer *layer, const Scratch *s, int tokens) {
    int inner = (int)(n->directions * n->inner), width = (int)n->width, hidden = (int)n->hidden;
    product(tokens, inner, width, s->scanned, inner, layer->out, NULL, s->mixed, width);
    product(tokens, width, hidden, s->mixed, width, layer->up, layer->up_bias, s->hidden, hidden);
    activate(s->hidden, (int64_t)tokens * hidden);
    product(tokens, hidden, width, s->hidden, hidden, layer->down, layer->down_bias, s->tokens,
            width);
    add_normalised(n, layer, s, tokens);
}

/* features [rows, width] -> out [rows, outputs]; at: the head's weights. */
static void head(const Shape *n, const Scratch *s, const float *at, int rows, const float *features,
                 float *out) {
    int width = (int)n->width, outputs = (int)padded(n->outputs);
    const float *first = take(&at, width * width), *first_bias = take(&at, width);
    const float *second = take(&at, width * outputs), *second_bias = take(&at, outputs);
    product(rows, width, width, features, width, first, first_bias, s->hidden, width);
    activate(s->hidden, (int64_t)rows * width);
    product(rows, width, outputs, s->hidden, width, second, second_bias, s->in, outputs);
    for (int row = 0; row < rows; row++)
        memcpy(out + row * n->outputs, s->in + row * outputs, n->outputs * sizeof(float));
}

/* The mean over ``count`` tokens [count, width]; 0 of none. */
static void average(const float *tokens, int64_t count, int64_t width, float *to) {
    float share = count ? 1.0f / (float)count : 0.0f;
    for (int64_t c = 0; c < width; c += LANES) {
        vf sum = splat(0.0f);
        for (int64_t t = 0; t < count; t++) sum += load(tokens + t * width + c);
        store(to + c, sum * share);
    }
}
