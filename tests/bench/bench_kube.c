/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the pods of the Kubernetes API cost. Prints lines `name value unit`.
 *
 * bench-kube list        the bytes of a list, from standard input
 * bench-kube watch       those of a watch
 * bench-kube updates     those of a watch, whose pods then change 1,000 times a second
 * bench-kube client URL  a real client that lists from there
 *
 * Except for the last, in this process, without sockets: they would measure the machine. Times are
 * the thread's CPU time where that says more, since a test machine has other things to do.
 */
#include "collector/identity/workloads.h"
#include "collector/kube/client.h"
#include "collector/kube/pod_source.h"
#include "collector/kube/split.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define S 1000000000ull
#define CHUNK 16384 /* bytes that libcurl hands over at once */
#define UPDATES_PER_S 1000
#define RUN_S 3  /* each half of the comparison */
#define BATCH 50 /* records that the intake finds each millisecond */
#define BATCHES (RUN_S * 1000)
#define CLUSTER_PODS_MAX 16384

struct bench {
	struct loop *loop;
	struct kube_options options;
	struct kube_store *store;
	struct kube_pod_source *pods;
	const struct kube_source *source;
	struct kube_decode_stats decode;
	uint64_t published_ns, publishes_ns; /* the last one; CPU time of all */
};

static void die(const char *what)
{
	fprintf(stderr, "bench-kube: %s\n", what);
	exit(1);
}

static uint64_t clock_of(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return now.tv_sec * S + now.tv_nsec;
}

static uint64_t cpu_ns(void)
{
	return clock_of(CLOCK_THREAD_CPUTIME_ID);
}

static void say(const char *name, double value, const char *unit)
{
	printf("%s %.3f %s\n", name, value, unit);
}

