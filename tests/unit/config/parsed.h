/* SPDX-License-Identifier: Apache-2.0 */
/* Parses text as the file "/etc/keyhole.yml" and keeps all that was said, one line each. */
#ifndef KEYHOLE_TESTS_CONFIG_PARSED_H
#define KEYHOLE_TESTS_CONFIG_PARSED_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/config.h"

struct parsed {
	struct config *config; /* NULL: refused */
	char said[16384];      /* "level place: message\n" ... */
	int r;
};

static void keep_line(void *arg, enum log_level level, const char *line)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	struct parsed *p = arg;
	size_t n = strlen(p->said);

	snprintf(p->said + n, sizeof(p->said) - n, "%s %s\n", names[level], line);
}

static inline void parse_with(struct parsed *p, struct slice text, char *const *environment)
{
	struct notes notes = {.say = keep_line, .arg = p, .file = "/etc/keyhole.yml"};

	*p = (struct parsed){0};
	p->r = config_parse(&p->config, text, environment, &notes);
}

static inline void parse_text(struct parsed *p, const char *text)
{
	parse_with(p, slice_of(text), NULL);
}

#endif
