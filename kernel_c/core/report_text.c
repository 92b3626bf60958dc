/* report_text.c - the records as text, for the console and the files alike; the grammar is kernel_c/DUMP.md. */
#include "kernel.h"
#include "report.h"

void text_word(struct text *text, const char *word)
{
    for (; *word != '\0'; word++) {
        char c = *word == ' ' ? '_' : *word > ' ' && *word <= '~' ? *word : '?';
        text_bytes(text, &c, 1);
    }
}

void text_bytes_and_mib(struct text *text, uint64_t bytes)
{
    text_format(text, "%llu (", (unsigned long long)bytes);
    uint64_t whole = bytes >> 20;
    uint64_t rest = bytes & ((1u << 20) - 1);
    text_micro(text, whole * 1000000u + (rest * 1000000u + (1u << 19)) / (1u << 20), 0);
    text_string(text, " MiB)");
}

static void pair_word(struct text *out, const char *key, const char *word)
{
    text_format(out, " %s=", key);
    text_word(out, word);
}

static void pair_number(struct text *out, const char *key, uint64_t value)
{
    text_format(out, " %s=%llu", key, (unsigned long long)value);
}

static void pair_micro(struct text *out, const char *key, uint64_t value)
{
    text_format(out, " %s=", key);
    text_micro(out, value, 0);
}

static void pair_bytes(struct text *out, const char *key, uint64_t bytes)
{
    text_format(out, " %s=", key);
    text_bytes_and_mib(out, bytes);
}

void report_text_model(const struct kernel *kernel, struct text *out)
{
    struct wire_model model;
    struct wire_tokenizer_state tokenizer;
    report_model(kernel, &model);
    report_tokenizer(kernel, &tokenizer);
    if (!kernel->model_loaded) {
        text_format(out, "  model=none reason=%s\n", kernel->rescue_reason);
        return;
    }
    text_string(out, " ");
    pair_word(out, "model", model.file);
    pair_word(out, "format", model.format);
    if (model.group != 0)
        pair_number(out, "group", model.group);
    pair_number(out, "parameters", model.parameters);
    pair_number(out, "bytes", model.bytes);
    text_string(out, "\n ");
    pair_number(out, "dim", model.dim);
    pair_number(out, "hidden", model.hidden_dim);
    pair_number(out, "layers", model.layers);
    pair_number(out, "heads", model.heads);
    pair_number(out, "kv", model.kv_heads);
    pair_number(out, "vocab", model.vocab);
    pair_number(out, "seq", model.seq_len);
    pair_number(out, "shared", model.shared);
    text_string(out, "\n ");
    pair_word(out, "tokenizer", tokenizer.file);
    pair_number(out, "tokens", tokenizer.vocab);
    pair_number(out, "longest", tokenizer.longest);
    text_string(out, "\n");
}

static void text_kv_cache(const struct kernel *kernel, struct text *out)
{
    struct wire_kv_cache kv;
    report_kv_cache(kernel, &kv);
    text_string(out, " ");
    pair_number(out, "kv_pos", kv.rows);
    pair_number(out, "kv_cap", kv.capacity);
    pair_number(out, "row_bytes", kv.row_bytes);
    pair_number(out, "turn", kernel->chat.turn);
    text_string(out, " turn_starts=");
    for (uint32_t i = 0; i < kv.turns_count; i++)
        text_format(out, "%s%llu", i > 0 ? "," : "", (unsigned long long)kv.turns[i]);
    text_string(out, "\n");
}

void report_text_sampling(const struct kernel *kernel, struct text *out)
{
    struct wire_sampling_state sampling;
    report_sampling(kernel, &sampling);
    text_string(out, "Sampling:\n ");
    pair_micro(out, "temp", sampling.temperature);
    pair_micro(out, "min_p", sampling.min_p);
    pair_micro(out, "top_p", sampling.top_p);
    pair_number(out, "top_k", sampling.top_k);
    text_string(out, "\n ");
    pair_number(out, "norepeat", sampling.no_repeat_ngram);
    pair_micro(out, "repeat", sampling.repeat_penalty);
    pair_number(out, "max_tokens", sampling.max_tokens);
    pair_number(out, "seed", sampling.seed);
    text_string(out, "\n");
}

