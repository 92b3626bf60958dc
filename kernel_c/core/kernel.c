/* kernel.c - from the port's entry to the prompt, in the order in which it happens. */
#include "kernel.h"

#include "clock.h"
#include "config.h"
#include "loader.h"
#include "repl.h"
#include "report.h"

#define DRAIN_US 1000000u

static const uint32_t bauds[] = {9600, 19200, 38400, 57600, 115200}; /* the choices of the parameter baud */

void *kernel_alloc(struct kernel *kernel, enum wire_arena which, uint64_t bytes, const char *tag, struct error *error)
{
    void *result = zone_alloc(&kernel->zones, which, bytes, tag);
    if (result != NULL)
        return result;
    const struct arena *arena = zone_arena(&kernel->zones, which);
    bool read_only = arena->read_only;
    log_event(kernel, WIRE_LOG_LEVEL_ERROR, read_only ? WIRE_LOG_CODE_RO_WRITE : WIRE_LOG_CODE_ALLOC_FAIL, which,
              read_only ? 0 : (uint64_t)(uintptr_t)arena->base, read_only ? 0 : bytes, tag);
    kernel->sentinel.error = read_only ? WIRE_SENTINEL_ERROR_RO_WRITE : WIRE_SENTINEL_ERROR_ALLOC;
    kernel->sentinel.error_phase = WIRE_SENTINEL_PHASE_GENERIC;
    error_set(error, ERROR_NOSPACE, "arena %s cannot give %llu bytes for %s: %llu of %llu are used%s",
              wire_arena_word(which), (unsigned long long)bytes, tag, (unsigned long long)arena->used,
              (unsigned long long)arena->size, read_only ? " and it is read-only" : "");
    return NULL;
}

void kernel_drain(struct kernel *kernel)
{
    uint64_t begun = clock_us();
    console_flush(kernel);
    while (kernel->uart.present && !uart_drained(&kernel->uart) && clock_us() - begun < DRAIN_US) {
        uart_pump(&kernel->uart);
        port_relax(200);
    }
}

/* Differs from boot to boot: the low bits of the cycle counter at entry and the wall clock, mixed (finaliser of
 * MurmurHash3). */
static uint32_t make_boot_id(const struct kernel_boot *boot)
{
    uint64_t mixed = boot->start_cycles ^ port_cycles() << 20 ^ port_unix_time() << 32;
    mixed = (mixed ^ mixed >> 33) * UINT64_C(0xff51afd7ed558ccd);
    mixed = (mixed ^ mixed >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return (uint32_t)(mixed ^ mixed >> 33);
}

static void banner(struct kernel *kernel)
{
    const struct port_clock *clock = port_clock();
    console_print(kernel, "\n%s on %s (%s), boot %08x\n", KERNEL_VERSION, kernel->boot->machine,
                  kernel->boot->port_name, (unsigned)kernel->hello.boot);
    console_print(kernel, "%s; kernels %s; clock %llu MHz by %s\n",
                  kernel->cpu.brand[0] != '\0' ? kernel->cpu.brand : "unknown processor",
                  cpu_level_name(kernel->cpu.best), (unsigned long long)(clock->hz / 1000000), clock->source);
}

static void open_line(struct kernel *kernel, uint32_t baud)
{
    uart_init(&kernel->uart, baud);
    kernel->hello.baud = baud;
}

static void start(struct kernel *kernel, const struct kernel_boot *boot)
{
    kernel->boot = boot;
    clock_start();
    cpu_detect(&kernel->cpu);
    kernel->log = &kernel->early_log;
    kernel->hello = (struct wire_hello){.protocol = WIRE_PROTOCOL,
                                        .revision = WIRE_REVISION,
                                        .schema_id = WIRE_SCHEMA_ID,
                                        .boot = make_boot_id(boot),
                                        .window_idle = WIRE_WINDOW,
                                        .window_busy = WIRE_WINDOW,
                                        .max_line = WIRE_MAX_LINE,
                                        .version = KERNEL_VERSION};
    kernel->engine.level = kernel->cpu.best;
    kernel->chat.phase = WIRE_PHASE_LOAD;
    sentinel_init(&kernel->sentinel);
    params_defaults(&kernel->params);
    sampler_seed(&kernel->sampler, kernel->params.values[PARAM_SEED]);
    open_line(kernel, bauds[kernel->params.values[PARAM_BAUD]]);
    log_event(kernel, WIRE_LOG_LEVEL_INFO, WIRE_LOG_CODE_INFO, WIRE_ARENA_NONE, 0, 0, KERNEL_VERSION " started");
}

static void configure(struct kernel *kernel)
{
    uint64_t before = kernel->params.values[PARAM_BAUD];
    config_read(kernel);
    uint64_t baud = kernel->params.values[PARAM_BAUD];
    if (baud == before)
        return;
    console_print(kernel, "The serial line goes on at %u baud.\n", (unsigned)bauds[baud]);
    kernel_drain(kernel);
    open_line(kernel, bauds[baud]);
}

int kernel_main(const struct kernel_boot *boot)
{
    static struct kernel kernel; /* the one: too large for a firmware's stack */
    start(&kernel, boot);
    banner(&kernel);
    configure(&kernel);
    loader_boot(&kernel);
    int status = repl_run(&kernel);
    kernel_drain(&kernel);
    if (kernel.after == KERNEL_REBOOT)
        port_power(PORT_REBOOT);
    if (kernel.after == KERNEL_POWEROFF)
        port_power(PORT_POWEROFF);
    return status;
}
