/* kernel_avx2.c - eight rows in a register; two panels at a time, so that four sums hide the latency of the additions.
 * The only file compiled with AVX2: nothing here may be called unless cpu_detect allows it. */
#include "kernels.h"

#include <immintrin.h>

static void two_panels(float *out, const float *first, const float *x, uint32_t columns)
{
    const float *second = first + (uint64_t)columns * PANEL;
    __m256 sum0 = _mm256_setzero_ps(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    for (uint32_t k = 0; k < columns; k++, first += PANEL, second += PANEL) {
        __m256 value = _mm256_broadcast_ss(x + k);
        sum0 = _mm256_add_ps(sum0, _mm256_mul_ps(_mm256_load_ps(first), value));
        sum1 = _mm256_add_ps(sum1, _mm256_mul_ps(_mm256_load_ps(first + 8), value));
        sum2 = _mm256_add_ps(sum2, _mm256_mul_ps(_mm256_load_ps(second), value));
        sum3 = _mm256_add_ps(sum3, _mm256_mul_ps(_mm256_load_ps(second + 8), value));
    }
    _mm256_store_ps(out, sum0);
    _mm256_store_ps(out + 8, sum1);
    _mm256_store_ps(out + 16, sum2);
    _mm256_store_ps(out + 24, sum3);
}

static void one_panel(float *out, const float *matrix, const float *x, uint32_t columns)
{
    __m256 sum0 = _mm256_setzero_ps(), sum1 = sum0;
    for (uint32_t k = 0; k < columns; k++, matrix += PANEL) {
        __m256 value = _mm256_broadcast_ss(x + k);
        sum0 = _mm256_add_ps(sum0, _mm256_mul_ps(_mm256_load_ps(matrix), value));
        sum1 = _mm256_add_ps(sum1, _mm256_mul_ps(_mm256_load_ps(matrix + 8), value));
    }
    _mm256_store_ps(out, sum0);
    _mm256_store_ps(out + 8, sum1);
}

static void matvec(float *out, const float *matrix, const float *x, uint32_t panels, uint32_t columns)
{
    uint32_t panel = 0;
    for (; panel + 2 <= panels; panel += 2)
        two_panels(out + (uint64_t)panel * PANEL, matrix + (uint64_t)panel * columns * PANEL, x, columns);
    if (panel < panels)
        one_panel(out + (uint64_t)panel * PANEL, matrix + (uint64_t)panel * columns * PANEL, x, columns);
    _mm256_zeroupper();
}

/* 32 columns of the values at a time, for the same reason. */
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
    for (; i < size; i++) {
        float sum = out[i];
        for (uint32_t t = 0; t < count; t++) {
            float product = weights[t] * rows[(uint64_t)t * size + i];
            sum = sum + product;
        }
        out[i] = sum;
    }
    _mm256_zeroupper();
}

static __m256 exponential_eight(__m256 x)
{
    x = _mm256_max_ps(x, _mm256_set1_ps(EXP_LOW));
    x = _mm256_min_ps(x, _mm256_set1_ps(EXP_HIGH));
    __m256 shifted = _mm256_add_ps(_mm256_mul_ps(x, _mm256_set1_ps(EXP_LOG2E)), _mm256_set1_ps(EXP_ROUND));
    __m256 n = _mm256_sub_ps(shifted, _mm256_set1_ps(EXP_ROUND));
    __m256 r = _mm256_sub_ps(x, _mm256_mul_ps(n, _mm256_set1_ps(EXP_LN2_HIGH)));
    r = _mm256_sub_ps(r, _mm256_mul_ps(n, _mm256_set1_ps(EXP_LN2_LOW)));
    __m256 p = _mm256_set1_ps(EXP_P5);
    p = _mm256_add_ps(_mm256_mul_ps(p, r), _mm256_set1_ps(EXP_P4));
    p = _mm256_add_ps(_mm256_mul_ps(p, r), _mm256_set1_ps(EXP_P3));
    p = _mm256_add_ps(_mm256_mul_ps(p, r), _mm256_set1_ps(EXP_P2));
    p = _mm256_add_ps(_mm256_mul_ps(p, r), _mm256_set1_ps(EXP_P1));
    p = _mm256_add_ps(_mm256_mul_ps(p, r), _mm256_set1_ps(EXP_P0));
    p = _mm256_add_ps(_mm256_mul_ps(p, _mm256_mul_ps(r, r)), r);
    p = _mm256_add_ps(p, _mm256_set1_ps(1.0f));
    __m256i exponent = _mm256_slli_epi32(_mm256_castps_si256(shifted), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), exponent));
}

static void exponential(float *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += 8)
        _mm256_storeu_ps(values + i, exponential_eight(_mm256_loadu_ps(values + i)));
    _mm256_zeroupper();
}

const struct kernels kernels_avx2 = {matvec, add_weighted, exponential};
