/* uart16550.h - a 16550A and the line behind it: registers, FIFOs, a baud clock. Pure: time comes in as an argument.
 *
 * Source of registers and status bits: National Semiconductor PC16550D data sheet. Nothing here waits, reads a clock or
 * does input: the caller says what left the host and when, what the kernel reads and writes and when, and takes what
 * has reached the host. Times are nanoseconds of one clock that never goes back.
 *
 * A plain line has the same registers, but neither a baud clock nor a FIFO limit, and it waits for a host that does not
 * read: that is how QEMU's serial port behaves. The modelled line loses what real ones lose.
 */
#ifndef LLMK_UART16550_H
#define LLMK_UART16550_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UART16550_FIFO 16u
#define UART16550_QUEUE 8192u /* most bytes under way on the line in one direction; a power of two */
#define UART16550_NEVER UINT64_MAX

enum uart16550_lsr { /* line status, register 5 */
    UART16550_DATA_READY = 0x01,
    UART16550_OVERRUN = 0x02,
    UART16550_PARITY = 0x04,
    UART16550_FRAMING = 0x08,
    UART16550_BREAK = 0x10,
    UART16550_THR_EMPTY = 0x20,
    UART16550_IDLE = 0x40, /* the shift register too */
    UART16550_FIFO_ERROR = 0x80,
};

/* Bytes under way, each with its line status bits and the time at which it has arrived. */
struct uart16550_queue {
    uint64_t due_ns[UART16550_QUEUE];
    uint8_t byte[UART16550_QUEUE], status[UART16550_QUEUE];
    uint32_t head, tail; /* free-running */
};

struct uart16550_line {
    bool plain;          /* no baud clock, no FIFO limit */
    uint32_t host_baud;  /* speed of the host's end, always 8N1 */
    uint64_t latency_ns; /* one way, between the host's program and the wire: a USB adapter */
};

struct uart16550_counters {
    uint64_t received;  /* bytes that the kernel's end took in */
    uint64_t overruns;  /* bytes lost because nobody read the FIFO in time */
    uint64_t damaged;   /* bytes received with a parity or framing error, or as a break */
    uint64_t sent;      /* bytes that left the kernel's end */
    uint64_t tx_lost;   /* bytes written to a full transmitter */
    uint64_t host_lost; /* bytes that the host did not take in time */
};

struct uart16550 {
    struct uart16550_line line;
    struct uart16550_counters counters;
    uint8_t interrupt_enable, line_control, modem_control, modem_change, scratch;
    uint16_t divisor;
    bool fifo_enabled, overrun, peer;
    uint8_t rx[UART16550_FIFO], rx_status[UART16550_FIFO];
    unsigned rx_count;
    uint8_t tx[UART16550_FIFO];
    unsigned tx_count;
    bool shifting; /* the transmitter's shift register holds `shift`, which is through at shift_end_ns */
    uint8_t shift;
    uint64_t shift_end_ns;
    uint64_t last_arrival_ns; /* when the host's last byte was through the wire */
    struct uart16550_queue to_kernel, to_host;
};

void uart16550_init(struct uart16550 *uart, const struct uart16550_line *line);

/* The host's end. Bytes that may be put now without loss; a byte or a break leaving the host at `left_ns`. */
size_t uart16550_room(const struct uart16550 *uart);
void uart16550_from_host(struct uart16550 *uart, uint8_t byte, uint64_t left_ns);
void uart16550_break_from_host(struct uart16550 *uart, uint64_t left_ns);
/* The next byte that has reached the host by now; false when there is none. */
bool uart16550_to_host(struct uart16550 *uart, uint64_t now_ns, uint8_t *ret_byte);
/* Whether somebody is at the other end: what the modem status tells. */
void uart16550_set_peer(struct uart16550 *uart, bool present);

/* The kernel's end: registers 0 to 7. */
uint8_t uart16550_read(struct uart16550 *uart, unsigned reg, uint64_t now_ns);
void uart16550_write(struct uart16550 *uart, unsigned reg, uint8_t value, uint64_t now_ns);

/* When something next changes on its own (a byte arrives, the transmitter moves on), UART16550_NEVER for never. */
uint64_t uart16550_next_ns(const struct uart16550 *uart);
/* A byte waits for the kernel. Asks without the side effects of reading the line status. */
bool uart16550_has_data(struct uart16550 *uart, uint64_t now_ns);
/* Something that was written has not reached the host. */
bool uart16550_sending(const struct uart16550 *uart);
/* Nothing to read, nothing to send and nothing under way. */
bool uart16550_quiet(struct uart16550 *uart, uint64_t now_ns);

#endif
