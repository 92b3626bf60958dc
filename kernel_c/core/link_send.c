/* link_send.c - frames going out. Order of sacrifice when the ring fills: samples, then events (the log keeps them); tokens, answers,
 * credits and ends wait a moment, and are counted when even that does not help. */
#include "clock.h"
#include "kernel.h"

#define STUCK_US 50000u

bool link_has_room(const struct kernel *kernel, enum link_care care)
{
    return uart_tx_free(&kernel->uart) >= care;
}

bool link_send_body(struct kernel *kernel, const char *body)
{
    struct link_session *session = &kernel->link.session;
    struct wire_line line;
    bool sent = wire_put_frame(&line, session->sequence, body) &&
                uart_send_waiting(&kernel->uart, line.data, line.length, STUCK_US);
    session->sequence += sent; /* not of a line that was not sent: no loss is seen where there was none */
    session->dropped += !sent;
    return sent;
}

bool link_send_record(struct kernel *kernel, enum link_care care, enum wire_record type, const void *record)
{
    char body[WIRE_BODY_BYTES];
    if ((!kernel->link.machine && type != WIRE_RECORD_HELLO) || !link_has_room(kernel, care))
        return false;
    wire_put_body(body, type, record);
    return link_send_body(kernel, body);
}

void link_send_credit(struct kernel *kernel)
{
    struct link *link = &kernel->link;
    struct wire_credit record = {
        .consumed = link->session.consumed,
        .window = WIRE_WINDOW,
        .phase = link_phase(kernel),
        .generation = kernel->chat.generation,
        .tokens = kernel->chat.generated,
        .events = kernel->log != NULL ? kernel->log->next : 0,
        .enquiry = link->session.enquiry,
    };
    if (link_send(kernel, LINK_MUST, &record)) {
        link->session.told = record.consumed;
        link->phase = record.phase;
        link->credit_due = false;
    }
    link->credit_us = clock_us();
}
