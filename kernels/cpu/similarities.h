/* What similarities of clothes are worth: mambatrack/appearance/calibration.py, but for the order of sums and the
 * precision of exponentials and logarithms. */
#pragma once
#include <math.h>
#include <stdint.h>

/* The constants of calibration.py, of the same names: most_kept is KEPT. */
typedef struct {
    double prior, same_known, others_known, most_kept, least, narrowest, unexpected;
} Worth;

typedef struct {
    double count, mean, variance;
} Similarities;

/* Of one stream, so far. same_prior, others_prior: what is believed before, of a variance below 0 where nothing is. */
typedef struct {
    Similarities same, others, same_prior, others_prior; /* the counts of the last two are not read */
} Calibration;

/* What a similarity is worth by it: 0 where known is. */
typedef struct {
    double known, factor, middle, unexpected;
} Telling;

static Similarities blended(const Similarities *seen, const Similarities *prior, double weight, double known) {
    double left = weight * (1 - seen->count / known);
    if (prior->variance < 0 || left <= 0) return *seen;
    double total = seen->count + left, mean = (seen->count * seen->mean + left * prior->mean) / total;
    double own = seen->mean - mean, other = prior->mean - mean;
    double squares = seen->count * (seen->variance + own * own) + left * (prior->variance + other * other);
    return (Similarities){total, mean, squares / total};
}

static Telling telling(const Worth *by, const Calibration *c) {
    Similarities same = blended(&c->same, &c->same_prior, by->prior, by->same_known);
    Similarities others = blended(&c->others, &c->others_prior, by->prior, by->others_known);
    double apart = same.mean - others.mean, known = same.count < others.count ? same.count : others.count;
    double variance = (same.variance + others.variance) / 2 + by->narrowest * by->narrowest;
    Telling to = {0, apart / variance, (same.mean + others.mean) / 2, by->unexpected};
    if (apart > 0) to.known = known / (known + by->least);
    return to;
}

static float log_odds(const Telling *by, float similarity) {
    if (!by->known) return 0;
    double plain = by->factor * (similarity - by->middle), share = by->unexpected;
    plain = exp(plain < -30 ? -30 : plain > 30 ? 30 : plain);
    return (float)(by->known * log(((1 - share) * plain + share) / (share * plain + 1 - share)));
}

/* So many new ones, of this sum and sum of squares about ``near``. */
static void note(const Worth *by, Similarities *s, int64_t count, double near, double sum, double squares) {
    if (!count) return;
    double old = s->count * pow(1 - 1 / by->most_kept, (double)count), total = old + count;
    double from = sum / count, mean = near + from, apart = mean - s->mean, variance = squares / count - from * from;
    double spread = old * s->variance + count * (variance > 0 ? variance : 0) + old * count / total * apart * apart;
    s->mean += apart * count / total;
    s->count = total < by->most_kept ? total : by->most_kept, s->variance = spread / total;
}
