/* uart.h - the 16550 driver: two rings, no interrupt, no wait. */
#ifndef LLMK_UART_H
#define LLMK_UART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UART_TX_BYTES 2048u
#define UART_RX_BYTES 512u
#define UART_STOP 0x03 /* Ctrl-C: noticed when it arrives, never part of a line */
#define UART_NONE (-1)
#define UART_BREAK (-2)

struct uart {
    bool present;
    uint32_t baud;
    uint8_t tx[UART_TX_BYTES], rx[UART_RX_BYTES];
    uint32_t tx_head, tx_tail, rx_head, rx_tail; /* free-running */
    uint32_t overruns, framing_errors, breaks;   /* LSR.OE, FE, BI: whoever tells of them may reset them */
    bool losing;                                 /* the ring is full, and the line did not wait for it */
    bool break_due;                              /* one came and was not taken yet */
    uint32_t stops_due;                          /* stop bytes that were not taken yet */
    uint32_t stop_at;                            /* rx_head when the last one came: what stands before it was sent before it */
};

void uart_init(struct uart *uart, uint32_t baud);
/* Takes what the FIFO holds, gives the transmitter up to 16 bytes when it is empty. Never waits. */
void uart_pump(struct uart *uart);
size_t uart_tx_free(const struct uart *uart);
/* Queues all bytes, or none and returns false. */
bool uart_send(struct uart *uart, const void *bytes, size_t count);
/* Waits for room as long as the line takes octets, and so long while it takes none; false when it gave up. Rests are
 * counted and not the time: a kernel that was kept from its processor has not given the line its chance. */
bool uart_send_waiting(struct uart *uart, const void *bytes, size_t count, uint32_t stuck_us);
/* The next byte, UART_STOP, UART_BREAK or UART_NONE, in their order: a stop byte does not overtake the line that was sent
 * before it. Without room for a byte only stops and breaks are taken, and what came before a stop is dropped. */
int uart_take(struct uart *uart, bool room);
bool uart_drained(const struct uart *uart);

#endif
