/* The answers of one hypothesis to who is who: mambatrack/association/interface.py, ``answers``, with
 * the births of learned.py, in their order and to the bit but for likelihoods, whose exponentials and
 * logarithms are the C library's. */
#pragma once
#include "contest.h"
#include <math.h>

enum { ALTERNATIVES = 2, ANSWERS = 1 + ALTERNATIVES };

/* match_odds: lowest of a match; least: worth of a pair that has them; rounds: of picking clear pairs.
 * birth_score, birth_odds: of a detection that starts a track. alternative: log-odds by which an
 * alternative may be worse; share: factor on the odds of a pair, up to largest; match: what each
 * match adds to a likelihood. */
typedef struct {
    float match_odds, least, birth_score, birth_odds, alternative;
    int64_t rounds;
    double share, largest, match;
} Limits;

/* The candidates of one table in the order of their tracks and then detections, and their scores.
 * several: alternatives are looked for; compared: the likelihood counts without any, too. */
typedef struct {
    int64_t pairs, tracks, detections, several, compared;
    const int64_t *track, *detection; /* [pairs] */
    const float *odds;                /* [pairs] */
    const float *people, *scores;     /* [detections] */
} Scored;

/* chosen [ANSWERS, room] with room pairs + ALTERNATIVES, born [ANSWERS, detections] and how many of
 * each; left [pairs]: of the best, the clear pairs are known, and these ``remaining`` are not. */
typedef struct {
    int64_t *chosen, *born, *left;
    int64_t count, remaining, matched[ANSWERS], births[ANSWERS];
    double likelihoods[ANSWERS];
} Answers;

/* A change of the best: pairs that are no longer matched, and those in their place; -1 for none. */
typedef struct {
    float loss;
    int64_t dropped[2], taken[2];
} Alternative;

typedef struct {
    double *sums;                     /* [tracks + detections] */
    float *worth;                     /* [pairs] */
    int64_t *of_track, *of_detection; /* the pair that is chosen, -1 where there is none */
} Places;

INLINE int64_t answer_room(const Scored *s) { return s->pairs + ALTERNATIVES; }

/* A pair of these, -1 where there is none. */
static int64_t number_of(const Scored *s, int64_t track, int64_t detection) {
    int64_t low = 0, high = s->pairs;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (s->track[middle] < track || (s->track[middle] == track && s->detection[middle] < detection))
            low = middle + 1;
        else
            high = middle;
    }
    int found = low < s->pairs && s->track[low] == track && s->detection[low] == detection;
    return found ? low : -1;
}

INLINE int able(const Scored *s, const Limits *l, const Places *at, int64_t pair) {
    return s->odds[pair] >= l->match_odds && at->of_track[s->track[pair]] != pair;
}

/* Whether matching ``pair`` as well is a change of two tracks at most, and which. */
static int change(const Scored *s, const Limits *l, const Places *at, int64_t pair, Alternative *to) {
    int64_t owner = at->of_detection[s->detection[pair]], own = at->of_track[s->track[pair]];
    int64_t back = -1;
    to->loss = (owner >= 0 ? s->odds[owner] : 0) + (own >= 0 ? s->odds[own] : 0) - s->odds[pair];
    if (owner >= 0 && own >= 0) {
        back = number_of(s, s->track[owner], s->detection[own]);
        if (back < pair || !able(s, l, at, back)) return 0; /* a swap is found from both sides */
        to->loss -= s->odds[back];
    }
    to->dropped[0] = owner, to->dropped[1] = own;
    to->taken[0] = pair, to->taken[1] = back;
    return to->loss < l->alternative;
}

/* The ALTERNATIVES that cost least, the first of equal ones -> how many. */
static int64_t look_for_alternatives(const Scored *s, const Limits *l, const Places *at,
                                     Alternative *best) {
    int64_t count = 0;
    for (int64_t pair = 0; pair < s->pairs; pair++) {
        Alternative found;
        if (!able(s, l, at, pair) || !change(s, l, at, pair, &found)) continue;
        int64_t place = count;
        while (place > 0 && found.loss < best[place - 1].loss) place--;
        if (place == ALTERNATIVES) continue;
        if (count < ALTERNATIVES) count++;
        for (int64_t i = count - 1; i > place; i--) best[i] = best[i - 1];
        best[place] = found;
    }
    return count;
}

