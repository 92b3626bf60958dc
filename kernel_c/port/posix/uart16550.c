#include "uart16550.h"

#define CLOCK_BAUD 115200u /* divided by the divisor: the PC's 1.8432 MHz crystal / 16 */

#define FCR_ENABLE 0x01u
#define FCR_CLEAR_RX 0x02u
#define FCR_CLEAR_TX 0x04u
#define LCR_BITS 0x03u
#define LCR_STOP 0x04u
#define LCR_PARITY 0x08u
#define LCR_EVEN 0x10u
#define LCR_STICK 0x20u
#define LCR_BREAK 0x40u
#define LCR_DIVISOR 0x80u
#define MCR_LOOP 0x10u
#define MSR_LINES 0xb0u /* carrier detect, data set ready, clear to send */
#define MSR_LINES_CHANGED 0x0bu
#define CHARACTER_ERRORS (UART16550_PARITY | UART16550_FRAMING | UART16550_BREAK)

/* ---- queues ------------------------------------------------------------------------------------------------------ */

static uint32_t under_way(const struct uart16550_queue *queue)
{
    return queue->head - queue->tail;
}

static bool put(struct uart16550_queue *queue, uint8_t byte, uint8_t status, uint64_t due_ns)
{
    if (under_way(queue) == UART16550_QUEUE)
        return false;
    uint32_t at = queue->head++ % UART16550_QUEUE;
    queue->byte[at] = byte;
    queue->status[at] = status;
    queue->due_ns[at] = due_ns;
    return true;
}

static uint64_t first_due(const struct uart16550_queue *queue)
{
    return under_way(queue) == 0 ? UART16550_NEVER : queue->due_ns[queue->tail % UART16550_QUEUE];
}

/* ---- a character on the wire ------------------------------------------------------------------------------------- */

/* How a character looks: bit 0 is the start bit, then data, parity and stop; the line rests at one after it. */
struct waveform {
    uint64_t levels;
    unsigned bits;
    uint64_t bit_ns;
};

static uint32_t own_baud(const struct uart16550 *uart)
{
    return uart->divisor == 0 ? 0 : CLOCK_BAUD / uart->divisor;
}

static unsigned data_bits(const struct uart16550 *uart)
{
    return 5u + (uart->line_control & LCR_BITS);
}

static bool parity_bit(const struct uart16550 *uart, uint8_t byte)
{
    bool even = (uart->line_control & LCR_EVEN) != 0;
    if (uart->line_control & LCR_STICK)
        return !even;
    return (__builtin_popcount(byte) % 2 != 0) == even;
}

static struct waveform own_character(const struct uart16550 *uart, uint8_t byte)
{
    unsigned bits = data_bits(uart);
    bool parity = (uart->line_control & LCR_PARITY) != 0;
    byte &= (uint8_t)((1u << bits) - 1);
    uint64_t levels = (uint64_t)byte << 1 | ~UINT64_C(0) << (bits + 1);
    if (parity && !parity_bit(uart, byte))
        levels &= ~(UINT64_C(1) << (bits + 1));
    return (struct waveform){.levels = levels,
                             .bits = 1 + bits + parity + (uart->line_control & LCR_STOP ? 2 : 1),
                             .bit_ns = UINT64_C(1000000000) / own_baud(uart)};
}

static struct waveform host_character(const struct uart16550 *uart, uint8_t byte)
{
    return (struct waveform){.levels = (uint64_t)byte << 1 | ~UINT64_C(0) << 9,
                             .bits = 10,
                             .bit_ns = UINT64_C(1000000000) / uart->line.host_baud};
}

/* The level half-way through the receiver's bit number `bit`: a receiver of another speed looks at the wrong place. */
static unsigned sampled(const struct waveform *wave, uint64_t receiver_bit_ns, unsigned bit)
{
    uint64_t place = (2 * bit + 1) * receiver_bit_ns / 2 / wave->bit_ns;
    return place > 63 ? 1 : (unsigned)(wave->levels >> place & 1);
}

static uint8_t sampled_byte(const struct waveform *wave, uint64_t receiver_bit_ns, unsigned bits)
{
    unsigned byte = 0;
    for (unsigned bit = 0; bit < bits; bit++)
        byte |= sampled(wave, receiver_bit_ns, bit + 1) << bit;
    return (uint8_t)byte;
}

