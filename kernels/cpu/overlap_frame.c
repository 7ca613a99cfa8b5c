/* A whole frame of a tracker that matches by overlap and moves by a Kalman filter, in one call: what
 * mambatrack/tracking/tracker.py does in a frame in which nothing is unusual. To the bit, but for the
 * logarithms of sizes among the running means, which are not numpy's. */
#include "admit.h"
#include "births.h"
#include "kalman.h"
#include "overlap.h"
#include "snapshot.h"
#include "variant.h"

enum { WHOLE, MATCHING, SOLVED };            /* where a call begins */
enum { DONE, REFUSED, CROWDED, CONTESTED }; /* and where it ends */

/* room: of tracks, with those that start, and of detections; pair_room: of pairs. floats [35 room + 4],
 * numbers [15 room], pair_floats [2, pair_room], pair_numbers [6, pair_room]: memory; result: of
 * snapshot.h. The frame: what is given, the span of frames since the last one; stamp: the first of new ones. tracks, next_id, mixed: of the table, before and after;
 * born, ended: how many tracks started and ended; pairs, left, settled, pass: of a call that did not come
 * to the end. */
typedef struct {
    Overlap by;
    Kalman filter;
    int64_t rounds, min_hits, max_age;
    const double *limits;
    int64_t room, pair_room;
    float *floats, *pair_floats;
    int64_t *numbers, *pair_numbers, *result;
    const Table *table;
    Given given;
    int64_t span, stamp, tracks, next_id, mixed;
    int64_t born, ended, pairs, left, settled, pass;
} OverlapFrame;

typedef struct {
    Found found;
    float *corners, *sides, *values;
    Sorted sorted;
    Observed seen;
    float *boxes, *logs, *scores, *shown;
    int64_t *memory, *of_track, *of_detection, *blocks, *rows, *labels, *numbers, *born, *ended, *chosen, *left;
    double *sums;
    PairList pairs, free;
} Work;

static void lay_out_pairs(const OverlapFrame *f, Work *w) {
    int64_t room = f->pair_room, *numbers = f->pair_numbers;
    w->pairs = (PairList){f->pairs, room, numbers, numbers + room, f->pair_floats};
    w->free = (PairList){0, room, numbers + 2 * room, numbers + 3 * room, f->pair_floats + room};
    w->chosen = numbers + 4 * room, w->left = numbers + 5 * room;
}

static Work lay_out(const OverlapFrame *f) {
    Work w;
    int64_t room = f->room, used = 9 * room + EXTENT, counted = 2 * room;
    w.found = found_in(&f->given, f->floats, f->numbers);
    lay_out_pairs(f, &w);
    w.corners = claim(f->floats, &used, 4 * room), w.sides = claim(f->floats, &used, 4 * room);
    w.values = claim(f->floats, &used, 2 * room);
    claim_sorted(f->floats, &used, f->numbers, &counted, f->given.count, &w.sorted);
    used = 24 * room + EXTENT, counted = 3 * room;
    w.boxes = claim(f->floats, &used, 4 * room), w.logs = claim(f->floats, &used, 2 * room);
    w.scores = claim(f->floats, &used, room), w.shown = claim(f->floats, &used, 4 * room);
    w.memory = claim_numbers(f->numbers, &counted, room);
    w.of_track = claim_numbers(f->numbers, &counted, room);
    w.of_detection = claim_numbers(f->numbers, &counted, room);
    w.blocks = claim_numbers(f->numbers, &counted, 2 * room);
    w.sums = (double *)claim_numbers(f->numbers, &counted, 2 * room);
    w.rows = claim_numbers(f->numbers, &counted, room);
    w.labels = claim_numbers(f->numbers, &counted, room);
    w.numbers = claim_numbers(f->numbers, &counted, room);
    w.born = claim_numbers(f->numbers, &counted, room);
    w.ended = claim_numbers(f->numbers, &counted, room);
    w.seen = (Observed){w.boxes, w.logs, w.scores, w.labels, w.numbers, w.shown};
    return w;
}

INLINE void put_corners(const float *box, float *to) {
    for (int side = 0; side < 2; side++) {
        to[side] = box[side] - .5f * box[2 + side];
        to[2 + side] = box[side] + .5f * box[2 + side];
    }
}

/* The tracks whose time is over. */
static void end(OverlapFrame *f, const Work *w, int64_t min_hits, int64_t max_age) {
    int64_t kept = end_tracks(f->table, f->tracks, min_hits, max_age, w->ended + f->ended);
    f->ended += f->tracks - kept;
    f->tracks = kept;
}

static void predict_tracks(OverlapFrame *f, const Work *w) {
    f->ended = 0;
    if (f->span > 1) end(f, w, 0, f->max_age - (f->span - 1));
    for (int64_t k = 0; k < f->span; k++) predict_filters(&f->filter, f->table, f->tracks, k ? 0 : f->span);
}

