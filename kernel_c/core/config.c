/* config.c - repl.cfg: one key=value a line, '#' and ';' begin comments. */
#include "config.h"

#include "files.h"
#include "kernel.h"

struct span {
    const char *bytes;
    size_t length;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct span trim(struct span span)
{
    while (span.length > 0 && is_blank(span.bytes[0])) {
        span.bytes++;
        span.length--;
    }
    while (span.length > 0 && is_blank(span.bytes[span.length - 1]))
        span.length--;
    return span;
}

/* A comment begins at the line's first character, or after a blank. */
static struct span without_comment(struct span line)
{
    for (size_t i = 0; i < line.length; i++) {
        if ((line.bytes[i] == '#' || line.bytes[i] == ';') && (i == 0 || is_blank(line.bytes[i - 1])))
            line.length = i;
    }
    return trim(line);
}

static void report(struct kernel *kernel, unsigned number, const char *reason)
{
    console_print(kernel, CONFIG_FILE " line %u ignored: %s\n", number, reason);
    char message[LOG_MESSAGE_BYTES];
    struct text text;
    text_init(&text, message, sizeof message);
    text_format(&text, CONFIG_FILE " line %u: %s", number, reason);
    log_event(kernel, WIRE_LOG_LEVEL_WARN, WIRE_LOG_CODE_PARAM, WIRE_ARENA_NONE, number, 0, message);
}

static bool apply_line(struct kernel *kernel, struct span line, struct error *error)
{
    size_t equals = 0;
    while (equals < line.length && line.bytes[equals] != '=')
        equals++;
    if (equals == line.length)
        return error_set(error, ERROR_ARG, "expected key=value, found \"%.*s\"",
                         (int)(line.length > 40 ? 40 : line.length), line.bytes);
    struct span key = trim((struct span){line.bytes, equals});
    struct span value = trim((struct span){line.bytes + equals + 1, line.length - equals - 1});
    enum param_id id = param_find(key.bytes, key.length, true);
    if (id == PARAM_COUNT)
        return error_set(error, ERROR_OP, "unknown key \"%.*s\"", (int)(key.length > 40 ? 40 : key.length), key.bytes);
    return param_set(kernel, id, value.bytes, value.length, PARAM_FROM_FILE, error);
}

unsigned config_apply(struct kernel *kernel, const char *text, size_t bytes)
{
    unsigned bad = 0;
    unsigned number = 0;
    if (bytes >= 3 && text[0] == '\xEF' && text[1] == '\xBB' && text[2] == '\xBF') {
        text += 3; /* byte order mark */
        bytes -= 3;
    }
    for (size_t at = 0; at < bytes;) {
        size_t end = at;
        while (end < bytes && text[end] != '\n')
            end++;
        number++;
        struct span line = without_comment((struct span){text + at, end - at});
        at = end + 1;
        struct error error;
        if (line.length > 0 && !apply_line(kernel, line, &error)) {
            report(kernel, number, error.text);
            bad++;
        }
    }
    return bad;
}

void config_read(struct kernel *kernel)
{
    struct file_data data;
    struct error error;
    enum port_file_status status = file_read_whole(CONFIG_FILE, CONFIG_MOST_BYTES, &data, &error);
    if (status == PORT_FILE_NOT_FOUND || status == PORT_FILE_NO_VOLUME)
        return; /* the defaults; a missing volume is reported by the search for a model */
    if (status != PORT_FILE_OK) {
        console_print(kernel, "%s; the defaults are used\n", error.text);
        log_event(kernel, WIRE_LOG_LEVEL_WARN, WIRE_LOG_CODE_FILE, WIRE_ARENA_NONE, 0, 0, CONFIG_FILE " not read");
        return;
    }
    unsigned bad = config_apply(kernel, (const char *)data.bytes, (size_t)data.length);
    file_release(&data);
    console_print(kernel, CONFIG_FILE ": read%s\n", bad > 0 ? ", with lines ignored" : "");
}