/* What the kernel's receiver makes of a character: the byte and its line status bits. */
static uint8_t received_as(const struct uart16550 *uart, const struct waveform *wave, uint8_t *ret_status)
{
    uint64_t bit_ns = UINT64_C(1000000000) / own_baud(uart);
    unsigned bits = data_bits(uart), next = 1 + bits;
    uint8_t byte = sampled_byte(wave, bit_ns, bits), status = 0;
    if (uart->line_control & LCR_PARITY) {
        if (sampled(wave, bit_ns, next) != (unsigned)parity_bit(uart, byte))
            status |= UART16550_PARITY;
        next++;
    }
    if (!sampled(wave, bit_ns, next))
        status |= byte == 0 ? UART16550_FRAMING | UART16550_BREAK : UART16550_FRAMING;
    *ret_status = status;
    return byte;
}

/* ---- receiver ---------------------------------------------------------------------------------------------------- */

static void take_character(struct uart16550 *uart, uint8_t byte, uint8_t status)
{
    unsigned room = uart->fifo_enabled ? UART16550_FIFO : 1;
    uart->counters.damaged += (status & CHARACTER_ERRORS) != 0;
    if (uart->rx_count < room) {
        uart->rx[uart->rx_count] = byte;
        uart->rx_status[uart->rx_count++] = status;
        uart->counters.received++;
        return;
    }
    uart->overrun = true;
    uart->counters.overruns++;
    if (!uart->fifo_enabled) { /* without a FIFO the newcomer overwrites; with one it is lost in the shift register */
        uart->rx[0] = byte;
        uart->rx_status[0] = status;
    }
}

static void receive(struct uart16550 *uart, uint64_t now_ns)
{
    struct uart16550_queue *queue = &uart->to_kernel;
    while (!uart->line.plain && first_due(queue) <= now_ns) {
        uint32_t at = queue->tail++ % UART16550_QUEUE;
        if (!(uart->modem_control & MCR_LOOP))
            take_character(uart, queue->byte[at], queue->status[at]);
    }
}

static bool data_ready(const struct uart16550 *uart)
{
    return uart->line.plain ? under_way(&uart->to_kernel) > 0 : uart->rx_count > 0;
}

static uint8_t *next_status(struct uart16550 *uart)
{
    if (uart->line.plain)
        return &uart->to_kernel.status[uart->to_kernel.tail % UART16550_QUEUE];
    return &uart->rx_status[0];
}

static uint8_t read_data(struct uart16550 *uart)
{
    if (!data_ready(uart))
        return uart->rx[0]; /* the last byte again, as the chip does */
    if (uart->line.plain) {
        uart->counters.received++;
        return uart->rx[0] = uart->to_kernel.byte[uart->to_kernel.tail++ % UART16550_QUEUE];
    }
    uint8_t byte = uart->rx[0];
    uart->rx_count--;
    for (unsigned i = 0; i < uart->rx_count; i++) {
        uart->rx[i] = uart->rx[i + 1];
        uart->rx_status[i] = uart->rx_status[i + 1];
    }
    return byte;
}

/* ---- transmitter ------------------------------------------------------------------------------------------------- */

static void begin_shift(struct uart16550 *uart, uint64_t start_ns)
{
    uart->shift = uart->tx[0];
    uart->tx_count--;
    for (unsigned i = 0; i < uart->tx_count; i++)
        uart->tx[i] = uart->tx[i + 1];
    struct waveform wave = own_character(uart, uart->shift);
    uart->shift_end_ns = start_ns + wave.bits * wave.bit_ns;
    uart->shifting = true;
}

static void end_shift(struct uart16550 *uart)
{
    struct waveform wave = own_character(uart, uart->shift);
    uart->shifting = false;
    uart->counters.sent++;
    if (uart->modem_control & MCR_LOOP) {
        uint8_t status, byte = received_as(uart, &wave, &status);
        take_character(uart, byte, status);
        return;
    }
    uint8_t seen = sampled_byte(&wave, UINT64_C(1000000000) / uart->line.host_baud, 8);
    if (!put(&uart->to_host, seen, 0, uart->shift_end_ns + uart->line.latency_ns))
        uart->counters.host_lost++;
}

