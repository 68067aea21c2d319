/* SPDX-License-Identifier: Apache-2.0 */
#include "vitals.h"

#include <errno.h>
#include <stdio.h>

static int failed; /* of the binds below; one thread, at start */

static void number(struct selfmetrics *self, enum selfmetric metric, const char *value,
		   const _Atomic uint64_t *at)
{
	failed |= selfmetrics_add(self, metric, value, at);
}

static void function(struct selfmetrics *self, enum selfmetric metric, const char *value,
		     uint64_t (*fn)(void *arg), void *arg)
{
	failed |= selfmetrics_add_fn(self, metric, value, fn, arg);
}

/* ---- numbers that have to be worked out ---- */

static uint64_t bpf_counter(void *arg, unsigned int counter)
{
	const struct vitals *v = arg;

	return counter < KH_C_COUNT ? intake_stats(v->intake)->bpf[counter] : 0;
}

#define BPF_COUNTER(name)                                                                          \
	static uint64_t bpf_##name(void *arg)                                                      \
	{                                                                                          \
		return bpf_counter(arg, KH_C_##name);                                              \
	}
BPF_COUNTER(exchange_drops)
BPF_COUNTER(part_drops)
BPF_COUNTER(segment_drops)
BPF_COUNTER(life_drops)

static uint64_t memory_series(void *arg)
{
	return telemetry_bytes(((struct vitals *)arg)->telemetry);
}

/* Of the router in use: another one, after a reload, begins at 0. */
#define ROUTER_NUMBER(name, field)                                                                 \
	static uint64_t name(void *arg)                                                            \
	{                                                                                          \
		const struct rulebook *b = rulebooks_latest(((struct vitals *)arg)->books);        \
		return b->router ? route_stats(b->router)->field : 0;                              \
	}
ROUTER_NUMBER(routes_full, routes_full)
ROUTER_NUMBER(route_services_full, services_full)
ROUTER_NUMBER(route_nodes_full, nodes_full)

static uint64_t patterns_given_up(void *arg)
{
	(void)arg;
	return pattern_limits_reached();
}

static uint64_t memory_pods(void *arg)
{
	return kube_store_stats(((struct vitals *)arg)->store).bytes;
}

static uint64_t watch_up(void *arg)
{
	struct kube_client_stats s = kube_client_stats(((struct vitals *)arg)->kube);

	return s.connected && s.synced;
}

static uint64_t watch_pods(void *arg)
{
	return kube_store_stats(((struct vitals *)arg)->store).pods;
}

static uint64_t pods_dropped(void *arg)
{
	return kube_store_stats(((struct vitals *)arg)->store).pods_dropped;
}

/* ---- peers ---- */

#define PEER_SOURCE(source, index)                                                                 \
	static uint64_t peers_##source(void *arg)                                                  \
	{                                                                                          \
		return kube_store_stats(((struct vitals *)arg)->peers->watch[index].store).pods;   \
	}                                                                                          \
	static uint64_t peers_up_##source(void *arg)                                               \
	{                                                                                          \
		return peer_watch_current(&((struct vitals *)arg)->peers->watch[index]);           \
	}                                                                                          \
	static uint64_t peers_dropped_##source(void *arg)                                          \
	{                                                                                          \
		return kube_store_stats(((struct vitals *)arg)->peers->watch[index].store)         \
			.pods_dropped;                                                             \
	}
PEER_SOURCE(pods, PEERS_ELSEWHERE)
PEER_SOURCE(services, PEERS_SERVICES)

static uint64_t memory_peers(void *arg)
{
	return peer_watches_bytes(((struct vitals *)arg)->peers);
}

static uint64_t kube_lists(void *arg)
{
	return kube_client_stats(((struct vitals *)arg)->kube).lists;
}

static uint64_t kube_watches(void *arg)
{
	return kube_client_stats(((struct vitals *)arg)->kube).watches;
}

static uint64_t kube_faults(void *arg)
{
	struct kube_client_stats s = kube_client_stats(((struct vitals *)arg)->kube);
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < KUBE_FAULT_COUNT; i++)
		sum += s.faults[i];
	return sum;
}

