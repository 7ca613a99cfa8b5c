/* The pair network of mambatrack/learning/association_network.py in one call: the features of a
 * frame's candidate pairs, what is known of each detection by itself and the code of each track's
 * history in; the log-odds of pairs and of people out.
 *
 * Pairs are worked on in blocks that stay in the second-level cache. What the pairs of a track or
 * of a detection hear of each other is the largest of them, channel by channel and at least 0; a
 * pair with a NaN is not heard. Widths are padded to LANES by pairs.py with weights of 0. */
#pragma once
#include "network.h"

typedef struct {
    int64_t features, alone, code;  /* of a pair, of a detection, of a track's history */
    int64_t wide, width;            /* padded: of the first layer, of all others */
    int64_t rounds;
    float limit;                    /* normalised inputs beyond it are taken as it */
    const float *weights;           /* in the order of pairs.py */
    int64_t floats;              /* of weights */
} PairShape;

typedef struct {
    const float *mean, *scale;
} Normal;

typedef struct {
    const float *matrix, *bias;
} Linear;

typedef struct {
    Normal feature, alone;
    Linear pair, reduce, track, detection;
    const float *history, *rounds;
    const float *out, *track_out, *detection_out;  /* [1 or 2, width] */
    const float *out_bias;                         /* of out, of track_out, of detection_out */
} PairWeights;

/* The tracks, or the detections, of all pairs. */
typedef struct {
    int64_t count;
    const int64_t *of;  /* [pairs] */
    float *most;        /* [count, width]: the largest of its pairs */
    float *heard;       /* [count, width]: what each of its pairs hears of it */
    float *none;        /* [count]: log-odds that it is in no pair */
} Side;

typedef struct {
    Side track, detection;
    float *hidden;                 /* [pairs, width] */
    float *history;                /* [tracks, wide] */
    float *first, *second, *rows;  /* of one block: results of layers, normalised inputs */
} PairScratch;

static Normal next_normal(const float **at, int64_t count) {
    const float *mean = take(at, padded(count));
    return (Normal){mean, take(at, padded(count))};
}

static Linear next_linear(const float **at, int64_t inputs, int64_t outputs) {
    const float *matrix = take(at, inputs * outputs);
    return (Linear){matrix, take(at, outputs)};
}

static PairWeights pair_weights(const PairShape *n) {
    const float *at = n->weights;
    int64_t width = n->width;
    PairWeights w = {.feature = next_normal(&at, n->features)};
    w.alone = next_normal(&at, n->alone);
    w.pair = next_linear(&at, n->features, n->wide);
    w.history = take(&at, n->code * n->wide);
    w.reduce = next_linear(&at, n->wide, width);
    w.rounds = take(&at, n->rounds * (3 * width + 1) * width);
    w.track = next_linear(&at, width, width);
    w.detection = next_linear(&at, width + n->alone, width);
    w.out = take(&at, width);
    w.track_out = take(&at, width);
    w.detection_out = take(&at, 2 * width);
    w.out_bias = at;
    return w;
}

static void claim_side(const PairShape *n, float *memory, int64_t *used, Side *side) {
    side->most = claim(memory, used, side->count * n->width);
    side->heard = claim(memory, used, side->count * n->width);
    side->none = claim(memory, used, padded(side->count));
}

/* The places of everything in ``memory``, or NULL where that is NULL; returns what it needs. */
static int64_t lay_out_pairs(const PairShape *n, float *memory, int64_t pairs, int64_t tracks,
                             int64_t detections, PairScratch *s) {
    int64_t used = 0, seen = n->width + n->alone;
    s->track.count = tracks, s->detection.count = detections;
    s->hidden = claim(memory, &used, pairs * n->width);
    s->history = claim(memory, &used, tracks * n->wide);
    s->first = claim(memory, &used, BLOCK * n->wide);
    s->second = claim(memory, &used, BLOCK * n->width);
    claim_side(n, memory, &used, &s->track);
    claim_side(n, memory, &used, &s->detection);
    s->rows = claim(memory, &used, BLOCK * (seen > n->features ? seen : n->features));
    return used;
}

