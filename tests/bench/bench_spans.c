/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an exchange costs in each feature of metrics.features, on one thread: bench-spans. One
 * client's requests to a pod that is known, among PODS of the cluster, over SERIES routes; peers
 * are looked up as the pipeline does. CPU time of the thread, the median of ROUNDS. Prints `NAME
 * value ns`, and the memory of a series.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "far_end.h"
#include "identity/peer_name.h"
#include "telemetry/telemetry.h"

#define ROUNDS 7
#define EXCHANGES 200000
#define PODS 1000
#define SERIES 16
#define SECOND 1000000000ull

static struct telemetry *telemetry;
static struct far_ends *ends;
static struct peers *peers;
static struct selector *selector;

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void make_peers(void)
{
	static const struct resolve_rules rules = {.service_name = ""};
	struct kube_store *store = kube_store_new(0);
	char name[32];

	for (uint32_t i = 0; i < PODS; i++) {
		struct kube_pod pod = {
			.uid = name,
			.name = name,
			.namespace = "shop",
			.owner_kind = "Deployment",
			.owner_name = "cart",
			.ip = {{[10] = 0xff, 0xff, 10, 1, (uint8_t)(i >> 8), (uint8_t)i}},
			.ip_count = 1};

		snprintf(name, sizeof(name), "cart-%u", i);
		kube_store_put(store, kube_pod_new(&pod));
	}
	kube_store_publish(store, SECOND);
	peers = peers_new();
	peers_rules(peers, &rules);
	peers_follow(peers, PEERS_HERE, store);
	peers_confirm(peers, PEERS_HERE, SECOND);
}

static struct resource *make_resource(void)
{
	const char *values[RES_COUNT] = {
		[RES_SERVICE_NAME] = "web",   [RES_SERVICE_NAMESPACE] = "shop",
		[RES_JOB] = "shop/web",       [RES_INSTANCE] = "shop.web-6d4cf56db6-x2x4z.main",
		[RES_K8S_NAMESPACE] = "shop", [RES_K8S_POD] = "web-6d4cf56db6-x2x4z",
		[RES_K8S_NODE] = "node-1",    [RES_K8S_DEPLOYMENT] = "web",
	};

	return resource_new(values);
}

enum part { APPLICATION, SPANS, GRAPH, ALL, PARTS };

static double measure(enum part part, struct resource *resource)
{
	static char route[SERIES][32];
	struct exchange e = {
		.conn = {.lport = 41000, .rport = 8080, .family = AF_INET, .role = KH_ROLE_CLIENT},
		.start_ns = SECOND,
		.first_ns = SECOND + 1000000,
		.end_ns = SECOND + 2000000,
		.method = HTTP_GET,
		.status = 200,
		.host = {"cart.shop:8080", 14},
	};
	double begin = cpu_ns();

	for (uint32_t i = 0; i < EXCHANGES; i++) {
		unsigned int at = i % SERIES;
		struct attribute_source source = {resource, &e, slice_of(route[at]), 0};
		struct graph_peer peer;

		snprintf(route[at], sizeof(route[at]), "/items/%c/:id", 'a' + (char)at);
		memcpy(e.conn.raddr,
		       (uint8_t[4]){10, 1, (uint8_t)(i % PODS >> 8), (uint8_t)(i % PODS)}, 4);
		if (part == APPLICATION || part == ALL)
			telemetry_count(telemetry, &source, SECOND, NULL);
		if (part == SPANS || part == ALL)
			telemetry_span(telemetry, &source, SECOND);
		if (part == GRAPH || part == ALL) {
			far_end_find(ends, peers, &e, &peer);
			telemetry_edge(telemetry, &source, &peer, SECOND);
		}
	}
	return (cpu_ns() - begin) / EXCHANGES;
}

static double bare(void)
{
	char route[32];
	volatile char keep = 0;
	double begin = cpu_ns();

	for (uint32_t i = 0; i < EXCHANGES; i++) {
		snprintf(route, sizeof(route), "/items/%c/:id", 'a' + (char)(i % SERIES));
		keep = (char)(keep + route[7]);
	}
	return (cpu_ns() - begin) / EXCHANGES;
}

int main(void)
{
	static const char *const names[] = {"application", "spans", "service_graph", "all"};
	struct telemetry_options options = telemetry_defaults;
	struct far_end_options far = {"unresolved", "outgoing", "incoming", true};
	struct selector_options all = {0};
	char why[PATTERN_WHY_MAX];
	struct resource *resource = make_resource();

	make_peers();
	options.routes = true;
	options.features =
		TELEMETRY_SPANS | TELEMETRY_SPANS_OTEL | TELEMETRY_SPAN_SIZES | TELEMETRY_GRAPH;
	options.namer = (struct peer_namer){peer_name_of, peers};
	ends = far_ends_new(&far);
	if (!ends || selector_new(&selector, &all, why) || telemetry_new(&telemetry, &options))
		return 1;
	far_ends_follow(ends, selector);
	for (int part = 0; part < PARTS; part++) {
		double ns[ROUNDS];
		uint64_t bytes = telemetry_bytes(telemetry),
			 series = telemetry_stats(telemetry)->series;

		measure((enum part)part, resource);
		series = telemetry_stats(telemetry)->series - series;
		bytes = telemetry_bytes(telemetry) - bytes;
		for (int i = 0; i < ROUNDS; i++)
			ns[i] = measure((enum part)part, resource) - bare();
		qsort(ns, ROUNDS, sizeof(*ns), compare);
		printf("%s_exchange %.0f ns\n", names[part], ns[ROUNDS / 2]);
		if (series)
			printf("%s_series %lu bytes\n", names[part],
			       (unsigned long)(bytes / series));
	}
	return 0;
}
