/* uart16550.h - a 16550 and its line: registers, FIFOs, a baud clock. Pure: time comes in as an argument, bytes by two calls. */
#ifndef LLMK_UART16550_H
#define LLMK_UART16550_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UART16550_FIFO 16u
#define UART16550_WIRE 65536u /* bytes under way on the line */

struct uart16550 {
    bool perfect;            /* no FIFO limit and no clock: a line that never loses */
    uint32_t host_baud;      /* the other end's speed */
    uint64_t latency_us;
    /* registers */
    uint8_t interrupt_enable, line_control, modem_control, scratch, divisor_low, divisor_high;
    bool fifo_enabled, overrun;
    uint8_t rx[UART16550_FIFO];
    unsigned rx_count;
    /* host to kernel: bytes with the time at which each has arrived */
    uint8_t wire[UART16550_WIRE];
    uint64_t arrival[UART16550_WIRE];
    uint32_t wire_head, wire_tail;
    uint64_t last_arrival_us;
    /* kernel to host */
    uint8_t tx[UART16550_FIFO];
    unsigned tx_count;
    uint64_t tx_ready_us;    /* when the byte in the shift register is through */
    /* counters */
    uint64_t received, sent, lost;
};

void uart16550_init(struct uart16550 *uart, bool perfect, uint32_t host_baud, uint64_t latency_us, uint64_t now_us);
/* A byte leaves the host: false when the line holds too many already. */
bool uart16550_from_host(struct uart16550 *uart, uint8_t byte, uint64_t now_us);
/* The next byte for the host, if its time has come. It stays until uart16550_host_took. */
bool uart16550_to_host(struct uart16550 *uart, uint64_t now_us, uint8_t *ret_byte);
void uart16550_host_took(struct uart16550 *uart, uint64_t now_us);
uint8_t uart16550_read(struct uart16550 *uart, unsigned reg, uint64_t now_us);
void uart16550_write(struct uart16550 *uart, unsigned reg, uint8_t value, uint64_t now_us);

#endif
