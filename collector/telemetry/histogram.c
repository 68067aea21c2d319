/* SPDX-License-Identifier: Apache-2.0 */
#include "histogram.h"

#include <errno.h>
#include <math.h>

int histogram_bounds_init(struct histogram_bounds *bounds, const double *le, unsigned int n,
			  uint64_t unit)
{
	if (n > HISTOGRAM_BOUNDS_MAX)
		return -EINVAL;
	bounds->n = n;
	bounds->unit = unit;
	for (unsigned int i = 0; i < n; i++) {
		/* To the nearest: 0.005 s is 5,000,000 ns, whatever the binary fraction says. */
		double raw = floor(le[i] * (double)unit + (unit > 1 ? 0.5 : 0));

		if (!(le[i] >= 0) || !(raw < (double)HISTOGRAM_VALUE_MAX))
			return -EINVAL;
		bounds->le[i] = le[i];
		bounds->raw[i] = (uint64_t)raw;
		if (i > 0 && bounds->raw[i] <= bounds->raw[i - 1])
			return -EINVAL;
	}
	return 0;
}

/* There is one writer: a load and a store are enough, and cheaper than a locked addition. */
static void bump(histogram_word *word, uint64_t by)
{
	uint64_t old = atomic_load_explicit(word, memory_order_relaxed);

	if (old > UINT64_MAX - by)
		by = UINT64_MAX - old;
	atomic_store_explicit(word, old + by, memory_order_relaxed);
}

void histogram_add(const struct histogram_bounds *bounds, histogram_word *words, uint64_t value)
{
	if (value > HISTOGRAM_VALUE_MAX)
		value = HISTOGRAM_VALUE_MAX;
	bump(&words[0], value);
	bump(&words[1 + histogram_bucket(bounds, value)], 1);
}
