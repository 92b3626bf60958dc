#include "gguf_numbers.h"

#include "gguf_read.h"

#define MOST_BLOCK_BYTES 210u

/* The fields moved into those of a float32 have an exponent that is 112 too small, which a product mends for subnormal
 * numbers too. No branches: this is done for every weight of a half-precision file. */
static float half(const uint8_t *bytes)
{
    uint32_t raw = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
    uint32_t magnitude = (raw & 0x7fffu) << 13, special = (raw & 0x7c00u) == 0x7c00u ? 0x7f800000u : 0, bits;
    float value;
    __builtin_memcpy(&value, &magnitude, sizeof value);
    value *= 0x1p112f;
    __builtin_memcpy(&bits, &value, sizeof bits);
    bits |= special | (raw & 0x8000u) << 16;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}

static void expand_f32(const uint8_t *from, float *to, uint64_t blocks)
{
    for (uint64_t i = 0; i < blocks; i++)
        to[i] = gguf_float(from + 4 * i);
}

static void expand_f16(const uint8_t *from, float *to, uint64_t blocks)
{
    uint8_t eight[16]; /* taken out first: the compiler need not fear that a result lies on the next number */
    for (; blocks >= 8; blocks -= 8, from += sizeof eight, to += 8) {
        __builtin_memcpy(eight, from, sizeof eight);
        for (unsigned i = 0; i < 8; i++)
            to[i] = half(eight + 2 * i);
    }
    for (uint64_t i = 0; i < blocks; i++)
        to[i] = half(from + 2 * i);
}

static void expand_bf16(const uint8_t *from, float *to, uint64_t blocks)
{
    for (uint64_t i = 0; i < blocks; i++) {
        const uint8_t high[4] = {0, 0, from[2 * i], from[2 * i + 1]};
        to[i] = gguf_float(high);
    }
}

static void quants_q8_0(const uint8_t *block, int8_t *ret_quants, float *ret_scale)
{
    *ret_scale = half(block);
    __builtin_memcpy(ret_quants, block + 2, GGUF_QUANTS);
}

static void quants_q4_0(const uint8_t *block, int8_t *ret_quants, float *ret_scale)
{
    *ret_scale = half(block);
    for (unsigned i = 0; i < GGUF_QUANTS / 2; i++) {
        ret_quants[i] = (int8_t)((block[2 + i] & 15) - 8);
        ret_quants[i + GGUF_QUANTS / 2] = (int8_t)((block[2 + i] >> 4) - 8);
    }
}

/* A block is taken apart before its weights are written: they may lie on it. */
static void expand_quants(void quants(const uint8_t *, int8_t *, float *), const uint8_t *from, uint32_t bytes,
                          float *to, uint64_t blocks)
{
    int8_t block[GGUF_QUANTS];
    float scale;
    for (; blocks > 0; blocks--, from += bytes) {
        quants(from, block, &scale);
        for (unsigned i = 0; i < GGUF_QUANTS; i++)
            *to++ = (float)block[i] * scale;
    }
}

static void expand_q8_0(const uint8_t *from, float *to, uint64_t blocks)
{
    expand_quants(quants_q8_0, from, 34, to, blocks);
}

static void expand_q4_0(const uint8_t *from, float *to, uint64_t blocks)
{
    expand_quants(quants_q4_0, from, 18, to, blocks);
}

/* Two halves of 128 weights, each in four runs of 32: a run has one half of the bytes of low bits, one pair of bits of
 * all bytes of high bits, and two scales. */
static void expand_q6_k(const uint8_t *from, float *to, uint64_t blocks)
{
    uint8_t block[MOST_BLOCK_BYTES];
    for (; blocks > 0; blocks--, from += sizeof block, to += 256) {
        __builtin_memcpy(block, from, sizeof block);
        float scale = half(block + 208);
        for (unsigned i = 0; i < 256; i++) {
            unsigned half = i / 128, run = i / 32 % 4, lane = i % 32;
            unsigned bits = block[64 * half + 32 * (run % 2) + lane], more = block[128 + 32 * half + lane];
            unsigned value = (bits >> 4 * (run / 2) & 15u) | (more >> 2 * run & 3u) << 4;
            int8_t own = (int8_t)block[192 + 8 * half + 2 * run + lane / 16];
            to[i] = scale * (float)own * (float)((int)value - 32);
        }
    }
}

static const struct gguf_numbers supported[] = {
    {0, "F32", 1, 4, expand_f32, NULL},
    {1, "F16", 1, 2, expand_f16, NULL},
    {30, "BF16", 1, 2, expand_bf16, NULL},
    {8, "Q8_0", 32, 34, expand_q8_0, quants_q8_0},
    {2, "Q4_0", 32, 18, expand_q4_0, quants_q4_0},
    {14, "Q6_K", 256, MOST_BLOCK_BYTES, expand_q6_k, NULL},
};

const struct gguf_numbers *gguf_numbers(uint32_t id)
{
    for (unsigned i = 0; i < sizeof supported / sizeof supported[0]; i++)
        if (supported[i].id == id)
            return &supported[i];
    return NULL;
}

const char *gguf_numbers_name(uint32_t id)
{
    static const char *const names[] = {
        "F32",   "F16",    "Q4_0", "Q4_1", "?",    "?",       "Q5_0",   "Q5_1",    "Q8_0",  "Q8_1",   "Q2_K",
        "Q3_K",  "Q4_K",   "Q5_K", "Q6_K", "Q8_K", "IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ1_S", "IQ4_NL", "IQ3_S",
        "IQ2_S", "IQ4_XS", "I8",   "I16",  "I32",  "I64",     "F64",    "IQ1_M",   "BF16",
    };
    return id < sizeof names / sizeof names[0] ? names[id] : "?";
}
