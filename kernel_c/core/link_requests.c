/* link_requests.c - what the operations do. */
#include "clock.h"
#include "commands.h"
#include "kernel.h"
#include "number.h"
#include "text.h"

#define TELEMETRY_SHARE 3u   /* tenths of the line that samples may take */
#define SAMPLE_BYTES 110u    /* an average one */
#define MOST_SAMPLES_HZ 20u

/* ---- things sent again */

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
    link_done_count(kernel, request->id, sent);
}

static void send_events(struct kernel *kernel, const struct wire_request *request)
{
    unsigned sent = 0;
    if (request->has & WIRE_ARGUMENT_LEVEL)
        kernel->link.session.level = request->level;
    if ((request->has & WIRE_ARGUMENT_INDEX) && kernel->log != NULL) {
        uint32_t most = (request->has & WIRE_ARGUMENT_COUNT) ? request->count : LOG_CAPACITY;
        uint32_t number = request->index > kernel->log->first ? request->index : kernel->log->first;
        for (; number < kernel->log->next && sent < most; number++) {
            const struct log_entry *entry = log_number(kernel->log, number);
            struct wire_event record;
            if (entry == NULL)
                continue;
            log_record(entry, &record);
            sent += link_send(kernel, LINK_MUST, &record);
        }
    }
    link_done_count(kernel, request->id, sent);
}

static void send_dictionary(struct kernel *kernel, uint32_t id)
{
    struct link *link = &kernel->link;
    struct text text;
    text_init(&text, link->output, sizeof link->output);
    text_string(&text, wire_dictionary);
    link->output_length = text.length;
    link->session.output_id = id;
    (void)link_send_output(kernel, id, 0, UINT32_MAX);
    link_done_count(kernel, id, link_output_pieces(text.length));
}

static void send_all(struct kernel *kernel, uint32_t id)
{
    static const enum wire_stream streams[] = {WIRE_STREAM_VERSION, WIRE_STREAM_CPU, WIRE_STREAM_MODEL, WIRE_STREAM_TOKENIZER,
                                               WIRE_STREAM_SAMPLING, WIRE_STREAM_SENTINEL, WIRE_STREAM_KV, WIRE_STREAM_ZONE};
    unsigned sent = 0;
    for (unsigned i = 0; i < sizeof streams / sizeof *streams; i++)
        sent += link_send_stream(kernel, streams[i], LINK_MUST);
    if (kernel->bench.last.level != NULL)
        sent += link_send_stream(kernel, WIRE_STREAM_BENCH, LINK_MUST);
    link_done_count(kernel, id, sent);
}

/* ---- parameters and subscriptions */

static enum param_id find_parameter(struct kernel *kernel, const struct wire_request *request)
{
    enum param_id id = param_find(request->parameter, request->parameter_length, false);
    if (id == PARAM_COUNT)
        link_refuse(kernel, request->id, ERROR_ARG, "par", "no such parameter");
    return id;
}

static void answer_value(struct kernel *kernel, uint32_t id, enum param_id parameter)
{
    char value[64];
    struct text text;
    text_init(&text, value, sizeof value);
    param_format(kernel, parameter, &text);
    link_done_value(kernel, id, value);
}

static void set_parameter(struct kernel *kernel, const struct wire_request *request)
{
    struct error error = {0};
    enum param_id id = find_parameter(kernel, request);
    if (id == PARAM_COUNT)
        return;
    if (param_specs[id].flags & PARAM_BOOT_ONLY) {
        link_refuse(kernel, request->id, ERROR_ARG, "par", "this one is read from repl.cfg at boot and is not set later");
        return;
    }
    if (param_set(kernel, id, request->value, request->value_length, PARAM_FROM_WIRE, &error))
        answer_value(kernel, request->id, id);
    else
        link_refuse(kernel, request->id, error.code, "v", error.text);
}

/* Grants what the line can carry: all samples together get three tenths of it. */
static void subscribe(struct kernel *kernel, const struct wire_request *request)
{
    struct link *link = &kernel->link;
    uint32_t others = 0, most = kernel->uart.baud / 10 * TELEMETRY_SHARE / 10 / SAMPLE_BYTES, rate = request->rate;
    for (unsigned i = 0; i < WIRE_STREAM_COUNT; i++)
        others += i == (unsigned)request->stream ? 0 : link->session.streams[i].rate;
    if (rate > MOST_SAMPLES_HZ) {
        link_refuse(kernel, request->id, ERROR_RANGE, "hz", "expected 0 to 20");
        return;
    }
    uint32_t room = most > others ? most - others : 1;
    struct link_stream *stream = &link->session.streams[request->stream];
    stream->rate = (uint8_t)(rate > room ? room : rate);
    stream->due_us = clock_us();
    char value[8];
    struct text text;
    text_init(&text, value, sizeof value);
    text_format(&text, "%u", (unsigned)stream->rate);
    link_done_value(kernel, request->id, value);
}

