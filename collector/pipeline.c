/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline.h"

#include <stdlib.h>

#include "counter.h"
#include "delivery.h"
#include "log.h"
#include "loop.h"

#define LOG_MODULE "pipeline"

/* What HTTP may carry: each has a switch of its own. */
#define PAYLOADS                                                                                   \
	(1ull << PROTOCOL_GRAPHQL | 1ull << PROTOCOL_ELASTICSEARCH | 1ull << PROTOCOL_OPENSEARCH | \
	 1ull << PROTOCOL_JSONRPC | 1ull << PROTOCOL_S3 | 1ull << PROTOCOL_SQS)

struct pipeline {
	struct delivery delivery; /* of what conns and streams tell */
	struct conns *conns;
	struct streams *streams;
	bool followed;  /* in this batch */
	bool tight;     /* memory, as it was acted upon */
	uint64_t book;  /* number of the rulebook that is followed */
	uint32_t wants; /* of BPF: KH_WANT_… */
};

/* ---- the rules ---- */

static void take_book(struct pipeline *p, const struct rulebook *book)
{
	struct pipeline_options *o = &p->delivery.o;

	p->book = book->number;
	o->selector = book->selector;
	o->rules = &book->rules;
	o->router = book->router;
	o->filter = book->filter;
	o->wait_ns = book->wait_ns;
	o->exclude_exporters = book->config->discovery.exclude_exporters;
	o->exclude_exporters_spans = book->config->discovery.exclude_exporters_spans;
	p->wants = (config_wants_args(book->config) ? KH_WANT_ARGS : 0) |
		   (o->routines ? KH_WANT_ROUTINE : 0);
}

/*
 * Before anything else in a batch: another book may be there, and the one before is freed. What
 * BPF ignores was decided by that one; new labels that the book asks for come with the next list of
 * pods, which describes each pod anew.
 */
static void follow(struct pipeline *p)
{
	struct intake *intake = atomic_load(&p->delivery.intake);
	const struct rulebook *book =
		p->delivery.o.books ? rulebooks_current(p->delivery.o.books) : NULL;

	p->followed = true;
	if (!book || book->number == p->book)
		return;
	take_book(p, book);
	delivery_follow(&p->delivery);
	if (!intake)
		return;
	intake_want(intake, p->wants);
	intake_verdicts_clear(intake);
}

/* ---- what intake calls ---- */

static void on_begin(void *arg, struct intake *intake)
{
	struct pipeline *p = arg;

	atomic_store(&p->delivery.intake, intake);
}

/* Where the collector itself runs: what `keyhole.scope: pod` restricts it to. */
static void on_self(struct pipeline *p, const struct kh_self *rec)
{
	const struct known_cgroup *own = known_cgroup(&p->delivery.known, rec->cgroup);
	struct intake *intake = atomic_load(&p->delivery.intake);
	uint32_t level;

	if (!p->delivery.o.own_pod || !own) /* its KH_CGROUP was lost: intake asks again */
		return;
	if (!own->id.pod[0]) {
		log_error("keyhole.scope is pod, but Keyhole's own cgroup \"%s\" is no pod's: "
			  "nothing is "
			  "traced; run it as a container of the pod, or set keyhole.scope to node",
			  own->own_name);
		if (intake)
			intake_scope(intake, KH_SCOPE_NOTHING);
		return;
	}
	workloads_own_pod(p->delivery.workloads, own->id.pod);
	level = own->id.pod_level;
	/* where a pod has no cgroup of its own, those of others are ignored one by one */
	if (intake)
		intake_scope(intake, level && level < KH_CGROUP_LEVELS ? rec->ids[level] : 0);
	log_info("only pod %s is traced, Keyhole's own", own->id.pod);
}

static void on_process(struct pipeline *p, const struct kh_process *rec)
{
	delivery_reconsider(&p->delivery, rec->tgid);
	known_tell_process(&p->delivery.known, rec);
}

