/* SPDX-License-Identifier: Apache-2.0 */
#include "sampler.h"

#include <stdlib.h>

#define PARENT_BASED "parentbased_"
#define RATIO_MAX 32 /* bytes of a number */

static bool read_ratio(uint64_t *below, struct slice text)
{
	char buf[RATIO_MAX + 1], *end;
	double ratio;

	if (!text.n) {
		*below = SAMPLER_ALL;
		return true;
	}
	if (text.n > RATIO_MAX)
		return false;
	memcpy(buf, text.p, text.n);
	buf[text.n] = 0;
	ratio = strtod(buf, &end);
	if (*end || !(ratio >= 0 && ratio <= 1))
		return false;
	*below = ratio == 1 ? SAMPLER_ALL : (uint64_t)(ratio * (double)SAMPLER_ALL);
	return true;
}

const char *sampler_read(struct sampler *sampler, struct slice name, struct slice ratio)
{
	const size_t n = sizeof(PARENT_BASED) - 1;

	sampler->parent = name.n > n && memcmp(name.p, PARENT_BASED, n) == 0;
	if (sampler->parent)
		name = (struct slice){name.p + n, name.n - n};
	if (slice_is(name, "always_on"))
		sampler->below = SAMPLER_ALL;
	else if (slice_is(name, "always_off"))
		sampler->below = 0;
	else if (!slice_is(name, "traceidratio"))
		return "it must be always_on, always_off, traceidratio, or one of these with "
		       "parentbased_ before it";
	else if (!read_ratio(&sampler->below, ratio))
		return "the ratio must be a number from 0 to 1";
	return NULL;
}

bool sampler_keeps(const struct sampler *sampler, const uint8_t trace_id[16])
{
	uint64_t v = 0;

	for (int i = 8; i < 16; i++)
		v = v << 8 | trace_id[i];
	return v >> 1 < sampler->below;
}
