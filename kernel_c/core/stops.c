/* stops.c - stop patterns on decoded bytes, and UTF-8 for the console. */
#include "stops.h"

#include "clock.h"
#include "kernel.h"
#include "utf8.h"

struct pattern {
    uint32_t length;
    char bytes[STOPS_PATTERN_BYTES];
};

static const struct pattern pattern_you = {5, {'\n', 'Y', 'o', 'u', ':'}};
static const struct pattern pattern_empty_line = {2, {'\n', '\n'}};

/* Are the last `count` held bytes the first `count` of the pattern? */
static bool held_ends_with(const struct stops *stops, const struct pattern *pattern, uint32_t count)
{
    if (count > stops->held_count || count > pattern->length)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (stops->held[stops->held_count - count + i] != (uint8_t)pattern->bytes[i])
            return false;
    }
    return true;
}

static uint32_t longest_prefix(const struct stops *stops, bool wanted, const struct pattern *pattern)
{
    uint32_t count = wanted ? pattern->length - 1 : 0;
    while (count > 0 && !held_ends_with(stops, pattern, count))
        count--;
    return count;
}

/* Writes complete characters; the bytes of one that is not complete yet stay. */
static void write_characters(struct kernel *kernel)
{
    struct stops *stops = &kernel->chat.stops;
    size_t incomplete = utf8_incomplete_tail((const char *)stops->out, stops->out_count);
    size_t complete = stops->out_count - incomplete;
    if (complete == 0)
        return;
    console_write(kernel, (const char *)stops->out, complete);
    for (size_t i = 0; i < incomplete; i++)
        stops->out[i] = stops->out[complete + i];
    stops->out_count = incomplete;
}

static void show(struct kernel *kernel, const uint8_t *bytes, size_t count)
{
    struct stops *stops = &kernel->chat.stops;
    for (size_t i = 0; i < count; i++) {
        stops->out[stops->out_count++] = bytes[i];
        if (stops->out_count == sizeof stops->out)
            write_characters(kernel);
    }
}

static void send_token(struct kernel *kernel, const struct stops_token *token, size_t bytes)
{
    struct chat *chat = &kernel->chat;
    uint32_t index = chat->generated++;
    chat->history[index % CHAT_HISTORY] = (struct chat_token){
        .id = token->id,
        .bytes = (uint32_t)bytes,
        .cycles = token->cycles,
        .time_ms = token->time_ms,
    };
    (void)link_send_token(kernel, index, &chat->history[index % CHAT_HISTORY], token->bytes, bytes);
    link_send_choice(kernel, &chat->choices[index % (STOPS_TOKENS + 1)]);
}

/* Lets the first `count` held bytes out, and the tokens that are out altogether. */
static void release(struct kernel *kernel, uint32_t count)
{
    struct stops *stops = &kernel->chat.stops;
    show(kernel, stops->held, count);
    stops->released += count;
    stops->held_count -= count;
    for (uint32_t i = 0; i < stops->held_count; i++)
        stops->held[i] = stops->held[count + i];
    uint32_t out = 0;
    while (out < stops->token_count && stops->tokens[out].end <= stops->released) {
        send_token(kernel, &stops->tokens[out], (size_t)(stops->tokens[out].end - stops->tokens[out].start));
        out++;
    }
    stops->token_count -= out;
    for (uint32_t i = 0; i < stops->token_count; i++)
        stops->tokens[i] = stops->tokens[out + i];
}

void stops_begin(struct kernel *kernel)
{
    struct stops *stops = &kernel->chat.stops;
    *stops = (struct stops){
        .you = kernel->params.values[PARAM_STOP_YOU] != 0,
        .empty_line = kernel->params.values[PARAM_STOP_NL] != 0,
    };
}

/* The pattern begins at byte `released` of the answer: what lies behind that is dropped. */
static uint32_t drop_pattern(struct kernel *kernel)
{
    struct stops *stops = &kernel->chat.stops;
    uint32_t dropped = stops->token_count;
    if (stops->token_count > 0 && stops->tokens[0].start < stops->released) {
        /* A token that begins before the pattern stays in the conversation, but only this much of it was shown. */
        send_token(kernel, &stops->tokens[0], (size_t)(stops->released - stops->tokens[0].start));
        dropped--;
    }
    stops->held_count = 0;
    stops->token_count = 0;
    return dropped;
}

bool stops_token(struct kernel *kernel, uint32_t id, const uint8_t *bytes, size_t count, uint64_t cycles,
                 uint32_t *ret_dropped)
{
    struct stops *stops = &kernel->chat.stops;
    uint64_t start = stops->released + stops->held_count;
    if (stops->token_count == STOPS_TOKENS)
        release(kernel, stops->held_count);
    stops->tokens[stops->token_count++] = (struct stops_token){
        .id = id,
        .cycles = cycles,
        .time_ms = clock_ms(),
        .bytes = bytes,
        .start = start,
        .end = start + count,
    };
    *ret_dropped = 0;
    for (size_t i = 0; i < count; i++) {
        stops->held[stops->held_count++] = bytes[i];
        const struct pattern *found = NULL;
        if (stops->you && held_ends_with(stops, &pattern_you, pattern_you.length))
            found = &pattern_you;
        else if (stops->empty_line && held_ends_with(stops, &pattern_empty_line, pattern_empty_line.length))
            found = &pattern_empty_line;
        if (found != NULL) {
            release(kernel, stops->held_count - found->length);
            *ret_dropped = drop_pattern(kernel);
            write_characters(kernel);
            return true;
        }
        uint32_t keep = longest_prefix(stops, stops->you, &pattern_you);
        uint32_t other = longest_prefix(stops, stops->empty_line, &pattern_empty_line);
        if (other > keep)
            keep = other;
        if (keep < stops->held_count)
            release(kernel, stops->held_count - keep);
    }
    if (count == 0)
        release(kernel, 0);
    write_characters(kernel);
    return false;
}

void stops_end(struct kernel *kernel)
{
    struct stops *stops = &kernel->chat.stops;
    release(kernel, stops->held_count);
    console_write(kernel, (const char *)stops->out, stops->out_count);
    stops->out_count = 0;
}
