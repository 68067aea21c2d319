/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last line of keyhole.memory_limit. Each part has its share (config/memory.h), so all together
 * should stay below it; should they not, nothing new is taken in from 15/16 of the limit on until
 * it is less than 7/8: no new series, no further memory for streams, nobody waits. What that costs
 * is counted where each part counts it, how often it began by limit="memory".
 *
 * What is looked at is the memory that is the process's own (RssAnon of proc(5)): pages of files
 * go by themselves, and the rings are the loader's.
 */
#ifndef KEYHOLE_PRESSURE_H
#define KEYHOLE_PRESSURE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "loop.h"

#define PRESSURE_LOOK_MS 250

struct pressure {
	uint64_t limit;
	_Atomic bool tight;       /* for the intake thread */
	_Atomic uint64_t used;    /* bytes, when looked at last */
	_Atomic uint64_t reached; /* times that it became tight */
	int statm;
	struct loop *loop;
};

/*
 * Before the sandbox: opens what tells. With `limit` 0 nothing is watched. Returns 0 or -errno
 * after a line in the log.
 */
int pressure_start(struct pressure *pressure, struct loop *loop, uint64_t limit);
void pressure_stop(struct pressure *pressure);

#endif
