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
    for (; i < size; i++) {
        float sum = out[i];
        for (uint32_t t = 0; t < count; t++) {
            float product = weights[t] * rows[(uint64_t)t * size + i];
            sum = sum + product;
        }
        out[i] = sum;
    }
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

const struct kernels kernels_sse2 = {matvec, add_weighted, exponential};
