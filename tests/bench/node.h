/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A collector's pipeline as the intake has it, with the default configuration and routes by
 * heuristic, on a node of pods that the API has told: pod i has one container, in cgroup i + 1, and
 * in it one process, i + 1. It is fed record by record, without threads or sockets. Any failure
 * ends the program.
 */
#ifndef KEYHOLE_TESTS_BENCH_NODE_H
#define KEYHOLE_TESTS_BENCH_NODE_H

#include "pipeline.h"

#define NODE_PODS 250

struct node {
	struct kube_store *store;
	struct telemetry *telemetry;
	struct rulebooks *books;
	struct pipeline *pipeline;
	struct intake_ops ops;
	unsigned int pods;
	uint64_t now_ns;
};

struct node_options {
	unsigned int pods;
	unsigned int series_max; /* 0: the default */
};

void node_start(struct node *node, const struct node_options *options);
void node_stop(struct node *node);

/* Says how, and ends the program. */
void node_die(const char *what) __attribute__((noreturn));

void node_record(struct node *node, const void *record, size_t size);

/* What intake does between two batches; the clock goes on by `ns`. */
void node_idle(struct node *node, uint64_t ns);

/* An HTTP/1.1 exchange of a server in pod `pod`, as the record that BPF sends. */
struct node_http {
	unsigned int pod;
	uint64_t cookie;
	uint32_t number; /* on its connection, from 1 */
	const char *method, *target;
	unsigned int status;
	uint16_t lport;
	uint64_t ns;
};

#define NODE_HTTP_MAX 2048 /* bytes of its record */

size_t node_http(void *out, const struct node_http *http);

/* All exchanges that were told were counted in series: `n` of them. */
void node_expect(const struct node *node, uint64_t n);

#endif
