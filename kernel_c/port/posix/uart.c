/* uart.c - the kernel's eight registers on one side, the host's line on the other, the model between them.
 *
 * There are no threads: bytes move when the kernel reads the line status, or rests. A busy kernel reads it hundreds of
 * thousands of times a second, and a system call is made for every LOOK_NS at most.
 */
#define _GNU_SOURCE
#include "port.h"
#include "port_posix.h"
#include "serial.h"
#include "text.h"
#include "uart16550.h"

#include <unistd.h>

#define LOOK_NS UINT64_C(50000)
#define END_QUIET_NS UINT64_C(50000000) /* of standard input: the kernel rested so long with nothing left to say */

static struct uart16550 uart;
static bool ready;
static uint64_t looked_ns; /* when the host was last asked; its bytes since then left it no earlier */
static uint64_t looked_cycles, look_cycles;
static uint8_t out[512];       /* has reached the host, but it has not taken it */
static size_t out_at, out_count;

/* The poll schedule: a kernel that has computed since its last poll, and for longer than answering a question takes since
 * it last rested, takes at least the gap for it. One that rests, or waits in a loop for its line, polls as often as it
 * likes. Processor time is counted, so that being preempted is not taken for work. */
#define BUSY_NS UINT64_C(150000)
#define WORK_NS UINT64_C(1000000)
static uint64_t polled_ns, polled_cpu_ns, rested_cpu_ns;

/* With --uart-stats: what the model of chip and line takes of a computing kernel's time. A machine has a chip for that.
 * A call that lasts longer than any model was interrupted, and is not counted. */
#define MODEL_MOST_US 200u
static uint64_t model_cycles, rested_cycles;

/* End of standard input: the process ends when the kernel saw an empty line, could have written, did not, and rests. */
static bool nothing_to_say;
static uint64_t resting_since_ns;

/* A plain line has no time: its bytes are always due, and the clock need not be read. */
static uint64_t model_now(void)
{
    return uart.line.plain ? 0 : monotonic_ns();
}

static void start(void)
{
    struct uart16550_line line = {.plain = !options.model_16550,
                                  .host_baud = options.baud,
                                  .latency_ns = options.latency_us * 1000};
    uart16550_init(&uart, &line);
    look_cycles = port_clock()->hz / (1000000000u / LOOK_NS);
    looked_ns = model_now();
    ready = true;
}

static void flush_to_host(uint64_t now_ns)
{
    for (;;) {
        while (out_count < sizeof out && uart16550_to_host(&uart, now_ns, &out[out_count]))
            out_count++;
        if (out_count == 0)
            return;
        out_at += serial_write(out + out_at, out_count - out_at);
        if (out_at < out_count)
            return; /* the host does not read now */
        out_at = out_count = 0;
    }
}

/* Bytes found now left the host at some time since it was last asked. They are taken as leaving right after that, which
 * is the case in which a FIFO overruns: nobody can be told that it cannot happen when it can. */
static void look(uint64_t now_ns)
{
    uint8_t bytes[512];
    size_t room = uart16550_room(&uart);
    size_t count = room > 0 ? serial_read(bytes, room < sizeof bytes ? room : sizeof bytes) : 0;
    for (size_t i = 0; i < count; i++)
        uart16550_from_host(&uart, bytes[i], looked_ns);
    uart16550_set_peer(&uart, serial_connected());
    looked_ns = now_ns;
    looked_cycles = port_cycles();
    flush_to_host(now_ns);
}

static void look_if_due(uint64_t now_ns)
{
    if (port_cycles() - looked_cycles >= look_cycles)
        look(now_ns);
    if (power_break_asked())
        uart16550_break_from_host(&uart, looked_ns);
}

/* How long the kernel may rest: until the next thing that the model does on its own. */
static uint64_t rest_ns(uint64_t most_ns, uint64_t now_ns)
{
    uint64_t next = uart16550_next_ns(&uart);
    if (uart.line.plain || out_count > 0 || next == UART16550_NEVER)
        return most_ns;
    uint64_t until = next > now_ns ? next - now_ns : 0;
    return until < most_ns ? until : most_ns;
}

/* Holds a poll back until its time has come, while bytes keep arriving. */
static void keep_schedule(void)
{
    uint64_t due = polled_ns + options.poll_gap_us * 1000, now = monotonic_ns();
    uint64_t cpu = cpu_ns();
    bool busy = cpu - polled_cpu_ns >= BUSY_NS && cpu - rested_cpu_ns >= WORK_NS;
    while (busy && now < due) {
        (void)serial_wait(rest_ns(due - now, model_now()), uart16550_room(&uart) > 0, out_count > 0);
        looked_ns = model_now(); /* whatever is there now has just come */
        now = monotonic_ns();
        look(model_now());
    }
    polled_ns = now;
    polled_cpu_ns = cpu_ns();
}

