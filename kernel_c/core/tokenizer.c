#include "tokenizer_private.h"

#include "align.h"

#define HEAD_BYTES 8u /* score and length in front of each token */

static uint32_t little32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

int compare_bytes(const uint8_t *a, uint32_t a_count, const uint8_t *b, uint32_t b_count)
{
    for (uint32_t i = 0; i < a_count && i < b_count; i++)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return a_count == b_count ? 0 : a_count < b_count ? -1 : 1;
}

static int compare_tokens(const struct tokenizer *t, uint32_t a, uint32_t b)
{
    uint32_t a_count, b_count;
    const uint8_t *a_bytes = token_bytes(t, a, &a_count), *b_bytes = token_bytes(t, b, &b_count);
    int order = compare_bytes(a_bytes, a_count, b_bytes, b_count);
    return order != 0 ? order : a < b ? -1 : a > b;
}

uint64_t tokenizer_need(uint64_t file_bytes, uint32_t vocab_size, struct error *error)
{
    uint64_t least = 4 + HEAD_BYTES * (uint64_t)vocab_size, most = least + (uint64_t)vocab_size * TOKEN_LIMIT;
    if (file_bytes < least || file_bytes > most) {
        error_set(error, ERROR_FORMAT, "tokenizer: the file has %llu bytes, %u tokens need %llu to %llu",
                  (unsigned long long)file_bytes, vocab_size, (unsigned long long)least, (unsigned long long)most);
        return 0;
    }
    return sizeof(struct tokenizer_merge) + align_up(4 * ((uint64_t)vocab_size + 1)) +
           2 * align_up(4 * (uint64_t)vocab_size) + align_up(file_bytes - least + 1);
}

/* Heap sort of the ids by their bytes: no recursion, no worst case. */
static void sift_down(const struct tokenizer *t, uint32_t *heap, uint32_t count, uint32_t at)
{
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && compare_tokens(t, heap[child + 1], heap[child]) > 0)
            child++;
        if (compare_tokens(t, heap[child], heap[at]) <= 0)
            return;
        uint32_t swapped = heap[at];
        heap[at] = heap[child];
        heap[child] = swapped;
    }
}

static void sort_ids(const struct tokenizer *t, uint32_t *ids, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        ids[i] = i;
    for (uint32_t i = count / 2; i-- > 0;)
        sift_down(t, ids, count, i);
    for (uint32_t rest = count; rest-- > 1;) {
        uint32_t largest = ids[0];
        ids[0] = ids[rest];
        ids[rest] = largest;
        sift_down(t, ids, rest, 0);
    }
}

static bool read_tokens(const uint8_t *file, uint64_t file_bytes, struct tokenizer *t, uint32_t *offsets, float *scores,
                        uint8_t *bytes, struct error *error)
{
    uint64_t at = 4; /* tokenizer_need saw that the heads of all tokens fit */
    uint32_t filled = 0;
    for (uint32_t id = 0; id < t->vocab_size; id++) {
        union {
            uint32_t bits;
            float value;
        } score = {.bits = little32(file + at)};
        uint32_t length = little32(file + at + 4);
        at += HEAD_BYTES;
        if ((score.bits & 0x7f800000u) == 0x7f800000u)
            return error_set(error, ERROR_FORMAT, "tokenizer: the score of token %u is not a finite number", id);
        if (length > t->max_token_bytes)
            return error_set(error, ERROR_FORMAT, "tokenizer: the length of token %u is %d, expected 0..%u", id,
                             (int32_t)length, t->max_token_bytes);
        /* The heads of all later tokens must fit too: that bounds the bytes of all tokens by the memory they have. */
        uint32_t later = t->vocab_size - id - 1;
        if (file_bytes - at < length + HEAD_BYTES * (uint64_t)later)
            return error_set(
                error, ERROR_FORMAT,
                "tokenizer: %llu bytes are left for the %u of token %u and %u more tokens: the file is cut off or "
                "belongs to another model",
                (unsigned long long)(file_bytes - at), length, id, later);
        offsets[id] = filled;
        scores[id] = score.value;
        for (uint32_t i = 0; i < length; i++)
            bytes[filled++] = file[at++];
    }
    offsets[t->vocab_size] = filled;
    if (at != file_bytes)
        return error_set(error, ERROR_FORMAT,
                         "tokenizer: %llu bytes follow the last of %u tokens: it belongs to another model",
                         (unsigned long long)(file_bytes - at), t->vocab_size);
    return true;
}

/* "<0xNN>", upper-case hexadecimal: the byte, or -1. */
static int byte_of_token(const uint8_t *bytes, uint32_t count)
{
    if (count != 6 || bytes[0] != '<' || bytes[1] != '0' || bytes[2] != 'x' || bytes[5] != '>')
        return -1;
    int value = 0;
    for (unsigned i = 3; i < 5; i++) {
        int digit = bytes[i] >= '0' && bytes[i] <= '9'   ? bytes[i] - '0'
                    : bytes[i] >= 'A' && bytes[i] <= 'F' ? bytes[i] - 'A' + 10
                                                         : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

bool tokenizer_load(struct tokenizer *t, const uint8_t *file, uint64_t file_bytes, uint32_t vocab_size, void *memory,
                    struct error *error)
{
    if (tokenizer_need(file_bytes, vocab_size, error) == 0)
        return false;
    uint64_t id_bytes = align_up(4 * (uint64_t)vocab_size);
    struct tokenizer_merge *work = memory;
    uint8_t *at = (uint8_t *)memory + sizeof *work;
    uint32_t *offsets = (uint32_t *)(void *)at;
    at += align_up(4 * ((uint64_t)vocab_size + 1));
    float *scores = (float *)(void *)at;
    uint32_t *sorted = (uint32_t *)(void *)(at + id_bytes);
    uint8_t *bytes = at + 2 * id_bytes;
    *t = (struct tokenizer){.vocab_size = vocab_size,
                            .max_token_bytes = little32(file),
                            .bytes = bytes,
                            .offsets = offsets,
                            .scores = scores,
                            .sorted = sorted,
                            .work = work};
    if (t->max_token_bytes == 0 || t->max_token_bytes > TOKEN_LIMIT)
        return error_set(error, ERROR_FORMAT, "tokenizer: max_token_length is %d, expected 1..%u",
                         (int32_t)t->max_token_bytes, TOKEN_LIMIT);
    if (!read_tokens(file, file_bytes, t, offsets, scores, bytes, error))
        return false;
    sort_ids(t, sorted, vocab_size);
    t->byte_fallback = vocab_size >= FIRST_BYTE_TOKEN + 256;
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t count;
        t->raw_bytes[byte] = (uint8_t)byte;
        if (t->byte_fallback) {
            const uint8_t *piece = token_bytes(t, FIRST_BYTE_TOKEN + byte, &count);
            t->byte_fallback = byte_of_token(piece, count) == (int)byte;
        }
    }
    return true;
}

const uint8_t *tokenizer_decode(const struct tokenizer *t, uint32_t previous, uint32_t id, size_t *ret_bytes)
{
    uint32_t count;
    if (id >= t->vocab_size) {
        *ret_bytes = 0;
        return t->bytes;
    }
    const uint8_t *bytes = token_bytes(t, id, &count);
    if (previous == TOKEN_BOS && count > 0 && bytes[0] == ' ') {
        bytes++;
        count--;
    }
    int byte = byte_of_token(bytes, count);
    *ret_bytes = byte >= 0 ? 1 : count;
    return byte >= 0 ? t->raw_bytes + byte : bytes;
}
