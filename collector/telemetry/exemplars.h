/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exemplars of one histogram: single values with the trace that each is of. EXEMPLARS_MAX are kept:
 * the bounds are parted into as many ranges, and of each range the newest value stays, so that a
 * slow one is not lost among many fast ones. One writer; a reader sees each exemplar whole, or not
 * at all while it is being replaced.
 */
#ifndef KEYHOLE_TELEMETRY_EXEMPLARS_H
#define KEYHOLE_TELEMETRY_EXEMPLARS_H

#include "histogram.h"

#include <stdbool.h>

#define EXEMPLARS_MAX 4  /* of a histogram; of one with less buckets, one for each */
#define EXEMPLAR_WORDS 6 /* sequence, value, time, trace id, span id */
#define EXEMPLARS_WORDS (EXEMPLARS_MAX * EXEMPLAR_WORDS)
/* One that is older than the one kept replaces it only if the clock was set back by more. */
#define EXEMPLAR_LATE_NS (60ull * 1000000000ull)

enum exemplar_filter {
	EXEMPLARS_NONE,
	EXEMPLARS_SAMPLED, /* of sampled traces */
	EXEMPLARS_ALL,
};

struct telemetry_exemplar {
	uint64_t value;   /* raw units, such as ns */
	uint64_t time_ns; /* CLOCK_REALTIME */
	uint8_t trace_id[16];
	uint8_t span_id[8];
	bool sampled;
};

/* Writer. `words`: EXEMPLARS_WORDS, zero at first. */
void exemplars_put(const struct histogram_bounds *bounds, histogram_word *words,
		   const struct telemetry_exemplar *exemplar);

/*
 * Reader. Those that there are, by ascending value; returns how many. Counts that are loaded
 * afterwards include them.
 */
unsigned int exemplars_read(const histogram_word *words,
			    struct telemetry_exemplar out[EXEMPLARS_MAX]);

#endif
