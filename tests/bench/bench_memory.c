/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the collector's memory follows.
 *
 * bench-memory parts
 *	bytes of a series, of a connection, of a pod, of a span: what each thousand adds
 * bench-memory tape FILE
 *	a tape of 250 pods and 1,000 series (labels of HTTP servers), for --replay
 * bench-memory soak CYCLES
 *	pods, connections and routes come and go; ends 1 if memory grows
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "export/prometheus.h"
#include "node.h"
#include "talks.h"
#include "trace/tracer.h"
#include "tests/unit/identity/node.h"

#define SERIES 1000
#define CONNECTIONS 1000
#define SPANS 1000
#define ROOM_SPANS 16384
#define WARM 60 /* cycles until all that is kept for a time was kept that long: 10 min */
#define CYCLE_NS 10000000000ull
#define CYCLE_PODS 10 /* replaced in each */
#define CYCLE_EXCHANGES 1000
#define CYCLE_CONNECTIONS 100 /* of HTTP, whose responses come in parts */
#define CYCLE_REST 5          /* bytes of the last part */
#define CYCLE_STREAMS 10      /* connections in each of the other protocols */
#define SOAK_COOKIES 1000000000ull
#define SOAK_PODS 60
#define MAY_GROW 64 * 1024 /* bytes of heap: buffers of stdio and the like */

static _Alignas(8) uint8_t record[NODE_HTTP_MAX];

