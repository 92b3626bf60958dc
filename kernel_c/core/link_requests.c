/* link_requests.c - one operation at a time, each answered once and replayed when it is asked again. */
#include "clock.h"
#include "commands.h"
#include "kernel.h"
#include "text.h"

#define TELEMETRY_SHARE 3u   /* tenths of the line that samples may take */
#define SAMPLE_BYTES 110u    /* an average one */
#define MOST_SAMPLES_HZ 20u

static void copy(char *to, size_t capacity, const char *from)
{
    struct text text;
    text_init(&text, to, capacity);
    text_string(&text, from);
}

/* ---- answers */

static struct link_answer *answer_begin(struct link *link, uint16_t id)
{
    struct link_answer *answer = &link->answers[link->answered++ % LINK_REPLAYS];
    *answer = (struct link_answer){.id = id, .record = {.id = id, .ok = true}};
    return answer;
}

static void answer_send(struct kernel *kernel, struct link_answer *answer)
{
    struct wire_line line;
    struct wire_response *record = &answer->record;
    record->time = clock_ms();
    record->value = answer->value;
    record->field = answer->field;
    record->message = answer->message;
    (void)wire_put_response(&line, link_sequence(kernel), record);
    (void)link_send(kernel, &line, LINK_MUST);
}

static void refuse(struct kernel *kernel, uint16_t id, enum wire_error_code code, const char *field, const char *message)
{
    struct link_answer *answer = answer_begin(&kernel->link, id);
    answer->record.ok = false;
    answer->record.has_error = true;
    answer->record.error = code;
    answer->record.has_field = field != NULL && *field != '\0';
    answer->record.has_message = true;
    copy(answer->field, sizeof answer->field, field != NULL ? field : "");
    copy(answer->message, sizeof answer->message, message);
    answer_send(kernel, answer);
}

/* enum error_code is enum wire_error_code with ERROR_NONE in front. */
_Static_assert((int)ERROR_OP == (int)WIRE_ERROR_CODE_OP + 1 && (int)ERROR_INTERNAL == (int)WIRE_ERROR_CODE_INTERNAL + 1,
               "the words of errors and of the wire are in one order");

static void refuse_error(struct kernel *kernel, uint16_t id, const char *field, const struct error *error)
{
    enum wire_error_code code = error->code == ERROR_NONE ? WIRE_ERROR_CODE_INTERNAL : (enum wire_error_code)(error->code - 1);
    refuse(kernel, id, code, field, error->text);
}

static void done(struct kernel *kernel, uint16_t id)
{
    answer_send(kernel, answer_begin(&kernel->link, id));
}

static void done_count(struct kernel *kernel, uint16_t id, unsigned count)
{
    struct link_answer *answer = answer_begin(&kernel->link, id);
    answer->record.has_count = true;
    answer->record.count = (uint16_t)count;
    answer_send(kernel, answer);
}

static void done_value(struct kernel *kernel, uint16_t id, const char *value)
{
    struct link_answer *answer = answer_begin(&kernel->link, id);
    answer->record.has_value = true;
    copy(answer->value, sizeof answer->value, value);
    answer_send(kernel, answer);
}

static bool replay(struct kernel *kernel, uint16_t id)
{
    for (unsigned i = 0; i < LINK_REPLAYS; i++)
        if (kernel->link.answers[i].id == id) {
            answer_send(kernel, &kernel->link.answers[i]);
            return true;
        }
    return kernel->link.waiting_id == id && kernel->link.waiting_session == kernel->link.sessions; /* it runs: its answer will come */
}

/* ---- things sent again */

static unsigned send_output(struct kernel *kernel, uint16_t id, uint32_t first, uint32_t most)
{
    struct link *link = &kernel->link;
    unsigned sent = 0;
    for (uint32_t index = first; index - first < most; index++) {
        size_t at = (size_t)index * WIRE_OUTPUT_TEXT_BYTES;
        struct wire_line line;
        if (at >= link->output_length)
            break;
        size_t rest = link->output_length - at;
        struct wire_output record = {.id = id, .index = (uint16_t)index, .text = (const uint8_t *)link->output + at,
                                     .text_length = rest < WIRE_OUTPUT_TEXT_BYTES ? rest : WIRE_OUTPUT_TEXT_BYTES};
        (void)wire_put_output(&line, link_sequence(kernel), &record);
        sent += link_send(kernel, &line, LINK_MUST);
    }
    return sent;
}

