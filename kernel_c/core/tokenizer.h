/* tokenizer.h - llama2.c's byte-pair encoding, both ways.
 *
 * File: int32 max_token_length, then vocab_size times (float32 score, int32 length, bytes). No magic and no count: the
 * model gives vocab_size and the file must end exactly after the last token. Source: karpathy/llama2.c, run.c
 * build_tokenizer and encode.
 */
#ifndef LLMK_TOKENIZER_H
#define LLMK_TOKENIZER_H

#include "error.h"

#include <stddef.h>
#include <stdint.h>

#define TOKEN_UNKNOWN 0u
#define TOKEN_BOS 1u
#define TOKEN_EOS 2u
#define TOKENIZER_TEXT_BYTES 8191u /* the longest text of one tokenizer_encode */

struct tokenizer {
    uint32_t vocab_size;
    uint32_t max_token_bytes;
    const uint8_t *bytes;         /* all token bytes, one after the other */
    const uint32_t *offsets;      /* [vocab_size + 1] into bytes */
    const float *scores;          /* [vocab_size] */
    const uint32_t *sorted;       /* ids that text can become, in the order of their bytes */
    uint32_t sorted_count;        /* all of llama2.c's; of GGUF's those that are no control tokens or bytes */
    bool byte_fallback;           /* ids 3..258 are <0x00>..<0xFF> */
    uint8_t raw_bytes[256];       /* what those 256 tokens decode to */
    struct tokenizer_merge *work; /* private: what tokenizer_encode works in, so one text at a time */
};

/* Bytes of memory tokenizer_load needs for this file; 0 and an error when it cannot be one. */
uint64_t tokenizer_need(uint64_t file_bytes, uint32_t vocab_size, struct error *error);
/* `file` is the whole file and may be freed afterwards; `memory` (64-byte aligned) must live as long as the tokenizer.
 */
bool tokenizer_load(struct tokenizer *tokenizer, const uint8_t *file, uint64_t file_bytes, uint32_t vocab_size,
                    void *memory, struct error *error);

struct gguf;

/* The same from the keys of a GGUF file that gguf_parse has accepted; it is read again. */
uint64_t tokenizer_need_gguf(const struct gguf *gguf);
bool tokenizer_load_gguf(struct tokenizer *tokenizer, struct gguf *gguf, void *memory, struct error *error);

/* Encodes UTF-8 (any bytes) as llama2.c does: a space is put before the text when it is not empty, merges by highest
 * score and leftmost on ties, byte fallback. Writes BOS first if asked. Fails with ERROR_TOOLONG when more than
 * `capacity` ids are needed; `ret_count` then says how many and `ids` has the first of them; also when the text is
 * longer than TOKENIZER_TEXT_BYTES
 * (`ret_count` is 0). */
bool tokenizer_encode(const struct tokenizer *tokenizer, const char *text, size_t bytes, bool bos, uint32_t *ids,
                      size_t capacity, size_t *ret_count, struct error *error);

/* The bytes of a token after `previous`: <0xNN> is that byte; one leading space is dropped after BOS. Valid for the
 * tokenizer's life. */
const uint8_t *tokenizer_decode(const struct tokenizer *tokenizer, uint32_t previous, uint32_t id, size_t *ret_bytes);

#endif
