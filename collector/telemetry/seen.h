/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Up to when the last whole scrape has seen everything. Told by the epoch of grace.h and by the
 * times at which the writer looks, so that neither an update nor a scrape has to leave a mark.
 */
#ifndef KEYHOLE_TELEMETRY_SEEN_H
#define KEYHOLE_TELEMETRY_SEEN_H

#include "grace.h"

struct seen {
	uint64_t before_ns; /* what was written before was there when a scrape began that ended */
	/* A look at which nobody was reading, and no scrape has begun since: */
	uint64_t look_ns, look_epoch;
};

/* Writer, now and then; its times never go back. */
static inline void seen_look(struct seen *seen, const struct grace *grace, uint64_t now_ns)
{
	uint64_t epoch;

	/* What was written so far is visible to whoever makes the epoch odd after this. */
	atomic_thread_fence(memory_order_seq_cst);
	epoch = atomic_load(&grace->epoch);
	if (epoch >= seen->look_epoch + 2)
		seen->before_ns = seen->look_ns;
	if (epoch % 2 == 0) {
		seen->look_ns = now_ns;
		seen->look_epoch = epoch;
	}
}

#endif
