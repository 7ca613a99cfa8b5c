/* Detections as a user hands them in, mambatrack/detections.py, where nothing is wrong with any. */
#pragma once
#include "boxes.h"
#include "table.h"

enum { COLUMNS = 6, EXTENT = 4 };

/* The detections of a frame: what was found or, where that is NULL, rows [count, columns] of doubles (wide)
 * or floats as a user hands them in; the size of the picture, 0 where it is not known. */
typedef struct {
    const Found *found;
    const void *rows;
    int64_t wide, count, columns, width, height;
} Given;

/* x1, y1, x2, y2, score and class of a row of 4 to COLUMNS floats or doubles. */
INLINE void read_row(const void *rows, int64_t wide, int64_t columns, int64_t i, double *row) {
    row[4] = 1, row[5] = 0;
    for (int64_t k = 0; k < columns; k++)
        row[k] = wide ? ((const double *)rows)[i * columns + k] : ((const float *)rows)[i * columns + k];
}

/* Whether it counts: ``limits`` [COLUMNS] of absolute values, exclusive, a size of the box once it is
 * float, and a class that is a whole number. NaN does not. */
static int usable(const double *row, const double *limits, const float *box) {
    for (int k = 0; k < COLUMNS; k++)
        if (!(-limits[k] < row[k] && row[k] < limits[k])) return 0;
    return box[2] > box[0] && box[3] > box[1] && row[5] == (double)(int64_t)row[5];
}

/* Whether row i, whose box is written, is one of the rows before it. */
static int repeats(const void *rows, int64_t wide, int64_t columns, int64_t i, const double *row,
                   const float *boxes) {
    double other[COLUMNS];
    for (int64_t j = 0; j < i; j++) {
        if (boxes[4 * j] != boxes[4 * i] || boxes[4 * j + 1] != boxes[4 * i + 1]) continue;
        read_row(rows, wide, columns, j, other);
        int same = 0;
        for (int k = 0; k < COLUMNS; k++) same += row[k] == other[k];
        if (same == COLUMNS) return 1;
    }
    return 0;
}

enum { HASHED = 64 }; /* words of ``seen`` */

/* Whether a row before this one may have the same left edge: seen holds a bit for each, of their hashes. */
static int may_repeat(float left, uint64_t *seen) {
    float edge = left + 0.f; /* zero has one sign */
    uint32_t bits;
    memcpy(&bits, &edge, sizeof bits);
    uint32_t hash = bits * 2654435761u >> 20;
    uint64_t *word = seen + hash / 64, bit = (uint64_t)1 << hash % 64;
    int known = (*word & bit) != 0;
    *word |= bit;
    return known;
}

INLINE void put_centred(const float *box, float *to) {
    for (int side = 0; side < 2; side++) {
        to[2 + side] = box[2 + side] - box[side];
        to[side] = box[side] + .5f * to[2 + side];
    }
}

/* extent [EXTENT]: the largest left and top edge, the least right and bottom edge so far. */
INLINE void widen(const float *box, int first, float *extent) {
    for (int side = 0; side < 2; side++) {
        extent[side] = first ? box[side] : greater(extent[side], box[side]);
        extent[2 + side] = first ? box[2 + side] : lesser(extent[2 + side], box[2 + side]);
    }
}

/* rows [count, columns] of doubles (wide) or floats -> floats: boxes [count, 4], the same as cxcywh,
 * scores from 0 to 1, extent; numbers: labels and rows, each [count]. Returns 1; 0 at the first row that
 * is not usable or repeats an earlier one: numpy sorts it out. */
static int64_t admit(const void *rows, int64_t wide, int64_t count, int64_t columns,
                     const double *limits, float *floats, int64_t *numbers) {
    float *boxes = floats, *centred = boxes + 4 * count, *scores = centred + 4 * count;
    uint64_t seen[HASHED] = {0};
    for (int64_t i = 0; i < count; i++) {
        double row[COLUMNS];
        float *box = boxes + 4 * i;
        read_row(rows, wide, columns, i, row);
        for (int k = 0; k < 4; k++) box[k] = (float)row[k];
        if (!usable(row, limits, box)) return 0;
        if (may_repeat(*box, seen) && repeats(rows, wide, columns, i, row, boxes)) return 0;
        double score = row[4] > 0 ? row[4] : 0;
        scores[i] = (float)(score < 1 ? score : 1);
        numbers[i] = (int64_t)row[5], numbers[count + i] = i;
        put_centred(box, centred + 4 * i);
        widen(box, !i, scores + count);
    }
    return 1;
}

/* Where they are once they are read, in the caller's floats [9 count + EXTENT] and numbers [2 count]. */
static Found found_in(const Given *g, float *floats, int64_t *numbers) {
    int64_t count = g->count;
    if (g->found) return *g->found;
    return (Found){floats, floats + 4 * count, floats + 8 * count, numbers, numbers + count, count};
}

/* Whether every detection is one that nothing has to be said of, in the picture; they are read then. */
static int admit_given(const Given *g, const double *limits, float *floats, int64_t *numbers) {
    float *extent = floats + 9 * g->count;
    if (!g->found && !admit(g->rows, g->wide, g->count, g->columns, limits, floats, numbers)) return 0;
    for (int64_t j = 0; g->found && j < g->count; j++) widen(g->found->boxes + 4 * j, !j, extent);
    return !g->count || !g->width ||
           ((double)extent[0] < (double)g->width && (double)extent[1] < (double)g->height &&
            extent[2] > 0 && extent[3] > 0);
}
