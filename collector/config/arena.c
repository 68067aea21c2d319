/* SPDX-License-Identifier: Apache-2.0 */
#include "arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

struct piece {
	struct piece *next;
	alignas(max_align_t) unsigned char bytes[];
};

struct arena {
	struct piece *pieces;
	size_t taken;
	int failed;
};

struct arena *arena_new(void)
{
	return calloc(1, sizeof(struct arena));
}

void arena_free(struct arena *arena)
{
	struct piece *next;

	if (!arena)
		return;
	for (struct piece *piece = arena->pieces; piece; piece = next) {
		next = piece->next;
		free(piece);
	}
	free(arena);
}

void *arena_take(struct arena *arena, size_t n)
{
	struct piece *piece = NULL;

	/* The sum cannot wrap: taken never exceeds the limit. */
	if (n <= ARENA_BYTES_MAX - arena->taken)
		piece = calloc(1, sizeof(*piece) + n);
	if (!piece) {
		arena->failed = 1;
		return NULL;
	}
	arena->taken += n;
	piece->next = arena->pieces;
	arena->pieces = piece;
	return piece->bytes;
}

char *arena_text(struct arena *arena, const char *text, size_t n)
{
	char *copy = arena_take(arena, n + 1);

	if (copy && n > 0)
		memcpy(copy, text, n);
	return copy;
}

int arena_failed(const struct arena *arena)
{
	return arena->failed;
}
