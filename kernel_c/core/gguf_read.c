#include "gguf_read.h"

static bool refuse_end(const struct gguf_reader *reader, uint64_t count)
{
    bool named = reader->name[0] != '\0';
    return error_set(reader->error, ERROR_FORMAT,
                     "gguf: the file ends at byte %llu, %llu more are needed at byte %llu%s%.80s: it is cut off",
                     (unsigned long long)reader->file_bytes,
                     (unsigned long long)(count - (reader->file_bytes - reader->at)), (unsigned long long)reader->at,
                     named ? " for " : "", reader->name);
}

static bool check_end(const struct gguf_reader *reader, uint64_t count)
{
    return count <= reader->file_bytes - reader->at || refuse_end(reader, count);
}

const uint8_t *gguf_bytes(struct gguf_reader *reader, uint32_t count)
{
    if (!check_end(reader, count))
        return NULL;
    bool inside = reader->at >= reader->window_at && reader->at + count <= reader->window_at + reader->window_bytes;
    if (!inside) {
        uint64_t left = reader->file_bytes - reader->at;
        uint32_t bytes = left < GGUF_WINDOW_BYTES ? (uint32_t)left : GGUF_WINDOW_BYTES;
        reader->window_at = reader->at;
        reader->window_bytes = 0; /* nothing, should the read fail half way */
        if (!reader->read(reader->context, reader->at, reader->window, bytes, reader->error))
            return NULL;
        reader->window_bytes = bytes;
    }
    const uint8_t *found = reader->window + (reader->at - reader->window_at);
    reader->at += count;
    return found;
}

bool gguf_skip(struct gguf_reader *reader, uint64_t count)
{
    if (!check_end(reader, count))
        return false;
    reader->at += count;
    return true;
}

bool gguf_u32(struct gguf_reader *reader, uint32_t *ret_value)
{
    const uint8_t *bytes = gguf_bytes(reader, 4);
    if (bytes != NULL)
        *ret_value = (uint32_t)gguf_little(bytes, 4);
    return bytes != NULL;
}

bool gguf_u64(struct gguf_reader *reader, uint64_t *ret_value)
{
    const uint8_t *bytes = gguf_bytes(reader, 8);
    if (bytes != NULL)
        *ret_value = gguf_little(bytes, 8);
    return bytes != NULL;
}

bool gguf_length(struct gguf_reader *reader, uint64_t most, uint64_t *ret_length)
{
    uint64_t at = reader->at;
    if (!gguf_u64(reader, ret_length))
        return false;
    if (*ret_length > most)
        return error_set(
            reader->error, ERROR_FORMAT, "gguf: the string at byte %llu (%.80s) has %llu bytes, expected at most %llu",
            (unsigned long long)at, reader->name, (unsigned long long)*ret_length, (unsigned long long)most);
    return check_end(reader, *ret_length);
}

bool gguf_name(struct gguf_reader *reader)
{
    uint64_t length;
    if (!gguf_length(reader, GGUF_NAME_BYTES, &length))
        return false;
    const uint8_t *bytes = gguf_bytes(reader, (uint32_t)length);
    if (bytes == NULL)
        return false;
    for (uint64_t i = 0; i < length; i++)
        reader->name[i] = bytes[i] > ' ' && bytes[i] <= '~' ? (char)bytes[i] : '?';
    reader->name[length] = '\0';
    return true;
}
