/* kernel_sse2.c - four rows in a register: every x86-64 processor. */
#include "kernels.h"

#include <emmintrin.h>

static void one_panel(float *out, const float *matrix, const float *x, uint32_t columns)
{
    __m128 sum0 = _mm_setzero_ps(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    for (uint32_t k = 0; k < columns; k++, matrix += PANEL) {
        __m128 value = _mm_set1_ps(x[k]);
        sum0 = _mm_add_ps(sum0, _mm_mul_ps(_mm_load_ps(matrix), value));
        sum1 = _mm_add_ps(sum1, _mm_mul_ps(_mm_load_ps(matrix + 4), value));
        sum2 = _mm_add_ps(sum2, _mm_mul_ps(_mm_load_ps(matrix + 8), value));
        sum3 = _mm_add_ps(sum3, _mm_mul_ps(_mm_load_ps(matrix + 12), value));
    }
    _mm_store_ps(out, sum0);
    _mm_store_ps(out + 4, sum1);
    _mm_store_ps(out + 8, sum2);
    _mm_store_ps(out + 12, sum3);
}

static void matvec(float *out, const float *matrix, const float *x, uint32_t panels, uint32_t columns)
{
    for (uint32_t panel = 0; panel < panels; panel++)
        one_panel(out + (uint64_t)panel * PANEL, matrix + (uint64_t)panel * columns * PANEL, x, columns);
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

static __m128 exponential_four(__m128 x)
{
    x = _mm_max_ps(x, _mm_set1_ps(EXP_LOW));
    x = _mm_min_ps(x, _mm_set1_ps(EXP_HIGH));
    __m128 shifted = _mm_add_ps(_mm_mul_ps(x, _mm_set1_ps(EXP_LOG2E)), _mm_set1_ps(EXP_ROUND));
    __m128 n = _mm_sub_ps(shifted, _mm_set1_ps(EXP_ROUND));
    __m128 r = _mm_sub_ps(x, _mm_mul_ps(n, _mm_set1_ps(EXP_LN2_HIGH)));
    r = _mm_sub_ps(r, _mm_mul_ps(n, _mm_set1_ps(EXP_LN2_LOW)));
    __m128 p = _mm_set1_ps(EXP_P5);
    p = _mm_add_ps(_mm_mul_ps(p, r), _mm_set1_ps(EXP_P4));
    p = _mm_add_ps(_mm_mul_ps(p, r), _mm_set1_ps(EXP_P3));
    p = _mm_add_ps(_mm_mul_ps(p, r), _mm_set1_ps(EXP_P2));
    p = _mm_add_ps(_mm_mul_ps(p, r), _mm_set1_ps(EXP_P1));
    p = _mm_add_ps(_mm_mul_ps(p, r), _mm_set1_ps(EXP_P0));
    p = _mm_add_ps(_mm_mul_ps(p, _mm_mul_ps(r, r)), r);
    p = _mm_add_ps(p, _mm_set1_ps(1.0f));
    __m128i exponent = _mm_slli_epi32(_mm_castps_si128(shifted), 23);
    return _mm_castsi128_ps(_mm_add_epi32(_mm_castps_si128(p), exponent));
}

static void exponential(float *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += 4)
        _mm_storeu_ps(values + i, exponential_four(_mm_loadu_ps(values + i)));
}

/* Four columns of four rows, times 256: PMADDWD multiplies 16-bit numbers, and a byte that stays in their upper half,
 * or is moved there, needs no widening. A group's sum, at most 128 * 127 * 127 * 256, fits 32 bits. */
static inline __m128i add_quad(__m128i sum, __m128i even, __m128i odd, const uint8_t *weights)
{
    __m128i bytes = _mm_load_si128((const __m128i *)(const void *)weights);
    sum = _mm_add_epi32(sum, _mm_madd_epi16(_mm_slli_epi16(bytes, 8), even));
    return _mm_add_epi32(sum, _mm_madd_epi16(_mm_and_si128(bytes, _mm_set1_epi16((short)0xff00)), odd));
}

/* total + sums / 256 * the rows' scales * x's scale */
static inline __m128 add_scaled(__m128 total, __m128i sums, const uint8_t *scales, __m128 x_scale)
{
    __m128 whole = _mm_cvtepi32_ps(_mm_srai_epi32(sums, 8));
    __m128 scaled = _mm_mul_ps(whole, _mm_load_ps((const float *)(const void *)scales));
    return _mm_add_ps(total, _mm_mul_ps(scaled, x_scale));
}

static void one_panel_int8(float *out, const uint8_t *matrix, const struct quantised *x)
{
    __m128 total0 = _mm_setzero_ps(), total1 = total0, total2 = total0, total3 = total0;
    const int8_t *quants = x->quants;
    for (uint32_t g = 0; g < x->columns / x->group; g++) {
        __m128i sum0 = _mm_setzero_si128(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
        const uint8_t *scales = matrix;
        matrix += PANEL_SCALES_BYTES;
        for (uint32_t k = 0; k < x->group / 4; k++, quants += 4, matrix += 64) {
            int32_t four;
            __builtin_memcpy(&four, quants, sizeof four);
            __m128i quad = _mm_set1_epi32(four);
            __m128i even = _mm_srai_epi16(_mm_slli_epi16(quad, 8), 8), odd = _mm_srai_epi16(quad, 8);
            sum0 = add_quad(sum0, even, odd, matrix);
            sum1 = add_quad(sum1, even, odd, matrix + 16);
            sum2 = add_quad(sum2, even, odd, matrix + 32);
            sum3 = add_quad(sum3, even, odd, matrix + 48);
        }
        __m128 x_scale = _mm_set1_ps(x->scales[g]);
        total0 = add_scaled(total0, sum0, scales, x_scale);
        total1 = add_scaled(total1, sum1, scales + 16, x_scale);
        total2 = add_scaled(total2, sum2, scales + 32, x_scale);
        total3 = add_scaled(total3, sum3, scales + 48, x_scale);
    }
    _mm_store_ps(out, total0);
    _mm_store_ps(out + 4, total1);
    _mm_store_ps(out + 8, total2);
    _mm_store_ps(out + 12, total3);
}

static void matvec_int8(float *out, const uint8_t *matrix, const struct quantised *x, uint32_t panels)
{
    uint64_t step = x->columns / x->group * panel_group_bytes(x->group);
    for (; panels > 0; panels--, out += PANEL, matrix += step)
        one_panel_int8(out, matrix, x);
}

static float largest_magnitude(const float *values, uint32_t count)
{
    __m128 most = _mm_setzero_ps(), no_sign = _mm_castsi128_ps(_mm_set1_epi32(0x7fffffff));
    for (uint32_t i = 0; i < count; i += 4)
        most = _mm_max_ps(_mm_and_ps(_mm_loadu_ps(values + i), no_sign), most);
    __m128 two = _mm_max_ps(most, _mm_movehl_ps(most, most));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
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

static void quantise_group(int8_t *quants, const float *values, float scale, uint32_t group)
{
    __m128 divisor = _mm_set1_ps(scale);
    for (uint32_t i = 0; i < group; i += 16) {
        __m128i low = _mm_packs_epi32(round_four(values + i, divisor), round_four(values + i + 4, divisor));
        __m128i high = _mm_packs_epi32(round_four(values + i + 8, divisor), round_four(values + i + 12, divisor));
        _mm_storeu_si128((__m128i *)(void *)(quants + i), _mm_packs_epi16(low, high));
    }
}

static void quantise(const struct quantised *to, const float *values)
{
    int8_t *quants = to->quants;
    for (uint32_t g = 0; g < to->columns / to->group; g++, values += to->group, quants += to->group) {
        float scale = largest_magnitude(values, to->group) / 127.0f;
        bool tiny = scale < QUANTISE_LEAST_SCALE;
        to->scales[g] = tiny ? 0.0f : scale;
        if (tiny)
            __builtin_memset(quants, 0, to->group);
        else
            quantise_group(quants, values, scale, to->group);
    }
}

const struct kernels kernels_sse2 = {matvec, add_weighted, exponential, matvec_int8, quantise};
