/* One instruction set's functions. Compiled once for each, in its own translation unit, with
 * VARIANT naming it: everything else is static, so that no code of one ends up in another. */
#include "boxes.h"
#include "fits.h"
#include "step.h"
#include "window.h"

#define JOIN(name, variant) name##_##variant
#define EXPAND(name, variant) JOIN(name, variant)
#define PUBLIC(name) __attribute__((visibility("default"))) EXPAND(name, VARIANT)

int64_t PUBLIC(lanes)(void) { return LANES; }

/* One scan for every direction. */
void PUBLIC(selective_scan)(const Scan *arguments, int64_t directions) {
    for (int64_t i = 0; i < directions; i++) scan(&arguments[i]);
}

int64_t PUBLIC(scratch_floats)(const Shape *network, int64_t window) {
    return scratch_floats(network, window > BLOCK ? window : BLOCK);
}

/* The networks return MISFIT where the sizes do not fit the ``room`` floats of scratch memory. */
int64_t PUBLIC(window_network)(const Shape *network, float *scratch, int64_t room, int64_t batch,
                               int64_t window, const float *offsets, const int64_t *lengths,
                               float *out) {
    if (!fits(network, window > BLOCK ? window : BLOCK, room)) return MISFIT;
    return window_network(network, scratch, batch, window, offsets, lengths, out);
}

int64_t PUBLIC(step_network)(const Shape *network, float *scratch, int64_t room, int64_t count,
                             const float *tokens, const int64_t *rows, int64_t table, float *state,
                             int64_t stride, float *out) {
    if (!fits(network, BLOCK, room)) return MISFIT;
    return step_network(network, scratch, count, tokens, rows, table, state, stride, out);
}

int64_t PUBLIC(pair_scratch)(const PairShape *network, int64_t pairs, int64_t tracks,
                             int64_t detections) {
    PairScratch places;
    return lay_out_pairs(network, NULL, pairs, tracks, detections, &places);
}

int64_t PUBLIC(pair_network)(const PairShape *network, float *scratch, int64_t room,
                             int64_t pairs, int64_t tracks, int64_t detections,
                             const float *features, const int64_t *track, const int64_t *detection,
                             const float *code, int64_t stride, const float *alone, float *odds,
                             float *people) {
    if (!pairs_fit(network, pairs, tracks, detections, room)) return MISFIT;
    return pair_network(network, scratch, pairs, tracks, detections, features, track, detection,
                        code, stride, alone, odds, people);
}

/* features [n, count] -> tokens [count, n], normalised. */
void PUBLIC(pair_tokens)(const PairShape *network, int64_t count, const float *features,
                         float *tokens) {
    Normal by = pair_weights(network).feature;
    normalise(&by, network->features, network->limit, features, count, count, tokens,
              network->features);
}

void PUBLIC(neighbours)(const float *corners, int64_t count, float *memory, float *most,
                        int64_t *which) {
    neighbours(corners, count, memory, most, which);
}

int64_t PUBLIC(best_other)(int64_t pairs, const float *values, const int64_t *of, int64_t count,
                           float *memory, int64_t *holder, float *other) {
    return best_other(pairs, values, of, count, memory, holder, other);
}
