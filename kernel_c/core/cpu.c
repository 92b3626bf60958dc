#include "cpu.h"

#include <cpuid.h>

#define XCR0_YMM 0x06u /* XMM, upper halves of YMM */
#define XCR0_ZMM 0xe6u /* and mask registers, upper halves of ZMM, ZMM16 to 31 */

/* Not for its instruction: every processor with AVX2 has FMA, and a machine that hides one is odd enough for SSE2. */
#define WANTED_AVX2 (CPU_HAS_AVX | CPU_HAS_AVX2 | CPU_HAS_FMA | CPU_HAS_YMM_STATE)
#define WANTED_AVX512                                                                                                  \
    (WANTED_AVX2 | CPU_HAS_AVX512F | CPU_HAS_AVX512DQ | CPU_HAS_AVX512BW | CPU_HAS_AVX512VL | CPU_HAS_ZMM_STATE)

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

/* What the processor has, by CPUID, and the system has switched on, by XCR0. */
static uint32_t read_features(uint64_t xcr0)
{
    uint32_t a, b, c, d, found = 0;
    __cpuid(1, a, b, c, d);
    found |= c >> 28 & 1 ? CPU_HAS_AVX : 0;
    found |= c >> 12 & 1 ? CPU_HAS_FMA : 0;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        found |= b >> 5 & 1 ? CPU_HAS_AVX2 : 0;
        found |= b >> 16 & 1 ? CPU_HAS_AVX512F : 0;
        found |= b >> 17 & 1 ? CPU_HAS_AVX512DQ : 0;
        found |= b >> 30 & 1 ? CPU_HAS_AVX512BW : 0;
        found |= b >> 31 & 1 ? CPU_HAS_AVX512VL : 0;
        found |= c >> 11 & 1 ? CPU_HAS_AVX512_VNNI : 0;
    }
    found |= (xcr0 & XCR0_YMM) == XCR0_YMM ? CPU_HAS_YMM_STATE : 0;
    found |= (xcr0 & XCR0_ZMM) == XCR0_ZMM ? CPU_HAS_ZMM_STATE : 0;
    return found;
}

void cpu_detect(struct cpu_info *ret_info)
{
    struct cpu_info info = {.best = CPU_SSE2};
    uint32_t a, b, c, d;
    __cpuid(1, a, b, c, d);
    info.osxsave = c >> 27 & 1;
    info.hypervisor = c >> 31 & 1;
    if (__get_cpuid(0x80000007u, &a, &b, &c, &d))
        info.invariant_tsc = d >> 8 & 1;
    if (info.osxsave) /* XGETBV faults while the system has not switched XSAVE on */
        info.xcr0 = read_xcr0();
    info.features = read_features(info.xcr0);
    while (info.best + 1 < CPU_LEVELS && cpu_missing(&info, info.best + 1) == 0)
        info.best++;
    read_brand(info.brand);
    *ret_info = info;
}

uint32_t cpu_missing(const struct cpu_info *info, enum cpu_level level)
{
    static const uint32_t wanted[CPU_LEVELS] = {
        [CPU_AVX2] = WANTED_AVX2,
        [CPU_AVX512] = WANTED_AVX512,
        [CPU_AVX512_VNNI] = WANTED_AVX512 | CPU_HAS_AVX512_VNNI,
    };
    return wanted[level] & ~info->features;
}

const char *cpu_level_name(enum cpu_level level)
{
    static const char *const names[CPU_LEVELS] = {"reference", "sse2", "avx2", "avx512", "avx512_vnni"};
    return names[level];
}

const char *cpu_feature_name(unsigned bit)
{
    static const char *const names[CPU_FEATURES] = {"avx",      "avx2",     "fma",         "avx512f",   "avx512dq",
                                                    "avx512bw", "avx512vl", "avx512_vnni", "ymm_state", "zmm_state"};
    return names[bit];
}

void cpu_list_features(uint32_t features, struct text *out)
{
    const char *between = "";
    for (unsigned bit = 0; bit < CPU_FEATURES; bit++)
        if (features >> bit & 1) {
            text_format(out, "%s%s", between, cpu_feature_name(bit));
            between = ", ";
        }
}
