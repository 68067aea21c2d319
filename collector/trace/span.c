/* SPDX-License-Identifier: Apache-2.0 */
#include "span.h"

#include "../service/utf8.h"

/* Returns false where nothing of it fits. */
static bool keep(struct span *span, struct slice text, size_t max, struct span_text *kept)
{
	size_t room = sizeof(span->text) - span->text_n, n;

	n = utf8_clean(text, span->text + span->text_n, room < max ? room : max);
	*kept = (struct span_text){span->text_n, (uint16_t)n};
	span->text_n += (uint16_t)n;
	return n > 0;
}

void span_set_name(struct span *span, struct slice name)
{
	keep(span, name, SPAN_NAME_MAX, &span->name);
}

/* Half a trace state would be another one: it is kept whole or not at all. */
void span_set_state(struct span *span, struct slice state)
{
	if (state.n <= SPAN_STATE_MAX && state.n <= sizeof(span->text) - span->text_n &&
	    utf8_is_clean(state, SPAN_STATE_MAX))
		keep(span, state, SPAN_STATE_MAX, &span->state);
}

void span_put_text(struct span *span, const char *name, struct slice value)
{
	struct span_attr *attr = &span->attr[span->attrs_n];

	if (value.n == 0)
		return;
	if (span->attrs_n == SPAN_ATTRS_MAX || !keep(span, value, SPAN_VALUE_MAX, &attr->text)) {
		span->dropped_attrs++;
		return;
	}
	attr->name = name;
	attr->is_int = attr->is_true = false;
	span->attrs_n++;
}

static void put(struct span *span, struct span_attr attr)
{
	if (span->attrs_n == SPAN_ATTRS_MAX)
		span->dropped_attrs++;
	else
		span->attr[span->attrs_n++] = attr;
}

void span_put_int(struct span *span, const char *name, int64_t value)
{
	put(span, (struct span_attr){.name = name, .is_int = true, .number = value});
}

void span_put_true(struct span *span, const char *name)
{
	put(span, (struct span_attr){.name = name, .is_true = true});
}

void span_put_link(struct span *span, const uint8_t trace_id[SPAN_TRACE_ID_LEN],
		   const uint8_t span_id[SPAN_ID_LEN])
{
	struct span_link *link = &span->link[span->links_n];

	if (span->links_n == SPAN_LINKS_MAX) {
		span->dropped_links++;
		return;
	}
	memcpy(link->trace_id, trace_id, SPAN_TRACE_ID_LEN);
	memcpy(link->span_id, span_id, SPAN_ID_LEN);
	span->links_n++;
}
