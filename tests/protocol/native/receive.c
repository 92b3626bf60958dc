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

static void refused(unsigned id, const struct wire_host_record *record)
{
    const struct wire_fault_words *words = &wire_faults[record->fault];
    printf("X %u %s %s %s\n", id, wire_error_code_word(words->error), record->field, words->message);
}

static void request(struct wire_request record)
{
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

static void hello(struct wire_host_hello record)
{
    printf("A protocol=%u session=%x", record.protocol, record.session);
    text("nonce", record.nonce, record.nonce_length);
    putchar('\n');
}

static void whole_frame(const struct wire_frame *frame, const char *line)
{
    printf("F %c %.4s", frame->kind, line + 3);
    for (unsigned i = 0; i < frame->count; i++) {
        const struct wire_pair *pair = &frame->pairs[i];
        printf(" %.*s", (int)(pair->end - pair->key), pair->key);
    }
    putchar('\n');
    if (frame->kind != 'q' && frame->kind != 'h') {
        return;
    }
    struct wire_host_record record;
    wire_read(frame, &record);
    if (record.fault != WIRE_FAULT_NONE) {
        refused(frame->kind == 'q' ? record.request.id : 0, &record);
    } else if (frame->kind == 'q') {
        request(record.request);
    } else {
        hello(record.hello);
    }
}

int main(void)
{
    static const char *const reasons[] = {"checksum", "too_long", "cut", "grammar"};
    struct wire_receiver receiver = {0};
    struct wire_frame frame;
    for (int byte = getchar(); byte != EOF; byte = getchar()) {
        enum wire_received received = wire_receive(&receiver, (uint8_t)byte, &frame);
        switch (received) {
        case WIRE_PENDING:
            break;
        case WIRE_NOISE:
            noise(receiver.line, receiver.raw_length);
            break;
        case WIRE_FRAME:
            end_noise();
            whole_frame(&frame, receiver.line);
            break;
        default:
            end_noise();
            printf("R %s ", reasons[received - WIRE_REJECTED_CHECKSUM]);
            hexadecimal(receiver.line, receiver.raw_length);
            putchar('\n');
            break;
        }
    }
    noise(receiver.line, receiver.length); /* what is still held back: no receive would give it */
    end_noise();
    return 0;
}
