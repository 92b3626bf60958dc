/* loader.c - one model file into the zones: check everything first, then take memory, then load. */
#include "loader.h"

#include "align.h"
#include "clock.h"
#include "files.h"
#include "kernel.h"
#include "loader_search.h"
#include "notices.h"
#include "report.h"

#define TOKENIZER_MOST_BYTES (UINT64_C(256) << 20)
#define LEAST_ROWS 256u /* of a context that was cut: a shorter one is no chat */
#define ZONEC_BYTES (align_up(sizeof(struct log_ring)) + align_up(KERNEL_FILE_TEXT_BYTES))
#define PROGRESS_EVERY_US 250000u /* a load that is over sooner needs no progress */

/* What engine_load reads from, and where the progress stands. */
struct loading {
    struct kernel *kernel;
    const char *name;
    struct model_file *file;
    uint64_t begun_us, shown_us, sent_us;
    unsigned tenths; /* of the file, when a line was shown last */
};

static bool read_model(void *context, uint64_t offset, void *to, uint64_t bytes, struct error *error)
{
    return model_file_read(((struct loading *)context)->file, offset, to, bytes, error);
}

static void show_progress(struct loading *loading, uint64_t done, uint64_t total, uint64_t elapsed_us)
{
    char line[160];
    struct text text;
    text_init(&text, line, sizeof line);
    text_format(&text, "  %llu of %llu bytes, ", (unsigned long long)done, (unsigned long long)total);
    text_rate(&text, done / 1000, elapsed_us * 1000);
    uint64_t left_ms = done == 0 ? 0 : elapsed_us / 1000 * ((total - done) / 1024) / (done / 1024 + 1);
    text_format(&text, " MB/s, %llu.%llu s left\n", (unsigned long long)(left_ms / 1000),
                (unsigned long long)(left_ms % 1000 / 100));
    console_write(loading->kernel, line, text.length);
    console_flush(loading->kernel);
}

/* The line is served, but a stop byte does not stop a load: a host that attaches sends one. */
static bool progress(void *context, uint64_t done, uint64_t total)
{
    struct loading *loading = context;
    uint64_t now = clock_us();
    uint64_t elapsed = now - loading->begun_us;
    if (done == total || now - loading->sent_us >= PROGRESS_EVERY_US) {
        loading->sent_us = now;
        link_progress(loading->kernel, &(struct wire_load){
                                           .time = now / 1000,
                                           .file = loading->name,
                                           .done = done,
                                           .total = total,
                                           .elapsed_ms = (uint32_t)(elapsed / 1000),
                                       });
    }
    unsigned tenths = (unsigned)(done * 10 / total);
    if (tenths < 10 && tenths > loading->tenths && now - loading->shown_us >= PROGRESS_EVERY_US) {
        loading->shown_us = now;
        loading->tenths = tenths; /* at most nine lines; the result is the tenth */
        show_progress(loading, done, total, elapsed);
    }
    (void)link_poll(loading->kernel);
    return true;
}

/* Everything that can be known before memory is taken. */
struct candidate {
    struct model_file file;
    char tokenizer_name[KERNEL_NAME_BYTES];
    struct file_data tokenizer; /* the whole file; nothing when it is inside the model's */
    uint64_t tokenizer_need;
};

static void candidate_close(struct candidate *candidate)
{
    model_file_close(&candidate->file);
    file_release(&candidate->tokenizer);
}

static bool find_tokenizer(struct candidate *candidate, struct error *error)
{
    const struct model_file *file = &candidate->file;
    struct error why;
    if (file->gguf != NULL) {
        struct text text;
        text_init(&text, candidate->tokenizer_name, sizeof candidate->tokenizer_name);
        text_string(&text, file->name);
        candidate->tokenizer_need = tokenizer_need_gguf(file->gguf);
        return true;
    }
    if (!loader_find_tokenizer(file->name, candidate->tokenizer_name, error) ||
        file_read_whole(candidate->tokenizer_name, TOKENIZER_MOST_BYTES, &candidate->tokenizer, error) != PORT_FILE_OK)
        return false;
    candidate->tokenizer_need = tokenizer_need(candidate->tokenizer.length, file->config.vocab_size, &why);
    return candidate->tokenizer_need != 0 || error_set(error, why.code, "%s: %s", candidate->tokenizer_name, why.text);
}