static void transmit(struct uart16550 *uart, uint64_t now_ns)
{
    if (own_baud(uart) == 0)
        return; /* the baud clock stands */
    while (uart->shifting && uart->shift_end_ns <= now_ns) {
        end_shift(uart);
        if (uart->tx_count > 0)
            begin_shift(uart, uart->shift_end_ns);
    }
    if (!uart->shifting && uart->tx_count > 0)
        begin_shift(uart, now_ns);
}

static void write_data(struct uart16550 *uart, uint8_t byte, uint64_t now_ns)
{
    if (uart->line.plain) {
        bool loop = (uart->modem_control & MCR_LOOP) != 0;
        if (put(loop ? &uart->to_kernel : &uart->to_host, byte, 0, now_ns))
            uart->counters.sent++;
        else
            uart->counters.tx_lost++;
    } else if (uart->tx_count < (uart->fifo_enabled ? UART16550_FIFO : 1)) {
        uart->tx[uart->tx_count++] = byte;
        transmit(uart, now_ns);
    } else {
        uart->counters.tx_lost++;
    }
}

/* ---- the host's end ---------------------------------------------------------------------------------------------- */

#define HOST_AHEAD 4096u /* what a host's driver takes from its program before it makes it wait */

void uart16550_init(struct uart16550 *uart, const struct uart16550_line *line)
{
    /* As firmware leaves it: 115200 8N1, FIFO on, DTR and RTS low. */
    *uart = (struct uart16550){.line = *line, .divisor = 1, .line_control = 3, .fifo_enabled = true};
}

size_t uart16550_room(const struct uart16550 *uart)
{
    uint32_t waiting = under_way(&uart->to_kernel);
    return waiting < HOST_AHEAD ? HOST_AHEAD - waiting : 0;
}

/* A character enters the wire after its latency and after the one before; it is there when its last bit is through. */
static void carry(struct uart16550 *uart, const struct waveform *wave, uint64_t left_ns)
{
    uint64_t start = left_ns + uart->line.latency_ns;
    if (start < uart->last_arrival_ns)
        start = uart->last_arrival_ns;
    uart->last_arrival_ns = start + wave->bits * wave->bit_ns;
    if (own_baud(uart) == 0) {
        uart->counters.overruns++; /* the receiver's clock stands: nobody looks at the wire */
        return;
    }
    uint8_t status, byte = received_as(uart, wave, &status);
    if (!put(&uart->to_kernel, byte, status, uart->last_arrival_ns))
        uart->counters.overruns++; /* only when the caller did not ask for the room */
}

void uart16550_from_host(struct uart16550 *uart, uint8_t byte, uint64_t left_ns)
{
    struct waveform wave = host_character(uart, byte);
    if (!uart->line.plain)
        carry(uart, &wave, left_ns);
    else if (!put(&uart->to_kernel, byte, 0, left_ns))
        uart->counters.overruns++;
}

void uart16550_break_from_host(struct uart16550 *uart, uint64_t left_ns)
{
    struct waveform wave = host_character(uart, 0);
    wave.levels = 0; /* low far longer than a character, and one zero byte all the same */
    wave.bits = 20;
    if (!uart->line.plain)
        carry(uart, &wave, left_ns);
    else
        (void)put(&uart->to_kernel, 0, UART16550_BREAK | UART16550_FRAMING, left_ns);
}

bool uart16550_to_host(struct uart16550 *uart, uint64_t now_ns, uint8_t *ret_byte)
{
    transmit(uart, now_ns);
    if (first_due(&uart->to_host) > now_ns)
        return false;
    *ret_byte = uart->to_host.byte[uart->to_host.tail++ % UART16550_QUEUE];
    return true;
}

void uart16550_set_peer(struct uart16550 *uart, bool present)
{
    if (uart->peer != present)
        uart->modem_change |= MSR_LINES_CHANGED;
    uart->peer = present;
}

uint64_t uart16550_next_ns(const struct uart16550 *uart)
{
    uint64_t next = first_due(&uart->to_host), arrival = first_due(&uart->to_kernel);
    if (uart->shifting && own_baud(uart) != 0 && uart->shift_end_ns < next)
        next = uart->shift_end_ns;
    return arrival < next ? arrival : next;
}

bool uart16550_has_data(struct uart16550 *uart, uint64_t now_ns)
{
    receive(uart, now_ns);
    return data_ready(uart);
}