static void text_phase(const struct sentinel_phase_state *phase, const char *name, struct text *out)
{
    text_format(out, "  %s_max=%llu %s_last=%llu %s_pinned=%u %s_overruns=%llu %s_passes=%llu", name,
                (unsigned long long)phase->budget, name, (unsigned long long)phase->last, name, (unsigned)phase->pinned,
                name, (unsigned long long)phase->overruns, name, (unsigned long long)phase->passes);
}

void report_text_budgets(const struct kernel *kernel, struct text *out)
{
    uint64_t percentiles[3];
    text_string(out, "Budgets:\n");
    text_phase(&kernel->sentinel.phases[0], "prefill", out);
    text_string(out, "\n");
    text_phase(&kernel->sentinel.phases[1], "decode", out);
    sentinel_percentiles(&kernel->sentinel, percentiles);
    pair_number(out, "decode_p50", percentiles[0]);
    pair_number(out, "decode_p95", percentiles[1]);
    pair_number(out, "decode_p99", percentiles[2]);
    text_string(out, "\n");
}

/* Nothing before the first /bench. */
static void text_bench(const struct kernel *kernel, struct text *out)
{
    struct wire_bench bench;
    report_bench(kernel, &bench);
    if (bench.level[0] == '\0')
        return;
    text_string(out, " ");
    pair_word(out, "bench", bench.level);
    pair_number(out, "bench_processors", bench.processors);
    pair_number(out, "bench_row", bench.row);
    pair_number(out, "bench_weights", bench.weights);
    pair_number(out, "bench_cache", bench.cache);
    pair_number(out, "read_mb_s", bench.read_mb_s);
    text_string(out, "\n ");
    pair_micro(out, "decode_tok_s", bench.decode_rate);
    pair_number(out, "decode_mb_s", bench.decode_mb_s);
    pair_number(out, "decode_cycles", bench.decode_cycles);
    pair_micro(out, "prefill_tok_s", bench.prefill_rate);
    pair_number(out, "prefill_mb_s", bench.prefill_mb_s);
    pair_number(out, "prefill_cycles", bench.prefill_cycles);
    text_string(out, "\n");
}

void report_text_context(const struct kernel *kernel, struct text *out)
{
    text_string(out, "Context:\n");
    report_text_model(kernel, out);
    if (kernel->model_loaded)
        text_kv_cache(kernel, out);
    text_bench(kernel, out);
    report_text_sampling(kernel, out);
    report_text_budgets(kernel, out);
}

static void text_arena(const struct kernel *kernel, enum wire_arena which, struct text *out)
{
    static const char *const names[ZONE_COUNT] = {"WEIGHTS", "KV", "SCRATCH", "ACTS", "ZONEC", "KEEP"};
    struct wire_zone zone;
    report_zone(kernel, which, &zone);
    text_format(out, "  [%s] base=0x%llx", names[(unsigned)which - 1], (unsigned long long)zone.base);
    pair_bytes(out, "size", zone.size);
    pair_bytes(out, "used", zone.used);
    pair_bytes(out, "peak", zone.peak);
    text_format(out, " flags=0x%x guard=%s", zone.read_only ? 1u : 0u, zone.guard_ok ? "ok" : "broken");
    pair_number(out, "last", zone.last_bytes);
    pair_word(out, "tag", zone.last_tag[0] != '\0' ? zone.last_tag : "-");
    text_string(out, "\n");
}