static unsigned pieces(size_t length)
{
    return (unsigned)((length + WIRE_OUTPUT_TEXT_BYTES - 1) / WIRE_OUTPUT_TEXT_BYTES);
}

static void send_tokens(struct kernel *kernel, const struct wire_request *request)
{
    const struct chat *chat = &kernel->chat;
    unsigned sent = 0;
    for (uint32_t index = request->index; index < chat->generated && index - request->index < request->count; index++) {
        if (request->generation != chat->generation || chat->generated - index > CHAT_HISTORY || !kernel->model_loaded)
            continue;
        const struct chat_token *token = &chat->history[index % CHAT_HISTORY];
        size_t count;
        const uint8_t *bytes = tokenizer_decode(&kernel->tokenizer, TOKEN_EOS, token->id, &count);
        sent += link_send_token(kernel, index, token, bytes, count < token->bytes ? count : token->bytes);
    }
    done_count(kernel, request->id, sent);
}

static void send_events(struct kernel *kernel, const struct wire_request *request)
{
    unsigned sent = 0;
    if (request->has_level)
        kernel->link.level = request->level;
    if (request->has_index && kernel->log != NULL) {
        uint32_t most = request->has_count ? request->count : LOG_CAPACITY;
        uint32_t number = request->index > kernel->log->first ? request->index : kernel->log->first;
        for (; number < kernel->log->next && sent < most; number++) {
            const struct log_entry *entry = log_number(kernel->log, number);
            struct wire_event record;
            struct wire_line line;
            if (entry == NULL)
                continue;
            log_record(entry, &record);
            (void)wire_put_event(&line, link_sequence(kernel), &record);
            sent += link_send(kernel, &line, LINK_MUST);
        }
    }
    done_count(kernel, request->id, sent);
}

static void send_dictionary(struct kernel *kernel, uint16_t id)
{
    struct link *link = &kernel->link;
    struct text text;
    text_init(&text, link->output, sizeof link->output);
    text_string(&text, wire_dictionary);
    link->output_length = text.length;
    link->output_id = id;
    (void)send_output(kernel, id, 0, UINT32_MAX);
    done_count(kernel, id, pieces(text.length));
}

static void send_all(struct kernel *kernel, uint16_t id)
{
    static const enum wire_stream streams[] = {WIRE_STREAM_VERSION, WIRE_STREAM_CPU, WIRE_STREAM_MODEL, WIRE_STREAM_TOKENIZER,
                                               WIRE_STREAM_SAMPLING, WIRE_STREAM_SENTINEL, WIRE_STREAM_KV, WIRE_STREAM_ZONE};
    unsigned sent = 0;
    for (unsigned i = 0; i < sizeof streams / sizeof *streams; i++)
        sent += link_send_stream(kernel, streams[i], LINK_MUST);
    done_count(kernel, id, sent);
}

/* ---- parameters and subscriptions */

static enum param_id find_parameter(struct kernel *kernel, const struct wire_request *request)
{
    enum param_id id = param_find(request->parameter, request->parameter_length, false);
    if (id == PARAM_COUNT)
        refuse(kernel, request->id, WIRE_ERROR_CODE_ARG, "par", "no such parameter");
    return id;
}

static void answer_value(struct kernel *kernel, uint16_t id, enum param_id parameter)
{
    char value[64];
    struct text text;
    text_init(&text, value, sizeof value);
    param_format(kernel, parameter, &text);
    done_value(kernel, id, value);
}

static void set_parameter(struct kernel *kernel, const struct wire_request *request)
{
    struct error error = {0};
    enum param_id id = find_parameter(kernel, request);
    if (id == PARAM_COUNT)
        return;
    if (param_specs[id].flags & PARAM_BOOT_ONLY) {
        refuse(kernel, request->id, WIRE_ERROR_CODE_ARG, "par", "this one is read from repl.cfg at boot and is not set later");
        return;
    }
    if (param_set(kernel, id, request->value, request->value_length, PARAM_FROM_WIRE, &error))
        answer_value(kernel, request->id, id);
    else
        refuse_error(kernel, request->id, "v", &error);
}

