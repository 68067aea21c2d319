/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Histograms with fixed bounds, in whole raw units (nanoseconds or bytes): placing a value
 * compares integers, sums are exact. One writer; any reader may look at any time and finds each
 * word whole. A reading that overlaps an update may hold its bucket and not yet its sum.
 */
#ifndef KEYHOLE_TELEMETRY_HISTOGRAM_H
#define KEYHOLE_TELEMETRY_HISTOGRAM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BOUNDS_MAX 64 /* beside +Inf; option */
/* Greater values count as this one: a peer may declare any length, the sum must not wrap. */
#define HISTOGRAM_VALUE_MAX ((uint64_t)1 << 48)

struct histogram_bounds {
	unsigned int n;                     /* without +Inf */
	uint64_t unit;                      /* raw units per exported unit: 1e9 or 1 */
	uint64_t raw[HISTOGRAM_BOUNDS_MAX]; /* ascending; a value equal to a bound is within */
	double le[HISTOGRAM_BOUNDS_MAX];    /* as configured */
};

/* words[0] is the sum, words[1 + i] the count of bucket i alone, the last one that of +Inf. */
typedef _Atomic uint64_t histogram_word;

static inline size_t histogram_words(const struct histogram_bounds *bounds)
{
	return bounds->n + 2;
}

/*
 * `le` in exported units: finite, not negative, ascending also after rounding to raw units.
 * Returns 0 or -EINVAL.
 */
int histogram_bounds_init(struct histogram_bounds *bounds, const double *le, unsigned int n,
			  uint64_t unit);

/* Whose count includes it; bounds->n: +Inf. */
static inline unsigned int histogram_bucket(const struct histogram_bounds *bounds, uint64_t value)
{
	unsigned int i = 0;

	while (i < bounds->n && value > bounds->raw[i])
		i++;
	return i;
}

void histogram_add(const struct histogram_bounds *bounds, histogram_word *words, uint64_t value);

#endif
