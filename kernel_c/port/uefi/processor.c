/* processor.c - vector state. Firmware starts applications with SSE only: CR4.OSXSAVE is clear, and XGETBV would fault. */
#include "port_uefi.h"

#include <cpuid.h>

void processor_open(void)
{
    uint32_t a, b, c, d;
    __cpuid(1, a, b, c, d);
    if (!(c >> 26 & 1) || !(c >> 28 & 1)) /* XSAVE and AVX */
        return;
    uint64_t cr4;
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | 1u << 18));
    uint32_t low, high, wanted = 7, allowed = 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    __cpuid_count(0xd, 0, allowed, b, c, d);
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 16 & 1) && (allowed & 0xe0) == 0xe0)
        wanted |= 0xe0; /* AVX-512 */
    __asm__ volatile("xsetbv" : : "a"(low | wanted), "d"(high), "c"(0));
}
