/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the prepared statements of one connection are about, by their name or number. Part of a
 * parser's state, so it is of fixed size: a few hundred statements, of which the ones used least
 * recently go first. All zero is empty.
 */
#ifndef KEYHOLE_PROTOCOL_SQL_CACHE_H
#define KEYHOLE_PROTOCOL_SQL_CACHE_H

#include "call.h"
#include "sql.h"

#define SQL_CACHE_UNITS 256 /* of 32 bytes: 1 or 2 for most statements, at most 9 */
#define SQL_CACHE_BUCKETS 64

struct sql_cache {
	uint32_t oldest,
		head; /* units from the beginning of time: where the first and the next are */
	uint16_t bucket[SQL_CACHE_BUCKETS]; /* 1 + unit, 0: empty */
	_Alignas(8) char units[SQL_CACHE_UNITS][32];
};

/* Takes the place of what had that key. */
void sql_cache_put(struct sql_cache *cache, uint64_t key, const struct sql *sql);
bool sql_cache_get(struct sql_cache *cache, uint64_t key, struct sql *sql);
void sql_cache_drop(struct sql_cache *cache, uint64_t key);

/* A key for a name. Two names may have one, so rarely that it does not matter. */
uint64_t sql_cache_key(struct slice name);

/* Operation, collection and summary of a call. */
void sql_call(struct call *call, const struct sql *sql);

#endif
