/* screen.c - the machine's own screen as a file, and its keys from one. */
#define _GNU_SOURCE
#include "port.h"
#include "port_posix.h"
#include "utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int screen = -1;
static char drawn[4096];
static size_t drawn_count;

static bool waits_for_keys; /* a pipe or a terminal: a plain file is always ready */
static char typed[16];      /* bytes read from the keyboard that are not a whole key yet */
static size_t typed_count;

void screen_open(void)
{
    if (options.screen != NULL) {
        int how = O_WRONLY | O_CREAT | O_CLOEXEC | (lasting.rebooted ? O_APPEND : O_TRUNC);
        screen = strcmp(options.screen, "stderr") == 0 ? STDERR_FILENO : open(options.screen, how, 0644);
        if (screen < 0)
            port_fail("cannot open the screen", options.screen);
    }
    if (options.keyboard == NULL)
        return;
    struct stat found;
    if (stat(options.keyboard, &found) != 0)
        port_fail("cannot open the keyboard", options.keyboard);
    waits_for_keys = !S_ISREG(found.st_mode);
    if (lasting.rebooted) /* goes on where it was */
        return;
    /* A named pipe is opened for both ways, so that it does not end when one who typed leaves. */
    lasting.keyboard = open(options.keyboard, (S_ISFIFO(found.st_mode) ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_NOCTTY);
    if (lasting.keyboard < 0)
        port_fail("cannot open the keyboard", options.keyboard);
}

void port_screen_flush(void)
{
    for (size_t at = 0; at < drawn_count && screen >= 0;) {
        ssize_t count = write(screen, drawn + at, drawn_count - at);
        if (count < 0 && errno != EINTR)
            break; /* a screen that is gone stops nothing */
        at += count > 0 ? (size_t)count : 0;
    }
    drawn_count = 0;
}

bool port_screen_size(uint32_t *ret_width, uint32_t *ret_height)
{
    *ret_width = *ret_height = 0; /* a stream of characters has no pixels */
    return false;
}

bool port_screen_row(uint32_t y, uint32_t width, uint8_t *rgb)
{
    (void)y;
    (void)width;
    (void)rgb;
    return false;
}

void port_screen_write(const char *utf8, size_t bytes)
{
    for (size_t i = 0; i < bytes && screen >= 0; i++) {
        if (drawn_count == sizeof drawn)
            port_screen_flush();
        drawn[drawn_count++] = utf8[i];
    }
}

int keyboard_descriptor(void)
{
    return waits_for_keys ? lasting.keyboard : -1;
}

static void read_keyboard(void)
{
    if (lasting.keyboard < 0 || typed_count == sizeof typed)
        return;
    ssize_t count = read(lasting.keyboard, typed + typed_count, sizeof typed - typed_count);
    if (count > 0) {
        typed_count += (size_t)count;
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
        (void)close(lasting.keyboard);
        lasting.keyboard = -1;
    }
}

static int32_t take(size_t count, int32_t key)
{
    typed_count -= count;
    memmove(typed, typed + count, typed_count);
    return key;
}

/* The keys that a terminal sends as sequences. */
static int32_t special_key(size_t *ret_count)
{
    static const struct {
        const char *bytes;
        int32_t key;
    } table[] = {
        {"\x1b[A", PORT_KEY_UP},   {"\x1b[B", PORT_KEY_DOWN}, {"\x1b[C", PORT_KEY_RIGHT},   {"\x1b[D", PORT_KEY_LEFT},
        {"\x1b[H", PORT_KEY_HOME}, {"\x1b[F", PORT_KEY_END},  {"\x1b[3~", PORT_KEY_DELETE},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        *ret_count = strlen(table[i].bytes);
        if (typed_count >= *ret_count && memcmp(typed, table[i].bytes, *ret_count) == 0)
            return table[i].key;
    }
    return PORT_KEY_NONE;
}

int32_t port_key_read(void)
{
    read_keyboard();
    if (typed_count == 0)
        return PORT_KEY_NONE;
    size_t count;
    int32_t special = special_key(&count);
    if (special != PORT_KEY_NONE)
        return take(count, special);
    /* More of this character may come, unless its source has ended. */
    if (lasting.keyboard >= 0 && utf8_incomplete_tail(typed, typed_count) == typed_count)
        return PORT_KEY_NONE;
    uint32_t code_point;
    count = utf8_decode(typed, typed_count, &code_point);
    if (code_point == '\n')
        code_point = '\r';
    else if (code_point == 0x7f)
        code_point = '\b';
    return take(count, (int32_t)code_point);
}
