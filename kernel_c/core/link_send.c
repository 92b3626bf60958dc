/* link_send.c - frames going out. Order of sacrifice when the ring fills: samples, then events (the log keeps them); tokens, answers,
 * credits and ends wait a moment, and are counted when even that does not help. */
#include "clock.h"
#include "kernel.h"

#define REST_US 100u
#define MUST_RESTS 500u         /* 50 ms */

bool link_has_room(const struct kernel *kernel, enum link_care care)
{
    size_t free = uart_tx_free(&kernel->uart);
    return care >= LINK_MUST || free >= UART_TX_BYTES / 2 + (care == LINK_SAMPLE ? WIRE_MAX_LINE : 0);
}

/* Waits for room as long as the line takes octets, or 50 ms. Rests are counted and not the time: a kernel that was kept
 * from its processor has not given the line its chance. */
static bool queue(struct uart *uart, const struct wire_line *line)
{
    for (unsigned rests = 0; !uart_send(uart, line->data, line->length);) {
        size_t room = uart_tx_free(uart);
        uart_pump(uart);
        if (uart_tx_free(uart) > room)
            continue;
        if (++rests > MUST_RESTS)
            return false;
        port_relax(REST_US);
    }
    return true;
}

bool link_send_body(struct kernel *kernel, const char *body)
{
    struct link *link = &kernel->link;
    struct wire_line line;
    bool sent = wire_put_frame(&line, link->session.sequence, body) && queue(&kernel->uart, &line);
    link->session.sequence += sent; /* not of a line that was not sent: no loss is seen where there was none */
    return sent;
}

bool link_send_record(struct kernel *kernel, enum link_care care, enum wire_record type, const void *record)
{
    struct link *link = &kernel->link;
    char body[WIRE_BODY_BYTES];
    if ((!link->machine && care < LINK_ALWAYS) || !link_has_room(kernel, care))
        return false;
    wire_put_body(body, type, record);
    bool sent = link_send_body(kernel, body);
    link->session.dropped += !sent && care >= LINK_MUST;
    return sent;
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
