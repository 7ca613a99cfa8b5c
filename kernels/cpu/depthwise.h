/* A convolution of each channel by itself, of pictures whose channels lie side by side. */
#pragma once
#include "simd.h"

/* x [batch, rows, columns, channels], x_pixel floats from one place to the next, likewise y, which
 * has a place for every ``stride``-th of x; weight [size, size, channels], bias [channels]. Outside
 * of the picture are zeros. */
typedef struct {
    int64_t batch, rows, columns, channels, size, stride, x_pixel, y_pixel;
    const float *x, *weight, *bias;
    float *y;
} Depthwise;

INLINE int64_t last_tap(int64_t size, int64_t first, int64_t limit) {
    return limit - first < size ? limit - first : size;
}

/* The place whose surroundings begin at (row, column). */
INLINE void depthwise_place(const Depthwise *d, const float *picture, int64_t row, int64_t column,
                            float *y) {
    int64_t top = row < 0 ? -row : 0, bottom = last_tap(d->size, row, d->rows);
    int64_t left = column < 0 ? -column : 0, right = last_tap(d->size, column, d->columns);
    for (int64_t c = 0; c < d->channels; c += LANES) {
        int lanes = d->channels - c < LANES ? (int)(d->channels - c) : LANES;
        vf sum = load_some(d->bias + c, lanes);
        for (int64_t i = top; i < bottom; i++) {
            const float *x = picture + ((row + i) * d->columns + column) * d->x_pixel + c;
            const float *weight = d->weight + i * d->size * d->channels + c;
            for (int64_t j = left; j < right; j++)
                sum += load_some(x + j * d->x_pixel, lanes) *
                       load_some(weight + j * d->channels, lanes);
        }
        store_some(y + c, sum, lanes);
    }
}

static void depthwise(const Depthwise *d) {
    int64_t around = d->size / 2;
    float *y = d->y;
    for (int64_t b = 0; b < d->batch; b++) {
        const float *picture = d->x + b * d->rows * d->columns * d->x_pixel;
        for (int64_t row = 0; row < d->rows; row += d->stride)
            for (int64_t column = 0; column < d->columns; column += d->stride, y += d->y_pixel)
                depthwise_place(d, picture, row - around, column - around, y);
    }
}
