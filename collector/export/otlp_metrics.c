/* SPDX-License-Identifier: Apache-2.0 */
#include "otlp_metrics.h"

#include "otlp_labels.h"

#include <errno.h>
#include <stdlib.h>

#define PIECES_BYTES_MAX (256u << 20) /* series have less than half of it */

/* Kinds of pieces beside enum telemetry_metric. */
#define KIND_INFO TELEMETRY_METRICS /* + enum telemetry_info */

/* While the series are read. */
struct reading {
	struct otlp_metrics *m;
	uint64_t now_ns;
	uint32_t metric;
	bool counter;
	struct otlp_infos infos;
	const char **target; /* labels of each group: equal pointers are equal targets */
	uint32_t *slot;      /* hash of them: group + 1 */
	uint32_t slots;
	int error;
};

void otlp_metrics_init(struct otlp_metrics *m, bool json)
{
	m->pieces = (struct otlp_pieces){.bytes = OTLP_WRITER(json, PIECES_BYTES_MAX)};
	m->resource = (struct otlp_pieces){.bytes = OTLP_WRITER(json, PIECES_BYTES_MAX)};
	m->next = 0;
}

void otlp_metrics_free(struct otlp_metrics *m)
{
	otlp_pieces_free(&m->pieces);
	otlp_pieces_free(&m->resource);
}

/* ---- targets ---- */

static uint32_t *slot_of(struct reading *r, const char *target)
{
	uint32_t i = (uint32_t)(((uintptr_t)target >> 4) * 0x9e3779b1u) & (r->slots - 1);

	while (r->slot[i] && r->target[r->slot[i] - 1] != target)
		i = (i + 1) & (r->slots - 1);
	return &r->slot[i];
}

static int grow(struct reading *r)
{
	uint32_t slots = r->slots ? 2 * r->slots : 256, n = (uint32_t)r->m->resource.n;
	const char **target = reallocarray(r->target, slots, sizeof(*target));

	if (!target)
		return -ENOMEM;
	r->target = target;
	free(r->slot);
	r->slot = calloc(slots, sizeof(*r->slot));
	r->slots = r->slot ? slots : 0;
	if (!r->slot)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		*slot_of(r, target[i]) = i + 1;
	return 0;
}

/* Two collectors must not send one stream. */
static void write_own(struct reading *r)
{
	struct otlp_writer *w = &r->m->resource.bytes;
	struct slice instance = slice_of(r->m->instance);

	otlp_attr_text(w, F_RESOURCE_ATTRS, slice_of("service.name"), slice_of("keyhole"));
	if (instance.n > 0)
		otlp_attr_text(w, F_RESOURCE_ATTRS, slice_of("service.instance.id"), instance);
}

/* The target's own look wins over its target_info, which may describe its successor. */
static void write_resource(struct reading *r, struct slice target)
{
	struct otlp_pieces *to = &r->m->resource;
	struct otlp_label_text names = {r->m->extras, r->m->semconv, F_RESOURCE_ATTRS};
	struct slice info = otlp_infos_find(&r->infos, target);
	size_t at = to->bytes.n;

	to->bytes.comma = false;
	otlp_open(&to->bytes, F_RESOURCE);
	otlp_list(&to->bytes, F_RESOURCE_ATTRS);
	otlp_put_labels(&to->bytes, &names, target, (struct slice){0});
	otlp_put_labels(&to->bytes, &names, info, target);
	if (target.n == 0)
		write_own(r);
	else if (info.n == 0 && r->metric < KIND_INFO) /* a target_info has them itself */
		otlp_attrs_constant(&to->bytes);
	otlp_list_end(&to->bytes);
	otlp_close(&to->bytes);
	r->error = otlp_pieces_add(to, (uint32_t)to->n, 0, at);
}

