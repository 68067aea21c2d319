/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table from 64-bit keys to slots 0..capacity-1 of the caller's own array. Its size is fixed:
 * when it is full, the slot that was touched longest ago is taken again. All memory is had at
 * keyed_init(); nothing after that allocates. Keys may be chosen by an attacker: the hash has a
 * random seed.
 */
#ifndef KEYHOLE_KEYED_H
#define KEYHOLE_KEYED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYED_NONE UINT32_MAX

struct keyed {
	uint32_t capacity, used;
	uint64_t evictions; /* slots taken from a key that was still in the table */
	/* the rest is keyed.c's */
	uint64_t seed;
	uint32_t mask, free, newest, oldest;
	uint32_t fresh;    /* slots from here on were never taken: memory not touched yet */
	uint32_t *buckets; /* slot + 1, 0: empty; linear probing */
	uint64_t *keys;    /* by slot */
	uint32_t *newer, *older;
};

/* Returns 0, -EINVAL (capacity 0 or above 1 << 24) or -ENOMEM. */
int keyed_init(struct keyed *t, uint32_t capacity);
void keyed_free(struct keyed *t);
size_t keyed_bytes(const struct keyed *t);

/* The slot of `key`, now the most recently touched, or KEYED_NONE. */
uint32_t keyed_find(struct keyed *t, uint64_t key);

/* The slot that keyed_add() would take from another key, or KEYED_NONE if one is free. */
uint32_t keyed_victim(const struct keyed *t);

/* The slot that was touched longest ago, or KEYED_NONE. Does not touch it. */
uint32_t keyed_oldest(const struct keyed *t);

/* Adds a key that is not in the table. Never fails. */
uint32_t keyed_add(struct keyed *t, uint64_t key);

/* Forgets a key. Returns the slot it had, or KEYED_NONE. */
uint32_t keyed_remove(struct keyed *t, uint64_t key);

/* Walks from the slot touched last to the one touched first: begin with KEYED_NONE. */
uint32_t keyed_next(const struct keyed *t, uint32_t slot);

#endif
