#include "harness.h"

#include <stdlib.h>
#include <string.h>

void reply(const char *status, const void *data, size_t bytes)
{
    printf("%s %zu\n", status, bytes);
    if (bytes > 0)
        fwrite(data, 1, bytes, stdout);
    fflush(stdout);
}

void reply_error(const struct error *error)
{
    char text[256];
    int bytes = snprintf(text, sizeof text, "%d %s", (int)error->code, error->text);
    reply("error", text, (size_t)bytes);
}

static bool read_request(struct request *request)
{
    char line[512];
    if (fgets(line, sizeof line, stdin) == NULL)
        return false;
    unsigned long long numbers[HARNESS_ARGUMENTS + 1];
    unsigned count = 0;
    char *word = strtok(line, " \n");
    snprintf(request->name, sizeof request->name, "%s", word != NULL ? word : "");
    while ((word = strtok(NULL, " \n")) != NULL && count <= HARNESS_ARGUMENTS)
        numbers[count++] = strtoull(word, NULL, 10);
    if (count == 0)
        return false;
    request->count = count - 1;
    memcpy(request->arguments, numbers, sizeof request->arguments);
    request->bytes = (size_t)numbers[count - 1];
    request->payload = malloc(request->bytes > 0 ? request->bytes : 1);
    return request->payload != NULL && fread(request->payload, 1, request->bytes, stdin) == request->bytes;
}

int main(void)
{
    static struct harness harness;
    struct request request = {0};
    sampler_seed(&harness.sampler, 1);
    while (read_request(&request)) {
        if (!harness_model(&harness, &request) && !harness_passes(&harness, &request) &&
            !harness_gguf(&harness, &request) && !harness_tokenizer(&harness, &request) &&
            !harness_sampler(&harness, &request) && !harness_choice(&harness, &request) &&
            !harness_kernels(&harness, &request))
            reply("error", "unknown request", 15);
        free(request.payload);
        memset(&request, 0, sizeof request);
    }
    return 0;
}