static void on_record(void *arg, const struct record *rec)
{
	struct pipeline *p = arg;

	if (!p->followed)
		follow(p);
	switch (rec->type) {
	case KH_EXCHANGE:
		conns_exchange(p->conns, rec->exchange);
		break;
	case KH_PART:
	case KH_FINISH:
		conns_part(p->conns, rec->part);
		break;
	case KH_SEGMENT:
		streams_segment(p->streams, rec->segment);
		break;
	case KH_CGROUP:
		p->delivery.told++;
		known_tell_cgroup(&p->delivery.known, rec->cgroup);
		break;
	case KH_PROCESS:
		on_process(p, rec->process);
		break;
	case KH_ARGS:
		delivery_reconsider(&p->delivery, rec->args->tgid);
		known_tell_args(&p->delivery.known, rec->args);
		break;
	case KH_SELF:
		p->delivery.told++;
		on_self(p, rec->self);
		break;
	case KH_EXIT:
		delivery_reconsider(&p->delivery, rec->exit->tgid);
		known_tell_exit(&p->delivery.known, rec->exit);
		break;
	case KH_LISTEN:
		delivery_reconsider(&p->delivery, rec->listen->tgid);
		known_tell_listen(&p->delivery.known, rec->listen);
		break;
	}
}

static void publish_streams(struct pipeline *p)
{
	const struct streams_counters *c = streams_counters(p->streams);
	struct pipeline_stats *s = &p->delivery.stats;
	const uint64_t *all = &c->segments; /* each a number, in the order of STREAMS_COUNTERS */

	for (size_t i = 0; i < sizeof(s->streams) / sizeof(*s->streams); i++)
		counter_set(&s->streams[i], all[i]);
	for (unsigned int i = 0; i < parsers_n; i++) {
		enum protocol protocol = parsers[i]->protocol;
		const uint64_t *of = &c->of[protocol].connections;

		for (size_t k = 0; k < sizeof(*s->streams_of) / sizeof(**s->streams_of); k++)
			counter_set(&s->streams_of[protocol][k], of[k]);
	}
}

static void publish(struct pipeline *p)
{
	const struct conns_counters *c = conns_counters(p->conns);
	const uint64_t *http1 = (const uint64_t *)conns_http1(p->conns);
	struct pipeline_stats *s = &p->delivery.stats;
	size_t i;

	for (i = 0; i < sizeof(s->http1) / sizeof(s->http1[0]); i++)
		counter_set(&s->http1[i], http1[i]);
	counter_set(&s->orphan_parts, c->orphan_parts);
	counter_set(&s->invalid_parts, c->invalid);
	counter_set(&s->conns_evicted, c->evicted);
	counter_set(&s->waiting, waiting_count(p->delivery.waiting));
	counter_set(&s->waiting_forced, waiting_forced(p->delivery.waiting));
	counter_set(&s->unnamed, workloads_unnamed(p->delivery.workloads));
	counter_set(&s->cgroups_evicted, p->delivery.known.cgroup_table.evictions);
	counter_set(&s->processes_evicted, p->delivery.known.process_table.evictions);
	counter_set(&s->workloads_evicted, workloads_evicted(p->delivery.workloads));
	counter_set(&s->ports_full, p->delivery.known.ports_full);
	counter_set(&s->identity_bytes, known_bytes(&p->delivery.known) +
						workloads_bytes(p->delivery.workloads) +
						verdicts_bytes(&p->delivery.verdicts) +
						far_ends_bytes(p->delivery.o.far_ends));
	counter_set(&s->protocol_bytes, conns_bytes(p->conns) + streams_bytes(p->streams) +
						sizeof(*p->delivery.alikes));
	publish_streams(p);
	counter_set(&s->waiting_bytes, waiting_bytes(p->delivery.waiting));
}

/* Memory runs short: what is there stays, nothing is added, and nobody waits. */
static void relieve(struct pipeline *p)
{
	bool tight = p->delivery.o.tight &&
		     atomic_load_explicit(p->delivery.o.tight, memory_order_relaxed);

	if (tight)
		waiting_offer(p->delivery.waiting, true);
	if (tight == p->tight)
		return;
	p->tight = tight;
	streams_hold(p->streams, tight);
	telemetry_hold(p->delivery.o.telemetry, tight);
}

