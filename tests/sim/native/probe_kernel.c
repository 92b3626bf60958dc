/* probe_kernel.c - a kernel that does what it is told over its line, one order a line, one answer a line: it shows a
 * port from the inside. Orders: echo TEXT, cat NAME, write NAME TEXT, fill NAME BYTES, ls [FOLDER], alloc BYTES, free,
 * clock, elapsed MICROSECONDS, flood BYTES, poll MILLISECONDS, work MILLISECONDS, rest MILLISECONDS, deaf MILLISECONDS,
 * keys, draw TEXT, crash, reboot, poweroff, leave STATUS. */
#include "number.h"
#include "port.h"
#include "text.h"

static char answer[8192], order[1024];
static struct text out;
static bool left;
static int leave_status;

static const char *const statuses[] = {"ok", "not-found", "no-volume", "read-only", "full", "bad-name", "io"};

static void put_byte(uint8_t byte)
{
    while (!(port_uart_read(5) & 0x20))
        port_relax(1000);
    port_uart_write(0, byte);
}

static void send(const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        put_byte((uint8_t)bytes[i]);
}

static uint64_t argument(const char *rest)
{
    uint64_t value = 0;
    (void)number_u64(rest, string_length(rest), &value);
    return value;
}

static uint64_t microseconds(void)
{
    return (uint64_t)((double)port_cycles() / (double)port_clock()->hz * 1e6);
}

/* ---- orders ------------------------------------------------------------------------------------------------------ */

static void cat(const char *name)
{
    static char content[4096];
    struct port_file *file;
    uint64_t bytes;
    enum port_file_status status = port_file_open(name, &file, &bytes);
    text_string(&out, statuses[status]);
    if (status != PORT_FILE_OK)
        return;
    uint64_t wanted = bytes < sizeof content ? bytes : sizeof content;
    status = port_file_read(file, 0, content, wanted);
    enum port_file_status beyond = port_file_read(file, bytes, content + wanted - (wanted > 0), 1);
    port_file_close(file);
    text_format(&out, " %llu %s %s ", (unsigned long long)bytes, statuses[status], statuses[beyond]);
    text_bytes(&out, content, wanted > 0 ? (size_t)wanted - 1 : 0);
}

static void write_file(const char *rest)
{
    char name[300];
    size_t at = 0;
    for (; *rest != '\0' && *rest != ' ' && at + 1 < sizeof name; rest++)
        name[at++] = *rest;
    name[at] = '\0';
    rest += *rest == ' ';
    text_string(&out, statuses[port_file_write(name, rest, string_length(rest))]);
}

static void fill(const char *rest)
{
    static char name[16] = "filler", content[1 << 20];
    uint64_t bytes = argument(rest);
    text_string(&out, statuses[port_file_write(name, content, bytes < sizeof content ? bytes : sizeof content)]);
}

static bool list_one(void *context, const char *name, uint64_t bytes)
{
    (void)context;
    text_format(&out, " %s:%llu", name, (unsigned long long)bytes);
    return true;
}

static void alloc(const char *rest)
{
    uint64_t bytes = argument(rest);
    uint8_t *base = port_pages_alloc(bytes);
    if (base == NULL) {
        text_string(&out, "none");
        return;
    }
    bool zero = true;
    for (uint64_t at = 0; at < bytes; at += 4096)
        zero &= base[at] == 0;
    uint64_t boundary = bytes >= 2u << 20 ? 2u << 20 : 4096;
    text_format(&out, "%s %s", (uintptr_t)base % boundary == 0 ? "aligned" : "misaligned", zero ? "zero" : "dirty");
    base[0] = base[bytes - 1] = 1;
    port_pages_free(base, bytes);
}

static void show_clock(void)
{
    const struct port_clock *clock = port_clock();
    text_format(&out, "hz=%llu source=%s spread=%u unix=%llu", (unsigned long long)clock->hz, clock->source,
                (unsigned)clock->spread_ppm, (unsigned long long)port_unix_time());
}

static void elapsed(const char *rest)
{
    uint64_t begun = microseconds(), wanted = argument(rest);
    while (microseconds() - begun < wanted)
        port_relax(1000);
    text_format(&out, "%llu", (unsigned long long)(microseconds() - begun));
}

static void flood(const char *rest)
{
    for (uint64_t left_bytes = argument(rest); left_bytes > 0; left_bytes--)
        put_byte((uint8_t)('a' + left_bytes % 26));
}

