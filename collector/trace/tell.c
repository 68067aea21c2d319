/* SPDX-License-Identifier: Apache-2.0 */
#include "tell.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TURN_RECORDS 8192 /* taken from the front thread in one turn of the intake */

/* One writer, one reader. Positions only grow; their place is what they leave over of the size. */
struct queue {
	_Atomic uint64_t head; /* the writer's */
	_Atomic uint64_t tail; /* the reader's */
	size_t size;           /* a power of two */
	struct tell_record *record;
};

struct told {
	uint8_t span_id[SPAN_ID_LEN];
	uint8_t trace_id[SPAN_TRACE_ID_LEN];
	uint64_t stamp; /* when, in ms of CLOCK_MONOTONIC, << 8 | flags; 0: free */
};

struct tell {
	struct tell_stats stats;
	struct queue out, in;
	uint64_t now_ms;   /* of the turn */
	unsigned int bits; /* of the number of sets of TELL_WAYS places */
	size_t places;
	struct told *table; /* untouched memory costs nothing until it is used */
};

static void count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* ---- queues ---- */

static int queue_new(struct queue *queue, size_t size)
{
	queue->size = size;
	queue->record = malloc(size * sizeof(*queue->record));
	return queue->record ? 0 : -ENOMEM;
}

/* Returns how many of them there was place for. */
static size_t queue_put(struct queue *queue, const struct tell_record *record, size_t n)
{
	uint64_t head = atomic_load_explicit(&queue->head, memory_order_relaxed);
	uint64_t room =
		queue->size - (head - atomic_load_explicit(&queue->tail, memory_order_acquire));

	if (n > room)
		n = room;
	for (size_t i = 0; i < n; i++)
		queue->record[(head + i) & (queue->size - 1)] = record[i];
	atomic_store_explicit(&queue->head, head + n, memory_order_release);
	return n;
}

static size_t queue_take(struct queue *queue, struct tell_record *record, size_t max)
{
	uint64_t tail = atomic_load_explicit(&queue->tail, memory_order_relaxed);
	uint64_t n = atomic_load_explicit(&queue->head, memory_order_acquire) - tail;

	if (n > max)
		n = max;
	for (size_t i = 0; i < n; i++)
		record[i] = queue->record[(tail + i) & (queue->size - 1)];
	atomic_store_explicit(&queue->tail, tail + n, memory_order_release);
	return n;
}

/* ---- the table ---- */

/* The set of places where an id lies, if it is there. */
static struct told *set_of(const struct tell *tell, const uint8_t span_id[SPAN_ID_LEN])
{
	uint64_t id;

	memcpy(&id, span_id, sizeof(id));
	id *= 0x9e3779b97f4a7c15ull; /* 2^64 / golden ratio: ids need not be even at their ends */
	return tell->table + (tell->bits ? id >> (64 - tell->bits) : 0) * TELL_WAYS;
}

static bool is_live(const struct tell *tell, const struct told *told)
{
	return told->stamp && tell->now_ms - (told->stamp >> 8) < TELL_LIFETIME_MS;
}

/* Its own place, else a free one, else the oldest one's. */
static struct told *place_of(struct tell *tell, const struct tell_record *record)
{
	struct told *set = set_of(tell, record->span_id), *oldest = set;

	for (struct told *t = set; t < set + TELL_WAYS; t++) {
		if (t->stamp && memcmp(t->span_id, record->span_id, SPAN_ID_LEN) == 0)
			return t;
		if (t->stamp < oldest->stamp)
			oldest = t;
	}
	if (is_live(tell, oldest))
		count(&tell->stats.evicted, 1);
	return oldest;
}

static void keep(struct tell *tell, const struct tell_record *record)
{
	struct told *told = place_of(tell, record);

	memcpy(told->span_id, record->span_id, SPAN_ID_LEN);
	memcpy(told->trace_id, record->trace_id, SPAN_TRACE_ID_LEN);
	told->stamp = tell->now_ms << 8 | record->flags;
}

/* ---- intake thread ---- */

void tell_put(struct tell *tell, const uint8_t client_span_id[SPAN_ID_LEN],
	      const uint8_t trace_id[SPAN_TRACE_ID_LEN], uint8_t flags)
{
	struct tell_record record = {.flags = flags};

	if (!tell)
		return;
	memcpy(record.span_id, client_span_id, SPAN_ID_LEN);
	memcpy(record.trace_id, trace_id, SPAN_TRACE_ID_LEN);
	count(&tell->stats.put, 1);
	if (!queue_put(&tell->out, &record, 1))
		count(&tell->stats.put_dropped, 1);
}

bool tell_find(struct tell *tell, const uint8_t client_span_id[SPAN_ID_LEN],
	       uint8_t trace_id[SPAN_TRACE_ID_LEN], uint8_t *flags)
{
	const struct told *t, *set;

	if (!tell)
		return false;
	set = set_of(tell, client_span_id);
	for (t = set; t < set + TELL_WAYS; t++) {
		if (!is_live(tell, t) || memcmp(t->span_id, client_span_id, SPAN_ID_LEN) != 0)
			continue;
		memcpy(trace_id, t->trace_id, SPAN_TRACE_ID_LEN);
		*flags = (uint8_t)t->stamp;
		count(&tell->stats.found, 1);
		return true;
	}
	count(&tell->stats.unknown, 1);
	return false;
}

void tell_turn(struct tell *tell, uint64_t now_ns)
{
	struct tell_record record[64];
	size_t n, all = 0;

	if (!tell)
		return;
	tell->now_ms = now_ns / 1000000 + 1; /* never 0, which is a free place */
	while (all < TURN_RECORDS && (n = queue_take(&tell->in, record, 64))) {
		for (size_t i = 0; i < n; i++)
			keep(tell, &record[i]);
		all += n;
	}
}

/* ---- front thread ---- */

size_t tell_take(struct tell *tell, struct tell_record *record, size_t max)
{
	return queue_take(&tell->out, record, max);
}

void tell_give(struct tell *tell, const struct tell_record *record, size_t n)
{
	size_t kept = queue_put(&tell->in, record, n);

	count(&tell->stats.got, n);
	if (kept < n)
		count(&tell->stats.got_dropped, n - kept);
}

/* ---- the whole ---- */

const struct tell_stats *tell_stats(const struct tell *tell)
{
	return &tell->stats;
}

size_t tell_bytes(const struct tell *tell)
{
	return sizeof(*tell) + (tell->out.size + tell->in.size) * sizeof(struct tell_record) +
	       tell->places * sizeof(*tell->table);
}

int tell_new(struct tell **tell, uint32_t table)
{
	struct tell *t;

	*tell = NULL;
	if (table < TELL_TABLE_MIN || table > TELL_TABLE_MAX)
		return -EINVAL;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	while ((size_t)TELL_WAYS << t->bits < table)
		t->bits++;
	t->places = (size_t)TELL_WAYS << t->bits;
	t->table = calloc(t->places, sizeof(*t->table));
	if (!t->table || queue_new(&t->out, TELL_OUT_RECORDS) ||
	    queue_new(&t->in, TELL_IN_RECORDS)) {
		tell_free(t);
		return -ENOMEM;
	}
	*tell = t;
	return 0;
}

void tell_free(struct tell *tell)
{
	if (!tell)
		return;
	free(tell->out.record);
	free(tell->in.record);
	free(tell->table);
	free(tell);
}
