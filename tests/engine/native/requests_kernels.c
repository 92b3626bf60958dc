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

/* "quantise LEVEL GROUP" of floats: the quants, then the scales. */
static void quantise_request(const struct request *r)
{
    uint32_t group = (uint32_t)r->arguments[1], columns = (uint32_t)(r->bytes / sizeof(float));
    size_t bytes = columns + columns / group * sizeof(float);
    int8_t *result = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (result == NULL)
        abort();
    struct quantised to = {result, (float *)(void *)(result + columns), columns, group};
    kernels_for((enum cpu_level)r->arguments[0])->quantise(&to, (const float *)(const void *)r->payload);
    reply("ok", result, bytes);
    free(result);
}

/* "multiply LEVEL GROUP COLUMNS PANELS" of panels, then the vector's quants, then its scales: the products. */
static void multiply_request(const struct request *r)
{
    uint32_t group = (uint32_t)r->arguments[1], columns = (uint32_t)r->arguments[2], panels = (uint32_t)r->arguments[3];
    size_t matrix_bytes = (size_t)(panels * (columns / group) * panel_group_bytes(group)),
           out_bytes = panels * PANEL * sizeof(float);
    uint8_t *matrix = aligned_alloc(64, matrix_bytes);
    float *out = aligned_alloc(64, out_bytes);
    if (matrix == NULL || out == NULL)
        abort();
    memcpy(matrix, r->payload, matrix_bytes);
    int8_t *quants = (int8_t *)r->payload + matrix_bytes;
    struct quantised x = {quants, (float *)(void *)(quants + columns), columns, group};
    kernels_for((enum cpu_level)r->arguments[0])->matvec_int8(out, matrix, &x, panels);
    reply("ok", out, out_bytes);
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

static void cpu_request(void)
{
    struct cpu_info info;
    char text[256];
    cpu_detect(&info);
    int bytes = snprintf(text, sizeof text, "%d %s %d %d %d %d %llx %s", (int)info.best, cpu_level_name(info.best),
                         info.osxsave, info.avx, info.avx2, info.fma, (unsigned long long)info.xcr0, info.brand);
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
    else if (strcmp(r->name, "quantise") == 0)
        quantise_request(r);
    else if (strcmp(r->name, "multiply") == 0)
        multiply_request(r);
    else if (strcmp(r->name, "cpu") == 0)
        cpu_request();
    else
        return false;
    return true;
}
