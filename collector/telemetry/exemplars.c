/* SPDX-License-Identifier: Apache-2.0 */
#include "exemplars.h"

#include <string.h>

#define SAMPLED ((uint64_t)1 << 63) /* in the word of the value */
#define TRIES 64                    /* of a reader, while the writer replaces what it reads */

enum { SEQUENCE, VALUE, TIME, TRACE_HIGH, TRACE_LOW, SPAN }; /* words */

_Static_assert(SPAN + 1 == EXEMPLAR_WORDS, "no word has two meanings");
_Static_assert(HISTOGRAM_VALUE_MAX < SAMPLED, "the value leaves the bit alone");

/*
 * A sequence lock without fences: the sequence is odd while the words change. Whoever acquires a
 * word that was released afterwards sees the sequence changed, too.
 */
static void put(histogram_word *word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_release);
}

static uint64_t get(const histogram_word *word)
{
	return atomic_load_explicit(word, memory_order_acquire);
}

static uint64_t bytes(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

void exemplars_put(const struct histogram_bounds *bounds, histogram_word *words,
		   const struct telemetry_exemplar *exemplar)
{
	unsigned int buckets = bounds->n + 1, i = histogram_bucket(bounds, exemplar->value);
	uint64_t sequence, time, value = exemplar->value;

	if (buckets > EXEMPLARS_MAX)
		i = i * EXEMPLARS_MAX / buckets;
	words += (size_t)i * EXEMPLAR_WORDS;
	time = get(&words[TIME]);
	if (exemplar->time_ns < time && time - exemplar->time_ns < EXEMPLAR_LATE_NS)
		return;
	if (value > HISTOGRAM_VALUE_MAX)
		value = HISTOGRAM_VALUE_MAX;
	sequence = get(&words[SEQUENCE]);
	put(&words[SEQUENCE], sequence + 1);
	put(&words[VALUE], value | (exemplar->sampled ? SAMPLED : 0));
	put(&words[TIME], exemplar->time_ns);
	put(&words[TRACE_HIGH], bytes(exemplar->trace_id));
	put(&words[TRACE_LOW], bytes(exemplar->trace_id + 8));
	put(&words[SPAN], bytes(exemplar->span_id));
	put(&words[SEQUENCE], sequence + 2);
}

/* Is there one, and was it read whole? */
static bool read_one(const histogram_word *words, struct telemetry_exemplar *out)
{
	for (int i = 0; i < TRIES; i++) {
		uint64_t sequence = get(&words[SEQUENCE]), read[EXEMPLAR_WORDS];

		if (sequence == 0)
			return false;
		for (int w = VALUE; w < EXEMPLAR_WORDS; w++)
			read[w] = get(&words[w]);
		if (sequence & 1 || get(&words[SEQUENCE]) != sequence)
			continue;
		*out = (struct telemetry_exemplar){.value = read[VALUE] & ~SAMPLED,
						   .time_ns = read[TIME],
						   .sampled = read[VALUE] & SAMPLED};
		memcpy(out->trace_id, &read[TRACE_HIGH], 8);
		memcpy(out->trace_id + 8, &read[TRACE_LOW], 8);
		memcpy(out->span_id, &read[SPAN], 8);
		return true;
	}
	return false;
}

unsigned int exemplars_read(const histogram_word *words,
			    struct telemetry_exemplar out[EXEMPLARS_MAX])
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < EXEMPLARS_MAX; i++)
		n += read_one(words + (size_t)i * EXEMPLAR_WORDS, &out[n]);
	return n;
}