static bool candidate_open(const char *name, struct candidate *ret, struct error *error)
{
    *ret = (struct candidate){0};
    if (!model_file_open(name, &ret->file, error))
        return false;
    if (find_tokenizer(ret, error))
        return true;
    candidate_close(ret);
    return false;
}

/* The word q8 of /load insists; q8=1 in repl.cfg asks for it where the shape allows it. */
static bool choose_numbers(struct kernel *kernel, const char *name, bool insist, struct model_config *config,
                           struct error *error)
{
    struct error why;
    if ((!insist && kernel->params.values[PARAM_Q8] == 0) || model_config_quantise(config, &why))
        return true;
    if (insist)
        return error_set(error, why.code, "%s: %s; load it without q8", name, why.text);
    console_print(kernel, "%s stays as it is: %s\n", name, why.text);
    return true;
}

/* Replaces all zones. The log survives in early_log while there is no ZONEC. */
static bool lay_out(struct kernel *kernel, const struct zone_sizes *sizes, struct error *error)
{
    if (kernel->log != &kernel->early_log)
        kernel->early_log = *kernel->log;
    kernel->log = &kernel->early_log;
    kernel->file_text = NULL;
    kernel->scratch = NULL;
    zones_destroy(&kernel->zones);
    if (!zones_create(&kernel->zones, sizes, error))
        return false;
    struct log_ring *ring = kernel_alloc(kernel, WIRE_ARENA_ZONEC, sizeof *ring, "log", error);
    kernel->file_text = kernel_alloc(kernel, WIRE_ARENA_ZONEC, KERNEL_FILE_TEXT_BYTES, "file text", error);
    if (ring == NULL || kernel->file_text == NULL)
        return false;
    *ring = kernel->early_log;
    kernel->log = ring;
    return true;
}

static struct zone_sizes sizes_of(const struct candidate *candidate, struct model_need *ret_need)
{
    model_need(&candidate->file.config, ret_need);
    return (struct zone_sizes){{
        [WIRE_ARENA_WEIGHTS - 1] = ret_need->weights,
        [WIRE_ARENA_KV - 1] = ret_need->kv,
        [WIRE_ARENA_SCRATCH - 1] = ret_need->scratch,
        [WIRE_ARENA_ACTS - 1] = ret_need->acts,
        [WIRE_ARENA_ZONEC - 1] = ZONEC_BYTES,
        [WIRE_ARENA_KEEP - 1] = align_up(candidate->tokenizer_need) + chat_need(candidate->file.config.seq_len),
    }};
}

/* GGUF files promise contexts that no memory holds: their cache gets as many rows as fit, in halves. */
static bool halve_context(struct candidate *candidate)
{
    if (candidate->file.gguf == NULL || candidate->file.config.seq_len / 2 < LEAST_ROWS)
        return false;
    candidate->file.config.seq_len /= 2;
    return true;
}

/* Before anything is given up for it: a model that cannot fit leaves the loaded one as it is. */
static bool check_memory(const struct kernel *kernel, struct candidate *candidate, struct error *error)
{
    struct model_need need;
    do {
        struct zone_sizes sizes = sizes_of(candidate, &need);
        if (zones_possible(&kernel->zones, &sizes, error))
            return true;
    } while (halve_context(candidate));
    return false;
}

/* What is free can lie in pieces, so even what is possible may not be had. */
static bool lay_out_model(struct kernel *kernel, struct candidate *candidate, struct model_need *ret_need,
                          struct error *error)
{
    do {
        struct zone_sizes sizes = sizes_of(candidate, ret_need);
        if (lay_out(kernel, &sizes, error))
            return true;
    } while (halve_context(candidate));
    return false;
}

