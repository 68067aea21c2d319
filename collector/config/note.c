/* SPDX-License-Identifier: Apache-2.0 */
#include "note.h"

#include <stdarg.h>
#include <stdio.h>

#define LOG_MODULE "config"

static size_t put_place(char *line, const struct notes *notes, const struct place *place)
{
	int n = 0;

	if (place && place->variable)
		n = snprintf(line, NOTE_LINE_MAX, "environment variable %.100s: ", place->variable);
	else if (place && place->line > 0)
		n = snprintf(line, NOTE_LINE_MAX, "%.300s:%u:%u: ", notes->file, place->line,
			     place->column);
	else if (notes->file)
		n = snprintf(line, NOTE_LINE_MAX, "%.300s: ", notes->file);
	return n > 0 ? (size_t)n : 0;
}

static void say(const struct notes *notes, enum log_level level, const char *line)
{
	if (notes->say)
		notes->say(notes->arg, level, line);
	else
		log_write(level, LOG_MODULE, "%s", line);
}

void note(struct notes *notes, enum log_level level, const struct place *place, const char *format,
	  ...)
{
	char line[NOTE_LINE_MAX];
	size_t n = put_place(line, notes, place);
	va_list args;

	if (level == LOG_LEVEL_ERROR && notes->errors++ >= NOTE_ERRORS_MAX)
		return;
	va_start(args, format);
	vsnprintf(line + n, sizeof(line) - n, format, args);
	va_end(args);
	say(notes, level, line);
	if (level == LOG_LEVEL_ERROR && notes->errors == NOTE_ERRORS_MAX)
		say(notes, level, "more errors follow; they are not shown");
}
