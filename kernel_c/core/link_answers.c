/* link_answers.c - each request is done once: its response is kept, and sent again when the request comes again. */
#include "clock.h"
#include "kernel.h"

void link_answer(struct kernel *kernel, struct wire_response *record)
{
    struct link *link = &kernel->link;
    struct link_answer *answer = &link->session.answers[link->session.answered++ % LINK_REPLAYS];
    record->time = clock_ms();
    answer->id = record->id;
    wire_put(&answer->line, WIRE_RECORD_RESPONSE, record);
    if (link->machine)
        (void)link_send_line(kernel, &answer->line);
}

/* enum error_code is enum wire_error_code with ERROR_NONE in front. */
_Static_assert((int)ERROR_OP == (int)WIRE_ERROR_CODE_OP + 1 && (int)ERROR_INTERNAL == (int)WIRE_ERROR_CODE_INTERNAL + 1,
               "the words of errors and of the wire are in one order");

void link_refuse(struct kernel *kernel, uint32_t id, enum error_code code, const char *field, const char *message)
{
    struct wire_response record = {.id = id,
                                   .has = WIRE_RESPONSE_HAS_ERROR | WIRE_RESPONSE_HAS_MESSAGE,
                                   .error = (enum wire_error_code)(code - 1),
                                   .field = field,
                                   .message = message};
    if (field != NULL)
        record.has |= WIRE_RESPONSE_HAS_FIELD;
    link_send_reason(kernel, &record);
    link_answer(kernel, &record);
}

/* True when this request was answered or is being worked on: then nothing else is to be done. */
static bool replay(struct kernel *kernel, uint32_t id)
{
    struct link *link = &kernel->link;
    for (struct link_answer *answer = link->session.answers; answer < link->session.answers + LINK_REPLAYS; answer++)
        if (answer->id == id) {
            (void)link_send_line(kernel, &answer->line);
            return true;
        }
    return link->file.request == id || link->session.waiting_id == id; /* its answer will come */
}

void link_request(struct kernel *kernel, const struct wire_host_record *record)
{
    const struct wire_request *request = &record->request;
    enum wire_fault fault = record->fault;
    if (request->id == 0) {
        kernel->link.session.received[WIRE_REJECTED_GRAMMAR]++; /* nobody can be answered */
        return;
    }
    if (replay(kernel, request->id))
        return;
    if (fault == WIRE_FAULT_NONE && link_busy(kernel) && !wire_operations[request->op].while_busy)
        fault = WIRE_FAULT_BUSY;
    if (fault == WIRE_FAULT_NONE)
        link_perform(kernel, request);
    else
        link_refuse(kernel, request->id, wire_faults[fault].error, record->field, wire_faults[fault].message);
}