/* Grants what the line can carry: all samples together get three tenths of it. */
static void subscribe(struct kernel *kernel, const struct wire_request *request)
{
    struct link *link = &kernel->link;
    uint32_t others = 0, most = kernel->uart.baud / 10 * TELEMETRY_SHARE / 10 / SAMPLE_BYTES, rate = request->rate;
    for (unsigned i = 0; i < WIRE_STREAM_COUNT; i++)
        others += i == (unsigned)request->stream ? 0 : link->streams[i].rate;
    if (rate > MOST_SAMPLES_HZ) {
        refuse(kernel, request->id, WIRE_ERROR_CODE_RANGE, "hz", "expected 0 to 20");
        return;
    }
    uint32_t room = most > others ? most - others : 1;
    struct link_stream *stream = &link->streams[request->stream];
    stream->rate = (uint8_t)(rate > room ? room : rate);
    stream->due_us = clock_us();
    char value[8];
    struct text text;
    text_init(&text, value, sizeof value);
    text_format(&text, "%u", (unsigned)stream->rate);
    done_value(kernel, request->id, value);
}

/* ---- staged text, gen and run */

static bool stage(struct kernel *kernel, const struct wire_request *request)
{
    struct link *link = &kernel->link;
    uint32_t offset = request->has_offset ? request->offset : 0;
    if (offset > 0 && offset <= link->staged_length && request->text_length <= link->staged_length - offset)
        return true; /* it is here already: its answer was lost */
    if (offset > 0 && offset != link->staged_length) {
        char message[80];
        struct text text;
        text_init(&text, message, sizeof message);
        text_format(&text, "%u bytes are staged: expected o=%u, or 0 to begin anew", (unsigned)link->staged_length,
                    (unsigned)link->staged_length);
        refuse(kernel, request->id, WIRE_ERROR_CODE_STATE, "o", message);
        return false;
    }
    if (offset + request->text_length >= sizeof link->staged) {
        refuse(kernel, request->id, WIRE_ERROR_CODE_TOOLONG, "s", "at most 4095 bytes can be sent at once");
        return false;
    }
    for (size_t i = 0; i < request->text_length; i++)
        link->staged[offset + i] = (char)request->text[i];
    link->staged_length = offset + request->text_length;
    link->staged[link->staged_length] = '\0';
    return true;
}

static void run_command(struct kernel *kernel, uint16_t id)
{
    struct link *link = &kernel->link;
    struct error error = {0};
    struct text text;
    uint32_t session = link->sessions;
    link->output_id = 0;
    text_init(&text, link->output, sizeof link->output);
    console_print(kernel, "\n[console] %.*s\n", (int)(link->staged_length < 200 ? link->staged_length : 200), link->staged);
    bool ok = command_run(kernel, link->staged, link->staged_length, &text, &error);
    console_write(kernel, link->output, text.length);
    if (!ok)
        console_print(kernel, "%s\n", error.text);
    if (link->sessions != session)
        return; /* another host has come meanwhile: to it this id means something else */
    if (!ok) {
        refuse_error(kernel, id, NULL, &error);
        return;
    }
    link->output_length = text.length;
    link->output_id = id;
    (void)send_output(kernel, id, 0, UINT32_MAX);
    done_count(kernel, id, pieces(text.length));
}

static void run_generation(struct kernel *kernel, uint16_t id)
{
    struct link *link = &kernel->link;
    struct error error = {0};
    if (!chat_prepare(kernel, link->staged, link->staged_length, &error)) {
        refuse_error(kernel, id, NULL, &error);
        return;
    }
    struct link_answer *answer = answer_begin(link, id);
    answer->record.busy = true;
    answer->record.has_generation = true;
    answer->record.generation = kernel->chat.generation;
    answer_send(kernel, answer);
    console_print(kernel, "\n[console] %.*s", (int)link->staged_length, link->staged);
    link->waiting_id = 0; /* answered: from here on the chat itself says that the kernel is busy */
    if (link->stop_waiting)
        chat_stop(kernel);
    chat_generate(kernel);
}

