/* kernel_avx512.c - sixteen rows, a whole panel, in a register. Nothing here may be called unless cpu_detect allows it.
 */
#include "kernel_avx512.h"

#define TILE KERNEL_TOKENS /* inputs of a tile: sixteen sums */
#define TILE_INT8 8u       /* eight sums, and eight totals over the groups */

/* One panel times `count` inputs, a constant wherever this is called: the sums are registers. */
static INLINE void tile(float *out, uint32_t out_stride, const float *matrix, const float *x, uint32_t x_stride,
                        uint32_t count, uint32_t columns)
{
    const float *next = matrix + (uint64_t)columns * PANEL;
    __m512 sums[TILE];
    UNROLLED (t, count)
        sums[t] = _mm512_setzero_ps();
    for (uint32_t k = 0; k < columns; k++, matrix += PANEL, next += PANEL) {
        __m512 rows = _mm512_load_ps(matrix);
        fetch_next(next, count);
        UNROLLED (t, count)
            sums[t] = _mm512_add_ps(sums[t], _mm512_mul_ps(rows, _mm512_set1_ps(x[(uint64_t)t * x_stride + k])));
    }
    UNROLLED (t, count)
        _mm512_storeu_ps(out + (uint64_t)t * out_stride, sums[t]);
}

void avx512_matvec(float *out, const float *matrix, const float *x, uint32_t panels, uint32_t columns)
{
    panels_float(out, 0, matrix, x, 0, 1, panels, columns, 1, tile);
    _mm256_zeroupper();
}

void avx512_matmul(float *out, uint32_t out_stride, const float *matrix, const float *x, uint32_t x_stride,
                   uint32_t count, uint32_t panels, uint32_t columns)
{
    panels_float(out, out_stride, matrix, x, x_stride, count, panels, columns, TILE, tile);
    _mm256_zeroupper();
}

/* 16 * `registers` columns of the values, a constant wherever this is called. */
static INLINE void add_columns(float *out, const float *rows, const float *weights, uint32_t count, uint32_t size,
                               uint32_t registers)
{
    __m512 sums[4];
    UNROLLED (i, registers)
        sums[i] = _mm512_loadu_ps(out + 16 * i);
    for (uint32_t t = 0; t < count; t++, rows += size) {
        __m512 weight = _mm512_set1_ps(weights[t]);
        UNROLLED (i, registers)
            sums[i] = _mm512_add_ps(sums[i], _mm512_mul_ps(weight, _mm512_loadu_ps(rows + 16 * i)));
    }
    UNROLLED (i, registers)
        _mm512_storeu_ps(out + 16 * i, sums[i]);
}

void avx512_add_weighted(float *out, const float *rows, const float *weights, uint32_t count, uint32_t size)
{
    uint32_t i = 0;
    for (; i + 64 <= size; i += 64)
        add_columns(out + i, rows + i, weights, count, size, 4);
    if (i + 48 <= size) {
        add_columns(out + i, rows + i, weights, count, size, 3);
        i += 48;
    }
    if (i + 32 <= size) {
        add_columns(out + i, rows + i, weights, count, size, 2);
        i += 32;
    }
    if (i + 16 <= size) {
        add_columns(out + i, rows + i, weights, count, size, 1);
        i += 16;
    }
    if (i < size) {
        __mmask16 some = (__mmask16)((1u << (size - i)) - 1);
        __m512 sum = _mm512_maskz_loadu_ps(some, out + i);
        for (uint32_t t = 0; t < count; t++)
            sum = _mm512_add_ps(sum, _mm512_mul_ps(_mm512_set1_ps(weights[t]),
                                                   _mm512_maskz_loadu_ps(some, rows + (uint64_t)t * size + i)));
        _mm512_mask_storeu_ps(out + i, some, sum);
    }
    _mm256_zeroupper();
}

#define LANES 16u
typedef __m512 lanes;
#define lanes_load _mm512_loadu_ps
#define lanes_store _mm512_storeu_ps
#define lanes_all _mm512_set1_ps
#define lanes_max _mm512_max_ps
#define lanes_min _mm512_min_ps
#define lanes_done _mm256_zeroupper

static inline float lanes_highest(lanes values)
{
    return _mm512_reduce_max_ps(values);
}

static inline lanes lanes_raise(lanes power, lanes shifted)
{
    __m512i exponent = _mm512_slli_epi32(_mm512_castps_si512(shifted), 23);
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(power), exponent));
}

#include "kernel_lanes.h"

void avx512_exponential(float *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += LANES) {
        __mmask16 some = count - i < LANES ? 0xff : 0xffff;
        lanes x = _mm512_maskz_loadu_ps(some, values + i);
        _mm512_mask_storeu_ps(values + i, some, exponential_lanes(x));
    }
    lanes_done();
}

