/* processor.c - vector state. Firmware starts applications with SSE only: CR4.OSXSAVE is clear, XGETBV would fault. */
#include "port_uefi.h"

#include <cpuid.h>

#define CR4_OSXSAVE (1u << 18)
#define XCR0_AVX 0x07u    /* x87, SSE, upper halves of YMM */
#define XCR0_AVX512 0xe0u /* mask registers, upper halves of ZMM, ZMM16 to 31 */

void processor_open(void)
{
    uint32_t a, b, c, d, allowed, wanted = XCR0_AVX;
    __cpuid(1, a, b, c, d);
    if (!(c >> 26 & 1) || !(c >> 28 & 1)) /* XSAVE and AVX */
        return;
    uint64_t cr4;
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | CR4_OSXSAVE));
    __cpuid_count(0xd, 0, allowed, b, c, d); /* the bits that XCR0 may have; another one faults */
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 16 & 1))
        wanted |= XCR0_AVX512;
    if ((allowed & XCR0_AVX512) != XCR0_AVX512)
        wanted &= XCR0_AVX;
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    if ((allowed & XCR0_AVX) == XCR0_AVX)
        __asm__ volatile("xsetbv" : : "a"(low | wanted), "d"(high), "c"(0));
}
