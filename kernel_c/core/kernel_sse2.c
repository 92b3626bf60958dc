/* kernel_sse2.c - four rows in a register: every x86-64 processor. */
#include "kernel_loops.h"

#include <emmintrin.h>

#define TILE 2u /* inputs of a tile: eight sums, and eight registers are left for the weights and the values */

/* One panel times `count` inputs, a constant wherever this is called: the sums are registers. */
static INLINE void tile(float *out, uint32_t out_stride, const float *matrix, const float *x, uint32_t x_stride,
                        uint32_t count, uint32_t columns)
{
    const float *next = matrix + (uint64_t)columns * PANEL;
    __m128 sums[TILE][4];
    UNROLLED (i, 4 * count)
        sums[i / 4][i % 4] = _mm_setzero_ps();
    for (uint32_t k = 0; k < columns; k++, matrix += PANEL, next += PANEL) {
        fetch_next(next, count);
        UNROLLED (t, count) {
            __m128 value = _mm_set1_ps(x[(uint64_t)t * x_stride + k]);
            UNROLLED (i, 4)
                sums[t][i] = _mm_add_ps(sums[t][i], _mm_mul_ps(_mm_load_ps(matrix + 4 * i), value));
        }
    }
    UNROLLED (i, 4 * count)
        _mm_storeu_ps(out + (uint64_t)(i / 4) * out_stride + i % 4 * 4, sums[i / 4][i % 4]);
}

static void matmul(float *out, uint32_t out_stride, const float *matrix, const float *x, uint32_t x_stride,
                   uint32_t count, uint32_t panels, uint32_t columns)
{
    panels_float(out, out_stride, matrix, x, x_stride, count, panels, columns, TILE, tile);
}

static void matvec(float *out, const float *matrix, const float *x, uint32_t panels, uint32_t columns)
{
    panels_float(out, 0, matrix, x, 0, 1, panels, columns, 1, tile);
}

/* Sixteen columns of the values at a time: four sums hide the latency of the additions. */
static void add_sixteen(float *out, const float *rows, const float *weights, uint32_t count, uint32_t size)
{
    __m128 sum0 = _mm_loadu_ps(out), sum1 = _mm_loadu_ps(out + 4), sum2 = _mm_loadu_ps(out + 8),
           sum3 = _mm_loadu_ps(out + 12);
    for (uint32_t t = 0; t < count; t++, rows += size) {
        __m128 weight = _mm_set1_ps(weights[t]);
        sum0 = _mm_add_ps(sum0, _mm_mul_ps(weight, _mm_loadu_ps(rows)));
        sum1 = _mm_add_ps(sum1, _mm_mul_ps(weight, _mm_loadu_ps(rows + 4)));
        sum2 = _mm_add_ps(sum2, _mm_mul_ps(weight, _mm_loadu_ps(rows + 8)));
        sum3 = _mm_add_ps(sum3, _mm_mul_ps(weight, _mm_loadu_ps(rows + 12)));
    }
    _mm_storeu_ps(out, sum0);
    _mm_storeu_ps(out + 4, sum1);
    _mm_storeu_ps(out + 8, sum2);
    _mm_storeu_ps(out + 12, sum3);
}

static void add_weighted(float *out, const float *rows, const float *weights, uint32_t count, uint32_t size)
{
    uint32_t i = 0;
    for (; i + 16 <= size; i += 16)
        add_sixteen(out + i, rows + i, weights, count, size);
    for (; i + 4 <= size; i += 4) {
        __m128 sum = _mm_loadu_ps(out + i);
        for (uint32_t t = 0; t < count; t++)
            sum = _mm_add_ps(sum, _mm_mul_ps(_mm_set1_ps(weights[t]), _mm_loadu_ps(rows + (uint64_t)t * size + i)));
        _mm_storeu_ps(out + i, sum);
    }
    add_weighted_columns(out, rows, weights, count, size, i);
}

#define LANES 4u
typedef __m128 lanes;
#define lanes_load _mm_loadu_ps
#define lanes_store _mm_storeu_ps
#define lanes_all _mm_set1_ps
#define lanes_max _mm_max_ps
#define lanes_min _mm_min_ps
#define lanes_done() ((void)0)

static inline float lanes_highest(lanes values)
{
    __m128 two = _mm_max_ps(values, _mm_movehl_ps(values, values));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
}

static inline lanes lanes_raise(lanes power, lanes shifted)
{
    __m128i exponent = _mm_slli_epi32(_mm_castps_si128(shifted), 23);
    return _mm_castsi128_ps(_mm_add_epi32(_mm_castps_si128(power), exponent));
}

#include "kernel_lanes.h"

static void exponential(float *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += LANES)
        lanes_store(values + i, exponential_lanes(lanes_load(values + i)));
}

/* total + sums / 256 * the rows' scales * x's scale */
static inline __m128 add_scaled(__m128 total, __m128i sums, const uint8_t *scales, __m128 x_scale)
{
    __m128 whole = _mm_cvtepi32_ps(_mm_srai_epi32(sums, 8));
    __m128 scaled = _mm_mul_ps(whole, _mm_load_ps((const float *)(const void *)scales));
    return _mm_add_ps(total, _mm_mul_ps(scaled, x_scale));
}

static inline __m128i broadcast_quad(const int8_t *quants)
{
    return _mm_set1_epi32(quad_of(quants));
}

/* Sums of one group, times 256: PMADDWD multiplies 16-bit numbers, and a byte that stays in their upper half, or is
 * moved there, needs no widening. A group's sum, at most 128 * 127 * 127 * 256, fits 32 bits. */
