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

static void matmul(float *out, uint32_t out_stride, const float *matrix, const float *x, uint32_t x_stride,
                   uint32_t count, uint32_t panels, uint32_t columns)
{
    for (uint32_t t = 0; t < count; t++)
        matvec(out + (uint64_t)t * out_stride, matrix, x + (uint64_t)t * x_stride, panels, columns);
}

static void add_weighted(float *out, const float *rows, const float *weights, uint32_t count, uint32_t size)
{
    add_weighted_columns(out, rows, weights, count, size, 0);
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

static void softmax(float *weights, const float *scores, float divisor, uint32_t count)
{
    float most = -__builtin_inff(), sum = 0;
    for (uint32_t t = 0; t < count; t++) {
        weights[t] = scores[t] / divisor;
        most = weights[t] > most ? weights[t] : most;
    }
    for (uint32_t t = 0; t < count; t++) {
        weights[t] = exponential_one(weights[t] - most);
        sum = sum + weights[t];
    }
    for (uint32_t t = 0; t < count; t++)
        weights[t] = weights[t] / sum;
}

static void gate(float *out, const float *gate, const float *up, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        float share = 1.0f / (1.0f + exponential_one(-gate[i]));
        float silu = gate[i] * share;
        out[i] = silu * up[i];
    }
}

static void matvec_int8(float *out, const uint8_t *matrix, const struct quantised *x, uint32_t panels)
{
    for (uint32_t panel = 0; panel < panels; panel++, out += PANEL) {
        for (uint32_t lane = 0; lane < PANEL; lane++)
            out[lane] = 0;
        for (uint32_t g = 0; g < x->columns / x->group; g++, matrix += panel_group_bytes(x->group)) {
            const float *scales = (const float *)(const void *)matrix;
            const int8_t *weights = (const int8_t *)(matrix + PANEL_SCALES_BYTES);
            const int8_t *quants = x->quants + (uint64_t)g * x->group;
            for (uint32_t lane = 0; lane < PANEL; lane++) {
                int32_t sum = 0;
                for (uint32_t k = 0; k < x->group; k++)
                    sum += weights[panel_quant_index(k, lane)] * quants[k];
                float scaled = (float)sum * scales[lane];
                scaled = scaled * x->scales[g];
                out[lane] = out[lane] + scaled;
            }
        }
    }
}

static void matmul_int8(float *out, uint32_t out_stride, const uint8_t *matrix, const struct quantised *x,
                        uint32_t count, uint32_t panels)
{
    for (uint32_t t = 0; t < count; t++)
        matvec_int8(out + (uint64_t)t * out_stride, matrix, x + t, panels);
}

/* Conversion truncates, and the rest is exact: adding a half first would round 0.49999997 up. */
static int8_t round_away(float value)
{
    value = value > -127.0f ? value : -127.0f; /* NaN as MAXPS has it */
    value = value < 127.0f ? value : 127.0f;
    int32_t whole = (int32_t)value;
    float rest = value - (float)whole;
    return (int8_t)(whole + (rest >= 0.5f) - (rest <= -0.5f));
}

static void quantise(const struct quantised *to, const float *values)
{
    int8_t *quants = to->quants;
    for (uint32_t g = 0; g < to->columns / to->group; g++, values += to->group, quants += to->group) {
        float most = 0;
        for (uint32_t i = 0; i < to->group; i++) {
            float magnitude = __builtin_fabsf(values[i]);
            most = magnitude > most ? magnitude : most;
        }
        float scale = most / 127.0f;
        bool tiny = scale < QUANTISE_LEAST_SCALE;
        to->scales[g] = tiny ? 0.0f : scale;
        to->sums[g] = 0;
        for (uint32_t i = 0; i < to->group; i++) {
            quants[i] = tiny ? 0 : round_away(values[i] / scale);
            to->sums[g] += quants[i];
        }
    }
}

const struct kernels kernels_reference = {
    .tokens = 8,
    .matvec = matvec,
    .matmul = matmul,
    .add_weighted = add_weighted,
    .exponential = exponential,
    .softmax = softmax,
    .gate = gate,
    .matvec_int8 = matvec_int8,
    .matmul_int8 = matmul_int8,
    .quantise = quantise,
};

const struct kernels *kernels_for(enum cpu_level level)
{
    switch (level) {
    case CPU_AVX512_VNNI:
        return &kernels_avx512_vnni;
    case CPU_AVX512:
        return &kernels_avx512;
    case CPU_AVX2:
        return &kernels_avx2;
    case CPU_SSE2:
        return &kernels_sse2;
    default:
        return &kernels_reference;
    }
}
