/* requests_gguf.c - what is in front of a GGUF file's tensors, and the tokenizer inside. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#define CANARY_BYTES 64u
#define CANARY 0xa5

static struct gguf gguf;

/* A file whose end was not sent is zeros from there on. */
struct source {
    const struct request *request;
    unsigned long long largest_read;
};

static bool read_payload(void *context, uint64_t offset, void *to, uint64_t bytes, struct error *error)
{
    struct source *source = context;
    const struct request *r = source->request;
    uint64_t have = offset < r->bytes ? r->bytes - offset : 0;
    (void)error;
    source->largest_read = bytes > source->largest_read ? bytes : source->largest_read;
    memset(to, 0, (size_t)bytes);
    memcpy(to, r->payload + (have > 0 ? offset : 0), (size_t)(have < bytes ? have : bytes));
    return true;
}

/* "gguf FILE_BYTES" with the beginning of the file. */
static void parse_request(const struct request *r)
{
    struct source source = {r, 0};
    struct error error = {0};
    struct model_config c;
    struct model_need need;
    char text[512];
    if (!gguf_parse(&gguf, read_payload, &source, r->arguments[0], &c, &error)) {
        reply_error(&error);
        return;
    }
    model_need(&c, &need);
    int bytes = snprintf(text, sizeof text, "%llu %llu %u %u %u %u %u %u %u %u %u %.9g %.9g %u %u %llu %llu",
                         (unsigned long long)c.parameters, (unsigned long long)c.file_bytes, c.group, c.dim,
                         c.hidden_dim, c.n_layers, c.n_heads, c.n_kv_heads, c.vocab_size, c.seq_len,
                         (unsigned)c.shared_classifier, (double)c.norm_epsilon, (double)c.rope_base, gguf.matrices,
                         gguf.quantised, (unsigned long long)need.weights, source.largest_read);
    reply("ok", text, (size_t)bytes);
}

/* "words" with the whole file: its tokenizer, in memory of exactly the announced size. So many bytes
 * of its tokens, as the argument says, are others when it is read for the second time. */
static void words_request(struct harness *h, struct request r)
{
    struct source source = {&r, 0};
    struct error error = {0};
    struct model_config c;
    h->tokenizer_loaded = false;
    if (!gguf_parse(&gguf, read_payload, &source, r.bytes, &c, &error)) {
        reply_error(&error);
        return;
    }
    uint64_t need = tokenizer_need_gguf(&gguf);
    free(h->tokenizer_memory);
    h->tokenizer_memory = aligned_alloc(64, (size_t)need + CANARY_BYTES);
    if (h->tokenizer_memory == NULL)
        abort();
    unsigned char *canary = (unsigned char *)h->tokenizer_memory + need;
    memset(canary, CANARY, CANARY_BYTES);
    for (uint64_t i = 0; i < r.arguments[0]; i++)
        r.payload[gguf.tokens.at + i] ^= 1;
    gguf.reader.window_bytes = 0;
    bool loaded = tokenizer_load_gguf(&h->tokenizer, &gguf, h->tokenizer_memory, &error);
    for (unsigned i = 0; i < CANARY_BYTES; i++)
        if (canary[i] != CANARY)
            abort();
    h->tokenizer_loaded = loaded;
    if (loaded)
        reply("ok", NULL, 0);
    else
        reply_error(&error);
}

bool harness_gguf(struct harness *h, const struct request *r)
{
    if (strcmp(r->name, "gguf") == 0)
        parse_request(r);
    else if (strcmp(r->name, "words") == 0)
        words_request(h, *r);
    else
        return false;
    return true;
}
