/* kernel_avx2.c - eight rows in a register, a panel in two. Nothing here may be called unless cpu_detect allows it. */
#include "kernel_loops.h"

#include <immintrin.h>

#define TILE 4u      /* inputs of a tile: eight sums, and eight registers are left for the weights and the values */
#define TILE_INT8 2u /* four sums, and four totals over the groups */

/* One panel times `count` inputs, a constant wherever this is called: the sums are registers. */
static INLINE void tile(float *out, uint32_t out_stride, const float *matrix, const float *x, uint32_t x_stride,
                        uint32_t count, uint32_t columns)
{
    const float *next = matrix + (uint64_t)columns * PANEL;
    __m256 low[TILE], high[TILE];
    UNROLLED (t, count)
        low[t] = high[t] = _mm256_setzero_ps();
    for (uint32_t k = 0; k < columns; k++, matrix += PANEL, next += PANEL) {
        __m256 rows = _mm256_load_ps(matrix), more_rows = _mm256_load_ps(matrix + 8);
        fetch_next(next, count);
        UNROLLED (t, count) {
            __m256 value = _mm256_broadcast_ss(x + (uint64_t)t * x_stride + k);
            low[t] = _mm256_add_ps(low[t], _mm256_mul_ps(rows, value));
            high[t] = _mm256_add_ps(high[t], _mm256_mul_ps(more_rows, value));
        }
    }
    UNROLLED (t, count) {
        _mm256_storeu_ps(out + (uint64_t)t * out_stride, low[t]);
        _mm256_storeu_ps(out + (uint64_t)t * out_stride + 8, high[t]);
    }
}

static void matvec(float *out, const float *matrix, const float *x, uint32_t panels, uint32_t columns)
{
    panels_float(out, 0, matrix, x, 0, 1, panels, columns, 1, tile);
    _mm256_zeroupper();
}

static void matmul(float *out, uint32_t out_stride, const float *matrix, const float *x, uint32_t x_stride,
                   uint32_t count, uint32_t panels, uint32_t columns)
{
    panels_float(out, out_stride, matrix, x, x_stride, count, panels, columns, TILE, tile);
    _mm256_zeroupper();
}

/* 32 columns of the values at a time: four sums hide the latency of the additions. */
static void add_thirty_two(float *out, const float *rows, const float *weights, uint32_t count, uint32_t size)
{
    __m256 sum0 = _mm256_loadu_ps(out), sum1 = _mm256_loadu_ps(out + 8);
    __m256 sum2 = _mm256_loadu_ps(out + 16), sum3 = _mm256_loadu_ps(out + 24);
    for (uint32_t t = 0; t < count; t++, rows += size) {
        __m256 weight = _mm256_broadcast_ss(weights + t);
        sum0 = _mm256_add_ps(sum0, _mm256_mul_ps(weight, _mm256_loadu_ps(rows)));
        sum1 = _mm256_add_ps(sum1, _mm256_mul_ps(weight, _mm256_loadu_ps(rows + 8)));
        sum2 = _mm256_add_ps(sum2, _mm256_mul_ps(weight, _mm256_loadu_ps(rows + 16)));
        sum3 = _mm256_add_ps(sum3, _mm256_mul_ps(weight, _mm256_loadu_ps(rows + 24)));
    }
    _mm256_storeu_ps(out, sum0);
    _mm256_storeu_ps(out + 8, sum1);
    _mm256_storeu_ps(out + 16, sum2);
    _mm256_storeu_ps(out + 24, sum3);
}

static void add_weighted(float *out, const float *rows, const float *weights, uint32_t count, uint32_t size)
{
    uint32_t i = 0;
    for (; i + 32 <= size; i += 32)
        add_thirty_two(out + i, rows + i, weights, count, size);
    for (; i + 8 <= size; i += 8) {
        __m256 sum = _mm256_loadu_ps(out + i);
        for (uint32_t t = 0; t < count; t++)
            sum = _mm256_add_ps(
                sum, _mm256_mul_ps(_mm256_broadcast_ss(weights + t), _mm256_loadu_ps(rows + (uint64_t)t * size + i)));
        _mm256_storeu_ps(out + i, sum);
    }
    add_weighted_columns(out, rows, weights, count, size, i);
    _mm256_zeroupper();
}

#define LANES 8u
typedef __m256 lanes;
#define lanes_load _mm256_loadu_ps
#define lanes_store _mm256_storeu_ps
#define lanes_all _mm256_set1_ps
#define lanes_max _mm256_max_ps
#define lanes_min _mm256_min_ps
#define lanes_done _mm256_zeroupper

static inline float lanes_highest(lanes values)
{
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(values), _mm256_extractf128_ps(values, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
}

static inline lanes lanes_raise(lanes power, lanes shifted)
{
    __m256i exponent = _mm256_slli_epi32(_mm256_castps_si256(shifted), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(power), exponent));
}

#include "kernel_lanes.h"

static void exponential(float *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += LANES)
        lanes_store(values + i, exponential_lanes(lanes_load(values + i)));
    lanes_done();
}