static size_t heap_bytes(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static struct slice read_input(void)
{
	size_t size = 1 << 20, n = 0, got;
	char *text = malloc(size);

	while (text && (got = fread(text + n, 1, size - n, stdin)) > 0) {
		n += got;
		if (n == size)
			text = realloc(text, size *= 2);
	}
	if (!text || !n)
		die("no input");
	return (struct slice){text, n};
}

static void bench_start(struct bench *b)
{
	b->options.keep = &kube_keep_default;
	b->loop = loop_new();
	b->store = kube_store_new(CLUSTER_PODS_MAX);
	b->pods = kube_pod_source_new(b->loop, &b->options, b->store);
	if (!b->loop || !b->store || !b->pods)
		die("out of memory");
	b->source = kube_pod_source_of(b->pods);
}

/* The store's own bookkeeping of what the node's pods take, as a metric of Keyhole's has it. */
static void say_memory(const struct bench *b, const char *name)
{
	char key[64];

	snprintf(key, sizeof(key), "%s_metadata", name);
	say(key, kube_store_stats(b->store).bytes / 1048576.0, "MiB");
	snprintf(key, sizeof(key), "%s_bytes_per_pod", name);
	say(key, (double)kube_store_stats(b->store).bytes / kube_store_stats(b->store).pods, "B");
}

static int on_object(void *arg, struct slice json)
{
	struct bench *b = arg;
	_cleanup_json_ struct cJSON *object = NULL;

	if (kube_json_parse(json, &object) || b->source->put(b->source->arg, object, &b->decode))
		die("a generated pod was refused");
	return 0;
}

static int on_event(void *arg, struct slice json)
{
	struct bench *b = arg;
	struct kube_event event;

	if (kube_event_decode(json, "Pod", &event) ||
	    b->source->put(b->source->arg, event.object, &b->decode))
		die("a generated event was refused");
	kube_event_free(&event);
	return 0;
}

static void publish(struct bench *b)
{
	uint64_t begun = cpu_ns();

	if (kube_store_publish(b->store, loop_now_ns()))
		die("no snapshot");
	b->published_ns = loop_now_ns();
	b->publishes_ns += cpu_ns() - begun;
}

/* As the loop does: no more often than each KUBE_PUBLISH_MS. */
static void publish_if_due(struct bench *b)
{
	if (loop_now_ns() - b->published_ns >= KUBE_PUBLISH_MS * 1000000ull)
		publish(b);
}

/* Returns CPU time; *tail_ns: of the last chunk and what follows it. */
static uint64_t take_in(struct bench *b, enum kube_split_mode mode, struct slice text,
			uint64_t *tail_ns)
{
	struct kube_split split;
	uint64_t begun = cpu_ns(), last = begun;

	kube_split_init(&split, mode, mode == KUBE_SPLIT_LIST ? on_object : on_event, b);
	b->source->list_begin(b->source->arg);
	for (size_t at = 0, n; at < text.n; at += n) {
		n = text.n - at < CHUNK ? text.n - at : CHUNK;
		last = cpu_ns();
		if (kube_split_feed(&split, (struct slice){text.p + at, n}))
			die("the splitter refused its input");
		publish_if_due(b);
	}
	b->source->list_end(b->source->arg);
	publish(b);
	*tail_ns = cpu_ns() - last;
	begun = cpu_ns() - begun;
	kube_split_free(&split);
	return begun;
}

static void bench_list(void)
{
	struct bench b = {0};
	struct slice text = read_input();
	uint64_t all, tail;

	bench_start(&b);
	all = take_in(&b, KUBE_SPLIT_LIST, text, &tail);
	say("list_pods", kube_store_stats(b.store).pods, "pods");
	say("list_applied_after_last_byte", tail / 1e6, "ms");
	say("list_applied_all", all / 1e6, "ms"); /* if all bytes had come at once */
	say_memory(&b, "list");
}

static void bench_watch(void)
{
	struct bench b = {0};
	struct slice text = read_input();
	uint64_t all, tail;
	size_t before;

	bench_start(&b);
	before = heap_bytes();
	all = take_in(&b, KUBE_SPLIT_WATCH, text, &tail);
	say("watch_pods", kube_store_stats(b.store).pods, "pods");
	say("watch_applied", all / 1e9, "s");
	say("watch_snapshots", b.publishes_ns / 1e9, "s"); /* of this, making snapshots */
	say_memory(&b, "watch");
	malloc_trim(0);
	say("watch_heap", (heap_bytes() - before) / 1048576.0, "MiB");
}

/* ---- updates beside an intake ---- */

struct intake {
	struct workloads *workloads;
	struct kube_store *store;
	size_t pods;
	uint64_t busy_ns, records, batch_ns[BATCHES];
};

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void *run_intake(void *arg)
{
	struct intake *in = arg;
	struct timespec next;
	uint64_t begun;

	in->busy_ns = in->records = 0;
	clock_gettime(CLOCK_MONOTONIC, &next);
	for (size_t batch = 0; batch < BATCHES; batch++) {
		next.tv_nsec += 1000000;
		next.tv_sec += next.tv_nsec / (long)S;
		next.tv_nsec %= (long)S;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
		begun = cpu_ns();
		for (size_t i = 0; i < BATCH; i++) {
			uint64_t of = in->records++ * 7919 % in->pods;

			if (workloads_find(in->workloads, of + 1, of + 1, loop_now_ns(), false)
				    ->state != WORKLOAD_SHOWN)
				die("a workload without its names");
		}
		kube_store_quiesce(in->store);
		in->batch_ns[batch] = cpu_ns() - begun;
		in->busy_ns += in->batch_ns[batch];
	}
	qsort(in->batch_ns, BATCHES, sizeof(in->batch_ns[0]), by_size);
	return NULL;
}

static void tell_known(struct known *known, struct kube_store *store, const struct kube_pods *pods)
{
	const struct kube_container *container;

	for (uint64_t i = 0; i < kube_pods_count(pods); i++) {
		struct kh_cgroup c = {
			.rec = {KH_CGROUP, 0, sizeof(c)}, .cgroup = i + 1, .levels = 4};
		struct kh_process p = {.rec = {KH_PROCESS, 0, sizeof(p)},
				       .tgid = i + 1,
				       .cgroup = i + 1,
				       .start_ns = 1};
		struct kube_pod *pod;
		char id[65];

		snprintf(id, sizeof(id), "%064llx", (unsigned long long)i);
		pod = kube_pods_by_container(pods, slice_of(id), &container);
		if (!pod)
			die("no such container");
		snprintf(c.names[0], KH_NAME, "cri-containerd-%s.scope", id);
		snprintf(c.names[1], KH_NAME, "kubepods-burstable-pod%s.slice", pod->uid);
		for (char *at = c.names[1] + strlen("kubepods-burstable-pod"); *at; at++)
			*at = *at == '-' ? '_' : *at;
		snprintf(c.names[2], KH_NAME, "kubepods-burstable.slice");
		snprintf(c.names[3], KH_NAME, "kubepods.slice");
		snprintf(p.comm, sizeof(p.comm), "server");
		known_tell_cgroup(known, &c);
		known_tell_process(known, &p);
	}
	kube_store_quiesce(store);
}

/* Replays the list's pods as changes; returns how many were taken in while the intake ran. */
static uint64_t update(struct bench *b, struct slice text, uint64_t *late_ns)
{
	uint64_t begun = loop_now_ns(), due = begun, done = 0, now;
	struct kube_split split;
	const char *at = text.p;

	kube_split_init(&split, KUBE_SPLIT_WATCH, on_event, b);
	while (done < RUN_S * UPDATES_PER_S) {
		const char *end = memchr(at, '\n', text.n - (at - text.p));

		if (!end)
			die("the input is no watch");
		while ((now = loop_now_ns()) < due) {
			publish_if_due(b);
			usleep(200);
		}
		if (now - due > *late_ns)
			*late_ns = now - due;
		if (kube_split_feed(&split, (struct slice){at, end + 1 - at}))
			die("the splitter refused its input");
		publish_if_due(b);
		at = end + 1 < text.p + text.n ? end + 1 : text.p;
		done++;
		due += S / UPDATES_PER_S;
	}
	now = loop_now_ns();
	say("updates_applied", done / ((now - begun) / 1e9), "updates/s");
	kube_split_free(&split);
	return done;
}

static void run_half(struct intake *in, struct bench *b, struct slice text, bool updates)
{
	uint64_t late = 0, begun = cpu_ns();
	pthread_t thread;

	if (pthread_create(&thread, NULL, run_intake, in))
		die("no thread");
	if (updates) {
		update(b, text, &late);
		say("updates_front_busy", (cpu_ns() - begun) / (RUN_S * 1e7), "%");
		say("updates_snapshot",
		    b->publishes_ns / 1e3 / kube_store_stats(b->store).publishes, "us");
		say("updates_latest", late / 1e6, "ms");
	}
	pthread_join(thread, NULL);
}

static void bench_updates(void)
{
	static const struct resolve_rules rules = {.host = "node-1"};
	struct selector_options none = {0};
	static struct intake quiet, busy;
	struct slice text = read_input();
	static struct known known;
	struct selector *selector;
	char why[PATTERN_WHY_MAX];
	struct workloads *workloads;
	struct bench b = {0};
	uint64_t tail;

	bench_start(&b);
	take_in(&b, KUBE_SPLIT_WATCH, text, &tail);
	if (known_init(&known) || selector_new(&selector, &none, why))
		die("out of memory");
	tell_known(&known, b.store, kube_store_current(b.store));
	workloads = workloads_new(&(struct workloads_options){.known = &known,
							      .store = b.store,
							      .selector = selector,
							      .rules = &rules,
							      .wait_ns = S});
	if (!workloads)
		die("out of memory");
	quiet = (struct intake){
		.workloads = workloads, .store = b.store, .pods = kube_store_stats(b.store).pods};
	busy = quiet;
	run_half(&quiet, &b, text, false);
	run_half(&busy, &b, text, true);
	say("intake_quiet", (double)quiet.busy_ns / quiet.records, "ns/record");
	say("intake_updated", (double)busy.busy_ns / busy.records, "ns/record");
	say("intake_ratio", (double)busy.busy_ns / quiet.busy_ns, "x");
	say("intake_batch_quiet_p99", quiet.batch_ns[BATCHES * 99 / 100] / 1e3, "us");
	say("intake_batch_updated_p99", busy.batch_ns[BATCHES * 99 / 100] / 1e3, "us");
}

/* ---- a real client ---- */

static struct kube_client *client;

static void until_synced(void *arg)
{
	struct loop *loop = arg;

	if (kube_client_synced(client))
		loop_stop(loop);
	else
		loop_after(loop, 10, until_synced, loop);
}

static void bench_client(const char *url)
{
	struct bench b = {.options = {.node = "node-1"}};
	size_t before;

	if (kube_options_set_server(&b.options, url))
		die("not a URL");
	bench_start(&b);
	client = kube_client_new(b.loop, &b.options, b.source);
	before = heap_bytes();
	if (!client || kube_client_start(client))
		die("no client");
	loop_after(b.loop, 10, until_synced, b.loop);
	loop_run(b.loop);
	publish(&b);
	say("client_pods", kube_store_stats(b.store).pods, "pods");
	say_memory(&b, "client");
	malloc_trim(0);
	say("client_heap", (heap_bytes() - before) / 1048576.0, "MiB"); /* with the connection */
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "list") == 0)
		bench_list();
	else if (strcmp(what, "watch") == 0)
		bench_watch();
	else if (strcmp(what, "updates") == 0)
		bench_updates();
	else if (strcmp(what, "client") == 0 && argc > 2)
		bench_client(argv[2]);
	else
		die("list, watch, updates or client URL");
	return 0;
}