/* What became other than the file says. */
static void tell_changes(struct kernel *kernel, const struct candidate *candidate)
{
    const struct model_config *config = &candidate->file.config;
    const struct gguf *gguf = candidate->file.gguf;
    const char *name = candidate->file.name;
    if (gguf == NULL)
        return;
    if (config->seq_len < gguf->integers[GGUF_CONTEXT])
        console_print(kernel, "%s: a context of %llu rows; %u are used, %s\n", name,
                      (unsigned long long)gguf->integers[GGUF_CONTEXT], config->seq_len,
                      config->seq_len == GGUF_ROWS_LIMIT ? "the most of a GGUF file" : "which the memory has room for");
    if (gguf->quantised > 0 && config->group == 0)
        console_print(kernel, "%s: widths %u and %u are not both multiples of 32; all weights are float32\n", name,
                      config->dim, config->hidden_dim);
    if (gguf->quantised > 0 && config->group != 0 && gguf->quantised < gguf->matrices)
        console_print(kernel, "%s: %u of %u matrices are not in blocks of 32; they become int8 while loading\n", name,
                      gguf->matrices - gguf->quantised, gguf->matrices);
}

static bool load_words(struct kernel *kernel, struct candidate *candidate, void *memory, struct error *error)
{
    struct error why;
    bool loaded = candidate->file.gguf != NULL
                      ? tokenizer_load_gguf(&kernel->tokenizer, candidate->file.gguf, memory, &why)
                      : tokenizer_load(&kernel->tokenizer, candidate->tokenizer.bytes, candidate->tokenizer.length,
                                       candidate->file.config.vocab_size, memory, &why);
    return loaded || error_set(error, why.code, "%s: %s", candidate->tokenizer_name, why.text);
}

static bool fill(struct kernel *kernel, const char *name, struct candidate *candidate, struct loading *loading,
                 struct error *error)
{
    const struct model_config *config = &candidate->file.config;
    struct model_need need;
    if (!lay_out_model(kernel, candidate, &need, error))
        return false;
    tell_changes(kernel, candidate);
    kernel->engine.config = *config; /* sentinel_layout asks for its need */
    struct engine_memory memory = {0};
    void *words = kernel_alloc(kernel, WIRE_ARENA_KEEP, candidate->tokenizer_need, "tokenizer", error);
    memory.weights = kernel_alloc(kernel, WIRE_ARENA_WEIGHTS, need.weights, "weights", error);
    memory.kv = kernel_alloc(kernel, WIRE_ARENA_KV, need.kv, "kv cache", error);
    if (words == NULL || memory.weights == NULL || memory.kv == NULL || !sentinel_layout(kernel, error))
        return false;
    memory.scratch = kernel->scratch;
    memory.acts = kernel->acts;
    if (!load_words(kernel, candidate, words, error))
        return false;
    struct error why;
    struct model_source source = {read_model, progress, loading, candidate->file.gguf};
    if (!engine_load(&kernel->engine, config, &memory, kernel->engine.level, &source, &why))
        return error_set(error, why.code, "%s: %s", name, why.text);
    return chat_init(kernel, error);
}

static void tell_memory(struct kernel *kernel, const struct candidate *candidate)
{
    uint64_t need = kernel->zones.need, extra = candidate->tokenizer.pages_bytes;
    extra += candidate->file.gguf != NULL ? sizeof *candidate->file.gguf : 0;
    console_print(kernel,
                  "Memory: %llu bytes (%llu MiB) computed, %llu at the peak; %llu more while loading, given back\n",
                  (unsigned long long)need, (unsigned long long)(need >> 20),
                  (unsigned long long)zones_peak(&kernel->zones), (unsigned long long)extra);
}

