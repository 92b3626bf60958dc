/* link.c - whose line it is: people type into it until a hello comes, a console owns it until it says bye, falls silent, or a person
 * takes it back. */
#include "link.h"

#include "clock.h"
#include "kernel.h"

#define POLL_US 200u     /* least time between two full polls: a UART register costs a microsecond on real hardware */
#define SERVE_US 2000u   /* between two looks at what has time: samples, counters, the expiry */
#define KEYS_US 10000u
#define HEARTBEAT_US (WIRE_HEARTBEAT_MS * 1000u - 50000u) /* a sleep or a long gap between polls still fits */
#define COUNTERS_US 500000u
#define COUNTERS_AGAIN_US 5000000u /* the line on which they count losses may lose them as well */
#define SLEEP_AFTER_US 150000u /* a host that waits for credit goes on within this */
#define SLEEP_US 20000u
#define WATCH_US 800u /* half of what fills a FIFO of 16 bytes at 115200 bit/s */
#define TWICE_US 1000000u /* two stop bytes within this take the line back */

bool link_busy(const struct kernel *kernel)
{
    return kernel->chat.running || kernel->link.serving || kernel->link.waiting_id != 0;
}

uint32_t link_sleep_us(const struct kernel *kernel)
{
    if (kernel->link.file.request != 0 || !uart_drained(&kernel->uart))
        return WATCH_US; /* a transmitter takes no more than 16 octets a look */
    bool quiet = kernel->link.machine && clock_us() - kernel->link.byte_us > SLEEP_AFTER_US;
    return quiet ? SLEEP_US : WATCH_US; /* a person's paste comes without credit: a human line is always watched */
}

void link_work_begin(struct kernel *kernel)
{
    kernel->link.serving = true;
}

void link_work_end(struct kernel *kernel)
{
    kernel->link.serving = false;
    kernel->link.prompt_due = false; /* the loop shows one after the work */
    kernel->link.credit_due = kernel->link.machine;
}

bool link_computes(const struct kernel *kernel)
{
    return kernel->chat.running || kernel->chat.phase == WIRE_PHASE_BENCH;
}

void link_stop(struct kernel *kernel)
{
    if (link_computes(kernel))
        chat_stop(kernel);
    else if (kernel->link.waiting_id != 0)
        kernel->link.stop_waiting = true;
}

/* ---- what went wrong */

#define COUNTERS (sizeof(struct wire_counters) / sizeof(uint32_t))

union counters {
    struct wire_counters record;
    uint32_t each[COUNTERS];
};

/* Since boot. */
static struct wire_counters counted(const struct kernel *kernel)
{
    const struct uart *uart = &kernel->uart;
    const struct wire_receiver *receiver = &kernel->link.receiver;
    return (struct wire_counters){
        .overrun = uart->overruns,
        .framing = uart->framing_errors,
        .breaks = uart->breaks,
        .checksum = receiver->rejected[WIRE_REJECT_CHECKSUM] + receiver->rejected[WIRE_REJECT_CUT],
        .too_long = receiver->rejected[WIRE_REJECT_LONG],
        .malformed = receiver->rejected[WIRE_REJECT_GRAMMAR],
        .dropped = kernel->link.dropped,
    };
}

/* ---- modes */

static void send_hello(struct kernel *kernel, const char *nonce, bool machine)
{
    struct wire_hello record = {
        .protocol = WIRE_PROTOCOL,
        .revision = WIRE_REVISION,
        .schema_id = WIRE_SCHEMA_ID,
        .boot = kernel->boot_id,
        .machine = machine,
        .nonce = nonce,
        .window_idle = WIRE_WINDOW,
        .window_busy = WIRE_WINDOW,
        .max_line = WIRE_MAX_LINE,
        .baud = kernel->uart.baud,
        .version = KERNEL_VERSION,
    };
    (void)link_send(kernel, LINK_ALWAYS, &record);
}

void link_beacon(struct kernel *kernel)
{
    kernel->link.session.sequence = 0;
    send_hello(kernel, "", false);
}

/* A new session: everything that belonged to the last one is forgotten. Work that runs goes on, and the line editor
 * keeps what a person had half typed; whole lines that wait for a busy kernel are dropped. */
static void take_hello(struct kernel *kernel, const struct wire_host_hello *hello)
{
    struct link *link = &kernel->link;
    link->session = (struct link_session){.number = link->session.number + 1, .level = WIRE_LOG_LEVEL_INFO};
    link->prompt_due = link->host_lingers = false;
    link->machine = true;
    link_file_close(kernel);
    if (!link->serving)
        link->waiting_id = 0;
    link->typed_tail = link->typed_head;
    link->counted_before = counted(kernel);
    send_hello(kernel, hello->nonce, true);
    link_send_credit(kernel);
}

void link_leave(struct kernel *kernel, enum wire_leave_reason why)
{
    struct link *link = &kernel->link;
    struct wire_leave record = {.why = why};
    if (!link->machine)
        return;
    (void)link_send(kernel, LINK_MUST, &record);
    link->machine = false;
    link->session.stop_us = 0;
    link->session.staged_length = 0;
    link_file_close(kernel);
    link->prompt_due = why != WIRE_LEAVE_REASON_REBOOT;
    link->host_lingers = why == WIRE_LEAVE_REASON_EXPIRED;
}

/* ---- receiving */

