/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What http1_memo.c and call_memo.c have in common: where in a table of what was seen of late some
 * bytes would stand, and whether it is worth the while to look.
 *
 * Whoever finds bytes that share a place only makes others' be read each time.
 */
#ifndef KEYHOLE_PROTOCOL_MEMO_H
#define KEYHOLE_PROTOCOL_MEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Where everything differs each time (by a trace's id, by a cookie) a look costs and brings
 * nothing: if fewer than a quarter of MEMO_TRIAL looks found something, there is none for the next
 * MEMO_REST.
 */
#define MEMO_TRIAL 4096
#define MEMO_REST 16384

#define MEMO_HASHED 72 /* bytes of which eight of each twelve choose a place */
#define MEMO_HASHED_STEP 12

/*
 * Where a place's lowest bits differ from memo_place()'s, the same may stand, too: what is new
 * takes the place of the oldest of so many.
 */
#define MEMO_WAYS 4

struct memo_trial {
	uint32_t looks, found, rest;
};

static inline bool memo_worth_it(struct memo_trial *t)
{
	if (t->rest) {
		t->rest--;
		return false;
	}
	if (t->looks == MEMO_TRIAL) {
		bool few = t->found < MEMO_TRIAL / 4;

		*t = (struct memo_trial){.rest = few ? MEMO_REST - 1 : 0};
		if (few)
			return false;
	}
	t->looks++;
	return true;
}

static inline uint64_t memo_mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 29;
}

/* `places`: a power of two. */
static inline size_t memo_place(const char *p, size_t n, uint64_t hash, size_t places)
{
	size_t end = n < MEMO_HASHED ? n : MEMO_HASHED, i;
	uint64_t word;

	hash = memo_mix(hash, n);
	for (i = 0; i + 8 <= end; i += MEMO_HASHED_STEP) {
		memcpy(&word, p + i, 8);
		hash = memo_mix(hash, word);
	}
	return (size_t)(hash >> 32) & (places - 1);
}

#endif
