/* kernels.h - the arithmetic of one level. Every level gives the same bits: sums run in index order, a product is rounded before it is
 * added, and the vector lanes are different rows, never parts of one sum. */
#ifndef LLMK_KERNELS_H
#define LLMK_KERNELS_H

#include "cpu.h"

#include <stdint.h>

#define PANEL 16u /* rows of a panel: one AVX-512 register, two AVX2, four SSE2 */

struct kernels {
    /* out[16 * panels] = matrix * x. `matrix` is [panels][columns][16]: 16 rows beside each other for each column. */
    void (*matvec)(float *out, const float *matrix, const float *x, uint32_t panels, uint32_t columns);
    /* out[size] = sum over t < count, in order, of weights[t] * rows[t][size] */
    void (*weighted_sum)(float *out, const float *rows, const float *weights, uint32_t count, uint32_t size);
    /* values[i] = e^values[i]; count is a multiple of 8. Range -86..88, beyond it the ends' values. */
    void (*exponential)(float *values, uint32_t count);
};

extern const struct kernels kernels_reference, kernels_sse2, kernels_avx2;
const struct kernels *kernels_for(enum cpu_level level);

/* e^x = 2^n * e^r with n = round(x / ln 2), r in +-ln 2 / 2, and a polynomial for e^r - the minimax of degree 6, about 1 ulp in float.
 * One set of constants and one order of operations for every level. */
#define EXP_LOW (-86.0f)
#define EXP_HIGH 88.0f
#define EXP_LOG2E 1.44269504088896341f
#define EXP_ROUND 12582912.0f /* 1.5 * 2^23: adding it leaves the rounded integer in the low bits */
#define EXP_LN2_HIGH 0.693359375f
#define EXP_LN2_LOW (-2.12194440e-4f)
#define EXP_C0 1.9875691500e-4f
#define EXP_C1 1.3981999507e-3f
#define EXP_C2 8.3334519073e-3f
#define EXP_C3 4.1665795894e-2f
#define EXP_C4 1.6666665459e-1f
#define EXP_C5 5.0000001201e-1f

#endif
