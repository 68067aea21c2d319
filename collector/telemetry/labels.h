/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Label text, `name="value",name="value"`, built on the stack and escaped once. The escapes are
 * those that the Prometheus text format and OpenMetrics share: backslash, quote, newline.
 */
#ifndef KEYHOLE_TELEMETRY_LABELS_H
#define KEYHOLE_TELEMETRY_LABELS_H

#include "../slice.h"

#define LABEL_VALUE_MAX 256        /* bytes of one value, before escaping */
#define LABELS_TEXT_MAX (32 << 10) /* of one label set: all values there can be, all escaped */

struct labels {
	size_t n;
	char text[LABELS_TEXT_MAX];
};

static inline void labels_init(struct labels *labels)
{
	labels->n = 0;
}

/*
 * An empty value puts nothing: to Prometheus an empty label is an absent one. Hostile values
 * are cleaned and cut to LABEL_VALUE_MAX; what does not fit the text is left out whole.
 */
void labels_put(struct labels *labels, const char *name, struct slice value);
void labels_put_number(struct labels *labels, const char *name, unsigned int value);

static inline struct slice labels_slice(const struct labels *labels)
{
	return (struct slice){labels->text, labels->n};
}

#endif