static uint32_t group_of(struct reading *r, struct slice target)
{
	uint32_t *slot;

	if (2 * r->m->resource.n >= r->slots)
		r->error = grow(r);
	if (r->error)
		return 0;
	if (target.n == 0)
		target.p = "";
	slot = slot_of(r, target.p);
	if (*slot)
		return *slot - 1;
	*slot = (uint32_t)r->m->resource.n + 1;
	r->target[*slot - 1] = target.p;
	write_resource(r, target);
	return *slot - 1;
}

/* ---- points ---- */

static void put_times(struct otlp_writer *w, const struct reading *r, uint64_t began_ns)
{
	/* a clock that was set back */
	otlp_fixed64(w, F_POINT_START, began_ns < r->now_ns ? began_ns : r->now_ns);
	otlp_fixed64(w, F_POINT_TIME, r->now_ns);
}

static void put_attrs(struct otlp_writer *w, const struct reading *r, struct otlp_field field,
		      struct slice labels)
{
	struct otlp_label_text names = {r->m->extras, r->m->semconv, field};

	if (labels.n == 0)
		return;
	otlp_list(w, field);
	otlp_put_labels(w, &names, labels, (struct slice){0});
	otlp_list_end(w);
}

static void put_exemplar(struct otlp_writer *w, struct otlp_field field,
			 const struct telemetry_exemplar *exemplar, uint64_t unit)
{
	otlp_open_item(w, field);
	otlp_fixed64(w, F_EXEMPLAR_TIME, exemplar->time_ns);
	otlp_double(w, F_EXEMPLAR_DOUBLE, (double)exemplar->value / (double)unit);
	otlp_id(w, F_EXEMPLAR_SPAN_ID, exemplar->span_id, sizeof(exemplar->span_id));
	otlp_id(w, F_EXEMPLAR_TRACE_ID, exemplar->trace_id, sizeof(exemplar->trace_id));
	otlp_close(w);
}

static void put_exemplars(struct otlp_writer *w, const struct reading *r, struct otlp_field field,
			  const struct telemetry_sample *s)
{
	bool all = r->m->exemplars == EXEMPLARS_ALL;

	if (s->exemplars_n == 0 || r->m->exemplars == EXEMPLARS_NONE)
		return;
	otlp_list(w, field);
	for (unsigned int i = 0; i < s->exemplars_n; i++) {
		if (s->exemplars[i].sampled || all)
			put_exemplar(w, field, &s->exemplars[i], s->bounds->unit);
	}
	otlp_list_end(w);
}

static void put_histogram(struct otlp_writer *w, const struct reading *r,
			  const struct telemetry_sample *s)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i <= s->bounds->n; i++)
		total += s->counts[i];
	otlp_open_item(w, F_POINTS);
	put_times(w, r, s->began_ns);
	otlp_fixed64(w, F_HISTOGRAM_COUNT, total);
	otlp_double(w, F_HISTOGRAM_SUM, (double)s->sum / (double)s->bounds->unit);
	otlp_packed_fixed64(w, F_HISTOGRAM_BUCKETS, s->counts, s->bounds->n + 1);
	if (s->bounds->n > 0)
		otlp_packed_double(w, F_HISTOGRAM_BOUNDS, s->bounds->le, s->bounds->n);
	put_exemplars(w, r, F_HISTOGRAM_EXEMPLARS, s);
	put_attrs(w, r, F_HISTOGRAM_ATTRS, s->labels);
	otlp_close(w);
}

