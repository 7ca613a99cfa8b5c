/* Blocks of candidate pairs, which are what pairs connect, in which the first network of a committee is
 * sure, so that the others are not asked: mambatrack/association/exits.py, to the bit. */
#pragma once
#include "memory.h"
#include <math.h>

/* match_odds, birth_odds: lowest log-odds of a match and of a detection that starts a track. */
typedef struct {
    float match_odds, birth_odds;
} Lowest;

/* The pairs of one table and the scores of the first network; margins: of each detection, alike in a block:
 * log-odds by which everything that is decided there has to be better than anything else. */
typedef struct {
    const float *margins;             /* [detections] */
    int64_t pairs, tracks, detections;
    const int64_t *track, *detection; /* [pairs] */
    const float *odds, *people;       /* [pairs], [detections] */
} FirstScores;

/* By track and then by detection [tracks + detections]: best, the largest of their pairs' odds above
 * match_odds, or 0 of none; near: pairs close to the best; block: union-find; unsure: of the block, by
 * its tracks (1) and by its detections (2). */
typedef struct {
    float *best;
    int64_t *near, *block, *unsure;
} Blocks;

static int64_t root_of(int64_t *block, int64_t i) {
    while (block[i] != i) i = block[i] = block[block[i]];
    return i;
}

static void find_blocks(const FirstScores *s, int64_t *block) {
    for (int64_t i = 0; i < s->tracks + s->detections; i++) block[i] = i;
    for (int64_t p = 0; p < s->pairs; p++) {
        int64_t one = root_of(block, s->track[p]), other = root_of(block, s->tracks + s->detection[p]);
        block[more(one, other)] = one < other ? one : other;
    }
}

/* side: 1 where each track takes its best detection or none, 2 where each detection takes its best track
 * or none. A block is unsure by it where a second choice is near, where two want the same, or where it
 * is not clear whether what is left is a person. */
static void doubt(const Lowest *by, const FirstScores *s, Blocks *b, int side) {
    const int64_t *of = side == 1 ? s->track : s->detection, *to = side == 1 ? s->detection : s->track;
    int64_t n = s->tracks, first = side == 1 ? 0 : n, second = side == 1 ? n : 0;
    for (int64_t i = 0; i < n + s->detections; i++) b->best[i] = 0, b->near[i] = 0;
    for (int64_t p = 0; p < s->pairs; p++) {
        float worth = s->odds[p] - by->match_odds, *best = b->best + first + of[p];
        if (worth > *best) *best = worth;
    }
    for (int64_t p = 0; p < s->pairs; p++) {
        float margin = s->margins[s->detection[p]];
        int near = s->odds[p] - by->match_odds > b->best[first + of[p]] - margin;
        b->near[first + of[p]] += near, b->near[second + to[p]] += near;
    }
    for (int64_t p = 0; p < s->pairs; p++) {
        int64_t i = first + of[p], j = s->detection[p];
        float margin = s->margins[j];
        int clear = b->near[i] + (b->best[i] < margin) == 1 && b->near[second + to[p]] <= 1;
        int doubtful = !b->near[n + j] && fabsf(s->people[j] - by->birth_odds) < margin;
        if (!clear || doubtful) b->unsure[root_of(b->block, i)] |= side;
    }
}

/* contested [tracks + detections]: 1 of those in a block that is unsure both ways, else 0; it is
 * ``unsure`` of the memory. */
static void find_contested(const Lowest *by, const FirstScores *s, Blocks *b) {
    int64_t nodes = s->tracks + s->detections;
    find_blocks(s, b->block);
    for (int64_t i = 0; i < nodes; i++) b->unsure[i] = 0;
    doubt(by, s, b, 1);
    doubt(by, s, b, 2);
    for (int64_t i = nodes - 1; i >= 0; i--) b->unsure[i] = b->unsure[root_of(b->block, i)] == 3;
}