static void adopt(struct kernel *kernel, const char *name, const struct candidate *candidate,
                  const struct loading *loading)
{
    struct text text;
    text_init(&text, kernel->model_file, sizeof kernel->model_file);
    text_string(&text, name);
    text_init(&text, kernel->tokenizer_file, sizeof kernel->tokenizer_file);
    text_string(&text, candidate->tokenizer_name);
    kernel->rescue_reason[0] = '\0';
    kernel->model_loaded = true;
    kernel->chat.phase = WIRE_PHASE_IDLE;
    zone_arena(&kernel->zones, WIRE_ARENA_WEIGHTS)->read_only = true;
    kernel->weights_sum = zone_sum(&kernel->zones, WIRE_ARENA_WEIGHTS);
    params_apply_to_model(kernel);
    uint64_t elapsed = clock_us() - loading->begun_us;
    log_event(kernel, WIRE_LOG_LEVEL_INFO, WIRE_LOG_CODE_LOAD, WIRE_ARENA_WEIGHTS, candidate->file.config.file_bytes,
              elapsed / 1000, name);
    char line[240];
    text_init(&text, line, sizeof line);
    text_format(&text, "Loaded %s with %s: %llu parameters, %llu bytes, ", name,
                candidate->file.gguf != NULL ? "its own tokenizer" : kernel->tokenizer_file,
                (unsigned long long)candidate->file.config.parameters,
                (unsigned long long)candidate->file.config.file_bytes);
    text_rate(&text, candidate->file.config.file_bytes / 1000, elapsed * 1000);
    text_format(&text, " MB/s, %llu.%03llu s\n", (unsigned long long)(elapsed / 1000000),
                (unsigned long long)(elapsed / 1000 % 1000));
    console_write(kernel, line, text.length);
    tell_memory(kernel, candidate);
    link_changed(kernel, WIRE_STREAM_MODEL);
    link_changed(kernel, WIRE_STREAM_TOKENIZER);
    link_changed(kernel, WIRE_STREAM_ZONES);
    link_changed(kernel, WIRE_STREAM_ZONE);
    link_changed(kernel, WIRE_STREAM_KV);
}

/* Volatile state of an old model means nothing for a new one; pinned budgets and strictness were set by a person and
 * stay. */
static void forget_old(struct kernel *kernel)
{
    kernel->model_loaded = false;
    kernel->chat.decode_us = kernel->chat.decode_bytes = 0; /* the speed of the last answer was the old model's */
    bench_forget(kernel);
    sentinel_reset(kernel);
    kernel->chat.rows = kernel->chat.length = 0;
    kernel->chat.phase = WIRE_PHASE_LOAD;
}

bool loader_load(struct kernel *kernel, const char *name, bool q8, struct error *error)
{
    struct candidate candidate;
    if (!candidate_open(name, &candidate, error))
        return false;
    if (!choose_numbers(kernel, name, q8, &candidate.file.config, error) || !check_memory(kernel, &candidate, error)) {
        candidate_close(&candidate);
        return false;
    }
    uint64_t now = clock_us();
    struct loading loading = {
        .kernel = kernel, .name = name, .file = &candidate.file, .begun_us = now, .shown_us = now};
    forget_old(kernel);
    bool loaded = fill(kernel, name, &candidate, &loading, error);
    if (loaded) {
        adopt(kernel, name, &candidate, &loading);
    } else {
        log_event(kernel, WIRE_LOG_LEVEL_ERROR, WIRE_LOG_CODE_LOAD, WIRE_ARENA_NONE, candidate.file.config.file_bytes,
                  0, error->text);
        loader_rescue(kernel, error->text);
    }
    candidate_close(&candidate);
    return loaded;
}

void loader_rescue(struct kernel *kernel, const char *reason)
{
    struct error error;
    struct text text;
    text_init(&text, kernel->rescue_reason, sizeof kernel->rescue_reason);
    text_string(&text, reason);
    kernel->model_loaded = false;
    kernel->chat.phase = WIRE_PHASE_RESCUE;
    if (!lay_out(kernel, &(struct zone_sizes){{[WIRE_ARENA_ZONEC - 1] = ZONEC_BYTES}}, &error))
        console_print(kernel, "%s; the llmk files cannot be written\n", error.text);
    link_changed(kernel, WIRE_STREAM_MODEL);
    link_changed(kernel, WIRE_STREAM_ZONES);
    link_changed(kernel, WIRE_STREAM_ZONE);
}
