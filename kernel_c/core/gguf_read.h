/* gguf_read.h - the bytes of a GGUF file in their order, through a window of bounded size. Private to the readers of
 * GGUF files.
 *
 * Every number is put together from little-endian bytes, and everything is checked against the end of the file before
 * it is read. A false result means that `error` says why.
 */
#ifndef LLMK_GGUF_READ_H
#define LLMK_GGUF_READ_H

#include "error.h"
#include "model.h"

#define GGUF_WINDOW_BYTES 65536u /* of one read: small reads are slow on firmware */
#define GGUF_NAME_BYTES 256u     /* of a key or of a tensor's name */

struct gguf_reader {
    model_read *read;
    void *context;
    struct error *error;
    uint64_t file_bytes, at; /* at: where the next byte lies */
    uint64_t window_at;
    uint32_t window_bytes;
    char name[GGUF_NAME_BYTES + 1]; /* of the key or tensor that is being read; what is not printable is a '?' */
    uint8_t window[GGUF_WINDOW_BYTES];
};

/* The next `count` bytes, at most 4096, beside each other and valid until the next call; NULL: refused. */
const uint8_t *gguf_bytes(struct gguf_reader *reader, uint32_t count);
bool gguf_skip(struct gguf_reader *reader, uint64_t count);
bool gguf_u32(struct gguf_reader *reader, uint32_t *ret_value);
bool gguf_u64(struct gguf_reader *reader, uint64_t *ret_value);
/* A string's length, which is followed by its bytes: refused above `most`. */
bool gguf_length(struct gguf_reader *reader, uint64_t most, uint64_t *ret_length);
/* A string into reader->name. */
bool gguf_name(struct gguf_reader *reader);

static inline uint64_t gguf_little(const uint8_t *bytes, unsigned count)
{
    uint64_t value = 0;
    for (unsigned i = count; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

static inline float gguf_float(const uint8_t *bytes)
{
    uint32_t bits = (uint32_t)gguf_little(bytes, 4);
    float value;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}

#endif
