/* overflow.c - room in a full KV cache. */
#include "overflow.h"

#include "kernel.h"
#include "text.h"

/* Rows 1 to `dropped` are gone. Turns that had no others are forgotten, the rest begin so many rows earlier, the oldest
 * of them not before row 1. */
static void move_turn_starts(struct chat *chat, uint32_t dropped)
{
    uint32_t end = chat->length;
    for (uint32_t back = 0; back < chat->turns_held; back++) {
        uint32_t *start = &chat->turn_starts[(chat->turn - back) % CHAT_TURNS];
        if (end <= dropped + 1) {
            chat->turns_held = back;
            return;
        }
        end = *start;
        *start = *start > dropped ? *start - dropped : 1;
    }
}

/* Row 0 (BOS) stays valid: it attends to nothing but itself. */
static void keep_newest(struct chat *chat, uint32_t kept)
{
    uint32_t dropped = chat->length - 1 - kept;
    for (uint32_t i = 0; i < kept; i++)
        chat->tokens[1 + i] = chat->tokens[1 + dropped + i];
    move_turn_starts(chat, dropped);
    chat->length = 1 + kept;
    chat->rows = chat->rows > 0 ? 1 : 0;
}

static void note(struct kernel *kernel, bool slid, uint32_t before)
{
    struct chat *chat = &kernel->chat;
    chat->overflow_slid = slid;
    chat->overflow_before = before - 1; /* to a reader BOS is no token */
    chat->overflow_kept = chat->length - 1;
    chat->overflow_count++;
    char message[LOG_MESSAGE_BYTES];
    struct text text;
    text_init(&text, message, sizeof message);
    text_string(&text, slid ? "slid" : "cleared");
    if (slid && chat->turns_held > 0) /* by generations: they alone never begin anew */
        text_format(&text, ", from turn %u on", (unsigned)(chat->generation - chat->turns_held + 1));
    log_event(kernel, WIRE_LOG_LEVEL_WARN, WIRE_LOG_CODE_CONTEXT, WIRE_ARENA_KV, before, chat->length, message);
    link_changed(kernel, WIRE_STREAM_KV);
}

void overflow_say(struct kernel *kernel)
{
    struct chat *chat = &kernel->chat;
    if (chat->overflow_count == 0)
        return;
    if (chat->overflow_slid)
        console_print(kernel, "[the context was full: the newest %u of %u tokens were kept",
                      (unsigned)chat->overflow_kept, (unsigned)chat->overflow_before);
    else {
        uint32_t gone = chat->overflow_before - chat->overflow_kept;
        console_print(kernel, "[the context was full: %u token%s forgotten", (unsigned)gone,
                      gone == 1 ? " was" : "s were");
    }
    if (chat->overflow_count > 1)
        console_print(kernel, "; %u times", (unsigned)chat->overflow_count);
    console_print(kernel, "]\n");
    chat->overflow_count = 0;
}

bool overflow_make_room(struct kernel *kernel, uint32_t more, struct error *error)
{
    struct chat *chat = &kernel->chat;
    uint32_t capacity = kernel->engine.config.seq_len;
    uint32_t before = chat->length;
    if (before + more <= capacity)
        return true;
    switch (kernel->params.values[PARAM_OVERFLOW]) {
    case PARAM_OVERFLOW_STOP:
        return error_set(error, ERROR_NOSPACE,
                         "the context is full: the conversation has %u tokens, %u more are to come, there are %u rows; "
                         "/clear, or /overflow slide",
                         (unsigned)before, (unsigned)more, (unsigned)capacity);
    case PARAM_OVERFLOW_CLEAR:
        keep_newest(chat, more == 0 ? 1 : 0);
        note(kernel, false, before);
        return true;
    default: {
        uint32_t kept = capacity / 2;
        if (kept > before - 1)
            kept = before - 1;
        if (kept > capacity - 1 - more)
            kept = capacity - 1 - more; /* a long prompt needs more than half */
        keep_newest(chat, kept);
        note(kernel, true, before);
        return true;
    }
    }
}
