/* link_send.c - frames going out. Order of sacrifice when the ring fills: samples, then events (the log keeps them); tokens, answers,
 * credits and ends wait a moment, and are counted when even that does not help. */
#include "clock.h"
#include "kernel.h"
#include "report.h"

#define REST_US 100u
#define MUST_RESTS 500u         /* 50 ms */
#define IDLE_SAMPLE_US 2000000u /* nothing changes while nothing is computed; what does is sent at once */

static bool has_room(const struct kernel *kernel, enum link_care care)
{
    size_t free = uart_tx_free(&kernel->uart);
    return care >= LINK_MUST || free >= UART_TX_BYTES / 2 + (care == LINK_SAMPLE ? WIRE_MAX_LINE : 0);
}

/* Waits for room as long as the line takes octets, or 50 ms. Rests are counted and not the time: a kernel that was kept
 * from its processor has not given the line its chance. */
static bool queue(struct uart *uart, const struct wire_line *line)
{
    for (unsigned rests = 0; !uart_send(uart, line->data, line->length);) {
        size_t room = uart_tx_free(uart);
        uart_pump(uart);
        if (uart_tx_free(uart) > room)
            continue;
        if (++rests > MUST_RESTS)
            return false;
        port_relax(REST_US);
    }
    return true;
}

bool link_send_record(struct kernel *kernel, enum link_care care, enum wire_record type, const void *record)
{
    struct link *link = &kernel->link;
    struct wire_line line;
    if ((!link->machine && care < LINK_ALWAYS) || !has_room(kernel, care))
        return false;
    if (wire_put(&line, link->session.sequence, type, record) && queue(&kernel->uart, &line)) {
        link->session.sequence++; /* not of a line that was not sent: no loss is seen where there was none */
        return true;
    }
    link->dropped += care >= LINK_MUST;
    return false;
}

enum wire_phase link_phase(const struct kernel *kernel)
{
    if (link_computes(kernel) || kernel->chat.phase == WIRE_PHASE_LOAD)
        return kernel->chat.phase;
    return kernel->model_loaded ? WIRE_PHASE_IDLE : WIRE_PHASE_RESCUE;
}

void link_send_credit(struct kernel *kernel)
{
    struct link *link = &kernel->link;
    struct wire_credit record = {
        .consumed = link->session.consumed,
        .window = WIRE_WINDOW,
        .phase = link_phase(kernel),
        .generation = kernel->chat.generation,
        .tokens = kernel->chat.generated,
        .events = kernel->log != NULL ? kernel->log->next : 0,
        .enquiry = link->session.enquiry,
    };
    if (link_send(kernel, LINK_MUST, &record)) {
        link->session.told = record.consumed;
        link->phase = record.phase;
        link->credit_due = false;
    }
    link->credit_us = clock_us();
}

/* ---- samples */

static bool send_sample(struct kernel *kernel, enum wire_stream stream, enum wire_arena arena, enum link_care care)
{
    struct link_stream *state = &kernel->link.session.streams[stream];
    union wire_sample sample;
    bool sent = false;
    if (has_room(kernel, care)) {
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
