#define _GNU_SOURCE
#include "serial.h"

#include "port_posix.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PIPE_CHUNK 512u /* what a pipe that is ready takes without making us wait, on every system (POSIX: PIPE_BUF) */
#define HUNG_UP_NS UINT64_C(5000000) /* a pseudo-terminal without a reader is looked at so often */

static bool ended;
static bool hung_up = true; /* nobody has the pseudo-terminal open */

static bool is_socket(void)
{
    return options.serial == SERIAL_UNIX || options.serial == SERIAL_TCP;
}

bool serial_connected(void)
{
    switch (options.serial) {
    case SERIAL_STDIO: return true;
    case SERIAL_PTY: return !hung_up;
    default: return lasting.client >= 0;
    }
}

bool serial_ended(void)
{
    return ended;
}

static void accept_client(void)
{
    int client = accept(lasting.listener, NULL, NULL);
    if (client < 0)
        return;
    int on = 1;
    if (options.serial == SERIAL_TCP) /* 0.14 ms and not 48 ms for a small answer */
        (void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    serial_set_nonblocking(client);
    lasting.client = client;
}

static void lose_client(void)
{
    (void)close(lasting.client);
    lasting.client = -1;
}

/* Standard input may be shared with a shell: it is asked first and never made non-blocking. */
static size_t read_stdin(uint8_t *bytes, size_t most)
{
    struct pollfd ready = {.fd = STDIN_FILENO, .events = POLLIN};
    if (ended || poll(&ready, 1, 0) <= 0)
        return 0;
    ssize_t count = read(STDIN_FILENO, bytes, most);
    if (count > 0)
        return (size_t)count;
    ended = count == 0 || (errno != EAGAIN && errno != EINTR);
    return 0;
}

bool serial_look_for_client(void)
{
    if (is_socket() && lasting.client < 0)
        accept_client();
    if (options.serial == SERIAL_PTY) {
        struct pollfd state = {.fd = lasting.client, .events = POLLIN};
        hung_up = poll(&state, 1, 0) > 0 && (state.revents & POLLHUP) != 0;
    }
    return serial_connected();
}

size_t serial_read(uint8_t *bytes, size_t most)
{
    if (options.serial == SERIAL_NONE)
        return 0;
    if (options.serial == SERIAL_STDIO)
        return read_stdin(bytes, most);
    if (is_socket() && lasting.client < 0)
        accept_client();
    if (lasting.client < 0)
        return 0;
    ssize_t count = read(lasting.client, bytes, most);
    bool nothing = count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
    hung_up = count <= 0 && !nothing;
    if (hung_up && is_socket())
        lose_client();
    return count > 0 ? (size_t)count : 0;
}

static ssize_t write_stdout(const uint8_t *bytes, size_t count)
{
    struct pollfd ready = {.fd = STDOUT_FILENO, .events = POLLOUT};
    if (poll(&ready, 1, 0) <= 0) {
        errno = EAGAIN;
        return -1;
    }
    return write(STDOUT_FILENO, bytes, count < PIPE_CHUNK ? count : PIPE_CHUNK);
}

size_t serial_write(const uint8_t *bytes, size_t count)
{
    if (!serial_connected()) {
        lasting.discarded += count;
        return count;
    }
    ssize_t done = options.serial == SERIAL_STDIO ? write_stdout(bytes, count) : write(lasting.client, bytes, count);
    if (done >= 0)
        return (size_t)done;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
        return 0;
    if (options.serial == SERIAL_STDIO) /* the reader of our output has left: nobody can see what we do any more */
        _exit(0);
    if (is_socket())
        lose_client();
    hung_up = true;
    lasting.discarded += count;
    return count;
}

static bool wait_ready(struct pollfd *ready, nfds_t count, uint64_t most_ns)
{
#ifdef __linux__
    struct timespec most = {.tv_sec = (time_t)(most_ns / 1000000000u), .tv_nsec = (long)(most_ns % 1000000000u)};
    return ppoll(ready, count, &most, NULL) != 0;
#else
    return poll(ready, count, (int)((most_ns + 999999u) / 1000000u)) != 0;
#endif
}

bool serial_wait(uint64_t most_ns, bool input, bool output)
{
    int in = -1, out = -1;
    if (options.serial == SERIAL_STDIO) {
        in = ended || !input ? -1 : STDIN_FILENO;
        out = output ? STDOUT_FILENO : -1;
    } else if (options.serial == SERIAL_PTY && hung_up) {
        most_ns = most_ns < HUNG_UP_NS ? most_ns : HUNG_UP_NS; /* it would report the hang-up at once, for ever */
    } else if (options.serial != SERIAL_NONE) {
        in = input ? lasting.client : -1;
        out = output ? lasting.client : -1;
    }
    struct pollfd ready[] = {
        {.fd = in, .events = POLLIN},
        {.fd = out, .events = POLLOUT},
        {.fd = lasting.client < 0 ? lasting.listener : -1, .events = POLLIN},
        {.fd = keyboard_descriptor(), .events = POLLIN},
    };
    bool happened = wait_ready(ready, sizeof ready / sizeof ready[0], most_ns);
    return happened || (options.serial == SERIAL_PTY && hung_up); /* only a look tells whether it was opened */
}
