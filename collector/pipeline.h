/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to a record, in order: intake → protocol → identity → service → telemetry. Runs in
 * the intake thread; the front reads the counters. What becomes of an exchange, once a protocol has
 * told it: delivery.h.
 *
 * Every exchange ends in exactly one place, so that after each record
 *   exchanges = delivered + hidden + ignored_route + filtered + switched_off +
 *               exports_itself + waiting.
 */
#ifndef KEYHOLE_PIPELINE_H
#define KEYHOLE_PIPELINE_H

#include "far_end.h"
#include "identity/peers.h"
#include "identity/waiting.h"
#include "identity/workloads.h"
#include "intake/intake.h"
#include "protocol/conns.h"
#include "protocol/streams.h"
#include "rulebook.h"
#include "service/route.h"
#include "telemetry/filter.h"
#include "telemetry/telemetry.h"
#include "trace/tracer.h"

struct pipeline_options {
	struct kube_store *store; /* NULL: no cluster */
	/* Replaces selector, rules, router, filter and wait_ns by those of its book; NULL:
	 * they stay */
	struct rulebooks *books;
	const struct selector *selector;
	const struct resolve_rules *rules;
	struct router *router; /* NULL: no routes */
	const struct filter *filter; /* NULL: all are counted */
	uint64_t protocols;          /* bits of enum protocol: those that are counted */
	struct telemetry *telemetry;
	bool spans;                /* telemetry has metrics of spans */
	struct far_ends *far_ends; /* NULL: there is no service graph */
	struct tracer *tracer;       /* NULL: no spans */
	uint64_t traced;             /* as `protocols`: those that spans are made of */
	struct peers *peers; /* NULL, or what telemetry's namer asks: to be quiesced as the store */
	uint64_t stream_bytes;     /* of what is kept of streams; 0: STREAMS_BYTES_DEFAULT */
	const _Atomic bool *tight; /* memory runs short; NULL: never */
	uint32_t waiting_records;
	uint64_t wait_ns;
	bool routines; /* exchanges say which goroutine had the request */
	bool exclude_exporters; /* processes that send OTLP are not told twice. Of the book, as above */
	bool exclude_exporters_spans; /* who sends traces has no metrics of spans and no edges */
	bool own_pod; /* show only the pod in which Keyhole runs */
};

/* Written by the intake thread, read by any. */
struct pipeline_stats {
	_Atomic uint64_t exchanges;     /* that protocols told */
	_Atomic uint64_t delivered;     /* of these: counted in a series */
	_Atomic uint64_t hidden;        /* of no workload that a selector shows */
	_Atomic uint64_t ignored_route; /* routes.ignored_patterns */
	_Atomic uint64_t filtered;      /* filter.application */
	_Atomic uint64_t switched_off;  /* instrumentations */
	_Atomic uint64_t exports_itself; /* its process sends metrics by OTLP itself */
	_Atomic uint64_t traced_itself;  /* no span made: its process sends traces itself */
	_Atomic uint64_t waiting;       /* in the waiting room now */
	_Atomic uint64_t waiting_forced; /* left it unnamed because it was full */
	_Atomic uint64_t unnamed;        /* workloads decided without their pod's names */
	_Atomic uint64_t orphan_parts, invalid_parts, conns_evicted;
	_Atomic uint64_t http1[sizeof(struct http1_counters) / sizeof(uint64_t)];
	_Atomic uint64_t exchanges_of[PROTOCOLS];
	_Atomic uint64_t encrypted; /* connections, counted among exchanges */
	/* Of struct streams_counters; those by protocol below. */
#define STREAMS_X(name, help) +1
	_Atomic uint64_t streams[0 STREAMS_COUNTERS(STREAMS_X)];
	_Atomic uint64_t streams_of[PROTOCOLS][0 STREAMS_PROTOCOL_COUNTERS(STREAMS_X)];
#undef STREAMS_X
	_Atomic uint64_t identity_bytes, protocol_bytes, waiting_bytes;
	_Atomic uint64_t
		verdicts_full; /* hidden exchanges traced for lack of a place for a verdict */
	/* forgotten because a table was full; listening ports not remembered */
	_Atomic uint64_t cgroups_evicted, processes_evicted, workloads_evicted, ports_full;
};

struct pipeline;

struct pipeline *pipeline_new(const struct pipeline_options *options); /* NULL: out of memory */
void pipeline_free(struct pipeline *pipeline);

struct intake_ops pipeline_ops(struct pipeline *pipeline); /* for intake_start() */

/* What BPF shall send because of the rules and options: bits KH_WANT_…. */
uint32_t pipeline_wants(const struct pipeline *pipeline);

const struct pipeline_stats *pipeline_stats(const struct pipeline *pipeline);

#endif
