/* link_stream.c - what the kernel tells of its own accord: samples, tokens, ends, events, the progress of a load. */
#include "clock.h"
#include "kernel.h"
#include "report.h"

#define IDLE_SAMPLE_US 2000000u /* nothing changes while nothing is computed; what does is sent at once */

static bool send_sample(struct kernel *kernel, enum wire_stream stream, enum wire_arena arena, enum link_care care)
{
    struct link_stream *state = &kernel->link.session.streams[stream];
    union wire_sample sample;
    bool sent = false;
    if (link_has_room(kernel, care)) {
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

unsigned link_send_stream(struct kernel *kernel, enum wire_stream stream, enum link_care care)
{
    if (stream != WIRE_STREAM_ZONE)
        return send_sample(kernel, stream, WIRE_ARENA_NONE, care);
    unsigned sent = 0;
    if (zone_present(&kernel->zones))
        for (unsigned arena = 1; arena <= ZONE_COUNT; arena++)
            sent += send_sample(kernel, stream, (enum wire_arena)arena, care);
    return sent;
}

void link_send_samples(struct kernel *kernel, uint64_t now_us)
{
    for (unsigned stream = 0; stream < WIRE_STREAM_COUNT; stream++) {
        struct link_stream *state = &kernel->link.session.streams[stream];
        bool due = state->rate > 0 && now_us >= state->due_us;
        if (state->rate > 0 && kernel->chat.running && state->due_us > now_us + 1000000u / state->rate)
            due = true; /* it was waiting at the idle pace */
        if (!due && !state->changed)
            continue;
        if (due)
            state->due_us = now_us + (kernel->chat.running ? 1000000u / state->rate : IDLE_SAMPLE_US);
        if (link_send_stream(kernel, (enum wire_stream)stream, LINK_SAMPLE) > 0)
            state->changed = false; /* a change that found no room is tried again */
    }
}

void link_changed(struct kernel *kernel, enum wire_stream stream)
{
    kernel->link.session.streams[stream].changed = kernel->link.machine;
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
    kernel->link.credit_due = kernel->link.machine;
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
