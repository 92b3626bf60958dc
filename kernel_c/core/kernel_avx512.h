/* kernel_avx512.h - what the level with VNNI shares with the one without: all but the int8 products. See kernels.h. */
#ifndef LLMK_KERNEL_AVX512_H
#define LLMK_KERNEL_AVX512_H

#include "kernels.h"

void avx512_matvec(float *out, const float *matrix, const float *x, uint32_t panels, uint32_t columns);
void avx512_matmul(float *out, uint32_t out_stride, const float *matrix, const float *x, uint32_t x_stride,
                   uint32_t count, uint32_t panels, uint32_t columns);
void avx512_add_weighted(float *out, const float *rows, const float *weights, uint32_t count, uint32_t size);
void avx512_exponential(float *values, uint32_t count);
void avx512_softmax(float *weights, const float *scores, float divisor, uint32_t count);
void avx512_gate(float *out, const float *gate, const float *up, uint32_t count);
void avx512_quantise(const struct quantised *to, const float *values);

#endif
