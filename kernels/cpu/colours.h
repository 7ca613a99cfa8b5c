/* Histograms of colours: mambatrack/embedders/colour.py, to the bit; hue and saturation are OpenCV's. */
#pragma once
#include "simd.h"
#include <math.h>
#include <stdint.h>

/* Sides of a crop [height, width, 3] BGR, of whose columns those from ``first`` to before ``last`` count; stripes: of
 * a body. Pixels of a saturation below grey count by their brightness, others by cell_of_colour [180, 256]. */
typedef struct {
    int64_t height, width, first, last, stripes, grey, colours, brightnesses;
    const int64_t *cell_of_colour;
} Stripes;

enum { SHIFT = 12, ROUND = 1 << (SHIFT - 1), DEGREES = 180 };

/* What is divided by in one rounding: by value for saturations, by the spread of the channels for hues. */
static void fill_tables(int32_t *by_value, int32_t *by_spread) {
    by_value[0] = by_spread[0] = 0;
    for (int i = 1; i < 256; i++) {
        by_value[i] = (int32_t)rint((255 << SHIFT) / (double)i);
        by_spread[i] = (int32_t)rint((DEGREES << SHIFT) / (6.0 * i));
    }
}

INLINE int64_t cell_of(const Stripes *by, const uint8_t *pixel, const int32_t *by_value, const int32_t *by_spread) {
    int b = pixel[0], g = pixel[1], r = pixel[2];
    int value = b > g ? b : g, least = b < g ? b : g;
    value = r > value ? r : value, least = r < least ? r : least;
    int spread = value - least, saturation = (spread * by_value[value] + ROUND) >> SHIFT;
    if (saturation < by->grey) return by->colours + value * by->brightnesses / 256;
    int hue = value == r ? g - b : value == g ? b - r + 2 * spread : r - g + 4 * spread;
    hue = (hue * by_spread[spread] + ROUND) >> SHIFT;
    return by->cell_of_colour[(hue < 0 ? hue + DEGREES : hue) * 256 + saturation];
}

/* crops [count, height, width, 3] -> to [count, stripes * cells], where counts [stripes * cells] is memory. */
static void histograms(const Stripes *by, int64_t count, const uint8_t *crops, int64_t *counts, float *to) {
    int32_t by_value[256], by_spread[256];
    int64_t cells = by->colours + by->brightnesses, all = by->stripes * cells, high = by->height / by->stripes;
    double pixels = (double)(by->height * (by->last - by->first));
    fill_tables(by_value, by_spread);
    for (int64_t k = 0; k < count; k++, to += all) {
        for (int64_t c = 0; c < all; c++) counts[c] = 0;
        for (int64_t y = 0; y < by->height; y++, crops += 3 * by->width)
            for (int64_t x = by->first; x < by->last; x++)
                counts[y / high * cells + cell_of(by, crops + 3 * x, by_value, by_spread)]++;
        for (int64_t c = 0; c < all; c++) to[c] = (float)sqrt((double)counts[c] / pixels);
    }
}
