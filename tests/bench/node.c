/* SPDX-License-Identifier: Apache-2.0 */
#include "node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "loop.h"
#include "tests/unit/identity/node.h"

#define APPS 40 /* Deployments */

static const char yaml[] = "routes: {unmatched: heuristic}\n";
static const struct attribute_extras no_extras;
static const struct rulebook_basis basis = {.host = "node-1", .extras = &no_extras};

void node_die(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

static struct rulebooks *default_books(void)
{
	struct config *config = NULL;
	struct notes notes = {0};
	struct rulebook *book;

	if (config_parse(&config, slice_of(yaml), NULL, &notes) ||
	    rulebook_new(&book, config, &basis, NULL))
		node_die("the configuration was refused");
	book->owned = config;
	return rulebooks_new(book);
}

static void put_pods(struct node *node)
{
	kube_store_list_begin(node->store);
	for (unsigned int i = 0; i < node->pods; i++) {
		char uid[40], space[16], app[16], id[65];

		snprintf(uid, sizeof(uid), "11111111-2222-3333-4444-%012x", i);
		snprintf(space, sizeof(space), "team-%u", i % APPS % 8);
		snprintf(app, sizeof(app), "app-%u", i % APPS);
		snprintf(id, sizeof(id), "%064x", i);
		if (kube_store_put(node->store, a_pod(uid, space, app, id)))
			node_die("a pod was refused");
	}
	kube_store_list_end(node->store, node->now_ns);
	if (kube_store_publish(node->store, node->now_ns))
		node_die("no snapshot of the pods");
}

static void tell_processes(struct node *node)
{
	for (unsigned int i = 0; i < node->pods; i++) {
		char uid[40], id[65];
		struct kh_cgroup cgroup;
		struct kh_process process = a_process(i + 1, i + 1, "server");

		snprintf(uid, sizeof(uid), "11111111-2222-3333-4444-%012x", i);
		snprintf(id, sizeof(id), "%064x", i);
		cgroup = pod_cgroup(i + 1, uid, id);
		node_record(node, &cgroup, sizeof(cgroup));
		node_record(node, &process, sizeof(process));
	}
}

void node_start(struct node *node, const struct node_options *options)
{
	struct telemetry_options t = telemetry_defaults;
	struct pipeline_options o = {.waiting_records = 1024};

	memset(node, 0, sizeof(*node));
	node->pods = options->pods;
	node->now_ns = loop_now_ns();
	node->store = kube_store_new(options->pods + 64);
	node->books = default_books();
	if (!node->store || !node->books)
		node_die("out of memory");
	o.protocols = config_protocols(rulebooks_latest(node->books)->config);
	t.kinds = (1u << EXCHANGE_KINDS) - 1;
	t.encrypted_connections = true;
	t.kubernetes = t.routes = true;
	if (options->series_max) {
		t.series_max = options->series_max;
		t.bytes_max = ~0ull;
	}
	if (telemetry_new(&node->telemetry, &t))
		node_die("no series");
	o.store = node->store;
	o.books = node->books;
	o.telemetry = node->telemetry;
	node->pipeline = pipeline_new(&o);
	if (!node->pipeline)
		node_die("no pipeline");
	node->ops = pipeline_ops(node->pipeline);
	put_pods(node);
	node_idle(node, 1);
	tell_processes(node);
}

void node_stop(struct node *node)
{
	pipeline_free(node->pipeline);
	rulebooks_free(node->books);
	telemetry_free(node->telemetry);
	kube_store_free(node->store);
}

void node_record(struct node *node, const void *p, size_t size)
{
	struct record record;

	if (record_read(p, size, &record))
		node_die("a record does not hold together");
	node->ops.record(node->ops.arg, &record);
}

void node_idle(struct node *node, uint64_t ns)
{
	node->now_ns += ns;
	node->ops.idle(node->ops.arg, node->now_ns);
}

/* Heads as a client in Go and a server behind it write them. */
size_t node_http(void *out, const struct node_http *http)
{
	struct kh_exchange *x = out;
	char *text = (char *)(x + 1);
	int n = snprintf(
		text, 1024,
		"%s %s HTTP/1.1\r\nHost: shop.team-1.svc:8080\r\nUser-Agent: "
		"Go-http-client/1.1\r\nAccept: application/json\r\nAccept-Encoding: gzip\r\n\r\n",
		http->method, http->target);
	int m = snprintf(
		text + n, 512,
		"HTTP/1.1 %u OK\r\nContent-Type: application/json\r\nDate: Mon, 02 Jan 2006 "
		"15:04:05 GMT\r\nContent-Length: 16\r\n\r\n{\"answer\": \"ok\"}",
		http->status);

	*x = (struct kh_exchange){
		.rec = {.type = KH_EXCHANGE, .size = (uint32_t)(sizeof(*x) + (size_t)(n + m))},
		.conn = {.cookie = http->cookie,
			 .family = AF_INET,
			 .role = KH_ROLE_SERVER,
			 .laddr = {10, 0, 0, 1},
			 .raddr = {10, 0, 0, 2},
			 .lport = http->lport,
			 .rport = (uint16_t)(32768 + http->cookie % 28000),
			 .isn_local = 1,
			 .isn_remote = 1},
		.cgroup = http->pod + 1,
		.tgid = http->pod + 1,
		.tid = http->pod + 1,
		.number = http->number,
		.reason = KH_WHY_RESPONSE,
		.req = {.first_ns = http->ns,
			.last_ns = http->ns,
			.len = (unsigned int)n,
			.calls = 1},
		.resp = {.first_ns = http->ns + 1000,
			 .last_ns = http->ns + 1000 + http->ns % 1000000,
			 .len = (unsigned int)m,
			 .calls = 1},
	};
	x->req.head_len = (uint16_t)n;
	x->resp.head_len = (uint16_t)m;
	return x->rec.size;
}

void node_expect(const struct node *node, uint64_t n)
{
	const struct pipeline_stats *s = pipeline_stats(node->pipeline);

	if (s->exchanges == n && s->delivered == n)
		return;
	fprintf(stderr, "bench: of %llu exchanges %llu were told and %llu counted\n",
		(unsigned long long)n, (unsigned long long)s->exchanges,
		(unsigned long long)s->delivered);
	exit(1);
}
