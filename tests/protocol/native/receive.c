/* receive.c - feeds its standard input to the kernel's receiver and tells what comes out, a piece a line, for comparison with Python:
 *
 *   N hex            noise, neighbouring pieces joined
 *   R reason hex     a rejected line
 *   F kind seq k=v   a frame, values as on the wire
 *   A name=value     the request or hello in it (texts in hexadecimal)
 *   X id code key message   why it is refused
 */
#include "llmk_wire.h"

#include <stdio.h>

static bool noise_open;

static void end_noise(void)
{
    if (noise_open) {
        putchar('\n');
    }
    noise_open = false;
}

static void hexadecimal(const void *data, size_t count)
{
    const uint8_t *at = data;
    for (size_t i = 0; i < count; i++) {
        printf("%02x", at[i]);
    }
}

static void noise(const char *raw, size_t count)
{
    if (count > 0 && !noise_open) {
        printf("N ");
        noise_open = true;
    }
    hexadecimal(raw, count);
}

static void text(const char *name, const void *data, size_t count)
{
    printf(" %s=", name);
    hexadecimal(data, count);
}

static void refused(const struct wire_refusal *refusal)
{
    printf("X %u %s %s %s\n", refusal->id, wire_error_code_word(refusal->error), refusal->field, refusal->message);
}

static void request(const struct wire_frame *frame)
{
    struct wire_request record;
    struct wire_refusal refusal;
    if (!wire_request_parse(frame, &record, &refusal)) {
        refused(&refusal);
        return;
    }
    printf("A id=%u op=%s", record.id, wire_op_word(record.op));
    if (record.has_stream) {
        printf(" stream=%s", wire_stream_word(record.stream));
    }
    if (record.has_parameter) {
        text("parameter", record.parameter, record.parameter_length);
    }
    if (record.has_value) {
        text("value", record.value, record.value_length);
    }
    if (record.has_text) {
        text("text", record.text, record.text_length);
    }
    if (record.has_offset) {
        printf(" offset=%lu", (unsigned long)record.offset);
    }
    if (record.has_rate) {
        printf(" rate=%u", record.rate);
    }
    if (record.has_level) {
        printf(" level=%s", wire_log_level_word(record.level));
    }
    if (record.has_generation) {
        printf(" generation=%lu", (unsigned long)record.generation);
    }
    if (record.has_index) {
        printf(" index=%lu", (unsigned long)record.index);
    }
    if (record.has_count) {
        printf(" count=%u", record.count);
    }
    if (record.has_of) {
        printf(" of=%u", record.of);
    }
    putchar('\n');
}

static void hello(const struct wire_frame *frame)
{
    struct wire_host_hello record;
    struct wire_refusal refusal;
    if (!wire_host_hello_parse(frame, &record, &refusal)) {
        refused(&refusal);
        return;
    }
    printf("A protocol=%u session=%x", record.protocol, record.session);
    text("nonce", record.nonce, record.nonce_length);
    putchar('\n');
}

static void whole_frame(const struct wire_frame *frame)
{
    printf("F %c %04x", frame->kind, frame->sequence);
    for (unsigned i = 0; i < frame->count; i++) {
        const struct wire_pair *pair = &frame->pairs[i];
        printf(" %.*s=%.*s", pair->key_length, frame->line + pair->key, pair->value_length, frame->line + pair->value);
    }
    putchar('\n');
    if (frame->kind == 'q') {
        request(frame);
    } else if (frame->kind == 'h') {
        hello(frame);
    }
}

int main(void)
{
    static const char *const reasons[] = {"checksum", "too_long", "cut", "grammar"};
    struct wire_receiver receiver = {0};
    struct wire_frame frame;
    uint32_t rejected = 0;
    for (int byte = getchar(); byte != EOF; byte = getchar()) {
        switch (wire_receive(&receiver, (uint8_t)byte, &frame)) {
        case WIRE_PENDING:
            break;
        case WIRE_NOISE:
            noise(receiver.raw, receiver.raw_length);
            break;
        case WIRE_FRAME:
            end_noise();
            whole_frame(&frame);
            break;
        case WIRE_REJECTED:
            end_noise();
            rejected++;
            printf("R %s ", reasons[receiver.reason]);
            hexadecimal(receiver.raw, receiver.raw_length);
            putchar('\n');
            break;
        }
    }
    /* What is still held back: one empty receive would not do, so it is read from the receiver itself. */
    if (!receiver.finished || receiver.next_began) {
        noise(receiver.line, receiver.finished ? 0 : receiver.length);
        noise("@", receiver.next_began ? 1 : 0);
    }
    end_noise();
    return rejected == receiver.checksum + receiver.too_long + receiver.cut + receiver.malformed ? 0 : 1;
}