#define KUBE_EVENT(index)                                                                          \
	static uint64_t kube_event_##index(void *arg)                                              \
	{                                                                                          \
		return kube_client_stats(((struct vitals *)arg)->kube).events[index];              \
	}
KUBE_EVENT(0)
KUBE_EVENT(1)
KUBE_EVENT(2)
KUBE_EVENT(3)
KUBE_EVENT(4)
static uint64_t (*const kube_event[])(void *) = {kube_event_0, kube_event_1, kube_event_2,
						 kube_event_3, kube_event_4};
_Static_assert(sizeof(kube_event) / sizeof(kube_event[0]) >= KUBE_EVENT_TYPES, "one for each type");

static uint64_t loader_part(void *arg)
{
	const struct vitals_part *p = arg;

	return intake_stats(p->intake)->loader_sandbox >> p->part & 1;
}

/* ---- by part ---- */

static void bind_intake(struct selfmetrics *self, struct vitals *v)
{
	const struct intake_stats *s = intake_stats(v->intake);

	number(self, SELF_RECORDS_SEEN, "data", &s->data_records);
	number(self, SELF_RECORDS_SEEN, "life", &s->life_records);
	number(self, SELF_RECORDS_HANDLED, "", &s->handled);
	number(self, SELF_RING_BYTES, "data", &s->data_waiting);
	number(self, SELF_RING_BYTES, "life", &s->life_waiting);
	number(self, SELF_RING_HIGH, "data", &s->data_high);
	number(self, SELF_RING_SIZE, "data", &s->data_size);
	number(self, SELF_RING_SIZE, "life", &s->life_size);
	number(self, SELF_LOADER_CONNECTED, "", &s->connected);
	number(self, SELF_LOADER_CONNECTS, "", &s->connects);
	number(self, SELF_RECORDS_DROPPED, "invalid", &s->invalid);
	function(self, SELF_RECORDS_DROPPED, "ring_full", bpf_exchange_drops, v);
	function(self, SELF_RECORDS_DROPPED, "ring_full_part", bpf_part_drops, v);
	function(self, SELF_RECORDS_DROPPED, "ring_full_segment", bpf_segment_drops, v);
	function(self, SELF_RECORDS_DROPPED, "ring_full_life", bpf_life_drops, v);
	selfmetrics_set_bpf(self, bpf_counter, v);
}

static const char *const http1_drop[] = {
	/* names of struct http1_counters that stand for a request not told */
	[2] = "answer_not_seen",
	[3] = "no_room_for_head",
	[4] = "pipeline_too_long",
	[5] = "response_without_request",
};

/* As the counters of struct streams_counters stand in those arrays. */
static void bind_protocols(struct selfmetrics *self, const struct vitals *v,
			   const struct pipeline_stats *s)
{
	/* What is not HTTP shows as HTTP first: these may come though they are not counted. */
	uint64_t come = v->protocols | 1ull << PROTOCOL_HTTP | 1ull << PROTOCOL_HTTP2;

	for (unsigned int i = 0; i < PROTOCOLS; i++) {
		if (come >> i & 1)
			number(self, SELF_EXCHANGES, protocol_name((enum protocol)i),
			       &s->exchanges_of[i]);
	}
	number(self, SELF_EXCHANGES, "encrypted", &s->encrypted);
	for (unsigned int c = 0; c < sizeof(s->streams) / sizeof(*s->streams); c++)
		number(self, (enum selfmetric)(SELF_STREAMS_segments + c), "", &s->streams[c]);
	for (unsigned int i = 0; i < parsers_n; i++) {
		enum protocol protocol = parsers[i]->protocol;

		for (unsigned int c = 0; c < sizeof(*s->streams_of) / sizeof(**s->streams_of); c++)
			number(self, (enum selfmetric)(SELF_PROTOCOL_connections + c),
			       parsers[i]->name, &s->streams_of[protocol][c]);
	}
}

