/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A target is what a resource looks like on a series: the label text that its series begin with.
 * Metrics whose labels show different attributes of it have different looks of it. Resources that
 * look the same share a target, since two series with equal labels would spoil a scrape. All calls
 * are the writer's.
 */
#ifndef KEYHOLE_TELEMETRY_TARGET_H
#define KEYHOLE_TELEMETRY_TARGET_H

#include "info.h"

#define TARGET_LOOKS_MAX 28 /* one for each metric, at most */

struct target {
	struct grace_head head;
	struct target *next;
	uint64_t hash; /* of labels[] */
	uint32_t uses; /* series, and resources that look so */
	size_t n;
	char labels[];
};

struct binding;

struct targets {
	struct grace *grace;
	const struct attribute_extras *extras;
	attribute_set look[TARGET_LOOKS_MAX]; /* attributes of a resource */
	unsigned int looks;
	struct infos infos;
	struct target **by_labels;
	struct binding **by_resource;
	unsigned int bindings;
	unsigned int cursor; /* of expiry, in by_resource */
};

/* Returns 0 or -ENOMEM; close it in either case. What stands before by_labels is set before. */
int targets_init(struct targets *targets, unsigned int max);
void targets_close(struct targets *targets);

/*
 * The resource's targets by look, made if need be. NULL: a limit was reached, or out of memory.
 * Resources of equal values count as one: each change of any pod makes new ones.
 */
struct target *const *targets_find(struct targets *targets, struct resource *resource,
				   uint64_t now_ns);

/* The same again: what targets_find() returned is in use. No object was retired since. */
void targets_touch(struct target *const *found, uint64_t now_ns);

void target_use(struct target *target);
void target_unuse(struct targets *targets, struct target *target);

/* Lets go of resources unused since both times, or since `at_last_ns`, in small steps. */
void targets_expire(struct targets *targets, uint64_t before_ns, uint64_t at_last_ns);

#endif
