/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alike.h"
#include "counter.h"
#include "log.h"
#include "loop.h"
#include "verdicts.h"

#define LOG_MODULE "pipeline"

/* What HTTP may carry: each has a switch of its own. */
#define PAYLOADS                                                                                   \
	(1ull << PROTOCOL_GRAPHQL | 1ull << PROTOCOL_ELASTICSEARCH | 1ull << PROTOCOL_OPENSEARCH | \
	 1ull << PROTOCOL_JSONRPC | 1ull << PROTOCOL_S3 | 1ull << PROTOCOL_SQS)
#define OFFER_NS                                                                                   \
	100000000ull /* waiting exchanges are looked at again so often, or when pods change */
#define REVIEW_NS 20000000ull   /* what BPF ignores is looked at again at most so often */
#define CLEAR_NS 60000000000ull /* and, where there was no room for it, begun anew */

struct pipeline {
	struct pipeline_options o;
	struct pipeline_stats stats;
	_Atomic(struct intake *) intake;
	struct known known;
	struct conns *conns;
	struct streams *streams;
	struct workloads *workloads;
	struct waiting *waiting;
	struct alikes *alikes;
	uint64_t told;       /* what was told of processes, cgroups and rules so far, as a number */
	uint64_t now_ns;     /* of the batch: the clock is not asked for each record */
	uint64_t offered_ns; /* when the waiting ones were looked at last */
	uint64_t offered_generation;
	bool followed;  /* in this batch */
	bool tight;     /* memory, as it was acted upon */
	uint64_t book;  /* number of the rulebook that is followed */
	uint32_t wants; /* of BPF: KH_WANT_… */
	struct verdicts verdicts;
	uint64_t reviewed_ns; /* when verdicts were looked at last */
	uint64_t reviewed_generation;
	uint64_t cleared_ns; /* when all were taken back last */
};

/* ---- the rules ---- */

static struct workloads_options workloads_of(struct pipeline *p)
{
	return (struct workloads_options){.known = &p->known,
					  .store = p->o.store,
					  .selector = p->o.selector,
					  .rules = p->o.rules,
					  .wait_ns = p->o.wait_ns,
					  .traces = p->o.tracer != NULL,
					  .own_pod = p->o.own_pod};
}

static void take_book(struct pipeline *p, const struct rulebook *book)
{
	p->book = book->number;
	p->told++;
	p->o.selector = book->selector;
	p->o.rules = &book->rules;
	p->o.router = book->router;
	p->o.filter = book->filter;
	p->o.wait_ns = book->wait_ns;
	p->o.exclude_exporters = book->config->discovery.exclude_exporters;
	p->o.exclude_exporters_spans = book->config->discovery.exclude_exporters_spans;
	if (p->o.peers)
		peers_rules(p->o.peers, &book->rules);
	if (p->o.far_ends)
		far_ends_follow(p->o.far_ends, book->selector);
	p->wants = (config_wants_args(book->config) ? KH_WANT_ARGS : 0) |
		   (p->o.routines ? KH_WANT_ROUTINE : 0);
}

/*
 * Before anything else in a batch: another book may be there, and the one before is freed. What
 * BPF ignores was decided by that one; new labels that the book asks for come with the next list of
 * pods, which describes each pod anew.
 */
static void follow(struct pipeline *p)
{
	struct intake *intake = atomic_load(&p->intake);
	const struct rulebook *book = p->o.books ? rulebooks_current(p->o.books) : NULL;
	struct workloads_options w;

	p->followed = true;
	if (!book || book->number == p->book)
		return;
	take_book(p, book);
	w = workloads_of(p);
	workloads_follow(p->workloads, &w);
	verdicts_clear(&p->verdicts);
	if (!intake)
		return;
	intake_want(intake, p->wants);
	intake_verdicts_clear(intake);
}

/* ---- one exchange ---- */

static int tell_verdict(void *arg, uint64_t key, enum kh_verdict verdict)
{
	struct pipeline *p = arg;
	struct intake *intake = atomic_load(&p->intake);

	return intake ? intake_verdict(intake, key, verdict) : -ENOTCONN;
}

