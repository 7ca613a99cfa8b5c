/* Tracks that start and end: TrackTable.start and end to the bit. */
#pragma once
#include "votes.h"

/* Row i becomes a track of the detection j, in everything but its motion. logs [2]: of the box's width and height;
 * mixed: some track has votes for two classes. */
static void start_track(const Table *t, int64_t i, int64_t id, int64_t stamp, const Found *found, int64_t j,
                        const float *logs, int64_t mixed) {
    const float *box = found->centred + 4 * j;
    Observed seen = {box, logs, found->scores + j, found->labels + j, found->numbers + j, box};
    t->ids[i] = id, t->stamp[i] = stamp, t->labels[i] = found->labels[j];
    t->hits[i] = t->age[i] = t->streak[i] = 0, t->gap[i] = 1;
    memcpy(t->last + 4 * i, box, 4 * sizeof(float));
    memcpy(t->before + 4 * i, box, 4 * sizeof(float));
    memset(t->bends + BENDS * i, 0, BENDS * sizeof(float));
    if (t->filter) {
        start_filter(&BESIDE, box, t->filter + FILTER * i);
        memcpy(t->unfiltered + 4 * i, box, 4 * sizeof(float));
    }
    if (t->looks) memset(t->looks + t->looks_size * i, 0, t->looks_size * sizeof(float));
    memset(t->memory + t->memory_size * i, 0, t->memory_size * sizeof(float));
    memset(t->votes + VOTES * i, 0, VOTES * sizeof(float));
    for (int k = 0; k < VOTES; k++) t->classes[VOTES * i + k] = t->labels[i];
    observe(t, &seen, 1, &i);
    if (mixed)
        vote(t, i, found->labels[j], found->scores[j]);
    else
        vote_again(t, &seen, 1, &i);
}

static void move_row(const Table *t, int64_t from, int64_t to) {
    float *floats[] = {t->boxes, t->spread, t->last, t->means, t->scores, t->votes, t->before, t->bends, t->motion, t->memory};
    int64_t sizes[] = {4, 4, 4, MEANS, 1, VOTES, 4, BENDS, t->motion_size, t->memory_size};
    int64_t *numbers[] = {t->labels, t->hits, t->gap, t->age, t->det_ind, t->ids, t->stamp, t->streak};
    for (int k = 0; k < 10; k++)
        memcpy(floats[k] + sizes[k] * to, floats[k] + sizes[k] * from, sizes[k] * sizeof(float));
    for (int k = 0; k < 8; k++) numbers[k][to] = numbers[k][from];
    memcpy(t->classes + VOTES * to, t->classes + VOTES * from, VOTES * sizeof(int64_t));
    if (t->looks)
        memcpy(t->looks + t->looks_size * to, t->looks + t->looks_size * from, t->looks_size * sizeof(float));
    if (!t->filter) return;
    memcpy(t->filter + FILTER * to, t->filter + FILTER * from, FILTER * sizeof(float));
    memcpy(t->unfiltered + 4 * to, t->unfiltered + 4 * from, 4 * sizeof(float));
}

/* Row i stays, as row ``kept``. */
INLINE void keep_row(const Table *t, int64_t i, int64_t kept) {
    if (kept != i) move_row(t, i, kept);
}

/* Whether the time of a track is over: TrackTable.end. */
INLINE int is_over(const Table *t, int64_t i, int64_t min_hits, int64_t max_age) {
    return t->gap[i] > max_age || (t->gap[i] > 0 && t->hits[i] < min_hits);
}

/* How many tracks are left. ended [.]: the ids of the others, NULL where nobody asks. */
static int64_t end_tracks(const Table *t, int64_t count, int64_t min_hits, int64_t max_age, int64_t *ended) {
    int64_t kept = 0;
    for (int64_t i = 0; i < count; i++) {
        if (!is_over(t, i, min_hits, max_age))
            keep_row(t, i, kept++);
        else if (ended)
            *ended++ = t->ids[i];
    }
    return kept;
}
