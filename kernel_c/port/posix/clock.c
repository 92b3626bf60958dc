/* clock.c - the cycle counter, its calibration against the host's monotonic clock, and the time that they leave out.
 *
 * A machine that is stopped (SIGSTOP, Ctrl+Z) has no time: one that counted it would find on its first look that its host had
 * been silent, its budget was used up and its line was flooded. Nobody tells a process when it was stopped, so that
 * a stop is taken to begin with the last look at the clock, which is some milliseconds earlier.
 */
#define _GNU_SOURCE
#include "port.h"
#include "port_posix.h"

#include <signal.h>
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

static volatile sig_atomic_t stops; /* that have ended; the signal comes before the thread that looks goes on */

/* One counter without the stops. Only the first thread looks at it: workers neither get signals nor read clocks. */
struct machine_counter {
    uint64_t last, left_out; /* of the host's counter */
    sig_atomic_t stops;      /* that are left out */
};

void clock_stop_ended(void)
{
    stops = (sig_atomic_t)((unsigned)stops + 1);
}

static uint64_t host_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* A stop between the reading and the look at `stops` would not belong to the reading: it is made again. */
static uint64_t without_stops(struct machine_counter *counter, uint64_t (*read)(void))
{
    uint64_t now;
    sig_atomic_t seen;
    do {
        seen = stops;
        now = read();
    } while (seen != stops);
    if (counter->stops != seen)
        counter->left_out += now - counter->last;
    counter->stops = seen;
    counter->last = now;
    return now - counter->left_out;
}

uint64_t monotonic_ns(void)
{
    static struct machine_counter counter;
    return without_stops(&counter, host_ns);
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

#if defined(__x86_64__)
static uint64_t host_cycles(void)
{
    return __builtin_ia32_rdtsc();
}
#endif

uint64_t port_cycles(void)
{
#if defined(__x86_64__)
    static struct machine_counter counter;
    if (!made_up)
        return without_stops(&counter, host_cycles);
#endif
    return made_up_cycles();
}

#if defined(__x86_64__)
/* Both clocks at one moment: of some tries the one with the least time between the two readings of the counter. */
static void read_both(uint64_t *ret_cycles, uint64_t *ret_ns)
{
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < 8; i++) {
        uint64_t before = host_cycles(), ns = host_ns(), after = host_cycles();
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
    while (host_ns() < ns + RUN_NS) {
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