static void on_idle(void *arg, uint64_t now_ns)
{
	struct pipeline *p = arg;

	p->delivery.now_ns = now_ns;
	follow(p);
	delivery_offer(&p->delivery);
	delivery_review(&p->delivery);
	workloads_forget(p->delivery.workloads, now_ns);
	telemetry_expire(p->delivery.o.telemetry, now_ns);
	streams_tick(p->streams, now_ns);
	relieve(p);
	if (p->delivery.o.tracer)
		tracer_turn(p->delivery.o.tracer, now_ns);
	publish(p);
	p->followed = false;
	/* from here on no pod of this batch is looked at any more */
	if (p->delivery.o.store)
		kube_store_quiesce(p->delivery.o.store);
	if (p->delivery.o.peers)
		peers_quiesce(p->delivery.o.peers);
	if (p->delivery.o.books)
		rulebooks_quiesce(p->delivery.o.books);
}

/*
 * Without a cluster, what waits has no names to wait for any more; nor has it at the stop. Nor do
 * spans have anything to wait for.
 */
static void on_end(void *arg, bool stop)
{
	struct pipeline *p = arg;

	if (stop || !p->delivery.o.store) {
		follow(p);
		waiting_offer(p->delivery.waiting, true);
		publish(p);
	}
	if (p->delivery.o.tracer)
		tracer_finish(p->delivery.o.tracer);
}

/* A new collector first learns the pods, so that what waits in the ring gets its names. */
static bool on_hold(void *arg)
{
	struct pipeline *p = arg;

	return p->delivery.o.store && !kube_pods_synced(kube_store_current(p->delivery.o.store));
}

/* ---- life ---- */

/* What BPF shall tell of a stream. */
static void on_decision(void *arg, uint64_t cookie, uint32_t capture, enum kh_role role)
{
	struct delivery *delivery = arg;
	struct intake *intake = atomic_load(&delivery->intake);

	if (intake)
		intake_stream(intake, cookie, capture, role);
}

static struct streams *new_streams(struct pipeline *p)
{
	struct streams_options o = {.connections = STREAMS_DEFAULT,
				    .bytes_max = p->delivery.o.stream_bytes
							 ? p->delivery.o.stream_bytes
							 : STREAMS_BYTES_DEFAULT,
				    .protocols = p->delivery.o.protocols | p->delivery.o.traced,
				    .emit = delivery_exchange,
				    .decide = on_decision,
				    .arg = &p->delivery};

	/* one parser for what is HTTP and what is gRPC */
	if (o.protocols & (1ull << PROTOCOL_GRPC | 1ull << PROTOCOL_HTTP))
		o.protocols |= 1ull << PROTOCOL_HTTP2;
	if (o.protocols >> PROTOCOL_MARIADB & 1)
		o.protocols |= 1ull << PROTOCOL_MYSQL;
	return streams_new(&o);
}

struct pipeline *pipeline_new(const struct pipeline_options *options)
{
	struct pipeline *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->delivery.o = *options;
	p->delivery.now_ns = loop_now_ns();
	if (p->delivery.o.books)
		take_book(p, rulebooks_latest(p->delivery.o.books));
	p->conns = conns_new(CONNS_DEFAULT, delivery_exchange, &p->delivery);
	if (p->conns)
		conns_payloads(p->conns,
			       (p->delivery.o.protocols | p->delivery.o.traced) & PAYLOADS);
	p->streams = new_streams(p);
	if (!p->conns || !p->streams || delivery_init(&p->delivery)) {
		pipeline_free(p);
		return NULL;
	}
	return p;
}

void pipeline_free(struct pipeline *p)
{
	if (!p)
		return;
	conns_free(p->conns);
	streams_free(p->streams);
	delivery_free(&p->delivery);
	free(p);
}

struct intake_ops pipeline_ops(struct pipeline *p)
{
	return (struct intake_ops){.begin = on_begin,
				   .record = on_record,
				   .idle = on_idle,
				   .hold = on_hold,
				   .end = on_end,
				   .arg = p};
}

uint32_t pipeline_wants(const struct pipeline *p)
{
	return p->wants;
}

const struct pipeline_stats *pipeline_stats(const struct pipeline *p)
{
	return &p->delivery.stats;
}
