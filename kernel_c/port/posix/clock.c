/* clock.c - the cycle counter and its calibration against the host's monotonic clock. */
#define _GNU_SOURCE
#include "port.h"
#include "port_posix.h"

#include <time.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define RUNS 5u
#define RUN_NS UINT64_C(2000000)
#define MADE_UP_HZ UINT64_C(1000000000) /* on a processor whose counter is not known here */

static struct port_clock calibrated = {.hz = MADE_UP_HZ, .source = "posix", .invariant = true};
#if defined(__x86_64__)
static bool made_up; /* not the processor's counter, but one of the rate that was asked for */
#endif

uint64_t monotonic_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t cpu_ns(void)
{
    struct timespec used;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

/* A counter of any rate made of the monotonic clock. */
static uint64_t made_up_cycles(void)
{
    uint64_t ns = monotonic_ns(), hz = calibrated.hz;
    return ns / 1000000000u * hz + ns % 1000000000u * hz / 1000000000u;
}

uint64_t port_cycles(void)
{
#if defined(__x86_64__)
    if (!made_up)
        return __builtin_ia32_rdtsc();
#endif
    return made_up_cycles();
}

#if defined(__x86_64__)
/* Both clocks at one moment: of some tries the one with the least time between the two readings of the counter. */
static void read_both(uint64_t *ret_cycles, uint64_t *ret_ns)
{
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < 8; i++) {
        uint64_t before = __builtin_ia32_rdtsc(), ns = monotonic_ns(), after = __builtin_ia32_rdtsc();
        if (after - before >= least)
            continue;
        least = after - before;
        *ret_cycles = before + least / 2;
        *ret_ns = ns;
    }
}

static bool counter_is_invariant(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 && (d >> 8 & 1) != 0;
}

static uint64_t measure_hz(void)
{
    uint64_t cycles, ns, end_cycles, end_ns;
    read_both(&cycles, &ns);
    while (monotonic_ns() < ns + RUN_NS) {
    }
    read_both(&end_cycles, &end_ns);
    return (uint64_t)((double)(end_cycles - cycles) * 1e9 / (double)(end_ns - ns));
}
#endif

/* The smallest of the runs counts, and the spread says how far it can be trusted. */
void clock_calibrate(void)
{
    if (options.clock_hz != 0)
        calibrated.hz = options.clock_hz;
#if defined(__x86_64__)
    made_up = options.clock_hz != 0;
    if (made_up)
        return;
    uint64_t least = UINT64_MAX, most = 0;
    for (unsigned run = 0; run < RUNS; run++) {
        uint64_t hz = measure_hz();
        least = hz < least ? hz : least;
        most = hz > most ? hz : most;
    }
    calibrated.hz = least > 0 ? least : 1;
    calibrated.spread_ppm = (uint32_t)((most - least) * 1000000u / calibrated.hz);
    calibrated.invariant = counter_is_invariant();
#endif
}

const struct port_clock *port_clock(void)
{
    return &calibrated;
}

uint64_t port_unix_time(void)
{
    time_t now = time(NULL);
    return now > 0 ? (uint64_t)now : 0;
}