static size_t heap_bytes(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* ---- parts ---- */

static void tell_series(struct node *node, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		node_record(node, record,
			    node_http(record,
				      &(struct node_http){.pod = i % NODE_PODS,
							  .cookie = i + 1,
							  .number = 1,
							  .method = "GET",
							  .target = "/api/items",
							  .status = 200,
							  .lport = (uint16_t)(8080 + i / NODE_PODS),
							  .ns = node->now_ns}));
	node_idle(node, 1000000);
}

/* Of each, a request whose answer is still to come. */
static void tell_connections(struct node *node, unsigned int n)
{
	struct talk_of *talk = calloc(1, sizeof(*talk));

	if (!talk)
		node_die("out of memory");
	for (unsigned int i = 0; i < talks_n; i++)
		if (talks[i].protocol == PROTOCOL_REDIS)
			talks[i].make(talk);
	for (unsigned int i = 0; i < n; i++) {
		struct talk_call call = {.serial = 1, .seq = {1, 1}, .ns = node->now_ns};
		struct kh_segment *seg = (struct kh_segment *)record;

		for (unsigned int half = 0; half < 3; half++) {
			call.sent = half == 1;
			talk_segment(seg, talk, &call, half == 1 ? &talk->answer : &talk->ask);
			seg->conn.cookie = 100000 + i;
			seg->cgroup = seg->tgid = seg->tid = i % NODE_PODS + 1;
			node_record(node, seg, seg->rec.size);
		}
	}
	free(talk);
	node_idle(node, 1000000);
}

static uint64_t protocol_bytes(const struct node *node)
{
	return pipeline_stats(node->pipeline)->protocol_bytes;
}

/* As a server's of HTTP in a pod is. */
static void make_span(struct span *span, const struct span_rules *rules, struct resource *resource)
{
	static const struct exchange exchange = {
		.conn = {.lport = 8080, .rport = 41000, .family = AF_INET, .role = KH_ROLE_SERVER},
		.start_ns = 1,
		.end_ns = 1000001,
		.method = HTTP_GET,
		.status = 200,
		.host = {"shop.team-1.svc:8080", 20},
		.target = {"/api/items/1234?page=2", 22},
	};
	const struct attribute_source source = {resource, &exchange, slice_of("/api/items/*"), 1};

	span_init(span);
	span_make(span, rules, &source);
}

/* In the queue of the exporter. */
static double queued_bytes(const struct span_rules *rules)
{
	static struct span span;
	const char *values[RES_COUNT] = {[RES_SERVICE_NAME] = "web"};
	struct resource *resource = resource_new(values);
	struct span_queue *queue;
	double bytes;

	if (!resource || span_queue_new(&queue, SPANS, SPAN_QUEUE_BYTES_DEFAULT))
		node_die("no queue of spans");
	make_span(&span, rules, resource);
	for (unsigned int i = 0; i < SPANS; i++)
		if (span_queue_put(queue, &span))
			node_die("a span was refused");
	bytes = (double)atomic_load(&span_queue_stats(queue)->bytes) / SPANS;
	span_queue_free(queue);
	resource_unref(resource);
	return bytes;
}

static size_t tracer_size(const struct span_rules *rules, uint32_t room_spans)
{
	struct tracer_options options = {.rules = rules, .room_spans = room_spans};
	struct tracer *tracer = tracer_new(&options);
	size_t bytes;

	if (!tracer)
		node_die("no tracer");
	bytes = tracer_bytes(tracer);
	tracer_free(tracer);
	return bytes;
}

static void tell_spans(void)
{
	static const struct span_options options = {.protocols = ~0ull};
	static struct span_rules rules;

	if (span_rules_init(&rules, &options))
		node_die("no rules of spans");
	printf("memory_per_span_queued %.0f bytes\n", queued_bytes(&rules));
	printf("memory_per_span_waiting %.0f bytes\n",
	       (double)(tracer_size(&rules, 2 * ROOM_SPANS) - tracer_size(&rules, ROOM_SPANS)) /
		       ROOM_SPANS);
}

static void parts(void)
{
	static struct node node, empty;
	uint64_t before;

	node_start(&empty, &(struct node_options){.pods = 0});
	node_start(&node, &(struct node_options){.pods = NODE_PODS});
	printf("memory_per_pod %.0f bytes\n",
	       (double)kube_store_stats(node.store).bytes / NODE_PODS);
	tell_series(&node, NODE_PODS); /* and their targets */
	before = telemetry_bytes(node.telemetry);
	tell_series(&node, SERIES + NODE_PODS);
	printf("memory_per_series %.0f bytes\n",
	       (double)(telemetry_bytes(node.telemetry) - before) / SERIES);
	before = protocol_bytes(&node);
	tell_connections(&node, CONNECTIONS);
	printf("memory_per_connection %.0f bytes\n",
	       (double)(protocol_bytes(&node) - before) / CONNECTIONS);
	node_stop(&node);
	node_stop(&empty);
	tell_spans();
}

/* ---- a tape ---- */

static void put(struct tape *tape, bool life, const void *p, size_t size)
{
	if (tape_write(tape, life, p, size))
		node_die("the tape was not written");
}

/* Cgroups of the containers that pods.py makes. */
static void write_tape(const char *path)
{
	struct tape tape;

	if (tape_create(&tape, path))
		node_die("no tape");
	for (unsigned int i = 0; i < NODE_PODS; i++) {
		struct kh_process process = a_process(i + 1, i + 1, "server");
		struct kh_cgroup cgroup;
		char id[65];

		snprintf(id, sizeof(id), "%064x", i);
		cgroup = docker_cgroup(i + 1, id);
		put(&tape, true, &cgroup, sizeof(cgroup));
		put(&tape, true, &process, sizeof(process));
	}
	for (unsigned int i = 0; i < SERIES; i++)
		put(&tape, false, record,
		    node_http(record, &(struct node_http){.pod = i % NODE_PODS,
							  .cookie = i + 1,
							  .number = 1,
							  .method = "GET",
							  .target = "/",
							  .status = 200,
							  .lport = (uint16_t)(8080 + i / NODE_PODS),
							  .ns = 1 + i}));
	if (tape_flush(&tape))
		node_die("the tape was not written");
	tape_close(&tape);
}

/* ---- a soak ---- */

static void put_pod(struct node *node, unsigned int i)
{
	char uid[40], app[32], id[65];

	snprintf(uid, sizeof(uid), "11111111-2222-3333-4444-%012x", i);
	snprintf(app, sizeof(app), "app-%u", i % 40);
	snprintf(id, sizeof(id), "%064x", i);
	if (kube_store_put(node->store, a_pod(uid, "shop", app, id)))
		node_die("a pod was refused");
}

/* Pods `first` to `first` + SOAK_PODS are there; CYCLE_PODS of them are new. */
static void turn_pods(struct node *node, unsigned int first)
{
	kube_store_list_begin(node->store);
	for (unsigned int i = first; i < first + SOAK_PODS; i++)
		put_pod(node, i);
	kube_store_list_end(node->store, node->now_ns);
	if (kube_store_publish(node->store, node->now_ns))
		node_die("no snapshot of the pods");
	node_idle(node, 1000000);
	for (unsigned int i = first - CYCLE_PODS; first && i < first; i++) {
		struct kh_exit gone = {.rec = {KH_EXIT, 0, sizeof(gone)}, .tgid = i + 1};

		node_record(node, &gone, sizeof(gone));
	}
	for (unsigned int i = first + SOAK_PODS - CYCLE_PODS; i < first + SOAK_PODS; i++) {
		struct kh_process process = a_process(i + 1, i + 1, "server");
		struct kh_cgroup cgroup;
		char uid[40], id[65];

		snprintf(uid, sizeof(uid), "11111111-2222-3333-4444-%012x", i);
		snprintf(id, sizeof(id), "%064x", i);
		cgroup = pod_cgroup(i + 1, uid, id);
		node_record(node, &cgroup, sizeof(cgroup));
		node_record(node, &process, sizeof(process));
	}
}

/* Exchanges on connections of HTTP whose responses come in two parts. Every other one is reset. */
static void turn_http(struct node *node, unsigned int first, uint64_t cookie)
{
	for (unsigned int i = 0; i < CYCLE_CONNECTIONS; i++) {
		struct kh_exchange *x = (struct kh_exchange *)record;
		struct kh_part end = {
			.rec = {KH_FINISH, KH_F_RESPONSE, sizeof(end)},
			.cookie = cookie + i,
			.number = 1,
			.reason = i % 2 ? KH_WHY_RESET : KH_WHY_LENGTH,
			.error = i % 2 ? ECONNRESET : 0,
			.msg = {.first_ns = node->now_ns,
				.last_ns = node->now_ns,
				.len = i % 2 ? 0 : CYCLE_REST,
				.calls = 1},
		};

		node_http(record, &(struct node_http){.pod = first + i % SOAK_PODS,
						      .cookie = cookie + i,
						      .number = 1,
						      .method = "GET",
						      .target = "/parts",
						      .status = 200,
						      .lport = 8080,
						      .ns = node->now_ns});
		x->rec.size -= CYCLE_REST;
		x->resp.len -= CYCLE_REST;
		x->resp.head_len -= CYCLE_REST;
		node_record(node, x, x->rec.size);
		node_record(node, &end, sizeof(end));
	}
}

/* A connection in each of the other protocols: an exchange, and half of one; every other is closed
 * by the server, the others as if the client had gone. */
static void turn_streams(struct node *node, unsigned int first, uint64_t cookie)
{
	static struct talk_of talk[64];

	for (unsigned int i = 0; i < talks_n; i++) {
		const struct text *said[] = {&talk[i].hello, &talk[i].welcome, &talk[i].ask,
					     &talk[i].answer, &talk[i].ask};
		struct talk_call call = {.serial = 1, .seq = {1, 1}, .ns = node->now_ns};
		struct kh_segment *seg = (struct kh_segment *)record;

		if (!talk[i].ask.n)
			talks[i].make(&talk[i]);
		for (unsigned int k = 0; k < sizeof(said) / sizeof(said[0]); k++) {
			call.sent = k % 2;
			if (!talk_segment(seg, &talk[i], &call, said[k]))
				continue;
			seg->conn.cookie = cookie + i;
			seg->cgroup = seg->tgid = seg->tid = first + i % SOAK_PODS + 1;
			node_record(node, seg, seg->rec.size);
		}
		seg->rec.size = sizeof(*seg);
		seg->head_len = 0;
		seg->len = seg->tgid = seg->tid = 0;
		seg->seq = call.seq[0];
		seg->other = call.seq[1];
		seg->reason = i % 2 ? KH_WHY_CLOSE : KH_WHY_RESET;
		seg->sent = false;
		node_record(node, seg, sizeof(*seg));
	}
}

static void cycle(struct node *node, unsigned int number)
{
	const struct prometheus_source source = {.telemetry = node->telemetry};
	unsigned int first = number * CYCLE_PODS;
	struct body body;

	turn_pods(node, first);
	for (unsigned int i = 0; i < CYCLE_EXCHANGES; i++) {
		char target[64];

		snprintf(target, sizeof(target), "/v%u/thing-%u/list", number % 97,
			 number * CYCLE_EXCHANGES + i);
		node_record(node, record,
			    node_http(record,
				      &(struct node_http){
					      .pod = first + i % SOAK_PODS,
					      .cookie = (uint64_t)number * CYCLE_EXCHANGES + i + 1,
					      .number = 1,
					      .method = i % 3 ? "GET" : "POST",
					      .target = target,
					      .status = i % 10 ? 200 : 500,
					      .lport = (uint16_t)(8080 + i % 7),
					      .ns = node->now_ns}));
	}
	turn_http(node, first, SOAK_COOKIES + (uint64_t)number * 1000);
	for (unsigned int i = 0; i < CYCLE_STREAMS; i++)
		turn_streams(node, first, 2 * SOAK_COOKIES + (uint64_t)number * 1000 + i * 32);
	/* Series may go once a scrape saw them. */
	node_idle(node, 1000000);
	if (body_init(&body, 1u << 30, true))
		node_die("out of memory");
	prometheus_render(&source, PROMETHEUS_TEXT, &body);
	body_finish(&body);
	body_free(&body);
	for (unsigned int i = 0; i < 100; i++)
		node_idle(node, CYCLE_NS / 100);
}

static size_t most_of(struct node *node, unsigned int from, unsigned int n)
{
	size_t most = 0;

	for (unsigned int i = from; i < from + n; i++) {
		size_t now;

		cycle(node, i);
		now = heap_bytes();
		if (now > most)
			most = now;
	}
	return most;
}

/* That all of it took the way it was to take. */
static void expect_soak(const struct node *node, unsigned int cycles)
{
	const struct pipeline_stats *stats = pipeline_stats(node->pipeline);

	for (unsigned int i = 0; i < talks_n; i++) {
		enum protocol told = talks[i].protocol;

		if (told == PROTOCOL_HTTP2)
			told = PROTOCOL_GRPC;
		if (stats->exchanges_of[told] < (uint64_t)cycles * CYCLE_STREAMS)
			node_die("exchanges of a protocol are missing");
	}
	if (stats->exchanges < (uint64_t)cycles * (CYCLE_EXCHANGES + CYCLE_CONNECTIONS) ||
	    stats->orphan_parts || stats->invalid_parts || stats->conns_evicted)
		node_die("exchanges on connections are missing");
}

static int soak(unsigned int cycles)
{
	static struct node node;
	size_t first, second;

	node_start(&node, &(struct node_options){.pods = SOAK_PODS});
	most_of(&node, 0, WARM);
	first = most_of(&node, WARM, cycles / 2);
	second = most_of(&node, WARM + cycles / 2, cycles / 2);
	printf("soak_heap %.2f MiB\n", (double)second / 1048576);
	printf("soak_growth %.0f bytes\n", second > first ? (double)(second - first) : 0);
	expect_soak(&node, cycles + WARM);
	node_stop(&node);
	return second > first + MAY_GROW;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "soak") == 0 && argc > 2)
		return soak((unsigned int)atoi(argv[2]));
	if (strcmp(what, "tape") == 0 && argc > 2)
		write_tape(argv[2]);
	else if (strcmp(what, "parts") == 0)
		parts();
	else
		node_die("parts, tape FILE or soak CYCLES");
	return 0;
}