bool link_serve(struct kernel *kernel)
{
    struct link *link = &kernel->link;
    uint16_t id = link->waiting_id;
    if (id == 0)
        return false;
    link->serving = true;
    if (link->waiting == WIRE_OP_GEN)
        run_generation(kernel, id);
    else
        run_command(kernel, id);
    link->waiting_id = 0;
    link->staged_length = 0;
    link_work_end(kernel);
    return true;
}

static void stage_work(struct kernel *kernel, const struct wire_request *request)
{
    struct link *link = &kernel->link;
    if (!stage(kernel, request))
        return;
    if (request->op == WIRE_OP_RUN && !command_is(link->staged, link->staged_length)) {
        link->staged_length = 0;
        refuse(kernel, request->id, WIRE_ERROR_CODE_ARG, "s", "not a command: it must begin with /; prompts go with gen");
        return;
    }
    link->waiting = request->op;
    link->waiting_id = request->id;
    link->waiting_session = link->sessions;
    link->stop_waiting = false;
}

static void say_last(struct kernel *kernel, uint16_t id)
{
    if (kernel->chat.generation == 0 || kernel->chat.running) {
        refuse(kernel, id, WIRE_ERROR_CODE_STATE, NULL, kernel->chat.running ? "the generation still runs" : "nothing was generated yet");
        return;
    }
    link_finished(kernel, &kernel->chat.last);
    done_count(kernel, id, 1);
}

static void perform(struct kernel *kernel, const struct wire_request *request)
{
    switch (request->op) {
    case WIRE_OP_PING: done(kernel, request->id); break;
    case WIRE_OP_INFO: send_all(kernel, request->id); break;
    case WIRE_OP_STAT: done_count(kernel, request->id, link_send_stream(kernel, request->stream, LINK_MUST)); break;
    case WIRE_OP_DICT: send_dictionary(kernel, request->id); break;
    case WIRE_OP_SUB: subscribe(kernel, request); break;
    case WIRE_OP_LOG: send_events(kernel, request); break;
    case WIRE_OP_TOK: send_tokens(kernel, request); break;
    case WIRE_OP_OUT:
        if (request->of == 0 || request->of != kernel->link.output_id)
            refuse(kernel, request->id, WIRE_ERROR_CODE_STATE, "of", "only the last output is kept");
        else
            done_count(kernel, request->id, send_output(kernel, request->of, request->index, request->count));
        break;
    case WIRE_OP_LAST: say_last(kernel, request->id); break;
    case WIRE_OP_TEXT:
        if (stage(kernel, request))
            done(kernel, request->id);
        break;
    case WIRE_OP_GEN:
    case WIRE_OP_RUN: stage_work(kernel, request); break;
    case WIRE_OP_STOP:
        link_stop(kernel);
        done(kernel, request->id);
        break;
    case WIRE_OP_SET: set_parameter(kernel, request); break;
    case WIRE_OP_GET: {
        enum param_id id = find_parameter(kernel, request);
        if (id != PARAM_COUNT)
            answer_value(kernel, request->id, id);
        break;
    }
    case WIRE_OP_BYE:
        done(kernel, request->id);
        link_leave(kernel, WIRE_LEAVE_REASON_BYE);
        break;
    case WIRE_OP_REBOOT:
        done(kernel, request->id);
        link_leave(kernel, WIRE_LEAVE_REASON_REBOOT);
        kernel->leave = true;
        kernel->after = KERNEL_REBOOT;
        break;
    }
}

void link_request(struct kernel *kernel, const struct wire_frame *frame)
{
    struct wire_request request;
    struct wire_refusal refusal;
    if (!wire_request_parse(frame, &request, &refusal)) {
        if (refusal.id == 0)
            kernel->link.receiver.malformed++; /* nobody can be answered */
        else if (!replay(kernel, refusal.id))
            refuse(kernel, refusal.id, refusal.error, refusal.field, refusal.message);
        return;
    }
    if (replay(kernel, request.id))
        return;
    if (link_busy(kernel) && !(wire_operations[request.op].flags & WIRE_OP_WHILE_BUSY)) {
        refuse(kernel, request.id, WIRE_ERROR_CODE_BUSY, NULL, "the kernel computes: wait for the end, or stop it");
        return;
    }
    perform(kernel, &request);
}
