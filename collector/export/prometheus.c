/* SPDX-License-Identifier: Apache-2.0 */
#include "prometheus.h"

#include "../telemetry/labels.h"
#include "number.h"

#include <stdio.h>

#define NAME_MAX_LEN 128
#define LE_MAX_LEN 48 /* `le="<double>"} ` */
#define EXEMPLAR_MAX_LEN (64 + 2 * 24 + 2 * NUMBER_MAX)

struct render {
	enum prometheus_format format;
	enum exemplar_filter exemplars;
	struct body *body;
	const struct telemetry_family *family;
	char le[HISTOGRAM_BOUNDS_MAX + 1][LE_MAX_LEN]; /* of the family, +Inf last */
	unsigned int le_n[HISTOGRAM_BOUNDS_MAX + 1];
	bool le_known;
	char prefix[2 * LABELS_TEXT_MAX + NAME_MAX_LEN]; /* `name_bucket{labels,` of a sample */
};

const char *prometheus_content_type(enum prometheus_format format)
{
	if (format == PROMETHEUS_OPENMETRICS)
		return "application/openmetrics-text; version=1.0.0; charset=utf-8";
	return "text/plain; version=0.0.4; charset=utf-8";
}

static void put(struct render *r, const char *text)
{
	body_put(r->body, text, strlen(text));
}

/* Helps are ours: they hold no backslash and no newline, so they need no escaping. */
static void put_header(struct render *r, const char *name, const char *suffix, const char *type,
		       const char *unit, const char *help)
{
	char text[512 + 4 * NAME_MAX_LEN];
	bool openmetrics = r->format == PROMETHEUS_OPENMETRICS;

	/* OpenMetrics names the family, the older format the samples. */
	if (openmetrics)
		suffix = "";
	snprintf(text, sizeof(text), "# HELP %s%s %s\n# TYPE %s%s %s\n", name, suffix, help, name,
		 suffix, type);
	put(r, text);
	if (openmetrics && unit) {
		snprintf(text, sizeof(text), "# UNIT %s %s\n", name, unit);
		put(r, text);
	}
}

/* ---- histograms ---- */

static void format_bounds(struct render *r, const struct histogram_bounds *bounds)
{
	char number[NUMBER_MAX];

	for (unsigned int i = 0; i <= bounds->n; i++) {
		const char *text = "+Inf";

		if (i < bounds->n) {
			number_double(bounds->le[i], r->format == PROMETHEUS_OPENMETRICS, number);
			text = number;
		}
		r->le_n[i] = (unsigned int)snprintf(r->le[i], LE_MAX_LEN, "le=\"%s\"} ", text);
	}
	r->le_known = true;
}

static size_t copy(char *out, const char *p, size_t n)
{
	if (n > 0)
		memcpy(out, p, n);
	return n;
}

/* `{labels` without its closing; returns its length. */
static size_t put_labels(char *out, const struct telemetry_sample *sample)
{
	size_t n = 0;

	out[n++] = '{';
	n += copy(out + n, sample->target_labels.p, sample->target_labels.n);
	if (sample->target_labels.n > 0 && sample->labels.n > 0)
		out[n++] = ',';
	return n + copy(out + n, sample->labels.p, sample->labels.n);
}

static size_t put_hex(char *out, const uint8_t *id, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[id[i] >> 4];
		out[2 * i + 1] = digits[id[i] & 15];
	}
	return 2 * n;
}

/* ` # {labels} value timestamp`; a timestamp has milliseconds, as Prometheus. */
static size_t format_exemplar(char *out, const struct telemetry_exemplar *exemplar, uint64_t unit)
{
	static const char trace[] = " # {trace_id=\"", span[] = "\",span_id=\"", end[] = "\"} ";
	size_t n = copy(out, trace, sizeof(trace) - 1);

	n += put_hex(out + n, exemplar->trace_id, sizeof(exemplar->trace_id));
	n += copy(out + n, span, sizeof(span) - 1);
	n += put_hex(out + n, exemplar->span_id, sizeof(exemplar->span_id));
	n += copy(out + n, end, sizeof(end) - 1);
	n += number_scaled(exemplar->value, unit, out + n);
	out[n++] = ' ';
	return n + number_scaled(exemplar->time_ns / 1000000, 1000, out + n);
}

/* The exemplar of a bucket that has one; only OpenMetrics knows them. Returns its length. */
static size_t put_exemplar(const struct render *r, const struct telemetry_sample *sample,
			   unsigned int bucket, char out[EXEMPLAR_MAX_LEN])
{
	if (r->format != PROMETHEUS_OPENMETRICS || r->exemplars == EXEMPLARS_NONE ||
	    sample->counts[bucket] == 0)
		return 0;
	for (unsigned int i = 0; i < sample->exemplars_n; i++) {
		const struct telemetry_exemplar *exemplar = &sample->exemplars[i];

		if ((exemplar->sampled || r->exemplars == EXEMPLARS_ALL) &&
		    histogram_bucket(sample->bounds, exemplar->value) == bucket)
			return format_exemplar(out, exemplar, sample->bounds->unit);
	}
	return 0;
}

