/* Small matrix products for tall, narrow activations: out [rows, columns] = a [rows, depth] @ b.
 *
 * b is packed by packing.py into panels of 2 vectors of columns (a last one of 1 vector where
 * the number of vectors is odd), each [depth, panel] contiguous. ROWS x 2 vectors of the result
 * stay in registers, so that every step is 2 loads and ROWS broadcasts for 2 ROWS FMAs. a [row, k] lies
 * at a[row * a_row + k * a_step]. */
#pragma once
#include "simd.h"

#if LANES == 16 || defined(__aarch64__)
enum { ROWS = 12 };
#else
enum { ROWS = 6 };
#endif

/* The same pointer, of which the compiler does not know where it comes from: it would keep one for every
 * row, and of more than 6 rows there are fewer registers. */
INLINE const float *opaque(const float *pointer) {
    __asm__("" : "+r"(pointer));
    return pointer;
}

INLINE void product_tile(const int rows, const int vectors, int depth, const float *a,
                         ptrdiff_t a_row, ptrdiff_t a_step, const float *b, const float *bias, float *out,
                         ptrdiff_t out_stride) {
    vf sum[ROWS][2];
    for (int j = 0; j < vectors; j++) {
        vf start = bias ? load(bias + j * LANES) : splat(0.0f);
        for (int i = 0; i < rows; i++) sum[i][j] = start;
    }
    const float *third[ROWS / 3];
    for (int i = 0; i < rows; i += 3) third[i / 3] = a + i * a_row;
    for (int k = 0; k < depth; k++) {
        vf columns[2];
        for (int j = 0; j < vectors; j++) columns[j] = load(b + (k * vectors + j) * LANES);
        for (int i = 0; i < rows; i++) {
            vf each = splat(third[i / 3][i % 3 * a_row]);
            for (int j = 0; j < vectors; j++) sum[i][j] += each * columns[j];
        }
        for (int i = 0; i < rows; i += 3)
            third[i / 3] = rows > 6 ? opaque(third[i / 3] + a_step) : third[i / 3] + a_step;
    }
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < vectors; j++) store(out + i * out_stride + j * LANES, sum[i][j]);
}

/* Of 1 to ROWS rows. */
INLINE void product_rows(const int vectors, int rows, int depth, const float *a, ptrdiff_t a_row,
                         ptrdiff_t a_step, const float *b, const float *bias, float *out,
                         ptrdiff_t out_stride) {
#define ROWS_OF(count)                                                                                \
    if ((count) <= ROWS && rows == (count))                                                           \
        product_tile((count) <= ROWS ? (count) : 1, vectors, depth, a, a_row, a_step, b, bias, out, out_stride)
    ROWS_OF(1); else ROWS_OF(2); else ROWS_OF(3); else ROWS_OF(4); else ROWS_OF(5); else ROWS_OF(6);
    else ROWS_OF(7); else ROWS_OF(8); else ROWS_OF(9); else ROWS_OF(10); else ROWS_OF(11); else ROWS_OF(12);
#undef ROWS_OF
}

/* What is more than ROWS at the end is halved: a single row would wait for each of its sums. */
INLINE void product_panel(const int vectors, int rows, int depth, const float *a,
                          ptrdiff_t a_row, ptrdiff_t a_step, const float *b, const float *bias, float *out,
                          ptrdiff_t out_stride) {
    while (rows) {
        int some = rows >= 2 * ROWS ? ROWS : rows > ROWS ? (rows + 1) / 2 : rows;
        product_rows(vectors, some, depth, a, a_row, a_step, b, bias, out, out_stride);
        a += some * a_row, out += some * out_stride, rows -= some;
    }
}

INLINE void product_panels(int rows, int depth, int columns, const float *a, ptrdiff_t a_row, ptrdiff_t a_step,
                           const float *b, const float *bias, float *out, ptrdiff_t out_stride) {
    int c = 0;
    for (; c + 2 * LANES <= columns; c += 2 * LANES)
        product_panel(2, rows, depth, a, a_row, a_step, b + c * depth, bias ? bias + c : NULL, out + c,
                      out_stride);
    if (c < columns)
        product_panel(1, rows, depth, a, a_row, a_step, b + c * depth, bias ? bias + c : NULL, out + c,
                      out_stride);
}

/* columns: a multiple of LANES; strides in floats; bias [columns] or NULL. */
static __attribute__((noinline)) void product(int rows, int depth, int columns, const float *a,
                                              ptrdiff_t a_stride, const float *b, const float *bias,
                                              float *out, ptrdiff_t out_stride) {
    product_panels(rows, depth, columns, a, a_stride, 1, b, bias, out, out_stride);
}

/* The same of a that lies column by column: a [depth, a_stride]. */
static __attribute__((noinline)) void product_of_columns(int rows, int depth, int columns, const float *a,
                                                         ptrdiff_t a_stride, const float *b,
                                                         const float *bias, float *out,
                                                         ptrdiff_t out_stride) {
    product_panels(rows, depth, columns, a, 1, a_stride, b, bias, out, out_stride);
}
