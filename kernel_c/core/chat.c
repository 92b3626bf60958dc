/* chat.c - turns of the conversation: prefill, decode, and exact counting of what is cached. */
#include "chat.h"

#include "align.h"
#include "clock.h"
#include "kernel.h"
#include "notices.h"
#include "overflow.h"

/* Why the passes stopped before the conversation was cached. */
enum pass_end { PASS_DONE, PASS_STOPPED, PASS_TRIPPED };

static uint32_t most_answer_tokens(uint32_t seq_len)
{
    uint32_t most = (uint32_t)param_specs[PARAM_MAX_TOKENS].maximum;
    return seq_len > most ? seq_len : most;
}

static uint64_t token_bytes(uint32_t seq_len)
{
    return ((uint64_t)seq_len + 1) * sizeof(uint32_t);
}

/* Encoding needs an id per byte, BOS and one more, before it merges. */
static uint64_t id_bytes(uint32_t seq_len)
{
    return (CHAT_PROMPT_BYTES + 2 + (uint64_t)most_answer_tokens(seq_len)) * sizeof(uint32_t);
}

uint64_t chat_need(uint32_t seq_len)
{
    return align_up(token_bytes(seq_len)) + align_up(id_bytes(seq_len));
}

/* The engine's hook: the time spent outside the pass is not the pass's own. */
static bool poll(void *context)
{
    struct kernel *kernel = context;
    uint64_t start = port_cycles();
    bool on = link_poll(kernel);
    kernel->chat.poll_cycles += port_cycles() - start;
    return on && !kernel->chat.stop_asked;
}

bool chat_init(struct kernel *kernel, struct error *error)
{
    struct chat *chat = &kernel->chat;
    uint32_t seq_len = kernel->engine.config.seq_len;
    chat->tokens = kernel_alloc(kernel, WIRE_ARENA_KEEP, token_bytes(seq_len), "conversation", error);
    if (chat->tokens == NULL)
        return false;
    chat->ids = kernel_alloc(kernel, WIRE_ARENA_KEEP, id_bytes(seq_len), "turn", error);
    if (chat->ids == NULL)
        return false;
    kernel->engine.poll = poll;
    kernel->engine.poll_context = kernel;
    chat_clear(kernel);
    return true;
}

void chat_clear(struct kernel *kernel)
{
    struct chat *chat = &kernel->chat;
    chat->rows = 0;
    chat->length = 0;
    chat->turn = 0;
    chat->turns_held = 0;
    link_changed(kernel, WIRE_STREAM_KV);
}

void chat_stop(struct kernel *kernel)
{
    kernel->chat.stop_asked = true;
}

bool chat_may_compute(struct kernel *kernel, struct error *error)
{
    if (!kernel->model_loaded)
        return error_set(error, ERROR_STATE, "no model is loaded: %s; /models lists files, /load FILE loads one",
                         kernel->rescue_reason);
    if (kernel->sentinel.state == WIRE_SENTINEL_STATE_TRIPPED || !sentinel_check_guards(kernel))
        return error_set(error, ERROR_STATE, "sentinel tripped: %s; type /reset to go on", kernel->sentinel.reason);
    return true;
}

static bool may_run(struct kernel *kernel, size_t bytes, struct error *error)
{
    if (!chat_may_compute(kernel, error))
        return false;
    if (bytes == 0)
        return error_set(error, ERROR_ARG, "the prompt is empty; type the beginning of a story");
    if (bytes > CHAT_PROMPT_BYTES)
        return error_set(error, ERROR_TOOLONG, "the prompt has %zu bytes; at most %u are accepted", bytes,
                         CHAT_PROMPT_BYTES);
    return true;
}

static void begin_turn(struct chat *chat, size_t count)
{
    chat->turn++;
    if (chat->turns_held < CHAT_TURNS)
        chat->turns_held++;
    chat->turn_starts[chat->turn % CHAT_TURNS] = chat->length;
    for (size_t i = 0; i < count; i++)
        chat->tokens[chat->length++] = chat->ids[i];
    chat->prompt_ids = (uint32_t)count;
    chat->prompt_done = 0;
    chat->prompt_total = chat->length - chat->rows;
    chat->generated = 0;
    chat->prefill_us = chat->decode_us = chat->last_token_us = chat->decode_bytes = 0;
    chat->stop_asked = false;
    chat->generation++;
}

