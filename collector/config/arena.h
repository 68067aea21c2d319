/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of a configuration: taken piece by piece, given back all at once. */
#ifndef KEYHOLE_CONFIG_ARENA_H
#define KEYHOLE_CONFIG_ARENA_H

#include <stddef.h>

#define ARENA_BYTES_MAX (16u << 20) /* of one configuration; beyond it is out of memory */

struct arena;

struct arena *arena_new(void); /* NULL: out of memory */
void arena_free(struct arena *arena);

/* Zeroed, aligned for any type. NULL: out of memory, which arena_failed() remembers. */
void *arena_take(struct arena *arena, size_t n);
char *arena_text(struct arena *arena, const char *text, size_t n); /* a copy and a NUL */
int arena_failed(const struct arena *arena);

#endif
