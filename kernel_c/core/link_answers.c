/* link_answers.c - responses: built once, kept, and sent again when the same request comes again. */
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
    struct link_answer *answer = &link->answers[link->answered++ % LINK_REPLAYS];
    *answer = (struct link_answer){.id = id, .record = {.id = id, .ok = true}};
    return answer;
}

void link_answer_send(struct kernel *kernel, struct link_answer *answer)
{
    struct wire_line line;
    struct wire_response *record = &answer->record;
    record->time = clock_ms();
    record->value = answer->value;
    record->field = answer->field;
    record->message = answer->message;
    (void)wire_put_response(&line, link_sequence(kernel), record);
    (void)link_send(kernel, &line, LINK_MUST);
}

unsigned link_send_output(struct kernel *kernel, uint16_t id, uint32_t first, uint32_t most)
{
    struct link *link = &kernel->link;
    unsigned sent = 0;
    for (uint32_t index = first; index - first < most; index++) {
        size_t at = (size_t)index * WIRE_OUTPUT_TEXT_BYTES;
        struct wire_line line;
        if (at >= link->output_length)
            break;
        size_t rest = link->output_length - at;
        struct wire_output record = {.id = id, .index = (uint16_t)index, .text = (const uint8_t *)link->output + at,
                                     .text_length = rest < WIRE_OUTPUT_TEXT_BYTES ? rest : WIRE_OUTPUT_TEXT_BYTES};
        (void)wire_put_output(&line, link_sequence(kernel), &record);
        sent += link_send(kernel, &line, LINK_MUST);
    }
    return sent;
}

unsigned link_output_pieces(size_t length)
{
    return (unsigned)((length + WIRE_OUTPUT_TEXT_BYTES - 1) / WIRE_OUTPUT_TEXT_BYTES);
}

/* A reason longer than the response holds goes before it, as output that can be asked for again; the response has its beginning. The
 * buffer of the last output is free but while work runs that somebody else asked for. */
static void send_reason(struct kernel *kernel, struct link_answer *answer, const char *message)
{
    struct link *link = &kernel->link;
    bool ours = !link->serving || link->waiting_id == answer->id;
    if (wire_plain_octets(message) <= WIRE_RESPONSE_MESSAGE_OCTETS || !ours)
        return;
    struct text text;
    text_init(&text, link->output, sizeof link->output);
    text_string(&text, message);
    link->output_length = text.length;
    link->output_id = answer->id;
    (void)link_send_output(kernel, answer->id, 0, UINT32_MAX);
    answer->record.has_count = true;
    answer->record.count = (uint16_t)link_output_pieces(text.length);
}

void link_refuse(struct kernel *kernel, uint16_t id, enum wire_error_code code, const char *field, const char *message)
{
    struct link_answer *answer = link_answer_begin(&kernel->link, id);
    answer->record.ok = false;
    answer->record.has_error = true;
    answer->record.error = code;
    answer->record.has_field = field != NULL && *field != '\0';
    answer->record.has_message = true;
    send_reason(kernel, answer, message);
    copy(answer->field, sizeof answer->field, field != NULL ? field : "");
    copy(answer->message, sizeof answer->message, message);
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

bool link_replay(struct kernel *kernel, uint16_t id)
{
    for (unsigned i = 0; i < LINK_REPLAYS; i++)
        if (kernel->link.answers[i].id == id) {
            link_answer_send(kernel, &kernel->link.answers[i]);
            return true;
        }
    if (kernel->link.file.request == id)
        return true; /* it is being sent: its answer will come */
    return kernel->link.waiting_id == id && kernel->link.waiting_session == kernel->link.sessions;
}
