/* SPDX-License-Identifier: Apache-2.0 */
#include "waiting.h"

#include <stdlib.h>
#include <string.h>

struct seat {
	struct exchange exchange;
	bool taken;
	char text[WAITING_TEXT];
};

struct waiting {
	struct seat *seats; /* a ring of `capacity`; from `first`, `span` seats, some of them left */
	uint32_t capacity, first, span, taken;
	uint64_t forced;
	waiting_fn fn;
	void *arg;
};

struct waiting *waiting_new(uint32_t capacity, waiting_fn fn, void *arg)
{
	struct waiting *room = calloc(1, sizeof(*room));

	if (!room)
		return NULL;
	room->seats = calloc(capacity, sizeof(*room->seats));
	if (!room->seats) {
		free(room);
		return NULL;
	}
	room->capacity = capacity;
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
		n = 0; /* half a host would be another host */
	memcpy(seat->text + *used, s.p, n);
	s = (struct slice){seat->text + *used, n};
	*used += n;
	return s;
}

/* The seats that were left at the front are free again. */
static void move_up(struct waiting *room)
{
	while (room->span && !room->seats[room->first].taken) {
		room->first = (room->first + 1) % room->capacity;
		room->span--;
	}
}

static void leave(struct waiting *room, struct seat *seat)
{
	seat->taken = false;
	room->taken--;
}

void waiting_put(struct waiting *room, const struct exchange *exchange)
{
	struct seat *seat;
	size_t used = 0;

	if (room->span == room->capacity) {
		seat = &room->seats[room->first];
		room->forced++;
		room->fn(room->arg, &seat->exchange, true);
		leave(room, seat);
		move_up(room);
	}
	seat = &room->seats[(room->first + room->span) % room->capacity];
	seat->exchange = *exchange;
	seat->exchange.host = keep(seat, &used, exchange->host, NULL);
	seat->exchange.traceparent = keep(seat, &used, exchange->traceparent, NULL);
	seat->exchange.tracestate = keep(seat, &used, exchange->tracestate, NULL);
	seat->exchange.target = keep(seat, &used, exchange->target, &seat->exchange.target_cut);
	seat->taken = true;
	room->span++;
	room->taken++;
}

void waiting_offer(struct waiting *room, bool all)
{
	uint32_t i;

	for (i = 0; i < room->span; i++) {
		struct seat *seat = &room->seats[(room->first + i) % room->capacity];

		if (seat->taken && room->fn(room->arg, &seat->exchange, all))
			leave(room, seat);
	}
	move_up(room);
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
