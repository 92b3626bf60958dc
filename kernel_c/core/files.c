/* files.c - whole files through the port. */
#include "files.h"

#define PAGE_BYTES 4096u

const char *file_reason(enum port_file_status status)
{
    switch (status) {
    case PORT_FILE_OK:
        return "no error";
    case PORT_FILE_NOT_FOUND:
        return "there is no such file";
    case PORT_FILE_NO_VOLUME:
        return "no volume with files was found";
    case PORT_FILE_READ_ONLY:
        return "the volume is read-only";
    case PORT_FILE_FULL:
        return "the volume is full";
    case PORT_FILE_BAD_NAME:
        return "the name cannot be one of a file on this volume";
    default:
        return "the device reported an error";
    }
}

static enum port_file_status fail(enum port_file_status status, const char *name, struct error *error)
{
    error_set(error, status == PORT_FILE_FULL ? ERROR_NOSPACE : ERROR_IO, "%s cannot be read: %s", name,
              file_reason(status));
    return status;
}

enum port_file_status file_read_whole(const char *name, uint64_t most, struct file_data *ret_data, struct error *error)
{
    struct port_file *file;
    uint64_t bytes;
    *ret_data = (struct file_data){0};
    enum port_file_status status = port_file_open(name, &file, &bytes);
    if (status != PORT_FILE_OK)
        return fail(status, name, error);
    if (bytes > most) {
        port_file_close(file);
        error_set(error, ERROR_TOOLONG, "%s has %llu bytes; at most %llu are accepted", name, (unsigned long long)bytes,
                  (unsigned long long)most);
        return PORT_FILE_IO;
    }
    ret_data->pages_bytes = (bytes / PAGE_BYTES + 1) * PAGE_BYTES;
    ret_data->bytes = port_pages_alloc(ret_data->pages_bytes);
    if (ret_data->bytes == NULL) {
        port_file_close(file);
        error_set(error, ERROR_NOSPACE, "not enough memory to read %s: %llu bytes are needed, %llu are free", name,
                  (unsigned long long)ret_data->pages_bytes, (unsigned long long)port_pages_free_total());
        return PORT_FILE_IO;
    }
    ret_data->length = bytes;
    status = port_file_read(file, 0, ret_data->bytes, bytes);
    port_file_close(file);
    if (status != PORT_FILE_OK) {
        file_release(ret_data);
        return fail(status, name, error);
    }
    return PORT_FILE_OK;
}

void file_release(struct file_data *data)
{
    if (data->bytes != NULL)
        port_pages_free(data->bytes, data->pages_bytes);
    *data = (struct file_data){0};
}

bool file_write_whole(const char *name, const void *data, uint64_t bytes, struct error *error)
{
    enum port_file_status status = port_file_write(name, data, bytes);
    if (status == PORT_FILE_OK)
        return true;
    return error_set(error, status == PORT_FILE_FULL ? ERROR_NOSPACE : ERROR_IO, "%s (%llu bytes) was not written: %s",
                     name, (unsigned long long)bytes, file_reason(status));
}
