/* SPDX-License-Identifier: Apache-2.0 */
#include "tracer.h"

#include <stdlib.h>
#include <time.h>

#include "../counter.h"
#include "context.h"

/* What is known of a span in the room beside the span itself. */
struct guest {
	uint64_t number;          /* of its exchange, in kin */
	uint64_t due_ns, last_ns; /* when it may leave, and when it must */
	struct trace_ids ids;
	struct telemetry_place place; /* where its exchange was counted */
	bool elsewhere; /* a call to another node, whose collector may know it by the same ids */
	bool told;
};

struct tracer {
	struct tracer_options o;
	struct tracer_stats stats;
	struct kin *kin;
	struct span_queue *room; /* whole spans, the oldest first; both ends are ours */
	struct guest *guest;     /* likewise: a ring */
	uint64_t first, end;     /* of the ring: guest[i & mask] */
	uint32_t mask;
	uint64_t turned_ns;
	uint64_t real_ns; /* what makes a time of the monotonic clock one of the real-time clock */
	struct span span; /* being made */
};

/* ---- life ---- */

static bool ask_told(void *arg, const uint8_t client_id[SPAN_ID_LEN],
		     uint8_t trace_id[SPAN_TRACE_ID_LEN], uint8_t *flags)
{
	return tell_find(arg, client_id, trace_id, flags);
}

#define CLOCK_READINGS 4 /* of which the best counts */

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/*
 * The two clocks differ by the same until somebody sets one, but cannot be read at once: what is
 * within the reading's error stays, or parents and children would drift apart by that error. What
 * is not is the middle of the best of a few readings: the thread may lose the CPU in one.
 */
static void compare_clocks(struct tracer *t)
{
	uint64_t error = UINT64_MAX, difference = 0;

	for (unsigned int i = 0; i < CLOCK_READINGS; i++) {
		uint64_t before = clock_ns(CLOCK_MONOTONIC);
		uint64_t real = clock_ns(CLOCK_REALTIME);
		uint64_t after = clock_ns(CLOCK_MONOTONIC);

		if (t->real_ns >= real - after && t->real_ns <= real - before)
			return;
		if (after - before < error) {
			error = after - before;
			difference = real - before - error / 2;
		}
	}
	t->real_ns = difference;
}

static uint32_t power_of_two(uint32_t n)
{
	uint32_t v = 1;

	while (v < n)
		v <<= 1;
	return v;
}

struct tracer *tracer_new(const struct tracer_options *options)
{
	struct kin_told told = {options->tell ? ask_told : NULL, options->tell};
	uint32_t places = power_of_two(options->room_spans);
	uint64_t bytes = (uint64_t)options->room_spans * TRACER_ROOM_BYTES_PER_SPAN;
	struct tracer *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->o = *options;
	t->mask = places - 1;
	compare_clocks(t);
	t->guest = calloc(places, sizeof(*t->guest));
	/* a request is remembered after it left, for the calls that are not over yet */
	t->kin = kin_new(places * 2, &told);
	if (bytes < SPAN_QUEUE_BYTES_MIN)
		bytes = SPAN_QUEUE_BYTES_MIN;
	if (!t->guest || !t->kin ||
	    span_queue_new(&t->room, options->room_spans, (uint32_t)bytes)) {
		tracer_free(t);
		return NULL;
	}
	return t;
}

void tracer_free(struct tracer *t)
{
	if (!t)
		return;
	span_queue_free(t->room);
	kin_free(t->kin);
	free(t->guest);
	free(t);
}

const struct tracer_stats *tracer_stats(const struct tracer *t)
{
	return &t->stats;
}

size_t tracer_bytes(const struct tracer *t)
{
	return sizeof(*t) + kin_bytes(t->kin) + (t->mask + (size_t)1) * sizeof(*t->guest) +
	       (size_t)atomic_load_explicit(&span_queue_stats(t->room)->bytes,
					    memory_order_relaxed);
}

/* ---- leaving ---- */

static void put_place(struct span *span, const struct kin_place *place)
{
	memcpy(span->trace_id, place->trace_id, sizeof(span->trace_id));
	memcpy(span->span_id, place->span_id, sizeof(span->span_id));
	memcpy(span->parent_id, place->parent_id, sizeof(span->parent_id));
	span->start_ns -= place->early_ns;
	span->flags = place->flags;
	span->parent_remote = place->parent_remote;
	span_put_text(span, "keyhole.parent", slice_of(kin_parent_name[place->how]));
}

/*
 * A server whose collector is not told puts its span into the trace that it derives from the
 * exchange alone. The link leads there.
 */
static bool put_link(struct span *span, const struct guest *guest, const struct kin_place *place)
{
	if (!guest->elsewhere || place->other_end ||
	    memcmp(guest->ids.trace, place->trace_id, SPAN_TRACE_ID_LEN) == 0)
		return false;
	span_put_link(span, guest->ids.trace, guest->ids.server);
	return true;
}

static void put_exemplar(struct tracer *t, const struct guest *guest, const struct span *span,
			 const struct kin_place *place)
{
	struct telemetry_exemplar exemplar = {.value = span->end_ns - span->start_ns,
					      .time_ns = span->end_ns,
					      .sampled = place->flags & 1};

	memcpy(exemplar.trace_id, place->trace_id, sizeof(exemplar.trace_id));
	memcpy(exemplar.span_id, place->span_id, sizeof(exemplar.span_id));
	telemetry_exemplar(t->o.telemetry, &guest->place, &exemplar);
}

