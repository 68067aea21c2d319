/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of `discovery`, while they are read and as they are built in. */
#ifndef KEYHOLE_CONFIG_ENTRIES_H
#define KEYHOLE_CONFIG_ENTRIES_H

#include "bind.h"
#include "config.h"

struct config_pairs {
	const struct selector_pair *v;
	size_t n;
};

/* What the table of an entry's fields writes to. */
struct entry_draft {
	struct selector_entry entry;
	struct config_ranges ports, pids;
	struct config_pairs labels, annotations;
	struct config_texts exports, features, incoming, outgoing;
	const char *sampler_name, *sampler_arg;
};

/* A list of entries of `form`. */
void entries_read(struct binding *b, const struct tree *list, enum pattern_form form,
		  struct config_entries *to);

/* Works out discovery.include and .exclude of all that was given; says what was left aside. */
void entries_settle(struct binding *b, struct config *config);

/* The built-in exclusions as a list that could stand in a file; NULL: out of memory. */
const struct tree *entries_default(struct binding *b);

/* Prints them as YAML. */
void entries_print_default(FILE *out);

#endif
