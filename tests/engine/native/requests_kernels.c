/* requests_kernels.c - the arithmetic alone: vector exponential, int8 products, the functions of maths.h, and what the
 * processor can. */
#include "harness.h"
#include "kernels.h"
#include "maths.h"

#include <stdlib.h>
#include <string.h>

static void exponential_request(const struct request *r)
{
    float *values = (float *)(void *)r->payload;
    kernels_for((enum cpu_level)r->arguments[0])->exponential(values, (uint32_t)(r->bytes / sizeof(float)));
    reply("ok", values, r->bytes);
}

static void *aligned(size_t bytes)
{
    void *block = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (block == NULL)
        abort();
    return block;
}

/* "kernel_softmax LEVEL" of the divisor, then the scores: the weights. Junk is behind them up to a whole panel. */
static void softmax_request(const struct request *r)
{
    const float *values = (const float *)(const void *)r->payload;
    uint32_t count = (uint32_t)(r->bytes / sizeof(float)) - 1, padded = (count + PANEL - 1) / PANEL * PANEL;
    float *scores = aligned(padded * sizeof(float)), *weights = aligned(padded * sizeof(float));
    memset(scores, 0x7b, padded * sizeof(float)); /* a large number */
    memcpy(scores, values + 1, count * sizeof(float));
    kernels_for((enum cpu_level)r->arguments[0])->softmax(weights, scores, values[0], count);
    kernels_for((enum cpu_level)r->arguments[0])->softmax(scores, scores, values[0], count);
    if (memcmp(scores, weights, count * sizeof(float)) != 0)
        abort();
    reply("ok", weights, count * sizeof(float));
    free(scores);
    free(weights);
}

/* "gate LEVEL" of the gates, then as many ups. */
static void gate_request(const struct request *r)
{
    float *gates = (float *)(void *)r->payload;
    uint32_t count = (uint32_t)(r->bytes / sizeof(float)) / 2;
    kernels_for((enum cpu_level)r->arguments[0])->gate(gates, gates, gates + count, count);
    reply("ok", gates, count * sizeof(float));
}

/* "quantise LEVEL GROUP" of floats: the quants, then the scales, then the sums. */
static void quantise_request(const struct request *r)
{
    uint32_t group = (uint32_t)r->arguments[1], columns = (uint32_t)(r->bytes / sizeof(float));
    size_t bytes = columns + columns / group * (sizeof(float) + sizeof(int32_t));
    int8_t *result = aligned(bytes);
    float *scales = (float *)(void *)(result + columns);
    struct quantised to = {result, scales, (int32_t *)(void *)(scales + columns / group), columns, group};
    kernels_for((enum cpu_level)r->arguments[0])->quantise(&to, (const float *)(const void *)r->payload);
    reply("ok", result, bytes);
    free(result);
}

/* "multiply LEVEL GROUP COLUMNS PANELS COUNT" of panels, then for each input its numbers; for a GROUP of 0 these are
 * floats, otherwise quants, scales and sums. The products of each input; COUNT 0 is one input through matvec. */
static void multiply_request(const struct request *r)
{
    const struct kernels *kernels = kernels_for((enum cpu_level)r->arguments[0]);
    uint32_t group = (uint32_t)r->arguments[1], columns = (uint32_t)r->arguments[2], panels = (uint32_t)r->arguments[3],
             count = (uint32_t)r->arguments[4], inputs = count == 0 ? 1 : count, rows = panels * PANEL;
    size_t panel_bytes = group == 0 ? columns * PANEL * sizeof(float) : columns / group * panel_group_bytes(group);
    uint8_t *matrix = aligned(panels * panel_bytes);
    float *out = aligned(inputs * rows * sizeof(float));
    uint8_t *input = r->payload + panels * panel_bytes;
    const float *floats = (const float *)(const void *)input;
    struct quantised x[KERNEL_TOKENS];
    memcpy(matrix, r->payload, panels * panel_bytes);
    for (uint32_t t = 0; group != 0 && t < inputs; t++) {
        float *scales = (float *)(void *)(input + columns);
        x[t] =
            (struct quantised){(int8_t *)input, scales, (int32_t *)(void *)(scales + columns / group), columns, group};
        input += columns + columns / group * (sizeof(float) + sizeof(int32_t));
    }
    if (group == 0 && count == 0)
        kernels->matvec(out, (const float *)(const void *)matrix, floats, panels, columns);
    else if (group == 0)
        kernels->matmul(out, rows, (const float *)(const void *)matrix, floats, columns, count, panels, columns);
    else if (count == 0)
        kernels->matvec_int8(out, matrix, x, panels);
    else
        kernels->matmul_int8(out, rows, matrix, x, count, panels);
    reply("ok", out, inputs * rows * sizeof(float));
    free(matrix);
    free(out);
}

/* Doubles in place; "power" takes base 10000. */
static void maths_request(const struct request *r)
{
    double *values = (double *)(void *)r->payload, unused;
    for (size_t i = 0; i < r->bytes / sizeof(double); i++) {
        if (strcmp(r->name, "exp") == 0)
            values[i] = maths_exp(values[i]);
        else if (strcmp(r->name, "log") == 0)
            values[i] = maths_log(values[i]);
        else if (strcmp(r->name, "power") == 0)
            values[i] = maths_power(10000.0, values[i]);
        else if (strcmp(r->name, "sin") == 0)
            maths_sin_cos(values[i], &values[i], &unused);
        else if (strcmp(r->name, "cos") == 0)
            maths_sin_cos(values[i], &unused, &values[i]);
        else
            values[i] = (double)maths_sqrt((float)values[i]);
    }
    reply("ok", values, r->bytes);
}

/* "missing FEATURES" for every level: what it lacks with those features, comma-separated; a line each. */
static void missing_request(const struct request *r)
{
    struct cpu_info info = {.features = (uint32_t)r->arguments[0]};
    char lines[1024];
    struct text text;
    text_init(&text, lines, sizeof lines);
    for (unsigned level = 0; level < CPU_LEVELS; level++) {
        cpu_list_features(cpu_missing(&info, (enum cpu_level)level), &text);
        text_string(&text, "\n");
    }
    reply("ok", lines, text.length);
}

static void cpu_request(void)
{
    struct cpu_info info;
    char text[256];
    cpu_detect(&info);
    int bytes = snprintf(text, sizeof text, "%d %s %d %x %llx %s", (int)info.best, cpu_level_name(info.best),
                         info.osxsave, info.features, (unsigned long long)info.xcr0, info.brand);
    reply("ok", text, (size_t)bytes);
}

bool harness_kernels(struct harness *h, const struct request *r)
{
    static const char *const functions[] = {"exp", "log", "power", "sin", "cos", "sqrt"};
    (void)h;
    for (unsigned i = 0; i < sizeof functions / sizeof functions[0]; i++)
        if (strcmp(r->name, functions[i]) == 0) {
            maths_request(r);
            return true;
        }
    if (strcmp(r->name, "exponential") == 0)
        exponential_request(r);
    else if (strcmp(r->name, "kernel_softmax") == 0)
        softmax_request(r);
    else if (strcmp(r->name, "gate") == 0)
        gate_request(r);
    else if (strcmp(r->name, "quantise") == 0)
        quantise_request(r);
    else if (strcmp(r->name, "multiply") == 0)
        multiply_request(r);
    else if (strcmp(r->name, "missing") == 0)
        missing_request(r);
    else if (strcmp(r->name, "cpu") == 0)
        cpu_request();
    else
        return false;
    return true;
}
