/* link_typed.c - what a person types, on the line or on the keyboard: bytes for the line editor. */
#include "kernel.h"
#include "utf8.h"

#define KEYS_US 10000u /* between two looks at the keyboard */

void link_type(struct link *link, uint8_t byte)
{
    if (link->typed_head - link->typed_tail < LINK_TYPED_BYTES)
        link->typed[link->typed_head++ % LINK_TYPED_BYTES] = byte;
}

bool link_typed(struct kernel *kernel, uint8_t *ret_byte)
{
    struct link *link = &kernel->link;
    if (link->typed_tail == link->typed_head)
        return false;
    *ret_byte = link->typed[link->typed_tail++ % LINK_TYPED_BYTES];
    return true;
}

bool link_can_type(const struct link *link)
{
    return LINK_TYPED_BYTES - (link->typed_head - link->typed_tail) >= WIRE_LINE_BYTES;
}

/* A damaged line of a host must not be run as a prompt. Its lines end with LF or ETB, where a person's terminal sends CR:
 * either, at the end of what looked like a frame, drops the line. So does every LF after the expiry of a session, which the
 * host may not have noticed, until a person has typed Enter or Ctrl-C. */
void link_type_line(struct link *link, enum wire_received received)
{
    bool rejected = received > WIRE_NOISE;
    const struct wire_receiver *receiver = &link->receiver;
    for (size_t i = 0; i < receiver->raw_length; i++) {
        uint8_t byte = (uint8_t)receiver->line[i];
        link->session.host_lingers &= byte != '\r';
        bool dropped = (rejected && byte == WIRE_END) || ((link->session.host_lingers || rejected) && byte == '\n');
        link_type(link, dropped ? UART_STOP : byte);
    }
}

/* Like a terminal's driver it drops what was typed and not yet read. */
void link_type_stop(struct kernel *kernel)
{
    struct link *link = &kernel->link;
    link->session.host_lingers = false;
    link->typed_tail = link->typed_head;
    if (!link_computes(kernel))
        link_type(link, UART_STOP);
}

void link_look_for_keys(struct kernel *kernel, uint64_t now_us)
{
    static const char *const sequences[] = {"\x1b[A", "\x1b[B", "\x1b[D", "\x1b[C", "\x1b[H", "\x1b[F", "\x1b[3~"};
    int32_t key;
    if (now_us - kernel->link.key_us < KEYS_US)
        return;
    kernel->link.key_us = now_us;
    while ((key = port_key_read()) != PORT_KEY_NONE) {
        if (key == (int32_t)UART_STOP && link_computes(kernel)) {
            chat_stop(kernel);
        } else if (key >= PORT_KEY_UP && key <= PORT_KEY_DELETE) {
            for (const char *at = sequences[key - PORT_KEY_UP]; *at != '\0'; at++)
                link_type(&kernel->link, (uint8_t)*at);
        } else {
            char bytes[UTF8_MOST_BYTES];
            size_t count = utf8_encode((uint32_t)key, bytes);
            for (size_t i = 0; i < count; i++)
                link_type(&kernel->link, (uint8_t)bytes[i]);
        }
    }
}
