/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From records to exchanges: finds the connection a record belongs to and lets its protocol read
 * it. State is kept only for connections in the middle of something; a usual exchange passes
 * without.
 */
#ifndef KEYHOLE_PROTOCOL_CONNS_H
#define KEYHOLE_PROTOCOL_CONNS_H

#include "http1_conn.h"

#define CONNS_DEFAULT 4096 /* connections in the middle of something, 512 bytes each */
#define CONNS_HEADS 1024   /* requests kept until their answers end, 1,136 bytes each */

struct conns_counters {
	uint64_t orphan_parts; /* parts of an exchange of which nothing is known any more */
	uint64_t invalid;      /* records whose lengths contradict each other */
	uint64_t evicted;      /* connections dropped because the table was full */
};

struct conns;

/* `emit` is called for each exchange, during the calls below. NULL: out of memory. */
struct conns *conns_new(uint32_t capacity, http1_emit_fn emit, void *arg);
void conns_free(struct conns *conns);

/* What HTTP carries that is looked for: bits of enum protocol (http_payload.h); none until then. */
void conns_payloads(struct conns *conns, uint64_t payloads);

/* Records checked by intake/record.c. */
void conns_exchange(struct conns *conns, const struct kh_exchange *x);
void conns_part(struct conns *conns, const struct kh_part *part);

const struct conns_counters *conns_counters(const struct conns *conns);
const struct http1_counters *conns_http1(const struct conns *conns);
uint32_t conns_open(const struct conns *conns);  /* connections of which something is kept */
uint32_t conns_heads(const struct conns *conns); /* of CONNS_HEADS, those in use */
size_t conns_bytes(const struct conns *conns);

#endif
