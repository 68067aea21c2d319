/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns that choose workloads: globs and regular expressions over names and paths. Compiled at
 * start. The text matched is hostile, the pattern is the operator's.
 *
 * Globs are matched against the whole text: `*` any characters ('/' too), `?` one character,
 * `[abc]`, `[a-z]`, `[!a-z]` one of (not of) a set, `{ab,c*}` one of several patterns, `\` takes
 * the next character as it is.
 *
 * Regular expressions are searched for anywhere in the text. The engine is PCRE2; what RE2, and so
 * Beyla, refuses is refused here too as far as it can be told: back-references, look-around,
 * recursion, possessive repetitions, \C and the like, counts beyond PATTERN_REPEAT_MAX. Case matters unless (?i) is given; `$` is the
 * very end of the text.
 */
#ifndef KEYHOLE_SERVICE_PATTERN_H
#define KEYHOLE_SERVICE_PATTERN_H

#include "../slice.h"

#include <stdint.h>

#define PATTERN_MAX 1024         /* bytes of one pattern */
#define PATTERN_GLOB_DEPTH 8     /* {a,{b,c}} */
#define PATTERN_REPEAT_MAX 1000  /* {n} of a regular expression, nested ones multiplied: RE2's */
#define PATTERN_STEPS_MAX 100000 /* of one match, then it is a "no" and counted */
#define PATTERN_DEPTH_MAX 10000  /* of backtracking */
#define PATTERN_HEAP_KB 1024     /* for backtracking */
#define PATTERN_WHY_MAX 160      /* bytes of the reason why a pattern is refused */

enum pattern_form { PATTERN_GLOB, PATTERN_REGEX };

struct pattern;

/*
 * What matching works with, shared by any number of patterns because it is large: PCRE2 keeps
 * 20 KiB in it, and up to PATTERN_HEAP_KB after a hard match. One thread at a time.
 */
struct pattern_scratch;

struct pattern_scratch *pattern_scratch_new(void); /* NULL: out of memory */
void pattern_scratch_free(struct pattern_scratch *scratch);

/*
 * Returns 0, -EINVAL (why: one clause such as "missing closing parenthesis, at character 4") or
 * -ENOMEM.
 */
int pattern_new(struct pattern **pattern, enum pattern_form form, const char *text,
		char why[PATTERN_WHY_MAX]);
void pattern_free(struct pattern *pattern);

/* Is the text acceptable to pattern_new()? Same returns. */
int pattern_check(enum pattern_form form, const char *text, char why[PATTERN_WHY_MAX]);

/* Bytes that are not UTF-8 are like no character, but do not hide what is around them. */
bool pattern_match(const struct pattern *pattern, struct pattern_scratch *scratch,
		   struct slice text);

/* Matches given up because PATTERN_STEPS_MAX or another limit was reached; any thread. */
uint64_t pattern_limits_reached(void);

#endif
