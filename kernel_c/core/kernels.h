/* kernels.h - the arithmetic of one level. Every level gives the same bits: sums run in index order, a product is
 * rounded before it is added, and the vector lanes are different rows, never parts of one sum. Sums of int8 products
 * are exact integers, so their order does not matter.
 *
 * A kernel takes one panel after the other. Several at once would hide the latency of the additions, but the processor
 * overlaps neighbouring panels by itself, and memory gives one stream up to a fifth faster than two or four (measured).
 *
 * A matrix is [panels] of 16 rows beside each other, so that one load brings a column of all of them.
 * float32: [columns][16]. int8: for each group of columns that shares a scale, float scales[16], then
 * int8 [group / 4][16][4]: four columns of a row lie together, because the multiplying instructions sum neighbours.
 */
#ifndef LLMK_KERNELS_H
#define LLMK_KERNELS_H

#include "cpu.h"

#include <stdbool.h>
#include <stdint.h>

#define PANEL 16u        /* rows of a panel: a register of AVX-512, two of AVX2, four of SSE2 */
#define KERNEL_TOKENS 16u /* inputs that a batched product takes at most: their sums fit the registers */

/* A vector as int8, with a scale and a sum for each group. */
struct quantised {
    int8_t *quants;          /* [columns]; -127 .. 127 */
    float *scales;           /* [columns / group] */
    int32_t *sums;           /* [columns / group] of the quants: what VNNI, one side of which has no sign, takes off */
    uint32_t columns, group; /* group: 16, 32, 64 or 128; divides columns */
};

/* Smaller scales are subnormal: a quotient by one can leave int8, and no model has such activations. */
#define QUANTISE_LEAST_SCALE 1.17549435e-38f

#define PANEL_SCALES_BYTES (PANEL * sizeof(float)) /* in front of the weights of a group */

/* Bytes of one group of columns in a panel. */
static inline uint64_t panel_group_bytes(uint32_t group)
{
    return PANEL_SCALES_BYTES + (uint64_t)PANEL * group;
}

/* Where the weight of a row lies among a group's quants; `column` counts from the group's first. */
static inline uint32_t panel_quant_index(uint32_t column, uint32_t lane)
{
    return (column / 4 * PANEL + lane) * 4 + column % 4;
}

/* Bodies of kernels are written once for every size of a tile; inlined with constant sizes, their arrays of sums become
 * registers and their small loops vanish. */
#define INLINE inline __attribute__((always_inline))
#define UNROLLED(index, count) _Pragma("GCC unroll 16") for (uint32_t index = 0; index < (count); index++)

struct kernels {
    /* Inputs that a batched product is best given: at most KERNEL_TOKENS, and few where more would only mean more work
     * between two looks. */
    uint32_t tokens;
    /* out[16 * panels] = matrix * x, float32; `matrix` and `out` are 64-byte aligned. */
    void (*matvec)(float *out, const float *matrix, const float *x, uint32_t panels, uint32_t columns);
    /* `count` products by one matrix, 1 to KERNEL_TOKENS: x is [count][x_stride], out [count][out_stride], in floats,
     * both aligned as floats are. Each has the bits of matvec; the weights are read once for all of them. */
    void (*matmul)(float *out, uint32_t out_stride, const float *matrix, const float *x, uint32_t x_stride,
                   uint32_t count, uint32_t panels, uint32_t columns);
    /* out[size] += sum over t < count, in order, of weights[t] * rows[t][size]. Continues the sum that `out` holds. */
    void (*add_weighted)(float *out, const float *rows, const float *weights, uint32_t count, uint32_t size);
    /* values[i] = e^values[i]; count is a multiple of 8. Below 1 ulp from -86 to 88; beyond, and for NaN, the value of
     * the end (NaN: the lower). */
    void (*exponential)(float *values, uint32_t count);
    /* The softmax of scores[t] / divisor for t < count, its sum in order. `weights` may be `scores`; both have room for
     * whole panels, and what stands behind `count` is lost. An infinite score or NaN gives weights without meaning. */
    void (*softmax)(float *weights, const float *scores, float divisor, uint32_t count);
    /* out[i] = silu(gate[i]) * up[i], silu(x) = x * (1 / (1 + e^-x)); `count` is a multiple of a panel. */
    void (*gate)(float *out, const float *gate, const float *up, uint32_t count);
    /* As matvec, for an int8 matrix and an x from `quantise`. No weight is -128. The sum of a group becomes a float,
     * times the row's scale, times x's scale, and is added in the order of the groups: llama2.c's runq. */
    void (*matvec_int8)(float *out, const uint8_t *matrix, const struct quantised *x, uint32_t panels);
    /* As matmul: x[count], all with the same columns and group. Each has the bits of matvec_int8. */
    void (*matmul_int8)(float *out, uint32_t out_stride, const uint8_t *matrix, const struct quantised *x,
                        uint32_t count, uint32_t panels);
    /* to->quants, to->scales and to->sums of `values`: scale = largest magnitude / 127, quant = value / scale rounded
     * to the nearest, halves away from zero; llama2.c's runq. Where that scale would be below QUANTISE_LEAST_SCALE,
     * scale and quants are zero. NaN becomes -127, the scale of a group with infinities is infinite. */
    void (*quantise)(const struct quantised *to, const float *values);
};

extern const struct kernels kernels_reference, kernels_sse2, kernels_avx2, kernels_avx512, kernels_avx512_vnni;
const struct kernels *kernels_for(enum cpu_level level);

/* add_weighted from column `from` on, one column at a time: what is left over beside whole vectors. */
static inline void add_weighted_columns(float *out, const float *rows, const float *weights, uint32_t count,
                                        uint32_t size, uint32_t from)
{
    for (uint32_t i = from; i < size; i++) {
        float sum = out[i];
        for (uint32_t t = 0; t < count; t++) {
            float product = weights[t] * rows[(uint64_t)t * size + i];
            sum = sum + product;
        }
        out[i] = sum;
    }
}

/* Behind the scores of a softmax, up to a whole panel: what is not the highest. */
static inline void softmax_end(float *scores, uint32_t count)
{
    for (uint32_t t = count; t % PANEL != 0; t++)
        scores[t] = -__builtin_inff();
}

/* While a panel is multiplied again for further inputs the next one is fetched, into the second level: the first has no
 * room for both. Behind the last it is of no use, and no harm. */
static inline void fetch_next(const void *next, uint32_t count)
{
    if (count > 1)
        __builtin_prefetch(next, 0, 2);
}

static inline float add_in_order(float sum, const float *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        sum = sum + values[i];
    return sum;
}

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