static void bind_pipeline(struct selfmetrics *self, struct vitals *v)
{
	const struct pipeline_stats *s = pipeline_stats(v->pipeline);
	size_t i;

	bind_protocols(self, v, s);
	number(self, SELF_RECORDS_DELIVERED, "", &s->delivered);
	number(self, SELF_RECORDS_DROPPED, "not_selected", &s->hidden);
	number(self, SELF_RECORDS_DROPPED, "ignored_route", &s->ignored_route);
	number(self, SELF_RECORDS_DROPPED, "filtered", &s->filtered);
	number(self, SELF_RECORDS_DROPPED, "switched_off", &s->switched_off);
	number(self, SELF_RECORDS_DROPPED, "exports_itself", &s->exports_itself);
	number(self, SELF_TRACE_EXCLUDED, "", &s->traced_itself);
	number(self, SELF_RECORDS_DROPPED, "orphan_part", &s->orphan_parts);
	number(self, SELF_RECORDS_DROPPED, "invalid_part", &s->invalid_parts);
	for (i = 0; i < sizeof(http1_drop) / sizeof(http1_drop[0]); i++)
		if (http1_drop[i])
			number(self, SELF_RECORDS_DROPPED, http1_drop[i], &s->http1[i]);
	number(self, SELF_WAITING, "", &s->waiting);
	number(self, SELF_LIMIT_REACHED, "waiting_room", &s->waiting_forced);
	number(self, SELF_LIMIT_REACHED, "waiting_time", &s->unnamed);
	number(self, SELF_LIMIT_REACHED, "connections", &s->conns_evicted);
	function(self, SELF_LIMIT_REACHED, "pattern_steps", patterns_given_up, v);
	number(self, SELF_LIMIT_REACHED, "verdicts", &s->verdicts_full);
	number(self, SELF_LIMIT_REACHED, "cgroups", &s->cgroups_evicted);
	number(self, SELF_LIMIT_REACHED, "processes", &s->processes_evicted);
	number(self, SELF_LIMIT_REACHED, "workloads", &s->workloads_evicted);
	number(self, SELF_LIMIT_REACHED, "listening_ports", &s->ports_full);
	number(self, SELF_MEMORY, "identity", &s->identity_bytes);
	number(self, SELF_MEMORY, "protocol", &s->protocol_bytes);
	number(self, SELF_MEMORY, "waiting_room", &s->waiting_bytes);
}

static void bind_telemetry(struct selfmetrics *self, struct vitals *v)
{
	const struct telemetry_stats *s = telemetry_stats(v->telemetry);

	number(self, SELF_SERIES, "", &s->series);
	number(self, SELF_SERIES_CREATED, "", &s->series_created);
	number(self, SELF_SERIES_EXPIRED, "", &s->series_expired);
	number(self, SELF_SERIES_OVERFLOWS, "", &s->overflows);
	number(self, SELF_TARGETS, "", &s->targets);
	number(self, SELF_LIMIT_REACHED, "series", &s->overflows);
	number(self, SELF_LIMIT_REACHED, "span_names", &s->names_cut);
	function(self, SELF_MEMORY, "series", memory_series, v);
	if (rulebooks_latest(v->books)->router) {
		function(self, SELF_LIMIT_REACHED, "routes", routes_full, v);
		function(self, SELF_LIMIT_REACHED, "route_services", route_services_full, v);
		function(self, SELF_LIMIT_REACHED, "route_segments", route_nodes_full, v);
	}
}

static uint64_t memory_limit(void *arg)
{
	return ((const struct vitals *)arg)->pressure->limit;
}

static void bind_pressure(struct selfmetrics *self, struct vitals *v)
{
	if (!v->pressure || !v->pressure->limit)
		return;
	function(self, SELF_MEMORY_LIMIT, "", memory_limit, v);
	number(self, SELF_MEMORY_USED, "", &v->pressure->used);
	number(self, SELF_LIMIT_REACHED, "memory", &v->pressure->reached);
}

