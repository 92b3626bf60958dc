/* stream.c - stops.c alone: answers come in as tokens, and everything that goes out is told.
 *
 * A line of standard input is "begin YOU EMPTY_LINE", "token ID HEX" or "end". The answer to each is one line: the
 * bytes written to the console, the tokens sent as ID:BYTES, "stop DROPPED" when a pattern is complete, and ".". */
#include "kernel.h"

#include <stdio.h>
#include <string.h>

static struct kernel kernel;

void console_write(struct kernel *ignored, const char *bytes, size_t count)
{
    (void)ignored;
    for (size_t i = 0; i < count; i++)
        printf("%02x", (unsigned)(uint8_t)bytes[i]);
    printf(" ");
}

unsigned link_send_token(struct kernel *ignored, uint32_t index, const struct chat_token *token, const uint8_t *bytes,
                         size_t count)
{
    (void)ignored;
    (void)index;
    printf("%u:", (unsigned)token->id);
    for (size_t i = 0; i < count; i++)
        printf("%02x", (unsigned)bytes[i]);
    printf(" ");
    return 1;
}

void link_send_choice(struct kernel *ignored, const struct choice *choice)
{
    (void)ignored;
    (void)choice;
}

uint64_t clock_ms(void)
{
    return 1;
}

/* The pieces of a tokenizer stay where they are; here they are kept until the answer is over. */
static uint8_t pieces[1u << 16];
static size_t piece_bytes;

static void take_token(const char *arguments)
{
    unsigned id = 0, byte = 0;
    int at = 0, used = 0;
    uint32_t dropped = 0;
    const uint8_t *piece = pieces + piece_bytes;
    size_t count = 0;
    if (sscanf(arguments, "%u%n", &id, &at) != 1)
        return;
    while (arguments[at] == ' ')
        at++;
    while (piece_bytes < sizeof pieces && sscanf(arguments + at, "%2x%n", &byte, &used) == 1) {
        pieces[piece_bytes++] = (uint8_t)byte;
        at += used;
        count++;
    }
    if (stops_token(&kernel, id, piece, count, 1, &dropped))
        printf("stop %u ", (unsigned)dropped);
}

int main(void)
{
    char line[4096];
    while (fgets(line, sizeof line, stdin) != NULL) {
        unsigned you = 0, empty_line = 0;
        if (sscanf(line, "begin %u %u", &you, &empty_line) == 2) {
            kernel.params.values[PARAM_STOP_YOU] = you;
            kernel.params.values[PARAM_STOP_NL] = empty_line;
            kernel.chat.generated = 0;
            piece_bytes = 0;
            stops_begin(&kernel);
        } else if (strncmp(line, "token ", 6) == 0) {
            take_token(line + 6);
        } else {
            stops_end(&kernel);
        }
        printf(".\n");
        fflush(stdout);
    }
    return 0;
}
