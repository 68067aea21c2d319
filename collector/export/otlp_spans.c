/* SPDX-License-Identifier: Apache-2.0 */
#include "otlp_spans.h"

#define FLAGS_HAS_REMOTE 0x100u
#define FLAGS_IS_REMOTE 0x200u
#define PIECES_BYTES_MAX (256u << 20) /* bytes_max ends a batch long before */

void otlp_spans_init(struct otlp_spans *s, bool json)
{
	s->pieces = (struct otlp_pieces){.bytes = OTLP_WRITER(json, PIECES_BYTES_MAX)};
	s->resources = 0;
}

static void release(struct otlp_spans *s)
{
	for (uint32_t i = 0; i < s->resources; i++)
		resource_unref(s->resource[i]);
	s->resources = 0;
	otlp_pieces_clear(&s->pieces);
}

void otlp_spans_free(struct otlp_spans *s)
{
	release(s);
	otlp_pieces_free(&s->pieces);
}

static bool is_zero(const uint8_t *id, size_t n)
{
	while (n > 0 && !id[n - 1])
		n--;
	return n == 0;
}

static void put_attrs(struct otlp_writer *w, const struct span *span)
{
	if (!span->attrs_n)
		return;
	otlp_list(w, F_SPAN_ATTRS);
	for (unsigned int i = 0; i < span->attrs_n; i++) {
		const struct span_attr *attr = &span->attr[i];

		if (attr->is_true)
			otlp_attr_true(w, F_SPAN_ATTRS, slice_of(attr->name));
		else if (attr->is_int)
			otlp_attr_int(w, F_SPAN_ATTRS, slice_of(attr->name), attr->number);
		else
			otlp_attr_text(w, F_SPAN_ATTRS, slice_of(attr->name),
				       span_slice(span, attr->text));
	}
	otlp_list_end(w);
}

static void put_links(struct otlp_writer *w, const struct span *span)
{
	if (!span->links_n)
		return;
	otlp_list(w, F_SPAN_LINKS);
	for (unsigned int i = 0; i < span->links_n; i++) {
		otlp_open_item(w, F_SPAN_LINKS);
		otlp_id(w, F_SPAN_TRACE_ID, span->link[i].trace_id, SPAN_TRACE_ID_LEN);
		otlp_id(w, F_SPAN_ID, span->link[i].span_id, SPAN_ID_LEN);
		otlp_close(w);
	}
	otlp_list_end(w);
}

static void put_ids(struct otlp_writer *w, const struct span *span)
{
	otlp_id(w, F_SPAN_TRACE_ID, span->trace_id, SPAN_TRACE_ID_LEN);
	otlp_id(w, F_SPAN_ID, span->span_id, SPAN_ID_LEN);
	if (span->state.n > 0)
		otlp_text(w, F_SPAN_STATE, span_slice(span, span->state));
	if (!is_zero(span->parent_id, SPAN_ID_LEN))
		otlp_id(w, F_SPAN_PARENT, span->parent_id, SPAN_ID_LEN);
}

static uint32_t flags_of(const struct span *span)
{
	return span->flags | FLAGS_HAS_REMOTE | (span->parent_remote ? FLAGS_IS_REMOTE : 0);
}

static void put_span(struct otlp_writer *w, const struct span *span)
{
	otlp_open_item(w, F_SPANS);
	put_ids(w, span);
	otlp_text(w, F_SPAN_NAME, span_slice(span, span->name));
	otlp_small(w, F_SPAN_KIND, span->kind);
	otlp_fixed64(w, F_SPAN_START, span->start_ns);
	otlp_fixed64(w, F_SPAN_END, span->end_ns);
	put_attrs(w, span);
	if (span->dropped_attrs)
		otlp_small(w, F_SPAN_DROPPED_ATTRS, span->dropped_attrs);
	put_links(w, span);
	if (span->dropped_links)
		otlp_small(w, F_SPAN_DROPPED_LINKS, span->dropped_links);
	if (span->status) {
		otlp_open(w, F_SPAN_STATUS);
		otlp_small(w, F_STATUS_CODE, span->status);
		otlp_close(w);
	}
	otlp_fixed32(w, F_SPAN_FLAGS, flags_of(span));
	otlp_close(w);
}

