/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an exchange's cgroup and process to the workload: is it shown, and under which names. The
 * answer is kept until something it rests on changes: the process or a parent executed another file
 * or began to listen, or the table of pods has a new version.
 *
 * The pod is found by its uid in the cgroup's name, else by the container's id: never by an
 * address, a process id or a guess. While it is not known the workload is pending; the caller
 * keeps its exchanges and asks again, until `wait_ns` after the workload was first seen.
 */
#ifndef KEYHOLE_IDENTITY_WORKLOADS_H
#define KEYHOLE_IDENTITY_WORKLOADS_H

#include "../kube/store.h"
#include "../protocol/otlp_call.h"
#include "../service/resolve.h"
#include "../service/selector.h"
#include "known.h"

#define WORKLOADS_MAX 8192
#define WORKLOADS_IDLE_NS (600ull * 1000000000ull) /* of no exchange, until it is forgotten */

enum workload_state {
	WORKLOAD_PENDING, /* its pod or container is not known yet */
	WORKLOAD_SHOWN,
	WORKLOAD_HIDDEN, /* no selector matches, or an exclusion does */
};

struct workload {
	enum workload_state state;
	struct resource *resource; /* while shown */
	uint64_t service;          /* hash of service name and namespace: routes are per service */
	/* hidden until its pod or the process changes: with all of its cgroup, or alone */
	bool hide_cgroup, hide_process;
	bool metrics, traces; /* what is to be exported of it */
	uint32_t left_out; /* kinds of them: CONFIG_APPLICATION and its like */
	bool has_sampler;     /* of its own, for its spans: */
	struct sampler sampler;
	unsigned routes;     /* of its own: struct selector_choice */
	uint64_t start_ns;   /* of the process, CLOCK_BOOTTIME; 0 unknown */
	uint64_t pod_serial; /* struct kube_pod's; 0: no pod */
	/* what the answer rests on */
	uint64_t cgroup, pods_generation;
	uint32_t tgid, process_version;
	uint32_t edition; /* of the rules: see workloads_follow() */
	bool cgroup_known;
	uint64_t first_ns; /* when it was first asked for */
	uint64_t last_ns;  /* and last */
	bool gave_up;      /* shown without the names that did not come */
	uint8_t exports;   /* what the process sends by OTLP itself: enum otlp_call_of, bits */
};

/* It sends them by OTLP itself, as far as was seen. */
static inline bool workload_sends_traces(const struct workload *workload)
{
	return workload->exports & OTLP_CALL_TRACES;
}

static inline bool workload_sends_metrics(const struct workload *workload)
{
	return workload->exports & OTLP_CALL_METRICS;
}

struct workloads_options {
	struct known *known;
	struct kube_store *store; /* NULL: no cluster */
	const struct selector *selector;
	const struct resolve_rules *rules;
	uint64_t wait_ns;
	bool traces;  /* spans are made: what has no metrics may be shown for their sake */
	bool own_pod; /* show nothing but the pod that workloads_own_pod() names */
};

struct workloads;

struct workloads *workloads_new(const struct workloads_options *options); /* NULL: out of memory */
void workloads_free(struct workloads *workloads);

/* Other rules from now on: each workload is decided and named anew when it is next asked for. */
void workloads_follow(struct workloads *workloads, const struct workloads_options *options);

/* Valid until the next call. `must_go`: do not wait any longer, the answer is never pending. */
const struct workload *workloads_find(struct workloads *workloads, uint64_t cgroup, uint32_t tgid,
				      uint64_t now_ns, bool must_go);

/*
 * The workload, of workloads_find(), sends these by OTLP itself. Remembered until the process is
 * another one.
 */
void workloads_export(struct workloads *workloads, const struct workload *workload,
		      uint8_t signals);

/* Forgets what was not asked for of late, some at a time: names of pods that are gone take memory. */
void workloads_forget(struct workloads *workloads, uint64_t now_ns);

/* The uid of Keyhole's own pod, "" if it is in none. */
void workloads_own_pod(struct workloads *workloads, const char *uid);

/* kube_pod.serial of the pod that the cgroup belongs to: 0 for none, `was` if it is not known. */
uint64_t workloads_pod_serial(struct workloads *workloads, uint64_t cgroup, uint64_t was);

/* Workloads that were decided without the names of their pod because these did not come. */
uint64_t workloads_unnamed(const struct workloads *workloads);
uint64_t workloads_evicted(const struct workloads *workloads); /* WORKLOADS_MAX was reached */
size_t workloads_bytes(const struct workloads *workloads);

#endif