static void bind_kube(struct selfmetrics *self, struct vitals *v)
{
	size_t i;

	if (!v->kube)
		return;
	function(self, SELF_WATCH_UP, "", watch_up, v);
	function(self, SELF_WATCH_PODS, "", watch_pods, v);
	function(self, SELF_KUBE_REQUESTS, "list", kube_lists, v);
	function(self, SELF_KUBE_REQUESTS, "watch", kube_watches, v);
	function(self, SELF_KUBE_REQUESTS, "fault", kube_faults, v);
	for (i = 0; i < KUBE_EVENT_TYPES; i++)
		function(self, SELF_KUBE_EVENTS, kube_event_word[i], kube_event[i], v);
	failed |= kube_vitals_bind(self, &v->kube_vitals, v->kube);
	function(self, SELF_LIMIT_REACHED, "pods", pods_dropped, v);
	function(self, SELF_MEMORY, "pods", memory_pods, v);
}

static void bind_peers(struct selfmetrics *self, struct vitals *v)
{
	const struct peers_stats *s;

	if (!v->peers)
		return;
	s = peers_stats(v->peers->peers);
	number(self, SELF_PEER_LOOKUPS, "named", &s->named);
	number(self, SELF_PEER_LOOKUPS, "unknown", &s->unknown);
	number(self, SELF_PEER_LOOKUPS, "other_time", &s->elsewhen);
	number(self, SELF_PEER_LOOKUPS, "ambiguous", &s->ambiguous);
	number(self, SELF_PEER_LOOKUPS, "stale", &s->stale);
	function(self, SELF_MEMORY, "peers", memory_peers, v);
	if (v->peers->watch[PEERS_ELSEWHERE].store) {
		function(self, SELF_PEERS, "pods", peers_pods, v);
		function(self, SELF_PEER_WATCH_UP, "pods", peers_up_pods, v);
		function(self, SELF_LIMIT_REACHED, "peer_pods", peers_dropped_pods, v);
	}
	if (v->peers->watch[PEERS_SERVICES].store) {
		function(self, SELF_PEERS, "services", peers_services, v);
		function(self, SELF_PEER_WATCH_UP, "services", peers_up_services, v);
		function(self, SELF_LIMIT_REACHED, "peer_services", peers_dropped_services, v);
	}
}

static void bind_reload(struct selfmetrics *self, const struct vitals *v)
{
	if (!v->reload)
		return;
	number(self, SELF_CONFIG_RELOADS, "ok", &v->reload->ok);
	number(self, SELF_CONFIG_RELOADS, "failed", &v->reload->failed);
	number(self, SELF_CONFIG_LOADED, "", &v->reload->loaded_s);
}

static void bind_sandbox(struct selfmetrics *self, struct vitals *v)
{
	unsigned int i;

	for (i = 0; i < POLICY_PARTS_COUNT; i++)
		failed |= selfmetrics_add_constant(self, SELF_SANDBOX, policy_part_name(i),
						   v->sandbox->part[i] == POLICY_ON);
	for (i = 0; i < POLICY_PARTS_COUNT; i++) {
		if (i == POLICY_USER) /* not meant for a loader */
			continue;
		v->loader[i] = (struct vitals_part){v->intake, i};
		function(self, SELF_LOADER_SANDBOX, policy_part_name(i), loader_part,
			 &v->loader[i]);
	}
}

int vitals_bind(struct selfmetrics *self, struct vitals *v)
{
	failed = v->no_build_info
			 ? 0
			 : selfmetrics_add_constant(self, SELF_BUILD_INFO, KEYHOLE_VERSION, 1);
	bind_intake(self, v);
	bind_pipeline(self, v);
	bind_telemetry(self, v);
	bind_pressure(self, v);
	bind_kube(self, v);
	bind_peers(self, v);
	bind_reload(self, v);
	bind_sandbox(self, v);
	return failed ? -ENOSPC : 0;
}

const char *vitals_not_ready(void *arg)
{
	struct vitals *v = arg;

	if (!v->intake)
		return "starting";
	if (!intake_stats(v->intake)->connected && !intake_stats(v->intake)->done) {
		snprintf(v->reason, sizeof(v->reason), "not connected to keyhole-loader");
		return v->reason;
	}
	if (v->kube && !kube_client_synced(v->kube)) {
		snprintf(v->reason, sizeof(v->reason), "the list of pods is not complete");
		return v->reason;
	}
	return NULL;
}
