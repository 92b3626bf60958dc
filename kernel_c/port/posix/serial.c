/* serial.c - the kernel's registers on one side, the host's line on the other, the modelled 16550 between them. */
#define _GNU_SOURCE
#include "port.h"
#include "port_posix.h"
#include "uart16550.h"

#include <stdio.h>
#include <time.h>

#define END_QUIET_US 1000000u
#define HOST_LOOK_US 50u /* a busy kernel polls far more often than a system call is worth */

static struct uart16550 uart;
static uint64_t looked_us, polled_us, active_us; /* active: the last byte either way */
static bool ready;

static void start(void)
{
    uart16550_init(&uart, !options.model_16550, options.baud, options.latency_us, monotonic_us());
    ready = true;
}

/* Carries bytes both ways between the model and the host. */
static void exchange(uint64_t now_us)
{
    uint8_t bytes[256];
    for (uint8_t byte; uart16550_to_host(&uart, now_us, &byte) && line_write(byte);)
        uart16550_host_took(&uart, now_us);
    uint32_t under_way = (uart.wire_head - uart.wire_tail) % UART16550_WIRE;
    if (under_way + sizeof bytes >= UART16550_WIRE)
        return;
    size_t count = line_read(bytes, sizeof bytes);
    for (size_t i = 0; i < count; i++)
        (void)uart16550_from_host(&uart, bytes[i], now_us);
}

bool port_uart_present(void)
{
    return options.serial != SERIAL_NONE;
}

uint8_t port_uart_read(unsigned reg)
{
    if (!ready)
        start();
    uint64_t now = monotonic_us();
    if (reg == 5 && options.poll_gap_us > 0) { /* a poll of the line: the schedule says how soon it may follow the last */
        if (now > polled_us + 100 && now < polled_us + options.poll_gap_us) {
            uint64_t rest = polled_us + options.poll_gap_us - now;
            struct timespec pause = {.tv_sec = (time_t)(rest / 1000000), .tv_nsec = (long)(rest % 1000000 * 1000)};
            (void)nanosleep(&pause, NULL);
            now = monotonic_us();
        }
        if (now >= polled_us + options.poll_gap_us)
            polled_us = now;
    }
    if (now >= looked_us + HOST_LOOK_US || uart.tx_count > 0) {
        looked_us = now;
        exchange(now);
    }
    if (reg == 0)
        active_us = now;
    /* Standard input has ended: the kernel gets time to answer what it was asked, then this is the end. */
    if (reg == 5 && line_ended() && uart.wire_head == uart.wire_tail && uart.tx_count == 0 && now > active_us + END_QUIET_US)
        port_exit(0);
    return uart16550_read(&uart, reg, now);
}

void port_uart_write(unsigned reg, uint8_t value)
{
    if (!ready)
        start();
    uint64_t now = monotonic_us();
    uart16550_write(&uart, reg, value, now);
    if (reg == 0) {
        active_us = now;
        exchange(now);
    }
}

void port_relax(uint32_t microseconds)
{
    if (options.model_16550) { /* bytes come by the clock and not by the descriptor */
        if (microseconds > 500)
            microseconds = 500;
        struct timespec pause = {.tv_nsec = (long)microseconds * 1000};
        (void)nanosleep(&pause, NULL);
    } else if (uart.tx_count == 0 && uart.rx_count == 0 && uart.wire_head == uart.wire_tail && !line_ended()) {
        line_wait(microseconds);
    } else if (line_ended()) {
        struct timespec pause = {.tv_nsec = 1000000};
        (void)nanosleep(&pause, NULL);
    }
    looked_us = 0;
}

void uart_stats_print(void)
{
    if (options.uart_stats)
        fprintf(stderr, "uart: received=%llu sent=%llu lost=%llu\n", (unsigned long long)uart.received,
                (unsigned long long)uart.sent, (unsigned long long)uart.lost);
}
