/* SPDX-License-Identifier: Apache-2.0 */
/*
 * target_info: one for each job and instance. Where several resources have the same ones, it
 * describes the newest of them, and when that goes, the one before. All calls are the writer's;
 * the reader walks `slots`.
 */
#ifndef KEYHOLE_TELEMETRY_INFO_H
#define KEYHOLE_TELEMETRY_INFO_H

#include "attributes.h"
#include "grace.h"
#include "select.h"
#include "slots.h"

struct info_text {
	struct grace_head head;
	size_t n;
	char labels[];
};

/* A resource that is described by its info, or waits to be. */
struct info_claim {
	struct info *info;
	struct info_claim *older;
	const struct resource *resource; /* lives as long as the claim */
};

struct info {
	struct grace_head head;
	struct info *next;
	uint64_t identity; /* hash of job and instance, or of all labels where it lacks these */
	struct info_claim *newest;
	uint32_t slot;
	_Atomic(struct info_text *) text; /* NULL only for lack of memory */
};

struct infos {
	struct grace *grace;
	const struct attribute_extras *extras;
	struct selected set;
	bool kubernetes;
	struct slots slots;
	struct info **by_identity;
};

/* Returns 0 or -ENOMEM; close it in either case. The options are set before. */
int infos_init(struct infos *infos, unsigned int max);
void infos_close(struct infos *infos); /* when no claim is left */

/* Returns 0, -ENOSPC or -ENOMEM. */
int infos_claim(struct infos *infos, struct info_claim *claim, const struct resource *resource);
void infos_release(struct infos *infos, struct info_claim *claim);

#endif