static INLINE void sum_group(__m128i sums[TILE][4], const uint8_t *weights, const struct quantised *x, uint32_t first,
                             uint32_t count)
{
    UNROLLED (i, 4 * count)
        sums[i / 4][i % 4] = _mm_setzero_si128();
    for (uint32_t k = first; k < first + x->group; k += 4, weights += 64) {
        __m128i even[TILE], odd[TILE];
        UNROLLED (t, count) {
            __m128i quad = broadcast_quad(x[t].quants + k);
            even[t] = _mm_srai_epi16(_mm_slli_epi16(quad, 8), 8);
            odd[t] = _mm_srai_epi16(quad, 8);
        }
        UNROLLED (i, 4) {
            __m128i bytes = _mm_load_si128((const __m128i *)(const void *)(weights + 16 * i));
            __m128i low = _mm_slli_epi16(bytes, 8), high = _mm_and_si128(bytes, _mm_set1_epi16((short)0xff00));
            UNROLLED (t, count) {
                sums[t][i] = _mm_add_epi32(sums[t][i], _mm_madd_epi16(low, even[t]));
                sums[t][i] = _mm_add_epi32(sums[t][i], _mm_madd_epi16(high, odd[t]));
            }
        }
    }
}

static INLINE void tile_int8(float *out, uint32_t out_stride, const uint8_t *matrix, const struct quantised *x,
                             uint32_t count)
{
    __m128 totals[TILE][4];
    __m128i sums[TILE][4];
    UNROLLED (i, 4 * count)
        totals[i / 4][i % 4] = _mm_setzero_ps();
    for (uint32_t g = 0; g < x->columns / x->group; g++, matrix += panel_group_bytes(x->group)) {
        sum_group(sums, matrix + PANEL_SCALES_BYTES, x, g * x->group, count);
        UNROLLED (t, count) {
            __m128 x_scale = _mm_set1_ps(x[t].scales[g]);
            UNROLLED (i, 4)
                totals[t][i] = add_scaled(totals[t][i], sums[t][i], matrix + 16 * i, x_scale);
        }
    }
    UNROLLED (i, 4 * count)
        _mm_storeu_ps(out + (uint64_t)(i / 4) * out_stride + i % 4 * 4, totals[i / 4][i % 4]);
}

static void matmul_int8(float *out, uint32_t out_stride, const uint8_t *matrix, const struct quantised *x,
                        uint32_t count, uint32_t panels)
{
    panels_int8(out, out_stride, matrix, x, count, panels, TILE, tile_int8);
}

static void matvec_int8(float *out, const uint8_t *matrix, const struct quantised *x, uint32_t panels)
{
    panels_int8(out, 0, matrix, x, 1, panels, 1, tile_int8);
}

static float largest_magnitude(const float *values, uint32_t count)
{
    __m128 most = _mm_setzero_ps(), no_sign = _mm_castsi128_ps(_mm_set1_epi32(0x7fffffff));
    for (uint32_t i = 0; i < count; i += 4)
        most = _mm_max_ps(_mm_and_ps(_mm_loadu_ps(values + i), no_sign), most);
    return lanes_highest(most);
}

/* Four values over the scale, rounded as round_away of the reference does. */
static inline __m128i round_four(const float *values, __m128 scale)
{
    __m128 quotient = _mm_max_ps(_mm_div_ps(_mm_loadu_ps(values), scale), _mm_set1_ps(-127.0f));
    quotient = _mm_min_ps(quotient, _mm_set1_ps(127.0f));
    __m128i whole = _mm_cvttps_epi32(quotient);
    __m128 rest = _mm_sub_ps(quotient, _mm_cvtepi32_ps(whole));
    __m128i up = _mm_castps_si128(_mm_cmpge_ps(rest, _mm_set1_ps(0.5f)));
    __m128i down = _mm_castps_si128(_mm_cmple_ps(rest, _mm_set1_ps(-0.5f)));
    return _mm_add_epi32(_mm_sub_epi32(whole, up), down); /* a true comparison is -1 */
}

/* The result is the sum of the quants. */
static int32_t quantise_group(int8_t *quants, const float *values, float scale, uint32_t group)
{
    __m128 divisor = _mm_set1_ps(scale);
    __m128i sums = _mm_setzero_si128(), ones = _mm_set1_epi16(1);
    for (uint32_t i = 0; i < group; i += 16) {
        __m128i low = _mm_packs_epi32(round_four(values + i, divisor), round_four(values + i + 4, divisor));
        __m128i high = _mm_packs_epi32(round_four(values + i + 8, divisor), round_four(values + i + 12, divisor));
        _mm_storeu_si128((__m128i *)(void *)(quants + i), _mm_packs_epi16(low, high));
        sums = _mm_add_epi32(sums, _mm_madd_epi16(_mm_add_epi16(low, high), ones));
    }
    sums = _mm_add_epi32(sums, _mm_shuffle_epi32(sums, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(sums, _mm_shuffle_epi32(sums, 0xb1)));
}

static void quantise(const struct quantised *to, const float *values)
{
    quantise_groups(to, values, largest_magnitude, quantise_group);
}

const struct kernels kernels_sse2 = {
    .tokens = 8,
    .matvec = matvec,
    .matmul = matmul,
    .add_weighted = add_weighted,
    .exponential = exponential,
    .softmax = softmax_lanes,
    .gate = gate_lanes,
    .matvec_int8 = matvec_int8,
    .matmul_int8 = matmul_int8,
    .quantise = quantise,
};
