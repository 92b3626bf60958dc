/* loader_search.c - the order in which models are looked for. */
#include "loader_search.h"

#include "files.h"
#include "kernel.h"
#include "loader.h"

#define OTHERS 32u /* model files beyond the known names that are considered, in the order of their names */

static const char *const folders[] = {"", "models"};
static const char *const known_names[] = {
    "stories300M.bin",  "stories260M.bin",  "stories200M.bin",  "stories110M.bin",  "stories15M.bin",  "model.bin",
    "stories300M.gguf", "stories260M.gguf", "stories200M.gguf", "stories110M.gguf", "stories15M.gguf", "model.gguf",
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool ends_with(const char *name, const char *suffix)
{
    size_t length = string_length(name), end = string_length(suffix);
    if (length < end)
        return false;
    for (size_t i = 0; i < end; i++) {
        if (lower(name[length - end + i]) != suffix[i])
            return false;
    }
    return true;
}

/* FAT does not tell "MODEL.BIN" from "model.bin", and firmware without long names shows "MODEL.GGU". */
static bool could_be_model(const char *name)
{
    if (ends_with(name, ".gguf") || ends_with(name, ".ggu"))
        return true;
    return ends_with(name, ".bin") && !ends_with(name, ".tok.bin") &&
           !(ends_with(name, "tokenizer.bin") && string_length(name) == 13);
}

static bool join(char *ret_name, const char *folder, const char *name)
{
    struct text text;
    text_init(&text, ret_name, KERNEL_NAME_BYTES);
    text_format(&text, "%s%s%s", folder, folder[0] != '\0' ? "/" : "", name);
    return !text.truncated;
}

static bool exists(const char *name)
{
    struct port_file *file;
    uint64_t bytes;
    if (port_file_open(name, &file, &bytes) != PORT_FILE_OK)
        return false;
    port_file_close(file);
    return true;
}

bool loader_find_tokenizer(const char *model, char *ret_name, struct error *error)
{
    size_t stem = string_length(model) - (ends_with(model, ".bin") ? 4 : 0);
    struct text text;
    text_init(&text, ret_name, KERNEL_NAME_BYTES);
    text_bytes(&text, model, stem);
    text_string(&text, ".tok.bin");
    if (!text.truncated && exists(ret_name))
        return true;
    for (unsigned i = 0; i < 2; i++) {
        if (join(ret_name, folders[i], "tokenizer.bin") && exists(ret_name))
            return true;
    }
    return error_set(error, ERROR_IO,
                     "%s has no tokenizer: neither %.*s.tok.bin nor tokenizer.bin nor models/tokenizer.bin is there",
                     model, (int)stem, model);
}

/* ---- the other model files of a folder, sorted by name --------------------------------------------------------- */

struct others {
    const char *folder;
    unsigned count, left_out;
    char names[OTHERS][KERNEL_NAME_BYTES];
};

static int compare(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return (unsigned char)*a - (unsigned char)*b;
}

static bool collect(void *context, const char *name, uint64_t bytes)
{
    struct others *others = context;
    char joined[KERNEL_NAME_BYTES];
    (void)bytes;
    if (!could_be_model(name))
        return true;
    if (others->count == OTHERS || !join(joined, others->folder, name)) {
        others->left_out++;
        return true;
    }
    unsigned at = others->count++;
    for (; at > 0 && compare(others->names[at - 1], joined) > 0; at--)
        __builtin_memcpy(others->names[at], others->names[at - 1], KERNEL_NAME_BYTES);
    __builtin_memcpy(others->names[at], joined, KERNEL_NAME_BYTES);
    return true;
}

static enum port_file_status list_folder(struct others *others, const char *folder)
{
    others->folder = folder;
    others->count = others->left_out = 0;
    return port_file_list(folder, collect, others);
}

bool loader_list(struct kernel *kernel, struct text *out, struct error *error)
{
    struct others others;
    unsigned shown = 0;
    enum port_file_status root = PORT_FILE_OK;
    for (unsigned f = 0; f < 2; f++) {
        enum port_file_status status = list_folder(&others, folders[f]);
        if (f == 0)
            root = status;
        for (unsigned i = 0; i < others.count; i++, shown++) {
            struct model_file file;
            const struct model_config *config = &file.config;
            struct error why;
            bool loaded = kernel->model_loaded && string_equal(kernel->model_file, others.names[i]);
            if (!model_file_open(others.names[i], &file, &why)) {
                text_format(out, "  not a model: %s\n", why.text);
                continue;
            }
            model_file_close(&file);
            text_format(out, "%s %s: %llu parameters, %llu bytes, %s, dim %u, %u layers, vocabulary %u, context %u\n",
                        loaded ? "*" : " ", others.names[i], (unsigned long long)config->parameters,
                        (unsigned long long)config->file_bytes, model_format_name(config), (unsigned)config->dim,
                        (unsigned)config->n_layers, (unsigned)config->vocab_size, (unsigned)config->seq_len);
        }
        if (others.left_out > 0)
            text_format(out, "  and %u more: at most %u of a folder are shown, with names of at most %u characters\n",
                        others.left_out, OTHERS, KERNEL_NAME_BYTES - 1 - (f == 0 ? 0 : (unsigned)sizeof "models"));
    }
    if (root != PORT_FILE_OK)
        return error_set(error, ERROR_IO, "the volume cannot be listed: %s", file_reason(root));
    if (shown == 0)
        text_string(out, "No .bin or .gguf file in the root or in models/.\n");
    return true;
}

/* ---- boot ------------------------------------------------------------------------------------------------------ */

struct search {
    struct kernel *kernel;
    struct error first; /* why the first candidate was refused */
    unsigned tried;
};

static bool try_model(struct search *search, const char *name, const char *why)
{
    struct error error;
    console_print(search->kernel, "Model %s: %s\n", name, why);
    if (loader_load(search->kernel, name, false, &error))
        return true;
    console_print(search->kernel, "  refused: %s\n", error.text);
    log_event(search->kernel, WIRE_LOG_LEVEL_ERROR, WIRE_LOG_CODE_LOAD, WIRE_ARENA_NONE, 0, 0, error.text);
    if (search->tried++ == 0)
        search->first = error;
    return false;
}

static bool try_configured(struct search *search)
{
    const char *name = search->kernel->params.model;
    char joined[KERNEL_NAME_BYTES];
    if (name[0] == '\0')
        return false;
    if (!exists(name) && join(joined, "models", name) && exists(joined))
        name = joined;
    return try_model(search, name, "named in repl.cfg");
}

static bool try_known(struct search *search)
{
    for (unsigned i = 0; i < sizeof known_names / sizeof known_names[0]; i++) {
        for (unsigned f = 0; f < 2; f++) {
            char name[KERNEL_NAME_BYTES];
            if (join(name, folders[f], known_names[i]) && exists(name) &&
                try_model(search, name,
                          "the first that loads of the usual names (stories300M to stories15M, model); model=FILE in "
                          "repl.cfg chooses another"))
                return true;
        }
    }
    return false;
}

static bool is_known(const char *name)
{
    const char *base = string_starts(name, "models/") ? name + 7 : name;
    for (unsigned i = 0; i < sizeof known_names / sizeof known_names[0]; i++) {
        if (string_equal(base, known_names[i]))
            return true;
    }
    return false;
}

static bool try_others(struct search *search)
{
    struct others others;
    for (unsigned f = 0; f < 2; f++) {
        list_folder(&others, folders[f]);
        for (unsigned i = 0; i < others.count; i++) {
            if (!is_known(others.names[i]) && !string_equal(others.names[i], search->kernel->params.model) &&
                try_model(search, others.names[i],
                          "the first .bin or .gguf file that loads (stories300M to stories15M and model are tried before "
                          "all others); model=FILE in repl.cfg chooses another"))
                return true;
        }
    }
    return false;
}

void loader_boot(struct kernel *kernel)
{
    struct search search = {.kernel = kernel};
    if (try_configured(&search) || try_known(&search) || try_others(&search))
        return;
    if (search.tried == 0)
        error_set(&search.first, ERROR_IO, "no model file (.bin or .gguf) in the root or in models/");
    loader_rescue(kernel, search.first.text);
    console_print(kernel,
                  "\nNo model: %s\nRescue prompt: /models lists files, /load FILE loads one, /reboot restarts; all "
                  "diagnostics work.\n",
                  kernel->rescue_reason);
}
