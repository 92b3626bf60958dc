/* dump_files.c - puts the sections together, closes them with a CRC-32 and writes them whole. */
#include "dump_files.h"

#include "clock.h"
#include "crc32.h"
#include "files.h"
#include "kernel.h"
#include "report.h"

#define DUMP_FORMAT 1u

static void head(const struct kernel *kernel, const char *kind, struct text *text)
{
    text_format(text, "%s format=%u boot=%08x time_ms=%llu unix=%llu kernel=", kind, DUMP_FORMAT,
                (unsigned)kernel->hello.boot, (unsigned long long)clock_ms(), (unsigned long long)port_unix_time());
    text_word(text, KERNEL_VERSION);
    text_string(text, " port=");
    text_word(text, kernel->boot->port_name);
    text_format(text, " clock_hz=%llu", (unsigned long long)port_clock()->hz);
}

static bool begin(struct kernel *kernel, const char *kind, struct text *text, struct error *error)
{
    if (kernel->file_text == NULL)
        return error_set(error, ERROR_NOSPACE, "%s.txt was not written: there is no memory for its text", kind);
    text_init(text, kernel->file_text, KERNEL_FILE_TEXT_BYTES);
    head(kernel, kind, text);
    return true;
}

static void sections(const struct kernel *kernel, struct text *text)
{
    report_text_context(kernel, text);
    text_string(text, "\n");
    report_text_zones(kernel, text);
    text_string(text, "\n");
    report_text_sentinel(kernel, text);
    text_string(text, "\n");
}

static bool seal(const char *name, struct text *text, struct error *error)
{
    text_format(text, "end crc32=%08x\n", (unsigned)crc32(text->data, text->length));
    return !text->truncated || error_set(error, ERROR_INTERNAL, "%s was not made: its text is longer than %u bytes",
                                         name, KERNEL_FILE_TEXT_BYTES);
}

static bool finish(const char *name, struct text *text, uint64_t *ret_bytes, struct error *error)
{
    if (!seal(name, text, error))
        return false;
    *ret_bytes = text->length;
    return file_write_whole(name, text->data, text->length, error);
}

static void note_written(struct kernel *kernel, const char *name, uint64_t bytes)
{
    log_event(kernel, WIRE_LOG_LEVEL_INFO, WIRE_LOG_CODE_FILE, WIRE_ARENA_NONE, bytes, 0, name);
}

static void dump_body(const struct kernel *kernel, struct text *text)
{
    text_string(text, "\n");
    sections(kernel, text);
    report_text_log(kernel, LOG_CAPACITY, text);
}

bool dump_render(const struct kernel *kernel, char *to, uint64_t *ret_bytes, struct error *error)
{
    struct text text;
    text_init(&text, to, KERNEL_FILE_TEXT_BYTES);
    head(kernel, "llmk-dump", &text);
    dump_body(kernel, &text);
    if (!seal("the dump", &text, error))
        return false;
    *ret_bytes = text.length;
    return true;
}

bool dump_write_dump(struct kernel *kernel, uint64_t *ret_bytes, struct error *error)
{
    struct text text;
    if (!begin(kernel, "llmk-dump", &text, error))
        return false;
    dump_body(kernel, &text);
    if (!finish("llmk-dump.txt", &text, ret_bytes, error))
        return false;
    note_written(kernel, "wrote llmk-dump.txt", *ret_bytes);
    return true;
}

bool dump_write_log(struct kernel *kernel, uint32_t events, uint64_t *ret_bytes, struct error *error)
{
    struct text text;
    if (!begin(kernel, "llmk-log", &text, error))
        return false;
    text_string(&text, "\n");
    report_text_log(kernel, events, &text);
    if (!finish("llmk-log.txt", &text, ret_bytes, error))
        return false;
    note_written(kernel, "wrote llmk-log.txt", *ret_bytes);
    return true;
}

bool dump_write_failsafe(struct kernel *kernel, struct error *error)
{
    struct text text;
    uint64_t bytes;
    if (!begin(kernel, "llmk-failsafe", &text, error))
        return false;
    text_format(&text, " cause=%s phase=%s\n", wire_sentinel_error_word(kernel->sentinel.error),
                wire_sentinel_phase_word(kernel->sentinel.error_phase));
    sections(kernel, &text);
    report_text_log(kernel, LOG_CAPACITY, &text);
    if (!finish("llmk-failsafe.txt", &text, &bytes, error))
        return false;
    note_written(kernel, "wrote llmk-failsafe.txt", bytes);
    return true;
}
