/* link_answers.c - each request is done once: its response is kept, and sent again when the request comes again. */
#include "clock.h"
#include "kernel.h"
#include "text.h"

static void copy(char *to, size_t capacity, const char *from)
{
    struct text text;
    text_init(&text, to, capacity);
    text_string(&text, from);
}

struct link_answer *link_answer_begin(struct link *link, uint16_t id)
{
    struct link_answer *answer = &link->session.answers[link->session.answered++ % LINK_REPLAYS];
    *answer =
        (struct link_answer){.record = {.id = id, .ok = true, .value = answer->value, .message = answer->message}};
    return answer;
}

void link_answer_send(struct kernel *kernel, struct link_answer *answer)
{
    answer->record.time = clock_ms();
    (void)link_send(kernel, LINK_MUST, &answer->record);
}

void link_refuse(struct kernel *kernel, uint16_t id, enum wire_error_code code, const char *field, const char *message)
{
    struct link_answer *answer = link_answer_begin(&kernel->link, id);
    answer->record.ok = false;
    answer->record.has_error = true;
    answer->record.error = code;
    answer->record.has_field = field != NULL && *field != '\0';
    answer->record.field = field;
    answer->record.has_message = true;
    copy(answer->message, sizeof answer->message, message);
    link_send_reason(kernel, answer, message);
    link_answer_send(kernel, answer);
}

/* enum error_code is enum wire_error_code with ERROR_NONE in front. */
_Static_assert((int)ERROR_OP == (int)WIRE_ERROR_CODE_OP + 1 && (int)ERROR_INTERNAL == (int)WIRE_ERROR_CODE_INTERNAL + 1,
               "the words of errors and of the wire are in one order");

void link_refuse_error(struct kernel *kernel, uint16_t id, const char *field, const struct error *error)
{
    enum wire_error_code code = error->code == ERROR_NONE ? WIRE_ERROR_CODE_INTERNAL : (enum wire_error_code)(error->code - 1);
    link_refuse(kernel, id, code, field, error->text);
}

void link_done(struct kernel *kernel, uint16_t id)
{
    link_answer_send(kernel, link_answer_begin(&kernel->link, id));
}

void link_done_count(struct kernel *kernel, uint16_t id, unsigned count)
{
    struct link_answer *answer = link_answer_begin(&kernel->link, id);
    answer->record.has_count = true;
    answer->record.count = (uint16_t)count;
    link_answer_send(kernel, answer);
}

void link_done_value(struct kernel *kernel, uint16_t id, const char *value)
{
    struct link_answer *answer = link_answer_begin(&kernel->link, id);
    answer->record.has_value = true;
    copy(answer->value, sizeof answer->value, value);
    link_answer_send(kernel, answer);
}

/* True when this request was answered or is being worked on: then nothing else is to be done. */
static bool replay(struct kernel *kernel, uint16_t id)
{
    struct link *link = &kernel->link;
    for (unsigned i = 0; i < LINK_REPLAYS; i++)
        if (link->session.answers[i].record.id == id) {
            link_answer_send(kernel, &link->session.answers[i]);
            return true;
        }
    if (link->file.request == id)
        return true; /* it is being sent: its answer will come */
    return link->waiting_id == id && link->waiting_session == link->session.number;
}

void link_request(struct kernel *kernel, const struct wire_request *request, const struct wire_refusal *refusal)
{
    const struct wire_fault_words *words = &wire_faults[refusal->fault];
    if (request->id == 0)
        kernel->link.receiver.rejected[WIRE_REJECT_GRAMMAR]++; /* nobody can be answered */
    else if (replay(kernel, request->id))
        return;
    else if (refusal->fault != WIRE_FAULT_NONE)
        link_refuse(kernel, request->id, words->error, refusal->field, words->message);
    else if (link_busy(kernel) && !(wire_operations[request->op].flags & WIRE_OP_WHILE_BUSY))
        link_refuse(kernel, request->id, WIRE_ERROR_CODE_BUSY, NULL,
                    "the kernel computes: wait for the end, or stop it");
    else
        link_perform(kernel, request);
}