#define BLOCKS(of, from, count)                                                               \
    for (int64_t from = 0, count; count = (of) - from < BLOCK ? (of) - from : BLOCK, count > 0; \
         from += count)

/* Columns of values [size, .], normalised: value f of row i to to[i * row + f * column]. */
INLINE void normalise(const Normal *by, int64_t size, float limit, const float *values, int64_t stride,
                      int64_t count, float *to, int64_t row, int64_t column) {
    for (int64_t f = 0; f < size; f++)
        for (int64_t i = 0; i < count; i++)
            to[i * row + f * column] =
                bounded((values[f * stride + i] - by->mean[f]) * by->scale[f], limit);
}

/* The product of ``count`` rows of ``inputs`` floats, at least 0. */
static void relu_layer(const Linear *layer, int count, int64_t inputs, int64_t outputs,
                       const float *rows, float *to) {
    product(count, (int)inputs, (int)outputs, rows, inputs, layer->matrix, layer->bias, to,
            outputs);
    for (int64_t i = 0; i < count * outputs; i += LANES) store(to + i, at_least(load(to + i), 0));
}

/* Of a block of pairs: the features and the history of the track -> hidden. */
static void embed_pairs(const PairShape *n, const PairWeights *w, const PairScratch *s,
                        int64_t pairs, int64_t from, int count, const float *features) {
    int64_t wide = n->wide;
    normalise(&w->feature, n->features, n->limit, features + from, pairs, count, s->rows, 1, BLOCK);
    product_of_columns(count, (int)n->features, (int)wide, s->rows, BLOCK, w->pair.matrix,
                       w->pair.bias, s->first, wide);
    for (int i = 0; i < count; i++) {
        float *row = s->first + i * wide, *known = s->history + s->track.of[from + i] * wide;
        for (int64_t c = 0; c < wide; c += LANES)
            store(row + c, at_least(load(row + c) + load(known + c), 0));
    }
    relu_layer(&w->reduce, count, wide, n->width, s->first, s->hidden + from * n->width);
}

/* What each pair of a side hears of it; then the side has heard of none. */
static void tell(const PairShape *n, Side *side, const float *matrix) {
    int width = (int)n->width;
    product((int)side->count, width, width, side->most, width, matrix, NULL, side->heard, width);
    memset(side->most, 0, side->count * n->width * sizeof(float));
}

static void hear(const PairShape *n, Side *side, int64_t from, int count, const float *hidden) {
    for (int i = 0; i < count; i++) {
        float *most = side->most + side->of[from + i] * n->width;
        for (int64_t c = 0; c < n->width; c += LANES)
            store(most + c, larger(load(hidden + i * n->width + c), load(most + c)));
    }
}

static void hear_all(const PairShape *n, PairScratch *s, int64_t from, int count) {
    hear(n, &s->track, from, count, s->hidden + from * n->width);
    hear(n, &s->detection, from, count, s->hidden + from * n->width);
}

/* Of a block of pairs: hidden += relu(own(hidden) + what was heard). */
static void mix_pairs(const PairShape *n, const PairScratch *s, const Linear *own, int64_t from,
                      int count) {
    int64_t width = n->width;
    float *hidden = s->hidden + from * width;
    product(count, (int)width, (int)width, hidden, width, own->matrix, own->bias, s->second,
            width);
    for (int i = 0; i < count; i++) {
        const float *track = s->track.heard + s->track.of[from + i] * width;
        const float *detection = s->detection.heard + s->detection.of[from + i] * width;
        for (int64_t c = 0; c < width; c += LANES) {
            float *kept = hidden + i * width + c;
            vf sum = load(s->second + i * width + c) + load(track + c) + load(detection + c);
            store(kept, load(kept) + at_least(sum, 0));
        }
    }
}

