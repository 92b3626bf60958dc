/* requests_model.c - loading a model into memory of exactly the announced size, and running it. */
#define _GNU_SOURCE
#include "harness.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define JUNK 0x7b
#define BIG_PAGE ((size_t)2 << 20)

struct source { /* a model file in memory, or on disk */
    const unsigned char *data;
    FILE *file;
    unsigned long long bytes, largest_read, progress_calls, last_progress, stop_after;
    unsigned char header[MODEL_HEADER_BYTES];
};

static struct gguf gguf; /* of the file that is being loaded */

static bool read_source(void *context, uint64_t offset, void *to, uint64_t bytes, struct error *error)
{
    struct source *source = context;
    source->largest_read = bytes > source->largest_read ? bytes : source->largest_read;
    if (offset + bytes > source->bytes)
        return error_set(error, ERROR_IO, "read beyond the end of the file");
    if (source->file == NULL)
        memcpy(to, source->data + offset, (size_t)bytes);
    else if (fseek(source->file, (long)offset, SEEK_SET) != 0 || fread(to, 1, (size_t)bytes, source->file) != bytes)
        return error_set(error, ERROR_IO, "short read");
    return true;
}

static bool note_progress(void *context, uint64_t done, uint64_t total)
{
    struct source *source = context;
    if (done < source->last_progress || done > total)
        abort();
    source->last_progress = done;
    return source->stop_after == 0 || ++source->progress_calls < source->stop_after;
}

/* Exact and aligned, with canaries behind where no sanitiser watches; filled with junk, so that nothing may rely on
 * zeros. */
static void *exact_block(void **old, uint64_t bytes)
{
    void *block = NULL;
    size_t alignment = bytes < BIG_PAGE ? 64 : BIG_PAGE;
    free(*old);
    if (posix_memalign(&block, alignment, (size_t)bytes + HARNESS_CANARY_BYTES) != 0)
        abort();
#ifdef MADV_HUGEPAGE
    if (alignment == BIG_PAGE)
        (void)madvise(block, (size_t)bytes, MADV_HUGEPAGE); /* as the simulator does, and firmware's own mapping is */
#endif
    memset(block, JUNK, (size_t)bytes);
    memset((char *)block + bytes, HARNESS_CANARY, HARNESS_CANARY_BYTES);
    return *old = block;
}

/* Aborting wipes what a sentinel trip wipes, while the pass is still on the stack. */
static bool count_polls(void *context)
{
    struct harness *h = context;
    if (++h->polls != h->polls_allowed)
        return true;
    if (h->keep_memory)
        return false;
    memset(h->memory.acts, 0, h->need.acts);
    memset(h->memory.scratch, 0, h->need.scratch);
    return false;
}

/* A model's configuration from a file of either kind. */
static bool parse(struct source *source, struct model_config *config, struct error *error)
{
    if (gguf_is(source->header, source->bytes))
        return gguf_parse(&gguf, read_source, source, source->bytes, config, error);
    return model_config_parse(source->header,
                              source->bytes < MODEL_HEADER_BYTES ? (size_t)source->bytes : MODEL_HEADER_BYTES,
                              source->bytes, config, error);
}

static void load(struct harness *h, struct source *source, enum cpu_level level, bool q8)
{
    struct error error = {0};
    struct model_config config;
    h->model_loaded = false;
    if (!parse(source, &config, &error) || (q8 && !model_config_quantise(&config, &error))) {
        reply_error(&error);
        return;
    }
    model_need(&config, &h->need);
    exact_block(&h->memory.weights, h->need.weights);
    exact_block(&h->memory.kv, h->need.kv);
    exact_block(&h->memory.acts, h->need.acts);
    exact_block(&h->memory.scratch, h->need.scratch);
    struct model_source from = {read_source, note_progress, source, config.version == MODEL_GGUF ? &gguf : NULL};
    if (!engine_load(&h->engine, &config, &h->memory, level, &from, &error)) {
        reply_error(&error);
        return;
    }
    h->engine.poll = count_polls;
    h->engine.poll_context = h;
    h->engine.sharing = NULL;
    h->polls_allowed = 0;
    h->model_loaded = true;
    char text[256];
    int bytes = snprintf(text, sizeof text, "%llu %llu %llu %llu %u %u %u %u %u",
                         (unsigned long long)source->largest_read, (unsigned long long)source->last_progress,
                         (unsigned long long)config.parameters, (unsigned long long)config.file_bytes, config.dim,
                         config.vocab_size, config.seq_len, (unsigned)config.shared_classifier, config.group);
    reply("ok", text, (size_t)bytes);
}

/* "load LEVEL STOP_AFTER Q8" with the file as payload, "open" with its path. */
static void load_request(struct harness *h, const struct request *r, bool path)
{
    struct source source = {.data = r->payload, .bytes = r->bytes, .stop_after = r->arguments[1]};
    if (path) {
        char name[4096];
        snprintf(name, sizeof name, "%.*s", (int)r->bytes, (const char *)r->payload);
        source.file = fopen(name, "rb");
        if (source.file == NULL || fseek(source.file, 0, SEEK_END) != 0) {
            reply("error", "cannot open", 11);
            return;
        }
        source.bytes = (unsigned long long)ftell(source.file);
        rewind(source.file);
        if (fread(source.header, 1, sizeof source.header, source.file) < sizeof source.header)
            clearerr(source.file);
    } else {
        memcpy(source.header, r->payload, r->bytes < sizeof source.header ? r->bytes : sizeof source.header);
    }
    load(h, &source, (enum cpu_level)r->arguments[0], r->arguments[2] != 0);
    if (source.file != NULL)
        fclose(source.file);
}

/* "parse FILE_BYTES" with the beginning of a file as payload. */
static void parse_request(const struct request *r)
{
    struct error error = {0};
    struct model_config c;
    struct model_need need;
    char text[256];
    if (!model_config_parse(r->payload, r->bytes, r->arguments[0], &c, &error)) {
        reply_error(&error);
        return;
    }
    model_need(&c, &need);
    int bytes = snprintf(text, sizeof text, "%llu %llu %llu %llu %llu %llu", (unsigned long long)c.parameters,
                         (unsigned long long)c.file_bytes, (unsigned long long)need.weights,
                         (unsigned long long)need.kv, (unsigned long long)need.acts, (unsigned long long)need.scratch);
    reply("ok", text, (size_t)bytes);
}

bool harness_model(struct harness *h, const struct request *r)
{
    if (strcmp(r->name, "parse") == 0) {
        parse_request(r);
    } else if (strcmp(r->name, "load") == 0 || strcmp(r->name, "open") == 0) {
        load_request(h, r, r->name[0] == 'o');
    } else if (!h->model_loaded) {
        return false;
    } else if (strcmp(r->name, "level") == 0) {
        engine_set_level(&h->engine, (enum cpu_level)r->arguments[0]);
        reply("ok", NULL, 0);
    } else if (strcmp(r->name, "wipe") == 0) { /* as a sentinel trip does */
        memset(h->memory.acts, 0, h->need.acts);
        memset(h->memory.scratch, 0, h->need.scratch);
        engine_reset_buffers(&h->engine);
        reply("ok", NULL, 0);
    } else if (strcmp(r->name, "cache") == 0) { /* all of it, junk where nothing was written; then all is junk */
        reply("ok", h->memory.kv, h->need.kv);
        memset(h->memory.kv, JUNK, h->need.kv);
    } else {
        return false;
    }
    return true;
}
