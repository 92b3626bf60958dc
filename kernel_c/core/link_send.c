/* link_send.c - frames going out. Order of sacrifice when the ring fills: samples, then events (the log keeps them); tokens, answers,
 * credits and ends wait a moment, and are counted when even that does not help. */
#include "kernel.h"

#define STUCK_US 50000u

bool link_send_line(struct kernel *kernel, struct wire_line *line)
{
    struct link_session *session = &kernel->link.session;
    size_t unfinished = line->text.length;
    wire_finish(line, session->sequence);
    bool sent = uart_send_waiting(&kernel->uart, line->data, line->text.length, STUCK_US);
    line->text.length = unfinished; /* an answer may be sent again, with another number */
    if (sent)
        session->sequence++; /* not of a line that was not sent: no loss is seen where there was none */
    else
        session->dropped++;
    return sent;
}

bool link_send_record(struct kernel *kernel, enum link_care care, enum wire_record type, const void *record)
{
    struct wire_line *line = &kernel->link.line;
    if (!kernel->link.machine && type != WIRE_RECORD_HELLO)
        return false;
    wire_put(line, type, record);
    return uart_tx_free(&kernel->uart) >= care && link_send_line(kernel, line);
}
