/* Vectors of floats, LANES wide, for any compiler with GCC's vector extensions, and the elementary
 * functions of the network on them. Errors against fp64: exp2 1.1e-7, softplus and SiLU 3e-7 for |x| < 1,
 * and that times |x| beyond (all relative), GELU 3e-7 of its argument. NaN in gives NaN out. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#ifndef LANES
#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX2__)
#define LANES 8
#else
#define LANES 4
#endif
#endif

#define INLINE static inline __attribute__((always_inline))

typedef float vf __attribute__((vector_size(4 * LANES)));
typedef int32_t vi __attribute__((vector_size(4 * LANES)));

INLINE vf load(const float *from) {
    vf v;
    memcpy(&v, from, sizeof v);
    return v;
}

INLINE void store(float *to, vf v) { memcpy(to, &v, sizeof v); }

INLINE vf splat(float s) {
#if LANES == 16
    return (vf){s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s};
#elif LANES == 8
    return (vf){s, s, s, s, s, s, s, s};
#else
    return (vf){s, s, s, s};
#endif
}

/* The first ``count`` lanes; the others are 0 and are not touched in memory. */
INLINE vf load_some(const float *from, int count) {
    if (count >= LANES) return load(from);
    float lanes[LANES] = {0};
    for (int i = 0; i < count; i++) lanes[i] = from[i];
    return load(lanes);
}

INLINE void store_some(float *to, vf v, int count) {
    if (count >= LANES) {
        store(to, v);
        return;
    }
    float lanes[LANES];
    store(lanes, v);
    for (int i = 0; i < count; i++) to[i] = lanes[i];
}

/* The second operand where one of both is NaN, as x86 has it. */
#if defined(__AVX512F__) && LANES == 16
INLINE vf smaller(vf a, vf b) { return (vf)_mm512_min_ps((__m512)a, (__m512)b); }
INLINE vf larger(vf a, vf b) { return (vf)_mm512_max_ps((__m512)a, (__m512)b); }
#elif defined(__AVX2__) && LANES == 8
INLINE vf smaller(vf a, vf b) { return (vf)_mm256_min_ps((__m256)a, (__m256)b); }
INLINE vf larger(vf a, vf b) { return (vf)_mm256_max_ps((__m256)a, (__m256)b); }
#elif defined(__SSE2__) && LANES == 4
INLINE vf smaller(vf a, vf b) { return (vf)_mm_min_ps((__m128)a, (__m128)b); }
INLINE vf larger(vf a, vf b) { return (vf)_mm_max_ps((__m128)a, (__m128)b); }
#else
INLINE vf choose(vi mask, vf yes, vf no) { return (vf)((mask & (vi)yes) | (~mask & (vi)no)); }
INLINE vf smaller(vf a, vf b) { return choose(a < b, a, b); }
INLINE vf larger(vf a, vf b) { return choose(a > b, a, b); }
#endif

/* NaN of NaN. */
INLINE vf at_most(vf x, float limit) { return smaller(splat(limit), x); }
INLINE vf at_least(vf x, float limit) { return larger(splat(limit), x); }

INLINE vf magnitude(vf x) { return (vf)((vi)x & 0x7fffffff); }

/* The upper half is added to the lower one, until one lane is left. */
#if LANES == 16
INLINE float total(vf v) { return _mm512_reduce_add_ps((__m512)v); }
#else
INLINE float total(vf v) {
    float lanes[LANES];
    store(lanes, v);
    for (int half = LANES / 2; half; half /= 2)
        for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];
    return lanes[0];
}
#endif

/* Adding it rounds a float below 2^21 to an integer, and leaves that in the lowest bits. */
#define ROUNDER 12582912.0f

/* 2^x for x <= 0 (and a little above); 2e-38 below -125. The polynomial is 1 at 0. */
INLINE vf exp2_decay(vf x) {
    x = at_least(x, -125.0f);
    vf rounded = x + ROUNDER, r = x - (rounded - ROUNDER);
    vf p = r * 0.00132647308f + 0.00967151299f;
    p = p * r + 0.0555073358f;
    p = p * r + 0.240222424f;
    p = p * r + 0.693147004f;
    p = p * r + 1.0f;
    return (vf)((vi)p + ((vi)rounded << 23));
}

/* 2^x; 2e-38 below -125 and 2e38 above 127.4. */
INLINE vf exp2_any(vf x) { return exp2_decay(at_most(x, 127.4f)); }

/* 2^-x = power up / down for |x| <= 125: a fraction for those who divide anyway. It is a minimax fit of
 * r coth(r ln 2 / 2), exact to 6e-10 before its roundings. */
typedef struct {
    vf power, up, down;
} Fraction;

INLINE Fraction exp2_fraction(vf x) {
    vf rounded = (ROUNDER + 127.0f) - x; /* 127: its lowest bits are the exponent of a float then */
    vf r = x + (rounded - (ROUNDER + 127.0f)), s = r * r;
    vf even = s * (s * -0.000921138846f + 0.115524193f) + 2.88539008f;
    return (Fraction){(vf)((vi)rounded << 23), even - r, even + r};
}

/* 1 / (1 + 2^-x). */
INLINE vf sigmoid2(vf x) {
    Fraction e = exp2_fraction(at_most(at_least(x, -125.0f), 125.0f));
    return e.down / (e.power * e.up + e.down);
}

/* log2(1 + 2^x) = max(x, 0) + 2 / ln 2 atanh(u / (2 + u)) with u = 2^-|x|. */
INLINE vf softplus2(vf x) {
    Fraction u = exp2_fraction(at_most(magnitude(x), 125.0f));
    vf up = u.power * u.up, s = up / (u.down * 2.0f + up), q = s * s;
    vf p = q * 0.404119492f + 0.403983921f;
    p = p * q + 0.577388216f;
    p = p * q + 0.961793125f;
    p = p * q + 2.88539008f;
    return at_least(x, 0.0f) + s * p;
}

#define LOG2_E 1.44269504f
#define LN_2 0.693147182f

/* x / (1 + e^-x), and log(1 + e^x). */
INLINE vf silu(vf x) { return x * sigmoid2(x * LOG2_E); }
INLINE vf softplus(vf x) { return softplus2(x * LOG2_E) * LN_2; }

/* x Phi(x) = max(x, 0) - |x| e^(-x^2 / 2) Q(1 / (1 + 0.4 |x|)), Q fitted to 1e-8. */
INLINE vf gelu(vf x) {
    vf a = magnitude(x);
    vf t = 1.0f / (a * 0.4f + 1.0f);
    vf q = t * 0.0570136458f - 0.256961077f;
    q = q * t + 0.342939138f;
    q = q * t + 0.0109203672f;
    q = q * t + 0.189488724f;
    q = q * t + 0.156599373f;
    return at_least(x, 0.0f) - a * exp2_decay(a * a * (-0.5f * LOG2_E)) * (q * t);
}
