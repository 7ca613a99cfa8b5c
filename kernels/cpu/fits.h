/* Whether the sizes that a call is handed fit each other, the packed weights and the scratch memory:
 * nothing is read or written where they do not. */
#pragma once
#include "pairs.h"

enum { LARGEST_SIZE = 1 << 14, MOST_LAYERS = 64 };

INLINE int between(int64_t low, int64_t value, int64_t high) { return low <= value && value <= high; }

/* From 1 on, in whole vectors. */
INLINE int whole(int64_t size) { return between(1, size, LARGEST_SIZE) && size % LANES == 0; }

static int sound(const Shape *n) {
    return between(1, n->inputs, LARGEST_SIZE) && whole(n->width) && whole(n->inner) &&
           whole(n->hidden) && whole(n->select) && between(1, n->model, n->width) &&
           between(1, n->rank, n->select) && between(1, n->states, MAX_STATES) &&
           n->rank + 2 * n->states <= n->select && between(1, n->taps, MAX_STATES) &&
           between(1, n->layers, MOST_LAYERS) && between(1, n->directions, 2) &&
           between(0, n->back, BLOCK) && between(1, n->outputs, LARGEST_SIZE) &&
           n->first == n->inputs + (n->back ? n->inner : 0);
}

/* What next_layer, look_back and head take. */
static int64_t weight_floats(const Shape *n) {
    int64_t inputs = 2 * n->directions * n->inner, outputs = padded(n->outputs);
    int64_t direction = (n->taps + n->select + n->rank + n->states + 3) * n->inner;
    int64_t layer = n->directions * (direction + n->inner * n->width) + 2 * n->width * n->hidden +
                    n->hidden + 3 * n->width;
    int64_t back = n->back ? (n->inputs + 1) * 2 * n->inner + direction : 0;
    return back + (n->first + 1) * inputs + (n->layers - 1) * n->width * inputs +
           n->layers * layer + (n->width + 1) * (n->width + outputs);
}

static int fits(const Shape *n, int64_t tokens, int64_t room) {
    return sound(n) && tokens >= 0 && weight_floats(n) == n->floats &&
           scratch_floats(n, tokens) <= room;
}

static int pairs_sound(const PairShape *n) {
    return between(1, n->features, LARGEST_SIZE) && between(1, n->alone, LARGEST_SIZE) &&
           between(1, n->code, LARGEST_SIZE) && whole(n->wide) && whole(n->width) &&
           between(0, n->rounds, MOST_LAYERS);
}

/* What pair_weights takes; the biases of the outputs are four. */
static int64_t pair_weight_floats(const PairShape *n) {
    return pair_weights(n).out_bias - n->weights + padded(4);
}

static int pairs_fit(const PairShape *n, int64_t pairs, int64_t tracks, int64_t detections,
                     int64_t room) {
    PairScratch places;
    return pairs_sound(n) && pairs >= 0 && tracks >= 0 && detections >= 0 &&
           pair_weight_floats(n) == n->floats &&
           lay_out_pairs(n, NULL, pairs, tracks, detections, &places) <= room;
}
