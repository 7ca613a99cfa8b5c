/* The class of a track: votes of its detections, mambatrack/class_votes.py to the bit. */
#pragma once
#include "observe.h"

enum { MIXED = -3 }; /* of a call after which some track has votes for two classes */
#define LEAST_VOTE 1e-3f /* weight of a vote of score 0 */

/* One more vote of ``score`` for the class ``label``: the weakest class gives way to a new one. */
static void vote(const Table *t, int64_t i, int64_t label, float score) {
    int64_t *classes = t->classes + VOTES * i, place = -1, weakest = 0, winner = 0;
    float *votes = t->votes + VOTES * i;
    for (int k = 0; k < VOTES; k++) {
        votes[k] *= t->decay;
        if (votes[k] < LEAST_VOTE) votes[k] = 0;
        if (place < 0 && classes[k] == label && votes[k] > 0) place = k;
        if (votes[k] < votes[weakest]) weakest = k;
    }
    float before = place < 0 ? 0 : votes[place];
    if (place < 0) place = weakest;
    classes[place] = label;
    votes[place] = before + (score > LEAST_VOTE ? score : LEAST_VOTE);
    for (int k = 1; k < VOTES; k++)
        if (votes[k] > votes[winner]) winner = k;
    t->labels[i] = classes[winner];
}

/* Whether any of ``tracks`` has votes for two classes. */
static int any_mixed(const Table *t, int64_t tracks) {
    for (int64_t i = 0; i < tracks; i++)
        for (int k = 1; k < VOTES; k++)
            if (t->votes[VOTES * i + k] != 0) return 1;
    return 0;
}

/* The votes of detections: _vote in mambatrack/track_observation.py. mixed: some track has votes for two classes. Returns
 * whether one has now. */
static int64_t vote_all(const Table *t, const Observed *seen, int64_t count, const int64_t *rows,
                        int64_t tracks, int64_t mixed) {
    if (!mixed && agree(t, seen, count, rows)) {
        vote_again(t, seen, count, rows);
        return 0;
    }
    for (int64_t c = 0; c < count; c++) vote(t, rows[c], seen->labels[c], seen->scores[c]);
    return any_mixed(t, tracks);
}
