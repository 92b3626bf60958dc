#include "error.h"

#include "text.h"
#include "utf8.h"

bool error_set(struct error *error, enum error_code code, const char *format, ...)
{
    struct text text;
    va_list list;
    text_init(&text, error->text, sizeof error->text);
    va_start(list, format);
    text_format_list(&text, format, list);
    va_end(list);
    size_t length = text.length - (text.truncated ? utf8_incomplete_tail(error->text, text.length) : 0);
    error->text[utf8_mask_controls(error->text, length)] = '\0';
    error->code = code;
    return false;
}
