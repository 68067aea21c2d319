/* SPDX-License-Identifier: Apache-2.0 */
/* The table of all options as the tree of sections that a file is. */
#ifndef KEYHOLE_CONFIG_SECTIONS_H
#define KEYHOLE_CONFIG_SECTIONS_H

#include "option.h"

struct sections_visitor {
	/* Is this row wanted at all? */
	bool (*wants)(void *arg, const struct option *option, size_t index);
	/* `name` is the last part of its path; `depth` is 0 at the top. */
	void (*option)(void *arg, const char *name, const struct option *option, size_t index,
		       unsigned depth, bool first);
	void (*open)(void *arg, const char *path, const char *name, unsigned depth, bool first);
	void (*close)(void *arg, unsigned depth);
	void *arg;
};

/* Each section once, with all its wanted rows; rows that only the environment has are left out. */
void sections_each(const struct sections_visitor *visitor);

#endif
