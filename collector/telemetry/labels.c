/* SPDX-License-Identifier: Apache-2.0 */
#include "labels.h"

#include "../service/utf8.h"

#include <stdio.h>

static size_t escape(struct slice value, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (c == '\\' || c == '"' || c == '\n')
			out[n++] = '\\';
		out[n++] = c == '\n' ? 'n' : c;
	}
	return n;
}

void labels_put(struct labels *labels, const char *name, struct slice value)
{
	char clean[LABEL_VALUE_MAX];
	size_t name_n = strlen(name);
	char *p = labels->text + labels->n;

	if (value.n == 0)
		return;
	if (!utf8_is_clean(value, sizeof(clean)))
		value = (struct slice){clean, utf8_clean(value, clean, sizeof(clean))};
	if (labels->n + name_n + 2 * value.n + 4 > sizeof(labels->text))
		return;
	if (labels->n > 0)
		*p++ = ',';
	memcpy(p, name, name_n);
	p += name_n;
	*p++ = '=';
	*p++ = '"';
	p += escape(value, p);
	*p++ = '"';
	labels->n = (size_t)(p - labels->text);
}

void labels_put_number(struct labels *labels, const char *name, unsigned int value)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", value);

	labels_put(labels, name, (struct slice){text, (size_t)n});
}