static void ignore(struct pipeline *p, const struct verdict *verdict)
{
	if (verdicts_ignore(&p->verdicts, verdict) != -ENOSPC)
		return;
	counter_add(&p->stats.verdicts_full, 1);
	if (p->now_ns - p->cleared_ns < CLEAR_NS)
		return;
	/* cgroups and processes that are gone hold places */
	p->cleared_ns = p->now_ns;
	verdicts_clear(&p->verdicts);
	intake_verdicts_clear(atomic_load(&p->intake));
}

/* What is not selected costs nothing from here on: BPF is told, of as much as is certain. */
static void hide(struct pipeline *p, const struct workload *w, const struct exchange *ex)
{
	struct known_process *process = known_process(&p->known, w->tgid);
	uint16_t port = ex->conn.role == KH_ROLE_SERVER ? ex->conn.lport : 0;
	struct verdict verdict = {.key = w->cgroup, .cgroup = w->cgroup, .pod = w->pod_serial};

	counter_add(&p->stats.hidden, 1);
	if (!w->hide_cgroup) {
		if (!w->hide_process || !process || process->start_ns != w->start_ns)
			return;
		verdict.key = KH_VERDICT_PROCESS(w->tgid, w->start_ns, port);
		verdict_family(&verdict, &p->known, process);
	}
	ignore(p, &verdict);
}

/* A process changed: what was decided about it and its children may be wrong now. */
static void reconsider(struct pipeline *p, uint32_t tgid)
{
	p->told++;
	verdicts_lift_process(&p->verdicts, tgid);
}

/* The entry's own patterns for this direction, as struct route_options counts them. */
static unsigned int routes_of(const struct workload *w, const struct exchange *ex)
{
	return w->routes ? 2 * w->routes - (ex->conn.role == KH_ROLE_SERVER) : 0;
}

/* As its container counts; 0 if the process was not told about, or is forgotten. */
static uint32_t own_pid(struct pipeline *p, uint32_t tgid)
{
	const struct known_process *process = known_process(&p->known, tgid);

	return process ? process->ns_tgid : 0;
}

static bool wants(const struct workload *w, uint32_t features)
{
	return (w->left_out & features) != features;
}

static int measure_edge(struct pipeline *p, const struct attribute_source *source)
{
	struct graph_peer peer;

	far_end_find(p->o.far_ends, p->o.peers, source->exchange, &peer);
	return telemetry_edge(p->o.telemetry, source, &peer, p->now_ns);
}

/* What it exports itself are metrics of its requests, neither those of spans nor a graph. */
static bool measures_itself(const struct pipeline *p, const struct workload *w)
{
	return p->o.exclude_exporters && workload_sends_metrics(w);
}

static int measure_encrypted(struct pipeline *p, const struct workload *w,
			     const struct attribute_source *source)
{
	if (measures_itself(p, w))
		return -EALREADY;
	if (!wants(w, CONFIG_APPLICATION))
		return -ENOENT;
	return telemetry_encrypted(p->o.telemetry, source, p->now_ns);
}

/* In all that its workload is to be measured by. */
static int measure_exchange(struct pipeline *p, const struct workload *w,
			    const struct attribute_source *source, struct telemetry_place *place,
			    struct telemetry_memo *memo)
{
	int counted = -ENOENT;

	if (measures_itself(p, w))
		counted = -EALREADY;
	else if (wants(w, CONFIG_APPLICATION))
		counted = telemetry_recount(p->o.telemetry, source, p->now_ns, place, memo);
	if (p->o.exclude_exporters_spans && workload_sends_traces(w))
		return counted;
	if (p->o.spans && wants(w, CONFIG_ANY_SPANS) &&
	    telemetry_span(p->o.telemetry, source, p->now_ns) == 0)
		counted = 0;
	if (p->o.far_ends && wants(w, CONFIG_GRAPH) && measure_edge(p, source) == 0)
		counted = 0;
	return counted;
}

/*
 * Returns 0; -ENOENT: its kind is not counted, or nothing of its workload is; -EALREADY: its
 * process exports metrics itself.
 */
static int measure(struct pipeline *p, const struct workload *w,
		   const struct attribute_source *source, struct telemetry_place *place,
		   struct telemetry_memo *memo)
{
	const struct exchange *ex = source->exchange;

