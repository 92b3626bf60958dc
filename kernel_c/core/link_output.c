/* link_output.c - what operations answer, and texts longer than a response holds: what a command printed, why it was refused. */
#include "kernel.h"
#include "text.h"

void link_answer_done(struct kernel *kernel, uint32_t id, int count, const char *value)
{
    struct wire_response record = {.id = id,
                                   .ok = true,
                                   .has = (count >= 0 ? WIRE_RESPONSE_HAS_COUNT : 0u) |
                                          (value != NULL ? WIRE_RESPONSE_HAS_VALUE : 0u),
                                   .count = (uint32_t)count,
                                   .value = value};
    link_answer(kernel, &record);
}

unsigned link_send_output(struct kernel *kernel, uint32_t id, uint32_t first, uint32_t most)
{
    struct link *link = &kernel->link;
    unsigned sent = 0;
    for (uint32_t index = first; index - first < most; index++) {
        size_t at = (size_t)index * WIRE_OUTPUT_TEXT_BYTES;
        if (at >= link->output_length)
            break;
        size_t rest = link->output_length - at;
        struct wire_output record = {.id = id,
                                     .index = index,
                                     .text = (const uint8_t *)link->output + at,
                                     .text_length = rest < WIRE_OUTPUT_TEXT_BYTES ? rest : WIRE_OUTPUT_TEXT_BYTES};
        sent += link_send(kernel, LINK_MUST, &record);
    }
    return sent;
}

unsigned link_output_pieces(size_t length)
{
    return (unsigned)((length + WIRE_OUTPUT_TEXT_BYTES - 1) / WIRE_OUTPUT_TEXT_BYTES);
}

/* A reason longer than the response holds goes before it, as output that can be asked for again; the response has its
 * beginning. The buffer of the last output is free but while work runs that somebody else asked for. */
void link_send_reason(struct kernel *kernel, struct wire_response *record)
{
    struct link *link = &kernel->link;
    static const struct wire_field longer = {.kind = WIRE_PLAIN, .limit = UINT8_MAX};
    bool ours = !link->serving || link->session.waiting_id == record->id;
    char whole[WIRE_RESPONSE_MESSAGE_OCTETS + 1];
    struct text text;
    text_init(&text, whole, sizeof whole);
    wire_put_text(&text, &longer, record->message, string_length(record->message));
    if (!ours || !text.truncated)
        return;
    text_init(&text, link->output, sizeof link->output);
    text_string(&text, record->message);
    link->output_length = text.length;
    link->session.output_id = record->id;
    (void)link_send_output(kernel, record->id, 0, UINT32_MAX);
    record->has |= WIRE_RESPONSE_HAS_COUNT;
    record->count = link_output_pieces(text.length);
}