/* Returns its group, or OTLP_BATCH_RESOURCES_MAX: there are too many. */
static uint32_t group_of(struct otlp_spans *s, struct resource *resource)
{
	uint32_t i = s->resources;

	while (i > 0 && s->resource[i - 1] != resource &&
	       !resource_same(s->resource[i - 1], resource))
		i--;
	if (i > 0)
		return i - 1;
	if (s->resources == OTLP_BATCH_RESOURCES_MAX)
		return OTLP_BATCH_RESOURCES_MAX;
	s->resource[s->resources] = resource_ref(resource);
	return s->resources++;
}

/* Returns false where it must wait for the next batch. */
static bool take_one(struct otlp_spans *s, const struct span *span)
{
	uint32_t group = group_of(s, span->resource);
	struct otlp_writer *bytes = &s->pieces.bytes;
	size_t at = bytes->n;

	if (group == OTLP_BATCH_RESOURCES_MAX)
		return false;
	bytes->comma = false;
	put_span(bytes, span);
	if (bytes->n > s->bytes_max && s->pieces.n > 0) {
		bytes->n = at;
		return false;
	}
	if (otlp_pieces_add(&s->pieces, group, 0, at)) {
		s->lost++;
		otlp_clear(bytes); /* of its error only */
		bytes->n = at;
	}
	return true;
}

static void put_resource_attr(struct otlp_writer *w, const char *name, const char *value)
{
	if (value && *value)
		otlp_attr_text(w, F_RESOURCE_ATTRS, slice_of(name), slice_of(value));
}

/* `job` is Prometheus' alone. */
static void put_resource(struct otlp_writer *w, const struct otlp_spans *s,
			 const struct resource *resource)
{
	otlp_open(w, F_RESOURCE);
	otlp_list(w, F_RESOURCE_ATTRS);
	for (unsigned int i = 0; i < RES_COUNT; i++) {
		if (i != RES_JOB)
			put_resource_attr(w, resource_otel_name[i], resource->attr[i]);
	}
	for (size_t i = 0; s->extras && i < s->extras->n; i++)
		put_resource_attr(w, s->extras->name[i], resource->extra[i]);
	otlp_attrs_constant(w);
	otlp_list_end(w);
	otlp_close(w);
}

static size_t put_group(struct otlp_writer *w, const struct otlp_spans *s, size_t from)
{
	const struct otlp_piece *v = s->pieces.v;
	size_t i = from;

	otlp_open_item(w, F_RESOURCE_SPANS);
	put_resource(w, s, s->resource[v[from].group]);
	otlp_list(w, F_SCOPE_SPANS);
	otlp_open_item(w, F_SCOPE_SPANS);
	otlp_put_scope(w);
	otlp_list(w, F_SPANS);
	for (; i < s->pieces.n && v[i].group == v[from].group; i++)
		otlp_items(w, otlp_piece_slice(&s->pieces, v[i].at, v[i].n));
	otlp_list_end(w);
	otlp_close(w);
	otlp_list_end(w);
	otlp_close(w);
	return i;
}

int otlp_spans_take(struct otlp_spans *s, struct span_queue *queue, struct otlp_writer *w)
{
	const struct span *span;
	size_t taken, i = 0;

	while (s->pieces.n < s->spans_max && (span = span_queue_peek(queue)) && take_one(s, span))
		span_queue_pop(queue);
	otlp_pieces_sort(&s->pieces);
	otlp_clear(w);
	otlp_begin(w);
	otlp_list(w, F_RESOURCE_SPANS);
	while (i < s->pieces.n)
		i = put_group(w, s, i);
	otlp_list_end(w);
	otlp_end(w);
	taken = s->pieces.n;
	if (w->error)
		s->lost += taken;
	release(s);
	return w->error ? w->error : (int)taken;
}
