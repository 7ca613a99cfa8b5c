/* Whether two tracks went on with each other's place: mambatrack/appearance/doubts.py. Exchanges are left to numpy. */
#pragma once
#include "looks.h"

/* The row of a track's rival, -1 of one that is no more. */
static int64_t rival_row(const Table *t, int64_t tracks, int64_t i) {
    int64_t wanted = (int64_t)*rival(t, i), low = 0, high = tracks;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (t->ids[middle] < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low < tracks && t->ids[low] == wanted ? low : -1;
}

/* The evidence for an exchange, and the number of looks: of both, where each is in doubt about the other. */
static void totals(const Table *t, int64_t i, int64_t other, float *total, float *count) {
    *total = *evidence(t, i), *count = *doubtful_looks(t, i);
    if (other >= 0 && (int64_t)*rival(t, other) == t->ids[i])
        *total += *evidence(t, other), *count += *doubtful_looks(t, other);
}

/* Whether two tracks of a table exchange their places. */
static int exchange_due(const LooksBy *by, const Table *t, int64_t tracks) {
    for (int64_t i = 0; i < tracks; i++) {
        if (!(*rival(t, i) > 0)) continue;
        int64_t other = rival_row(t, tracks, i);
        float total, count;
        totals(t, i, other, &total, &count);
        if (other >= 0 && total > by->prior && count >= by->fewest) return 1;
    }
    return 0;
}

static void doubt_about(const Table *t, int64_t i, float id) {
    *rival(t, i) = id, *evidence(t, i) = 0, *doubtful_looks(t, i) = 0;
}

/* Whoever looks like one nearby rather than like itself is in doubt. boxes [tracks, 4] cxcywh. */
static void suspect(const LooksBy *by, const Telling *tell, const Seen *seen, const float *boxes) {
    const Table *t = seen->table;
    for (int64_t c = 0; c < seen->count; c++) {
        int64_t i = seen->row[c], best = -1;
        const float *vector = seen->vector[c], *own_box = boxes + 4 * i;
        if (*look_count(t, i) < by->some || *rival(t, i) != 0) continue;
        float own = log_odds(tell, product(looks_of(t, i), vector, seen->size)), most = (float)by->like;
        if (!(own <= -by->unlike)) continue;
        for (int64_t j = 0; j < seen->tracks; j++) {
            const float *box = boxes + 4 * j;
            float x = own_box[0] - box[0], y = own_box[1] - box[1];
            if (*look_count(t, j) < by->some ||
                !(sqrtf(x * x + y * y) <= (float)by->reach * greater(own_box[3], box[3])))
                continue;
            float told = log_odds(tell, product(looks_of(t, j), vector, seen->size)) - own;
            if (told > most || (told == most && best < 0)) most = told, best = j;
        }
        if (best >= 0) doubt_about(t, i, (float)t->ids[best]);
    }
}

/* Those in doubt look like their vectors now. */
static void weigh_doubts(const LooksBy *by, const Telling *tell, const Seen *seen) {
    const Table *t = seen->table;
    for (int64_t c = 0; c < seen->count; c++) {
        int64_t i = seen->row[c], other = *rival(t, i) > 0 ? rival_row(t, seen->tracks, i) : -1;
        if (other < 0) continue;
        float own = product(looks_of(t, i), seen->vector[c], seen->size);
        float told = log_odds(tell, product(looks_of(t, other), seen->vector[c], seen->size)) - log_odds(tell, own);
        *evidence(t, i) += (float)by->share * told / (1 + *doubtful_looks(t, i));
        *doubtful_looks(t, i) += 1;
    }
}

/* Doubts about tracks that look like themselves, that cannot be told, or whose rivals are no more are over. over
 * [tracks]: memory. */
static void settle_doubts(const LooksBy *by, const Table *t, int64_t tracks, int64_t *over) {
    for (int64_t i = 0; i < tracks; i++) {
        over[i] = 0;
        if (!(*rival(t, i) > 0)) continue;
        int64_t other = rival_row(t, tracks, i);
        float total, count;
        totals(t, i, other, &total, &count);
        over[i] = other < 0 || total <= -by->settled ||
                  (*doubtful_looks(t, i) >= by->most_looks && total <= by->prior);
    }
    for (int64_t i = 0; i < tracks; i++)
        if (over[i]) *rival(t, i) = 0;
}

/* Whoever overlaps is in doubt about the one nearest. corners [tracks, 4] xyxy. */
static void begin_doubts(const LooksBy *by, const Table *t, int64_t tracks, const float *corners, float *nearest) {
    for (int64_t i = 0; i < tracks; i++) {
        const float *own = corners + 4 * i;
        float most = (float)by->crossing, area = (own[2] - own[0]) * (own[3] - own[1]);
        int64_t best = -1;
        nearest[i] = *rival(t, i);
        if (*look_count(t, i) < by->some) continue;
        for (int64_t j = 0; j < tracks; j++) {
            const float *box = corners + 4 * j;
            float wide = lesser(own[2], box[2]) - greater(own[0], box[0]);
            float high = lesser(own[3], box[3]) - greater(own[1], box[1]);
            if (wide <= 0 || high <= 0 || j == i || *look_count(t, j) < by->some) continue;
            float shared = wide * high, other = (box[2] - box[0]) * (box[3] - box[1]);
            float overlap = shared / greater(area + other - shared, 1e-9f);
            if (overlap >= most) most = overlap, best = j;
        }
        if (best >= 0) nearest[i] = (float)t->ids[best];
    }
    for (int64_t i = 0; i < tracks; i++)
        if (nearest[i] != *rival(t, i)) doubt_about(t, i, nearest[i]);
}

/* What the tracks of a hypothesis that goes on look like. placed [9, tracks], numbers [tracks]: memory. */
static void remember_looks(const LooksBy *by, const Telling *tell, const Settled *s, const Seen *seen,
                           float *placed, int64_t *numbers) {
    const Table *t = s->table;
    float *corners = placed + 4 * s->tracks, *nearest = corners + 4 * s->tracks;
    memcpy(placed, t->boxes, 4 * s->tracks * sizeof(float));
    for (int64_t c = 0; c < s->count; c++) {
        int64_t p = s->chosen[c];
        memcpy(placed + 4 * s->track[p], s->found->centred + 4 * s->detection[p], 4 * sizeof(float));
    }
    for (int64_t k = 0; k < 4 * s->tracks; k += 4)
        for (int side = 0; side < 2; side++) {
            corners[k + side] = placed[k + side] - .5f * placed[k + 2 + side];
            corners[k + 2 + side] = placed[k + side] + .5f * placed[k + 2 + side];
        }
    suspect(by, tell, seen, placed);
    weigh_doubts(by, tell, seen);
    settle_doubts(by, t, s->tracks, numbers);
    for (int64_t c = 0; c < seen->count; c++)
        if (seen->sure[c] && !(*rival(t, seen->row[c]) > 0))
            note_look(by, t, seen->row[c], seen->vector[c], seen->size);
    begin_doubts(by, t, s->tracks, corners, nearest);
}
