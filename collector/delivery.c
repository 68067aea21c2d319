/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery.h"

#include <errno.h>
#include <stdlib.h>

#include "counter.h"
#include "protocol/otlp_call.h"

#define OFFER_NS 100000000ull   /* those that wait are looked at so often, or when pods change */
#define REVIEW_NS 20000000ull   /* what BPF ignores is looked at again at most so often */
#define CLEAR_NS 60000000000ull /* and, where there was no room for it, begun anew */

/* ---- what is not shown ---- */

static int tell_verdict(void *arg, uint64_t key, enum kh_verdict verdict)
{
	struct delivery *d = arg;
	struct intake *intake = atomic_load(&d->intake);

	return intake ? intake_verdict(intake, key, verdict) : -ENOTCONN;
}

static void ignore(struct delivery *d, const struct verdict *verdict)
{
	if (verdicts_ignore(&d->verdicts, verdict) != -ENOSPC)
		return;
	counter_add(&d->stats.verdicts_full, 1);
	if (d->now_ns - d->cleared_ns < CLEAR_NS)
		return;
	/* cgroups and processes that are gone hold places */
	d->cleared_ns = d->now_ns;
	verdicts_clear(&d->verdicts);
	intake_verdicts_clear(atomic_load(&d->intake));
}

/* What is not selected costs nothing from here on: BPF is told, of as much as is certain. */
static void hide(struct delivery *d, const struct workload *w, const struct exchange *ex)
{
	struct known_process *process = known_process(&d->known, w->tgid);
	uint16_t port = ex->conn.role == KH_ROLE_SERVER ? ex->conn.lport : 0;
	struct verdict verdict = {.key = w->cgroup, .cgroup = w->cgroup, .pod = w->pod_serial};

	counter_add(&d->stats.hidden, 1);
	if (!w->hide_cgroup) {
		if (!w->hide_process || !process || process->start_ns != w->start_ns)
			return;
		verdict.key = KH_VERDICT_PROCESS(w->tgid, w->start_ns, port);
		verdict_family(&verdict, &d->known, process);
	}
	ignore(d, &verdict);
}

void delivery_reconsider(struct delivery *d, uint32_t tgid)
{
	d->told++;
	verdicts_lift_process(&d->verdicts, tgid);
}

/* ---- what is shown ---- */

/* The entry's own patterns for this direction, as struct route_options counts them. */
static unsigned int routes_of(const struct workload *w, const struct exchange *ex)
{
	return w->routes ? 2 * w->routes - (ex->conn.role == KH_ROLE_SERVER) : 0;
}

/* As its container counts; 0 if the process was not told about, or is forgotten. */
static uint32_t own_pid(struct delivery *d, uint32_t tgid)
{
	const struct known_process *process = known_process(&d->known, tgid);

	return process ? process->ns_tgid : 0;
}

static bool wants(const struct workload *w, uint32_t features)
{
	return (w->left_out & features) != features;
}

static int measure_edge(struct delivery *d, const struct attribute_source *source)
{
	struct graph_peer peer;

	far_end_find(d->o.far_ends, d->o.peers, source->exchange, &peer);
	return telemetry_edge(d->o.telemetry, source, &peer, d->now_ns);
}

/* What it exports itself are metrics of its requests, neither those of spans nor a graph. */
static bool measures_itself(const struct delivery *d, const struct workload *w)
{
	return d->o.exclude_exporters && workload_sends_metrics(w);
}

static int measure_encrypted(struct delivery *d, const struct workload *w,
			     const struct attribute_source *source)
{
	if (measures_itself(d, w))
		return -EALREADY;
	if (!wants(w, CONFIG_APPLICATION))
		return -ENOENT;
	return telemetry_encrypted(d->o.telemetry, source, d->now_ns);
}

/* In all that its workload is to be measured by. */
static int measure_exchange(struct delivery *d, const struct workload *w,
			    const struct attribute_source *source, struct telemetry_place *place,
			    struct telemetry_memo *memo)
{
	int counted = -ENOENT;

