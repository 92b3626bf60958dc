/* report.c - collects the kernel's state into the records of the wire. */
#include "report.h"

#include "kernel.h"
#include "values.h"

/* Tokens per second in millionths; the first token comes out of the prefill. */
static uint64_t decode_rate(const struct chat *chat)
{
    if (chat->generated < 2 || chat->decode_us == 0)
        return 0;
    return (uint64_t)(chat->generated - 1) * UINT64_C(1000000000000) / chat->decode_us;
}

void report_perf(const struct kernel *kernel, struct wire_perf *ret)
{
    const struct chat *chat = &kernel->chat;
    *ret = (struct wire_perf){
        .phase = chat->phase,
        .generation = chat->generation,
        .tokens = chat->generated,
        .token_us = at_most_32(chat->last_token_us),
        .prompt_done = chat->prompt_done,
        .prompt_total = chat->prompt_total,
        .decode_rate = decode_rate(chat),
        .decode_mb_s = bench_mb_s(chat->decode_bytes, chat->decode_us),
        .read_mb_s = kernel->bench.answered ? bench_mb_s(kernel->bench.read_rate, 1000000) : 0,
    };
}

void report_kv_cache(const struct kernel *kernel, struct wire_kv_cache *ret)
{
    const struct chat *chat = &kernel->chat;
    const struct model_config *config = &kernel->engine.config;
    *ret = (struct wire_kv_cache){0};
    if (!kernel->model_loaded)
        return;
    ret->rows = chat->rows;
    ret->capacity = config->seq_len;
    ret->row_bytes = at_most_32(2 * (uint64_t)config->n_layers * (config->dim / config->n_heads) * config->n_kv_heads *
                                sizeof(float));
    uint32_t count = chat->turns_held < 12 ? chat->turns_held : 12;
    for (uint32_t i = 0; i < count; i++)
        ret->turns[i] = chat->turn_starts[(chat->turn - count + 1 + i) % CHAT_TURNS];
    ret->turns_count = count;
    ret->generation = chat->generation;
}

void report_zones(const struct kernel *kernel, struct wire_zones *ret)
{
    *ret = (struct wire_zones){0};
    struct {
        uint64_t *pair;
        uint64_t *count;
    } const fields[ZONE_COUNT] = {
        {ret->weights, &ret->weights_count}, {ret->kv, &ret->kv_count},       {ret->scratch, &ret->scratch_count},
        {ret->acts, &ret->acts_count},       {ret->zonec, &ret->zonec_count}, {ret->keep, &ret->keep_count},
    };
    for (unsigned i = 0; i < ZONE_COUNT; i++) {
        fields[i].pair[0] = kernel->zones.arenas[i].used;
        fields[i].pair[1] = kernel->zones.arenas[i].size;
        *fields[i].count = 2;
    }
}

void report_zone(const struct kernel *kernel, enum wire_arena which, struct wire_zone *ret)
{
    const struct arena *arena = &kernel->zones.arenas[(unsigned)which - 1];
    *ret = (struct wire_zone){
        .arena = which,
        .base = (uint64_t)(uintptr_t)arena->base,
        .size = arena->size,
        .used = arena->used,
        .peak = arena->peak,
        .read_only = arena->read_only,
        .guard_ok = zone_guard_intact(&kernel->zones, which),
        .last_tag = arena->last_tag,
        .last_bytes = arena->last_bytes,
    };
}

void report_sentinel(const struct kernel *kernel, struct wire_sentinel *ret)
{
    const struct sentinel *sentinel = &kernel->sentinel;
    const struct sentinel_phase_state *prefill = &sentinel->phases[0];
    const struct sentinel_phase_state *decode = &sentinel->phases[1];
    *ret = (struct wire_sentinel){
        .state = sentinel->state,
        .strict = sentinel->strict,
        .error = sentinel->error,
        .phase = sentinel->error_phase,
        .prefill = prefill->last,
        .prefill_budget = prefill->budget,
        .prefill_pinned = prefill->pinned,
        .prefill_overruns = at_most_16(prefill->overruns),
        .decode = decode->last,
        .decode_budget = decode->budget,
        .decode_pinned = decode->pinned,
        .decode_overruns = at_most_16(decode->overruns),
    };
    if (sentinel_percentiles(sentinel, ret->percentiles) > 0)
        ret->percentiles_count = 3;
}

