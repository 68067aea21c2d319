/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which traces are kept: the samplers of OpenTelemetry (OTEL_TRACES_SAMPLER,
 * OTEL_TRACES_SAMPLER_ARG). The decision rests on the trace id alone, so that every span of a
 * trace, on any node, gets the same one.
 */
#ifndef KEYHOLE_SERVICE_SAMPLER_H
#define KEYHOLE_SERVICE_SAMPLER_H

#include "../slice.h"

#include <stdint.h>

struct sampler {
	uint64_t below; /* of 2^63: traces whose number is below are kept */
	bool parent;    /* a span with a parent does as that does */
};

#define SAMPLER_ALL (1ull << 63)

/* What OpenTelemetry has by default: parentbased_always_on. */
#define SAMPLER_DEFAULT ((struct sampler){SAMPLER_ALL, true})

/*
 * always_on, always_off, traceidratio, and each with parentbased_ before it; `ratio`: 0 to 1, for
 * the ratio alone, 1 where it is empty. Returns NULL, or what is wrong, one clause.
 */
const char *sampler_read(struct sampler *sampler, struct slice name, struct slice ratio);

/* By the trace id's last 8 bytes, as OpenTelemetry's SDKs do. */
bool sampler_keeps(const struct sampler *sampler, const uint8_t trace_id[16]);

#endif
