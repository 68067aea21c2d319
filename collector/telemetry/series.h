/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Series groups: of one owner (attributes.h), and of the metrics that have the same labels. All
 * histograms of a label set live in one object, found by one lookup. All calls are the writer's;
 * the reader walks `slots`.
 */
#ifndef KEYHOLE_TELEMETRY_SERIES_H
#define KEYHOLE_TELEMETRY_SERIES_H

#include "grace.h"
#include "histogram.h"
#include "labels.h"
#include "slots.h"
#include "span_names.h"
#include "target.h"

/*
 * Whatever tells one group from another, zero where no label shows it; equal bytes mean equal
 * labels. The fields, then their texts, all of them clean.
 */
struct http_fields { /* http_series.c */
	struct target *target;
	uint32_t pid, host_pid;
	uint16_t status, port;
	uint16_t error; /* enum exchange_error, or the status */
	uint8_t method; /* + 1 */
	uint8_t flags;
	/* bytes of text, in this order; each <= LABEL_VALUE_MAX */
	uint64_t route_n : 10, host_n : 10, path_n : 10, client_n : 10, operation_n : 10,
		name_n : 10;
};

#define CALL_TEXTS_MAX 9

struct call_fields { /* call_series.c */
	struct target *target;
	uint32_t pid, host_pid;
	uint16_t port;
	uint8_t system; /* enum protocol + 1 */
	uint8_t action; /* enum messaging_action */
	uint8_t side;   /* enum http_side + 1 */
	uint8_t owner;  /* enum attribute_owner */
	uint16_t text_n[CALL_TEXTS_MAX];
};

#define EDGE_TEXTS 8

struct span_fields { /* span_series.c */
	struct target *target;
	uint8_t kind;   /* enum span_role */
	uint8_t failed; /* or not */
	uint16_t name_n;
	uint32_t unused;
};

struct edge_fields { /* likewise */
	struct target *target;
	uint64_t type;
	uint16_t text_n[EDGE_TEXTS];
};

_Static_assert(sizeof(struct http_fields) == 32, "no byte of it is left to chance");
_Static_assert(sizeof(struct call_fields) == 40, "no byte of it is left to chance");
_Static_assert(sizeof(struct span_fields) == 16, "no byte of it is left to chance");
_Static_assert(sizeof(struct edge_fields) == 32, "no byte of it is left to chance");

#define SERIES_KEY_MAX (sizeof(struct call_fields) + CALL_TEXTS_MAX * LABEL_VALUE_MAX)

struct series_key {
	uint16_t n; /* bytes */
	union {
		struct target *target; /* begins them all */
		struct http_fields http;
		struct call_fields call;
		struct span_fields span;
		struct edge_fields edge;
		char bytes[SERIES_KEY_MAX];
	};
};

struct series {
	struct grace_head head;
	struct series *next;
	uint64_t hash;
	uint64_t last_ns;
	uint64_t began_ns;     /* CLOCK_REALTIME: no count of it is older */
	uint64_t serial;       /* that no other has */
	struct target *target; /* NULL: the overflow group */
	struct span_name *name; /* that it holds, of a span; or NULL */
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
