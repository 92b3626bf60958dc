/* loader.h - finds a model and its tokenizer on the volume, lays out the zones for them and loads them. */
#ifndef LLMK_LOADER_H
#define LLMK_LOADER_H

#include "error.h"
#include "text.h"

struct kernel;

/* At boot: the file named in repl.cfg, then the known names, then any other model file, in the root and in models/.
 * What was chosen and why is printed, and so is every refusal. Without any, the kernel stays in rescue:
 * kernel.rescue_reason says why. */
void loader_boot(struct kernel *kernel);
/* /load: a file that is refused before memory is touched, also because it cannot fit, leaves the loaded model as it is;
 * a later failure leaves the kernel in rescue. With `q8` float32 weights become int8 on the way, or the file is
 * refused; without it they do where the shape allows it when the parameter q8 is 1. */
bool loader_load(struct kernel *kernel, const char *name, bool q8, struct error *error);
/* No model, for this reason: zones only for the log and the files, and a prompt that refuses prompts. */
void loader_rescue(struct kernel *kernel, const char *reason);
/* /models: every model file of the root and models/, and what its header says. */
bool loader_list(struct kernel *kernel, struct text *out, struct error *error);

#endif
