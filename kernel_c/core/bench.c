#include "bench.h"

#include "clock.h"
#include "kernel.h"
#include "notices.h"
#include "stream_read.h"
#include "values.h"

#define SLICES 9u          /* of the stream read; the median counts */
#define WARM_SLICES 12u    /* before them, of weights that a cache may hold in part: three times those of a 15M model */
#define SLICE_BLOCKS 4096u /* 16 MiB: 0.4 ms from memory, long beside handing it to a second processor */
#define BURSTS 5u
#define BURST_ROWS 128u /* of the KV cache: a burst begins anew behind them */
#define LEAST_ROWS 16u
#define LEAST_PROMPT 2u /* tokens of a pass: one would be decode */
#define LONGEST_PASS_US 2000000u
#define DECODE_SHARE 6u /* tenths of the time */
#define PREFILL_SHARE 4u

/* What was done in some time. */
struct burst {
    uint64_t tokens, us, bytes, cycles;
};

static uint64_t median(uint64_t *values, uint32_t count)
{
    sort_values(values, count);
    return values[count / 2];
}

uint32_t bench_mb_s(uint64_t bytes, uint64_t microseconds)
{
    return microseconds == 0 ? 0 : at_most_32(bytes / microseconds);
}

static uint32_t processors(const struct kernel *kernel)
{
    return kernel->workers.present > 1 ? kernel->workers.present : 1;
}

static void begin_work(struct kernel *kernel)
{
    workers_prepare(&kernel->workers, &kernel->engine, (uint32_t)kernel->params.values[PARAM_THREADS]);
}

static void end_work(struct kernel *kernel)
{
    workers_pass_done();
    notices_log_processors(kernel);
}

/* ---- the stream read -------------------------------------------------------------------------------------------- */

void bench_forget(struct kernel *kernel)
{
    bool told = kernel->bench.last.level != NULL;
    kernel->bench = (struct bench){0};
    link_changed(kernel, WIRE_STREAM_PERF);
    if (told)
        link_changed(kernel, WIRE_STREAM_BENCH);
}

/* Bytes per second of one slice; the next one begins behind it, so that a large model is not read from the cache. 0:
 * stopped. */
static uint64_t read_slice(struct kernel *kernel, uint64_t *at)
{
    uint64_t all = engine_weight_blocks(&kernel->engine), slices = (all + SLICE_BLOCKS - 1) / SLICE_BLOCKS;
    uint32_t blocks = (uint32_t)(all / slices), rounds = slices > 1 ? 1 : SLICE_BLOCKS / blocks;
    kernel->chat.poll_cycles = 0; /* looks at the line are not the memory's time: 3 % from the nearest cache (measured) */
    uint64_t begun = port_cycles();
    bool on = engine_read_weights(&kernel->engine, *at, blocks, rounds);
    uint64_t cycles = port_cycles() - begun - kernel->chat.poll_cycles, bytes = (uint64_t)blocks * rounds * STREAM_BLOCK;
    *at = *at + 2 * blocks <= all ? *at + blocks : 0;
    if (!on || !link_poll(kernel) || cycles == 0)
        return 0;
    return bytes * (port_clock()->hz / 1000) / cycles * 1000;
}

static void measure_read(struct kernel *kernel)
{
    uint64_t rates[SLICES], at = 0;
    bool on = engine_weight_blocks(&kernel->engine) > 0;
    begin_work(kernel);
    uint32_t warm = engine_weight_blocks(&kernel->engine) < WARM_SLICES / 2 * SLICE_BLOCKS ? WARM_SLICES : 1;
    for (uint32_t i = 0; on && i < warm; i++)
        on = read_slice(kernel, &at) > 0;
    for (uint32_t i = 0; on && i < SLICES; i++) {
        rates[i] = read_slice(kernel, &at);
        on = rates[i] > 0;
    }
    end_work(kernel);
    kernel->bench.read_rate = on ? median(rates, SLICES) : 0;
    kernel->bench.read_processors = processors(kernel);
}

uint64_t bench_read_rate(struct kernel *kernel)
{
    if (kernel->bench.read_rate == 0 || kernel->bench.read_processors != processors(kernel))
        measure_read(kernel);
    return kernel->bench.read_rate;
}

/* ---- bursts ----------------------------------------------------------------------------------------------------- */

/* A token of the vocabulary, another one for each row: what is computed does not matter, that it is computed does. */
static uint32_t token_for(const struct kernel *kernel, uint32_t row)
{
    return (row * 7 + TOKEN_BOS) % kernel->engine.config.vocab_size;
}

/* One pass as the conversation makes them, without its sentinel. */
static bool run_pass(struct kernel *kernel, uint32_t row, uint32_t count, bool want_logits, struct burst *burst)
{
    struct engine *engine = &kernel->engine;
    struct chat *chat = &kernel->chat;
    uint32_t tokens[ENGINE_CHUNK];
    for (uint32_t i = 0; i < count; i++)
        tokens[i] = token_for(kernel, row + i);
    chat->poll_cycles = 0;
    uint64_t start = port_cycles();
    const float *logits = engine_prefill(engine, tokens, count, row, want_logits);
    uint64_t spent = port_cycles() - start;
    burst->cycles += spent > chat->poll_cycles ? spent - chat->poll_cycles : 0;
    burst->bytes += engine_weight_bytes(engine, want_logits) + engine_cache_bytes(engine, row + count - 1);
    burst->tokens += count;
    return logits != NULL && link_poll(kernel);
}

