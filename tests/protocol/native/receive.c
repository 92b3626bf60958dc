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
#include <string.h>

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

static void refused(unsigned id, const struct wire_fault_words *words, const char *field)
{
    printf("X %u %s %s %s\n", id, wire_error_code_word((enum wire_error_code)(words->error - 1)), field, words->message);
}

static void request(struct wire_request record)
{
    printf("A id=%u op=%s", record.id, wire_op_word(record.op));
    if (record.has & WIRE_ARGUMENT_STREAM) {
        printf(" stream=%s", wire_stream_word(record.stream));
    }
    if (record.has & WIRE_ARGUMENT_PARAMETER) {
        text("parameter", record.parameter, record.parameter_length);
    }
    if (record.has & WIRE_ARGUMENT_VALUE) {
        text("value", record.value, record.value_length);
    }
    if (record.has & WIRE_ARGUMENT_TEXT) {
        text("text", record.text, record.text_length);
    }
    if (record.has & WIRE_ARGUMENT_OFFSET) {
        printf(" offset=%lu", (unsigned long)record.offset);
    }
    if (record.has & WIRE_ARGUMENT_RATE) {
        printf(" rate=%u", record.rate);
    }
    if (record.has & WIRE_ARGUMENT_LEVEL) {
        printf(" level=%s", wire_log_level_word(record.level));
    }
    if (record.has & WIRE_ARGUMENT_GENERATION) {
        printf(" generation=%lu", (unsigned long)record.generation);
    }
    if (record.has & WIRE_ARGUMENT_INDEX) {
        printf(" index=%lu", (unsigned long)record.index);
    }
    if (record.has & WIRE_ARGUMENT_COUNT) {
        printf(" count=%u", record.count);
    }
    if (record.has & WIRE_ARGUMENT_OF) {
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

/* A request without an id is not answered, and a hello of another version is answered by the kernel's own: both are for
 * those who serve the frame, see link.c. */
static void whole_frame(const char *line)
{
    static const struct wire_fault_words no_id = {ERROR_RANGE, "must be 1 to 65535"};
    static const struct wire_fault_words other = {ERROR_VERSION, "is a protocol version that this kernel does not speak"};
    struct wire_host_record record;
    bool asks = line[1] == 'q';
    printf("F %c %.4s%.*s\n", line[1], line + 3, (int)(strchr(line, '*') - line - 7), line + 7);
    if (!asks && line[1] != 'h') {
        return;
    }
    wire_read(line, &record);
    if (record.fault != WIRE_FAULT_NONE) {
        refused(asks ? record.request.id : 0, &wire_faults[record.fault], record.field);
    } else if (asks && record.request.id == 0) {
        refused(0, &no_id, "id");
    } else if (asks) {
        request(record.request);
    } else if (record.hello.protocol != WIRE_PROTOCOL) {
        refused(0, &other, "p");
    } else {
        hello(record.hello);
    }
}

int main(void)
{
    static const char *const reasons[] = {"checksum", "too_long", "cut", "grammar"};
    struct wire_receiver receiver = {0};
    for (int byte = getchar(); byte != EOF; byte = getchar()) {
        enum wire_received received = wire_receive(&receiver, (uint8_t)byte);
        switch (received) {
        case WIRE_PENDING:
            break;
        case WIRE_NOISE:
            noise(receiver.line, receiver.raw_length);
            break;
        case WIRE_FRAME:
            end_noise();
            whole_frame(receiver.line);
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
