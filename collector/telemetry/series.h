/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Series groups of one side (server or client): all histograms of a label set live in one
 * object, found by one lookup. All calls are the writer's; the reader walks `slots`.
 */
#ifndef KEYHOLE_TELEMETRY_SERIES_H
#define KEYHOLE_TELEMETRY_SERIES_H

#include "grace.h"
#include "histogram.h"
#include "labels.h"
#include "slots.h"
#include "target.h"

/* Whatever tells one group from another; equal bytes mean equal labels. */
struct series_fields {
	struct target *target;
	uint16_t status;
	uint16_t port;
	uint16_t route_n;
	uint16_t host_n;
	uint8_t method;
	uint8_t error;
	uint8_t pad[6];
};

/* The fields, then the route, then the host, both clean. */
struct series_key {
	struct series_fields fields;
	char text[2 * LABEL_VALUE_MAX];
};

static inline size_t series_key_size(const struct series_key *key)
{
	return sizeof(key->fields) + key->fields.route_n + key->fields.host_n;
}

struct series {
	struct grace_head head;
	struct series *next;
	uint64_t hash;
	uint64_t last_ns;
	struct target *target; /* NULL: the overflow group */
	const char *key;       /* key and labels lie behind the words */
	const char *labels;
	uint32_t slot;
	uint16_t key_n;
	uint16_t labels_n;
	histogram_word words[];
};

struct series_table {
	struct grace *grace;
	size_t words; /* of one group */
	struct slots slots;
	struct series **bucket;
	uint32_t mask;
	uint32_t cursor; /* of expiry, in slots */
	unsigned int n, max;
	struct series *overflow; /* made at the start, published when first used */
};

/* Returns 0 or -ENOMEM; close it in either case. Targets are the caller's to release before. */
int series_table_init(struct series_table *table, struct grace *grace, unsigned int max,
		      size_t words);
void series_table_close(struct series_table *table);

struct series *series_find(const struct series_table *table, const struct series_key *key,
			   uint64_t hash);
/* NULL: the limit was reached, or out of memory. */
struct series *series_make(struct series_table *table, const struct series_key *key, uint64_t hash,
			   struct slice labels);
struct series *series_overflow(struct series_table *table);
void series_drop(struct series_table *table, struct series *series);

#endif
