/* link_send.c - frames going out. Order of sacrifice when the ring fills: samples, then events (the log keeps them); tokens, answers,
 * credits and ends wait a moment, and are counted when even that does not help. */
#include "clock.h"
#include "kernel.h"
#include "report.h"

#define MUST_WAIT_US 50000u
#define IDLE_SAMPLE_US 2000000u /* nothing changes while nothing is computed; what does is sent at once */

uint16_t link_sequence(struct kernel *kernel)
{
    return kernel->link.sequence++;
}

bool link_queue(struct kernel *kernel, const struct wire_line *line)
{
    struct uart *uart = &kernel->uart;
    uint64_t begun = clock_us();
    while (!uart_send(uart, line->data, line->length)) {
        if (clock_us() - begun > MUST_WAIT_US)
            return false;
        size_t room = uart_tx_free(uart);
        uart_pump(uart);
        if (uart_tx_free(uart) == room)
            port_relax(100);
    }
    return true;
}

bool link_send(struct kernel *kernel, const struct wire_line *line, enum link_care care)
{
    bool must = care == LINK_MUST;
    if (!kernel->link.machine || line->length == 0)
        return false;
    if ((must || uart_tx_free(&kernel->uart) >= UART_TX_BYTES / 2 + line->length) && link_queue(kernel, line))
        return true;
    kernel->link.sequence--; /* the line was never sent: its number goes to the next, and no loss is seen where there was none */
    kernel->link.counters.dropped += must;
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
    struct wire_line line;
    struct wire_credit record = {
        .consumed = link->consumed,
        .window = WIRE_WINDOW,
        .phase = link_phase(kernel),
        .generation = kernel->chat.generation,
        .tokens = kernel->chat.generated,
        .events = kernel->log != NULL ? kernel->log->next : 0,
    };
    (void)wire_put_credit(&line, link_sequence(kernel), &record);
    if (link_send(kernel, &line, LINK_MUST)) {
        link->told = link->consumed;
        link->phase = record.phase;
        link->credit_due = false;
    }
    link->credit_us = clock_us();
}

/* Fills in what every sample has and sends it. Each record begins with these three, but they are of different types: a macro and not a
 * function, so that the compiler still checks them. */
#define SEND_SAMPLE(record_name, report)                                 \
    do {                                                                \
        struct wire_##record_name record = {0};                         \
        report;                                                         \
        record.time = clock_ms();                                       \
        record.number = state->number;                                  \
        record.dropped = state->dropped;                                \
        (void)wire_put_##record_name(&line, link_sequence(kernel), &record); \
    } while (0)

static bool send_one(struct kernel *kernel, enum wire_stream stream, enum wire_arena arena, enum link_care care)
{
    struct link_stream *state = &kernel->link.streams[stream];
    struct wire_line line;
    if (care == LINK_SAMPLE && uart_tx_free(&kernel->uart) < UART_TX_BYTES / 2 + WIRE_MAX_LINE) {
        state->dropped = (uint16_t)(state->dropped + (state->dropped < UINT16_MAX));
        return false;
    }
    switch (stream) {
    case WIRE_STREAM_PERF: SEND_SAMPLE(perf, report_perf(kernel, &record)); break;
    case WIRE_STREAM_KV: SEND_SAMPLE(kv_cache, report_kv_cache(kernel, &record)); break;
    case WIRE_STREAM_ZONES: SEND_SAMPLE(zones, report_zones(kernel, &record)); break;
    case WIRE_STREAM_SENTINEL: SEND_SAMPLE(sentinel, report_sentinel(kernel, &record)); break;
    case WIRE_STREAM_SAMPLING: SEND_SAMPLE(sampling_state, report_sampling(kernel, &record)); break;
    case WIRE_STREAM_ZONE: SEND_SAMPLE(zone, report_zone(kernel, arena, &record)); break;
    case WIRE_STREAM_MODEL: SEND_SAMPLE(model, report_model(kernel, &record)); break;
    case WIRE_STREAM_TOKENIZER: SEND_SAMPLE(tokenizer_state, report_tokenizer(kernel, &record)); break;
    case WIRE_STREAM_CPU: SEND_SAMPLE(cpu, report_cpu(kernel, &record)); break;
    case WIRE_STREAM_BENCH: SEND_SAMPLE(bench, report_bench(kernel, &record)); break;
    case WIRE_STREAM_VERSION: SEND_SAMPLE(version, report_version(kernel, &record)); break;
    default: return false; /* LOAD is sent while loading only */
    }
    if (!link_send(kernel, &line, care == LINK_SAMPLE ? LINK_SAMPLE : LINK_MUST)) {
        state->dropped = (uint16_t)(state->dropped + (state->dropped < UINT16_MAX));
        return false;
    }
    state->number++;
    state->dropped = 0;
    return true;
}

unsigned link_send_stream(struct kernel *kernel, enum wire_stream stream, enum link_care care)
{
    if (stream != WIRE_STREAM_ZONE)
        return send_one(kernel, stream, WIRE_ARENA_NONE, care);
    unsigned sent = 0;
    if (zone_present(&kernel->zones))
        for (unsigned arena = 1; arena <= ZONE_COUNT; arena++)
            sent += send_one(kernel, stream, (enum wire_arena)arena, care);
    return sent;
}