static void poll_line(const char *rest)
{
    uint64_t begun = microseconds(), wanted = argument(rest) * 1000, count = 0;
    for (; microseconds() - begun < wanted; count++)
        (void)port_uart_read(5);
    text_format(&out, "%llu", (unsigned long long)count);
}

/* Takes what the line has whenever it finds time: after computing for so long, over and over. */
static void work(const char *rest, uint64_t compute_us)
{
    uint64_t begun = microseconds(), wanted = argument(rest) * 1000, polls = 0, bytes = 0;
    for (; microseconds() - begun < wanted; polls++) {
        for (uint64_t since = microseconds(); microseconds() - since < compute_us;) {
        }
        if (compute_us == 0)
            port_relax(1000);
        for (; port_uart_read(5) & 1; bytes++)
            (void)port_uart_read(0);
    }
    text_format(&out, "%llu %llu", (unsigned long long)polls, (unsigned long long)bytes);
}

static void deaf(const char *rest)
{
    uint64_t begun = microseconds(), wanted = argument(rest) * 1000;
    while (microseconds() - begun < wanted) {
    }
}

static void keys(void)
{
    for (int32_t key; (key = port_key_read()) != PORT_KEY_NONE;)
        text_format(&out, " %x", (unsigned)key);
}

static void crash(void)
{
    *(volatile char *)(uintptr_t)8 = 1;
}

static bool is(const char *word, const char **ret_rest)
{
    size_t length = string_length(word);
    if (!string_starts(order, word) || (order[length] != '\0' && order[length] != ' '))
        return false;
    *ret_rest = order + length + (order[length] == ' ');
    return true;
}

static void obey(void)
{
    const char *rest;
    if (is("echo", &rest))
        text_string(&out, rest);
    else if (is("cat", &rest))
        cat(rest);
    else if (is("write", &rest))
        write_file(rest);
    else if (is("fill", &rest))
        fill(rest);
    else if (is("ls", &rest))
        text_string(&out, statuses[port_file_list(rest, list_one, NULL)]);
    else if (is("alloc", &rest))
        alloc(rest);
    else if (is("free", &rest))
        text_format(&out, "%llu", (unsigned long long)port_pages_free_total());
    else if (is("clock", &rest))
        show_clock();
    else if (is("elapsed", &rest))
        elapsed(rest);
    else if (is("flood", &rest))
        flood(rest);
    else if (is("poll", &rest))
        poll_line(rest);
    else if (is("work", &rest))
        work(rest, 300);
    else if (is("rest", &rest))
        work(rest, 0);
    else if (is("deaf", &rest))
        deaf(rest);
    else if (is("keys", &rest))
        keys();
    else if (is("draw", &rest)) {
        port_screen_write(rest, string_length(rest));
        port_screen_flush();
    } else if (is("crash", &rest))
        crash();
    else if (is("reboot", &rest))
        port_power(PORT_REBOOT);
    else if (is("poweroff", &rest))
        port_power(PORT_POWEROFF);
    else if (is("leave", &rest)) {
        left = true;
        leave_status = (int)argument(rest);
    } else
        text_format(&out, "unknown order: %s", order);
}

/* ---- the line ---------------------------------------------------------------------------------------------------- */

static void set_up_line(void)
{
    port_uart_write(3, 0x83);
    port_uart_write(0, 1);
    port_uart_write(1, 0);
    port_uart_write(3, 0x03);
    port_uart_write(4, 0x0b);
}

int kernel_main(const struct kernel_boot *boot)
{
    size_t length = 0;
    (void)boot;
    if (!port_uart_present()) {
        port_screen_write("no line\n", 8);
        return 0;
    }
    set_up_line();
    send("ready\n", 6);
    while (!left) {
        uint8_t status = port_uart_read(5);
        if (!(status & 1)) {
            port_relax(100000);
            continue;
        }
        uint8_t byte = port_uart_read(0);
        if (status & 0x10) {
            send("break\n", 6);
        } else if (byte != '\n' && length + 1 < sizeof order) {
            order[length++] = (char)byte;
        } else if (byte == '\n') {
            order[length] = '\0';
            length = 0;
            text_init(&out, answer, sizeof answer);
            obey();
            text_string(&out, "\n");
            send(answer, out.length);
        }
    }
    return leave_status;
}
