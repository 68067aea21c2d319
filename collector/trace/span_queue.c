/* SPDX-License-Identifier: Apache-2.0 */
#include "span_queue.h"

#include <errno.h>
#include <stdlib.h>

#define ALIGN 8u

/* Before each span in the ring. skip: the rest of the ring up to its end holds none. */
struct entry {
	uint32_t bytes; /* with this head; a multiple of ALIGN */
	uint32_t skip;
};

/* Positions only grow; their place in the ring is what they leave over of its size. */
struct span_queue {
	struct span_queue_stats stats;
	uint64_t size, entries_max;
	_Atomic uint64_t head; /* where the writer goes on; it alone stores it */
	_Atomic uint64_t tail; /* where the reader goes on; it alone stores it */
	struct span *shown;    /* what peek returned; whole, so that readers may look at all */
	char ring[] __attribute__((aligned(8)));
};

int span_queue_new(struct span_queue **queue, uint32_t entries, uint32_t bytes)
{
	struct span_queue *q;

	*queue = NULL;
	if (entries < 1 || entries > SPAN_QUEUE_ENTRIES_MAX || bytes < SPAN_QUEUE_BYTES_MIN ||
	    bytes > SPAN_QUEUE_BYTES_MAX)
		return -EINVAL;
	bytes &= ~(ALIGN - 1);
	q = malloc(sizeof(*q) + bytes); /* untouched memory costs nothing until it is used */
	if (!q)
		return -ENOMEM;
	memset(q, 0, sizeof(*q));
	q->size = bytes;
	q->entries_max = entries;
	q->shown = calloc(1, sizeof(*q->shown));
	if (!q->shown) {
		free(q);
		return -ENOMEM;
	}
	*queue = q;
	return 0;
}

void span_queue_free(struct span_queue *q)
{
	if (!q)
		return;
	while (span_queue_peek(q))
		span_queue_pop(q);
	free(q->shown);
	free(q);
}

uint64_t span_queue_length(const struct span_queue *q)
{
	/* In this order it is never below zero. */
	uint64_t taken = atomic_load(&q->stats.taken);

	return atomic_load(&q->stats.put) - taken;
}

static void count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

int span_queue_put(struct span_queue *q, const struct span *span)
{
	size_t n = offsetof(struct span, text) + span->text_n;
	uint32_t bytes = (uint32_t)((sizeof(struct entry) + n + ALIGN - 1) & ~(ALIGN - 1));
	uint64_t head = atomic_load_explicit(&q->head, memory_order_relaxed);
	uint64_t used = head - atomic_load_explicit(&q->tail, memory_order_acquire);
	uint64_t at = head % q->size, skip = q->size - at < bytes ? q->size - at : 0;
	struct entry *entry;

	if (used + skip + bytes > q->size || span_queue_length(q) >= q->entries_max) {
		count(&q->stats.dropped_full);
		return -ENOSPC;
	}
	if (skip) {
		*(struct entry *)(q->ring + at) = (struct entry){(uint32_t)skip, 1};
		at = 0;
	}
	entry = (struct entry *)(q->ring + at);
	*entry = (struct entry){bytes, 0};
	memcpy(entry + 1, span, n);
	resource_ref(span->resource);
	count(&q->stats.put);
	atomic_store(&q->stats.bytes, used + skip + bytes);
	atomic_store_explicit(&q->head, head + skip + bytes, memory_order_release);
	return 0;
}

/* The oldest entry that holds a span; NULL: none. */
static struct entry *oldest(struct span_queue *q)
{
	uint64_t head = atomic_load_explicit(&q->head, memory_order_acquire);
	uint64_t tail = atomic_load_explicit(&q->tail, memory_order_relaxed);
	struct entry *entry;

	if (head == tail)
		return NULL;
	entry = (struct entry *)(q->ring + tail % q->size);
	if (!entry->skip)
		return entry;
	atomic_store_explicit(&q->tail, tail + entry->bytes, memory_order_release);
	return (struct entry *)q->ring; /* one is published together with the skip */
}

struct span *span_queue_peek(struct span_queue *q)
{
	const struct entry *entry = oldest(q);
	const struct span *span;

	if (!entry)
		return NULL;
	span = (const struct span *)(entry + 1);
	memcpy(q->shown, span, offsetof(struct span, text));
	memcpy(q->shown->text, span->text, span->text_n);
	return q->shown;
}

void span_queue_pop(struct span_queue *q)
{
	const struct entry *entry = oldest(q);
	uint64_t tail = atomic_load_explicit(&q->tail, memory_order_relaxed);

	if (!entry)
		return;
	resource_unref(((const struct span *)(entry + 1))->resource);
	tail += entry->bytes;
	atomic_store_explicit(&q->tail, tail, memory_order_release);
	count(&q->stats.taken);
	atomic_store(&q->stats.bytes, atomic_load_explicit(&q->head, memory_order_relaxed) - tail);
}

const struct span_queue_stats *span_queue_stats(const struct span_queue *q)
{
	return &q->stats;
}