	if (!w->metrics)
		return -ENOENT;
	/* -EINVAL (no role) cannot come: intake/record.c and the parser see to it */
	if (ex->kind == EXCHANGE_ENCRYPTED)
		return measure_encrypted(p, w, source);
	return p->o.protocols >> ex->protocol & 1 ? measure_exchange(p, w, source, place, memo)
						  : -ENOENT;
}

static void trace(struct pipeline *p, const struct workload *w,
		  const struct attribute_source *source, const struct telemetry_place *place)
{
	if (!p->o.tracer || !w->traces || !tracer_wants(p->o.tracer, source->exchange))
		return;
	if (p->o.exclude_exporters && workload_sends_traces(w))
		counter_add(&p->stats.traced_itself, 1);
	else
		tracer_exchange(p->o.tracer, source, w->has_sampler ? &w->sampler : NULL, place,
				p->now_ns);
}

/* `alike`: what may be known of it already; or NULL. */
static void deliver(struct pipeline *p, const struct workload *w, const struct exchange *ex,
		    struct alike *alike)
{
	struct attribute_source source = {.resource = w->resource, .exchange = ex};
	struct route_answer route = {0};
	struct telemetry_place place = {0};
	struct route_memo anew = {0};
	uint8_t exports = otlp_call(ex);
	int counted = 0;

	if (exports)
		workloads_export(p->workloads, w, exports);
	if (p->o.router && ex->kind == EXCHANGE_HTTP)
		route = route_recall(p->o.router, alike ? &alike->route : &anew, w->service,
				     routes_of(w, ex), ex->target, ex->target_cut);
	source.route = route.route;
	source.pid = alike ? alike->pid : own_pid(p, ex->tgid);
	if (p->o.filter && !filter_passes(p->o.filter, &source)) {
		counter_add(&p->stats.filtered, 1);
		return;
	}
	if (!route.ignore_metrics)
		counted = measure(p, w, &source, &place, alike ? &alike->series : NULL);
	if (!route.ignore_traces)
		trace(p, w, &source, &place);
	if (route.ignore_metrics)
		counter_add(&p->stats.ignored_route, 1);
	else if (counted == -ENOENT)
		counter_add(&p->stats.switched_off, 1);
	else if (counted == -EALREADY)
		counter_add(&p->stats.exports_itself, 1);
	else
		counter_add(&p->stats.delivered, 1);
}

/* Returns false if the workload's names are still to come and the exchange may wait. */
static bool settle_one(struct pipeline *p, const struct exchange *ex, bool must_go,
		       struct alike *alike)
{
	const struct workload *w =
		workloads_find(p->workloads, ex->cgroup, ex->tgid, p->now_ns, must_go);

	switch (w->state) {
	case WORKLOAD_PENDING:
		return false;
	case WORKLOAD_HIDDEN:
		hide(p, w, ex);
		return true;
	case WORKLOAD_SHOWN:
		if (alike) {
			alike->workload = w;
			alike->pid = own_pid(p, ex->tgid);
		}
		deliver(p, w, ex, alike);
		return true;
	}
	return true;
}

static bool settle(void *arg, const struct exchange *ex, bool must_go)
{
	return settle_one(arg, ex, must_go, NULL);
}

static uint64_t generation_of(const struct pipeline *p)
{
	return p->o.store ? kube_pods_generation(kube_store_current(p->o.store)) : 0;
}

/* Whose it is, and that its process serves this port, was found out a moment ago. */
static bool settle_again(struct pipeline *p, const struct exchange *ex, struct alike *alike)
{
	const struct workload *w = alike->workload;

	if (!w || w->cgroup != ex->cgroup || w->tgid != ex->tgid || w->state != WORKLOAD_SHOWN)
		return false;
	deliver(p, w, ex, alike);
	return true;
}

static void on_exchange(void *arg, const struct exchange *ex)
{
	struct pipeline *p = arg;
	struct alike *alike = NULL;

	counter_add(&p->stats.exchanges, 1);
	counter_add(ex->kind == EXCHANGE_ENCRYPTED ? &p->stats.encrypted
						   : &p->stats.exchanges_of[ex->protocol],
		    1);
	if (ex->alike)
		alike = alike_find(p->alikes, ex, (uint64_t[2]){p->told, generation_of(p)},
				   p->now_ns);
	if (alike && settle_again(p, ex, alike))
		return;
	if (ex->conn.role == KH_ROLE_SERVER &&
	    known_tell_served(&p->known, ex->tgid, ex->conn.lport))
		reconsider(p, ex->tgid);
	if (!settle_one(p, ex, false, alike)) {
		waiting_put(p->waiting, ex);
		counter_set(&p->stats.waiting, waiting_count(p->waiting));
	}
}

