/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said to the person who wrote the configuration: one line each, beginning with where:
 * "file:line:column: " or "environment variable NAME: ". All errors are said, not only the first.
 */
#ifndef KEYHOLE_CONFIG_NOTE_H
#define KEYHOLE_CONFIG_NOTE_H

#include "../log.h"

#define NOTE_LINE_MAX 900  /* bytes of one line */
#define NOTE_ERRORS_MAX 20 /* said, then only counted; likewise variables that are not set */

struct notes {
	/* Where lines go; NULL: the log. */
	void (*say)(void *arg, enum log_level level, const char *line);
	void *arg;
	const char *file; /* as it is shown */
	unsigned errors;
};

/* A place in the file, from 1, or (variable set) a variable of the environment. */
struct place {
	unsigned line, column;
	const char *variable;
};

void note(struct notes *notes, enum log_level level, const struct place *place, const char *format,
	  ...) __attribute__((format(printf, 4, 5)));

#define note_error(notes, place, ...) note(notes, LOG_LEVEL_ERROR, place, __VA_ARGS__)
#define note_warn(notes, place, ...) note(notes, LOG_LEVEL_WARN, place, __VA_ARGS__)
#define note_info(notes, place, ...) note(notes, LOG_LEVEL_INFO, place, __VA_ARGS__)

#endif
