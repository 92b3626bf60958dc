/* stream_read.c - one body for each width of load. The functions for wider registers are compiled for them one by one:
 * nothing else of this file uses them. */
#include "stream_read.h"

#include <immintrin.h>

#define LOADS 8u /* under way at a time, as many as the sums of two panels need */

static uint64_t read_words(const uint64_t *from, uint64_t blocks)
{
    uint64_t mixed = 0;
    for (uint64_t i = 0; i < blocks * (STREAM_BLOCK / sizeof *from); i++) {
        mixed ^= from[i];
        __asm__ volatile("" : "+r"(mixed)); /* one load for each, as the reference does */
    }
    return mixed;
}

static uint64_t read_sse2(const __m128i *from, uint64_t blocks)
{
    __m128i mixed[LOADS] = {0}, all = _mm_setzero_si128();
    const __m128i *end = from + blocks * (STREAM_BLOCK / sizeof *from);
    for (; from < end; from += LOADS)
        for (unsigned i = 0; i < LOADS; i++)
            mixed[i] = _mm_xor_si128(mixed[i], _mm_load_si128(from + i));
    for (unsigned i = 0; i < LOADS; i++)
        all = _mm_xor_si128(all, mixed[i]);
    return (uint64_t)_mm_cvtsi128_si64(_mm_xor_si128(all, _mm_unpackhi_epi64(all, all)));
}

__attribute__((target("avx2"))) static uint64_t read_avx2(const __m256i *from, uint64_t blocks)
{
    __m256i mixed[LOADS] = {0}, all = _mm256_setzero_si256();
    const __m256i *end = from + blocks * (STREAM_BLOCK / sizeof *from);
    for (; from < end; from += LOADS)
        for (unsigned i = 0; i < LOADS; i++)
            mixed[i] = _mm256_xor_si256(mixed[i], _mm256_load_si256(from + i));
    for (unsigned i = 0; i < LOADS; i++)
        all = _mm256_xor_si256(all, mixed[i]);
    __m128i half = _mm_xor_si128(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
    uint64_t result = (uint64_t)_mm_cvtsi128_si64(_mm_xor_si128(half, _mm_unpackhi_epi64(half, half)));
    _mm256_zeroupper();
    return result;
}

uint64_t stream_read(enum cpu_level level, const void *from, uint64_t blocks)
{
    switch (level) {
    case CPU_REFERENCE:
        return read_words(from, blocks);
    case CPU_SSE2:
        return read_sse2(from, blocks);
    default:
        return read_avx2(from, blocks);
    }
}
