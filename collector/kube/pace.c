/* SPDX-License-Identifier: Apache-2.0 */
#include "pace.h"

#include <sys/random.h>

#include "../loop.h"

void kube_pace_init(struct kube_pace *pace)
{
	*pace = (struct kube_pace){0};
	if (getrandom(&pace->random, sizeof(pace->random), GRND_NONBLOCK) < 0)
		pace->random = loop_now_ns();
	pace->random |= 1; /* xorshift never leaves 0 */
}

/* xorshift64: spreads the nodes of a fleet, nothing more. */
uint64_t kube_pace_draw(struct kube_pace *pace, uint64_t below)
{
	pace->random ^= pace->random << 13;
	pace->random ^= pace->random >> 7;
	pace->random ^= pace->random << 17;
	return below ? pace->random % below : 0;
}

uint64_t kube_pace_failed(struct kube_pace *pace, const struct kube_options *options,
			  unsigned retry_after_s)
{
	uint64_t ms = options->backoff_min_ms ? options->backoff_min_ms : KUBE_BACKOFF_MIN_MS;
	uint64_t max = options->backoff_max_ms ? options->backoff_max_ms : KUBE_BACKOFF_MAX_MS;

	for (unsigned i = 0; i < pace->failures && ms < max; i++)
		ms *= 2;
	if (ms > max)
		ms = max;
	pace->failures++;
	return ms / 2 + kube_pace_draw(pace, ms / 2 + 1) + retry_after_s * 1000ull;
}

unsigned kube_pace_watch(struct kube_pace *pace, const struct kube_options *options)
{
	unsigned min = options->watch_min_s ? options->watch_min_s : KUBE_WATCH_MIN_S;
	unsigned max = options->watch_max_s ? options->watch_max_s : KUBE_WATCH_MAX_S;

	return max > min ? min + kube_pace_draw(pace, max - min + 1) : min;
}