bool chat_prepare(struct kernel *kernel, const char *prompt, size_t bytes, struct error *error)
{
    struct chat *chat = &kernel->chat;
    if (!may_run(kernel, bytes, error))
        return false;
    uint32_t seq_len = kernel->engine.config.seq_len;
    bool bos = chat->length == 0;
    size_t count = 0;
    if (!tokenizer_encode(&kernel->tokenizer, prompt, bytes, bos, chat->ids, CHAT_PROMPT_BYTES + 2, &count, error))
        return false;
    if (count + (bos ? 0 : 1) > seq_len) /* BOS keeps its row */
        return error_set(error, ERROR_TOOLONG,
                         "the prompt has %zu tokens with BOS; the context of this model has %u rows",
                         count + (bos ? 0 : 1), (unsigned)seq_len);
    if (!overflow_make_room(kernel, (uint32_t)count, error))
        return false;
    begin_turn(chat, count);
    return true;
}

/* The next `count` tokens of the conversation get their rows. `ret_cycles` is for a token of the pass. */
static enum pass_end run_pass(struct kernel *kernel, enum wire_sentinel_phase phase, uint32_t count, bool want_logits,
                              const float **ret_logits, uint64_t *ret_cycles)
{
    struct chat *chat = &kernel->chat;
    if (!sentinel_check_row(kernel, phase, chat->rows + count - 1))
        return PASS_TRIPPED;
    workers_prepare(&kernel->workers, &kernel->engine, (uint32_t)kernel->params.values[PARAM_THREADS]);
    chat->poll_cycles = 0;
    uint64_t start = port_cycles();
    const float *logits = engine_prefill(&kernel->engine, chat->tokens + chat->rows, count, chat->rows, want_logits);
    uint64_t spent = port_cycles() - start;
    *ret_cycles = spent > chat->poll_cycles ? (spent - chat->poll_cycles + count - 1) / count : 0;
    workers_pass_done();
    notices_log_processors(kernel);
    if (logits == NULL)
        return PASS_STOPPED;
    if (!sentinel_pass(kernel, phase, count, *ret_cycles))
        return PASS_TRIPPED;
    chat->rows += count;
    *ret_logits = logits;
    return PASS_DONE;
}

/* Caches the rest of the conversation, many tokens in a pass; the logits are those after its last token, which has a
 * pass of its own when that is one of decoding. */
static enum pass_end catch_up(struct kernel *kernel, enum wire_sentinel_phase last_phase, const float **ret_logits,
                              uint64_t *ret_cycles)
{
    struct chat *chat = &kernel->chat;
    while (chat->rows < chat->length) {
        uint32_t left = chat->length - chat->rows, count = left;
        if (last_phase == WIRE_SENTINEL_PHASE_DECODE && left > 1)
            count = left - 1;
        count = count < ENGINE_CHUNK ? count : ENGINE_CHUNK;
        bool last = count == left;
        enum pass_end end =
            run_pass(kernel, last ? last_phase : WIRE_SENTINEL_PHASE_PREFILL, count, last, ret_logits, ret_cycles);
        if (end != PASS_DONE)
            return end;
        if (chat->phase == WIRE_PHASE_PREFILL)
            chat->prompt_done += count;
    }
    return PASS_DONE;
}

static enum wire_stop_reason reason_of(enum pass_end end)
{
    return end == PASS_TRIPPED ? WIRE_STOP_REASON_TRIP : WIRE_STOP_REASON_STOPPED;
}

/* Tokens that lie in a matched stop pattern leave the conversation again. An overflow since the pattern began may have
 * taken some of them, and everything before them but BOS. */
static void drop_last(struct chat *chat, uint32_t count)
{
    uint32_t behind_bos = chat->length - 1;
    chat->length -= count < behind_bos ? count : behind_bos;
    if (chat->rows > chat->length)
        chat->rows = chat->length;
    if (chat->length == 1)
        chat->turns_held = 0;
}

/* Story models of this kind end a story with BOS; both ids end an answer, and neither is part of it. */
static bool is_end(uint32_t id)
{
    return id == TOKEN_EOS || id == TOKEN_BOS;
}

/* Where the choice of the next token goes; NULL while nobody asked. A token's index is how many were made before it. */
static struct choice *next_choice(struct kernel *kernel, uint32_t index)
{
    struct chat *chat = &kernel->chat;
    struct choice *choice = &chat->choices[index % (STOPS_TOKENS + 1)];
    choice->count = 0; /* none */
    choice->generation = chat->generation;
    choice->index = index;
    choice->most = link_choices_wanted(kernel);
    return choice->most != 0 ? choice : NULL;
}

