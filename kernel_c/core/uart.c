#include "uart.h"

#include "port.h"

#define LSR_DATA_READY 0x01u
#define LSR_OVERRUN 0x02u
#define LSR_FRAMING 0x08u
#define LSR_BREAK 0x10u
#define LSR_TX_EMPTY 0x20u
#define REST_US 100u
#define MOST_ROUNDS 64u /* a flood must not keep the kernel from its work */

void uart_init(struct uart *uart, uint32_t baud)
{
    uart->present = port_uart_present();
    uart->baud = baud;
    if (!uart->present)
        return;
    uint32_t divisor = 115200u / baud;
    port_uart_write(1, 0x00); /* no interrupts: this driver polls */
    port_uart_write(3, 0x80);
    port_uart_write(0, (uint8_t)divisor);
    port_uart_write(1, (uint8_t)(divisor >> 8));
    port_uart_write(3, 0x03); /* 8N1 */
    port_uart_write(2, 0xc7); /* FIFOs on and empty */
    port_uart_write(4, 0x0b); /* DTR, RTS, OUT2: firmware leaves them low, and a host that looks at them would never send */
}

static void take(struct uart *uart, uint8_t status)
{
    uint8_t byte = port_uart_read(0);
    if (status & LSR_BREAK) {
        uart->breaks++; /* its zero byte is no data */
        uart->break_due = true;
    } else if (byte == UART_STOP) {
        uart->stops_due++;
        uart->stop_at = uart->rx_head;
    } else if (uart->rx_head - uart->rx_tail < UART_RX_BYTES) {
        uart->rx[uart->rx_head++ % UART_RX_BYTES] = byte;
    } else {
        uart->overruns++;
    }
}

void uart_pump(struct uart *uart)
{
    if (!uart->present)
        return;
    for (unsigned rounds = 0; rounds < MOST_ROUNDS; rounds++) {
        uint8_t status = port_uart_read(5);
        bool sends = (status & LSR_TX_EMPTY) != 0 && uart->tx_tail != uart->tx_head;
        uart->overruns += (status & LSR_OVERRUN) != 0;
        uart->framing_errors += (status & (LSR_FRAMING | LSR_BREAK)) == LSR_FRAMING;
        for (unsigned i = 0; i < 16 && sends && uart->tx_tail != uart->tx_head; i++)
            port_uart_write(0, uart->tx[uart->tx_tail++ % UART_TX_BYTES]);
        /* With the ring full the FIFO is left alone: where there is back-pressure (pipes, QEMU) nothing is lost. A line that
         * overruns instead loses its bytes anyway, and is read on for the stop byte among them. */
        bool room = uart->rx_head - uart->rx_tail < UART_RX_BYTES;
        uart->losing = !room && (uart->losing || (status & LSR_OVERRUN) != 0);
        if ((status & LSR_DATA_READY) && (room || uart->losing))
            take(uart, status);
        else if (!sends) /* on a real line the transmitter is busy now; an emulated one takes more at once */
            return;
    }
}

size_t uart_tx_free(const struct uart *uart)
{
    return UART_TX_BYTES - (uart->tx_head - uart->tx_tail);
}

bool uart_send(struct uart *uart, const void *bytes, size_t count)
{
    const uint8_t *from = bytes;
    if (!uart->present || count > uart_tx_free(uart))
        return !uart->present;
    for (size_t i = 0; i < count; i++)
        uart->tx[uart->tx_head++ % UART_TX_BYTES] = from[i];
    return true;
}

bool uart_send_waiting(struct uart *uart, const void *bytes, size_t count, uint32_t stuck_us)
{
    for (uint32_t rests = 0; !uart_send(uart, bytes, count);) {
        size_t room = uart_tx_free(uart);
        uart_pump(uart);
        if (uart_tx_free(uart) > room) {
            rests = 0;
            continue;
        }
        if (++rests > stuck_us / REST_US)
            return false;
        port_relax(REST_US);
    }
    return true;
}

int uart_take(struct uart *uart, bool room)
{
    bool before_stop = uart->rx_head - uart->rx_tail > uart->rx_head - uart->stop_at;
    if (uart->stops_due > 0 && (!before_stop || !room)) {
        if (before_stop)
            uart->rx_tail = uart->stop_at;
        uart->stops_due--;
        return UART_STOP;
    }
    if (room && uart->rx_tail != uart->rx_head)
        return uart->rx[uart->rx_tail++ % UART_RX_BYTES];
    bool broken = uart->break_due;
    uart->break_due = false;
    return broken ? UART_BREAK : UART_NONE;
}

bool uart_drained(const struct uart *uart)
{
    return uart->tx_head == uart->tx_tail;
}
