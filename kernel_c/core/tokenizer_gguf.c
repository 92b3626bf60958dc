/* tokenizer_gguf.c - the tokenizer inside a GGUF file: SentencePiece's byte-pair encoding, which is llama2.c's.
 *
 * tokenizer.ggml.tokens has the texts, a U+2581 in the place of each space, .scores the order of the merges, and
 * .token_type what a token is. llama2.c knows no types; its vocabularies have the same first 259 tokens: unknown,
 * begin, end, and the 256 bytes. Source: llama.cpp, src/llama-vocab.h (token attributes), gguf-py constants.py
 * (TokenType).
 */
#include "gguf_private.h"
#include "tokenizer_private.h"

uint64_t tokenizer_need_gguf(const struct gguf *gguf)
{
    return tokenizer_plan(NULL, gguf->tokens.count, gguf->token_bytes, NULL);
}

/* gguf_parse has measured and checked the file; one that has changed since must not be written beyond its memory. */
static bool read_texts(struct gguf *gguf, const struct tokenizer_parts *parts)
{
    struct gguf_reader *reader = &gguf->reader;
    uint64_t filled = 0;
    reader->at = gguf->tokens.at;
    for (uint32_t id = 0; id < gguf->tokens.count; id++) {
        uint64_t length;
        if (!gguf_length(reader, TOKEN_LIMIT, &length))
            return false;
        const uint8_t *bytes = gguf_bytes(reader, (uint32_t)length);
        if (bytes == NULL)
            return false;
        uint32_t kept = gguf_token_text(bytes, (uint32_t)length, NULL);
        if (kept > gguf->token_bytes - filled || kept > gguf->longest_token)
            return error_set(reader->error, ERROR_IO, "tokenizer: the file has changed while it was read, at token %u",
                             id);
        parts->offsets[id] = (uint32_t)filled;
        filled += gguf_token_text(bytes, (uint32_t)length, parts->bytes + filled);
    }
    parts->offsets[gguf->tokens.count] = (uint32_t)filled;
    return true;
}

static bool read_scores(struct gguf *gguf, const struct tokenizer_parts *parts)
{
    struct gguf_reader *reader = &gguf->reader;
    reader->at = gguf->scores.at;
    for (uint32_t id = 0; id < gguf->scores.count; id++) {
        const uint8_t *bytes = gguf_bytes(reader, 4);
        if (bytes == NULL)
            return false;
        parts->scores[id] = gguf_float(bytes);
    }
    return true;
}

/* Text becomes pieces of text alone: what it cannot become is left out of the order in which it is looked for. */
static bool read_types(struct gguf *gguf, struct tokenizer *t, const struct tokenizer_parts *parts)
{
    struct gguf_reader *reader = &gguf->reader;
    uint32_t type;
    reader->at = gguf->types.at;
    for (uint32_t id = 0; id < gguf->types.count; id++) {
        if (!gguf_u32(reader, &type))
            return false;
        if (type == GGUF_TYPE_TEXT)
            parts->sorted[t->sorted_count++] = id;
    }
    return true;
}

bool tokenizer_load_gguf(struct tokenizer *t, struct gguf *gguf, void *memory, struct error *error)
{
    struct tokenizer_parts parts;
    gguf->reader.error = error;
    gguf->reader.name[0] = '\0';
    tokenizer_plan(memory, gguf->tokens.count, gguf->token_bytes, &parts);
    *t = tokenizer_over(&parts, gguf->tokens.count, gguf->longest_token);
    t->byte_fallback = gguf->byte_tokens;
    if (!read_texts(gguf, &parts) || !read_scores(gguf, &parts) || !read_types(gguf, t, &parts))
        return false;
    tokenizer_sort(t, parts.sorted, t->sorted_count);
    return true;
}
