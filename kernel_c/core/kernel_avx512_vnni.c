/* kernel_avx512_vnni.c - int8 products by VPDPBUSD, which multiplies four columns of sixteen rows and adds them up. One
 * side of it has no sign: the weights are taken plus 128, and 128 times the sum of the group's quants is taken off
 * again, exactly. Nothing here may be called unless cpu_detect allows it. */
#include "kernel_avx512.h"

#define TILE 8u /* inputs of a tile: eight sums, and eight totals over the groups */

/* One panel times `count` inputs, a constant wherever this is called: the sums are registers. */
static INLINE void tile(float *out, uint32_t out_stride, const uint8_t *matrix, const struct quantised *x,
                        uint32_t count)
{
    const __m512i bias = _mm512_set1_epi8((char)0x80);
    __m512 totals[TILE];
    UNROLLED (t, count)
        totals[t] = _mm512_setzero_ps();
    for (uint32_t g = 0; g < x->columns / x->group; g++) {
        __m512i sums[TILE];
        const uint8_t *scales = matrix;
        UNROLLED (t, count)
            sums[t] = _mm512_set1_epi32(-128 * x[t].sums[g]);
        matrix += PANEL_SCALES_BYTES;
        for (uint32_t k = g * x->group; k < (g + 1) * x->group; k += 4, matrix += 64) {
            __m512i weights = _mm512_xor_si512(_mm512_load_si512(matrix), bias);
            UNROLLED (t, count)
                sums[t] = _mm512_dpbusd_epi32(sums[t], weights, broadcast_quad(x[t].quants + k));
        }
        UNROLLED (t, count)
            totals[t] = add_scaled(totals[t], sums[t], scales, x[t].scales[g]);
    }
    UNROLLED (t, count)
        _mm512_storeu_ps(out + (uint64_t)t * out_stride, totals[t]);
}

static void matvec_int8(float *out, const uint8_t *matrix, const struct quantised *x, uint32_t panels)
{
    panels_int8(out, 0, matrix, x, 1, panels, 1, tile);
    _mm256_zeroupper();
}

static void matmul_int8(float *out, uint32_t out_stride, const uint8_t *matrix, const struct quantised *x,
                        uint32_t count, uint32_t panels)
{
    panels_int8(out, out_stride, matrix, x, count, panels, TILE, tile);
    _mm256_zeroupper();
}

const struct kernels kernels_avx512_vnni = {
    .tokens = KERNEL_TOKENS,
    .matvec = avx512_matvec,
    .matmul = avx512_matmul,
    .add_weighted = avx512_add_weighted,
    .exponential = avx512_exponential,
    .softmax = avx512_softmax,
    .gate = avx512_gate,
    .matvec_int8 = matvec_int8,
    .matmul_int8 = matmul_int8,
    .quantise = avx512_quantise,
};
