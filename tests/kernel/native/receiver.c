/* receiver.c - the 16550 driver against a line that waits for room (a pipe, QEMU) and one that overruns (a cable). */
#include "check.h"
#include "port.h"
#include "uart.h"

#include <string.h>

#define DATA_READY 0x01u
#define OVERRUN 0x02u

static uint8_t line[8192];
static size_t line_length, line_at;
static bool overruns; /* the next status says so once: a real line has no other word for it */

bool port_uart_present(void)
{
    return true;
}

uint8_t port_uart_read(uint32_t offset)
{
    if (offset == 5) {
        uint8_t status = (uint8_t)((line_at < line_length ? DATA_READY : 0u) | (overruns ? OVERRUN : 0u));
        overruns = false;
        return status;
    }
    return offset == 0 && line_at < line_length ? line[line_at++] : 0;
}

void port_uart_write(uint32_t offset, uint8_t value)
{
    (void)offset;
    (void)value;
}

void port_relax(uint32_t us)
{
    (void)us;
}

/* More than the ring holds, with a stop byte at its end. */
static void flood(struct uart *uart)
{
    *uart = (struct uart){.present = true};
    memset(line, 'x', 3000);
    line[2999] = UART_STOP;
    line_length = 3000;
    line_at = 0;
    for (unsigned i = 0; i < 100; i++)
        uart_pump(uart);
}

int main(void)
{
    static struct uart uart;
    int byte;
    flood(&uart);
    CHECK(line_at == UART_RX_BYTES && uart.stops_due == 0 && uart.overruns == 0); /* the rest waits in the line */
    size_t taken = 0;
    for (; (byte = uart_take(&uart, true)) >= 0 && byte != UART_STOP; taken++) {
        CHECK(byte == 'x');
        uart_pump(&uart);
    }
    CHECK(taken == 2999 && byte == UART_STOP); /* nothing was lost, and the stop kept its place */

    flood(&uart);
    overruns = true;
    for (unsigned i = 0; i < 100; i++)
        uart_pump(&uart);
    CHECK(line_at == line_length && uart.stops_due == 1);          /* the stop was found behind the full ring */
    CHECK(uart.overruns == 1 + 2999 - UART_RX_BYTES);          /* and what was lost for it is counted */
    for (taken = 0; (byte = uart_take(&uart, true)) >= 0 && byte != UART_STOP; taken++)
        CHECK(byte == 'x');
    CHECK(taken == UART_RX_BYTES);
    memcpy(line, "more", 4);
    line_length = 4;
    line_at = 0;
    uart_pump(&uart);
    CHECK(!uart.losing && uart_take(&uart, true) == 'm');

    /* Without room for bytes a stop is taken all the same, for what came before it; and so is a break. */
    memcpy(line, "before\x03" "behind", 13);
    line_length = 13;
    line_at = 0;
    uart_pump(&uart);
    uart.break_due = true;
    CHECK(uart_take(&uart, false) == UART_STOP && uart_take(&uart, false) == UART_BREAK);
    CHECK(uart_take(&uart, false) == UART_NONE && uart_take(&uart, true) == 'b');
    for (taken = 1; (byte = uart_take(&uart, true)) != UART_NONE; taken++)
        CHECK(byte == "behind"[taken]);
    CHECK(taken == 6);
    return 0;
}
