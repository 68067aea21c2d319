/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A target is what a resource looks like on a series: the label text that all its series begin
 * with, and its target_info. Resources that look the same share one, since two series with equal
 * labels would spoil a scrape. All calls are the writer's; the reader walks `slots`.
 */
#ifndef KEYHOLE_TELEMETRY_TARGET_H
#define KEYHOLE_TELEMETRY_TARGET_H

#include "../service/resource.h"
#include "grace.h"
#include "slots.h"

struct target_info {
	struct grace_head head;
	size_t n;
	char labels[];
};

struct target {
	struct grace_head head;
	struct target *next;
	uint64_t hash;     /* of labels[] */
	uint64_t identity; /* hash of job and instance */
	uint64_t order;    /* of its newest resource */
	uint32_t uses;     /* series, and resources that stand for it */
	uint32_t slot;
	_Atomic(struct target_info *) info;
	atomic_bool shown; /* its info is exported */
	size_t n;
	char labels[];
};

struct binding;

struct targets {
	struct grace *grace;
	bool kubernetes;
	struct slots slots;
	struct target **by_labels;
	struct binding **by_resource;
	unsigned int bindings;
	unsigned int cursor; /* of expiry, in by_resource */
	uint64_t next_order;
};

int targets_init(struct targets *targets, struct grace *grace, unsigned int max, bool kubernetes);
void targets_close(struct targets *targets);

/* The resource's target, made if need be. NULL: a limit was reached, or out of memory. */
struct target *targets_find(struct targets *targets, struct resource *resource, uint64_t now_ns);

void target_use(struct target *target);
void target_unuse(struct targets *targets, struct target *target);

/* Lets go of resources unused since `before_ns`, in small steps. */
void targets_expire(struct targets *targets, uint64_t before_ns);

#endif
