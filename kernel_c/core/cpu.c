#include "cpu.h"

#include <cpuid.h>

static uint64_t read_xcr0(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static void read_brand(char *brand)
{
    uint32_t words[12] = {0}, largest = (uint32_t)__get_cpuid_max(0x80000000u, 0);
    if (largest >= 0x80000004u)
        for (uint32_t i = 0; i < 3; i++)
            __cpuid(0x80000002u + i, words[4 * i], words[4 * i + 1], words[4 * i + 2], words[4 * i + 3]);
    const char *bytes = (const char *)words;
    unsigned from = 0, to = 0;
    while (from < 48 && bytes[from] == ' ')
        from++;
    for (; from < 48 && bytes[from] != '\0'; from++)
        brand[to++] = bytes[from] >= ' ' && bytes[from] <= '~' ? bytes[from] : '?';
    while (to > 0 && brand[to - 1] == ' ')
        to--;
    brand[to] = '\0';
}

void cpu_detect(struct cpu_info *ret_info)
{
    struct cpu_info info = {.best = CPU_SSE2};
    uint32_t a, b, c, d;
    __cpuid(1, a, b, c, d);
    info.osxsave = c >> 27 & 1;
    info.avx = c >> 28 & 1;
    info.fma = c >> 12 & 1;
    info.hypervisor = c >> 31 & 1;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        info.avx2 = b >> 5 & 1;
        info.avx512f = b >> 16 & 1;
    }
    if (__get_cpuid(0x80000007u, &a, &b, &c, &d))
        info.invariant_tsc = d >> 8 & 1;
    if (info.osxsave) /* XGETBV faults while the system has not switched XSAVE on */
        info.xcr0 = read_xcr0();
    if (info.osxsave && info.avx && info.avx2 && info.fma && (info.xcr0 & 6) == 6)
        info.best = CPU_AVX2;
    read_brand(info.brand);
    *ret_info = info;
}

const char *cpu_level_name(enum cpu_level level)
{
    static const char *const names[CPU_LEVELS] = {"reference", "sse2", "avx2"};
    return names[level];
}
