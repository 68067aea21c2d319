/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Variables in the text of a configuration, replaced before it is parsed: `${NAME}`,
 * `${NAME:-default}` (when NAME is not set, or empty), `$$` for one '$'. A '$' before anything else
 * stands for itself. Columns in later messages count the expanded line.
 */
#ifndef KEYHOLE_CONFIG_EXPAND_H
#define KEYHOLE_CONFIG_EXPAND_H

#include "note.h"

#define CONFIG_TEXT_MAX (1u << 20) /* bytes of a configuration, before and after */

/* The value of NAME in an environment such as main() gets; NULL: not set. */
const char *expand_lookup(char *const *environment, struct slice name);

/*
 * *out is the caller's to free. Returns 0, -EINVAL (said), -E2BIG (said) or -ENOMEM. Variables that
 * are not set and have no default become nothing, with a warning.
 */
int expand_text(struct slice text, char *const *environment, struct notes *notes, char **out,
		size_t *n);

#endif
