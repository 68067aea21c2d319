/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base-2 exponential histograms, as OpenTelemetry's data model has them: bucket i of scale s holds
 * what is above base^i and not above base^(i + 1), with base = 2^(2^-s), in exported units. It
 * begins at the greatest scale; when its values span more buckets than there are, pairs of
 * neighbours become one and the scale falls by one, as often as needed. Zero is counted apart.
 *
 * Indices are computed from whole raw units in integers, and are exact also at the bounds. One
 * writer; a reader sees the state before a change of scale or after it.
 */
#ifndef KEYHOLE_TELEMETRY_EXPONENTIAL_H
#define KEYHOLE_TELEMETRY_EXPONENTIAL_H

#include "histogram.h"

#include <stdbool.h>

#define EXPONENTIAL_BUCKETS_MAX 160 /* of a histogram: the SDK specification's default, too */
#define EXPONENTIAL_BUCKETS_MIN 2
#define EXPONENTIAL_SCALE_MAX 20

struct exponential_limits {
	unsigned int buckets; /* 0: none are kept; else EXPONENTIAL_BUCKETS_MIN to _MAX */
	int scale;            /* at first: 0 to EXPONENTIAL_SCALE_MAX */
};

#define EXPONENTIAL_HEAD 4 /* words: sequence, shape, last value, count of zeros; then buckets */
#define EXPONENTIAL_WORDS_MAX (EXPONENTIAL_HEAD + EXPONENTIAL_BUCKETS_MAX)

static inline size_t exponential_words(const struct exponential_limits *limits)
{
	return limits->buckets ? EXPONENTIAL_HEAD + limits->buckets : 0;
}

/* `value`: 1 to HISTOGRAM_VALUE_MAX raw units. `unit`: 1 or 1e9. `scale`: -10 to ..._SCALE_MAX. */
int32_t exponential_index(uint64_t value, uint64_t unit, int scale);

/* Writer. `words`: zero at first. */
void exponential_add(const struct exponential_limits *limits, histogram_word *words, uint64_t unit,
		     uint64_t value);

struct exponential_sample {
	int scale;
	int32_t offset;       /* index of the first of the buckets */
	unsigned int buckets; /* from the first to the last that is not empty */
	uint64_t count;       /* of all, the zeros included */
	uint64_t zeros;
	uint64_t counts[EXPONENTIAL_BUCKETS_MAX];
};

/* Reader. False: the writer is changing the scale; there is a next reading. */
bool exponential_read(const struct exponential_limits *limits, const histogram_word *words,
		      struct exponential_sample *sample);

#endif
