/* serial_open.c - opening and closing the host's end of the line. */
#define _GNU_SOURCE
#include "port_posix.h"
#include "serial.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 4 /* a second client connects and waits for the first to leave, as with QEMU */

void serial_set_nonblocking(int descriptor)
{
    int flags = fcntl(descriptor, F_GETFL);
    (void)fcntl(descriptor, F_SETFL, flags | O_NONBLOCK);
}

/* Which file at the address is ours; a socket is remembered before it gets there, so that no end leaves it behind. */
static void remember_path(const char *at)
{
    struct stat found;
    if (lstat(at, &found) == 0) {
        lasting.socket_device = found.st_dev;
        lasting.socket_inode = found.st_ino;
    }
}

/* ---- terminals --------------------------------------------------------------------------------------------------- */

static void make_raw(int descriptor, const struct termios *from)
{
    struct termios raw = *from;
    cfmakeraw(&raw);
    (void)tcsetattr(descriptor, TCSANOW, &raw);
}

void serial_raw_again(void)
{
    if (lasting.raw)
        make_raw(STDIN_FILENO, &lasting.saved);
}

static void open_stdio(void)
{
    if (!lasting.raw && isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &lasting.saved) == 0)
        lasting.raw = true;
    serial_raw_again();
}

/* A stable name for a pseudo-terminal: an old link is replaced, anything else at the path is somebody's file. */
static void make_link(const char *name)
{
    struct stat found;
    if (lstat(options.address, &found) == 0) {
        errno = EEXIST;
        if (!S_ISLNK(found.st_mode) || unlink(options.address) != 0)
            port_fail("cannot replace with a link to the pseudo-terminal:", options.address);
    }
    if (symlink(name, options.address) != 0)
        port_fail("cannot make the link to the pseudo-terminal:", options.address);
    remember_path(options.address);
}

static void open_pty(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    const char *name = NULL;
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0 || (name = ptsname(master)) == NULL)
        port_fail("cannot make", "a pseudo-terminal");
    struct termios before;
    int slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0 || tcgetattr(slave, &before) != 0)
        port_fail("cannot set up the pseudo-terminal", name);
    make_raw(slave, &before);
    (void)close(slave); /* from now on the master tells whether somebody has it open */
    if (options.address != NULL)
        make_link(name);
    fprintf(stderr, "llmk-sim: serial line on %s\n", name);
    serial_set_nonblocking(master);
    lasting.client = master;
}

/* ---- sockets ----------------------------------------------------------------------------------------------------- */

/* A socket that a killed process left behind is removed; one that somebody answers is not ours to take. */
static void remove_stale(const struct sockaddr_un *address)
{
    struct stat found;
    if (lstat(options.address, &found) != 0)
        return;
    errno = EEXIST;
    if (!S_ISSOCK(found.st_mode))
        port_fail("cannot listen, this is another kind of file:", options.address);
    int probe = socket(AF_UNIX, SOCK_STREAM, 0);
    bool answered = connect(probe, (const struct sockaddr *)address, sizeof *address) == 0;
    (void)close(probe);
    errno = EADDRINUSE;
    if (answered)
        port_fail("cannot listen, another process does:", options.address);
    (void)unlink(options.address);
}

/* The file takes its name when it answers: who waits for the name may connect at once. */
static void open_unix(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(options.address);
    if (length + sizeof "~" > sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        port_fail("cannot listen on", options.address);
    }
    memcpy(address.sun_path, options.address, length + 1);
    remove_stale(&address);
    memcpy(address.sun_path + length, "~", sizeof "~");
    (void)unlink(address.sun_path);
    lasting.listener = socket(AF_UNIX, SOCK_STREAM, 0);
    mode_t before = umask(0077); /* whoever may connect may command the machine */
    int bound = bind(lasting.listener, (struct sockaddr *)&address, sizeof address);
    (void)umask(before);
    remember_path(address.sun_path);
    if (bound != 0 || listen(lasting.listener, BACKLOG) != 0 || rename(address.sun_path, options.address) != 0)
        port_fail("cannot listen on", options.address);
}

static void open_tcp(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(options.tcp_port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    char port[8];
    int on = 1;
    snprintf(port, sizeof port, "%u", (unsigned)options.tcp_port);
    lasting.listener = socket(AF_INET, SOCK_STREAM, 0);
    (void)setsockopt(lasting.listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(lasting.listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(lasting.listener, BACKLOG) != 0)
        port_fail("cannot listen on the TCP port", port);
    (void)getsockname(lasting.listener, (struct sockaddr *)&address, &size);
    fprintf(stderr, "llmk-sim: serial line on tcp:127.0.0.1:%u\n", (unsigned)ntohs(address.sin_port));
}

/* ---- all kinds --------------------------------------------------------------------------------------------------- */

static void open_kind(void)
{
    switch (options.serial) {
    case SERIAL_PTY: open_pty(); break;
    case SERIAL_UNIX: open_unix(); break;
    case SERIAL_TCP: open_tcp(); break;
    default: break;
    }
    if (lasting.listener >= 0)
        serial_set_nonblocking(lasting.listener);
}

void serial_open(void)
{
    if (options.serial == SERIAL_STDIO)
        open_stdio();
    if (lasting.rebooted) /* the line is open, and its client is still there */
        return;
    open_kind();
    if (!options.wait)
        return;
    while (!serial_look_for_client())
        (void)serial_wait(UINT64_C(1000000000), true, false);
}

void serial_close(void)
{
    struct stat found;
    if (lasting.raw)
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &lasting.saved);
    lasting.raw = false;
    if (lasting.socket_inode != 0 && lstat(options.address, &found) == 0 && found.st_dev == lasting.socket_device &&
        found.st_ino == lasting.socket_inode)
        (void)unlink(options.address);
    lasting.socket_inode = 0;
}
