/* options.c - the command line, and the help made of the same table. */
#include "kernel.h"
#include "number.h"
#include "port_posix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MIB (UINT64_C(1) << 20)

struct options options = {.files = ".", .disk_free = UINT64_MAX, .baud = 115200, .memory = 1024 * MIB};

static _Noreturn void refuse(const char *option, const char *value, const char *expected)
{
    fprintf(stderr, "llmk-sim: --%s %s: expected %s; see --help\n", option, value, expected);
    exit(2);
}

static uint64_t whole(const char *option, const char *value, uint64_t least, uint64_t most)
{
    uint64_t number;
    if (!number_u64(value, strlen(value), &number) || number < least || number > most) {
        char expected[80];
        snprintf(expected, sizeof expected, "a whole number from %llu to %llu", (unsigned long long)least,
                 (unsigned long long)most);
        refuse(option, value, expected);
    }
    return number;
}

/* ---- one function per option ------------------------------------------------------------------------------------- */

static void set_files(const char *value)
{
    struct stat found;
    if (stat(value, &found) != 0 || !S_ISDIR(found.st_mode))
        refuse("files", value, "a folder");
    options.files = value;
}

static void set_read_only(const char *value)
{
    (void)value;
    options.read_only = true;
}

static void set_disk_free(const char *value)
{
    options.disk_free = whole("disk-free", value, 0, UINT64_MAX - 1);
}

static void set_serial(const char *value)
{
    static const struct {
        const char *word;
        enum serial_kind kind;
        bool needs_rest, may_rest;
    } kinds[] = {
        {"stdio", SERIAL_STDIO, false, false}, {"pty", SERIAL_PTY, false, true}, {"unix", SERIAL_UNIX, true, true},
        {"tcp", SERIAL_TCP, true, true},       {"none", SERIAL_NONE, false, false},
    };
    const char *colon = strchr(value, ':');
    size_t length = colon != NULL ? (size_t)(colon - value) : strlen(value);
    const char *rest = colon != NULL ? colon + 1 : NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strlen(kinds[i].word) != length || strncmp(kinds[i].word, value, length) != 0)
            continue;
        if ((rest == NULL && kinds[i].needs_rest) || (rest != NULL && (!kinds[i].may_rest || *rest == '\0')))
            break;
        options.serial = kinds[i].kind;
        options.address = options.serial == SERIAL_TCP ? NULL : rest;
        if (options.serial == SERIAL_TCP)
            options.tcp_port = (uint16_t)whole("serial tcp", rest, 0, 65535);
        return;
    }
    refuse("serial", value, "stdio, pty[:LINK], unix:PATH, tcp:PORT or none");
}

static void set_wait(const char *value)
{
    (void)value;
    options.wait = true;
}

static void set_uart(const char *value)
{
    options.model_16550 = strcmp(value, "16550") == 0;
    if (!options.model_16550 && strcmp(value, "plain") != 0)
        refuse("uart", value, "plain or 16550");
}

static void set_baud(const char *value)
{
    options.baud = (uint32_t)whole("baud", value, 50, 4000000);
}

static void set_poll_gap(const char *value)
{
    options.poll_gap_us = whole("poll-gap-us", value, 0, 10000000);
}

static void set_latency(const char *value)
{
    options.latency_us = whole("latency-us", value, 0, 10000000);
}

static void set_uart_stats(const char *value)
{
    (void)value;
    options.uart_stats = true;
}

static void set_memory(const char *value)
{
    options.memory = whole("memory", value, 1, 1 << 20) * MIB;
}

static void set_screen(const char *value)
{
    options.screen = strcmp(value, "none") == 0 ? NULL : value;
}

static void set_keyboard(const char *value)
{
    options.keyboard = strcmp(value, "none") == 0 ? NULL : value;
}

static void set_clock(const char *value)
{
    options.clock_hz = whole("clock-hz", value, 1000000, UINT64_C(10000000000));
}

static void set_die_with_parent(const char *value)
{
    (void)value;
    options.die_with_parent = true;
}

static void show_version(const char *value)
{
    (void)value;
    puts("llmk-sim " KERNEL_VERSION);
    exit(0);
}