static void take_frame(struct kernel *kernel, const struct wire_frame *frame)
{
    struct link *link = &kernel->link;
    union wire_host_record record;
    struct wire_refusal refusal;
    if (frame->kind != 'h' && (frame->kind != 'q' || !link->machine))
        return;
    bool good = wire_read(frame, &record, &refusal);
    if (frame->kind == 'q' || good)
        link->life_us = clock_us();
    if (frame->kind == 'q') {
        link->credit_due = true;
        link_request(kernel, &record.request, &refusal);
    } else if (good) {
        take_hello(kernel, &record.hello);
    } else if (refusal.fault == WIRE_FAULT_VERSION) {
        send_hello(kernel, record.hello.nonce, false); /* the host sees which one this kernel speaks, and stays a terminal */
    } else {
        link->receiver.rejected[WIRE_REJECT_GRAMMAR]++;
    }
}

static void take_byte(struct kernel *kernel, uint8_t byte)
{
    struct link *link = &kernel->link;
    struct wire_frame frame;
    link->session.consumed++;
    link->byte_us = clock_us();
    if (link->machine && byte - WIRE_ENQUIRY < WIRE_ENQUIRIES) { /* between the octets of a line it does not touch the line */
        link->session.enquiry = (uint8_t)(byte - WIRE_ENQUIRY + 1);
        link->credit_due = true;
        return;
    }
    enum wire_received received = wire_receive(&link->receiver, byte, &frame);
    switch (received) {
    case WIRE_FRAME: take_frame(kernel, &frame); break;
    case WIRE_NOISE:
    case WIRE_REJECTED:
        link->credit_due = link->machine;
        for (size_t i = 0; i < link->receiver.raw_length && !link->machine; i++)
            link_type_from_line(link, (uint8_t)link->receiver.line[i], received == WIRE_REJECTED);
        break;
    default: break;
    }
}

/* The stop byte works in both modes and outside the credit; the second within a second gives the line back to people. Like a terminal's
 * driver it also drops what was typed and not yet read. */
static void take_stops(struct kernel *kernel)
{
    struct link *link = &kernel->link;
    uint64_t now_us = clock_us();
    uint32_t stops = kernel->uart.stops - link->stops;
    bool twice = stops > 1 || (link->session.stop_us != 0 && now_us - link->session.stop_us < TWICE_US);
    link->stops = kernel->uart.stops;
    link->session.stop_us = now_us;
    link->byte_us = now_us;
    link->session.consumed += stops;
    link->credit_due = link->machine;
    wire_receiver_drop(&link->receiver);
    link_stop(kernel);
    if (!link->machine) {
        link->host_lingers = false;
        link->typed_tail = link->typed_head;
        if (!link_computes(kernel))
            link_type(link, UART_STOP);
    } else if (twice) {
        link_leave(kernel, WIRE_LEAVE_REASON_CTRL_C);
    }
}

/* Takes what has come, in its order: a stop byte does not overtake the line that was sent before it. */
static void receive(struct kernel *kernel)
{
    struct link *link = &kernel->link;
    bool stopped = kernel->uart.stops != link->stops;
    uint8_t byte;
    for (;;) {
        if (stopped && !link_can_type(link))
            uart_skip_to_stop(&kernel->uart);
        if (stopped && !uart_before_stop(&kernel->uart)) {
            take_stops(kernel);
            stopped = false;
        }
        if (!link_can_type(link) || !uart_receive(&kernel->uart, &byte))
            break;
        take_byte(kernel, byte);
    }
    if (kernel->uart.breaks != link->breaks) {
        link->breaks = kernel->uart.breaks;
        wire_receiver_drop(&link->receiver);
        link_leave(kernel, WIRE_LEAVE_REASON_BREAK);
    }
}

/* ---- the poll */

static void send_counters(struct kernel *kernel, uint64_t now_us)
{
    struct link *link = &kernel->link;
    union counters now = {.record = counted(kernel)};
    uint32_t any = 0, changed = 0;
    for (unsigned i = 0; i < COUNTERS; i++) {
        now.each[i] -= ((union counters){.record = link->counted_before}).each[i];
        any |= now.each[i];
        changed |= now.each[i] ^ ((union counters){.record = link->session.counters}).each[i];
    }
    if (any == 0 || now_us - link->session.counters_us < (changed != 0 ? COUNTERS_US : COUNTERS_AGAIN_US))
        return;
    link->session.counters_us = now_us;
    if (link_send(kernel, LINK_EVENT, &now.record))
        link->session.counters = now.record;
}

static void serve_session(struct kernel *kernel, uint64_t now_us)
{
    struct link *link = &kernel->link;
    uint32_t untold = link->session.consumed - link->session.told;
    bool changed = link->phase != link_phase(kernel);
    if (changed || link->credit_due || untold > WIRE_WINDOW / 2 || now_us - link->credit_us >= HEARTBEAT_US)
        link_send_credit(kernel);
    link_file_send(kernel);
    if (now_us - link->serve_us < SERVE_US)
        return;
    link->serve_us = now_us;
    link_send_samples(kernel, now_us);
    send_counters(kernel, now_us);
    if (now_us - link->life_us > WIRE_EXPIRY_MS * 1000u)
        link_leave(kernel, WIRE_LEAVE_REASON_EXPIRED);
}

bool link_poll(struct kernel *kernel)
{
    struct link *link = &kernel->link;
    uint64_t now_us = clock_us();
    if (now_us - link->poll_us >= POLL_US) {
        link->poll_us = now_us;
        uart_pump(&kernel->uart);
        receive(kernel);
        now_us = clock_us(); /* what was received has been served: the times it left are not later than this */
        if (link->machine)
            serve_session(kernel, now_us);
        if (now_us - link->key_us >= KEYS_US) {
            link->key_us = now_us;
            link_look_for_keys(kernel);
        }
    }
    return !kernel->chat.stop_asked;
}