/* The pairs of an answer, ascending -> how many. */
static int64_t changed(const Scored *s, const Places *at, const Alternative *by, int64_t *chosen) {
    int64_t count = 0;
    for (int64_t pair = 0; pair < s->pairs; pair++) {
        int kept = at->of_track[s->track[pair]] == pair && pair != by->dropped[0] && pair != by->dropped[1];
        if (kept || pair == by->taken[0] || pair == by->taken[1]) chosen[count++] = pair;
    }
    return count;
}

/* doubtful [detections]: 1 of one near a track that is no person by the odds. */
static int64_t births(const Scored *s, const Limits *l, const int64_t *chosen, int64_t count,
                      int64_t *state, int64_t *born) {
    int64_t found = 0;
    for (int64_t j = 0; j < s->detections; j++) state[j] = !(s->scores[j] >= l->birth_score);
    for (int64_t p = 0; p < s->pairs; p++)
        if (s->people[s->detection[p]] < l->birth_odds) state[s->detection[p]] = 1;
    for (int64_t i = 0; i < count; i++) state[s->detection[chosen[i]]] = 1;
    for (int64_t j = 0; j < s->detections; j++)
        if (!state[j]) born[found++] = j;
    return found;
}

/* Of the best answer; sums [tracks + detections]. */
static double likelihood(const Scored *s, const Limits *l, const int64_t *chosen, int64_t count,
                         double *sums) {
    double total = l->match * (double)count, none = 0;
    double *of_track = sums, *of_detection = sums + s->tracks;
    for (int64_t i = 0; i < s->tracks + s->detections; i++) sums[i] = 0;
    for (int64_t p = 0; p < s->pairs; p++) {
        double share = l->share * s->odds[p];
        double weight = exp(share > l->largest ? l->largest : share);
        of_track[s->track[p]] += weight, of_detection[s->detection[p]] += weight;
    }
    for (int64_t i = 0; i < count; i++) {
        double share = l->share * s->odds[chosen[i]];
        total += share > l->largest ? l->largest : share;
    }
    for (int64_t i = 0; i < s->tracks + s->detections; i++) none += log1p(sums[i]);
    return total - none / 2;
}

/* All answers, once the pairs of the best are known. */
static void compare(const Scored *s, const Limits *l, const Places *at, Answers *to) {
    Alternative near[ALTERNATIVES];
    int64_t room = answer_room(s), count = 0, *state = at->of_detection;
    for (int64_t i = 0; i < s->tracks; i++) at->of_track[i] = -1;
    for (int64_t j = 0; j < s->detections; j++) at->of_detection[j] = -1;
    for (int64_t i = 0; i < to->matched[0]; i++) {
        int64_t pair = to->chosen[i];
        at->of_track[s->track[pair]] = at->of_detection[s->detection[pair]] = pair;
    }
    if (s->several) count = look_for_alternatives(s, l, at, near);
    to->count = 1 + count;
    to->likelihoods[0] = 0;
    if (count || s->compared)
        to->likelihoods[0] = likelihood(s, l, to->chosen, to->matched[0], at->sums);
    for (int64_t i = 0; i < count; i++) {
        to->likelihoods[1 + i] = to->likelihoods[0] - l->share * near[i].loss;
        to->matched[1 + i] = changed(s, at, &near[i], to->chosen + (1 + i) * room);
    }
    for (int64_t i = 0; i < to->count; i++)
        to->births[i] = births(s, l, to->chosen + i * room, to->matched[i], state,
                               to->born + i * s->detections);
}

/* The clear pairs, those of small contests and, where none is left, all answers. */
static void answer(const Scored *s, const Limits *l, const Places *at, Answers *to) {
    to->remaining = choose_clear(s->pairs, s->track, s->detection, s->tracks, s->odds, l->match_odds,
                                 l->least, l->rounds, at->sums, at->worth, to->chosen, to->left,
                                 &to->matched[0]);
    if (to->remaining) {
        int64_t matched = match_contested(to->remaining, to->left, s->track, s->detection, at->worth,
                                          at->of_track, at->of_detection, to->chosen + to->matched[0]);
        if (matched >= 0) to->matched[0] += matched, to->remaining = 0;
    }
    if (!to->remaining) compare(s, l, at, to);
}
