/* crc32.h - CRC-32 as in zlib and Ethernet: reflected, polynomial 0xEDB88320. Of frames, files and dumps. */
#ifndef LLMK_CRC32_H
#define LLMK_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* `crc` is that of what came before, 0 at first. */
uint32_t crc32_more(uint32_t crc, const void *data, size_t count);
uint32_t crc32(const void *data, size_t count);

#endif