static void want_choices(struct kernel *kernel, const struct wire_request *request)
{
    char value[8];
    struct text text;
    kernel->link.session.choices = request->count < CHOICE_MOST ? request->count : CHOICE_MOST;
    kernel->link.session.choices_dropped = 0;
    text_init(&text, value, sizeof value);
    text_format(&text, "%u", (unsigned)kernel->link.session.choices);
    link_done_value(kernel, request->id, value);
}

/* The texts of tokens by their ids. Nothing is sent when one of them is none. */
static void send_words(struct kernel *kernel, const struct wire_request *request)
{
    uint32_t ids[WIRE_REQUEST_TEXT_BYTES];
    unsigned count = 0;
    const char *text = (const char *)request->text, *end = text + request->text_length;
    if (!kernel->model_loaded) {
        link_refuse(kernel, request->id, ERROR_STATE, NULL, "no model is loaded: there is no vocabulary");
        return;
    }
    while (text < end) {
        const char *stop = text;
        uint64_t id;
        while (stop < end && *stop != ' ')
            stop++;
        if (!number_u64(text, (size_t)(stop - text), &id) || id >= kernel->engine.config.vocab_size) {
            link_refuse(kernel, request->id, ERROR_ARG, "s",
                        "expected ids of this vocabulary, a space between two");
            return;
        }
        ids[count++] = (uint32_t)id;
        text = stop < end ? stop + 1 : end;
    }
    unsigned sent = 0;
    for (unsigned i = 0; i < count; i++) {
        struct wire_word record = {.token = ids[i]};
        record.text = tokenizer_decode(&kernel->tokenizer, TOKEN_EOS, ids[i], &record.text_length);
        sent += link_send(kernel, LINK_MUST, &record);
    }
    link_done_count(kernel, request->id, sent);
}

/* ---- staged text, and the work that begins with it: gen, run, open */

static bool stage(struct kernel *kernel, const struct wire_request *request)
{
    struct link *link = &kernel->link;
    uint32_t offset = (request->has & WIRE_ARGUMENT_OFFSET) ? request->offset : 0;
    if (offset > 0 && offset <= link->session.staged_length &&
        request->text_length <= link->session.staged_length - offset)
        return true; /* it is here already: its answer was lost */
    if (offset > 0 && offset != link->session.staged_length) {
        char message[80];
        struct text text;
        text_init(&text, message, sizeof message);
        text_format(&text, "%u bytes are staged: expected o=%u, or 0 to begin anew",
                    (unsigned)link->session.staged_length, (unsigned)link->session.staged_length);
        link_refuse(kernel, request->id, ERROR_STATE, "o", message);
        return false;
    }
    if (offset + request->text_length >= sizeof link->staged) {
        link_refuse(kernel, request->id, ERROR_TOOLONG, "s", "at most 4095 bytes can be sent at once");
        return false;
    }
    for (size_t i = 0; i < request->text_length; i++)
        link->staged[offset + i] = (char)request->text[i];
    link->session.staged_length = offset + (uint32_t)request->text_length;
    link->staged[link->session.staged_length] = '\0';
    return true;
}

static void run_command(struct kernel *kernel, uint32_t id)
{
    struct link *link = &kernel->link;
    struct error error = {0};
    struct text text;
    link->session.output_id = 0;
    text_init(&text, link->output, sizeof link->output);
    console_print(kernel, "\n[console] %.*s\n",
                  (int)(link->session.staged_length < 200 ? link->session.staged_length : 200), link->staged);
    bool ok = command_run(kernel, link->staged, link->session.staged_length, &text, &error);
    console_write(kernel, link->output, text.length);
    if (!ok)
        console_print(kernel, "%s\n", error.text);
    if (link->session.waiting_id != id)
        return; /* another host has come meanwhile: to it this id means something else */
    if (!ok) {
        link_refuse(kernel, id, error.code, NULL, error.text);
        return;
    }
    link->output_length = text.length;
    link->session.output_id = id;
    (void)link_send_output(kernel, id, 0, UINT32_MAX);
    link_done_count(kernel, id, link_output_pieces(text.length));
}

