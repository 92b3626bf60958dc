/* clock.c - how fast the time stamp counter runs, by the best witness the machine has. */
#include "port.h"
#include "port_uefi.h"

#include <cpuid.h>

#define RUNS 5u
#define PM_HZ 3579545u
#define PM_TICKS 35795u /* 10 ms */
#define STALL_US 20000u
#define PLAUSIBLE_KHZ_LEAST 100000u
#define PLAUSIBLE_KHZ_MOST 10000000u

static struct port_clock found;

uint64_t port_cycles(void)
{
    uint32_t low, high;
    __asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

const struct port_clock *port_clock(void)
{
    return &found;
}

static bool guid_equal(const struct efi_guid *a, const struct efi_guid *b)
{
    const uint8_t *left = (const uint8_t *)a, *right = (const uint8_t *)b;
    for (size_t i = 0; i < sizeof *a; i++)
        if (left[i] != right[i])
            return false;
    return true;
}

static uint32_t read32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint64_t read64(const uint8_t *at)
{
    return read32(at) | (uint64_t)read32(at + 4) << 32;
}

/* The I/O port of the ACPI timer, from the fixed description table; 0 when there is none. Source: ACPI 6.5, 5.2.9. */
static uint16_t find_pm_timer(void)
{
    const uint8_t *root = NULL;
    for (size_t i = 0; i < uefi->table_count; i++)
        if (guid_equal(&uefi->tables[i].guid, &efi_acpi_guid))
            root = uefi->tables[i].table;
    if (root == NULL)
        return 0;
    const uint8_t *list = (const uint8_t *)(uintptr_t)read64(root + 24); /* XSDT */
    if (list == NULL)
        return 0;
    uint32_t bytes = read32(list + 4);
    for (uint32_t at = 36; at + 8 <= bytes && bytes < 65536; at += 8) {
        const uint8_t *table = (const uint8_t *)(uintptr_t)read64(list + at);
        if (table != NULL && read32(table) == 0x50434146u && read32(table + 4) >= 80) /* "FACP" */
            return (uint16_t)read32(table + 76);
    }
    return 0;
}

/* Cycles per second of one run against the ACPI timer, 0 when it does not move. */
static uint64_t run_pm_timer(uint16_t port)
{
    uint32_t start = in32(port), passed = 0;
    uint64_t begun = port_cycles();
    for (uint32_t tries = 0; passed < PM_TICKS; tries++) {
        passed = (in32(port) - start) & 0xffffffu;
        if (tries > 10000000u || (tries > 100000u && passed == 0))
            return 0;
    }
    return (port_cycles() - begun) * PM_HZ / passed;
}

static uint64_t run_stall(uint16_t unused)
{
    uint64_t begun = port_cycles();
    (void)unused;
    (void)uefi->boot->stall(STALL_US);
    return (port_cycles() - begun) * 1000000u / STALL_US;
}

/* The smallest of several runs: an interruption makes a run longer, never shorter. */
static bool measure(const char *source, uint64_t (*run)(uint16_t), uint16_t port)
{
    uint64_t least = UINT64_MAX, most = 0;
    for (unsigned i = 0; i < RUNS; i++) {
        uint64_t hz = run(port);
        if (hz == 0)
            return false;
        least = hz < least ? hz : least;
        most = hz > most ? hz : most;
    }
    found.hz = least;
    found.source = source;
    found.spread_ppm = (uint32_t)((most - least) * 1000000u / least);
    return true;
}

/* The processor's own statement. Source: Intel SDM, CPUID leaf 15h: crystal in Hz, numerator, denominator. */
static bool from_processor(void)
{
    uint32_t denominator, numerator, crystal, unused;
    if (__get_cpuid_max(0, NULL) < 0x15)
        return false;
    __cpuid(0x15, denominator, numerator, crystal, unused);
    if (denominator == 0 || numerator == 0 || crystal == 0)
        return false;
    found = (struct port_clock){.hz = (uint64_t)crystal * numerator / denominator, .source = "cpuid15"};
    return true;
}

/* The hypervisor's: leaf 40000010h, in kHz, of those that have it. Others use the leaf for something else. */
static bool from_hypervisor(void)
{
    uint32_t a, b, c, d, unused;
    __cpuid(1, a, b, c, d);
    if (!(c >> 31 & 1))
        return false;
    __cpuid(0x40000000u, a, b, c, d);
    bool kvm = b == 0x4b4d564bu && c == 0x564b4d56u && d == 0x4du;            /* "KVMKVMKVM" */
    bool vmware = b == 0x61774d56u && c == 0x4d566572u && d == 0x65726177u; /* "VMwareVMware" */
    if (!(kvm || vmware) || a < 0x40000010u)
        return false;
    __cpuid(0x40000010u, a, b, c, unused);
    if (a < PLAUSIBLE_KHZ_LEAST || a > PLAUSIBLE_KHZ_MOST)
        return false;
    found = (struct port_clock){.hz = (uint64_t)a * 1000, .source = kvm ? "kvm" : "vmware"};
    return true;
}

void clock_calibrate(void)
{
    uint32_t a, b, c, d;
    if (!from_processor() && !from_hypervisor()) {
        uint16_t port = find_pm_timer();
        if (port == 0 || !measure("pm-timer", run_pm_timer, port))
            (void)measure("stall", run_stall, 0);
    }
    if (found.hz == 0) /* nothing could be measured: a plausible rate, named as what it is */
        found = (struct port_clock){.hz = 1000000000u, .source = "unknown"};
    if (__get_cpuid(0x80000007u, &a, &b, &c, &d))
        found.invariant = d >> 8 & 1;
}

/* Days since 1970-01-01 of a Gregorian date: years counted from March, so that the leap day is the last. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = year / 400, of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

uint64_t port_unix_time(void)
{
    struct efi_time now;
    if (uefi->runtime->get_time(&now, NULL) != EFI_SUCCESS || now.year < 1998 || now.month < 1 || now.month > 12)
        return 0;
    int64_t seconds = days_of(now.year, now.month, now.day) * 86400 + now.hour * 3600 + now.minute * 60 + now.second;
    if (now.timezone != 0x7ff)
        seconds += now.timezone * 60;
    return seconds > 0 ? (uint64_t)seconds : 0;
}