bool uart16550_sending(const struct uart16550 *uart)
{
    return uart->tx_count > 0 || uart->shifting || under_way(&uart->to_host) > 0;
}

bool uart16550_quiet(struct uart16550 *uart, uint64_t now_ns)
{
    receive(uart, now_ns);
    transmit(uart, now_ns);
    return !data_ready(uart) && under_way(&uart->to_kernel) == 0 && !uart16550_sending(uart);
}

/* ---- registers --------------------------------------------------------------------------------------------------- */

static uint8_t line_status(struct uart16550 *uart)
{
    unsigned status = uart->overrun ? UART16550_OVERRUN : 0;
    uart->overrun = false;
    for (unsigned i = 0; uart->fifo_enabled && i < uart->rx_count; i++)
        status |= uart->rx_status[i] != 0 ? UART16550_FIFO_ERROR : 0;
    if (data_ready(uart)) {
        uint8_t *next = next_status(uart);
        status |= UART16550_DATA_READY | *next;
        *next = 0; /* reading the status takes the errors of the byte that is next */
    }
    bool room = uart->line.plain ? under_way(&uart->to_host) + UART16550_FIFO <= UART16550_QUEUE : uart->tx_count == 0;
    bool idle = uart->line.plain ? under_way(&uart->to_host) == 0 : uart->tx_count == 0 && !uart->shifting;
    return (uint8_t)(status | (room ? UART16550_THR_EMPTY : 0) | (idle ? UART16550_IDLE : 0));
}

static uint8_t modem_status(struct uart16550 *uart)
{
    uint8_t change = uart->modem_change, mcr = uart->modem_control;
    uart->modem_change = 0;
    if (mcr & MCR_LOOP) /* the four outputs are led back: RTS to CTS, DTR to DSR, OUT1 to RI, OUT2 to DCD */
        return (uint8_t)((mcr & 2) << 3 | (mcr & 1) << 5 | (mcr & 4) << 4 | (mcr & 8) << 4);
    return (uint8_t)((uart->peer ? MSR_LINES : 0) | change);
}

static void write_fifo_control(struct uart16550 *uart, uint8_t value)
{
    bool enable = (value & FCR_ENABLE) != 0, changed = enable != uart->fifo_enabled;
    uart->fifo_enabled = enable;
    if (uart->line.plain)
        return; /* nothing is ever lost here, not even on request */
    if (changed || (enable && (value & FCR_CLEAR_RX)))
        uart->rx_count = 0;
    if (changed || (enable && (value & FCR_CLEAR_TX)))
        uart->tx_count = 0;
}

uint8_t uart16550_read(struct uart16550 *uart, unsigned reg, uint64_t now_ns)
{
    bool divisor = (uart->line_control & LCR_DIVISOR) != 0;
    receive(uart, now_ns);
    transmit(uart, now_ns);
    switch (reg) {
    case 0: return divisor ? (uint8_t)uart->divisor : read_data(uart);
    case 1: return divisor ? (uint8_t)(uart->divisor >> 8) : uart->interrupt_enable;
    case 2: return uart->fifo_enabled ? 0xc1 : 0x01; /* no interrupt is pending: the kernel polls */
    case 3: return uart->line_control;
    case 4: return uart->modem_control;
    case 5: return line_status(uart);
    case 6: return modem_status(uart);
    default: return uart->scratch;
    }
}

void uart16550_write(struct uart16550 *uart, unsigned reg, uint8_t value, uint64_t now_ns)
{
    bool divisor = (uart->line_control & LCR_DIVISOR) != 0;
    receive(uart, now_ns);
    transmit(uart, now_ns);
    switch (reg) {
    case 0:
        if (divisor)
            uart->divisor = (uint16_t)((uart->divisor & 0xff00) | value);
        else
            write_data(uart, value, now_ns);
        break;
    case 1:
        if (divisor)
            uart->divisor = (uint16_t)(value << 8 | (uart->divisor & 0xff));
        else
            uart->interrupt_enable = value & 0x0f;
        break;
    case 2: write_fifo_control(uart, value); break;
    case 3: uart->line_control = value; break;
    case 4: uart->modem_control = value & 0x1f; break;
    case 7: uart->scratch = value; break;
    default: break; /* line and modem status are read only */
    }
}
