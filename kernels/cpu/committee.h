/* Several pair networks that were trained alike, each with the encoder of its histories:
 * mambatrack/association/scorer.py, Committee and CommitteeEncoder. A track's memory holds the codes
 * of all members one behind the other, then what their encoders carry on. */
#pragma once
#include "fits.h"
#include "step.h"

struct Members {
    int64_t count;
    const PairShape *const *pairs;
    const Shape *const *encoders;
    float code_limit;
};

INLINE int64_t carried_floats(const Shape *n) {
    int64_t past = n->back > 1 ? (n->back - 1) * n->inputs : 0;
    return n->layers * (n->taps - 1 + n->states) * n->inner + past;
}

/* Of a track's memory: all codes, and with them all carried states. */
static int64_t code_floats(const Members *c) {
    int64_t code = 0;
    for (int64_t i = 0; i < c->count; i++) code += c->pairs[i]->code;
    return code;
}

static int64_t memory_floats(const Members *c) {
    int64_t memory = code_floats(c);
    for (int64_t i = 0; i < c->count; i++) memory += carried_floats(c->encoders[i]);
    return memory;
}

/* Scratch memory of committee_scores: of the largest member, and its odds of pairs and people. */
static int64_t score_floats(const Members *c, int64_t pairs, int64_t tracks, int64_t detections) {
    int64_t most = 0;
    PairScratch places;
    for (int64_t i = 0; i < c->count; i++)
        most = more(most, lay_out_pairs(c->pairs[i], NULL, pairs, tracks, detections, &places));
    return most + padded(pairs) + padded(detections);
}

/* Scratch memory of committee_remember: of the largest member, its tokens and its codes. */
static int64_t remember_floats(const Members *c, int64_t count) {
    int64_t most = 0;
    for (int64_t i = 0; i < c->count; i++) {
        const Shape *n = c->encoders[i];
        most = more(most, scratch_floats(n, BLOCK) + padded(count * (n->inputs + n->outputs)));
    }
    return most;
}

/* Whether every member is sound by itself, and its encoder's code is what its pair network reads. */
static int members_fit(const Members *c) {
    for (int64_t i = 0; i < c->count; i++) {
        const PairShape *pairs = c->pairs[i];
        const Shape *encoder = c->encoders[i];
        if (!pairs_sound(pairs) || pair_weight_floats(pairs) != pairs->floats) return 0;
        if (!sound(encoder) || weight_floats(encoder) != encoder->floats) return 0;
        if (encoder->inputs != pairs->features || encoder->outputs != pairs->code) return 0;
        if (pairs->features != c->pairs[0]->features || pairs->alone != c->pairs[0]->alone) return 0;
    }
    return c->count > 0;
}

/* The mean of the members' log-odds, summed in their order: odds [pairs], people [detections];
 * arguments and result as of ``pair_network``; codes [tracks, stride]: those of all members. */
static int64_t committee_scores(const Members *c, float *scratch, int64_t pairs, int64_t tracks,
                                int64_t detections, const float *features, const int64_t *track,
                                const int64_t *detection, const float *codes, int64_t stride,
                                const float *alone, float *odds, float *people) {
    float *own_odds = scratch, *own_people = scratch + padded(pairs);
    float *rest = own_people + padded(detections);
    for (int64_t q = 0; q < c->count; q++) {
        int64_t wrong = pair_network(c->pairs[q], rest, pairs, tracks, detections, features, track,
                                     detection, codes, stride, alone, q ? own_odds : odds,
                                     q ? own_people : people);
        if (wrong >= 0) return wrong;
        codes += c->pairs[q]->code;
        for (int64_t i = 0; q && i < pairs; i++) odds[i] += own_odds[i];
        for (int64_t i = 0; q && i < detections; i++) people[i] += own_people[i];
    }
    for (int64_t i = 0; i < pairs; i++) odds[i] /= (float)c->count;
    for (int64_t i = 0; i < detections; i++) people[i] /= (float)c->count;
    return -1;
}

/* The pairs chosen [count] of features [., pairs] are the next tokens of the tracks rows [count], of
 * which none is named twice; memory [tracks, memory_floats]. Returns -1, or the first i whose row is
 * not one of ``tracks``, or count + i where chosen is not one of the pairs; nothing is written
 * then. */
static int64_t committee_remember(const Members *c, float *scratch, const float *features,
                                  int64_t pairs, int64_t count, const int64_t *chosen,
                                  const int64_t *rows, int64_t tracks, float *memory) {
    int64_t wrong = first_outside(count, rows, tracks - 1);
    if (wrong >= 0) return wrong;
    wrong = first_outside(count, chosen, pairs - 1);
    if (wrong >= 0) return count + wrong;
    int64_t stride = memory_floats(c);
    float *carried = memory + code_floats(c);
    for (int64_t q = 0; q < c->count; q++) {
        const Shape *n = c->encoders[q];
        Normal by = pair_weights(c->pairs[q]).feature;
        float *tokens = scratch, *codes = tokens + count * n->inputs;
        float *rest = scratch + padded(count * (n->inputs + n->outputs));
        for (int64_t f = 0; f < n->inputs; f++)
            for (int64_t i = 0; i < count; i++)
                tokens[i * n->inputs + f] =
                    bounded((features[f * pairs + chosen[i]] - by.mean[f]) * by.scale[f],
                            c->pairs[q]->limit);
        step_network(n, rest, count, tokens, rows, tracks, carried, stride, codes);
        for (int64_t i = 0; i < count; i++)
            for (int64_t e = 0; e < n->outputs; e++)
                memory[rows[i] * stride + e] = bounded(codes[i * n->outputs + e], c->code_limit);
        memory += n->outputs;
        carried += carried_floats(n);
    }
    return -1;
}