static void put_buckets(struct render *r, const struct telemetry_sample *sample, uint64_t *total)
{
	size_t n = (size_t)snprintf(r->prefix, NAME_MAX_LEN, "%s_bucket", r->family->name);
	size_t labels = put_labels(r->prefix + n, sample);
	char tail[LE_MAX_LEN + NUMBER_MAX + EXEMPLAR_MAX_LEN];

	n += labels;
	if (labels > 1)
		r->prefix[n++] = ',';
	*total = 0;
	for (unsigned int i = 0; i <= sample->bounds->n; i++) {
		size_t m = copy(tail, r->le[i], r->le_n[i]);

		*total += sample->counts[i];
		m += number_u64(*total, tail + m);
		m += put_exemplar(r, sample, i, tail + m);
		tail[m++] = '\n';
		body_put(r->body, r->prefix, n);
		body_put(r->body, tail, m);
	}
}

static void put_total(struct render *r, const struct telemetry_sample *sample, const char *suffix,
		      const char *value, size_t value_n)
{
	size_t n = (size_t)snprintf(r->prefix, NAME_MAX_LEN, "%s%s", r->family->name, suffix);

	n += put_labels(r->prefix + n, sample);
	r->prefix[n++] = '}';
	r->prefix[n++] = ' ';
	n += copy(r->prefix + n, value, value_n);
	r->prefix[n++] = '\n';
	body_put(r->body, r->prefix, n);
}

static void put_sample(void *arg, const struct telemetry_sample *sample)
{
	struct render *r = arg;
	char value[NUMBER_MAX];
	uint64_t total;

	if (!r->le_known)
		format_bounds(r, sample->bounds);
	put_buckets(r, sample, &total);
	put_total(r, sample, "_sum", value,
		  number_scaled(sample->sum, sample->bounds->unit, value));
	put_total(r, sample, "_count", value, number_u64(total, value));
}

static void put_count(void *arg, const struct telemetry_sample *sample)
{
	char value[NUMBER_MAX];

	put_total(arg, sample, "_total", value, number_u64(sample->counts[0], value));
}

static void put_info(void *arg, struct slice labels)
{
	struct render *r = arg;

	put(r, r->family->name);
	put(r, "{");
	body_put(r->body, labels.p, labels.n);
	put(r, "} 1\n");
}

static void put_telemetry(struct render *r, struct telemetry *telemetry)
{
	telemetry_read_begin(telemetry);
	for (int metric = 0; metric < TELEMETRY_METRICS; metric++) {
		r->family = telemetry_family(telemetry, metric);
		if (!r->family)
			continue;
		r->le_known = false;
		put_header(r, r->family->name, r->family->counter ? "_total" : "",
			   r->family->counter ? "counter" : "histogram", r->family->unit,
			   r->family->help);
		telemetry_each(telemetry, metric, r->family->counter ? put_count : put_sample, r);
	}
	for (int info = 0; info < TELEMETRY_INFOS; info++) {
		r->family = telemetry_info(telemetry, info);
		if (!r->family)
			continue;
		put_header(r, r->family->name, "", "gauge", NULL, r->family->help);
		telemetry_each_info(telemetry, info, put_info, r);
	}
	telemetry_read_end(telemetry);
}

/* ---- Keyhole's own ---- */

static const char *suffix_of(const struct selfmetric_family *family)
{
	return family->type == SELFMETRIC_COUNTER ? "_total" : "";
}

static void put_self_family(void *arg, const struct selfmetric_family *family)
{
	put_header(arg, family->name, suffix_of(family),
		   family->type == SELFMETRIC_COUNTER ? "counter" : "gauge", NULL, family->help);
}

static void put_self_value(void *arg, const struct selfmetric_family *family,
			   const char *label_value, uint64_t number)
{
	struct render *r = arg;
	char value[NUMBER_MAX];
	size_t n = number_u64(number, value);

	put(r, family->name);
	put(r, suffix_of(family));
	if (family->label[0]) {
		put(r, "{");
		put(r, family->label);
		put(r, "=\"");
		put(r, label_value);
		put(r, "\"}");
	}
	put(r, " ");
	value[n++] = '\n';
	body_put(r->body, value, n);
}

void prometheus_render(const struct prometheus_source *source, enum prometheus_format format,
		       struct body *body)
{
	struct render r = {.format = format, .exemplars = source->exemplars, .body = body};

	if (source->telemetry)
		put_telemetry(&r, source->telemetry);
	if (source->self)
		selfmetrics_each(source->self, &(struct selfmetrics_visitor){put_self_family,
									     put_self_value, &r});
	if (format == PROMETHEUS_OPENMETRICS)
		put(&r, "# EOF\n");
}
