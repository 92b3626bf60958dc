/* cuts.c - values beyond their limits: what the kernel makes of them so that a line never outgrows its proof. */
#include "llmk_wire.h"

#include <stdio.h>
#include <string.h>

static uint16_t sequence;

static void show(struct wire_line *line)
{
    wire_finish(line, sequence);
    fwrite(line->data, 1, line->text.length, stdout);
    sequence++;
}

static void message(const char *text)
{
    struct wire_line line;
    struct wire_response record = {.id = 1, .has = WIRE_RESPONSE_HAS_MESSAGE, .message = text};
    wire_put(&line, WIRE_RECORD_OF(&record), &record);
    show(&line);
}

int main(void)
{
    static char many[300];
    static const uint8_t octets[] = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
                                    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
    struct wire_line line;
    memset(many, 'x', sizeof many - 1);
    message(many);
    memset(many, ',', sizeof many - 1);
    message(many);
    message("caf\xc3\xa9 @home\n");
    struct wire_response named = {.id = 1, .has = WIRE_RESPONSE_HAS_FIELD, .field = "min p,"};
    wire_put(&line, WIRE_RECORD_OF(&named), &named);
    show(&line);
    struct wire_zones zones = {.time = UINT64_MAX, .dropped = UINT32_MAX, .weights = {UINT64_MAX, 1}, .weights_count = 99};
    wire_put(&line, WIRE_RECORD_OF(&zones), &zones);
    show(&line);
    struct wire_token token = {.text = octets, .text_length = sizeof octets - 1};
    wire_put(&line, WIRE_RECORD_OF(&token), &token);
    show(&line);
    struct wire_response strange = {.id = 1, .has = WIRE_RESPONSE_HAS_ERROR | WIRE_RESPONSE_HAS_MESSAGE, .error = (enum wire_error_code)77};
    wire_put(&line, WIRE_RECORD_OF(&strange), &strange);
    show(&line);
    return 0;
}
