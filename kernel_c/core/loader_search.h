/* loader_search.h - which files on the volume could be a model, and which tokenizer belongs to one. */
#ifndef LLMK_LOADER_SEARCH_H
#define LLMK_LOADER_SEARCH_H

#include "error.h"
#include "model.h"
#include "port.h"

#include <stdbool.h>

/* Opens a model file and checks its header against its size. On success the caller closes the file; the error names the
 * file. */
bool loader_read_header(const char *name, struct port_file **ret_file, struct model_config *ret_config,
                        struct error *error);
/* NAME.tok.bin beside NAME.bin, else tokenizer.bin in the root or in models/. `ret_name` has KERNEL_NAME_BYTES. */
bool loader_find_tokenizer(const char *model, char *ret_name, struct error *error);

#endif
