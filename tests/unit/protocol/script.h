/* SPDX-License-Identifier: Apache-2.0 */
/* A conversation for talker.h, put together message by message. */
#ifndef KEYHOLE_TESTS_SCRIPT_H
#define KEYHOLE_TESTS_SCRIPT_H

#include <stdio.h>
#include <stdlib.h>

#include "talker.h"

#define SCRIPT_STEPS 96
#define SCRIPT_BYTES (1u << 20)

struct script {
	struct said said[SCRIPT_STEPS];
	size_t n;
	char *bytes;
	size_t used;
};

static inline void script_begin(struct script *s)
{
	if (!s->bytes)
		s->bytes = malloc(SCRIPT_BYTES);
	s->n = s->used = 0;
}

/* What is added goes to `who`; to the same as before: it is one step with it. */
static inline void script_add(struct script *s, char who, const void *p, size_t n)
{
	if (s->used + n > SCRIPT_BYTES || s->n == SCRIPT_STEPS)
		abort();
	if (n)
		memcpy(s->bytes + s->used, p, n);
	if (!s->n || s->said[s->n - 1].who != who)
		s->said[s->n++] = (struct said){who, s->bytes + s->used, 0};
	s->said[s->n - 1].n += n;
	s->used += n;
}

/* Ends the step: what follows, even from the same side, is another. */
static inline void script_step(struct script *s, char who)
{
	s->said[s->n++] = (struct said){who, s->bytes + s->used, 0};
}

static inline void script_be(struct script *s, char who, uint64_t v, unsigned int n)
{
	char b[8];

	for (unsigned int i = 0; i < n; i++)
		b[i] = (char)(v >> 8 * (n - 1 - i));
	script_add(s, who, b, n);
}

static inline void script_le(struct script *s, char who, uint64_t v, unsigned int n)
{
	char b[8];

	for (unsigned int i = 0; i < n; i++)
		b[i] = (char)(v >> 8 * i);
	script_add(s, who, b, n);
}

#endif
