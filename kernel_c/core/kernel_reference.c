/* kernel_reference.c - what every other level must reproduce bit for bit, written so that one can check it by eye. */
#include "kernels.h"

static void matvec(float *out, const float *matrix, const float *x, uint32_t panels, uint32_t columns)
{
    for (uint32_t panel = 0; panel < panels; panel++) {
        const float *rows = matrix + (uint64_t)panel * columns * PANEL;
        for (uint32_t lane = 0; lane < PANEL; lane++) {
            float sum = 0;
            for (uint32_t k = 0; k < columns; k++) {
                float product = rows[(uint64_t)k * PANEL + lane] * x[k];
                sum = sum + product;
            }
            out[(uint64_t)panel * PANEL + lane] = sum;
        }
    }
}

static void add_weighted(float *out, const float *rows, const float *weights, uint32_t count, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++) {
        float sum = out[i];
        for (uint32_t t = 0; t < count; t++) {
            float product = weights[t] * rows[(uint64_t)t * size + i];
            sum = sum + product;
        }
        out[i] = sum;
    }
}

static float exponential_one(float x)
{
    union {
        float value;
        uint32_t bits;
    } shifted, result;
    x = x > EXP_LOW ? x : EXP_LOW; /* the choice for NaN is that of the MAXPS instruction */
    x = x < EXP_HIGH ? x : EXP_HIGH;
    shifted.value = x * EXP_LOG2E + EXP_ROUND;
    float n = shifted.value - EXP_ROUND;
    float r = x - n * EXP_LN2_HIGH;
    r = r - n * EXP_LN2_LOW;
    float p = EXP_P5;
    p = p * r + EXP_P4;
    p = p * r + EXP_P3;
    p = p * r + EXP_P2;
    p = p * r + EXP_P1;
    p = p * r + EXP_P0;
    p = p * (r * r) + r;
    result.value = p + 1.0f;
    result.bits += shifted.bits << 23; /* adds n to the exponent */
    return result.value;
}

static void exponential(float *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        values[i] = exponential_one(values[i]);
}

const struct kernels kernels_reference = {matvec, add_weighted, exponential};

const struct kernels *kernels_for(enum cpu_level level)
{
    switch (level) {
    case CPU_AVX2:
        return &kernels_avx2;
    case CPU_SSE2:
        return &kernels_sse2;
    default:
        return &kernels_reference;
    }
}