static void put_exponential(struct otlp_writer *w, const struct reading *r,
			    const struct telemetry_sample *s, const struct exponential_sample *e)
{
	otlp_open_item(w, F_POINTS);
	put_times(w, r, s->began_ns);
	otlp_fixed64(w, F_HISTOGRAM_COUNT, e->count);
	otlp_double(w, F_HISTOGRAM_SUM, (double)s->sum / (double)s->bounds->unit);
	otlp_sint32(w, F_EXPONENTIAL_SCALE, e->scale);
	otlp_fixed64(w, F_EXPONENTIAL_ZEROS, e->zeros);
	otlp_open(w, F_EXPONENTIAL_POSITIVE);
	otlp_sint32(w, F_BUCKETS_OFFSET, e->offset);
	otlp_packed_uint64(w, F_BUCKETS_COUNTS, e->counts, e->buckets);
	otlp_close(w);
	put_exemplars(w, r, F_EXPONENTIAL_EXEMPLARS, s);
	put_attrs(w, r, F_EXPONENTIAL_ATTRS, s->labels);
	otlp_close(w);
}

static void put_number(struct otlp_writer *w, const struct reading *r,
		       const struct telemetry_sample *s)
{
	otlp_open_item(w, F_POINTS);
	put_times(w, r, s->began_ns);
	otlp_fixed64(w, F_NUMBER_INT, s->counts[0]);
	put_attrs(w, r, F_NUMBER_ATTRS, s->labels);
	otlp_close(w);
}

static void on_sample(void *arg, const struct telemetry_sample *sample)
{
	struct reading *r = arg;
	struct otlp_writer *w = &r->m->pieces.bytes;
	uint32_t group = r->error ? 0 : group_of(r, sample->target_labels);
	struct exponential_sample exponential;
	size_t at = w->n;

	if (r->error)
		return;
	/* one whose scale is changing right now is in the next reading */
	if (sample->exponential &&
	    !exponential_read(sample->limits, sample->exponential, &exponential))
		return;
	w->comma = false;
	if (r->counter)
		put_number(w, r, sample);
	else if (sample->exponential)
		put_exponential(w, r, sample, &exponential);
	else
		put_histogram(w, r, sample);
	r->error = otlp_pieces_add(&r->m->pieces, group, r->metric, at);
}

/* A gauge of 1 whose attributes are those of its resource, too: receivers may drop these. */
static void on_info(void *arg, struct slice labels)
{
	struct reading *r = arg;
	struct otlp_writer *w = &r->m->pieces.bytes;
	bool host = r->metric == KIND_INFO + TELEMETRY_HOST_INFO;
	uint32_t group = 0;
	size_t at = w->n;

	if (!r->error)
		group = group_of(r, host ? (struct slice){0} : labels);
	if (r->error)
		return;
	w->comma = false;
	otlp_open_item(w, F_POINTS);
	otlp_fixed64(w, F_POINT_TIME, r->now_ns);
	otlp_fixed64(w, F_NUMBER_INT, 1);
	put_attrs(w, r, F_NUMBER_ATTRS, labels);
	otlp_close(w);
	r->error = otlp_pieces_add(&r->m->pieces, group, r->metric, at);
}

static void on_target(void *arg, struct slice labels)
{
	struct reading *r = arg;

	if (!r->error)
		r->error = otlp_infos_add(&r->infos, labels);
}

static void read_all(struct reading *r, struct telemetry *telemetry)
{
	telemetry_each_target(telemetry, on_target, r);
	for (int metric = 0; metric < TELEMETRY_METRICS; metric++) {
		const struct telemetry_family *family = telemetry_family(telemetry, metric);

		if (!family)
			continue;
		r->metric = (uint32_t)metric;
		r->counter = family->counter;
		telemetry_each(telemetry, metric, on_sample, r);
	}
	/* target_info is what receivers make of the resource themselves */
	for (int info = TELEMETRY_TRACES_TARGET_INFO; info < TELEMETRY_INFOS; info++) {
		r->metric = (uint32_t)(KIND_INFO + info);
		telemetry_each_info(telemetry, info, on_info, r);
	}
}