/* At least one pass, then as many as begin within the time. Decode is passes of one token and its logits; prefill is
 * prompts, the logits of whose last token are wanted. False: stopped. */
static bool run_burst(struct kernel *kernel, uint32_t most, uint64_t us, struct burst *ret)
{
    uint32_t first = kernel->chat.rows, left = kernel->engine.config.seq_len - first, at = 0;
    uint32_t rows = left < BURST_ROWS ? left : BURST_ROWS;
    uint64_t begun = clock_us();
    bool on = true;
    *ret = (struct burst){0};
    begin_work(kernel);
    while (on && (ret->us < us || ret->tokens == 0)) {
        uint32_t count = rows - at < most ? rows - at : most;
        on = run_pass(kernel, first + at, count, most == 1 || at + count == rows, ret);
        at = at + count < rows ? at + count : 0;
        ret->us = clock_us() - begun;
    }
    end_work(kernel);
    return on;
}

/* As many as a chunk of a prompt has, but on a machine where that would take longer than a person waits for a stop. */
static uint32_t prompt_tokens(const struct burst *decode)
{
    uint64_t fit = LONGEST_PASS_US / (decode->us / decode->tokens + 1);
    return fit < LEAST_PROMPT ? LEAST_PROMPT : fit > ENGINE_CHUNK ? ENGINE_CHUNK : (uint32_t)fit;
}

/* Medians of each figure over the bursts: rates in millionths. */
static void conclude(const struct burst *bursts, uint64_t *ret_rate, uint32_t *ret_mb_s, uint64_t *ret_cycles)
{
    uint64_t rates[BURSTS], speeds[BURSTS], cycles[BURSTS];
    for (uint32_t i = 0; i < BURSTS; i++) {
        uint64_t us = bursts[i].us > 0 ? bursts[i].us : 1;
        rates[i] = bursts[i].tokens * UINT64_C(1000000000000) / us;
        speeds[i] = bench_mb_s(bursts[i].bytes, us);
        cycles[i] = bursts[i].cycles / bursts[i].tokens;
    }
    *ret_rate = median(rates, BURSTS);
    *ret_mb_s = (uint32_t)median(speeds, BURSTS);
    *ret_cycles = median(cycles, BURSTS);
}

static bool run_bursts(struct kernel *kernel, uint64_t us, struct wire_bench *ret)
{
    struct burst decode[BURSTS], prefill[BURSTS];
    uint64_t reads[BURSTS];
    for (uint32_t i = 0; i < BURSTS; i++) {
        kernel->bench.read_rate = 0; /* memory has good and bad minutes: each burst has a read of its own */
        reads[i] = bench_read_rate(kernel);
        if (reads[i] == 0 || !run_burst(kernel, 1, us * DECODE_SHARE / 10, &decode[i]) ||
            !run_burst(kernel, prompt_tokens(&decode[i]), us * PREFILL_SHARE / 10, &prefill[i]))
            return false;
    }
    kernel->bench.read_rate = median(reads, BURSTS);
    ret->read_mb_s = bench_mb_s(kernel->bench.read_rate, 1000000);
    conclude(decode, &ret->decode_rate, &ret->decode_mb_s, &ret->decode_cycles);
    conclude(prefill, &ret->prefill_rate, &ret->prefill_mb_s, &ret->prefill_cycles);
    return true;
}

static bool may_run(struct kernel *kernel, struct error *error)
{
    uint32_t rows = kernel->engine.config.seq_len;
    if (!chat_may_compute(kernel, error))
        return false;
    if (rows < LEAST_ROWS)
        return error_set(error, ERROR_STATE, "the context of this model has %u rows; /bench needs %u", (unsigned)rows,
                         LEAST_ROWS);
    if (rows - kernel->chat.rows < LEAST_ROWS)
        return error_set(error, ERROR_STATE,
                         "the conversation has %u of %u rows; /bench needs %u free ones: /clear makes room",
                         (unsigned)kernel->chat.rows, (unsigned)rows, LEAST_ROWS);
    return true;
}

bool bench_run(struct kernel *kernel, uint64_t seconds, struct error *error)
{
    struct chat *chat = &kernel->chat;
    if (!may_run(kernel, error))
        return false;
    struct wire_bench result = {
        .level = cpu_level_name(kernel->engine.level),
        .weights = at_most_32(engine_weight_bytes(&kernel->engine, true)),
        .cache = at_most_32(cpu_cache_bytes()),
        .row = chat->rows,
    };
    chat->stop_asked = kernel->link.session.waiting_id != 0 && kernel->link.stop_waiting;
    chat->phase = WIRE_PHASE_BENCH;
    bool done = run_bursts(kernel, seconds * 1000000u / BURSTS, &result);
    chat->phase = WIRE_PHASE_IDLE;
    if (!done)
        return error_set(error, ERROR_STATE, "/bench was stopped; nothing is told of what it had measured");
    result.processors = processors(kernel);
    kernel->bench.last = result;
    link_changed(kernel, WIRE_STREAM_BENCH);
    return true;
}