static void run_generation(struct kernel *kernel, uint32_t id)
{
    struct link *link = &kernel->link;
    struct error error = {0};
    if (!chat_prepare(kernel, link->staged, link->session.staged_length, &error)) {
        link_refuse(kernel, id, error.code, NULL, error.text);
        return;
    }
    link_answer(kernel, &(struct wire_response){.id = id,
                                                .ok = true,
                                                .busy = true,
                                                .has = WIRE_RESPONSE_HAS_GENERATION,
                                                .generation = kernel->chat.generation});
    console_print(kernel, "\n[console] %.*s", (int)link->session.staged_length, link->staged);
    link->session.waiting_id = 0; /* answered: from here on the chat itself says that the kernel is busy */
    if (link->stop_waiting)
        chat_stop(kernel);
    chat_generate(kernel);
}

bool link_serve(struct kernel *kernel)
{
    struct link *link = &kernel->link;
    uint32_t id = link->session.waiting_id;
    if (id == 0)
        return false;
    link->serving = true;
    switch (link->session.waiting) {
    case WIRE_OP_GEN: run_generation(kernel, id); break;
    case WIRE_OP_OPEN: link_file_open(kernel, id); break;
    default: run_command(kernel, id); break;
    }
    link->session.waiting_id = 0;
    link->session.staged_length = 0;
    link_work_end(kernel);
    return true;
}

static void stage_work(struct kernel *kernel, const struct wire_request *request)
{
    struct link *link = &kernel->link;
    if (!stage(kernel, request))
        return;
    if (request->op == WIRE_OP_RUN && !command_is(link->staged, link->session.staged_length)) {
        link->session.staged_length = 0;
        link_refuse(kernel, request->id, ERROR_ARG, "s", "not a command: it must begin with /; prompts go with gen");
        return;
    }
    link->session.waiting = request->op;
    link->session.waiting_id = request->id;
    link->stop_waiting = false;
}

static void say_last(struct kernel *kernel, uint32_t id)
{
    if (kernel->chat.generation == 0 || kernel->chat.running) {
        link_refuse(kernel, id, ERROR_STATE, NULL, kernel->chat.running ? "the generation still runs" : "nothing was generated yet");
        return;
    }
    link_finished(kernel, &kernel->chat.last);
    link_done_count(kernel, id, 1);
}

void link_perform(struct kernel *kernel, const struct wire_request *request)
{
    switch (request->op) {
    case WIRE_OP_PING: link_done(kernel, request->id); break;
    case WIRE_OP_INFO: send_all(kernel, request->id); break;
    case WIRE_OP_STAT: link_done_count(kernel, request->id, link_send_stream(kernel, request->stream, LINK_MUST)); break;
    case WIRE_OP_DICT: send_dictionary(kernel, request->id); break;
    case WIRE_OP_SUB: subscribe(kernel, request); break;
    case WIRE_OP_LOG: send_events(kernel, request); break;
    case WIRE_OP_TOK: send_tokens(kernel, request); break;
    case WIRE_OP_PROB: want_choices(kernel, request); break;
    case WIRE_OP_WORD: send_words(kernel, request); break;
    case WIRE_OP_OUT:
        if (request->of == 0 || request->of != kernel->link.session.output_id)
            link_refuse(kernel, request->id, ERROR_STATE, "of", "only the last output is kept");
        else
            link_done_count(kernel, request->id, link_send_output(kernel, request->of, request->index, request->count));
        break;
    case WIRE_OP_LAST: say_last(kernel, request->id); break;
    case WIRE_OP_TEXT:
        if (stage(kernel, request))
            link_done(kernel, request->id);
        break;
    case WIRE_OP_GEN:
    case WIRE_OP_RUN:
    case WIRE_OP_OPEN: stage_work(kernel, request); break;
    case WIRE_OP_DATA: link_file_data(kernel, request); break;
    case WIRE_OP_CLOSE:
        link_file_close(kernel);
        link_done(kernel, request->id);
        break;
    case WIRE_OP_STOP:
        link_stop(kernel);
        link_done(kernel, request->id);
        break;
    case WIRE_OP_SET: set_parameter(kernel, request); break;
    case WIRE_OP_GET: {
        enum param_id id = find_parameter(kernel, request);
        if (id != PARAM_COUNT)
            answer_value(kernel, request->id, id);
        break;
    }
    case WIRE_OP_BYE:
        link_done(kernel, request->id);
        link_leave(kernel, WIRE_LEAVE_REASON_BYE);
        break;
    case WIRE_OP_REBOOT:
        link_done(kernel, request->id);
        link_leave(kernel, WIRE_LEAVE_REASON_REBOOT);
        kernel->leave = true;
        kernel->after = KERNEL_REBOOT;
        break;
    }
}