static void show_help(const char *value);

static const struct row {
    const char *name, *value, *help; /* an option without a value has NULL there */
    void (*apply)(const char *value);
} table[] = {
    {"files", "DIR", "folder that is the boot volume (default: .)", set_files},
    {"read-only", NULL, "the volume refuses writes", set_read_only},
    {"disk-free", "BYTES", "room on the volume (default: the disk's)", set_disk_free},
    {"serial", "LINE", "stdio (default), pty[:LINK], unix:PATH, tcp:PORT (0: any) or none", set_serial},
    {"wait", NULL, "wait for the first client of the line before booting", set_wait},
    {"uart", "MODEL", "plain (default): nothing is lost; 16550: 16-byte FIFO and a baud clock", set_uart},
    {"baud", "N", "speed of the host's end of the modelled line (default: 115200)", set_baud},
    {"poll-gap-us", "N", "least time between two polls when the kernel computes between them", set_poll_gap},
    {"latency-us", "N", "one-way latency of the modelled line, as of a USB adapter", set_latency},
    {"uart-stats", NULL, "counters of the line on stderr at the end, and at SIGUSR2", set_uart_stats},
    {"memory", "MIB", "memory of the machine (default: 1024)", set_memory},
    {"screen", "FILE", "where the machine's own screen goes: none (default), stderr or a file", set_screen},
    {"keyboard", "FILE", "where the machine's own keys come from: none (default) or a file", set_keyboard},
    {"clock-hz", "N", "a cycle counter of this rate (default: the processor's, measured)", set_clock},
    {"die-with-parent", NULL, "end when the process that started this one ends", set_die_with_parent},
    {"version", NULL, "print the version", show_version},
    {"help", NULL, "print this", show_help},
};

#define ROWS (sizeof table / sizeof table[0])

static void show_help(const char *value)
{
    (void)value;
    puts("usage: llmk-sim [option ...]\n\n"
         "The kernel as a process. Its serial line is a transport of the host, its boot volume a folder.\n");
    for (size_t i = 0; i < ROWS; i++)
        printf("  --%-15s %-6s %s\n", table[i].name, table[i].value != NULL ? table[i].value : "", table[i].help);
    puts("\nSIGTERM ends it with status 0, SIGUSR1 is a break on the line, SIGUSR2 prints the counters of\n"
         "--uart-stats. With stdio the end of input ends it when everything that was typed has been\nanswered.");
    exit(0);
}

/* ---- the words --------------------------------------------------------------------------------------------------- */

static const struct row *find(const char *name, size_t length)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strlen(table[i].name) == length && strncmp(table[i].name, name, length) == 0)
            return &table[i];
    return NULL;
}

/* Applies one option and returns how many words it took: "--name value" and "--name=value" are the same. */
static int apply(char **words, int left)
{
    const char *name = words[0] + 2, *equals = strchr(name, '=');
    const struct row *row = NULL;
    if (strncmp(words[0], "--", 2) == 0)
        row = find(name, equals != NULL ? (size_t)(equals - name) : strlen(name));
    if (row == NULL) {
        fprintf(stderr, "llmk-sim: unknown argument %s; see --help\n", words[0]);
        exit(2);
    }
    if (row->value == NULL && equals != NULL)
        refuse(row->name, equals + 1, "no value");
    if (row->value != NULL && equals == NULL && left < 2)
        refuse(row->name, "(end of line)", row->value);
    bool own_word = row->value != NULL && equals == NULL;
    row->apply(own_word ? words[1] : equals != NULL ? equals + 1 : NULL);
    return own_word ? 2 : 1;
}

void options_parse(int count, char **words)
{
    for (int at = 1; at < count;)
        at += apply(words + at, count - at);
    if (options.wait && (options.serial == SERIAL_STDIO || options.serial == SERIAL_NONE)) {
        fputs("llmk-sim: --wait: expected with --serial pty, unix or tcp, which have clients to wait for\n", stderr);
        exit(2);
    }
    if (!options.model_16550 && options.latency_us > 0) {
        fputs("llmk-sim: --latency-us: expected with --uart 16550, which has a clock\n", stderr);
        exit(2);
    }
}
