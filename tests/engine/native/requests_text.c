/* requests_text.c - the tokenizer, in memory of exactly the announced size. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#define CANARY_BYTES 64u
#define CANARY 0xa5

/* "tokenizer VOCAB" with the file as payload. */
static void load_request(struct harness *h, const struct request *r)
{
    struct error error = {0};
    uint32_t vocab = (uint32_t)r->arguments[0];
    uint64_t need = tokenizer_need(r->bytes, vocab, &error);
    h->tokenizer_loaded = false;
    if (need == 0) {
        reply_error(&error);
        return;
    }
    free(h->tokenizer_memory);
    h->tokenizer_memory = aligned_alloc(64, (size_t)need + CANARY_BYTES);
    if (h->tokenizer_memory == NULL)
        abort();
    unsigned char *canary = (unsigned char *)h->tokenizer_memory + need;
    memset(canary, CANARY, CANARY_BYTES);
    if (!tokenizer_load(&h->tokenizer, r->payload, r->bytes, vocab, h->tokenizer_memory, &error)) {
        reply_error(&error);
        return;
    }
    for (unsigned i = 0; i < CANARY_BYTES; i++)
        if (canary[i] != CANARY)
            abort();
    h->tokenizer_loaded = true;
    reply("ok", NULL, 0);
}

/* "encode BOS CAPACITY" with the text as payload. */
static void encode_request(struct harness *h, const struct request *r)
{
    struct error error = {0};
    size_t capacity = (size_t)r->arguments[1], count;
    uint32_t *ids = malloc((capacity > 0 ? capacity : 1) * sizeof *ids);
    if (ids == NULL)
        abort();
    if (tokenizer_encode(&h->tokenizer, (const char *)r->payload, r->bytes, r->arguments[0] != 0, ids, capacity, &count,
                         &error))
        reply("ok", ids, count * sizeof *ids);
    else
        reply_error(&error);
    free(ids);
}

bool harness_tokenizer(struct harness *h, const struct request *r)
{
    if (strcmp(r->name, "tokenizer") == 0) {
        load_request(h, r);
    } else if (!h->tokenizer_loaded) {
        return false;
    } else if (strcmp(r->name, "encode") == 0) {
        encode_request(h, r);
    } else if (strcmp(r->name, "decode") == 0) { /* "decode PREVIOUS ID" */
        size_t bytes;
        const uint8_t *piece =
            tokenizer_decode(&h->tokenizer, (uint32_t)r->arguments[0], (uint32_t)r->arguments[1], &bytes);
        reply("ok", piece, bytes);
    } else {
        return false;
    }
    return true;
}
