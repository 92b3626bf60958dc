/* notices.c - what a person is told after an answer. */
#include "notices.h"

#include "kernel.h"
#include "overflow.h"

void text_rate(struct text *text, uint64_t count, uint64_t microseconds)
{
    if (count == 0 || microseconds == 0 || count > UINT64_MAX / 10000000u) {
        text_string(text, "-");
        return;
    }
    uint64_t tenths = (count * 10000000u + microseconds / 2) / microseconds;
    text_format(text, "%llu.%u", (unsigned long long)(tenths / 10), (unsigned)(tenths % 10));
}

void text_speed(struct text *text, uint32_t mb_s, uint32_t read_mb_s)
{
    text_format(text, "%u.%02u GB/s", (unsigned)(mb_s / 1000), (unsigned)(mb_s % 1000 / 10));
    if (read_mb_s > 0)
        text_format(text, " (%u %% of reading alone)", (unsigned)((mb_s * UINT64_C(100) + read_mb_s / 2) / read_mb_s));
}

bool notices_processors(const struct kernel *kernel, struct text *out)
{
    const struct workers *workers = &kernel->workers;
    if (workers->lost != 0)
        text_format(out, "processor %u did not answer; one goes on alone", (unsigned)workers->lost);
    else if (workers->missing != 0)
        text_format(out, "processor %u did not come; %u at work", (unsigned)workers->missing,
                    (unsigned)workers->present);
    return workers->lost != 0 || workers->missing != 0;
}

/* Both in one number, and whether it is another than the one that was told. */
static bool is_news(const struct workers *workers, uint32_t *told)
{
    uint32_t before = *told;
    *told = workers->lost << 8 | workers->missing;
    return *told != before;
}

void notices_log_processors(struct kernel *kernel)
{
    char message[LOG_MESSAGE_BYTES];
    struct text text;
    struct workers *workers = &kernel->workers;
    text_init(&text, message, sizeof message);
    if (workers->reported != workers->present && (workers->reported > 1 || workers->present > 1))
        link_changed(kernel, WIRE_STREAM_CPU);
    workers->reported = workers->present;
    if (is_news(workers, &workers->logged) && notices_processors(kernel, &text))
        log_event(kernel, WIRE_LOG_LEVEL_ERROR, WIRE_LOG_CODE_INFO, WIRE_ARENA_NONE,
                  workers->lost != 0 ? workers->lost : workers->missing, 0, message);
}

static void processors(struct kernel *kernel)
{
    char line[LOG_MESSAGE_BYTES];
    struct text text;
    text_init(&text, line, sizeof line);
    if (is_news(&kernel->workers, &kernel->workers.shown) && notices_processors(kernel, &text))
        console_print(kernel, "[%s]\n", line);
}

static uint64_t fresh_overruns(struct sentinel_phase_state *phase)
{
    uint64_t fresh = phase->overruns - phase->reported;
    phase->reported = phase->overruns;
    return fresh;
}

/* One line, however many there were; a trip has its own. */
static void overruns(struct kernel *kernel)
{
    struct sentinel_phase_state *phases = kernel->sentinel.phases;
    uint64_t prefill = fresh_overruns(&phases[0]);
    uint64_t decode = fresh_overruns(&phases[1]);
    if (prefill + decode > 0 && kernel->sentinel.state != WIRE_SENTINEL_STATE_TRIPPED)
        console_print(kernel, "[over budget: %llu prefill and %llu decode %s; see /budget and /log]\n",
                      (unsigned long long)prefill, (unsigned long long)decode, decode == 1 ? "pass" : "passes");
}

static void reason(struct kernel *kernel)
{
    const struct chat *chat = &kernel->chat;
    uint32_t waiting = chat->length - chat->rows;
    switch (chat->last.reason) {
    case WIRE_STOP_REASON_STOPPED:
        if (waiting > 1)
            console_print(kernel, "[stopped; %u tokens are computed in the next turn]\n", (unsigned)waiting);
        else
            console_print(kernel, "[stopped]\n");
        break;
    case WIRE_STOP_REASON_CONTEXT:
        console_print(kernel, "[the context is full: %u of %u rows; /clear, or /overflow slide]\n",
                      (unsigned)chat->rows, (unsigned)kernel->engine.config.seq_len);
        break;
    case WIRE_STOP_REASON_TRIP:
        console_print(kernel, "[sentinel tripped: %s; %s; type /reset to go on]\n", kernel->sentinel.reason,
                      kernel->sentinel.file_failed ? "llmk-failsafe.txt could not be written, see /log"
                                                   : "see llmk-failsafe.txt");
        break;
    default:
        break;
    }
}

static void statistics(struct kernel *kernel)
{
    const struct wire_finished *last = &kernel->chat.last;
    char prefill[24], decode[24];
    struct text text;
    text_init(&text, prefill, sizeof prefill);
    text_rate(&text, last->prompt_tokens, last->prefill_us);
    text_init(&text, decode, sizeof decode);
    /* The first token comes out of the prefill: a rate needs the second. */
    text_rate(&text, last->tokens > 0 ? last->tokens - 1 : 0, last->decode_us);
    char bound[48];
    text_init(&text, bound, sizeof bound);
    if (last->decode_mb_s > 0) {
        text_string(&text, " at ");
        text_speed(&text, last->decode_mb_s, last->read_mb_s);
    }
    console_print(kernel, "[%u token%s, prefill %u at %s tok/s, decode %s tok/s%s, %u of %u rows]\n",
                  (unsigned)last->tokens, last->tokens == 1 ? "" : "s", (unsigned)last->prompt_tokens, prefill, decode,
                  bound, (unsigned)last->kv_rows, (unsigned)kernel->engine.config.seq_len);
}

void notices_after_answer(struct kernel *kernel)
{
    console_print(kernel, "\n");
    overflow_say(kernel);
    processors(kernel);
    overruns(kernel);
    reason(kernel);
    if (kernel->params.values[PARAM_STATS] != 0)
        statistics(kernel);
    console_flush(kernel);
}
