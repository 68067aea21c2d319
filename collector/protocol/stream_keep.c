/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "stream.h"

/* ---- blocks and states ---- */

/* A free state's first word points to the next. */
static size_t state_size(uint32_t size)
{
	return size > sizeof(void *) ? size : sizeof(void *);
}

/* False: all of it is in use. */
static bool give_back_one(struct stream_memory *memory)
{
	struct stream_block *block = memory->free;

	if (block) {
		memory->free = block->next;
		memory->bytes -= sizeof(*block);
		free(block);
		return true;
	}
	for (unsigned int i = 0; i < PROTOCOLS; i++) {
		void *state = memory->states[i];

		if (!state)
			continue;
		memory->states[i] = *(void **)state;
		memory->bytes -= memory->state_size[i];
		free(state);
		return true;
	}
	return false;
}

static void *get(struct stream_memory *memory, size_t size)
{
	void *p;

	while (memory->bytes + size > memory->bytes_max)
		if (!give_back_one(memory) && !stream_make_room(memory))
			return NULL;
	p = malloc(size);
	if (p)
		memory->bytes += size;
	return p;
}

struct stream_block *stream_block_get(struct stream_memory *memory)
{
	struct stream_block *block = memory->free;

	if (block)
		memory->free = block->next;
	else
		block = get(memory, sizeof(*block));
	if (!block)
		return NULL;
	block->next = NULL;
	block->used = 0;
	return block;
}

void stream_block_put(struct stream_memory *memory, struct stream_block *block)
{
	if (!block)
		return;
	block->next = memory->free;
	memory->free = block;
}

void *stream_state_get(struct stream_memory *memory, const struct parser *parser)
{
	void **list = &memory->states[parser->protocol];
	size_t size = state_size(parser->state_size);
	void *state = *list;

	memory->state_size[parser->protocol] = (uint32_t)size;
	if (state)
		*list = *(void **)state;
	else
		state = get(memory, size);
	if (state)
		memset(state, 0, size);
	return state;
}

void stream_state_put(struct stream_memory *memory, const struct parser *parser, void *state)
{
	void **list = &memory->states[parser->protocol];

	if (!state)
		return;
	*(void **)state = *list;
	*list = state;
}

void stream_memory_free(struct stream_memory *memory)
{
	while (memory->free) {
		struct stream_block *block = memory->free;

		memory->free = block->next;
		free(block);
	}
	for (unsigned int i = 0; i < PROTOCOLS; i++) {
		while (memory->states[i]) {
			void *state = memory->states[i];

			memory->states[i] = *(void **)state;
			free(state);
		}
	}
}

/* ---- segments kept ---- */

#define DROPPED 0 /* for the record's type, which is KH_SEGMENT */

static uint32_t padded(const struct kh_segment *segment)
{
	return (segment->rec.size + 7) & ~7u;
}

bool keep_add(struct stream_memory *memory, struct keep *keep, const struct kh_segment *segment,
	      uint32_t max)
{
	uint32_t size = padded(segment);
	struct stream_block *block = keep->last;

	if (keep->bytes + size > max || size > STREAM_BLOCK)
		return false;
	if (!block || block->used + size > STREAM_BLOCK) {
		block = stream_block_get(memory);
		if (!block)
			return false;
		if (keep->last)
			keep->last->next = block;
		else
			keep->first = block;
		keep->last = block;
	}
	memcpy(block->data + block->used, segment, segment->rec.size);
	block->used += size;
	keep->bytes += size;
	keep->n++;
	return true;
}

/* That behind `after`, dropped or not. */
static const struct kh_segment *step(const struct keep *keep, struct stream_block **block,
				     const struct kh_segment *after)
{
	const char *at = (const char *)after;

	if (!after)
		*block = keep->first;
	else if (at + padded(after) < (*block)->data + (*block)->used)
		return (const void *)(at + padded(after));
	else
		*block = (*block)->next;
	return *block ? (const void *)(*block)->data : NULL;
}

const struct kh_segment *keep_next(const struct keep *keep, struct stream_block **block,
				   const struct kh_segment *after)
{
	do {
		after = step(keep, block, after);
	} while (after && after->rec.type == DROPPED);
	return after;
}

void keep_drop(struct keep *keep, const struct kh_segment *segment)
{
	((struct kh_segment *)segment)->rec.type = DROPPED; /* in our copy */
	keep->n--;
}

void keep_pack(struct stream_memory *memory, struct keep *keep)
{
	struct keep packed = {0};
	const struct kh_segment *at;
	struct stream_block *block;

	for (at = keep_next(keep, &block, NULL); at; at = keep_next(keep, &block, at))
		if (!keep_add(memory, &packed, at, UINT32_MAX)) {
			keep_clear(memory, &packed);
			return;
		}
	keep_clear(memory, keep);
	*keep = packed;
}

void keep_clear(struct stream_memory *memory, struct keep *keep)
{
	while (keep->first) {
		struct stream_block *block = keep->first;

		keep->first = block->next;
		stream_block_put(memory, block);
	}
	*keep = (struct keep){0};
}
