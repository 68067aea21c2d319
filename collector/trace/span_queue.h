/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finished spans on their way from the intake thread, the only one that puts, to the front thread,
 * the only one that takes. Memory is fixed at the start: a ring of bytes, in which a span takes
 * what it uses (about 1 KiB of HTTP). No lock, no allocation, no waiting: what does not fit is
 * dropped and counted.
 */
#ifndef KEYHOLE_TRACE_SPAN_QUEUE_H
#define KEYHOLE_TRACE_SPAN_QUEUE_H

#include "span.h"

#include <stdatomic.h>

/* otel_traces_export.queue_size and keyhole.traces.queue_bytes */
#define SPAN_QUEUE_ENTRIES_MAX 1048576
#define SPAN_QUEUE_BYTES_DEFAULT (16u << 20)
#define SPAN_QUEUE_BYTES_MIN (64u << 10)
#define SPAN_QUEUE_BYTES_MAX (1u << 30)

struct span_queue;

struct span_queue_stats {
	_Atomic uint64_t put;          /* taken in */
	_Atomic uint64_t dropped_full; /* refused: no entry or no byte left */
	_Atomic uint64_t taken;        /* left the queue; put - taken is its length */
	_Atomic uint64_t bytes;        /* in use now */
};

/* Returns 0, -EINVAL (out of the limits above) or -ENOMEM. */
int span_queue_new(struct span_queue **queue, uint32_t entries, uint32_t bytes);
void span_queue_free(struct span_queue *queue); /* when both threads are done */

/*
 * The writer's. Copies the span and takes a reference of its resource. Returns 0, or -ENOSPC:
 * dropped and counted.
 */
int span_queue_put(struct span_queue *queue, const struct span *span);

/*
 * The reader's. A copy of the oldest span, or NULL; it is the reader's to change and stays valid,
 * and the span in the queue, until span_queue_pop(), which releases its resource.
 */
struct span *span_queue_peek(struct span_queue *queue);
void span_queue_pop(struct span_queue *queue);

/* Spans in the queue. Any thread. */
uint64_t span_queue_length(const struct span_queue *queue);
const struct span_queue_stats *span_queue_stats(const struct span_queue *queue);

#endif