static float dot(int64_t width, const float *a, const float *b) {
    vf sum = splat(0.0f);
    for (int64_t c = 0; c < width; c += LANES) sum += load(a + c) * load(b + c);
    return total(sum);
}

/* Of a block of tracks, and of detections: that they are in no pair. */
static void lose_tracks(const PairShape *n, const PairWeights *w, const PairScratch *s,
                        int64_t from, int count) {
    relu_layer(&w->track, count, n->width, n->width, s->track.most + from * n->width, s->second);
    for (int i = 0; i < count; i++)
        s->track.none[from + i] =
            dot(n->width, s->second + i * n->width, w->track_out) + w->out_bias[1];
}

static void leave_detections(const PairShape *n, const PairWeights *w, const PairScratch *s,
                             int64_t from, int count, const float *alone, float *people) {
    int64_t width = n->width, seen = width + n->alone;
    for (int i = 0; i < count; i++)
        memcpy(s->rows + i * seen, s->detection.most + (from + i) * width, width * sizeof(float));
    normalise(&w->alone, n->alone, n->limit, alone + from, s->detection.count, count,
              s->rows + width, seen, 1);
    relu_layer(&w->detection, count, seen, width, s->rows, s->second);
    for (int i = 0; i < count; i++) {
        const float *row = s->second + i * width, *out = w->detection_out;
        s->detection.none[from + i] = dot(width, row, out) + w->out_bias[2];
        people[from + i] = dot(width, row, out + width) + w->out_bias[3];
    }
}

static void run_rounds(const PairShape *n, const PairWeights *w, PairScratch *s, int64_t pairs) {
    const float *at = w->rounds;
    for (int64_t round = 0; round < n->rounds; round++) {
        Linear own = next_linear(&at, n->width, n->width);
        tell(n, &s->track, take(&at, n->width * n->width));
        tell(n, &s->detection, take(&at, n->width * n->width));
        BLOCKS(pairs, from, count) {
            mix_pairs(n, s, &own, from, (int)count);
            hear_all(n, s, from, (int)count);
        }
    }
}

/* features [n->features, pairs], track and detection [pairs], code [tracks, n->code], each row
 * ``stride`` floats after the last, alone [n->alone, detections] -> odds [pairs], people
 * [detections].
 * Returns -1, or i where the track of pair i is not one of ``tracks``, or pairs + i where its
 * detection is not one of ``detections``; nothing is written then. */
static int64_t pair_network(const PairShape *n, float *memory, int64_t pairs, int64_t tracks,
                            int64_t detections, const float *features, const int64_t *track,
                            const int64_t *detection, const float *code, int64_t stride,
                            const float *alone, float *odds, float *people) {
    int64_t wrong = first_outside(pairs, track, tracks - 1);
    if (wrong >= 0) return wrong;
    wrong = first_outside(pairs, detection, detections - 1);
    if (wrong >= 0) return pairs + wrong;
    PairWeights w = pair_weights(n);
    PairScratch s = {.track.of = track, .detection.of = detection};
    lay_out_pairs(n, memory, pairs, tracks, detections, &s);
    product((int)tracks, (int)n->code, (int)n->wide, code, stride, w.history, NULL, s.history,
            n->wide);
    memset(s.track.most, 0, tracks * n->width * sizeof(float));
    memset(s.detection.most, 0, detections * n->width * sizeof(float));
    BLOCKS(pairs, from, count) {
        embed_pairs(n, &w, &s, pairs, from, (int)count, features);
        hear_all(n, &s, from, (int)count);
    }
    run_rounds(n, &w, &s, pairs);
    BLOCKS(tracks, from, count) lose_tracks(n, &w, &s, from, (int)count);
    BLOCKS(detections, from, count) leave_detections(n, &w, &s, from, (int)count, alone, people);
    for (int64_t i = 0; i < pairs; i++)
        odds[i] = 2 * (dot(n->width, s.hidden + i * n->width, w.out) + w.out_bias[0]) -
                  s.track.none[track[i]] - s.detection.none[detection[i]];
    return -1;
}
