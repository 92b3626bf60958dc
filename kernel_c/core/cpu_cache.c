/* cpu_cache.c - how large the largest cache is, as CPUID tells it. */
#include "cpu.h"

#include <cpuid.h>

#define LEAF_INTEL 4u
#define LEAF_AMD 0x8000001du
#define MOST_CACHES 16u

/* Sources: Intel SDM volume 2, CPUID leaf 4; AMD64 Architecture Programmer's Manual volume 3, leaf 8000_001Dh: both in
 * the same form. */
static uint64_t largest_of_leaf(uint32_t leaf)
{
    uint64_t largest = 0;
    for (uint32_t index = 0; index < MOST_CACHES; index++) {
        uint32_t a, b, c, d;
        if (!__get_cpuid_count(leaf, index, &a, &b, &c, &d) || (a & 0x1f) == 0)
            break;
        uint64_t ways = (b >> 22) + 1, partitions = (b >> 12 & 0x3ff) + 1, line = (b & 0xfff) + 1;
        uint64_t bytes = ways * partitions * line * ((uint64_t)c + 1);
        largest = bytes > largest ? bytes : largest;
    }
    return largest;
}

uint64_t cpu_cache_bytes(void)
{
    uint64_t intel = largest_of_leaf(LEAF_INTEL), amd = largest_of_leaf(LEAF_AMD);
    return intel > amd ? intel : amd;
}