/* What BPF shall tell of a stream. */
static void on_decision(void *arg, uint64_t cookie, uint32_t capture, enum kh_role role)
{
	struct pipeline *p = arg;
	struct intake *intake = atomic_load(&p->intake);

	if (intake)
		intake_stream(intake, cookie, capture, role);
}

/* ---- what intake calls ---- */

static void on_begin(void *arg, struct intake *intake)
{
	struct pipeline *p = arg;

	atomic_store(&p->intake, intake);
}

/* Where the collector itself runs: what `keyhole.scope: pod` restricts it to. */
static void on_self(struct pipeline *p, const struct kh_self *rec)
{
	const struct known_cgroup *own = known_cgroup(&p->known, rec->cgroup);
	struct intake *intake = atomic_load(&p->intake);
	uint32_t level;

	if (!p->o.own_pod || !own) /* its KH_CGROUP was lost: intake asks again */
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
	workloads_own_pod(p->workloads, own->id.pod);
	level = own->id.pod_level;
	/* where a pod has no cgroup of its own, those of others are ignored one by one */
	if (intake)
		intake_scope(intake, level && level < KH_CGROUP_LEVELS ? rec->ids[level] : 0);
	log_info("only pod %s is traced, Keyhole's own", own->id.pod);
}

static void on_process(struct pipeline *p, const struct kh_process *rec)
{
	reconsider(p, rec->tgid);
	known_tell_process(&p->known, rec);
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
		p->told++;
		known_tell_cgroup(&p->known, rec->cgroup);
		break;
	case KH_PROCESS:
		on_process(p, rec->process);
		break;
	case KH_ARGS:
		reconsider(p, rec->args->tgid);
		known_tell_args(&p->known, rec->args);
		break;
	case KH_SELF:
		p->told++;
		on_self(p, rec->self);
		break;
	case KH_EXIT:
		reconsider(p, rec->exit->tgid);
		known_tell_exit(&p->known, rec->exit);
		break;
	case KH_LISTEN:
		reconsider(p, rec->listen->tgid);
		known_tell_listen(&p->known, rec->listen);
		break;
	}
}

static uint64_t pod_serial(void *arg, uint64_t cgroup, uint64_t was)
{
	return workloads_pod_serial(arg, cgroup, was);
}

/*
 * What BPF ignores sends nothing that could make us think again, yet a pod's labels may change;
 * and cgroups of pods that are gone must not fill the table.
 */
static void think_again(struct pipeline *p)
{
	uint64_t generation = generation_of(p);

	if (generation == p->reviewed_generation || p->now_ns - p->reviewed_ns < REVIEW_NS)
		return;
	p->reviewed_generation = generation;
	p->reviewed_ns = p->now_ns;
	verdicts_review(&p->verdicts, pod_serial, p->workloads);
}

static void offer_waiting(struct pipeline *p)
{
	uint64_t generation = generation_of(p);

	if (!waiting_count(p->waiting) ||
	    (generation == p->offered_generation && p->now_ns - p->offered_ns < OFFER_NS))
		return;
	p->offered_generation = generation;
	p->offered_ns = p->now_ns;
	waiting_offer(p->waiting, false);
	counter_set(&p->stats.waiting, waiting_count(p->waiting));
}

static void publish_streams(struct pipeline *p)
{
	const struct streams_counters *c = streams_counters(p->streams);
	struct pipeline_stats *s = &p->stats;
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
	struct pipeline_stats *s = &p->stats;
	size_t i;

	for (i = 0; i < sizeof(s->http1) / sizeof(s->http1[0]); i++)
		counter_set(&s->http1[i], http1[i]);
	counter_set(&s->orphan_parts, c->orphan_parts);
	counter_set(&s->invalid_parts, c->invalid);
	counter_set(&s->conns_evicted, c->evicted);
	counter_set(&s->waiting, waiting_count(p->waiting));
	counter_set(&s->waiting_forced, waiting_forced(p->waiting));
	counter_set(&s->unnamed, workloads_unnamed(p->workloads));
	counter_set(&s->cgroups_evicted, p->known.cgroup_table.evictions);
	counter_set(&s->processes_evicted, p->known.process_table.evictions);
	counter_set(&s->workloads_evicted, workloads_evicted(p->workloads));
	counter_set(&s->ports_full, p->known.ports_full);
	counter_set(&s->identity_bytes, known_bytes(&p->known) + workloads_bytes(p->workloads) +
						verdicts_bytes(&p->verdicts) +
						far_ends_bytes(p->o.far_ends));
	counter_set(&s->protocol_bytes, conns_bytes(p->conns) + streams_bytes(p->streams));
	publish_streams(p);
	counter_set(&s->waiting_bytes, waiting_bytes(p->waiting));
}