static uint8_t read_line_status(void)
{
    if (options.poll_gap_us > 0)
        keep_schedule();
    uint64_t now = model_now();
    look_if_due(now);
    uint8_t status = uart16550_read(&uart, 5, now);
    nothing_to_say = (status & (UART16550_DATA_READY | UART16550_THR_EMPTY)) == UART16550_THR_EMPTY;
    return status;
}

static void model_ends(uint64_t begun)
{
    uint64_t cycles_per_us = port_clock()->hz / 1000000u, took = port_cycles() - begun;
    if (begun - rested_cycles >= WORK_NS / 1000 * cycles_per_us && took < MODEL_MOST_US * cycles_per_us)
        model_cycles += took;
}

bool port_uart_present(void)
{
    return options.serial != SERIAL_NONE;
}

uint8_t port_uart_read(unsigned reg)
{
    if (!ready)
        start();
    uint64_t begun = port_cycles();
    resting_since_ns = reg == 5 ? resting_since_ns : 0;
    uint8_t value = reg == 5 ? read_line_status() : uart16550_read(&uart, reg, model_now());
    model_ends(begun);
    return value;
}

void port_uart_write(unsigned reg, uint8_t value)
{
    if (!ready)
        start();
    uint64_t begun = port_cycles();
    nothing_to_say = false;
    resting_since_ns = 0;
    uart16550_write(&uart, reg, value, model_now());
    model_ends(begun);
}

/* Everything that was typed before the end of standard input has been answered: so is this the end of the process. */
static void end_with_input(void)
{
    uint64_t now = monotonic_ns();
    if (!nothing_to_say || out_count > 0 || !uart16550_quiet(&uart, model_now()))
        resting_since_ns = 0;
    else if (resting_since_ns == 0)
        resting_since_ns = now;
    else if (now - resting_since_ns > END_QUIET_NS)
        port_exit(0);
}

void port_relax(uint32_t microseconds)
{
    if (!ready)
        start();
    if (options.poll_gap_us > 0)
        rested_cpu_ns = cpu_ns();
    power_check_parent();
    look_if_due(model_now());
    flush_to_host(model_now());
    if (serial_ended())
        end_with_input();
    /* A kernel that could take a byte does not rest; one whose host does not read may be waiting for just that. */
    if (out_count == 0 && uart16550_has_data(&uart, model_now()))
        return;
    uint64_t most_ns = rest_ns((uint64_t)microseconds * 1000, model_now());
    bool happened = serial_wait(most_ns, uart16550_room(&uart) > 0, out_count > 0);
    looked_ns = model_now(); /* up to now there was nothing */
    looked_cycles = port_cycles();
    if (happened)
        look(looked_ns);
    if (options.poll_gap_us > 0)
        polled_cpu_ns = cpu_ns(); /* resting is no work, whatever it costs the host */
    rested_cycles = port_cycles();
}

void uart_finish(uint64_t most_ns)
{
    if (!ready || options.serial == SERIAL_NONE)
        return;
    uint64_t begun = monotonic_ns(), now = begun;
    flush_to_host(model_now());
    while ((out_count > 0 || uart16550_sending(&uart)) && now - begun < most_ns) {
        (void)serial_wait(rest_ns(UINT64_C(10000000), model_now()), false, out_count > 0);
        now = monotonic_ns();
        flush_to_host(model_now());
    }
    lasting.discarded += out_count - out_at;
    out_at = out_count = 0;
}

void uart_stats_print(void)
{
    const struct uart16550_counters *counters = &uart.counters;
    char line[256];
    struct text text;
    if (!options.uart_stats)
        return;
    text_init(&text, line, sizeof line);
    text_format(&text, "llmk-sim: uart received=%llu overruns=%llu damaged=%llu sent=%llu tx_lost=%llu",
                (unsigned long long)counters->received, (unsigned long long)counters->overruns,
                (unsigned long long)counters->damaged, (unsigned long long)counters->sent,
                (unsigned long long)counters->tx_lost);
    text_format(&text, " host_lost=%llu discarded=%llu model_us=%llu\n", (unsigned long long)counters->host_lost,
                (unsigned long long)lasting.discarded,
                (unsigned long long)(model_cycles / (port_clock()->hz / 1000000u)));
    (void)!write(STDERR_FILENO, line, text.length);
}
