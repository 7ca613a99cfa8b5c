/* The pairs of a matching that are not clear, where few people contest each other: every matching of
 * such a block is looked at. Where two are equally good the block is left to the general solver. */
#pragma once
#include "choose.h"
#include <math.h>

enum { CONTEST = 8, MATCHINGS = 1 << CONTEST, MOST_CONTESTED = 256 };
#define SURE_BY 1e-9 /* of worth, by which the best matching is better than any other */

/* The pairs of one block, in the order of their tracks; columns [.]: its detections. best, second: the
 * largest two totals by which detections are taken, choice: the pair of each track in the best, or none. */
typedef struct {
    int64_t pairs, rows, columns, pair[CONTEST * CONTEST], row[CONTEST * CONTEST];
    int64_t column[CONTEST * CONTEST], detections[CONTEST];
    double best[MATCHINGS], second[MATCHINGS];
    int8_t choice[CONTEST][MATCHINGS];
} Block;

/* Whether there was room for it; the pairs of a track come one after the other. */
static int add_to_block(Block *b, int64_t pair, int64_t track, int64_t detection, int64_t *last) {
    int64_t column = 0;
    while (column < b->columns && b->detections[column] != detection) column++;
    if (column == CONTEST || (track != *last && b->rows == CONTEST)) return 0;
    if (column == b->columns) b->detections[b->columns++] = detection;
    if (track != *last) b->rows++, *last = track;
    b->pair[b->pairs] = pair, b->row[b->pairs] = b->rows - 1, b->column[b->pairs++] = column;
    return 1;
}

/* One more total for the matchings that take the detections ``taken``. */
static void offer(Block *b, int64_t row, int64_t taken, double total, int8_t choice) {
    if (total > b->best[taken]) {
        b->second[taken] = b->best[taken], b->best[taken] = total;
        b->choice[row][taken] = choice;
    } else if (total > b->second[taken]) {
        b->second[taken] = total;
    }
}

/* The totals of all matchings of the tracks so far and of one more. */
static void match_row(Block *b, int64_t row, int64_t from, int64_t to, const float *worth) {
    for (int64_t taken = (1 << b->columns) - 1; taken >= 0; taken--) { /* smaller sets are still old */
        b->choice[row][taken] = -1;
        for (int64_t k = from; k < to; k++) {
            int64_t without = taken & ~(1 << b->column[k]);
            if (without == taken) continue;
            offer(b, row, taken, b->best[without] + worth[b->pair[k]], (int8_t)k);
            offer(b, row, taken, b->second[without] + worth[b->pair[k]], (int8_t)k);
        }
    }
}

/* The best matching of the block is appended to ``chosen`` -> how many pairs; -1 where another one is as
 * good. */
static int64_t match_block(Block *b, const float *worth, int64_t *chosen) {
    int64_t all = 1 << b->columns, top = 0, count = 0;
    double second = -INFINITY;
    for (int64_t taken = 0; taken < all; taken++) b->best[taken] = b->second[taken] = -INFINITY;
    b->best[0] = 0;
    for (int64_t row = 0, k = 0; row < b->rows; row++) {
        int64_t from = k;
        while (k < b->pairs && b->row[k] == row) k++;
        match_row(b, row, from, k, worth);
    }
    for (int64_t taken = 1; taken < all; taken++)
        if (b->best[taken] > b->best[top]) top = taken;
    for (int64_t taken = 0; taken < all; taken++) {
        if (taken != top && b->best[taken] > second) second = b->best[taken];
        if (b->second[taken] > second) second = b->second[taken];
    }
    if (!(b->best[top] > second + SURE_BY)) return -1;
    for (int64_t row = b->rows - 1, taken = top; row >= 0; row--) {
        int8_t k = b->choice[row][taken];
        if (k < 0) continue;
        chosen[count++] = b->pair[k];
        taken &= ~(1 << b->column[k]);
    }
    return count;
}

/* Numbers of blocks of pairs that share tracks or detections, for each track and detection of these. */
static void number_blocks(int64_t count, const int64_t *left, const int64_t *track, const int64_t *detection,
                          int64_t *of_track, int64_t *of_detection) {
    for (int64_t i = 0; i < count; i++) of_track[track[left[i]]] = of_detection[detection[left[i]]] = -1;
    for (int64_t i = 0; i < count; i++) {
        int64_t *one = of_track + track[left[i]], *other = of_detection + detection[left[i]];
        int64_t from = more(*one, *other), to = *one < *other ? *one : *other;
        if (to < 0) to = from = from < 0 ? i : from;
        *one = *other = to;
        for (int64_t k = 0; k < i && to != from; k++) {
            int64_t *a = of_track + track[left[k]], *b = of_detection + detection[left[k]];
            if (*a == from) *a = to;
            if (*b == from) *b = to;
        }
    }
}

/* left [count]: ascending numbers of pairs; of_track, of_detection: memory -> how many of them the best
 * matching has, ascending in ``chosen``; -1, and nothing counts, where a block is too large or has no
 * single best matching. */
static int64_t match_contested(int64_t count, const int64_t *left, const int64_t *track,
                               const int64_t *detection, const float *worth, int64_t *of_track,
                               int64_t *of_detection, int64_t *chosen) {
    int64_t found = 0;
    if (count > MOST_CONTESTED) return -1;
    number_blocks(count, left, track, detection, of_track, of_detection);
    for (int64_t i = 0; i < count; i++) {
        int64_t number = of_track[track[left[i]]], last = -1;
        Block b;
        if (number < 0) continue;
        b.pairs = b.rows = b.columns = 0;
        for (int64_t k = i; k < count; k++)
            if (of_track[track[left[k]]] == number &&
                !add_to_block(&b, left[k], track[left[k]], detection[left[k]], &last))
                return -1;
        int64_t matched = match_block(&b, worth, chosen + found);
        if (matched < 0) return -1;
        found += matched;
        for (int64_t k = 0; k < b.pairs; k++) of_track[track[b.pair[k]]] = -1;
    }
    ascend(chosen, found);
    return found;
}
