/* link_file.c - files over the line: a copy in memory, taken when the file is opened, and parts of it as the line has room.
 *
 * A part that was lost is asked for again long after it was first sent. It must then still be the same, and reading it
 * must take no time, since it may be sent while the kernel computes: hence the copy.
 */
#include "clock.h"
#include "crc32.h"
#include "dump_files.h"
#include "files.h"
#include "kernel.h"
#include "text.h"

#define DUMP_NAME "mem:dump"
#define MOST_BYTES (16u << 20) /* half an hour at 115200 bit/s */
#define PAGE_BYTES 4096u
#define STEP_BYTES 65536u /* of reading, between two looks at the line */
#define QUEUED_OCTETS 256u /* the ring never holds more because of a file: tokens, answers and samples are not kept waiting */

static void release(struct link_file *file)
{
    if (file->bytes != NULL)
        port_pages_free(file->bytes, file->pages_bytes);
    *file = (struct link_file){0};
}

void link_file_close(struct kernel *kernel)
{
    release(&kernel->link.file);
}

static bool allocate(struct link_file *file, const char *name, uint64_t bytes, struct error *error)
{
    file->pages_bytes = (bytes / PAGE_BYTES + 1) * PAGE_BYTES;
    file->bytes = port_pages_alloc(file->pages_bytes);
    if (file->bytes != NULL)
        return true;
    return error_set(error, ERROR_NOSPACE, "%s needs %llu bytes of memory to be sent, %llu are free", name,
                     (unsigned long long)file->pages_bytes, (unsigned long long)port_pages_free_total());
}

static bool copy_dump(const struct kernel *kernel, struct link_file *file, struct error *error)
{
    uint64_t bytes = 0;
    if (!allocate(file, DUMP_NAME, KERNEL_FILE_TEXT_BYTES, error) ||
        !dump_render(kernel, (char *)file->bytes, &bytes, error))
        return false;
    file->length = (uint32_t)bytes;
    file->checksum = crc32(file->bytes, file->length);
    return true;
}

/* Step by step, with a look at the line between: heartbeats go on, and a stop or another host ends it. */
static bool read_all(struct kernel *kernel, const char *name, struct port_file *source, struct link_file *file,
                     struct error *error)
{
    for (uint32_t at = 0; at < file->length;) {
        uint32_t step = file->length - at < STEP_BYTES ? file->length - at : STEP_BYTES;
        enum port_file_status status = port_file_read(source, at, file->bytes + at, step);
        if (status != PORT_FILE_OK)
            return error_set(error, ERROR_IO, "%s cannot be read at byte %u of %u: %s", name, (unsigned)at,
                             (unsigned)file->length, file_reason(status));
        file->checksum = crc32_more(file->checksum, file->bytes + at, step);
        at += step;
        (void)link_poll(kernel);
        if (kernel->link.stop_waiting || !kernel->link.machine || kernel->link.session.waiting_id == 0)
            return error_set(error, ERROR_STATE, "the reading of %s was stopped", name);
    }
    return true;
}

static bool copy_file(struct kernel *kernel, const char *name, struct link_file *file, struct error *error)
{
    struct port_file *source;
    uint64_t bytes;
    enum port_file_status status = port_file_open(name, &source, &bytes);
    if (status == PORT_FILE_BAD_NAME)
        return error_set(error, ERROR_ARG,
                         "'%s' cannot be the name of a file: expected one below the volume's root, or " DUMP_NAME, name);
    if (status != PORT_FILE_OK)
        return error_set(error, ERROR_IO, "%s cannot be read: %s", name, file_reason(status));
    bool good = bytes <= MOST_BYTES || error_set(error, ERROR_TOOLONG,
                                                 "%s has %llu bytes; at most %u are sent over the line", name,
                                                 (unsigned long long)bytes, MOST_BYTES);
    if (good && allocate(file, name, bytes, error)) {
        file->length = (uint32_t)bytes;
        good = read_all(kernel, name, source, file, error);
    } else {
        good = false;
    }
    port_file_close(source);
    return good;
}

void link_file_open(struct kernel *kernel, uint32_t id)
{
    struct link *link = &kernel->link;
    struct link_file fresh = {0}; /* the link's own may be closed while this one is read */
    struct error error = {0};
    link_file_close(kernel);
    bool good = string_equal(link->staged, DUMP_NAME) ? copy_dump(kernel, &fresh, &error)
                                                      : copy_file(kernel, link->staged, &fresh, &error);
    if (link->session.waiting_id != id || !link->machine) {
        release(&fresh); /* who asked is gone: to another host this id means something else */
        return;
    }
    if (!good) {
        release(&fresh);
        link_refuse(kernel, id, error.code, "s", error.text);
        return;
    }
    link->file = fresh;
    link_answer(kernel, &(struct wire_response){.id = id,
                                                .ok = true,
                                                .has = WIRE_RESPONSE_HAS_SIZE | WIRE_RESPONSE_HAS_CHECKSUM,
                                                .size = fresh.length,
                                                .checksum = fresh.checksum});
}

void link_file_data(struct kernel *kernel, const struct wire_request *request)
{
    struct link_file *file = &kernel->link.file;
    if (file->bytes == NULL) {
        link_refuse(kernel, request->id, ERROR_STATE, NULL, "no file is open: ask with open first");
        return;
    }
    if (request->offset > file->length) {
        link_refuse(kernel, request->id, ERROR_RANGE, "o", "lies behind the end of the file");
        return;
    }
    uint32_t rest = file->length - request->offset;
    file->request = request->id; /* another one that is being served was given up by the host: it asks for one at a time */
    file->frames = 0;
    file->next = request->offset;
    file->end = request->offset + (request->count < rest ? request->count : rest);
}

void link_file_send(struct kernel *kernel)
{
    struct link_file *file = &kernel->link.file;
    while (file->request != 0 && uart_tx_free(&kernel->uart) >= UART_TX_BYTES - QUEUED_OCTETS) {
        uint32_t rest = file->end - file->next;
        if (rest == 0) {
            uint32_t id = file->request;
            file->request = 0;
            link_done_count(kernel, id, file->frames);
            return;
        }
        struct wire_data record = {.id = file->request, .offset = file->next, .data = file->bytes + file->next,
                                   .data_length = rest < WIRE_DATA_DATA_BYTES ? rest : WIRE_DATA_DATA_BYTES};
        if (!link_send(kernel, LINK_EVENT, &record))
            return;
        file->next += (uint32_t)record.data_length;
        file->frames++;
    }
}