void report_text_zones(const struct kernel *kernel, struct text *out)
{
    const struct zones *zones = &kernel->zones;
    text_format(out, "[llmk] Zone B: base=0x%llx size=", (unsigned long long)(uintptr_t)zones->arenas[0].base);
    text_bytes_and_mib(out, zones_bytes(zones));
    text_format(out, " split=%u", zones->split ? 1u : 0u);
    pair_bytes(out, "need", zones->need);
    pair_bytes(out, "peak", zones_peak(zones));
    text_string(out, "\n");
    for (unsigned i = 1; i <= ZONE_COUNT; i++)
        text_arena(kernel, (enum wire_arena)i, out);
}

void report_text_sentinel(const struct kernel *kernel, struct text *out)
{
    struct wire_sentinel sentinel;
    report_sentinel(kernel, &sentinel);
    text_format(out, "[llmk][sentinel] state=%s strict=%u last_err=%s phase=%s reason=%s\n",
                wire_sentinel_state_word(sentinel.state), sentinel.strict ? 1u : 0u,
                wire_sentinel_error_word(sentinel.error), wire_sentinel_phase_word(sentinel.phase),
                kernel->sentinel.reason);
}

static void text_event(const struct log_entry *entry, struct text *out)
{
    text_format(out, "  #%u tsc=%llu t=%llu level=%s code=%s arena=%s first=0x%llx second=%llu msg=%s\n",
                (unsigned)entry->number, (unsigned long long)entry->cycles, (unsigned long long)log_time_ms(entry),
                wire_log_level_word(entry->level), wire_log_code_word(entry->code), wire_arena_word(entry->arena),
                (unsigned long long)entry->first, (unsigned long long)entry->second, entry->message);
}

void report_text_log(const struct kernel *kernel, uint32_t count, struct text *out)
{
    uint32_t held = kernel->log->next - kernel->log->first;
    if (count > held)
        count = held;
    text_format(out, "[llmk][log] last %u events (ring cap=%u)\n", (unsigned)count, LOG_CAPACITY);
    for (uint32_t age = 0; age < count; age++)
        text_event(log_at(kernel->log, age), out);
}

void report_text_cpu(const struct kernel *kernel, struct text *out)
{
    struct wire_cpu cpu;
    report_cpu(kernel, &cpu);
    text_format(out, "Processor: %s\n", cpu.brand);
    text_format(out, "  kernels=%s (%s) best=%s\n", cpu.level, cpu.pinned ? "chosen with /attn" : "auto", cpu.best);
    text_format(out, "  vnni=%s osxsave=%u xcr0=0x%llx hypervisor=%u\n ",
                kernel->engine.level == CPU_AVX512_VNNI ? "used" : "unused", kernel->cpu.osxsave ? 1u : 0u,
                (unsigned long long)kernel->cpu.xcr0, kernel->cpu.hypervisor ? 1u : 0u);
    for (unsigned bit = 0; bit < CPU_FEATURES; bit++)
        text_format(out, " %s=%u", cpu_feature_name(bit), (unsigned)(kernel->cpu.features >> bit & 1));
    text_string(out, "\n");
    text_format(out, "  processors=%u used=%u lost=%u missing=%u\n", (unsigned)port_processors(),
                kernel->workers.present > 1 ? (unsigned)kernel->workers.present : 1u, (unsigned)kernel->workers.lost,
                (unsigned)kernel->workers.missing);
    text_format(out, "  clock_hz=%llu clock=%s spread_ppm=%u invariant=%u\n", (unsigned long long)cpu.hz, cpu.clock,
                (unsigned)cpu.spread_ppm, cpu.invariant ? 1u : 0u);
}

void report_text_version(const struct kernel *kernel, struct text *out)
{
    struct wire_version version;
    report_version(kernel, &version);
    text_format(out, "%s\n  port=%s machine=%s\n  boot=%08x protocol=%u.%u schema=%08x\n", version.version,
                version.port, version.machine, (unsigned)version.boot, WIRE_PROTOCOL, WIRE_REVISION,
                (unsigned)version.schema_id);
}
