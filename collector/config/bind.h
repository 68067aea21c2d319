/* SPDX-License-Identifier: Apache-2.0 */
/* From a tree of YAML to the members of a struct, as a table of options says. */
#ifndef KEYHOLE_CONFIG_BIND_H
#define KEYHOLE_CONFIG_BIND_H

#include "note.h"
#include "option.h"
#include "tree.h"

#define BIND_PATH_MAX 256  /* bytes of a key with its sections */
#define BIND_LIST_MAX 1024 /* members of a list, where its option gives no limit */
#define BIND_TEXT_MAX 1024 /* bytes of a text */

struct binding {
	struct arena *arena;
	struct notes *notes;
	enum pattern_form form; /* of the entry being read */
	bool in_entry;
	/* Of each row of options_all the value that counts. */
	const struct tree **values;
};

/* Every key of the map `section`, whose path is `path` ("" at the top). */
void bind_map(struct binding *b, const struct option_table *table, const char *path,
	      const struct tree *map, void *base);

/* One value (value.c). Of lists, text from a variable is split at commas. */
void bind_value(struct binding *b, const struct option *option, const struct tree *value,
		void *base);

/* Likewise of an option that is not supported: says so, unless the value asks for nothing. */
void bind_unsupported(struct binding *b, const struct option *option, const char *path,
		      const struct tree *value);

void bind_defaults(struct binding *b, const struct option_table *table, void *base);
void bind_environment(struct binding *b, const struct option_table *table, char *const *environment,
		      void *base);

/* The row of this key; NULL: none. */
const struct option *bind_find(const struct option_table *table, const char *path);

/* Is there a row below this path? */
bool bind_is_section(const struct option_table *table, const char *path);

/* The key below `section` that `key` may have been meant to be; .p is NULL if none is near. */
struct slice bind_nearest(const struct option_table *table, const char *section, const char *key);

#endif
