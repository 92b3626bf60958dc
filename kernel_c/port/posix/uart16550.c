#include "uart16550.h"

#define LSR_DATA_READY 0x01u
#define LSR_OVERRUN 0x02u
#define LSR_TX_EMPTY 0x20u  /* the FIFO */
#define LSR_TX_IDLE 0x40u   /* the shift register too */
#define LCR_DIVISOR 0x80u

void uart16550_init(struct uart16550 *uart, bool perfect, uint32_t host_baud, uint64_t latency_us, uint64_t now_us)
{
    *uart = (struct uart16550){.perfect = perfect, .host_baud = host_baud, .latency_us = latency_us, .divisor_low = 1,
                               .line_control = 3, .last_arrival_us = now_us, .tx_ready_us = now_us};
}

static uint64_t byte_us(uint32_t baud)
{
    return (10000000u + baud - 1) / baud; /* start bit, eight data bits, stop bit */
}

/* The kernel's own speed: 115200 divided by the divisor. */
static uint32_t own_baud(const struct uart16550 *uart)
{
    uint32_t divisor = (uint32_t)uart->divisor_high << 8 | uart->divisor_low;
    return divisor == 0 ? 115200 : 115200 / divisor > 0 ? 115200 / divisor : 1;
}

bool uart16550_from_host(struct uart16550 *uart, uint8_t byte, uint64_t now_us)
{
    uint32_t next = (uart->wire_head + 1) % UART16550_WIRE;
    if (next == uart->wire_tail)
        return false;
    uint64_t arrival = now_us;
    if (!uart->perfect) {
        uint64_t earliest = uart->last_arrival_us + byte_us(uart->host_baud);
        arrival = now_us + uart->latency_us + byte_us(uart->host_baud);
        if (arrival < earliest)
            arrival = earliest;
        if (own_baud(uart) != uart->host_baud)
            byte = (uint8_t)(byte * 37u + 129u) | 0x80u; /* what a wrong speed makes of it */
    }
    uart->last_arrival_us = arrival;
    uart->wire[uart->wire_head] = byte;
    uart->arrival[uart->wire_head] = arrival;
    uart->wire_head = next;
    return true;
}

/* Moves what has arrived into the FIFO; a full one loses the newcomer and raises the overrun bit. */
static void settle(struct uart16550 *uart, uint64_t now_us)
{
    unsigned room = uart->fifo_enabled ? UART16550_FIFO : 1;
    while (uart->wire_tail != uart->wire_head && uart->arrival[uart->wire_tail] <= now_us) {
        if (uart->rx_count >= room) {
            if (uart->perfect)
                return; /* the bytes wait on the line, as QEMU's do */
            uart->overrun = true;
            uart->lost++;
        } else {
            uart->rx[uart->rx_count++] = uart->wire[uart->wire_tail];
            uart->received++;
        }
        uart->wire_tail = (uart->wire_tail + 1) % UART16550_WIRE;
    }
}

static uint8_t take_received(struct uart16550 *uart)
{
    uint8_t byte = uart->rx[0];
    if (uart->rx_count > 0) {
        uart->rx_count--;
        for (unsigned i = 0; i < uart->rx_count; i++)
            uart->rx[i] = uart->rx[i + 1];
    }
    return byte;
}

bool uart16550_to_host(struct uart16550 *uart, uint64_t now_us, uint8_t *ret_byte)
{
    if (uart->tx_count == 0 || (!uart->perfect && now_us < uart->tx_ready_us))
        return false;
    *ret_byte = uart->tx[0];
    return true;
}

void uart16550_host_took(struct uart16550 *uart, uint64_t now_us)
{
    uart->tx_count--;
    for (unsigned i = 0; i < uart->tx_count; i++)
        uart->tx[i] = uart->tx[i + 1];
    uart->sent++;
    /* The next byte was behind this one in the shift register: it needs one byte time more, counted from when this one was due. */
    if (uart->tx_count > 0)
        uart->tx_ready_us += byte_us(own_baud(uart));
    (void)now_us;
}

static uint8_t line_status(struct uart16550 *uart)
{
    uint8_t status = 0;
    if (uart->rx_count > 0)
        status |= LSR_DATA_READY;
    if (uart->overrun)
        status |= LSR_OVERRUN;
    if (uart->tx_count == 0)
        status |= LSR_TX_EMPTY | LSR_TX_IDLE;
    uart->overrun = false;
    return status;
}

uint8_t uart16550_read(struct uart16550 *uart, unsigned reg, uint64_t now_us)
{
    bool divisor = (uart->line_control & LCR_DIVISOR) != 0;
    settle(uart, now_us);
    switch (reg) {
    case 0: return divisor ? uart->divisor_low : take_received(uart);
    case 1: return divisor ? uart->divisor_high : uart->interrupt_enable;
    case 2: return uart->fifo_enabled ? 0xc1 : 0x01;
    case 3: return uart->line_control;
    case 4: return uart->modem_control;
    case 5: return line_status(uart);
    case 6: return 0xb0; /* CTS, DSR, DCD */
    default: return uart->scratch;
    }
}

void uart16550_write(struct uart16550 *uart, unsigned reg, uint8_t value, uint64_t now_us)
{
    bool divisor = (uart->line_control & LCR_DIVISOR) != 0;
    switch (reg) {
    case 0:
        if (divisor) {
            uart->divisor_low = value;
        } else if (uart->tx_count < UART16550_FIFO) {
            if (uart->tx_count == 0)
                uart->tx_ready_us = now_us + byte_us(own_baud(uart));
            uart->tx[uart->tx_count++] = value;
        }
        break;
    case 1:
        if (divisor)
            uart->divisor_high = value;
        else
            uart->interrupt_enable = value;
        break;
    case 2:
        uart->fifo_enabled = value & 1;
        if (value & 2)
            uart->rx_count = 0;
        if (value & 4)
            uart->tx_count = 0;
        break;
    case 3: uart->line_control = value; break;
    case 4: uart->modem_control = value; break;
    case 7: uart->scratch = value; break;
    default: break;
    }
}
