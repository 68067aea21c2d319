/* SPDX-License-Identifier: Apache-2.0 */
#include "waiting.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NOBODY UINT32_MAX
#define KEPT_WARM 64 /* seats whose memory stays when nobody waits */

struct seat {
	struct exchange exchange;
	uint32_t next; /* who came after, or the next free seat */
	char text[WAITING_TEXT];
};

_Static_assert(sizeof(struct seat) <= WAITING_BYTES, "as it is told");

struct waiting {
	struct seat *seats;
	uint32_t capacity, taken;
	uint32_t first, last; /* in the order in which they came */
	uint32_t free;
	uint32_t fresh; /* seats from here on were never taken: memory not touched yet */
	uint64_t forced;
	waiting_fn fn;
	void *arg;
};

struct waiting *waiting_new(uint32_t capacity, waiting_fn fn, void *arg)
{
	struct waiting *room = calloc(1, sizeof(*room));

	if (!room)
		return NULL;
	room->seats = calloc(capacity ? capacity : 1, sizeof(*room->seats));
	if (!room->seats || capacity == NOBODY) {
		waiting_free(room);
		return NULL;
	}
	room->capacity = capacity;
	room->first = room->last = NOBODY;
	room->free = NOBODY;
	room->fn = fn;
	room->arg = arg;
	return room;
}

void waiting_free(struct waiting *room)
{
	if (!room)
		return;
	free(room->seats);
	free(room);
}

static struct slice keep(struct seat *seat, size_t *used, struct slice s, bool *cut)
{
	size_t n = s.n < WAITING_TEXT - *used ? s.n : WAITING_TEXT - *used;

	if (n < s.n && cut)
		*cut = true;
	if (n < s.n && !cut)
		n = 0; /* half a name would be another name */
	if (n)
		memcpy(seat->text + *used, s.p, n);
	s = (struct slice){seat->text + *used, n};
	*used += n;
	return s;
}

/*
 * Nobody waits: what a burst took, such as all that comes before the pods are known, is the
 * kernel's again. Once for KEPT_WARM exchanges at most.
 */
static void clear_out(struct waiting *room)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = ((uintptr_t)(room->seats + KEPT_WARM) + page - 1) & ~(page - 1);
	uintptr_t to = (uintptr_t)(room->seats + room->fresh) & ~(page - 1);

	room->free = NOBODY;
	room->fresh = 0;
	if (from < to)
		madvise((void *)from, to - from, MADV_DONTNEED);
}

/* Frees the seat behind `before`, or the first one for NOBODY. */
static void leave(struct waiting *room, uint32_t before)
{
	uint32_t *link = before == NOBODY ? &room->first : &room->seats[before].next;
	uint32_t at = *link;

	*link = room->seats[at].next;
	if (room->last == at)
		room->last = before;
	room->seats[at].next = room->free;
	room->free = at;
	room->taken--;
	if (!room->taken && room->fresh > KEPT_WARM)
		clear_out(room);
}

static struct seat *sit_down(struct waiting *room)
{
	uint32_t at = room->free == NOBODY ? room->fresh : room->free;
	struct seat *seat = &room->seats[at];

	if (room->free == NOBODY)
		room->fresh++;
	else
		room->free = seat->next;
	seat->next = NOBODY;
	if (room->last == NOBODY)
		room->first = at;
	else
		room->seats[room->last].next = at;
	room->last = at;
	room->taken++;
	return seat;
}

void waiting_put(struct waiting *room, const struct exchange *exchange)
{
	struct seat *seat;
	size_t used = 0;

	if (room->free == NOBODY && room->fresh == room->capacity) {
		const struct exchange *oldest =
			room->capacity ? &room->seats[room->first].exchange : exchange;

		room->forced++;
		room->fn(room->arg, oldest, true);
		if (!room->capacity)
			return;
		leave(room, NOBODY);
	}
	seat = sit_down(room);
	seat->exchange = *exchange;
	seat->exchange.alike = 0; /* it is alike for as long as it is at hand */
	seat->exchange.host = keep(seat, &used, exchange->host, NULL);
	seat->exchange.traceparent = keep(seat, &used, exchange->traceparent, NULL);
	seat->exchange.operation = keep(seat, &used, exchange->operation, NULL);
	seat->exchange.code = keep(seat, &used, exchange->code, NULL);
	seat->exchange.namespace = keep(seat, &used, exchange->namespace, NULL);
	seat->exchange.collection = keep(seat, &used, exchange->collection, NULL);
	seat->exchange.group = keep(seat, &used, exchange->group, NULL);
	seat->exchange.summary = keep(seat, &used, exchange->summary, NULL);
	seat->exchange.target = keep(seat, &used, exchange->target, &seat->exchange.target_cut);
	/* last: it is the one that a sender can make long at no cost to the metrics */
	seat->exchange.tracestate = keep(seat, &used, exchange->tracestate, NULL);
}

void waiting_offer(struct waiting *room, bool all)
{
	uint32_t before = NOBODY, at = room->first;

	while (at != NOBODY) {
		uint32_t next = room->seats[at].next;

		if (room->fn(room->arg, &room->seats[at].exchange, all) || all)
			leave(room, before);
		else
			before = at;
		at = next;
	}
}

uint32_t waiting_count(const struct waiting *room)
{
	return room->taken;
}

uint64_t waiting_forced(const struct waiting *room)
{
	return room->forced;
}

size_t waiting_bytes(const struct waiting *room)
{
	return room->capacity * sizeof(*room->seats);
}
