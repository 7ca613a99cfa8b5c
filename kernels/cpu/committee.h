/* Several pair networks that were trained alike, each with the encoder of its histories:
 * mambatrack/association/scorer.py, Committee and CommitteeEncoder. A track's memory holds the codes
 * of all members one behind the other, then what their encoders carry on. */
#pragma once
#include "exits.h"
#include "fits.h"
#include "step.h"

struct Members {
    int64_t count;
    const PairShape *const *pairs;
    const Shape *const *encoders;
    float code_limit;
    Lowest lowest;
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

/* What the members after the first are asked: the pairs, tracks and detections of the contested blocks,
 * by new numbers; own: the odds and people of one member. */
typedef struct {
    int64_t pairs, tracks, detections;
    float *features, *alone, *codes, *own_odds, *own_people;
    int64_t *track, *detection, *which;
    Blocks blocks;
    float *rest;
} Contested;

/* The places of everything in ``memory``, or NULL where that is NULL; returns what it needs. */
static int64_t lay_out_contested(const Members *c, float *memory, int64_t pairs, int64_t tracks,
                                 int64_t detections, Contested *to) {
    int64_t used = 0, nodes = tracks + detections;
    int64_t *numbers = (int64_t *)claim(memory, &used, padded(2 * (3 * nodes + 3 * pairs)));
    to->blocks.near = numbers, to->blocks.block = numbers + nodes, to->blocks.unsure = numbers + 2 * nodes;
    to->track = numbers + 3 * nodes, to->detection = to->track + pairs, to->which = to->detection + pairs;
    to->blocks.best = claim(memory, &used, padded(nodes));
    to->features = claim(memory, &used, padded(c->pairs[0]->features * pairs));
    to->alone = claim(memory, &used, padded(c->pairs[0]->alone * detections));
    to->codes = claim(memory, &used, padded(code_floats(c) * tracks));
    to->own_odds = claim(memory, &used, padded(pairs));
    to->own_people = claim(memory, &used, padded(detections));
    to->rest = claim(memory, &used, 0);
    return used;
}

/* Scratch memory of committee_scores: of the largest member, and of what is contested. */
static int64_t score_floats(const Members *c, int64_t pairs, int64_t tracks, int64_t detections) {
    int64_t most = 0;
    PairScratch places;
    Contested contested;
    for (int64_t i = 0; i < c->count; i++)
        most = more(most, lay_out_pairs(c->pairs[i], NULL, pairs, tracks, detections, &places));
    if (c->count == 1) return most;
    return most + lay_out_contested(c, NULL, pairs, tracks, detections, &contested);
}

/* Scratch memory of committee_remember: what is remembered, and of the largest member its tokens and
 * codes. */
static int64_t remember_floats(const Members *c, int64_t count) {
    int64_t most = 0;
    for (int64_t i = 0; i < c->count; i++) {
        const Shape *n = c->encoders[i];
        most = more(most, scratch_floats(n, BLOCK) + padded(count * (n->inputs + n->outputs)));
    }
    return padded(count * c->encoders[0]->inputs) + most;
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

/* Copies what is contested; codes [tracks, stride]: those of all members. */
static void take_contested(const Members *c, const FirstScores *of, const float *features,
                           const float *codes, int64_t stride, const float *alone, Contested *to) {
    int64_t *track = to->blocks.unsure, *detection = track + of->tracks, code = code_floats(c), kept = 0;
    for (int64_t p = 0; p < of->pairs; p++)
        if (track[of->track[p]]) to->which[kept++] = p;
    to->pairs = kept;
    to->tracks = number_those(of->tracks, track), to->detections = number_those(of->detections, detection);
    for (int64_t i = 0; i < kept; i++) {
        to->track[i] = track[of->track[to->which[i]]] - 1;
        to->detection[i] = detection[of->detection[to->which[i]]] - 1;
    }
    for (int64_t k = 0; k < c->pairs[0]->features; k++)
        for (int64_t i = 0; i < kept; i++) to->features[k * kept + i] = features[k * of->pairs + to->which[i]];
    for (int64_t i = 0; i < of->tracks; i++)
        if (track[i]) memcpy(to->codes + (track[i] - 1) * code, codes + i * stride, code * sizeof(float));
    for (int64_t j = 0; j < of->detections; j++)
        for (int64_t k = 0; detection[j] && k < c->pairs[0]->alone; k++)
            to->alone[k * to->detections + detection[j] - 1] = alone[k * of->detections + j];
}

/* The log-odds of one more member are added; with the last one they become the mean. numbers
 * [detections]: those of the contested ones, from 1 on. */
static void add_scores(const Members *c, const Contested *from, int64_t detections, const int64_t *numbers,
                       int last, float *odds, float *people) {
    float share = (float)c->count;
    for (int64_t i = 0; i < from->pairs; i++) {
        float *sum = odds + from->which[i];
        *sum += from->own_odds[i];
        if (last) *sum /= share;
    }
    for (int64_t j = 0; j < detections; j++) {
        if (!numbers[j]) continue;
        people[j] += from->own_people[numbers[j] - 1];
        if (last) people[j] /= share;
    }
}

/* The log-odds of the first member, and in contested blocks the mean of all, summed in their order: odds
 * [pairs], people [detections]; margins: see exits.h; other arguments and result
 * as of ``pair_network``; codes [tracks, stride]: those of all members. */
static int64_t committee_scores(const Members *c, float *scratch, int64_t pairs, int64_t tracks,
                                int64_t detections, const float *features, const int64_t *track,
                                const int64_t *detection, const float *codes, int64_t stride,
                                const float *alone, const float *margins, float *odds, float *people) {
    FirstScores first = {margins, pairs, tracks, detections, track, detection, odds, people};
    Contested part;
    int64_t wrong = pair_network(c->pairs[0], scratch, pairs, tracks, detections, features, track, detection,
                                 codes, stride, alone, odds, people);
    if (wrong >= 0 || c->count == 1) return wrong;
    lay_out_contested(c, scratch, pairs, tracks, detections, &part);
    find_contested(&c->lowest, &first, &part.blocks);
    take_contested(c, &first, features, codes, stride, alone, &part);
    const float *own = part.codes + c->pairs[0]->code;
    for (int64_t q = 1; q < c->count && part.pairs; own += c->pairs[q++]->code) {
        pair_network(c->pairs[q], part.rest, part.pairs, part.tracks, part.detections, part.features,
                     part.track, part.detection, own, code_floats(c), part.alone, part.own_odds,
                     part.own_people);
        add_scores(c, &part, detections, part.blocks.unsure + tracks, q + 1 == c->count, odds, people);
    }
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
    int64_t stride = memory_floats(c), inputs = c->encoders[0]->inputs;
    float *carried = memory + code_floats(c), *taken = scratch;
    scratch += padded(count * inputs);
    for (int64_t f = 0; f < inputs; f++)
        for (int64_t i = 0; i < count; i++) taken[i * inputs + f] = features[f * pairs + chosen[i]];
    for (int64_t q = 0; q < c->count; q++) {
        const Shape *n = c->encoders[q];
        Normal by = pair_weights(c->pairs[q]).feature;
        float *tokens = scratch, *codes = tokens + count * inputs;
        float *rest = scratch + padded(count * (inputs + n->outputs));
        for (int64_t i = 0; i < count; i++)
            for (int64_t f = 0; f < inputs; f++)
                tokens[i * inputs + f] =
                    bounded((taken[i * inputs + f] - by.mean[f]) * by.scale[f], c->pairs[q]->limit);
        step_network(n, rest, count, tokens, rows, tracks, carried, stride, codes);
        for (int64_t i = 0; i < count; i++)
            for (int64_t e = 0; e < n->outputs; e++)
                memory[rows[i] * stride + e] = bounded(codes[i * n->outputs + e], c->code_limit);
        memory += n->outputs;
        carried += carried_floats(n);
    }
    return -1;
}