	if (measures_itself(d, w))
		counted = -EALREADY;
	else if (wants(w, CONFIG_APPLICATION))
		counted = telemetry_recount(d->o.telemetry, source, d->now_ns, place, memo);
	if (d->o.exclude_exporters_spans && workload_sends_traces(w))
		return counted;
	if (d->o.spans && wants(w, CONFIG_ANY_SPANS) &&
	    telemetry_span(d->o.telemetry, source, d->now_ns) == 0)
		counted = 0;
	if (d->o.far_ends && wants(w, CONFIG_GRAPH) && measure_edge(d, source) == 0)
		counted = 0;
	return counted;
}

/*
 * Returns 0; -ENOENT: its kind is not counted, or nothing of its workload is; -EALREADY: its
 * process exports metrics itself.
 */
static int measure(struct delivery *d, const struct workload *w,
		   const struct attribute_source *source, struct telemetry_place *place,
		   struct telemetry_memo *memo)
{
	const struct exchange *ex = source->exchange;

	if (!w->metrics)
		return -ENOENT;
	/* -EINVAL (no role) cannot come: intake/record.c and the parser see to it */
	if (ex->kind == EXCHANGE_ENCRYPTED)
		return measure_encrypted(d, w, source);
	return d->o.protocols >> ex->protocol & 1 ? measure_exchange(d, w, source, place, memo)
						  : -ENOENT;
}

static void trace(struct delivery *d, const struct workload *w,
		  const struct attribute_source *source, const struct telemetry_place *place)
{
	if (!d->o.tracer || !w->traces || !tracer_wants(d->o.tracer, source->exchange))
		return;
	if (d->o.exclude_exporters && workload_sends_traces(w))
		counter_add(&d->stats.traced_itself, 1);
	else
		tracer_exchange(d->o.tracer, source, w->has_sampler ? &w->sampler : NULL, place,
				d->now_ns);
}

/* `alike`: what may be known of it already; or NULL. */
static void deliver(struct delivery *d, const struct workload *w, const struct exchange *ex,
		    struct alike *alike)
{
	struct attribute_source source = {.resource = w->resource, .exchange = ex};
	struct route_answer route = {0};
	struct telemetry_place place = {0};
	struct route_memo anew = {0};
	uint8_t exports = otlp_call(ex);
	int counted = 0;

	if (exports)
		workloads_export(d->workloads, w, exports);
	if (d->o.router && ex->kind == EXCHANGE_HTTP)
		route = route_recall(d->o.router, alike ? &alike->route : &anew, w->service,
				     routes_of(w, ex), ex->target, ex->target_cut);
	source.route = route.route;
	source.pid = alike ? alike->pid : own_pid(d, ex->tgid);
	if (d->o.filter && !filter_passes(d->o.filter, &source)) {
		counter_add(&d->stats.filtered, 1);
		return;
	}
	if (!route.ignore_metrics)
		counted = measure(d, w, &source, &place, alike ? &alike->series : NULL);
	if (!route.ignore_traces)
		trace(d, w, &source, &place);
	if (route.ignore_metrics)
		counter_add(&d->stats.ignored_route, 1);
	else if (counted == -ENOENT)
		counter_add(&d->stats.switched_off, 1);
	else if (counted == -EALREADY)
		counter_add(&d->stats.exports_itself, 1);
	else
		counter_add(&d->stats.delivered, 1);
}

/* ---- whose it is ---- */

static uint64_t generation_of(const struct delivery *d)
{
	return d->o.store ? kube_pods_generation(kube_store_current(d->o.store)) : 0;
}

/* Returns false if the workload's names are still to come and the exchange may wait. */
static bool settle_one(struct delivery *d, const struct exchange *ex, bool must_go,
		       struct alike *alike)
{
	const struct workload *w =
		workloads_find(d->workloads, ex->cgroup, ex->tgid, d->now_ns, must_go);

	switch (w->state) {
	case WORKLOAD_PENDING:
		return false;
	case WORKLOAD_HIDDEN:
		hide(d, w, ex);
		return true;
	case WORKLOAD_SHOWN:
		if (alike) {
			alike->workload = w;
			alike->pid = own_pid(d, ex->tgid);
		}
		deliver(d, w, ex, alike);
		return true;
	}
	return true;
}