int otlp_metrics_read(struct otlp_metrics *m, uint64_t now_ns)
{
	struct reading r = {.m = m, .now_ns = now_ns};

	otlp_pieces_clear(&m->pieces);
	otlp_pieces_clear(&m->resource);
	m->next = 0;
	telemetry_read_begin(m->telemetry);
	read_all(&r, m->telemetry);
	telemetry_read_end(m->telemetry);
	otlp_pieces_sort(&m->pieces);
	otlp_infos_free(&r.infos);
	free(r.target);
	free(r.slot);
	if (r.error)
		otlp_pieces_clear(&m->pieces);
	return r.error;
}

/* ---- requests ---- */

static const char *unit_of(const struct telemetry_family *family)
{
	/* not what a histogram without unit in its name counts, but then that would be renamed */
	if (!family->unit)
		return family->counter ? "1" : "";
	return strcmp(family->unit, "seconds") == 0 ? "s" : "By";
}

static struct otlp_field data_of(const struct telemetry_family *family)
{
	if (family->counter)
		return F_METRIC_SUM;
	return family->exponential ? F_METRIC_EXPONENTIAL : F_METRIC_HISTOGRAM;
}

/* Points of one metric of one group, from piece `i` on, while there is room. */
static size_t put_metric(struct otlp_writer *w, const struct otlp_metrics *m, size_t i)
{
	const struct otlp_piece *v = m->pieces.v, *first = &v[i];
	const bool info = first->kind >= KIND_INFO;
	const struct telemetry_family *family =
		info ? telemetry_info(m->telemetry, first->kind - KIND_INFO)
		     : telemetry_family(m->telemetry, first->kind);
	const char *name = info ? family->name : telemetry_metric_name(first->kind)->name;

	otlp_open_item(w, F_METRICS);
	otlp_text(w, F_METRIC_NAME, slice_of(semconv_name(m->semconv, name)));
	otlp_text(w, F_METRIC_DESCRIPTION, slice_of(family->help));
	otlp_text(w, F_METRIC_UNIT, slice_of(unit_of(family)));
	otlp_open(w, info ? F_METRIC_GAUGE : data_of(family));
	otlp_list(w, F_POINTS);
	do {
		otlp_items(w, otlp_piece_slice(&m->pieces, v[i].at, v[i].n));
		i++;
	} while (i < m->pieces.n && v[i].group == first->group && v[i].kind == first->kind &&
		 w->n + v[i].n < m->bytes_max);
	otlp_list_end(w);
	if (!info)
		otlp_small(w, F_TEMPORALITY, OTLP_CUMULATIVE);
	if (family->counter)
		otlp_bool(w, F_MONOTONIC, true);
	otlp_close(w);
	otlp_close(w);
	return i;
}

static size_t put_target(struct otlp_writer *w, const struct otlp_metrics *m, size_t i)
{
	const struct otlp_piece *v = m->pieces.v, *resource = &m->resource.v[v[i].group];
	uint32_t group = v[i].group;

	otlp_open_item(w, F_RESOURCE_METRICS);
	otlp_items(w, otlp_piece_slice(&m->resource, resource->at, resource->n));
	otlp_list(w, F_SCOPE_METRICS);
	otlp_open_item(w, F_SCOPE_METRICS);
	otlp_put_scope(w);
	otlp_list(w, F_METRICS);
	do {
		i = put_metric(w, m, i);
	} while (i < m->pieces.n && v[i].group == group && w->n + v[i].n < m->bytes_max);
	otlp_list_end(w);
	otlp_close(w);
	otlp_list_end(w);
	otlp_close(w);
	return i;
}

int otlp_metrics_next(struct otlp_metrics *m, struct otlp_writer *w)
{
	size_t from = m->next, i = from;

	if (i == m->pieces.n)
		return 0;
	otlp_clear(w);
	otlp_begin(w);
	otlp_list(w, F_RESOURCE_METRICS);
	do {
		i = put_target(w, m, i);
	} while (i < m->pieces.n && w->n + m->pieces.v[i].n < m->bytes_max);
	otlp_list_end(w);
	otlp_end(w);
	m->next = i;
	return w->error ? w->error : (int)(i - from);
}
