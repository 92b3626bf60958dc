/* gguf_private.h - the parts of gguf_parse. */
#ifndef LLMK_GGUF_PRIVATE_H
#define LLMK_GGUF_PRIVATE_H

#include "gguf.h"

/* The `count` keys that come next; then everything that is required was there. */
bool gguf_read_keys(struct gguf *gguf, uint64_t count);
/* The `count` tensors that come next, and where their data lies. */
bool gguf_read_tensors(struct gguf *gguf, uint64_t count, const struct model_config *config);
const char *gguf_integer_name(enum gguf_integer key);

/* What a token is, in tokenizer.ggml.token_type. */
enum { GGUF_TYPE_TEXT = 1, GGUF_TYPE_UNKNOWN, GGUF_TYPE_CONTROL, GGUF_TYPE_USER, GGUF_TYPE_UNUSED, GGUF_TYPE_BYTE };

/* A token's text as the tokenizer keeps it: the sign for a space is a space again. Returns its length; `to` may be
 * NULL, and has room for `count` bytes otherwise. */
uint32_t gguf_token_text(const uint8_t *from, uint32_t count, uint8_t *to);

#endif
