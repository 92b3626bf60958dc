/* cpu.h - which instruction sets this processor has AND this system has switched on. */
#ifndef LLMK_CPU_H
#define LLMK_CPU_H

#include <stdbool.h>
#include <stdint.h>

enum cpu_level { CPU_REFERENCE, CPU_SSE2, CPU_AVX2, CPU_LEVELS };

struct cpu_info {
    char brand[49]; /* CPUID brand string, trimmed */
    bool osxsave, avx, avx2, fma, avx512f, invariant_tsc, hypervisor;
    uint64_t xcr0;       /* 0 when OSXSAVE is clear */
    enum cpu_level best; /* avx2 only with CPUID AVX2 and FMA, OSXSAVE and XCR0 bits 1 and 2 */
};

void cpu_detect(struct cpu_info *ret_info);
uint64_t cpu_cache_bytes(void); /* of the largest cache, 0: the processor does not tell */
const char *cpu_level_name(enum cpu_level level); /* "reference", "sse2", "avx2" */

#endif
