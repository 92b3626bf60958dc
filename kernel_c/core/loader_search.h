/* loader_search.h - which files on the volume could be a model, and which tokenizer belongs to one. */
#ifndef LLMK_LOADER_SEARCH_H
#define LLMK_LOADER_SEARCH_H

#include "error.h"
#include "gguf.h"
#include "model.h"
#include "port.h"

#include <stdbool.h>

/* An open model file whose header has been checked. */
struct model_file {
    const char *name;
    struct port_file *file;
    struct gguf *gguf; /* of a GGUF file, in pages of its own; else NULL */
    struct model_config config;
};

/* Opens a model file of any format and checks its header against its size. The error names the file. `ret_file` must
 * stay where it is until model_file_close: a GGUF file is read through it. */
bool model_file_open(const char *name, struct model_file *ret_file, struct error *error);
void model_file_close(struct model_file *file);
/* A model_read with a struct model_file. */
bool model_file_read(void *context, uint64_t offset, void *to, uint64_t bytes, struct error *error);

/* NAME.tok.bin beside NAME.bin, else tokenizer.bin in the root or in models/. `ret_name` has KERNEL_NAME_BYTES. */
bool loader_find_tokenizer(const char *model, char *ret_name, struct error *error);

#endif
