/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From exchanges to spans. A span waits in a room of fixed size until it is known whose child it
 * is: parents may end after their children, and other nodes may have to be heard. Then it gets its
 * ids, the sampler decides, and it goes into the queue of the exporter. Belongs to the intake
 * thread: no lock, no system call, no allocation per exchange.
 *
 * Every span ends in one place:
 *   spans = sampled out + queued + dropped + waiting.
 */
#ifndef KEYHOLE_TRACE_TRACER_H
#define KEYHOLE_TRACE_TRACER_H

#include <stdatomic.h>

#include "../identity/peers.h"
#include "../telemetry/telemetry.h"
#include "kin.h"
#include "make.h"
#include "span_queue.h"
#include "tell.h"

#define TRACER_ROOM_SPANS_MIN 64
#define TRACER_ROOM_SPANS_MAX 1048576   /* keyhole.traces.join_spans */
#define TRACER_ROOM_BYTES_PER_SPAN 1024 /* memory of the room; larger spans take more of it */
#define TRACER_PLACE_BYTES 1536         /* beside it, of what is known of it and its kin, at most */
#define TRACER_STEP_NS 100000000ull     /* the room is looked through so often */

/* keyhole.traces.remote_parents: is the other end of a connection seen by another collector? */
enum tracer_remote {
	TRACER_REMOTE_AUTO,   /* where it is a pod of another node, or behind a Service */
	TRACER_REMOTE_ALWAYS, /* each that is not seen here */
	TRACER_REMOTE_NEVER,
};

struct tracer_options {
	struct span_queue *queue;
	struct telemetry *telemetry; /* gets exemplars */
	struct peers *peers;         /* NULL: of nobody is known where it is */
	struct tell *tell;           /* NULL: other nodes are not told, and tell nothing */
	const struct span_rules *rules;
	struct sampler sampler; /* unless the workload has its own */
	enum tracer_remote remote;
	uint64_t join_wait_ns;
	uint64_t peers_wait_ns; /* further time, for what other nodes tell */
	uint32_t room_spans;
};

/* Written by the intake thread, read by any. */
struct tracer_stats {
	_Atomic uint64_t spans;
	_Atomic uint64_t sampled_out;
	_Atomic uint64_t queued;
	_Atomic uint64_t dropped; /* the queue of the exporter was full */
	_Atomic uint64_t waiting; /* in the room now */
	_Atomic uint64_t forced;  /* left the room before its time because the room was full */
	_Atomic uint64_t parents[KIN_PARENTS]; /* of those queued */
	_Atomic uint64_t linked;               /* spans with a link to their server's own trace */
	_Atomic uint64_t late, looks_cut, deep; /* struct kin_counters */
};

struct tracer;

struct tracer *tracer_new(const struct tracer_options *options); /* NULL: out of memory */
void tracer_free(struct tracer *tracer);

/* Is it of those that spans are made of? */
bool tracer_wants(const struct tracer *tracer, const struct exchange *exchange);

/*
 * An exchange that is to have a span. `sampler`: the workload's own, or NULL. `place`: where the
 * exchange was counted, for its exemplar; all zero: nowhere.
 */
void tracer_exchange(struct tracer *tracer, const struct attribute_source *source,
		     const struct sampler *sampler, const struct telemetry_place *place,
		     uint64_t now_ns);

/* Once per batch, also of an idle one. */
void tracer_turn(struct tracer *tracer, uint64_t now_ns);

/* The end: all that waits goes, with what is known. */
void tracer_finish(struct tracer *tracer);

const struct tracer_stats *tracer_stats(const struct tracer *tracer);
size_t tracer_bytes(const struct tracer *tracer);

#endif
