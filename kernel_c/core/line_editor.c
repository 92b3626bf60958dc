#include "line_editor.h"

#include "kernel.h"
#include "text.h"
#include "utf8.h"

static bool continues(char byte)
{
    return ((uint8_t)byte & 0xc0) == 0x80;
}

static void write(struct kernel *kernel, const char *bytes, size_t count)
{
    console_echo(kernel, bytes, count);
}

/* Characters, one column each: what is typed here is nearly always so, and a wide one only shifts the picture. */
static size_t columns(const char *bytes, size_t count)
{
    size_t columns = 0;
    for (size_t i = 0; i < count; i++)
        columns += !continues(bytes[i]);
    return columns;
}

static void back(struct kernel *kernel, size_t count)
{
    while (count-- > 0)
        write(kernel, "\b", 1);
}

/* Draws what stands behind the cursor again, `gone` columns shorter than before, and comes back. */
static void redraw_tail(struct kernel *kernel, const struct line_editor *e, size_t gone)
{
    size_t tail = e->length - e->cursor;
    write(kernel, e->line + e->cursor, tail);
    for (size_t i = 0; i < gone; i++)
        write(kernel, " ", 1);
    back(kernel, columns(e->line + e->cursor, tail) + gone);
}

static void insert(struct kernel *kernel, struct line_editor *e, const char *bytes, size_t count)
{
    if (e->length + count >= sizeof e->line) {
        if (!e->full_told)
            console_print(kernel, "\n[a line has at most %u bytes: the rest is not taken]\n", (unsigned)sizeof e->line - 1);
        e->full_told = true;
        return;
    }
    for (size_t i = e->length; i > e->cursor; i--)
        e->line[i - 1 + count] = e->line[i - 1];
    for (size_t i = 0; i < count; i++)
        e->line[e->cursor++] = bytes[i];
    e->length += count;
    write(kernel, bytes, count);
    if (e->cursor < e->length)
        redraw_tail(kernel, e, 0);
}

static void move(struct kernel *kernel, struct line_editor *e, bool right)
{
    if (right && e->cursor < e->length) {
        size_t from = e->cursor++;
        while (e->cursor < e->length && continues(e->line[e->cursor]))
            e->cursor++;
        write(kernel, e->line + from, e->cursor - from);
    } else if (!right && e->cursor > 0) {
        do
            e->cursor--;
        while (e->cursor > 0 && continues(e->line[e->cursor]));
        back(kernel, 1);
    }
}

/* Removes the bytes from `from` up to the cursor. */
static void erase_back_to(struct kernel *kernel, struct line_editor *e, size_t from)
{
    size_t gone = columns(e->line + from, e->cursor - from), count = e->cursor - from;
    for (size_t i = e->cursor; i < e->length; i++)
        e->line[i - count] = e->line[i];
    e->length -= count;
    e->cursor = from;
    back(kernel, gone);
    redraw_tail(kernel, e, gone);
}

static size_t character_before(const struct line_editor *e)
{
    size_t at = e->cursor;
    while (at > 0 && continues(e->line[--at])) {
    }
    return at;
}

static size_t word_before(const struct line_editor *e)
{
    size_t at = e->cursor;
    while (at > 0 && e->line[at - 1] == ' ')
        at--;
    while (at > 0 && e->line[at - 1] != ' ')
        at--;
    return at;
}

static void go_to(struct kernel *kernel, struct line_editor *e, bool end)
{
    if (end)
        write(kernel, e->line + e->cursor, e->length - e->cursor);
    else
        back(kernel, columns(e->line, e->cursor));
    e->cursor = end ? e->length : 0;
}

static void replace(struct kernel *kernel, struct line_editor *e, const char *line)
{
    go_to(kernel, e, true);
    erase_back_to(kernel, e, 0);
    insert(kernel, e, line, string_length(line));
}

static void browse(struct kernel *kernel, struct line_editor *e, bool older)
{
    uint32_t held = e->remembered < LINE_HISTORY ? e->remembered : LINE_HISTORY;
    if (older && e->browsing < held)
        e->browsing++;
    else if (!older && e->browsing > 0)
        e->browsing--;
    else
        return;
    replace(kernel, e, e->browsing == 0 ? "" : e->history[(e->remembered - e->browsing) % LINE_HISTORY]);
}

static void erase_forward(struct kernel *kernel, struct line_editor *e)
{
    if (e->cursor == e->length)
        return;
    move(kernel, e, true);
    erase_back_to(kernel, e, character_before(e));
}

