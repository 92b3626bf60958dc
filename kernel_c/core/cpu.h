/* cpu.h - which instruction sets this processor has AND this system has switched on. */
#ifndef LLMK_CPU_H
#define LLMK_CPU_H

#include "text.h"

#include <stdbool.h>
#include <stdint.h>

/* Each has what those below it have. The two with AVX-512 differ in the int8 products alone. */
enum cpu_level { CPU_REFERENCE, CPU_SSE2, CPU_AVX2, CPU_AVX512, CPU_AVX512_VNNI, CPU_LEVELS };

enum { /* bits of cpu_info.features; the last two are the system's: XCR0 bits 1 and 2, and those with bits 5 to 7 */
       CPU_HAS_AVX = 1u << 0,
       CPU_HAS_AVX2 = 1u << 1,
       CPU_HAS_FMA = 1u << 2,
       CPU_HAS_AVX512F = 1u << 3,
       CPU_HAS_AVX512DQ = 1u << 4,
       CPU_HAS_AVX512BW = 1u << 5,
       CPU_HAS_AVX512VL = 1u << 6,
       CPU_HAS_AVX512_VNNI = 1u << 7,
       CPU_HAS_YMM_STATE = 1u << 8,
       CPU_HAS_ZMM_STATE = 1u << 9,
};
#define CPU_FEATURES 10u

struct cpu_info {
    char brand[49]; /* CPUID brand string, trimmed */
    bool osxsave, invariant_tsc, hypervisor;
    uint32_t features;
    uint64_t xcr0;       /* 0 when OSXSAVE is clear */
    enum cpu_level best; /* the highest of which nothing is missing */
};

void cpu_detect(struct cpu_info *ret_info);
uint64_t cpu_cache_bytes(void);                   /* of the largest cache, 0: the processor does not tell */
const char *cpu_level_name(enum cpu_level level); /* "reference", "sse2", "avx2", "avx512", "avx512_vnni" */
const char *cpu_feature_name(unsigned bit);       /* bit < CPU_FEATURES: "avx512f" */
uint32_t cpu_missing(const struct cpu_info *info, enum cpu_level level); /* features that the level wants; 0: it runs */
void cpu_list_features(uint32_t features, struct text *out);             /* "avx2, fma" */

#endif
