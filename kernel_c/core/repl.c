#include "repl.h"

#include "commands.h"
#include "kernel.h"
#include "line_editor.h"
#include "text.h"

/* What a person is typing: the line under the cursor, and the lines before it of a prompt that goes on. */
struct repl {
    struct line_editor editor;
    char prompt[CHAT_PROMPT_BYTES];
    size_t length;
    bool continued;
};

static void show_prompt(struct kernel *kernel, const struct repl *repl)
{
    console_print(kernel, "%s", repl->continued ? "... " : kernel->model_loaded ? "llmk> " : "rescue> ");
    console_flush(kernel);
}

static void run_command(struct kernel *kernel, const char *line, size_t length)
{
    struct error error = {0};
    struct text text; /* the link's output buffer is free: one thing runs at a time */
    text_init(&text, kernel->link.output, sizeof kernel->link.output);
    kernel->link.session.output_id = 0; /* what the host could have asked for again is overwritten */
    link_work_begin(kernel);
    if (command_run(kernel, line, length, &text, &error))
        console_write(kernel, kernel->link.output, text.length);
    else
        console_print(kernel, "%s\n", error.text);
    link_work_end(kernel);
}

static void run_prompt(struct kernel *kernel, const char *prompt, size_t length)
{
    struct error error = {0};
    link_work_begin(kernel);
    if (chat_prepare(kernel, prompt, length, &error))
        chat_generate(kernel);
    else
        console_print(kernel, "%s\n", error.text);
    link_work_end(kernel);
}

static bool append(struct kernel *kernel, struct repl *repl, const char *bytes, size_t count)
{
    if (repl->length + count >= sizeof repl->prompt) {
        console_print(kernel, "a prompt has at most %u bytes: this one was dropped\n", (unsigned)sizeof repl->prompt - 1);
        repl->length = 0;
        repl->continued = false;
        return false;
    }
    for (size_t i = 0; i < count; i++)
        repl->prompt[repl->length++] = bytes[i];
    repl->prompt[repl->length] = '\0';
    return true;
}

/* A prompt may go on over lines: one that ends with a backslash does, two of them are a backslash, and ";;" alone ends it. */
static void take_prompt_line(struct kernel *kernel, struct repl *repl, const char *line, size_t length)
{
    bool ends = repl->continued && length == 2 && line[0] == ';' && line[1] == ';';
    bool literal = length >= 2 && line[length - 1] == '\\' && line[length - 2] == '\\';
    bool goes_on = !literal && length >= 1 && line[length - 1] == '\\';
    if (!ends) {
        if (repl->continued && !append(kernel, repl, "\n", 1))
            return;
        if (!append(kernel, repl, line, length - (literal || goes_on)))
            return;
    }
    repl->continued = goes_on;
    if (goes_on)
        return;
    size_t whole = repl->length;
    repl->length = 0;
    run_prompt(kernel, repl->prompt, whole);
}

static void take_line(struct kernel *kernel, struct repl *repl)
{
    const char *line = repl->editor.line;
    size_t length = repl->editor.length;
    line_editor_remember(&repl->editor, line, length);
    if (!repl->continued && command_is(line, length))
        run_command(kernel, line, length);
    else if (length > 0 || repl->continued)
        take_prompt_line(kernel, repl, line, length);
    line_editor_clear(&repl->editor);
    if (!kernel->leave)
        show_prompt(kernel, repl);
}

static void take_typed(struct kernel *kernel, struct repl *repl, uint8_t byte)
{
    if (byte == UART_STOP) {
        repl->length = 0;
        repl->continued = false;
        line_editor_clear(&repl->editor);
        console_print(kernel, "^C\n");
        show_prompt(kernel, repl);
    } else if (line_editor_take(kernel, &repl->editor, byte)) {
        take_line(kernel, repl);
    }
}

/* A person gets the line back: with a prompt, and with what was typed before a host took the line. */
static void follow_link(struct kernel *kernel, struct repl *repl)
{
    if (!kernel->link.session.prompt_due)
        return;
    kernel->link.session.prompt_due = false;
    console_print(kernel, "\n");
    show_prompt(kernel, repl);
    line_editor_show(kernel, &repl->editor);
}

int repl_run(struct kernel *kernel)
{
    static struct repl repl; /* nine kilobytes: too large for a stack without probes */
    link_beacon(kernel);
    show_prompt(kernel, &repl);
    while (!kernel->leave) {
        uint8_t byte;
        (void)link_poll(kernel);
        follow_link(kernel, &repl);
        if (link_serve(kernel))
            show_prompt(kernel, &repl);
        else if (link_typed(kernel, &byte))
            take_typed(kernel, &repl, byte);
        else {
            console_flush(kernel);
            port_relax(link_sleep_us(kernel));
        }
    }
    return 0;
}
