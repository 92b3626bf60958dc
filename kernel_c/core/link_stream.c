/* link_stream.c - what the kernel tells of its own accord: samples, counters, tokens, ends, events, the progress of a load. */
#include "clock.h"
#include "kernel.h"
#include "report.h"

#define LOOK_US 2000u /* between two looks at what has time: samples, counters */
#define COUNTERS_US 500000u
#define COUNTERS_AGAIN_US 5000000u /* the line on which they count losses may lose them as well */
#define IDLE_SAMPLE_US 2000000u /* nothing changes while nothing is computed; what does is sent at once */

static bool send_sample(struct kernel *kernel, enum wire_stream stream, enum wire_arena arena, enum link_care care)
{
    struct link_stream *state = &kernel->link.session.streams[stream];
    union wire_sample sample;
    bool sent = false;
    if (uart_tx_free(&kernel->uart) >= care) {
        if (!report_sample(kernel, stream, arena, &sample))
            return false;
        sample.head.time = clock_ms();
        sample.head.number = state->number;
        sample.head.dropped = state->dropped;
        sent = link_send_record(kernel, care, WIRE_RECORD_OF_STREAM(stream), &sample);
    }
    state->number += sent;
    state->dropped = sent ? 0 : (uint16_t)(state->dropped + (state->dropped < UINT16_MAX));
    return sent;
}

static uint8_t records_of(enum wire_stream stream)
{
    return stream == WIRE_STREAM_ZONE ? ZONE_COUNT : 1;
}

/* The last so many records of a stream, as far as there is room; returns how many were not sent. */
static unsigned send_last(struct kernel *kernel, enum wire_stream stream, unsigned count, enum link_care care)
{
    if (stream == WIRE_STREAM_ZONE && !zone_present(&kernel->zones))
        return count;
    while (count > 0 && send_sample(kernel, stream, (enum wire_arena)(ZONE_COUNT + 1 - count), care))
        count--;
    return count;
}

unsigned link_send_stream(struct kernel *kernel, enum wire_stream stream, enum link_care care)
{
    return records_of(stream) - send_last(kernel, stream, records_of(stream), care);
}

static void send_counters(struct kernel *kernel, uint64_t now_us)
{
    struct link_session *session = &kernel->link.session;
    const struct uart *uart = &kernel->uart;
    const uint32_t *received = session->received;
    struct wire_counters record = {
        .overrun = uart->overruns,
        .framing = uart->framing_errors,
        .breaks = uart->breaks,
        .checksum = received[WIRE_REJECTED_CHECKSUM] + received[WIRE_REJECTED_CUT],
        .too_long = received[WIRE_REJECTED_LONG],
        .malformed = received[WIRE_REJECTED_GRAMMAR],
        .dropped = session->dropped,
    };
    bool changed = __builtin_memcmp(&record, &session->counters, sizeof record) != 0;
    bool told = session->counters_us != 0;
    if ((!changed && !told) || now_us - session->counters_us < (changed ? COUNTERS_US : COUNTERS_AGAIN_US))
        return;
    session->counters_us = now_us;
    if (link_send(kernel, LINK_EVENT, &record))
        session->counters = record;
}

void link_send_samples(struct kernel *kernel, uint64_t now_us)
{
    if (now_us - kernel->link.samples_us < LOOK_US)
        return;
    kernel->link.samples_us = now_us;
    for (unsigned stream = 0; stream < WIRE_STREAM_COUNT; stream++) {
        struct link_stream *state = &kernel->link.session.streams[stream];
        bool due = state->rate > 0 && now_us >= state->due_us;
        if (state->rate > 0 && kernel->chat.running && state->due_us > now_us + 1000000u / state->rate)
            due = true; /* it was waiting at the idle pace */
        if (!due && state->changed == 0)
            continue;
        if (due)
            state->due_us = now_us + (kernel->chat.running ? 1000000u / state->rate : IDLE_SAMPLE_US);
        unsigned count = state->changed > 0 ? state->changed : records_of((enum wire_stream)stream);
        count = send_last(kernel, (enum wire_stream)stream, count, LINK_SAMPLE);
        if (state->changed > 0)
            state->changed = (uint8_t)count; /* a change that found no room is tried again */
    }
    send_counters(kernel, now_us);
}

void link_changed(struct kernel *kernel, enum wire_stream stream)
{
    kernel->link.session.streams[stream].changed = records_of(stream); /* a hello begins with none */
}

unsigned link_send_token(struct kernel *kernel, uint32_t index, const struct chat_token *token, const uint8_t *bytes, size_t count)
{
    struct wire_token record = {.generation = kernel->chat.generation,
                                .index = index,
                                .time = token->time_ms,
                                .token = token->id,
                                .cycles = token->cycles};
    unsigned sent = 0;
    do {
        size_t part = count < WIRE_TOKEN_TEXT_BYTES ? count : WIRE_TOKEN_TEXT_BYTES;
        record.text = bytes;
        record.text_length = part;
        record.more = count > part;
        sent += link_send(kernel, LINK_MUST, &record);
        bytes += part;
        count -= part;
        record.part++;
    } while (count > 0);
    return sent;
}

void link_finished(struct kernel *kernel, const struct wire_finished *record)
{
    (void)link_send(kernel, LINK_MUST, record);
    link_changed(kernel, WIRE_STREAM_PERF);
    kernel->link.session.untold = LINK_DUE;
}

void link_event(struct kernel *kernel, const struct wire_event *record)
{
    if (record->level >= kernel->link.session.level)
        (void)link_send(kernel, LINK_EVENT, record);
}

void link_progress(struct kernel *kernel, const struct wire_load *record)
{
    (void)link_send(kernel, LINK_SAMPLE, record);
}
