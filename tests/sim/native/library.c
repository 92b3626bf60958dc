/* library.c - the small utilities and the UART model as a shared library, for tests in another language. */
#define _GNU_SOURCE
#include "error.h"
#include "number.h"
#include "text.h"
#include "uart16550.h"
#include "utf8.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096u

void *test_bytes_at_edge(const void *bytes, size_t count);
void test_free_edge(void *bytes, size_t count);
void *test_uart(bool plain, uint32_t host_baud, uint64_t latency_ns);
void test_uart_free(void *uart);
const struct uart16550_counters *test_uart_counters(const struct uart16550 *uart);
size_t test_text_micro(char *buffer, size_t capacity, uint64_t millionths, unsigned decimals);
size_t test_text_string(char *buffer, size_t capacity, const char *string, bool *ret_truncated);

/* A copy that ends where the memory ends: reading or writing one byte more is a fault. For at most a page. */
void *test_bytes_at_edge(const void *bytes, size_t count)
{
    char *start = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED || count > PAGE || mprotect(start + PAGE, PAGE, PROT_NONE) != 0)
        abort();
    memcpy(start + PAGE - count, bytes, count);
    return start + PAGE - count;
}

void test_free_edge(void *bytes, size_t count)
{
    (void)munmap((char *)bytes + count - PAGE, 2 * PAGE);
}

void *test_uart(bool plain, uint32_t host_baud, uint64_t latency_ns)
{
    struct uart16550 *uart = malloc(sizeof *uart);
    struct uart16550_line line = {.plain = plain, .host_baud = host_baud, .latency_ns = latency_ns};
    if (uart == NULL)
        abort();
    uart16550_init(uart, &line);
    return uart;
}

void test_uart_free(void *uart)
{
    free(uart);
}

const struct uart16550_counters *test_uart_counters(const struct uart16550 *uart)
{
    return &uart->counters;
}

size_t test_text_micro(char *buffer, size_t capacity, uint64_t millionths, unsigned decimals)
{
    struct text text;
    text_init(&text, buffer, capacity);
    text_micro(&text, millionths, decimals);
    return text.length;
}

size_t test_text_string(char *buffer, size_t capacity, const char *string, bool *ret_truncated)
{
    struct text text;
    text_init(&text, buffer, capacity);
    text_string(&text, string);
    *ret_truncated = text.truncated;
    return text.length;
}
