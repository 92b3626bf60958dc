/* kernel_loops.h - the loops that every level of vectors has alike, around its own arithmetic. All of it is inlined
 * into the level's functions, with the sizes and functions that they pass as constants: no call is left. */
#ifndef LLMK_KERNEL_LOOPS_H
#define LLMK_KERNEL_LOOPS_H

#include "kernels.h"

/* One panel times `count` inputs, a constant wherever it is called: the sums are registers. */
typedef void float_tile(float *out, uint32_t out_stride, const float *matrix, const float *x, uint32_t x_stride,
                        uint32_t count, uint32_t columns);
typedef void int8_tile(float *out, uint32_t out_stride, const uint8_t *matrix, const struct quantised *x,
                       uint32_t count);

/* matmul by tiles of at most `most` inputs: 1, 2, 4, 8 or 16. */
static INLINE void panels_float(float *out, uint32_t out_stride, const float *matrix, const float *x, uint32_t x_stride,
                                uint32_t count, uint32_t panels, uint32_t columns, uint32_t most, float_tile *tile)
{
    for (; panels > 0; panels--, out += PANEL, matrix += (uint64_t)columns * PANEL) {
        float *to = out;
        const float *from = x;
        uint32_t left = count;
        for (; most >= 16 && left >= 16; left -= 16, to += 16 * (uint64_t)out_stride, from += 16 * (uint64_t)x_stride)
            tile(to, out_stride, matrix, from, x_stride, 16, columns);
        for (; most >= 8 && left >= 8; left -= 8, to += 8 * (uint64_t)out_stride, from += 8 * (uint64_t)x_stride)
            tile(to, out_stride, matrix, from, x_stride, 8, columns);
        for (; most >= 4 && left >= 4; left -= 4, to += 4 * (uint64_t)out_stride, from += 4 * (uint64_t)x_stride)
            tile(to, out_stride, matrix, from, x_stride, 4, columns);
        for (; most >= 2 && left >= 2; left -= 2, to += 2 * (uint64_t)out_stride, from += 2 * (uint64_t)x_stride)
            tile(to, out_stride, matrix, from, x_stride, 2, columns);
        for (; left > 0; left--, to += out_stride, from += x_stride)
            tile(to, out_stride, matrix, from, x_stride, 1, columns);
    }
}

/* matmul_int8, likewise. */
static INLINE void panels_int8(float *out, uint32_t out_stride, const uint8_t *matrix, const struct quantised *x,
                               uint32_t count, uint32_t panels, uint32_t most, int8_tile *tile)
{
    uint64_t step = x->columns / x->group * panel_group_bytes(x->group);
    for (; panels > 0; panels--, out += PANEL, matrix += step) {
        uint32_t t = 0;
        for (; most >= 8 && t + 8 <= count; t += 8)
            tile(out + (uint64_t)t * out_stride, out_stride, matrix, x + t, 8);
        for (; most >= 4 && t + 4 <= count; t += 4)
            tile(out + (uint64_t)t * out_stride, out_stride, matrix, x + t, 4);
        for (; most >= 2 && t + 2 <= count; t += 2)
            tile(out + (uint64_t)t * out_stride, out_stride, matrix, x + t, 2);
        for (; t < count; t++)
            tile(out + (uint64_t)t * out_stride, out_stride, matrix, x + t, 1);
    }
}

/* quantise: `largest` gives the largest magnitude of values, `round` quantises a group and gives the quants' sum. */
static INLINE void quantise_groups(const struct quantised *to, const float *values,
                                   float (*largest)(const float *values, uint32_t count),
                                   int32_t (*round)(int8_t *quants, const float *values, float scale, uint32_t group))
{
    int8_t *quants = to->quants;
    for (uint32_t g = 0; g < to->columns / to->group; g++, values += to->group, quants += to->group) {
        float scale = largest(values, to->group) / 127.0f;
        bool tiny = scale < QUANTISE_LEAST_SCALE;
        to->scales[g] = tiny ? 0.0f : scale;
        to->sums[g] = 0;
        if (tiny)
            __builtin_memset(quants, 0, to->group);
        else
            to->sums[g] = round(quants, values, scale, to->group);
    }
}

static inline int32_t quad_of(const int8_t *quants)
{
    int32_t quad;
    __builtin_memcpy(&quad, quants, sizeof quad);
    return quad;
}

#endif
