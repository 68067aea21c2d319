/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an exchange costs the intake where there is much of something:
 *
 * bench-scaling series N       N label sets, on 250 pods
 * bench-scaling pods N         1,000 label sets, on N pods
 * bench-scaling connections N  1,000 label sets, on N connections
 *
 * Exchanges come of one after the other. Prints CPU time in nanoseconds, the median of ROUNDS.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "node.h"

#define ROUNDS 7
#define EXCHANGES 100000 /* of a round */
#define LABEL_SETS 1000
#define STEP 256 /* exchanges between two pauses */

struct shape {
	unsigned int pods, series, connections;
};

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void exchange(struct node *node, const struct shape *shape, unsigned int i)
{
	_Alignas(8) char record[NODE_HTTP_MAX];
	unsigned int connection = i % shape->connections, series = connection % shape->series;
	struct node_http http = {
		.pod = connection % shape->pods,
		.cookie = connection + 1,
		.number = i / shape->connections + 1,
		.method = "GET",
		.target = "/api/items",
		.status = 200,
		.lport = (uint16_t)(1024 + series / shape->pods),
		.ns = node->now_ns,
	};

	node_record(node, record, node_http(record, &http));
	if (i % STEP == STEP - 1)
		node_idle(node, 1000000);
}

static double measure(const struct shape *shape)
{
	struct node_options options = {.pods = shape->pods, .series_max = TELEMETRY_SERIES_MAX};
	double took[ROUNDS];
	unsigned int next = 0;
	struct node node;

	node_start(&node, &options);
	while (next < 2 * shape->connections)
		exchange(&node, shape, next++);
	for (int i = 0; i < ROUNDS; i++) {
		double from = cpu_ns();

		for (int k = 0; k < EXCHANGES; k++)
			exchange(&node, shape, next++);
		took[i] = (cpu_ns() - from) / EXCHANGES;
	}
	node_stop(&node);
	qsort(took, ROUNDS, sizeof(took[0]), by_size);
	return took[ROUNDS / 2];
}

int main(int argc, char **argv)
{
	unsigned int n = argc == 3 ? (unsigned int)atoi(argv[2]) : 0;
	struct shape shape = {NODE_PODS, LABEL_SETS, LABEL_SETS};

	if (n && strcmp(argv[1], "series") == 0)
		shape.series = shape.connections = n;
	else if (n && strcmp(argv[1], "pods") == 0)
		shape.pods = n;
	else if (n && strcmp(argv[1], "connections") == 0)
		shape.connections = n;
	else
		n = 0;
	if (!n) {
		fprintf(stderr, "usage: bench-scaling series|pods|connections N\n");
		return 2;
	}
	printf("%.1f\n", measure(&shape));
	return 0;
}
