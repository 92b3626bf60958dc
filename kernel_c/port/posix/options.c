#include "port_posix.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options options = {.files = ".", .disk_free = UINT64_MAX, .serial = SERIAL_STDIO, .baud = 115200, .memory = 1024u << 20};

static const char help[] =
    "llmk-sim: the llmk kernel as a process\n"
    "  --files DIR            folder that is the boot volume (default: .)\n"
    "  --read-only            the volume refuses writes\n"
    "  --disk-free BYTES      the volume is full after so many bytes\n"
    "  --serial KIND          stdio (default), pty[:LINK], unix:PATH, tcp:PORT, none\n"
    "  --wait                 wait for the first client of unix or tcp before booting\n"
    "  --uart plain|16550     perfect line (default), or a 16-byte FIFO with a baud clock\n"
    "  --baud N               speed of the host's end of the modelled line (default: 115200)\n"
    "  --poll-gap-us N        least time between two polls of the line (a busy kernel)\n"
    "  --latency-us N         one-way latency of the link (a USB adapter)\n"
    "  --uart-stats           counters on stderr at the end\n"
    "  --memory MIB           memory of the machine (default: 1024)\n"
    "  --screen none|stderr|FILE   where the machine's own screen goes (default: none)\n"
    "  --keyboard FILE        where its keys come from (default: none)\n"
    "  --die-with-parent      end when the starting process ends (Linux)\n"
    "  --help\n";

static void refuse(const char *option, const char *value, const char *expected)
{
    fprintf(stderr, "llmk-sim: --%s %s: expected %s\n", option, value, expected);
    exit(2);
}

static uint64_t whole(const char *option, const char *value, uint64_t most)
{
    uint64_t number = 0;
    if (*value == '\0' || strlen(value) > 18)
        refuse(option, value, "a whole number");
    for (const char *at = value; *at != '\0'; at++) {
        if (*at < '0' || *at > '9')
            refuse(option, value, "a whole number");
        number = number * 10 + (uint64_t)(*at - '0');
    }
    if (number > most)
        refuse(option, value, "a smaller number");
    return number;
}

static void parse_serial(const char *value)
{
    const char *colon = strchr(value, ':');
    size_t length = colon != NULL ? (size_t)(colon - value) : strlen(value);
    const char *rest = colon != NULL ? colon + 1 : NULL;
    if (length == 5 && strncmp(value, "stdio", 5) == 0 && rest == NULL) {
        options.serial = SERIAL_STDIO;
    } else if (length == 4 && strncmp(value, "none", 4) == 0 && rest == NULL) {
        options.serial = SERIAL_NONE;
    } else if (length == 3 && strncmp(value, "pty", 3) == 0) {
        options.serial = SERIAL_PTY;
        options.address = rest;
    } else if (length == 4 && strncmp(value, "unix", 4) == 0 && rest != NULL && *rest != '\0') {
        options.serial = SERIAL_UNIX;
        options.address = rest;
    } else if (length == 3 && strncmp(value, "tcp", 3) == 0 && rest != NULL) {
        options.serial = SERIAL_TCP;
        options.tcp_port = (unsigned)whole("serial tcp", rest, 65535);
    } else {
        refuse("serial", value, "stdio, pty[:LINK], unix:PATH, tcp:PORT or none");
    }
}

enum { OPT_FILES = 256, OPT_READ_ONLY, OPT_DISK_FREE, OPT_SERIAL, OPT_WAIT, OPT_UART, OPT_BAUD, OPT_POLL_GAP, OPT_LATENCY,
       OPT_STATS, OPT_MEMORY, OPT_SCREEN, OPT_KEYBOARD, OPT_DIE, OPT_HELP };

static void parse_one(int option, const char *value)
{
    switch (option) {
    case OPT_FILES: options.files = value; break;
    case OPT_READ_ONLY: options.read_only = true; break;
    case OPT_DISK_FREE: options.disk_free = whole("disk-free", value, UINT64_MAX); break;
    case OPT_SERIAL: parse_serial(value); break;
    case OPT_WAIT: options.wait = true; break;
    case OPT_UART:
        options.model_16550 = strcmp(value, "16550") == 0;
        if (!options.model_16550 && strcmp(value, "plain") != 0)
            refuse("uart", value, "plain or 16550");
        break;
    case OPT_BAUD:
        options.baud = (unsigned)whole("baud", value, 4000000);
        if (options.baud < 50)
            refuse("baud", value, "50 to 4000000");
        break;
    case OPT_POLL_GAP: options.poll_gap_us = whole("poll-gap-us", value, 10000000); break;
    case OPT_LATENCY: options.latency_us = whole("latency-us", value, 10000000); break;
    case OPT_STATS: options.uart_stats = true; break;
    case OPT_MEMORY: options.memory = whole("memory", value, 1 << 20) << 20; break;
    case OPT_SCREEN: options.screen = strcmp(value, "none") == 0 ? NULL : value; break;
    case OPT_KEYBOARD: options.keyboard = strcmp(value, "none") == 0 ? NULL : value; break;
    case OPT_DIE: options.die_with_parent = true; break;
    case OPT_HELP: fputs(help, stdout); exit(0);
    default: fputs("llmk-sim: see --help\n", stderr); exit(2); /* getopt has said what is wrong */
    }
}

void options_parse(int count, char **words)
{
    static const struct option table[] = {
        {"files", required_argument, NULL, OPT_FILES},       {"read-only", no_argument, NULL, OPT_READ_ONLY},
        {"disk-free", required_argument, NULL, OPT_DISK_FREE}, {"serial", required_argument, NULL, OPT_SERIAL},
        {"wait", no_argument, NULL, OPT_WAIT},               {"uart", required_argument, NULL, OPT_UART},
        {"baud", required_argument, NULL, OPT_BAUD},         {"poll-gap-us", required_argument, NULL, OPT_POLL_GAP},
        {"latency-us", required_argument, NULL, OPT_LATENCY}, {"uart-stats", no_argument, NULL, OPT_STATS},
        {"memory", required_argument, NULL, OPT_MEMORY},     {"screen", required_argument, NULL, OPT_SCREEN},
        {"keyboard", required_argument, NULL, OPT_KEYBOARD}, {"die-with-parent", no_argument, NULL, OPT_DIE},
        {"help", no_argument, NULL, OPT_HELP},               {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(count, words, "", table, NULL)) != -1)
        parse_one(option, optarg);
    if (optind < count) {
        fprintf(stderr, "llmk-sim: unexpected argument %s; see --help\n", words[optind]);
        exit(2);
    }
}
