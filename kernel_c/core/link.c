/* link.c - whose line it is: people type into it until a hello comes, a console owns it until it says bye, falls silent, or a person
 * takes it back. */
#include "link.h"

#include "clock.h"
#include "kernel.h"

#define POLL_US 200u     /* least time between two full polls: a UART register costs a microsecond on real hardware */
#define HEARTBEAT_US (WIRE_HEARTBEAT_MS * 1000u - 50000u) /* a sleep or a long gap between polls still fits */
#define GAP_MOST_US 1000000u /* of silence between two polls: nobody is heard where nobody listens, and a clock may jump */
#define TWICE_US 1000000u /* two stop bytes within this take the line back */

/* A frame that is served stands in `heard`, and what is sent for it in `line`: one of each, since nothing that serves
 * polls. Only the simulator looks whether that is so; nothing else runs all requests that often. */
#ifdef LLMK_CHECKED
static bool polling;
#define poll_begins() (polling ? __builtin_trap() : (void)(polling = true))
#define poll_ends() ((void)(polling = false))
#else
#define poll_begins() ((void)0)
#define poll_ends() ((void)0)
#endif

/* ---- modes */

static void send_hello(struct kernel *kernel, const char *nonce, bool machine)
{
    kernel->hello.nonce = nonce;
    kernel->hello.machine = machine;
    (void)link_send(kernel, LINK_MUST, &kernel->hello);
}

void link_beacon(struct kernel *kernel)
{
    if (!kernel->link.machine)
        send_hello(kernel, "", false);
}

/* A new session: everything that belonged to the last one is forgotten, also what was asked for and waits. Work that runs
 * goes on, and the line editor keeps what a person had half typed; whole lines that wait for a busy kernel are dropped. */
static void take_hello(struct kernel *kernel, const char *nonce)
{
    struct link *link = &kernel->link;
    struct uart *uart = &kernel->uart;
    link->session = (struct link_session){0};
    link->session.level = WIRE_LOG_LEVEL_INFO;
    link->machine = true;
    link->silent_us = 0;
    link_file_close(kernel);
    link->typed_tail = link->typed_head;
    uart->overruns = uart->framing_errors = uart->breaks = 0; /* X tells what came since the hello */
    send_hello(kernel, nonce, true);
}

void link_leave(struct kernel *kernel, enum wire_leave_reason why)
{
    struct link *link = &kernel->link;
    struct wire_leave record = {.why = why};
    if (!link->machine)
        return;
    (void)link_send(kernel, LINK_MUST, &record);
    link->machine = false;
    link->session.staged_length = 0;
    link_file_close(kernel);
    link->session.prompt_due = why != WIRE_LEAVE_REASON_REBOOT;
    link->session.host_lingers = why == WIRE_LEAVE_REASON_EXPIRED;
    if (link->session.host_lingers)
        wire_receiver_drop(&link->receiver); /* half a line of the host that fell silent: no person typed it */
}

/* ---- receiving */

static void take_frame(struct kernel *kernel)
{
    struct link *link = &kernel->link;
    struct wire_host_record *record = &link->heard;
    const char *frame = link->receiver.line;
    wire_read(frame, record);
    if (frame[1] == 'q' && link->machine) {
        link->silent_us = 0;
        link_request(kernel, record);
    } else if (frame[1] != 'h') {
        return; /* perhaps this kernel's own, from a line that echoes */
    } else if (record->fault != WIRE_FAULT_NONE) {
        link->session.received[WIRE_REJECTED_GRAMMAR]++;
    } else if (record->hello.protocol == WIRE_PROTOCOL) {
        take_hello(kernel, record->hello.nonce);
    } else {
        send_hello(kernel, record->hello.nonce, false); /* the host sees which one this kernel speaks, and stays a terminal */
    }
}

/* Whether there is something to tell: not for the octets inside a line. */
static bool take_byte(struct kernel *kernel, uint8_t byte)
{
    struct link *link = &kernel->link;
    if (link->machine && byte - WIRE_ENQUIRY < WIRE_ENQUIRIES) { /* between the octets of a line it does not touch the line */
        link->session.credit.enquiry = byte - WIRE_ENQUIRY + 1;
        return true;
    }
    enum wire_received received = wire_receive(&link->receiver, byte);
    link->session.received[received]++;
    if (received == WIRE_FRAME)
        take_frame(kernel);
    else if (received != WIRE_PENDING && !link->machine)
        link_type_line(link, received);
    return received != WIRE_PENDING;
}

/* The stop byte works in both modes and outside the credit; the second within a second gives the line back to people. */
static void take_stop(struct kernel *kernel)
{
    struct link *link = &kernel->link;
    bool twice = link->byte_us < link->session.stop_until_us;
    link->session.stop_until_us = link->byte_us + TWICE_US;
    wire_receiver_drop(&link->receiver);
    link_stop(kernel);
    if (!link->machine)
        link_type_stop(kernel);
    else if (twice)
        link_leave(kernel, WIRE_LEAVE_REASON_CTRL_C);
}

static void receive(struct kernel *kernel, uint64_t now_us)
{
    struct link *link = &kernel->link;
    int byte;
    while ((byte = uart_take(&kernel->uart, link_can_type(link))) != UART_NONE) {
        if (byte == UART_BREAK) {
            wire_receiver_drop(&link->receiver);
            link_leave(kernel, WIRE_LEAVE_REASON_BREAK);
            continue;
        }
        link->session.credit.consumed++;
        link->session.untold++;
        link->byte_us = now_us;
        if (byte == UART_STOP)
            take_stop(kernel);
        else if (!take_byte(kernel, (uint8_t)byte))
            continue;
        link->session.untold = LINK_DUE;
    }
}

/* ---- the poll */

/* Its numbers are absolute: one that is lost is made good by the next. */
static void send_credit(struct kernel *kernel, enum wire_phase phase)
{
    struct link_session *session = &kernel->link.session;
    struct wire_credit *credit = &session->credit;
    session->untold = 0;
    credit->window = WIRE_WINDOW;
    credit->phase = phase;
    credit->generation = kernel->chat.generation;
    credit->tokens = kernel->chat.generated;
    credit->events = kernel->log->next;
    (void)link_send(kernel, LINK_MUST, credit);
}

static void serve_session(struct kernel *kernel, uint64_t now_us)
{
    struct link *link = &kernel->link;
    enum wire_phase phase = link_phase(kernel);
    if (phase != link->session.credit.phase || link->session.untold > WIRE_WINDOW / 2 ||
        now_us - link->credit_us >= HEARTBEAT_US) {
        link->credit_us = now_us;
        send_credit(kernel, phase);
    }
    link_file_send(kernel);
    link_send_samples(kernel, now_us);
    if (link->silent_us > WIRE_EXPIRY_MS * 1000u)
        link_leave(kernel, WIRE_LEAVE_REASON_EXPIRED);
}

bool link_poll(struct kernel *kernel)
{
    struct link *link = &kernel->link;
    uint64_t now_us = clock_us(), gap_us = now_us - link->poll_us;
    poll_begins();
    if (gap_us >= POLL_US) {
        link->poll_us = now_us;
        link->silent_us += gap_us < GAP_MOST_US ? (uint32_t)gap_us : GAP_MOST_US;
        uart_pump(&kernel->uart);
        receive(kernel, now_us);
        if (link->machine)
            serve_session(kernel, now_us);
        link_look_for_keys(kernel, now_us);
    }
    poll_ends();
    return !kernel->chat.stop_asked;
}
