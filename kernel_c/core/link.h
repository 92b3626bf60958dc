/* link.h - the kernel's end of the line protocol (protocol/SPEC.md), and who owns the serial line at the moment. */
#ifndef LLMK_LINK_H
#define LLMK_LINK_H

#include "llmk_wire.h"
#include "wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kernel;

/* struct link: see the definition at the end; other modules use only these functions. */

/* What other modules tell the link. In human mode each of these does nothing. */
void link_token(struct kernel *kernel, uint32_t generation, uint32_t index, uint32_t id, const uint8_t *bytes, size_t count,
                uint64_t cycles);
void link_finished(struct kernel *kernel, const struct wire_finished *record);
void link_event(struct kernel *kernel, const struct wire_event *record);
void link_changed(struct kernel *kernel, enum wire_stream stream); /* send this record soon: a parameter or an arena changed */
void link_progress(struct kernel *kernel, const struct wire_load *record);

/* Called from every wait loop and from inside the forward pass: pumps the UART, serves what may be served now, sends samples, credits
 * and heartbeat, looks at the keyboard. False when the running generation must stop. Cheap when there is nothing to do. */
bool link_poll(struct kernel *kernel);

#endif
