/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of the tables of what Beyla has and Keyhole has not. The reason is a clause that follows
 * "not supported by Keyhole: KEY, because". NO will not come; YET will, in a later version.
 */
#ifndef KEYHOLE_CONFIG_UNSUPPORTED_H
#define KEYHOLE_CONFIG_UNSUPPORTED_H

#include "option.h"

#define UNSUPPORTED_ROW(key, variable, nothing, why, later)                                        \
	.path = (key), .type = OPTION_UNSUPPORTED, .env = (variable), .idle = (nothing),           \
	.because = (why), .yet = (later)
/* key, variable or NULL, values that ask for nothing or NULL, reason */
#define NO(key, variable, nothing, why) {UNSUPPORTED_ROW(key, variable, nothing, why, false)}
#define YET(key, variable, nothing, why) {UNSUPPORTED_ROW(key, variable, nothing, why, true)}
/* Of the environment alone. */
#define NO_VARIABLE(key, variable, why)                                                            \
	{UNSUPPORTED_ROW(key, variable, NULL, why, false), .env_only = true}
#define YET_VARIABLE(key, variable, why)                                                           \
	{UNSUPPORTED_ROW(key, variable, NULL, why, true), .env_only = true}
/* With a variable that has no prefix. */
#define YET_PLAIN(key, variable, plain, nothing, why)                                              \
	{UNSUPPORTED_ROW(key, variable, nothing, why, true), .env_plain = (plain)}
#define NO_PLAIN(key, variable, plain, nothing, why)                                               \
	{                                                                                          \
		UNSUPPORTED_ROW(key, variable, nothing, why, false), .env_plain = (plain)          \
	}

/* Likewise a name that attributes.select and filter may have in a configuration of Beyla's. */
struct unsupported_attribute {
	const char *name; /* OpenTelemetry's or Beyla's, with dots */
	const char *because;
	bool yet;
};

const struct unsupported_attribute *unsupported_attribute_at(size_t i); /* NULL after the last */

/* The first that a glob matches, with dots or underscores; NULL: none. */
const struct unsupported_attribute *unsupported_attribute_find(const char *glob);

#endif