/* sums[i] += four columns of eight rows. VPMADDUBSW wants one side without sign: the magnitudes of x; the sign goes
 * over to the weights, none of which is -128, and two products of at most 127 * 127 fit its 16 bits. */
static inline __m256i add_quad(__m256i sum, __m256i magnitudes, __m256i x, const uint8_t *weights)
{
    __m256i with_sign = _mm256_sign_epi8(_mm256_load_si256((const __m256i *)(const void *)weights), x);
    __m256i pairs = _mm256_maddubs_epi16(magnitudes, with_sign);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

static inline __m256i broadcast_quad(const int8_t *quants)
{
    return _mm256_set1_epi32(quad_of(quants));
}

/* total + sums * the rows' scales * x's scale */
static inline __m256 add_scaled(__m256 total, __m256i sums, const uint8_t *scales, __m256 x_scale)
{
    __m256 scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(sums), _mm256_load_ps((const float *)(const void *)scales));
    return _mm256_add_ps(total, _mm256_mul_ps(scaled, x_scale));
}

static INLINE void tile_int8(float *out, uint32_t out_stride, const uint8_t *matrix, const struct quantised *x,
                             uint32_t count)
{
    const uint8_t *next = matrix + x->columns / x->group * panel_group_bytes(x->group);
    __m256 total_low[TILE_INT8], total_high[TILE_INT8];
    UNROLLED (t, count)
        total_low[t] = total_high[t] = _mm256_setzero_ps();
    for (uint32_t g = 0; g < x->columns / x->group; g++) {
        const uint8_t *scales = matrix;
        __m256i low[TILE_INT8], high[TILE_INT8];
        UNROLLED (t, count)
            low[t] = high[t] = _mm256_setzero_si256();
        matrix += PANEL_SCALES_BYTES, next += PANEL_SCALES_BYTES;
        for (uint32_t k = g * x->group; k < (g + 1) * x->group; k += 4, matrix += 64, next += 64) {
            fetch_next(next, count);
            UNROLLED (t, count) {
                __m256i quad = broadcast_quad(x[t].quants + k), magnitudes = _mm256_abs_epi8(quad);
                low[t] = add_quad(low[t], magnitudes, quad, matrix);
                high[t] = add_quad(high[t], magnitudes, quad, matrix + 32);
            }
        }
        UNROLLED (t, count) {
            __m256 x_scale = _mm256_broadcast_ss(x[t].scales + g);
            total_low[t] = add_scaled(total_low[t], low[t], scales, x_scale);
            total_high[t] = add_scaled(total_high[t], high[t], scales + 32, x_scale);
        }
    }
    UNROLLED (t, count) {
        _mm256_storeu_ps(out + (uint64_t)t * out_stride, total_low[t]);
        _mm256_storeu_ps(out + (uint64_t)t * out_stride + 8, total_high[t]);
    }
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

static float largest_magnitude(const float *values, uint32_t count)
{
    __m256 most = _mm256_setzero_ps(), no_sign = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
    for (uint32_t i = 0; i < count; i += 8)
        most = _mm256_max_ps(_mm256_and_ps(_mm256_loadu_ps(values + i), no_sign), most);
    return lanes_highest(most);
}

/* Eight quotients, rounded as round_away of the reference does. */
static inline __m256i round_eight(__m256 values)
{
    values = _mm256_max_ps(values, _mm256_set1_ps(-127.0f));
    values = _mm256_min_ps(values, _mm256_set1_ps(127.0f));
    __m256i whole = _mm256_cvttps_epi32(values);
    __m256 rest = _mm256_sub_ps(values, _mm256_cvtepi32_ps(whole));
    __m256i up = _mm256_castps_si256(_mm256_cmp_ps(rest, _mm256_set1_ps(0.5f), _CMP_GE_OQ));
    __m256i down = _mm256_castps_si256(_mm256_cmp_ps(rest, _mm256_set1_ps(-0.5f), _CMP_LE_OQ));
    return _mm256_add_epi32(_mm256_sub_epi32(whole, up), down); /* a true comparison is -1 */
}

/* The result is the sum of the quants. */
static int32_t quantise_group(int8_t *quants, const float *values, float scale, uint32_t group)
{
    __m256 divisor = _mm256_set1_ps(scale);
    __m256i sums = _mm256_setzero_si256();
    for (uint32_t i = 0; i < group; i += 16) {
        __m256i low = round_eight(_mm256_div_ps(_mm256_loadu_ps(values + i), divisor));
        __m256i high = round_eight(_mm256_div_ps(_mm256_loadu_ps(values + i + 8), divisor));
        __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8); /* back into order */
        __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
        _mm_storeu_si128((__m128i *)(void *)(quants + i), bytes);
        sums = _mm256_add_epi32(sums, _mm256_add_epi32(low, high));
    }
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
}

static void quantise(const struct quantised *to, const float *values)
{
    quantise_groups(to, values, largest_magnitude, quantise_group);
    _mm256_zeroupper();
}

const struct kernels kernels_avx2 = {
    .tokens = 4,
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
