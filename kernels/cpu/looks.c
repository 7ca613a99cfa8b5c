/* What pictures add to usual frames, one instruction set's functions: between the scores and the answers, and once it
 * is known which hypotheses go on. Compiled without fused multiplication and addition, as frame.c. */
#pragma GCC diagnostic ignored "-Wunused-function" /* of usual.h and what it includes */
#include "colours.h"
#include "doubts.h"
#include "variant.h"

/* due [.]: of all tables of all trackers whether tracks exchange their places. Returns how many. */
int64_t PUBLIC(exchanges_due)(const LooksBy *by, const Usual *usual, int64_t count, const View *views, int64_t *due) {
    int64_t total = 0;
    for (const Usual *u = usual; u < usual + count; u++)
        for (int64_t k = 0; k < u->tables; k++) {
            const Held *h = u->held + k;
            due[u->frame + k] = views[u->place].size && exchange_due(by, h->table, h->tracks);
            total += due[u->frame + k];
        }
    return total;
}

/* Which detections are to be looked at, by the scores. Returns how many. */
int64_t PUBLIC(want_looks)(const LooksBy *by, const Asked *asked, float *floats, int64_t *numbers, const Usual *usual,
                           int64_t count, View *views, const Looked *to) {
    Thoughts thoughts = thoughts_in(asked, floats, numbers);
    int64_t total = 0, *wanted = to->place;
    for (const Usual *u = usual; u < usual + count; wanted += u->found.count, u++) {
        View *v = views + u->place;
        v->first = total, v->wanted = 0;
        if (!v->size) continue;
        for (int64_t j = 0; j < u->found.count; j++) wanted[j] = 0;
        for (int64_t k = 0; k < u->tables; k++)
            want(by, asked, &thoughts, u->frame + k, wanted, to->contested, to->numbers);
        for (int64_t j = 0; j < u->found.count; j++) {
            int looked = wanted[j] && is_clean(by, &u->found, j);
            wanted[j] = -1;
            if (looked) to->rows[total++] = j, v->wanted++;
        }
    }
    return total;
}

/* Once they were looked at: what that says is added to the odds. */
void PUBLIC(weigh_looks)(const LooksBy *by, const Asked *asked, float *floats, int64_t *numbers, const Usual *usual,
                         int64_t count, const View *views, const Looked *to) {
    Thoughts thoughts = thoughts_in(asked, floats, numbers);
    int64_t *place = to->place;
    for (const Usual *u = usual; u < usual + count; place += u->found.count, u++) {
        const View *v = views + u->place;
        if (!v->size || !v->vectors) continue;
        for (int64_t c = 0; c < v->wanted; c++)
            if (v->usable[c]) place[to->rows[v->first + c]] = c;
        Telling tell = telling(&by->worth, &v->calibration);
        for (int64_t k = 0; k < u->tables; k++) weigh(&tell, v, asked, &thoughts, u->frame + k, place);
    }
}

/* After ``go_on``: what the matched tracks look like, in all tables that go on, and what the first of each tracker says
 * of similarities. vectors [pairs]: memory. */
void PUBLIC(remember_looks)(const LooksBy *by, const Asked *asked, float *floats, int64_t *numbers,
                            const Usual *usual, int64_t count, View *views, const Settled *settled,
                            const Looked *from, const float **vectors) {
    Thoughts thoughts = thoughts_in(asked, floats, numbers);
    const int64_t *place = from->place;
    for (const Usual *u = usual; u < usual + count; place += u->found.count, u++) {
        View *v = views + u->place;
        if (!v->size) continue;
        Telling tell = {0};
        for (int64_t i = 0; i < u->kept; i++) {
            const Settled *s = settled + u->settled + i;
            const uint8_t *contested = from->contested + (s->track - thoughts.track);
            Seen seen = seen_of(v, s, place, contested, from->numbers, vectors);
            if (!i && seen.count) calibrate(by, s, &seen, &v->calibration);
            if (!i) tell = telling(&by->worth, &v->calibration);
            remember_looks(by, &tell, s, &seen, from->floats, from->numbers + 2 * s->count);
        }
    }
}

void PUBLIC(histograms)(const Stripes *by, int64_t count, const uint8_t *crops, int64_t *counts, float *to) {
    histograms(by, count, crops, counts, to);
}
