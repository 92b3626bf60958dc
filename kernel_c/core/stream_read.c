/* stream_read.c - one body for each width of load. A wider one is compiled for its registers alone: nothing else of
 * this file uses them. */
#include "stream_read.h"

#define LOADS 8u /* under way at a time, as many as a full tile of the kernels has sums */

typedef uint64_t words_16 __attribute__((vector_size(16)));
typedef uint64_t words_32 __attribute__((vector_size(32)));
typedef uint64_t words_64 __attribute__((vector_size(64)));

#define DEFINE_READ(name, words)                                           \
    static uint64_t name(const words *from, uint64_t blocks)               \
    {                                                                      \
        const words *end = from + blocks * (STREAM_BLOCK / sizeof(words)); \
        words mixed[LOADS] = {0}, all = {0};                               \
        for (; from < end; from += LOADS)                                  \
            for (uint32_t i = 0; i < LOADS; i++)                           \
                mixed[i] ^= from[i];                                       \
        for (uint32_t i = 0; i < LOADS; i++)                               \
            all ^= mixed[i];                                               \
        uint64_t result = 0;                                               \
        for (uint32_t i = 0; i < sizeof(words) / sizeof(uint64_t); i++)    \
            result ^= all[i];                                              \
        return result;                                                     \
    }

DEFINE_READ(read_sse2, words_16)
__attribute__((target("avx2"))) DEFINE_READ(read_avx2, words_32)
__attribute__((target("avx512f"))) DEFINE_READ(read_avx512, words_64)

static uint64_t read_words(const uint64_t *from, uint64_t blocks)
{
    uint64_t mixed = 0;
    for (uint64_t i = 0; i < blocks * (STREAM_BLOCK / sizeof *from); i++) {
        mixed ^= from[i];
        __asm__ volatile("" : "+r"(mixed)); /* one load for each, as the reference does */
    }
    return mixed;
}

uint64_t stream_read(enum cpu_level level, const void *from, uint64_t blocks)
{
    switch (level) {
    case CPU_REFERENCE:
        return read_words(from, blocks);
    case CPU_SSE2:
        return read_sse2(from, blocks);
    case CPU_AVX2:
        return read_avx2(from, blocks);
    default:
        return read_avx512(from, blocks);
    }
}
