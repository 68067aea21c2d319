/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which trace the client span of a call to another node belongs to: collectors tell it each other,
 * so that the server's span, whose id of a parent both ends derive by themselves, gets its trace's
 * id too. This is the middle: two queues without locks between the intake thread, which makes
 * spans, and the front thread, which has the socket (tell_net.h), and the table of what others
 * told, the intake thread's own. All memory is taken at the start; what does not fit is dropped
 * and counted. docs/traces.md, "Across nodes", tells what it is good for and what it costs.
 */
#ifndef KEYHOLE_TRACE_TELL_H
#define KEYHOLE_TRACE_TELL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "span.h"

#define TELL_OUT_RECORDS 16384    /* records that wait to be sent; a power of two */
#define TELL_IN_RECORDS 65536     /* records that wait for the intake thread; a power of two */
#define TELL_TABLE_DEFAULT 262144 /* keyhole.traces.peers.table_size */
#define TELL_TABLE_MIN 1024
#define TELL_TABLE_MAX 16777216
#define TELL_WAYS 8            /* places of the table where one id may lie */
#define TELL_LIFETIME_MS 30000 /* after that, what was told is forgotten */

/* What is told. */
struct tell_record {
	uint8_t span_id[SPAN_ID_LEN];        /* derived, of the client span; never zero */
	uint8_t trace_id[SPAN_TRACE_ID_LEN]; /* never zero */
	uint8_t flags;                       /* W3C trace flags */
};

struct tell_stats {
	_Atomic uint64_t put;            /* by the intake thread, to be sent */
	_Atomic uint64_t put_dropped;    /* of these: there was no place in the queue */
	_Atomic uint64_t got;            /* from peers, for the intake thread */
	_Atomic uint64_t got_dropped;    /* of these: there was no place in the queue */
	_Atomic uint64_t evicted;        /* forgotten before their time, for newer ones */
	_Atomic uint64_t found, unknown; /* answers of tell_find() */
};

struct tell;

/* `table` places, rounded up to a power of two. Returns 0, -EINVAL (out of the limits) or -ENOMEM.
 */
int tell_new(struct tell **tell, uint32_t table);
void tell_free(struct tell *tell); /* when both threads are done; NULL is fine */

/* ---- intake thread: no lock, no system call, no allocation; NULL: nobody is told ---- */

/*
 * The client span of a call to a server that is not on this node has its trace. Told at the latest
 * 200 ms later.
 */
void tell_put(struct tell *tell, const uint8_t client_span_id[SPAN_ID_LEN],
	      const uint8_t trace_id[SPAN_TRACE_ID_LEN], uint8_t flags);

/*
 * What a peer told of this client span in the last TELL_LIFETIME_MS; it may be asked again and
 * again. False: nothing, and trace_id and flags are left alone.
 */
bool tell_find(struct tell *tell, const uint8_t client_span_id[SPAN_ID_LEN],
	       uint8_t trace_id[SPAN_TRACE_ID_LEN], uint8_t *flags);

/* Once per batch, also of an idle one: takes what arrived. `now_ns` is of CLOCK_MONOTONIC. */
void tell_turn(struct tell *tell, uint64_t now_ns);

/* ---- front thread ---- */

/* Takes up to `max` records that are to be sent, the oldest first; returns how many. */
size_t tell_take(struct tell *tell, struct tell_record *record, size_t max);

/* Hands over what a peer told, as it lies in the datagram. */
void tell_give(struct tell *tell, const struct tell_record *record, size_t n);

/* ---- any thread ---- */

const struct tell_stats *tell_stats(const struct tell *tell);
size_t tell_bytes(const struct tell *tell);

#endif
