/* commands_bench.c - /bench: the engine's speed beside the bound that its memory sets. */
#include "commands.h"
#include "kernel.h"
#include "notices.h"
#include "report.h"

static void text_phase_speed(struct text *out, const char *name, uint64_t rate, uint32_t mb_s, uint32_t read_mb_s,
                             uint64_t cycles)
{
    char tokens[24];
    struct text text;
    text_init(&text, tokens, sizeof tokens);
    text_format(&text, "%llu.%u", (unsigned long long)(rate / 1000000), (unsigned)(rate % 1000000 / 100000));
    text_format(out, "  %-8s %10s tok/s  ", name, tokens);
    text_speed(out, mb_s, read_mb_s);
    text_format(out, "  %llu cycles a token\n", (unsigned long long)cycles);
}

/* Where the weights come from decides what they are compared with. */
static void text_source(struct text *out, const struct wire_bench *bench)
{
    if (bench->cache == 0)
        text_string(out, "; this processor does not tell its caches");
    else if (bench->weights > bench->cache)
        text_string(out, ", from memory: more than the cache of ");
    else
        text_string(out, ", from the cache of ");
    if (bench->cache != 0)
        text_bytes_and_mib(out, bench->cache);
    text_string(out, "\n");
}

static void text_processors(const struct kernel *kernel, struct text *out)
{
    char line[LOG_MESSAGE_BYTES];
    struct text text;
    text_init(&text, line, sizeof line);
    if (notices_processors(kernel, &text))
        text_format(out, "  %s\n", line);
}

static void text_bench(const struct kernel *kernel, struct text *out)
{
    struct wire_bench bench;
    report_bench(kernel, &bench);
    text_format(out, "%s, %u processor%s, %s; rows from %u\n", bench.level, (unsigned)bench.processors,
                bench.processors == 1 ? "" : "s", model_format_name(&kernel->engine.config), (unsigned)bench.row);
    text_string(out, "  a token reads ");
    text_bytes_and_mib(out, bench.weights);
    text_string(out, " of weights");
    text_source(out, &bench);
    text_format(out, "  %-8s %10s        ", "read", "");
    text_speed(out, bench.read_mb_s, 0);
    text_string(out, ": the weights alone, by the same processors\n");
    text_phase_speed(out, "decode", bench.decode_rate, bench.decode_mb_s, bench.read_mb_s, bench.decode_cycles);
    text_phase_speed(out, "prefill", bench.prefill_rate, bench.prefill_mb_s, bench.read_mb_s, bench.prefill_cycles);
    text_processors(kernel, out);
}

static bool run_bench(struct kernel *kernel, const char *rest, size_t length, struct text *out, struct error *error)
{
    struct command_arguments arguments;
    uint64_t seconds = BENCH_SECONDS;
    command_split(rest, length, &arguments);
    if (!command_at_most(&arguments, 1, "/bench", error) ||
        !command_number(&arguments, 0, "the time of a bench", 1, BENCH_MOST_SECONDS, &seconds, error) ||
        !bench_run(kernel, seconds, error))
        return false;
    text_bench(kernel, out);
    return true;
}

const struct command commands_bench[] = {
    {"/bench", "[seconds]",
     "measures decode and prefill beside a read of the weights alone (2 s; at most 20); the conversation stays",
     run_bench},
    {0},
};
