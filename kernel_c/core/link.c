/* link.c - whose line it is: people type into it until a hello comes, a console owns it until it says bye, falls silent, or a person
 * takes it back. */
#include "link.h"

#include "clock.h"
#include "kernel.h"

#define POLL_US 200u     /* least time between two full polls: a UART register costs a microsecond on real hardware */
#define SERVE_US 2000u   /* between two looks at what has time: samples, counters, the expiry */
#define HEARTBEAT_US (WIRE_HEARTBEAT_MS * 1000u - 50000u) /* a sleep or a long gap between polls still fits */
#define COUNTERS_US 500000u
#define COUNTERS_AGAIN_US 5000000u /* the line on which they count losses may lose them as well */
#define TWICE_US 1000000u /* two stop bytes within this take the line back */

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
    (void)link_send(kernel, LINK_MUST, &record);
}

void link_beacon(struct kernel *kernel)
{
    kernel->link.session.sequence = 0;
    send_hello(kernel, "", false);
}

/* A new session: everything that belonged to the last one is forgotten. Work that runs goes on, and the line editor
 * keeps what a person had half typed; whole lines that wait for a busy kernel are dropped. */
static void take_hello(struct kernel *kernel, const char *nonce)
{
    struct link *link = &kernel->link;
    link->session = (struct link_session){.number = link->session.number + 1, .level = WIRE_LOG_LEVEL_INFO};
    link->prompt_due = link->host_lingers = false;
    link->machine = true;
    link_file_close(kernel);
    if (!link->serving)
        link->waiting_id = 0;
    link->typed_tail = link->typed_head;
    kernel->uart.overruns = kernel->uart.framing_errors = kernel->uart.breaks = 0; /* X tells what came since the hello */
    send_hello(kernel, nonce, true);
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
    if (link->host_lingers)
        wire_receiver_drop(&link->receiver); /* half a line of the host that fell silent: no person typed it */
}

/* ---- receiving */

static void take_frame(struct kernel *kernel, const struct wire_frame *frame)
{
    struct link *link = &kernel->link;
    struct wire_host_record record;
    if (frame->kind == 'q' ? !link->machine : frame->kind != 'h')
        return;
    wire_read(frame, &record);
    if (frame->kind == 'q') {
        link->life_us = link->byte_us;
        link_request(kernel, &record);
    } else if (record.fault == WIRE_FAULT_NONE) {
        link->life_us = link->byte_us;
        take_hello(kernel, record.hello.nonce);
    } else if (record.fault == WIRE_FAULT_VERSION) {
        send_hello(kernel, record.hello.nonce, false); /* the host sees which one this kernel speaks, and stays a terminal */
    } else {
        link->session.received[WIRE_REJECTED_GRAMMAR]++;
    }
}

/* Not part of the poll's own code: its frame is on the stack only while a byte is taken. */
static __attribute__((noinline)) void take_byte(struct kernel *kernel, uint8_t byte)
{
    struct link *link = &kernel->link;
    struct wire_receiver *receiver = &link->receiver;
    struct wire_frame frame;
    if (link->machine && byte - WIRE_ENQUIRY < WIRE_ENQUIRIES) { /* between the octets of a line it does not touch the line */
        link->session.enquiry = (uint8_t)(byte - WIRE_ENQUIRY + 1);
        link->credit_due = true;
        return;
    }
    enum wire_received received = wire_receive(receiver, byte, &frame);
    if (received == WIRE_PENDING)
        return;
    link->credit_due = true;
    link->session.received[received]++;
    if (received == WIRE_FRAME)
        take_frame(kernel, &frame);
    else if (!link->machine)
        link_type_line(link, receiver->line, receiver->raw_length, received > WIRE_NOISE);
}

/* The stop byte works in both modes and outside the credit; the second within a second gives the line back to people. */
static void take_stop(struct kernel *kernel)
{
    struct link *link = &kernel->link;
    bool twice = link->session.stop_us != 0 && link->byte_us - link->session.stop_us < TWICE_US;
    link->session.stop_us = link->byte_us;
    link->credit_due = true;
    wire_receiver_drop(&link->receiver);
    link_stop(kernel);
    if (!link->machine)
        link_type_stop(kernel);
    else if (twice)
        link_leave(kernel, WIRE_LEAVE_REASON_CTRL_C);
}

static void receive(struct kernel *kernel)
{
    struct link *link = &kernel->link;
    int byte;
    while ((byte = uart_take(&kernel->uart, link_can_type(link))) != UART_NONE) {
        if (byte == UART_BREAK) {
            wire_receiver_drop(&link->receiver);
            link_leave(kernel, WIRE_LEAVE_REASON_BREAK);
            continue;
        }
        link->session.consumed++;
        link->byte_us = clock_us();
        if (byte == UART_STOP)
            take_stop(kernel);
        else
            take_byte(kernel, (uint8_t)byte);
    }
}

/* ---- the poll */

static void send_counters(struct kernel *kernel, uint64_t now_us)
{
    struct link_session *session = &kernel->link.session;
    const struct uart *uart = &kernel->uart;
    const uint32_t *received = session->received;
    struct wire_counters record = {
        .overrun = uart->overruns,
        .framing = uart->framing_errors,
        .breaks = uart->breaks,
        .checksum = received[WIRE_REJECTED_CHECKSUM] + received[WIRE_REJECTED_CUT],
        .too_long = received[WIRE_REJECTED_LONG],
        .malformed = received[WIRE_REJECTED_GRAMMAR],
        .dropped = session->dropped,
    };
    bool changed = __builtin_memcmp(&record, &session->counters, sizeof record) != 0;
    bool told = session->counters_us != 0;
    if ((!changed && !told) || now_us - session->counters_us < (changed ? COUNTERS_US : COUNTERS_AGAIN_US))
        return;
    session->counters_us = now_us;
    if (link_send(kernel, LINK_EVENT, &record))
        session->counters = record;
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
        link_look_for_keys(kernel, now_us);
    }
    return !kernel->chat.stop_asked;
}
