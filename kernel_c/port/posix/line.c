/* line.c - the host's end of the serial line: a terminal or pipe, a pseudo-terminal, a unix or a TCP socket.
 *
 * As with QEMU's server chardev, one client at a time is served, its leaving is survived, and what is printed while nobody listens is lost. */
#define _GNU_SOURCE
#include "port_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

static struct {
    int listener, client, output; /* output differs from client only for standard input and output */
    bool ended, raw;
    struct termios saved;
    uint64_t discarded;
} line = {.listener = -1, .client = -1, .output = -1};

static void fail(const char *what, const char *which)
{
    fprintf(stderr, "llmk-sim: %s %s: %s\n", what, which, strerror(errno));
    exit(1);
}

static void set_nonblocking(int descriptor)
{
    int flags = fcntl(descriptor, F_GETFL);
    (void)fcntl(descriptor, F_SETFL, flags | O_NONBLOCK);
}

static void open_stdio(void)
{
    line.client = STDIN_FILENO;
    line.output = STDOUT_FILENO;
    if (isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &line.saved) == 0) {
        struct termios raw = line.saved;
        cfmakeraw(&raw);
        line.raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
    }
}

static void open_pty(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    const char *name = NULL;
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0 || (name = ptsname(master)) == NULL)
        fail("cannot make", "a pseudo-terminal");
    struct termios raw;
    int slave = open(name, O_RDWR | O_NOCTTY); /* kept open: the master would report a hang-up while nobody else has it */
    if (slave >= 0 && tcgetattr(slave, &raw) == 0) {
        cfmakeraw(&raw);
        (void)tcsetattr(slave, TCSANOW, &raw);
    }
    if (options.address != NULL) {
        (void)unlink(options.address);
        if (symlink(name, options.address) != 0)
            fail("cannot make the link", options.address);
    }
    fprintf(stderr, "llmk-sim: serial line on %s\n", name);
    line.client = line.output = master;
    set_nonblocking(master);
}

static void open_unix(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(options.address) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        fail("cannot listen on", options.address);
    }
    memcpy(address.sun_path, options.address, strlen(options.address) + 1);
    (void)unlink(options.address);
    line.listener = socket(AF_UNIX, SOCK_STREAM, 0);
    mode_t before = umask(0077);
    int bound = bind(line.listener, (struct sockaddr *)&address, sizeof address);
    (void)umask(before);
    if (line.listener < 0 || bound != 0 || listen(line.listener, 4) != 0)
        fail("cannot listen on", options.address);
    set_nonblocking(line.listener);
}

static void open_tcp(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.tcp_port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int on = 1;
    socklen_t size = sizeof address;
    line.listener = socket(AF_INET, SOCK_STREAM, 0);
    (void)setsockopt(line.listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (line.listener < 0 || bind(line.listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(line.listener, 4) != 0)
        fail("cannot listen on", "the TCP port");
    (void)getsockname(line.listener, (struct sockaddr *)&address, &size);
    fprintf(stderr, "llmk-sim: serial line on tcp:127.0.0.1:%u\n", ntohs(address.sin_port));
    set_nonblocking(line.listener);
}

/* Descriptors survive the exec of a reboot in this variable: "listener,client". */
#define KEPT "LLMK_SIM_LINE"

static bool take_over(void)
{
    const char *kept = getenv(KEPT);
    if (kept == NULL || sscanf(kept, "%d,%d", &line.listener, &line.client) != 2)
        return false;
    (void)unsetenv(KEPT);
    line.output = line.client;
    return true;
}

static void accept_client(void)
{
    if (line.listener < 0 || line.client >= 0)
        return;
    int client = accept(line.listener, NULL, NULL);
    if (client < 0)
        return;
    int on = 1;
    (void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    set_nonblocking(client);
    line.client = line.output = client;
}

void line_open(void)
{
    if (options.serial == SERIAL_STDIO)
        open_stdio();
    else if (options.serial != SERIAL_NONE && !take_over()) {
        if (options.serial == SERIAL_PTY)
            open_pty();
        else if (options.serial == SERIAL_UNIX)
            open_unix();
        else
            open_tcp();
    }
    while (options.wait && line.listener >= 0 && line.client < 0) {
        struct pollfd ready = {.fd = line.listener, .events = POLLIN};
        (void)poll(&ready, 1, -1);
        accept_client();
    }
}

void line_close(void)
{
    if (line.raw)
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &line.saved);
    line.raw = false;
    if (options.address != NULL && (options.serial == SERIAL_UNIX || options.serial == SERIAL_PTY))
        (void)unlink(options.address);
    if (options.uart_stats)
        fprintf(stderr, "line: %llu bytes discarded with nobody listening\n", (unsigned long long)line.discarded);
}

void line_pass_on(void)
{
    char kept[32];
    if (line.raw)
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &line.saved);
    if (options.serial == SERIAL_STDIO || options.serial == SERIAL_NONE)
        return;
    snprintf(kept, sizeof kept, "%d,%d", line.listener, line.client);
    (void)setenv(KEPT, kept, 1);
}

static void lose_client(void)
{
    if (options.serial == SERIAL_STDIO) {
        line.ended = true;
        line.client = -1;
    } else if (options.serial != SERIAL_PTY) {
        (void)close(line.client);
        line.client = line.output = -1;
    }
}

size_t line_read(uint8_t *bytes, size_t most)
{
    accept_client();
    if (line.client < 0)
        return 0;
    struct pollfd ready = {.fd = line.client, .events = POLLIN};
    if (poll(&ready, 1, 0) <= 0)
        return 0;
    ssize_t count = read(line.client, bytes, most);
    if (count > 0)
        return (size_t)count;
    if (count == 0 || (errno != EAGAIN && errno != EINTR))
        lose_client();
    return 0;
}

bool line_write(uint8_t byte)
{
    if (line.output < 0) {
        line.discarded++;
        return true;
    }
    ssize_t count = write(line.output, &byte, 1);
    if (count == 1)
        return true;
    if (errno == EAGAIN || errno == EINTR)
        return false;
    if (options.serial == SERIAL_STDIO)
        port_exit(0); /* the reader of our output has left */
    lose_client();
    return true;
}

bool line_ended(void)
{
    return line.ended;
}

void line_wait(uint32_t microseconds)
{
    struct pollfd ready[3] = {{.fd = line.client, .events = POLLIN},
                              {.fd = line.client < 0 ? line.listener : -1, .events = POLLIN},
                              {.fd = screen_descriptor_of_keyboard(), .events = POLLIN}};
    (void)poll(ready, 3, (int)((microseconds + 999) / 1000));
}