/* Whether there was room for all pairs that may be matched. */
static int look_around(OverlapFrame *f, Work *w) {
    int64_t count = f->given.count;
    for (int64_t j = 0; j < count; j++)
        for (int k = 0; k < 4; k++) w->sides[k * count + j] = w->found.boxes[4 * j + k];
    sort_boxes(w->sides, w->memory, &w->sorted);
    for (int64_t i = 0; i < f->tracks; i++) put_corners(f->table->boxes + 4 * i, w->corners + 4 * i);
    list_pairs(&f->by, f->table, &w->found, w->corners, f->tracks, &w->sorted, w->values, &w->pairs);
    for (int64_t i = 0; i < f->tracks; i++) w->of_track[i] = -1;
    for (int64_t j = 0; j < count; j++) w->of_detection[j] = -1;
    f->pairs = w->pairs.count, f->pass = 0;
    return f->pairs <= f->pair_room;
}

static void end_pass(OverlapFrame *f, const Work *w) {
    for (int64_t c = 0; c < f->settled; c++) {
        int64_t i = w->free.track[w->chosen[c]], j = w->free.detection[w->chosen[c]];
        w->of_track[i] = j, w->of_detection[j] = i;
    }
    f->pass++;
}

/* Whether all passes are through. */
static int match(OverlapFrame *f, Work *w) {
    for (; f->pass < f->by.passes; end_pass(f, w)) {
        int active = f->pass + 1 < f->by.passes;
        list_free(&w->pairs, f->table, f->span, active, w->of_track, w->of_detection, &w->free);
        f->left = match_pairs(&w->free, f->tracks, f->rounds, w->sums, w->blocks, w->chosen, w->left, &f->settled);
        if (f->left) return 0;
    }
    return 1;
}

/* Row k of what was seen is of the track in row i, which is at detection j. */
static void note_seen(const Work *w, int64_t k, int64_t i, int64_t j) {
    const float *box = w->found.centred + 4 * j;
    memcpy(w->boxes + 4 * k, box, 4 * sizeof(float));
    w->logs[2 * k] = logf(box[2]), w->logs[2 * k + 1] = logf(box[3]);
    w->scores[k] = w->found.scores[j], w->labels[k] = w->found.labels[j];
    w->numbers[k] = w->found.numbers[j], w->rows[k] = i;
}

static void observe_seen(OverlapFrame *f, const Work *w, int64_t count) {
    observe(f->table, &w->seen, count, w->rows);
    f->mixed = vote_all(f->table, &w->seen, count, w->rows, f->tracks, f->mixed);
    for (int64_t k = 0; k < count; k++) f->table->stamp[w->rows[k]] = f->stamp++;
}

/* The matched tracks are noted -> how many these are. Their corners are where they were seen. */
static int64_t gather_seen(const OverlapFrame *f, const Work *w) {
    int64_t count = 0;
    for (int64_t i = 0; i < f->tracks; i++) {
        int64_t j = w->of_track[i];
        if (j < 0) continue;
        note_seen(w, count++, i, j);
        put_corners(w->found.centred + 4 * j, w->corners + 4 * i);
    }
    return count;
}

/* Of the detections ``born``. */
static void start_tracks(OverlapFrame *f, const Work *w) {
    const Table *t = f->table;
    for (int64_t k = 0; k < f->born; k++) {
        int64_t i = f->tracks++, j = w->born[k];
        const float *box = w->found.centred + 4 * j;
        float logs[2] = {logf(box[2]), logf(box[3])};
        start_filter(&f->filter, box, t->motion + FILTER * i);
        start_track(t, i, f->next_id++, f->stamp++, &w->found, j, logs, f->mixed);
    }
    if (f->born && f->mixed) f->mixed = any_mixed(t, f->tracks);
}

static void settle_tracks(OverlapFrame *f, const Work *w) {
    int64_t count = gather_seen(f, w);
    Jitter by = jitter_of(f->table);
    steady(f->table, &by, count, w->rows, w->boxes, w->shown);
    f->born = list_births(&f->by, f->table, &w->found, w->of_detection, w->corners, f->tracks, w->born);
    for (int64_t k = 0; k < count; k++)
        correct_filter(&f->filter, w->shown + 4 * k, f->table->motion + FILTER * w->rows[k]);
    observe_seen(f, w, count);
    start_tracks(f, w);
    end(f, w, f->min_hits, f->max_age);
    ascend(w->ended, f->ended);
    snapshot(f->table, f->tracks, f->min_hits, f->result);
}

/* from: WHOLE; MATCHING, for what comes after the prediction, with more room for pairs after CROWDED;
 * SOLVED, where the general solver has appended to ``chosen`` what it matches of the pairs ``left``.
 * predicts: a WHOLE call ends after the prediction. REFUSED: some detection is unusual, and nothing has
 * changed. */
int64_t PUBLIC(overlap_frame)(OverlapFrame *f, int64_t from, int64_t predicts) {
    Work w = lay_out(f);
    if (from == WHOLE && !admit_given(&f->given, f->limits, f->floats, f->numbers)) return REFUSED;
    if (from == WHOLE) predict_tracks(f, &w);
    if (predicts) return DONE;
    if (from != SOLVED && !look_around(f, &w)) return CROWDED;
    if (from == SOLVED) {
        list_free(&w.pairs, f->table, f->span, f->pass + 1 < f->by.passes, w.of_track, w.of_detection, &w.free);
        end_pass(f, &w);
    }
    if (!match(f, &w)) return CONTESTED;
    settle_tracks(f, &w);
    return DONE;
}
