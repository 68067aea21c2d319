/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of one exchange, from a protocol to its series and spans: whose it is, whether that is
 * shown, by which route, whether it counts, and in what it is counted. It ends in exactly one of
 * the counters that pipeline.h adds up, at once or from the waiting room.
 *
 * What BPF is told to ignore, because nothing of it is shown, is decided here, too.
 *
 * Belongs to the intake thread. Nothing is allocated after delivery_init().
 */
#ifndef KEYHOLE_DELIVERY_H
#define KEYHOLE_DELIVERY_H

#include "alike.h"
#include "identity/known.h"
#include "identity/waiting.h"
#include "identity/workloads.h"
#include "intake/intake.h"
#include "pipeline.h"
#include "verdicts.h"

struct delivery {
	struct pipeline_options o; /* as the rulebook that is followed has them */
	struct pipeline_stats stats;
	_Atomic(struct intake *) intake; /* NULL: BPF cannot be told anything */
	struct known known;
	struct workloads *workloads;
	struct waiting *waiting;
	struct alikes *alikes;
	struct verdicts verdicts;
	/* the caller's: another number whenever anything is told of cgroups or processes */
	uint64_t told;
	uint64_t now_ns; /* the caller's: the batch's, as the clock is not asked for each record */
	uint64_t offered_ns; /* when the waiting ones were looked at last */
	uint64_t offered_generation;
	uint64_t reviewed_ns; /* when verdicts were looked at last */
	uint64_t reviewed_generation;
	uint64_t cleared_ns; /* when all were taken back last */
};

/*
 * All of `delivery` is zero but `o` and `now_ns`. Returns 0 or -ENOMEM; delivery_free() follows in
 * either case.
 */
int delivery_init(struct delivery *delivery);
void delivery_free(struct delivery *delivery);

/*
 * `o` has other rules now. All verdicts are forgotten: the caller clears BPF's table, as
 * verdicts_clear() asks for.
 */
void delivery_follow(struct delivery *delivery);

/* One that a protocol tells of: for conns_new() and streams_new(), `delivery` is their `arg`. */
void delivery_exchange(void *delivery, const struct exchange *exchange);

/* A process changed: what was decided about it and its children may be wrong now. */
void delivery_reconsider(struct delivery *delivery, uint32_t tgid);

/* Has those that wait go on, where enough time went by or pods changed. */
void delivery_offer(struct delivery *delivery);

/*
 * What BPF ignores sends nothing that could make us think again, yet a pod's labels may change;
 * and cgroups of pods that are gone must not fill the table.
 */
void delivery_review(struct delivery *delivery);

#endif