static enum wire_stop_reason decode(struct kernel *kernel, const float *logits, uint64_t cycles)
{
    struct chat *chat = &kernel->chat;
    uint64_t begun = clock_us();
    uint64_t before = begun, moved = 0;
    for (uint32_t made = 0;;) {
        struct sampling sampling;
        params_sampling(&kernel->params, &sampling);
        if (chat->stop_asked)
            return WIRE_STOP_REASON_STOPPED;
        uint32_t id =
            sampler_choose(&kernel->sampler, &sampling, (float *)(uintptr_t)logits, kernel->engine.config.vocab_size,
                           chat->ids, chat->prompt_ids + made, kernel->scratch, next_choice(kernel, made));
        if (is_end(id))
            return WIRE_STOP_REASON_EOS;
        size_t count = 0;
        const uint8_t *bytes = tokenizer_decode(&kernel->tokenizer, chat->tokens[chat->length - 1], id, &count);
        chat->tokens[chat->length++] = id;
        chat->ids[chat->prompt_ids + made++] = id;
        uint64_t now = clock_us();
        chat->last_token_us = now - before;
        chat->decode_us = now - begun;
        chat->decode_bytes = moved;
        before = now;
        uint32_t dropped = 0;
        if (stops_token(kernel, id, bytes, count, cycles, &dropped)) {
            drop_last(chat, dropped);
            return WIRE_STOP_REASON_PATTERN;
        }
        if (made >= sampling.max_tokens || made >= most_answer_tokens(kernel->engine.config.seq_len))
            return WIRE_STOP_REASON_MAX_TOKENS; /* the last token is fed in the next turn */
        struct error full;
        if (!overflow_make_room(kernel, 0, &full))
            return WIRE_STOP_REASON_CONTEXT;
        enum pass_end end = catch_up(kernel, WIRE_SENTINEL_PHASE_DECODE, &logits, &cycles);
        if (end != PASS_DONE)
            return reason_of(end);
        /* Of the pass that brought the token; what a slide of the context made it read besides is not counted. */
        moved += engine_weight_bytes(&kernel->engine, true) + engine_cache_bytes(&kernel->engine, chat->rows - 1);
    }
}

static enum wire_stop_reason answer(struct kernel *kernel)
{
    struct chat *chat = &kernel->chat;
    const float *logits = NULL;
    uint64_t cycles = 0;
    uint64_t begun = clock_us();
    chat->phase = WIRE_PHASE_PREFILL;
    enum pass_end end = catch_up(kernel, WIRE_SENTINEL_PHASE_PREFILL, &logits, &cycles);
    chat->prefill_us = clock_us() - begun;
    if (end != PASS_DONE)
        return reason_of(end);
    chat->phase = WIRE_PHASE_DECODE;
    return decode(kernel, logits, cycles);
}

void chat_generate(struct kernel *kernel)
{
    struct chat *chat = &kernel->chat;
    overflow_say(kernel);
    chat->running = true;
    kernel->bench.answered = true;
    stops_begin(kernel);
    enum wire_stop_reason reason = answer(kernel);
    stops_end(kernel);
    bool compared = reason != WIRE_STOP_REASON_TRIP && chat->generated >= 2 && kernel->bench.answered;
    uint64_t read_rate = compared ? bench_read_rate(kernel) : 0;
    chat->running = false;
    chat->phase = WIRE_PHASE_IDLE;
    chat->last = (struct wire_finished){
        .generation = chat->generation,
        .time = clock_ms(),
        .reason = reason,
        .tokens = chat->generated,
        .prompt_tokens = chat->prompt_done,
        .prefill_us = chat->prefill_us,
        .decode_us = chat->decode_us,
        .kv_rows = chat->rows,
        .turn = chat->turn,
        .decode_mb_s = bench_mb_s(chat->decode_bytes, chat->decode_us),
        .read_mb_s = bench_mb_s(read_rate, 1000000),
    };
    link_finished(kernel, &chat->last);
    link_changed(kernel, WIRE_STREAM_KV);
    link_changed(kernel, WIRE_STREAM_SENTINEL);
    notices_after_answer(kernel);
}
