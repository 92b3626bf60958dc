/* kernel_avx512.h - what the level with VNNI shares with the one without: all but the int8 products. See kernels.h. */
#ifndef LLMK_KERNEL_AVX512_H
#define LLMK_KERNEL_AVX512_H

#include "kernel_loops.h"

#include <immintrin.h>

void avx512_matvec(float *out, const float *matrix, const float *x, uint32_t panels, uint32_t columns);
void avx512_matmul(float *out, uint32_t out_stride, const float *matrix, const float *x, uint32_t x_stride,
                   uint32_t count, uint32_t panels, uint32_t columns);
void avx512_add_weighted(float *out, const float *rows, const float *weights, uint32_t count, uint32_t size);
void avx512_exponential(float *values, uint32_t count);
void avx512_softmax(float *weights, const float *scores, float divisor, uint32_t count);
void avx512_gate(float *out, const float *gate, const float *up, uint32_t count);
void avx512_quantise(const struct quantised *to, const float *values);

/* total + sums * the rows' scales * x's scale */
static inline __m512 add_scaled(__m512 total, __m512i sums, const uint8_t *scales, float x_scale)
{
    __m512 scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(sums), _mm512_load_ps(scales));
    return _mm512_add_ps(total, _mm512_mul_ps(scaled, _mm512_set1_ps(x_scale)));
}

static inline __m512i broadcast_quad(const int8_t *quants)
{
    return _mm512_set1_epi32(quad_of(quants));
}

#endif
