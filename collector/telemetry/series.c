/* SPDX-License-Identifier: Apache-2.0 */
#include "series.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

static uint64_t wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static struct series *alloc_series(struct series_table *table, struct slice key,
				   struct slice labels)
{
	size_t words = table->words * sizeof(histogram_word);
	struct series *series =
		grace_alloc(table->grace, sizeof(*series) + words + key.n + labels.n);
	char *text;

	if (!series)
		return NULL;
	text = (char *)&series->words[table->words];
	if (key.n > 0)
		memcpy(text, key.p, key.n);
	memcpy(text + key.n, labels.p, labels.n);
	series->key = text;
	series->key_n = (uint16_t)key.n;
	series->labels = text + key.n;
	series->labels_n = (uint16_t)labels.n;
	series->began_ns = wall_ns();
	return series;
}

int series_table_init(struct series_table *table, struct grace *grace, unsigned int max,
		      size_t words)
{
	uint32_t buckets = 64;

	while (buckets < max)
		buckets *= 2;
	table->grace = grace;
	table->words = words;
	table->max = max;
	table->mask = buckets - 1;
	table->bucket = calloc(buckets, sizeof(struct series *));
	table->overflow = alloc_series(table, (struct slice){NULL, 0},
				       slice_of("otel_metric_overflow=\"true\""));
	if (slots_init(&table->slots, max + 1) < 0 || !table->bucket || !table->overflow)
		return -ENOMEM;
	table->overflow->slot = UINT32_MAX;
	return 0;
}

struct series *series_find(const struct series_table *table, const struct series_key *key,
			   uint64_t hash)
{
	struct series *series = table->bucket[hash & table->mask];
	struct slice wanted = {key->bytes, key->n};

	while (series && !(series->hash == hash &&
			   slice_same((struct slice){series->key, series->key_n}, wanted)))
		series = series->next;
	return series;
}

struct series *series_make(struct series_table *table, const struct series_key *key, uint64_t hash,
			   struct slice labels)
{
	struct series *series;

	if (table->n == table->max)
		return NULL;
	series = alloc_series(table, (struct slice){key->bytes, key->n}, labels);
	if (!series)
		return NULL;
	series->hash = hash;
	series->target = key->target;
	series->next = table->bucket[hash & table->mask];
	table->bucket[hash & table->mask] = series;
	table->n++;
	/* There is room: max + 1 slots, of which one is for the overflow group. */
	series->slot = (uint32_t)slots_put(&table->slots, series);
	return series;
}

struct series *series_overflow(struct series_table *table)
{
	if (table->overflow->slot == UINT32_MAX)
		table->overflow->slot = (uint32_t)slots_put(&table->slots, table->overflow);
	return table->overflow;
}

void series_drop(struct series_table *table, struct series *series)
{
	struct series **link = &table->bucket[series->hash & table->mask];

	while (*link != series)
		link = &(*link)->next;
	*link = series->next;
	table->n--;
	slots_take(&table->slots, series->slot);
	grace_retire(table->grace, series);
}

void series_table_close(struct series_table *table)
{
	uint32_t end = table->slots.slot ? slots_end(&table->slots) : 0;

	for (uint32_t i = 0; i < end; i++) {
		struct series *series = slots_get(&table->slots, i);

		if (series && series != table->overflow)
			grace_retire(table->grace, series);
	}
	grace_retire(table->grace, table->overflow);
	free(table->bucket);
	slots_close(&table->slots);
}
