/* One instruction set's networks and scan. Compiled once for each, in its own translation unit. */
#include "committee.h"
#include "depthwise.h"
#include "patches.h"
#include "variant.h"
#include "window.h"

int64_t PUBLIC(lanes)(void) { return LANES; }

/* One scan for every direction. */
void PUBLIC(selective_scan)(const Scan *arguments, int64_t directions) {
    for (int64_t i = 0; i < directions; i++) scan(&arguments[i]);
}

void PUBLIC(depthwise)(const Depthwise *arguments) { depthwise(arguments); }

void PUBLIC(patches)(const Patches *arguments) { patches(arguments); }

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

int64_t PUBLIC(score_floats)(const Members *committee, int64_t pairs, int64_t tracks,
                             int64_t detections) {
    return score_floats(committee, pairs, tracks, detections);
}

int64_t PUBLIC(remember_floats)(const Members *committee, int64_t count) {
    return remember_floats(committee, count);
}

int64_t PUBLIC(committee_scores)(const Members *committee, float *scratch, int64_t room,
                                 int64_t pairs, int64_t tracks, int64_t detections,
                                 const float *features, const int64_t *track,
                                 const int64_t *detection, const float *codes, int64_t stride,
                                 const float *alone, const float *margins, float *odds, float *people) {
    if (pairs < 0 || tracks < 0 || detections < 0 || !members_fit(committee) ||
        score_floats(committee, pairs, tracks, detections) > room)
        return MISFIT;
    return committee_scores(committee, scratch, pairs, tracks, detections, features, track,
                            detection, codes, stride, alone, margins, odds, people);
}

int64_t PUBLIC(committee_remember)(const Members *committee, float *scratch, int64_t room,
                                   const float *features, int64_t pairs, int64_t count,
                                   const int64_t *chosen, const int64_t *rows, int64_t tracks,
                                   float *memory) {
    if (count < 0 || !members_fit(committee) || remember_floats(committee, count) > room)
        return MISFIT;
    return committee_remember(committee, scratch, features, pairs, count, chosen, rows, tracks,
                              memory);
}
