/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is whose parent. Exchanges come in about the order of their ends; each is kept for some time
 * without its texts, and compared with those that it may belong to:
 *
 * - the other end of the same exchange, by derived ids (ids.h): the client's span is the parent of
 *   the server's;
 * - within a process, a call belongs to the request that its thread has in hand when it begins. Of
 *   Go, whose threads say nothing, the goroutine counts. Where a thread has several in hand (an
 *   event loop), it is the one whose message the thread received last: a request, or the answer
 *   to a call of that request. A proxy's call asks for what it was asked for itself, and its answer
 *   is followed by the request's. These are good guesses and no more, so they are told apart;
 * - a trace context that the request carried comes before all this. Where a process handed on the
 *   one it got, unchanged, its own spans stand between.
 *
 * A call that ends before its request does is known before it. So parents are looked for when
 * either of the two comes, and asked for (kin_settle) only after a while.
 *
 * Memory is fixed. Belongs to the intake thread.
 */
#ifndef KEYHOLE_TRACE_KIN_H
#define KEYHOLE_TRACE_KIN_H

#include "../service/sampler.h"
#include "ids.h"

#define KIN_LOOK_MAX 256 /* exchanges of a thread that one is compared with */
#define KIN_DEPTH_MAX 64 /* steps from a span to the root of its trace */

/* How the parent was found: keyhole.parent. */
enum kin_parent {
	KIN_NONE,       /* it is a root, or its parent is not known */
	KIN_HEADER,     /* a trace context that came with the request */
	KIN_TCP,        /* the other end of the same exchange */
	KIN_THREAD,     /* the thread had one request in hand */
	KIN_GOROUTINE,  /* likewise the goroutine */
	KIN_EVENT_LOOP, /* the thread had several in hand: see above */
	KIN_PARENTS,
};

extern const char *const kin_parent_name[KIN_PARENTS];

/* A trace context: W3C's traceparent. */
struct trace_context {
	bool there;
	uint8_t flags;
	uint8_t trace_id[SPAN_TRACE_ID_LEN];
	uint8_t parent_id[SPAN_ID_LEN];
};

/* What is said of an exchange once it is settled. */
struct kin_place {
	uint8_t trace_id[SPAN_TRACE_ID_LEN];
	uint8_t span_id[SPAN_ID_LEN];
	uint8_t parent_id[SPAN_ID_LEN]; /* zero: none */
	enum kin_parent how;
	uint8_t flags;      /* bit 0: the trace is kept */
	bool parent_remote; /* of another process */
	bool other_end;     /* the exchange's other end was seen, too */
	/* of a client's: its server had received so long before the sender's call returned, which
	 * is what start_ns tells; else 0 */
	uint64_t early_ns;
};

/*
 * What other nodes' collectors told: the span with that id (of a client) is in a trace. Returns
 * false where nothing was.
 */
struct kin_told {
	bool (*find)(void *arg, const uint8_t client_id[SPAN_ID_LEN],
		     uint8_t trace_id[SPAN_TRACE_ID_LEN], uint8_t *flags);
	void *arg;
};

/* What is known of an exchange beside what it says itself. */
struct kin_about {
	struct trace_context context; /* that its request carried */
	struct sampler sampler;
	bool abroad; /* its other end, unless seen here, is seen by a collector elsewhere */
};

struct kin_counters {
	uint64_t late;      /* requests that came after a call of theirs was settled without them */
	uint64_t looks_cut; /* comparisons that ended at KIN_LOOK_MAX */
	uint64_t deep; /* spans further than KIN_DEPTH_MAX from their root: theirs is another */
	uint64_t forgotten; /* settled after it was overwritten: a root of its own */
};

struct kin;

/* `nodes` exchanges are remembered, a power of two; told.find may be NULL. NULL: out of memory. */
struct kin *kin_new(uint32_t nodes, const struct kin_told *told);
void kin_free(struct kin *kin);

/*
 * Returns the exchange's number, from 1, and its ids. `now_ns`: CLOCK_MONOTONIC, as all times.
 */
uint64_t kin_add(struct kin *kin, const struct exchange *exchange, const struct kin_about *about,
		 uint64_t now_ns, struct trace_ids *ids);

enum kin_answer {
	KIN_SETTLED,
	KIN_WAITS,     /* other nodes may yet tell; only for the patient */
	KIN_FORGOTTEN, /* it was overwritten (counted) */
};

/*
 * Says where the exchange stands. The answer does not change any more, and what it rests on is
 * settled with it. Who is patient does not settle what other nodes may yet tell.
 */
enum kin_answer kin_settle(struct kin *kin, uint64_t number, bool patient, struct kin_place *place);

const struct kin_counters *kin_counters(const struct kin *kin);
size_t kin_bytes(const struct kin *kin);

#endif
