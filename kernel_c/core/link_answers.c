/* link_answers.c - each request is done once: its response is kept, and sent again when the request comes again. */
#include "clock.h"
#include "kernel.h"

void link_answer(struct kernel *kernel, struct wire_response *record)
{
    struct link *link = &kernel->link;
    struct link_answer *answer = &link->session.answers[link->session.answered++ % LINK_REPLAYS];
    record->time = clock_ms();
    answer->id = record->id;
    wire_put_body(answer->body, WIRE_RECORD_RESPONSE, record);
    if (link->machine)
        (void)link_send_body(kernel, answer->body);
}

void link_refuse(struct kernel *kernel, uint16_t id, enum wire_error_code code, const char *field, const char *message)
{
    struct wire_response record = {0};
    record.id = id;
    record.has_error = true;
    record.error = code;
    record.has_field = field != NULL;
    record.field = field;
    record.has_message = true;
    record.message = message;
    link_send_reason(kernel, &record);
    link_answer(kernel, &record);
}

/* enum error_code is enum wire_error_code with ERROR_NONE in front. */
_Static_assert((int)ERROR_OP == (int)WIRE_ERROR_CODE_OP + 1 && (int)ERROR_INTERNAL == (int)WIRE_ERROR_CODE_INTERNAL + 1,
               "the words of errors and of the wire are in one order");

void link_refuse_error(struct kernel *kernel, uint16_t id, const char *field, const struct error *error)
{
    enum wire_error_code code = error->code == ERROR_NONE ? WIRE_ERROR_CODE_INTERNAL : (enum wire_error_code)(error->code - 1);
    link_refuse(kernel, id, code, field, error->text);
}

/* With a count, unless it is negative, and a value, unless it is NULL. */
static void done(struct kernel *kernel, uint16_t id, int count, const char *value)
{
    struct wire_response record = {.id = id,
                                   .ok = true,
                                   .has_count = count >= 0,
                                   .count = (uint16_t)count,
                                   .has_value = value != NULL,
                                   .value = value};
    link_answer(kernel, &record);
}

void link_done(struct kernel *kernel, uint16_t id)
{
    done(kernel, id, -1, NULL);
}

void link_done_count(struct kernel *kernel, uint16_t id, unsigned count)
{
    done(kernel, id, (int)count, NULL);
}

void link_done_value(struct kernel *kernel, uint16_t id, const char *value)
{
    done(kernel, id, -1, value);
}

/* True when this request was answered or is being worked on: then nothing else is to be done. */
static bool replay(struct kernel *kernel, uint16_t id)
{
    const struct link *link = &kernel->link;
    for (unsigned i = 0; i < LINK_REPLAYS; i++)
        if (link->session.answers[i].id == id) {
            (void)link_send_body(kernel, link->session.answers[i].body);
            return true;
        }
    if (link->file.request == id)
        return true; /* it is being sent: its answer will come */
    return link->waiting_id == id && link->waiting_session == link->session.number;
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
    if (fault == WIRE_FAULT_NONE && link_busy(kernel) && !(wire_operations[request->op].flags & WIRE_OP_WHILE_BUSY))
        fault = WIRE_FAULT_BUSY;
    if (fault == WIRE_FAULT_NONE)
        link_perform(kernel, request);
    else
        link_refuse(kernel, request->id, wire_faults[fault].error, record->field, wire_faults[fault].message);
}
