/* SPDX-License-Identifier: Apache-2.0 */
/*
 * traceparent, a newline, tracestate. What is taken for a context is one: read again from the text
 * that its ids make, it is the same; and nothing of a state that is refused would be shown.
 */
#include <stdio.h>
#include <stdlib.h>

#include "trace/context.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hex(char *to, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sprintf(to + 2 * i, "%02x", p[i]);
}

static void check_parent(struct slice s)
{
	uint8_t trace[SPAN_TRACE_ID_LEN], parent[SPAN_ID_LEN], flags;
	char text[2 * SPAN_TRACE_ID_LEN + 2 * SPAN_ID_LEN + 1];

	if (!context_parse(s, trace, parent, &flags))
		return;
	hex(text, trace, sizeof(trace));
	hex(text + 2 * sizeof(trace), parent, sizeof(parent));
	if (s.n < 55 || memcmp(s.p + 3, text, 32) != 0 || memcmp(s.p + 36, text + 32, 16) != 0)
		abort();
	if (memcmp(s.p, "ff", 2) == 0 || (memcmp(s.p, "00", 2) == 0 && s.n != 55))
		abort();
}

static void check_state(struct slice s)
{
	size_t equals = 0;

	if (!context_state(s))
		return;
	for (size_t i = 0; i < s.n; i++) {
		if ((s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] > '~')
			abort();
		equals += s.p[i] == '=';
	}
	if (!equals || equals > CONTEXT_STATE_MEMBERS_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *lf = size ? memchr(data, '\n', size) : NULL;
	size_t n = lf ? (size_t)(lf - data) : size;

	check_parent((struct slice){(const char *)data, n});
	if (lf)
		check_state((struct slice){(const char *)lf + 1, size - n - 1});
	return 0;
}