void avx512_softmax(float *weights, const float *scores, float divisor, uint32_t count)
{
    softmax_lanes(weights, scores, divisor, count);
}

void avx512_gate(float *out, const float *gate, const float *up, uint32_t count)
{
    gate_lanes(out, gate, up, count);
}

static float largest_magnitude(const float *values, uint32_t count)
{
    __m512 most = _mm512_setzero_ps();
    for (uint32_t i = 0; i < count; i += 16)
        most = _mm512_max_ps(_mm512_abs_ps(_mm512_loadu_ps(values + i)), most);
    return _mm512_reduce_max_ps(most);
}

/* Sixteen quotients, rounded as round_away of the reference does. */
static inline __m512i round_sixteen(__m512 values)
{
    const __m512i one = _mm512_set1_epi32(1);
    values = _mm512_max_ps(values, _mm512_set1_ps(-127.0f));
    values = _mm512_min_ps(values, _mm512_set1_ps(127.0f));
    __m512i whole = _mm512_cvttps_epi32(values);
    __m512 rest = _mm512_sub_ps(values, _mm512_cvtepi32_ps(whole));
    __mmask16 up = _mm512_cmp_ps_mask(rest, _mm512_set1_ps(0.5f), _CMP_GE_OQ);
    __mmask16 down = _mm512_cmp_ps_mask(rest, _mm512_set1_ps(-0.5f), _CMP_LE_OQ);
    return _mm512_mask_sub_epi32(_mm512_mask_add_epi32(whole, up, whole, one), down, whole, one);
}

/* The result is the sum of the quants. */
static int32_t quantise_group(int8_t *quants, const float *values, float scale, uint32_t group)
{
    __m512 divisor = _mm512_set1_ps(scale);
    __m512i sums = _mm512_setzero_si512();
    for (uint32_t i = 0; i < group; i += 16) {
        __m512i rounded = round_sixteen(_mm512_div_ps(_mm512_loadu_ps(values + i), divisor));
        _mm_storeu_si128((__m128i *)(void *)(quants + i), _mm512_cvtepi32_epi8(rounded));
        sums = _mm512_add_epi32(sums, rounded);
    }
    return _mm512_reduce_add_epi32(sums);
}

void avx512_quantise(const struct quantised *to, const float *values)
{
    quantise_groups(to, values, largest_magnitude, quantise_group);
    _mm256_zeroupper();
}

/* sum + four columns of sixteen rows. VPMADDUBSW wants one side without sign: the magnitudes of x; where x is
 * negative the weights, none of which is -128, change theirs. Two products of at most 127 * 127 fit its 16 bits. */
static inline __m512i add_quad(__m512i sum, __m512i x, __m512i weights)
{
    __m512i with_sign = _mm512_mask_sub_epi8(weights, _mm512_movepi8_mask(x), _mm512_setzero_si512(), weights);
    __m512i pairs = _mm512_maddubs_epi16(_mm512_abs_epi8(x), with_sign);
    return _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
}

static INLINE void tile_int8(float *out, uint32_t out_stride, const uint8_t *matrix, const struct quantised *x,
                             uint32_t count)
{
    const uint8_t *next = matrix + x->columns / x->group * panel_group_bytes(x->group);
    __m512 totals[TILE_INT8];
    UNROLLED (t, count)
        totals[t] = _mm512_setzero_ps();
    for (uint32_t g = 0; g < x->columns / x->group; g++) {
        __m512i sums[TILE_INT8];
        const uint8_t *scales = matrix;
        UNROLLED (t, count)
            sums[t] = _mm512_setzero_si512();
        matrix += PANEL_SCALES_BYTES, next += PANEL_SCALES_BYTES;
        for (uint32_t k = g * x->group; k < (g + 1) * x->group; k += 4, matrix += 64, next += 64) {
            __m512i weights = _mm512_load_si512(matrix);
            fetch_next(next, count);
            UNROLLED (t, count)
                sums[t] = add_quad(sums[t], broadcast_quad(x[t].quants + k), weights);
        }
        UNROLLED (t, count)
            totals[t] = add_scaled(totals[t], sums[t], scales, x[t].scales[g]);
    }
    UNROLLED (t, count)
        _mm512_storeu_ps(out + (uint64_t)t * out_stride, totals[t]);
}

static void matvec_int8(float *out, const uint8_t *matrix, const struct quantised *x, uint32_t panels)
{
    panels_int8(out, 0, matrix, x, 1, panels, 1, tile_int8);
    _mm256_zeroupper();
}

static void matmul_int8(float *out, uint32_t out_stride, const uint8_t *matrix, const struct quantised *x,
                        uint32_t count, uint32_t panels)
{
    panels_int8(out, out_stride, matrix, x, count, panels, TILE_INT8, tile_int8);
    _mm256_zeroupper();
}

const struct kernels kernels_avx512 = {
    .tokens = TILE,
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
