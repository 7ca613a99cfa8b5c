/* The surroundings of places of pictures, side by side: a convolution of them is a product. */
#pragma once
#include <stdint.h>
#include <string.h>

/* x [batch, rows, columns, channels]; y: of every ``stride``-th place [size, size, channels], zeros outside
 * of the picture. */
typedef struct {
    int64_t batch, rows, columns, channels, size, stride;
    const float *x;
    float *y;
} Patches;

/* One row of the surroundings that begin at ``column``, of a row of the picture. */
static inline void patch_row(const Patches *p, const float *row, int64_t column, float *y) {
    int64_t left = column < 0 ? -column : 0, right = p->columns - column;
    if (right > p->size) right = p->size;
    int64_t inside = right > left ? (right - left) * p->channels : 0;
    if (inside < p->size * p->channels) memset(y, 0, p->size * p->channels * sizeof(float));
    if (inside) memcpy(y + left * p->channels, row + (column + left) * p->channels, inside * sizeof(float));
}

static void patches(const Patches *p) {
    int64_t around = p->size / 2, width = p->size * p->channels;
    float *y = p->y;
    for (int64_t b = 0; b < p->batch; b++)
        for (int64_t row = -around; row < p->rows - around; row += p->stride)
            for (int64_t column = -around; column < p->columns - around; column += p->stride)
                for (int64_t i = row; i < row + p->size; i++, y += width) {
                    if (i < 0 || i >= p->rows)
                        memset(y, 0, width * sizeof(float));
                    else
                        patch_row(p, p->x + (b * p->rows + i) * p->columns * p->channels, column, y);
                }
}