/* A complete escape sequence: ESC [ parameters final, or ESC O final. Unknown ones are swallowed, however long they are. */
static void run_escape(struct kernel *kernel, struct line_editor *e, char final)
{
    char parameter = e->escape_length > 2 ? e->escape[2] : '0';
    switch (final) {
    case 'A': browse(kernel, e, true); break;
    case 'B': browse(kernel, e, false); break;
    case 'C': move(kernel, e, true); break;
    case 'D': move(kernel, e, false); break;
    case 'H': go_to(kernel, e, false); break;
    case 'F': go_to(kernel, e, true); break;
    case '~':
        if (parameter == '3')
            erase_forward(kernel, e);
        else if (parameter == '1' || parameter == '7')
            go_to(kernel, e, false);
        else if (parameter == '4' || parameter == '8')
            go_to(kernel, e, true);
        break;
    default: break;
    }
}

static void take_escape(struct kernel *kernel, struct line_editor *e, uint8_t byte)
{
    if (e->escape_length < sizeof e->escape)
        e->escape[e->escape_length++] = (char)byte;
    bool introducer = e->escape_length == 2 && (byte == '[' || byte == 'O');
    bool final = e->escape_length > 2 && byte >= 0x40 && byte <= 0x7e;
    if (introducer || (e->escape_length > 2 && !final))
        return;
    if (final)
        run_escape(kernel, e, (char)byte);
    e->escape_length = 0;
}

static void take_control(struct kernel *kernel, struct line_editor *e, uint8_t byte)
{
    switch (byte) {
    case 0x1b: e->escape[0] = 0x1b, e->escape_length = 1; break;
    case 0x7f:
    case '\b':
        if (e->cursor > 0)
            erase_back_to(kernel, e, character_before(e));
        break;
    case 0x01: go_to(kernel, e, false); break; /* Ctrl-A */
    case 0x05: go_to(kernel, e, true); break;  /* Ctrl-E */
    case 0x15: erase_back_to(kernel, e, 0); break; /* Ctrl-U */
    case 0x17: erase_back_to(kernel, e, word_before(e)); break; /* Ctrl-W */
    case '\t': insert(kernel, e, " ", 1); break;
    default: break;
    }
}

static void insert_held(struct kernel *kernel, struct line_editor *e)
{
    size_t count = e->character_length;
    e->character_length = 0;
    if (count > 0)
        insert(kernel, e, e->character, count);
}

/* Bytes of a character are inserted together: half of one in front of other text is no text. What is no UTF-8 is kept as it is. */
static void take_text(struct kernel *kernel, struct line_editor *e, char byte)
{
    if (!continues(byte))
        insert_held(kernel, e);
    e->character[e->character_length++] = byte;
    if (e->character_length >= utf8_length((uint8_t)e->character[0]))
        insert_held(kernel, e);
}

bool line_editor_take(struct kernel *kernel, struct line_editor *e, uint8_t byte)
{
    bool second_half = byte == '\n' && e->after_return;
    e->after_return = byte == '\r';
    if (second_half)
        return false;
    bool text = byte >= 0x20 && byte != 0x7f;
    if (!text) {
        insert_held(kernel, e);
        e->escape_length = 0; /* a control ends a sequence that never ended: Enter stays Enter */
    }
    if (e->escape_length > 0) {
        take_escape(kernel, e, byte);
        return false;
    }
    if (byte == '\r' || byte == '\n') {
        go_to(kernel, e, true);
        write(kernel, "\n", 1);
        e->line[e->length] = '\0';
        return true;
    }
    if (text)
        take_text(kernel, e, (char)byte);
    else
        take_control(kernel, e, byte);
    return false;
}

void line_editor_show(struct kernel *kernel, struct line_editor *e)
{
    e->cursor = 0;
    go_to(kernel, e, true);
    console_flush(kernel);
}

void line_editor_clear(struct line_editor *e)
{
    e->length = e->cursor = e->escape_length = e->character_length = 0;
    e->browsing = 0;
    e->full_told = false;
}

void line_editor_remember(struct line_editor *e, const char *line, size_t length)
{
    if (length == 0 || length >= LINE_HISTORY_BYTES)
        return;
    char *to = e->history[e->remembered++ % LINE_HISTORY];
    for (size_t i = 0; i < length; i++)
        to[i] = line[i];
    to[length] = '\0';
}
