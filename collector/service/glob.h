/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Globs of service/pattern.h for the path that each exchange takes: same syntax, same meaning, but
 * matched without PCRE2, in time bounded by pattern times text, and without any memory of its own.
 * Braces are expanded when it is made.
 */
#ifndef KEYHOLE_SERVICE_GLOB_H
#define KEYHOLE_SERVICE_GLOB_H

#include "pattern.h"

#define GLOB_ALTERNATIVES_MAX 64 /* that the braces of one glob come to */

struct glob;

/* Returns 0, -EINVAL (why: one clause) or -ENOMEM. */
int glob_new(struct glob **glob, const char *text, char why[PATTERN_WHY_MAX]);
void glob_free(struct glob *glob);

/* `text` is clean UTF-8 (utf8.h), as every value of a label is. */
bool glob_match(const struct glob *glob, struct slice text);

/* Has it a character that stands for others? */
bool glob_is_wild(const char *text);

#endif