/* Memory runs short: what is there stays, nothing is added, and nobody waits. */
static void relieve(struct pipeline *p)
{
	bool tight = p->o.tight && atomic_load_explicit(p->o.tight, memory_order_relaxed);

	if (tight)
		waiting_offer(p->waiting, true);
	if (tight == p->tight)
		return;
	p->tight = tight;
	streams_hold(p->streams, tight);
	telemetry_hold(p->o.telemetry, tight);
}

static void on_idle(void *arg, uint64_t now_ns)
{
	struct pipeline *p = arg;

	p->now_ns = now_ns;
	follow(p);
	offer_waiting(p);
	think_again(p);
	workloads_forget(p->workloads, now_ns);
	telemetry_expire(p->o.telemetry, now_ns);
	streams_tick(p->streams, now_ns);
	relieve(p);
	if (p->o.tracer)
		tracer_turn(p->o.tracer, now_ns);
	publish(p);
	p->followed = false;
	/* from here on no pod of this batch is looked at any more */
	if (p->o.store)
		kube_store_quiesce(p->o.store);
	if (p->o.peers)
		peers_quiesce(p->o.peers);
	if (p->o.books)
		rulebooks_quiesce(p->o.books);
}

/*
 * Without a cluster, what waits has no names to wait for any more; nor has it at the stop. Nor do
 * spans have anything to wait for.
 */
static void on_end(void *arg, bool stop)
{
	struct pipeline *p = arg;

	if (stop || !p->o.store) {
		follow(p);
		waiting_offer(p->waiting, true);
		publish(p);
	}
	if (p->o.tracer)
		tracer_finish(p->o.tracer);
}

/* A new collector first learns the pods, so that what waits in the ring gets its names. */
static bool on_hold(void *arg)
{
	struct pipeline *p = arg;

	return p->o.store && !kube_pods_synced(kube_store_current(p->o.store));
}

/* ---- life ---- */

static struct streams *new_streams(struct pipeline *p)
{
	struct streams_options o = {.connections = STREAMS_DEFAULT,
				    .bytes_max = p->o.stream_bytes ? p->o.stream_bytes
								   : STREAMS_BYTES_DEFAULT,
				    .protocols = p->o.protocols | p->o.traced,
				    .emit = on_exchange,
				    .decide = on_decision,
				    .arg = p};

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
	struct workloads_options w;

	if (!p)
		return NULL;
	p->o = *options;
	p->now_ns = loop_now_ns();
	if (p->o.books)
		take_book(p, rulebooks_latest(p->o.books));
	else if (p->o.peers)
		peers_rules(p->o.peers, p->o.rules);
	if (p->o.far_ends)
		far_ends_follow(p->o.far_ends, p->o.selector);
	w = workloads_of(p);
	p->conns = conns_new(CONNS_DEFAULT, on_exchange, p);
	if (p->conns)
		conns_payloads(p->conns, (p->o.protocols | p->o.traced) & PAYLOADS);
	p->streams = new_streams(p);
	p->workloads = workloads_new(&w);
	p->waiting = waiting_new(options->waiting_records, settle, p);
	p->alikes = calloc(1, sizeof(*p->alikes));
	if (!p->alikes || !p->conns || !p->streams || !p->workloads || !p->waiting ||
	    known_init(&p->known) || verdicts_init(&p->verdicts, tell_verdict, p)) {
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
	workloads_free(p->workloads);
	waiting_free(p->waiting);
	free(p->alikes);
	known_free(&p->known);
	verdicts_free(&p->verdicts);
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
	return &p->stats;
}