void report_sampling(const struct kernel *kernel, struct wire_sampling_state *ret)
{
    struct sampling sampling;
    params_sampling(&kernel->params, &sampling);
    *ret = (struct wire_sampling_state){
        .temperature = sampling.temperature,
        .min_p = sampling.min_p,
        .top_p = sampling.top_p,
        .top_k = sampling.top_k,
        .no_repeat_ngram = (uint8_t)sampling.no_repeat_ngram,
        .repeat_penalty = sampling.repeat_penalty,
        .max_tokens = sampling.max_tokens,
        .seed = sampling.seed,
    };
}

void report_model(const struct kernel *kernel, struct wire_model *ret)
{
    const struct model_config *config = &kernel->engine.config;
    *ret = (struct wire_model){.file = "", .format = ""};
    if (!kernel->model_loaded)
        return;
    *ret = (struct wire_model){
        .file = kernel->model_file,
        .format = model_format_name(config),
        .group = (uint8_t)config->group, /* 0 or 16 .. 128 */
        .dim = config->dim,
        .hidden_dim = config->hidden_dim,
        .layers = at_most_16(config->n_layers),
        .heads = at_most_16(config->n_heads),
        .kv_heads = at_most_16(config->n_kv_heads),
        .vocab = config->vocab_size,
        .seq_len = config->seq_len,
        .shared = config->shared_classifier,
        .parameters = config->parameters,
        .bytes = config->file_bytes,
    };
}

void report_tokenizer(const struct kernel *kernel, struct wire_tokenizer_state *ret)
{
    *ret = (struct wire_tokenizer_state){.file = ""};
    if (!kernel->model_loaded)
        return;
    *ret = (struct wire_tokenizer_state){
        .file = kernel->tokenizer_file,
        .vocab = kernel->tokenizer.vocab_size,
        .longest = kernel->tokenizer.max_token_bytes,
    };
}

void report_cpu(const struct kernel *kernel, struct wire_cpu *ret)
{
    const struct port_clock *clock = port_clock();
    *ret = (struct wire_cpu){
        .brand = kernel->cpu.brand,
        .level = cpu_level_name(kernel->engine.level),
        .best = cpu_level_name(kernel->cpu.best),
        .pinned = kernel->params.values[PARAM_ATTN] != PARAM_ATTN_AUTO,
        .hz = clock->hz,
        .clock = clock->source,
        .spread_ppm = clock->spread_ppm,
        .invariant = clock->invariant,
        .processors = port_processors(),
        .processors_used = (kernel->workers.present > 1 ? kernel->workers.present : 1),
    };
}

void report_bench(const struct kernel *kernel, struct wire_bench *ret)
{
    *ret = kernel->bench.last;
    if (ret->level == NULL)
        ret->level = "";
}

void report_version(const struct kernel *kernel, struct wire_version *ret)
{
    *ret = (struct wire_version){
        .version = KERNEL_VERSION,
        .port = kernel->boot->port_name,
        .machine = kernel->boot->machine,
        .boot = kernel->hello.boot,
        .schema_id = WIRE_SCHEMA_ID,
    };
}

bool report_sample(const struct kernel *kernel, enum wire_stream stream, enum wire_arena arena, union wire_sample *ret)
{
    switch (stream) {
    case WIRE_STREAM_PERF: report_perf(kernel, &ret->perf); break;
    case WIRE_STREAM_KV: report_kv_cache(kernel, &ret->kv_cache); break;
    case WIRE_STREAM_ZONES: report_zones(kernel, &ret->zones); break;
    case WIRE_STREAM_SENTINEL: report_sentinel(kernel, &ret->sentinel); break;
    case WIRE_STREAM_SAMPLING: report_sampling(kernel, &ret->sampling_state); break;
    case WIRE_STREAM_ZONE: report_zone(kernel, arena, &ret->zone); break;
    case WIRE_STREAM_MODEL: report_model(kernel, &ret->model); break;
    case WIRE_STREAM_TOKENIZER: report_tokenizer(kernel, &ret->tokenizer_state); break;
    case WIRE_STREAM_CPU: report_cpu(kernel, &ret->cpu); break;
    case WIRE_STREAM_VERSION: report_version(kernel, &ret->version); break;
    case WIRE_STREAM_BENCH: report_bench(kernel, &ret->bench); break;
    case WIRE_STREAM_LOAD: return false;
    }
    return true;
}