static bool settle(void *arg, const struct exchange *ex, bool must_go)
{
	return settle_one(arg, ex, must_go, NULL);
}

/* Whose it is, and that its process serves this port, was found out a moment ago. */
static bool settle_again(struct delivery *d, const struct exchange *ex, struct alike *alike)
{
	const struct workload *w = alike->workload;

	if (!w || w->cgroup != ex->cgroup || w->tgid != ex->tgid || w->state != WORKLOAD_SHOWN)
		return false;
	deliver(d, w, ex, alike);
	return true;
}

void delivery_exchange(void *arg, const struct exchange *ex)
{
	struct delivery *d = arg;
	struct alike *alike = NULL;

	counter_add(&d->stats.exchanges, 1);
	counter_add(ex->kind == EXCHANGE_ENCRYPTED ? &d->stats.encrypted
						   : &d->stats.exchanges_of[ex->protocol],
		    1);
	if (ex->alike)
		alike = alike_find(d->alikes, ex, (uint64_t[2]){d->told, generation_of(d)},
				   d->now_ns);
	if (alike && settle_again(d, ex, alike))
		return;
	if (ex->conn.role == KH_ROLE_SERVER &&
	    known_tell_served(&d->known, ex->tgid, ex->conn.lport))
		delivery_reconsider(d, ex->tgid);
	if (!settle_one(d, ex, false, alike)) {
		waiting_put(d->waiting, ex);
		counter_set(&d->stats.waiting, waiting_count(d->waiting));
	}
}

/* ---- what was put off ---- */

static uint64_t pod_serial(void *arg, uint64_t cgroup, uint64_t was)
{
	return workloads_pod_serial(arg, cgroup, was);
}

void delivery_review(struct delivery *d)
{
	uint64_t generation = generation_of(d);

	if (generation == d->reviewed_generation || d->now_ns - d->reviewed_ns < REVIEW_NS)
		return;
	d->reviewed_generation = generation;
	d->reviewed_ns = d->now_ns;
	verdicts_review(&d->verdicts, pod_serial, d->workloads);
}

void delivery_offer(struct delivery *d)
{
	uint64_t generation = generation_of(d);

	if (!waiting_count(d->waiting) ||
	    (generation == d->offered_generation && d->now_ns - d->offered_ns < OFFER_NS))
		return;
	d->offered_generation = generation;
	d->offered_ns = d->now_ns;
	waiting_offer(d->waiting, false);
	counter_set(&d->stats.waiting, waiting_count(d->waiting));
}

/* ---- life ---- */

static struct workloads_options workloads_of(struct delivery *d)
{
	return (struct workloads_options){.known = &d->known,
					  .store = d->o.store,
					  .selector = d->o.selector,
					  .rules = d->o.rules,
					  .wait_ns = d->o.wait_ns,
					  .traces = d->o.tracer != NULL,
					  .own_pod = d->o.own_pod};
}

/* Who names and selects the other ends goes by the same rules. */
static void tell_rules(struct delivery *d)
{
	if (d->o.peers)
		peers_rules(d->o.peers, d->o.rules);
	if (d->o.far_ends)
		far_ends_follow(d->o.far_ends, d->o.selector);
}

int delivery_init(struct delivery *d)
{
	struct workloads_options w = workloads_of(d);

	tell_rules(d);
	d->workloads = workloads_new(&w);
	d->waiting = waiting_new(d->o.waiting_records, settle, d);
	d->alikes = calloc(1, sizeof(*d->alikes));
	if (!d->alikes || !d->workloads || !d->waiting || known_init(&d->known) ||
	    verdicts_init(&d->verdicts, tell_verdict, d))
		return -ENOMEM;
	return 0;
}

void delivery_free(struct delivery *d)
{
	workloads_free(d->workloads);
	waiting_free(d->waiting);
	free(d->alikes);
	known_free(&d->known);
	verdicts_free(&d->verdicts);
}

void delivery_follow(struct delivery *d)
{
	struct workloads_options w = workloads_of(d);

	d->told++;
	tell_rules(d);
	workloads_follow(d->workloads, &w);
	verdicts_clear(&d->verdicts);
}