void link_send_samples(struct kernel *kernel, uint64_t now_us)
{
    for (unsigned stream = 0; stream < WIRE_STREAM_COUNT; stream++) {
        struct link_stream *state = &kernel->link.streams[stream];
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
    kernel->link.streams[stream].changed = kernel->link.machine;
}

unsigned link_send_token(struct kernel *kernel, uint32_t index, const struct chat_token *token, const uint8_t *bytes, size_t count)
{
    struct wire_token record = {.generation = kernel->chat.generation, .index = index, .time = token->time_ms, .token = token->id,
                                .cycles = token->cycles};
    struct wire_line line;
    unsigned sent = 0;
    do {
        size_t part = count < WIRE_TOKEN_TEXT_BYTES ? count : WIRE_TOKEN_TEXT_BYTES;
        record.text = bytes;
        record.text_length = part;
        record.more = count > part;
        if (kernel->link.machine) {
            (void)wire_put_token(&line, link_sequence(kernel), &record);
            sent += link_send(kernel, &line, LINK_MUST);
        }
        bytes += part;
        count -= part;
        record.part++;
    } while (count > 0);
    return sent;
}

uint32_t link_choices_wanted(const struct kernel *kernel)
{
    return kernel->link.machine ? kernel->link.choices : 0;
}

/* As many of the likeliest as fit into `room` octets: how many, and the list as it is written. */
static uint32_t write_likeliest(const struct choice *choice, size_t room, char *list, size_t capacity)
{
    struct text text;
    uint32_t count = 0;
    text_init(&text, list, capacity);
    for (; count < choice->count; count++) {
        const struct choice_token *token = &choice->likeliest[count];
        size_t before = text.length;
        text_format(&text, "%s%u:%u%s", count > 0 ? ";" : "", (unsigned)token->id, (unsigned)choice_below(choice, count),
                    token->weakened ? "!" : "");
        if (text.length > room || text.truncated) {
            list[before] = '\0';
            break;
        }
    }
    return count;
}

static uint32_t millionths(float share)
{
    return share > 0 ? (uint32_t)(share * 1e6f + 0.5f) : 0;
}

void link_send_choice(struct kernel *kernel, const struct choice *choice)
{
    struct link *link = &kernel->link;
    struct wire_line line;
    char list[WIRE_LINE_BYTES];
    if (link_choices_wanted(kernel) == 0 || choice->count == 0)
        return;
    if (uart_tx_free(&kernel->uart) < UART_TX_BYTES / 2 + WIRE_MAX_LINE) {
        link->choices_dropped = (uint16_t)(link->choices_dropped + (link->choices_dropped < UINT16_MAX));
        return;
    }
    struct wire_choice record = {.generation = choice->generation, .index = choice->index, .dropped = link->choices_dropped,
                                 .temperature = choice->temperature, .probability = millionths(choice->share),
                                 .rank = choice->rank, .kept_count = choice->cut ? 3 : 0, .rest_count = 2,
                                 .rest = {SAMPLER_MILLION, SAMPLER_MILLION}, .weakened = choice->weakened,
                                 .banned = (uint16_t)(choice->banned < UINT16_MAX ? choice->banned : UINT16_MAX),
                                 .has_otherwise = choice->raw_best != choice->likeliest[0].id, .otherwise = choice->raw_best};
    for (unsigned i = 0; i < 3; i++)
        record.kept[i] = choice->kept[i];
    (void)wire_put_choice(&line, 0, &record); /* with the rest at its longest and no list: the list gets what is left */
    uint32_t count = write_likeliest(choice, WIRE_MAX_LINE - line.length, list, sizeof list);
    float share = 1, hot = 1;
    for (uint32_t i = 0; i < count; i++) {
        share -= choice->likeliest[i].share;
        hot -= choice->likeliest[i].hot;
    }
    record.rest[0] = millionths(share);
    record.rest[1] = millionths(hot);
    record.likeliest = list;
    (void)wire_put_choice(&line, link_sequence(kernel), &record);
    if (link_send(kernel, &line, LINK_SAMPLE))
        link->choices_dropped = 0;
}

void link_finished(struct kernel *kernel, const struct wire_finished *record)
{
    struct wire_line line;
    if (!kernel->link.machine)
        return;
    (void)wire_put_finished(&line, link_sequence(kernel), record);
    (void)link_send(kernel, &line, LINK_MUST);
    link_changed(kernel, WIRE_STREAM_PERF);
    kernel->link.credit_due = true;
}

void link_event(struct kernel *kernel, const struct wire_event *record)
{
    struct wire_line line;
    if (!kernel->link.machine || record->level < kernel->link.level)
        return;
    (void)wire_put_event(&line, link_sequence(kernel), record);
    (void)link_send(kernel, &line, LINK_EVENT);
}

void link_progress(struct kernel *kernel, const struct wire_load *record)
{
    struct wire_line line;
    if (!kernel->link.machine)
        return;
    (void)wire_put_load(&line, link_sequence(kernel), record);
    (void)link_send(kernel, &line, LINK_SAMPLE);
}
