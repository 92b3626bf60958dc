/* model_file.c - a model file on the volume, of whichever format, opened and checked. */
#include "files.h"
#include "kernel.h"
#include "loader_search.h"

bool model_file_read(void *context, uint64_t offset, void *to, uint64_t bytes, struct error *error)
{
    const struct model_file *file = context;
    enum port_file_status status = port_file_read(file->file, offset, to, bytes);
    if (status == PORT_FILE_OK)
        return true;
    return error_set(error, ERROR_IO, "%s cannot be read at byte %llu: %s", file->name, (unsigned long long)offset,
                     file_reason(status));
}

static bool parse_gguf(struct model_file *file, uint64_t bytes, struct error *error)
{
    file->gguf = port_pages_alloc(sizeof *file->gguf);
    if (file->gguf == NULL)
        return error_set(error, ERROR_NOSPACE,
                         "not enough memory to read the file: %zu bytes are needed, %llu are free", sizeof *file->gguf,
                         (unsigned long long)port_pages_free_total());
    return gguf_parse(file->gguf, model_file_read, file, bytes, &file->config, error);
}

static bool parse(struct model_file *file, uint64_t bytes, struct error *error)
{
    uint8_t header[MODEL_HEADER_BYTES];
    size_t have = bytes < sizeof header ? (size_t)bytes : sizeof header;
    if (!model_file_read(file, 0, header, have, error))
        return false;
    if (gguf_is(header, have))
        return parse_gguf(file, bytes, error);
    return model_config_parse(header, have, bytes, &file->config, error);
}

bool model_file_open(const char *name, struct model_file *ret_file, struct error *error)
{
    uint64_t bytes;
    struct error why;
    *ret_file = (struct model_file){.name = name};
    if (string_length(name) >= KERNEL_NAME_BYTES)
        return error_set(error, ERROR_TOOLONG, "the name \"%.40s...\" is longer than %u characters", name,
                         KERNEL_NAME_BYTES - 1);
    enum port_file_status status = port_file_open(name, &ret_file->file, &bytes);
    if (status != PORT_FILE_OK)
        return error_set(error, ERROR_IO, "%s cannot be opened: %s", name, file_reason(status));
    if (parse(ret_file, bytes, &why))
        return true;
    model_file_close(ret_file);
    return error_set(error, why.code, why.code == ERROR_IO ? "%.0s%s" : "%s: %s", name, why.text);
}

void model_file_close(struct model_file *file)
{
    if (file->gguf != NULL)
        port_pages_free(file->gguf, sizeof *file->gguf);
    if (file->file != NULL)
        port_file_close(file->file);
    file->gguf = NULL;
    file->file = NULL;
}
