/* SPDX-License-Identifier: Apache-2.0 */
#include "keyed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static uint32_t bucket_of(const struct keyed *t, uint64_t key)
{
	uint64_t h = (key ^ t->seed) * 0x9e3779b97f4a7c15ull;

	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93ull;
	return (uint32_t)(h >> 32) & t->mask;
}

int keyed_init(struct keyed *t, uint32_t capacity)
{
	uint32_t buckets = 8;

	memset(t, 0, sizeof(*t));
	if (!capacity || capacity > 1u << 24)
		return -EINVAL;
	while (buckets < capacity * 2)
		buckets *= 2;
	t->capacity = capacity;
	t->mask = buckets - 1;
	t->buckets = calloc(buckets, sizeof(*t->buckets));
	t->keys = calloc(capacity, sizeof(*t->keys));
	t->newer = calloc(capacity, sizeof(*t->newer));
	t->older = calloc(capacity, sizeof(*t->older));
	if (!t->buckets || !t->keys || !t->newer || !t->older ||
	    getrandom(&t->seed, sizeof(t->seed), 0) != sizeof(t->seed)) {
		keyed_free(t);
		return -ENOMEM;
	}
	t->free = t->newest = t->oldest = KEYED_NONE;
	return 0;
}

void keyed_free(struct keyed *t)
{
	free(t->buckets);
	free(t->keys);
	free(t->newer);
	free(t->older);
	memset(t, 0, sizeof(*t));
}

size_t keyed_bytes(const struct keyed *t)
{
	return (t->mask + 1) * sizeof(*t->buckets) +
	       t->capacity * (sizeof(*t->keys) + 2 * sizeof(*t->newer));
}

/* ---- order of touching ---- */

static void unlink_slot(struct keyed *t, uint32_t slot)
{
	uint32_t newer = t->newer[slot], older = t->older[slot];

	if (newer != KEYED_NONE)
		t->older[newer] = older;
	else
		t->newest = older;
	if (older != KEYED_NONE)
		t->newer[older] = newer;
	else
		t->oldest = newer;
}

static void link_newest(struct keyed *t, uint32_t slot)
{
	t->newer[slot] = KEYED_NONE;
	t->older[slot] = t->newest;
	if (t->newest != KEYED_NONE)
		t->newer[t->newest] = slot;
	else
		t->oldest = slot;
	t->newest = slot;
}

/* ---- buckets ---- */

/* The bucket that holds `key`, or the empty one where it would go. */
static uint32_t probe(const struct keyed *t, uint64_t key)
{
	uint32_t b = bucket_of(t, key);

	while (t->buckets[b] && t->keys[t->buckets[b] - 1] != key)
		b = (b + 1) & t->mask;
	return b;
}

/* Empties a bucket and moves up what probed past it. */
static void empty_bucket(struct keyed *t, uint32_t hole)
{
	uint32_t b = hole;

	t->buckets[hole] = 0;
	for (;;) {
		uint32_t home;

		b = (b + 1) & t->mask;
		if (!t->buckets[b])
			return;
		home = bucket_of(t, t->keys[t->buckets[b] - 1]);
		if (((b - home) & t->mask) < ((b - hole) & t->mask))
			continue;
		t->buckets[hole] = t->buckets[b];
		t->buckets[b] = 0;
		hole = b;
	}
}

uint32_t keyed_find(struct keyed *t, uint64_t key)
{
	uint32_t slot = t->buckets[probe(t, key)];

	if (!slot)
		return KEYED_NONE;
	slot--;
	if (t->newest != slot) {
		unlink_slot(t, slot);
		link_newest(t, slot);
	}
	return slot;
}

uint32_t keyed_victim(const struct keyed *t)
{
	return t->used < t->capacity ? KEYED_NONE : t->oldest;
}

uint32_t keyed_oldest(const struct keyed *t)
{
	return t->used ? t->oldest : KEYED_NONE;
}

uint32_t keyed_remove(struct keyed *t, uint64_t key)
{
	uint32_t b = probe(t, key), slot = t->buckets[b];

	if (!slot)
		return KEYED_NONE;
	slot--;
	empty_bucket(t, b);
	unlink_slot(t, slot);
	t->older[slot] = t->free;
	t->free = slot;
	t->used--;
	return slot;
}

static uint32_t free_slot(struct keyed *t)
{
	uint32_t slot = t->free;

	if (slot == KEYED_NONE)
		return t->fresh++;
	t->free = t->older[slot];
	return slot;
}

uint32_t keyed_add(struct keyed *t, uint64_t key)
{
	uint32_t slot;

	if (t->used == t->capacity) {
		t->evictions++;
		keyed_remove(t, t->keys[t->oldest]);
	}
	slot = free_slot(t);
	t->keys[slot] = key;
	t->buckets[probe(t, key)] = slot + 1;
	link_newest(t, slot);
	t->used++;
	return slot;
}

uint32_t keyed_next(const struct keyed *t, uint32_t slot)
{
	return slot == KEYED_NONE ? t->newest : t->older[slot];
}