static void send(struct tracer *t, const struct guest *guest, const struct kin_place *place)
{
	struct span *span = span_queue_peek(t->room);

	put_exemplar(t, guest, span, place);
	if (!(place->flags & 1)) {
		counter_add(&t->stats.sampled_out, 1);
		return;
	}
	put_place(span, place);
	if (!t->o.tell && put_link(span, guest, place))
		counter_add(&t->stats.linked, 1);
	if (span_queue_put(t->o.queue, span)) {
		counter_add(&t->stats.dropped, 1);
		return;
	}
	counter_add(&t->stats.queued, 1);
	counter_add(&t->stats.parents[place->how], 1);
}

/* Its server is on another node, whose collector wants to know the trace. */
static void tell(struct tracer *t, struct guest *guest, const struct kin_place *place)
{
	if (guest->told || !guest->elsewhere || place->other_end)
		return;
	guest->told = true;
	tell_put(t->o.tell, place->span_id, place->trace_id, place->flags);
}

/* The oldest goes. False: it may wait, and does. */
static bool leave(struct tracer *t, bool patient)
{
	struct guest *guest = &t->guest[t->first & t->mask];
	struct kin_place place = {.how = KIN_NONE};

	switch (kin_settle(t->kin, guest->number, patient, &place)) {
	case KIN_WAITS:
		return false;
	case KIN_FORGOTTEN: /* cannot be: the room is smaller than what kin remembers */
		counter_add(&t->stats.dropped, 1);
		break;
	case KIN_SETTLED:
		tell(t, guest, &place);
		send(t, guest, &place);
		break;
	}
	span_queue_pop(t->room);
	t->first++;
	return true;
}

/* Spans behind one that waits may have something to tell. */
static void tell_early(struct tracer *t, uint64_t now_ns)
{
	for (uint64_t i = t->first; i != t->end; i++) {
		struct guest *guest = &t->guest[i & t->mask];
		struct kin_place place;

		if (guest->due_ns > now_ns)
			break;
		if (guest->elsewhere && !guest->told &&
		    kin_settle(t->kin, guest->number, true, &place) == KIN_SETTLED)
			tell(t, guest, &place);
	}
}

static void publish(struct tracer *t)
{
	const struct kin_counters *k = kin_counters(t->kin);

	counter_set(&t->stats.waiting, t->end - t->first);
	counter_set(&t->stats.late, k->late);
	counter_set(&t->stats.looks_cut, k->looks_cut);
	counter_set(&t->stats.deep, k->deep);
}

void tracer_turn(struct tracer *t, uint64_t now_ns)
{
	tell_turn(t->o.tell, now_ns);
	if (now_ns - t->turned_ns < TRACER_STEP_NS)
		return;
	t->turned_ns = now_ns;
	compare_clocks(t);
	while (t->first != t->end) {
		const struct guest *guest = &t->guest[t->first & t->mask];

		if (guest->due_ns > now_ns || !leave(t, guest->last_ns > now_ns))
			break;
	}
	if (t->o.tell)
		tell_early(t, now_ns);
	publish(t);
}

void tracer_finish(struct tracer *t)
{
	while (t->first != t->end)
		leave(t, false);
	publish(t);
}

/* ---- coming in ---- */

bool tracer_wants(const struct tracer *t, const struct exchange *exchange)
{
	return span_is_made(t->o.rules, exchange);
}

static struct trace_context context_of(const struct exchange *x)
{
	struct trace_context context = {0};

	context.there =
		context_parse(x->traceparent, context.trace_id, context.parent_id, &context.flags);
	return context;
}

static bool is_abroad(const struct tracer *t, const struct exchange *x)
{
	struct peer peer;

	if (t->o.remote != TRACER_REMOTE_AUTO)
		return t->o.remote == TRACER_REMOTE_ALWAYS;
	return t->o.peers &&
	       peers_find(t->o.peers, x->conn.family, x->conn.raddr, x->start_ns, &peer) &&
	       peer.source != PEERS_HERE;
}

static void make(struct tracer *t, const struct attribute_source *source)
{
	struct span *span = &t->span;

	span_init(span);
	span_make(span, t->o.rules, source);
	span->start_ns += t->real_ns;
	span->end_ns += t->real_ns;
	if (context_state(source->exchange->tracestate))
		span_set_state(span, source->exchange->tracestate);
}

void tracer_exchange(struct tracer *t, const struct attribute_source *source,
		     const struct sampler *sampler, const struct telemetry_place *place,
		     uint64_t now_ns)
{
	const struct exchange *x = source->exchange;
	struct kin_about about = {.context = context_of(x),
				  .sampler = sampler ? *sampler : t->o.sampler,
				  .abroad = is_abroad(t, x)};
	struct guest guest = {.place = *place};

	counter_add(&t->stats.spans, 1);
	guest.number = kin_add(t->kin, x, &about, now_ns, &guest.ids);
	guest.elsewhere = x->conn.role == KH_ROLE_CLIENT && about.abroad && guest.ids.shared;
	guest.due_ns = now_ns + t->o.join_wait_ns;
	guest.last_ns = guest.due_ns + (t->o.tell ? t->o.peers_wait_ns : 0);
	make(t, source);
	while (span_queue_put(t->room, &t->span)) {
		counter_add(&t->stats.forced, 1);
		leave(t, false);
	}
	t->guest[t->end++ & t->mask] = guest;
}
