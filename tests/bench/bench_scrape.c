/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a scrape costs the front thread, and what the intake has of it: bench-scrape SERIES
 * [ROUNDS]. Series are counted as Prometheus does, a line each: 250 pods' HTTP servers at as many
 * ports as it takes. Prints CPU time of the thread, the median of ROUNDS, plain and compressed;
 * and, beside an intake that takes RATE exchanges a second, how full its ring became at most, with
 * and without scrapes going on all the time, alternating.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "export/prometheus.h"
#include "loop.h"
#include "node.h"

#define ROUNDS 5
#define RING (4u << 20)
#define RATE 20000 /* exchanges a second */
#define TURN_NS 10000000ull
#define HALF_TURNS 50 /* of TURN_NS: one half of a comparison */

static unsigned int ports;

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *each, unsigned int n)
{
	qsort(each, n, sizeof(*each), by_size);
	return each[n / 2];
}

/* ---- series ---- */

static size_t record_of(void *out, unsigned int i, uint64_t ns)
{
	return node_http(out, &(struct node_http){.pod = i % NODE_PODS,
						  .cookie = i + 1,
						  .number = 1,
						  .method = "GET",
						  .target = "/api/items",
						  .status = 200,
						  .lport = (uint16_t)(1024 + i / NODE_PODS),
						  .ns = ns});
}

static size_t render(const struct node *node, bool gzip, uint64_t *lines)
{
	const struct prometheus_source source = {.telemetry = node->telemetry};
	struct body body;
	size_t n;

	if (body_init(&body, 1u << 30, gzip))
		node_die("out of memory");
	prometheus_render(&source, PROMETHEUS_TEXT, &body);
	if (body_finish(&body))
		node_die("the scrape was too long");
	n = body.n;
	for (size_t i = 0; lines && i < n; i++)
		*lines += body.p[i] == '\n' && i + 1 < n && body.p[i + 1] != '#';
	body_free(&body);
	return n;
}

/* Histograms of that many lines; each group of an exchange has some dozens. */
static void make_series(struct node *node, uint64_t wanted)
{
	_Alignas(8) uint8_t record[NODE_HTTP_MAX];
	uint64_t one = 0, groups;

	node_record(node, record, record_of(record, 0, node->now_ns));
	render(node, false, &one);
	groups = wanted / one;
	for (unsigned int i = 1; i < groups; i++)
		node_record(node, record, record_of(record, i, node->now_ns + i * 1000));
	ports = (unsigned int)groups;
	node_expect(node, groups);
}

static void scrapes(struct node *node, uint64_t series, bool gzip)
{
	const char *how = gzip ? "gzip" : "plain";
	double each[ROUNDS];
	size_t n = 0;

	for (unsigned int r = 0; r < ROUNDS; r++) {
		double from = cpu_seconds();

		n = render(node, gzip, NULL);
		each[r] = cpu_seconds() - from;
	}
	printf("scrape_%llu_%s %.2f ms\n", (unsigned long long)series, how,
	       median(each, ROUNDS) * 1e3);
	printf("scrape_%llu_%s_size %zu bytes\n", (unsigned long long)series, how, n);
}

/* ---- beside an intake ---- */

static _Atomic bool over;

static void *scrape_on(void *arg)
{
	while (!over)
		render(arg, true, NULL);
	return NULL;
}

static void rest_until(uint64_t ns)
{
	struct timespec at = {.tv_sec = (time_t)(ns / 1000000000ull),
			      .tv_nsec = (long)(ns % 1000000000ull)};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

/*
 * Turns as intake.c has them under load. What came since the last one is what waits; the time in
 * which it is read adds to it. Returns the most that waited, in bytes, and the CPU time in all.
 */
static double take_in(struct node *node, double *seconds)
{
	_Alignas(8) uint8_t record[NODE_HTTP_MAX];
	uint64_t begun = loop_now_ns(), taken = 0, high = 0;
	double from = cpu_seconds();

	for (unsigned int turn = 1; turn <= HALF_TURNS; turn++) {
		uint64_t due, size = 0;

		rest_until(begun + turn * TURN_NS);
		due = (loop_now_ns() - begun) * RATE / 1000000000ull;
		for (uint64_t first = taken; taken < due; taken++) {
			size = record_of(record, (unsigned int)(taken * 379 % ports),
					 loop_now_ns());
			if ((due - first) * size > high)
				high = (due - first) * size;
			node_record(node, record, size);
		}
		node->ops.idle(node->ops.arg, loop_now_ns());
	}
	*seconds = cpu_seconds() - from;
	return (double)high;
}

static void beside(struct node *node, uint64_t series)
{
	double quiet[ROUNDS], busy[ROUNDS], quiet_cpu[ROUNDS], busy_cpu[ROUNDS];

	for (unsigned int r = 0; r < ROUNDS; r++) {
		pthread_t thread;

		quiet[r] = take_in(node, &quiet_cpu[r]);
		over = false;
		if (pthread_create(&thread, NULL, scrape_on, node))
			node_die("no thread");
		busy[r] = take_in(node, &busy_cpu[r]);
		over = true;
		pthread_join(thread, NULL);
	}
	printf("scrape_%llu_ring_high_without %.2f percent\n", (unsigned long long)series,
	       median(quiet, ROUNDS) * 100 / RING);
	printf("scrape_%llu_ring_high %.2f percent\n", (unsigned long long)series,
	       median(busy, ROUNDS) * 100 / RING);
	printf("scrape_%llu_intake_cpu %.2f ratio\n", (unsigned long long)series,
	       median(busy_cpu, ROUNDS) / median(quiet_cpu, ROUNDS));
}

int main(int argc, char **argv)
{
	uint64_t series = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000;
	bool once = argc > 2 && strcmp(argv[2], "once") == 0; /* for callgrind */
	static struct node node;

	node_start(&node, &(struct node_options){.pods = NODE_PODS, .series_max = 100000});
	make_series(&node, series);
	if (once) {
		render(&node, true, NULL);
		return 0;
	}
	scrapes(&node, series, false);
	scrapes(&node, series, true);
	beside(&node, series);
	node_stop(&node);
	return 0;
}
