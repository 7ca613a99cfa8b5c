/* Vectors of floats, LANES wide, for any compiler with GCC's vector extensions, and the elementary
 * functions of the network on them. Errors against fp64: exp2 1.1e-7 (relative), softplus and SiLU
 * below 3e-7 (relative), GELU 2e-7 of its argument. NaN in gives NaN out. */
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

/* 2^r for r in [-1/2, 1/2], exact at 0 (a minimax fit of the relative error, 1.1e-7), times 2^n
 * with n the lowest bits of ``rounded``, added to the exponent: no n below -125, none above 127. */
INLINE vf exp2_parts(vf r, vf rounded) {
    vf p = r * 0.00132647308f + 0.00967151299f;
    p = p * r + 0.0555073358f;
    p = p * r + 0.240222424f;
    p = p * r + 0.693147004f;
    p = p * r + 1.0f;
    return (vf)((vi)p + ((vi)rounded << 23));
}

/* 2^x for x <= 0 (and a little above); 2e-38 below -125. */
INLINE vf exp2_decay(vf x) {
    x = at_least(x, -125.0f);
    vf rounded = x + ROUNDER;
    return exp2_parts(x - (rounded - ROUNDER), rounded);
}

/* 2^x; 2e-38 below -125 and 2e38 above 127.4. */
INLINE vf exp2_any(vf x) { return exp2_decay(at_most(x, 127.4f)); }

/* e^x for x <= 0, with ln 2 in two parts so that large |x| keep their relative accuracy. */
INLINE vf exp_decay(vf x) {
    x = at_least(x, -86.0f);
    vf rounded = x * 1.44269504f + ROUNDER;
    vf n = rounded - ROUNDER;
    vf r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    return exp2_parts(r * 1.44269504f, rounded);
}

/* x / (1 + e^-x), with the exponential of the negative magnitude only: it cannot overflow. */
INLINE vf silu(vf x) {
    vf e = exp_decay(-magnitude(x));
    vi negative = x < 0.0f;
    vf numerator = (vf)((negative & (vi)e) | (~negative & (vi)splat(1.0f)));
    return x * numerator / (e + 1.0f);
}

/* log(1 + e^x) = max(x, 0) + 2 atanh(u / (2 + u)) with u = e^-|x|. */
INLINE vf softplus(vf x) {
    vf u = exp_decay(-magnitude(x));
    vf s = u / (u + 2.0f);
    vf q = s * s;
    vf p = q * 0.140057147f + 0.140010163f;
    p = p * q + 0.200107515f;
    p = p * q + 0.333332092f;
    p = p * q + 1.0f;
    return at_least(x, 0.0f) + 2.0f * s * p;
}

/* x Phi(x) = max(x, 0) - |x| e^(-x^2 / 2) Q(1 / (1 + 0.4 |x|)), Q fitted to 1e-8. */
INLINE vf gelu(vf x) {
    vf a = magnitude(x);
    vf t = 1.0f / (a * 0.4f + 1.0f);
    vf q = t * 0.0570136458f - 0.256961077f;
    q = q * t + 0.342939138f;
    q = q * t + 0.0109203672f;
    q = q * t + 0.189488724f;
    q = q * t + 0.156599373f;
    return at_least(x, 0.0f) - a * exp_decay(a * a * -0.5f) * (q * t);
}
