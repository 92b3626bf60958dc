/* uart.h - the 16550 driver: two rings, no interrupt, no wait. */
#ifndef LLMK_UART_H
#define LLMK_UART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UART_TX_BYTES 2048u
#define UART_RX_BYTES 512u
#define UART_STOP 0x03u /* Ctrl-C: noticed when it arrives, never part of a line */

struct uart {
    bool present;
    uint32_t baud;
    uint8_t tx[UART_TX_BYTES], rx[UART_RX_BYTES];
    uint32_t tx_head, tx_tail, rx_head, rx_tail; /* free-running */
    uint32_t overruns, framing_errors, breaks;   /* LSR.OE, FE, BI since start */
    bool losing;                                 /* the ring is full, and the line did not wait for it */
    uint32_t stops;                              /* stop bytes since start */
    uint32_t stop_at;                            /* rx_head when the last one came: what stands before it was sent before it */
};

void uart_init(struct uart *uart, uint32_t baud);
/* Takes what the FIFO holds, gives the transmitter up to 16 bytes when it is empty. Never waits. */
void uart_pump(struct uart *uart);
size_t uart_tx_free(const struct uart *uart);
/* Queues all bytes, or none and returns false. */
bool uart_send(struct uart *uart, const void *bytes, size_t count);
bool uart_receive(struct uart *uart, uint8_t *ret_byte);
bool uart_before_stop(const struct uart *uart); /* the next byte came before the last stop byte */
void uart_skip_to_stop(struct uart *uart);      /* drops what came before it */
bool uart_drained(const struct uart *uart);

#endif
