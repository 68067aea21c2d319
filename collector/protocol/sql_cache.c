/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring of entries: new ones at its head, the oldest give way. One that is used while it is in the
 * older half is put at the head once more, so that what is used stays.
 */
#include "sql_cache.h"

struct entry {
	uint64_t key;
	uint16_t next; /* of its bucket: 1 + unit */
	uint8_t units, live;
	uint8_t operation, n, collection_at, collection_n;
	char text[];
};

static struct entry *entry_at(struct sql_cache *cache, uint32_t unit)
{
	return (struct entry *)cache->units[unit % SQL_CACHE_UNITS];
}

static uint16_t *bucket_of(struct sql_cache *cache, uint64_t key)
{
	return &cache->bucket[(key * 0x9e3779b97f4a7c15ull) >> 58];
}

static struct entry *find(struct sql_cache *cache, uint64_t key, uint16_t **link)
{
	*link = bucket_of(cache, key);
	while (**link) {
		struct entry *e = entry_at(cache, **link - 1u);

		if (e->key == key)
			return e;
		*link = &e->next;
	}
	return NULL;
}

void sql_cache_drop(struct sql_cache *cache, uint64_t key)
{
	uint16_t *link;
	struct entry *e = find(cache, key, &link);

	if (!e)
		return;
	*link = e->next;
	e->live = 0;
}

static void make_room(struct sql_cache *cache, uint32_t units)
{
	while (cache->head + units - cache->oldest > SQL_CACHE_UNITS) {
		struct entry *e = entry_at(cache, cache->oldest);

		if (e->live)
			sql_cache_drop(cache, e->key);
		cache->oldest += e->units;
	}
}

static struct entry *new_entry(struct sql_cache *cache, uint32_t units)
{
	uint32_t left = SQL_CACHE_UNITS - cache->head % SQL_CACHE_UNITS;
	struct entry *e;

	if (left < units) { /* no entry goes over the end */
		make_room(cache, left);
		e = entry_at(cache, cache->head);
		e->live = 0;
		e->units = (uint8_t)left;
		cache->head += left;
	}
	make_room(cache, units);
	e = entry_at(cache, cache->head);
	e->units = (uint8_t)units;
	e->live = 1;
	return e;
}

void sql_cache_put(struct sql_cache *cache, uint64_t key, const struct sql *sql)
{
	uint32_t units = (uint32_t)(sizeof(struct entry) + sql->n + 31) / 32;
	uint16_t *bucket = bucket_of(cache, key);
	struct entry *e;

	sql_cache_drop(cache, key);
	e = new_entry(cache, units);
	e->key = key;
	e->operation = sql->operation;
	e->n = sql->n;
	e->collection_at = sql->collection_at;
	e->collection_n = sql->collection_n;
	memcpy(e->text, sql->summary, sql->n);
	e->next = *bucket;
	*bucket = (uint16_t)(1 + cache->head % SQL_CACHE_UNITS);
	cache->head += units;
}

bool sql_cache_get(struct sql_cache *cache, uint64_t key, struct sql *sql)
{
	uint16_t *link;
	struct entry *e = find(cache, key, &link);
	uint32_t unit;

	if (!e)
		return false;
	sql->operation = e->operation;
	sql->n = e->n;
	sql->collection_at = e->collection_at;
	sql->collection_n = e->collection_n;
	sql->use = (struct slice){"", 0};
	memcpy(sql->summary, e->text, e->n);
	unit = *link - 1u;
	if ((cache->head - 1 - unit) % SQL_CACHE_UNITS >= SQL_CACHE_UNITS / 2)
		sql_cache_put(cache, key, sql);
	return true;
}

uint64_t sql_cache_key(struct slice name)
{
	uint64_t key = 0xcbf29ce484222325ull; /* FNV-1a */

	for (size_t i = 0; i < name.n; i++)
		key = (key ^ (unsigned char)name.p[i]) * 0x100000001b3ull;
	return key;
}

void sql_call(struct call *call, const struct sql *sql)
{
	call_set(call, CALL_OPERATION, sql_operation(sql->operation));
	call_set(call, CALL_COLLECTION, sql_collection(sql));
	call_set(call, CALL_SUMMARY, sql_summary(sql));
}
