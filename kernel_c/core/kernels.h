/* kernels.h - the arithmetic of one level. Every level gives the same bits: sums run in index order, a product is
 * rounded before it is added, and the vector lanes are different rows, never parts of one sum. */
#ifndef LLMK_KERNELS_H
#define LLMK_KERNELS_H

#include "cpu.h"

#include <stdint.h>

#define PANEL 16u /* rows of a panel: two AVX2 registers, four SSE2 */

struct kernels {
    /* out[16 * panels] = matrix * x. `matrix` is [panels][columns][16]: 16 rows beside each other for each column; it
     * and `out` are 64-byte aligned. */
    void (*matvec)(float *out, const float *matrix, const float *x, uint32_t panels, uint32_t columns);
    /* out[size] += sum over t < count, in order, of weights[t] * rows[t][size]. Continues the sum that `out` holds. */
    void (*add_weighted)(float *out, const float *rows, const float *weights, uint32_t count, uint32_t size);
    /* values[i] = e^values[i]; count is a multiple of 8. Below 1 ulp from -86 to 88; beyond, and for NaN, the value of
     * the end (NaN: the lower). */
    void (*exponential)(float *values, uint32_t count);
};

extern const struct kernels kernels_reference, kernels_sse2, kernels_avx2;
const struct kernels *kernels_for(enum cpu_level level);

/* e^x = 2^n e^r with n = round(x / ln 2) and |r| <= ln 2 / 2; e^r = 1 + r + r^2 P(r), P the minimax polynomial of
 * degree 5 for the relative error, its coefficients rounded to float. One set of constants and one order of operations
 * for every level; the largest error found over -86..88 is 0.97 ulp. */
#define EXP_LOW (-86.0f)
#define EXP_HIGH 88.0f
#define EXP_LOG2E 1.44269504088896341f
#define EXP_ROUND 12582912.0f     /* 1.5 * 2^23: adding it leaves the rounded integer in the low bits */
#define EXP_LN2_HIGH 0.693359375f /* ten bits, so that its product with n is exact */
#define EXP_LN2_LOW (-2.12194440e-4f)
#define EXP_P5 1.8617204e-4f
#define EXP_P4 1.3880709e-3f
#define EXP_P3 8.333523e-3f
#define EXP_P2 4.1666664e-2f
#define EXP_P1 1.6666667e-1f
#define EXP_P0 0.5f

#endif
