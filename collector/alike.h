/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was found for the last exchange of those that have the same number (exchange.alike): the
 * same process, side and request. Then the workload, the route and the series are the same, too,
 * unless something changed that they rest on:
 *
 * - the caller's `state`: a number that is another one when anything was told of processes,
 *   cgroups, pods or rules;
 * - what the route rests on besides: struct route_memo; and the series: struct telemetry_memo.
 *
 * After ALIKE_NS it is found out anew in any case, which also tells the tables that forget what was
 * touched longest ago that it is in use.
 */
#ifndef KEYHOLE_ALIKE_H
#define KEYHOLE_ALIKE_H

#include "identity/workloads.h"
#include "protocol/exchange.h"
#include "service/route.h"
#include "telemetry/telemetry.h"

#define ALIKE_NS 1000000000ull

struct alike {
	uint64_t number;
	uint64_t until_ns;
	uint64_t state[2];
	const struct workload *workload; /* NULL: not found yet */
	uint32_t pid;                    /* as its container counts */
	struct route_memo route;
	struct telemetry_memo series;
};

struct alikes {
	struct alike of[ALIKE_PLACES];
};

/* That of an exchange which has a number; empty if what it held does not hold any more. */
static inline struct alike *alike_find(struct alikes *alikes, const struct exchange *ex,
				       const uint64_t state[2], uint64_t now_ns)
{
	struct alike *it = &alikes->of[ex->alike % ALIKE_PLACES];

	if (it->number != ex->alike || now_ns >= it->until_ns || it->state[0] != state[0] ||
	    it->state[1] != state[1])
		*it = (struct alike){.number = ex->alike,
				     .until_ns = now_ns + ALIKE_NS,
				     .state = {state[0], state[1]}};
	return it;
}

#endif
