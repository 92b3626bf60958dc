/* stream_read.h - the loads of a matrix product without its arithmetic: how fast weights can come at all. */
#ifndef LLMK_STREAM_READ_H
#define LLMK_STREAM_READ_H

#include "cpu.h"

#define STREAM_BLOCK 4096u /* bytes */

/* Reads `blocks` blocks, 64-byte aligned, once and forwards, with loads as wide as those of the level's kernels. The
 * result depends on every byte and means nothing. */
uint64_t stream_read(enum cpu_level level, const void *from, uint64_t blocks);

#endif
