/* SPDX-License-Identifier: Apache-2.0 */
#include "otlp_labels.h"

#include "../telemetry/labels.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct label {
	struct slice name, raw; /* the value, still escaped */
};

/* The text is our own (labels.h), so it is well-formed; what is not ends it. */
static bool next_label(struct slice *text, struct label *label)
{
	const char *p = text->p, *end = p + text->n, *value;

	if (text->n == 0)
		return false;
	p = memchr(p, '=', text->n);
	if (!p || end - p < 3 || p[1] != '"')
		return false;
	label->name = (struct slice){text->p, (size_t)(p - text->p)};
	for (value = p += 2; p < end && *p != '"'; p++)
		p += *p == '\\';
	if (p >= end)
		return false;
	label->raw = (struct slice){value, (size_t)(p - value)};
	p += p + 1 < end && p[1] == ',' ? 2 : 1;
	*text = (struct slice){p, (size_t)(end - p)};
	return true;
}

static struct slice find_label(struct slice text, const char *name)
{
	struct label label;

	while (next_label(&text, &label)) {
		if (slice_is(label.name, name))
			return label.raw;
	}
	return (struct slice){0};
}

static struct slice unescape(struct slice raw, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < raw.n && n < size; i++) {
		char c = raw.p[i];

		if (c == '\\' && i + 1 < raw.n)
			c = raw.p[++i] == 'n' ? '\n' : raw.p[i];
		out[n++] = c;
	}
	return (struct slice){out, n};
}

/* Labels of spans and edges, which have no attribute of the table behind them. */
static const char *own_name(struct slice label)
{
	static const char *const names[][2] = {
		{"span_name", "span.name"},
		{"span_kind", "span.kind"},
		{"status_code", "status.code"},
		{"client_service_namespace", "client.service.namespace"},
		{"client_k8s_cluster_name", "client.k8s.cluster.name"},
		{"client_k8s_namespace_name", "client.k8s.namespace.name"},
		{"server_service_namespace", "server.service.namespace"},
		{"server_k8s_cluster_name", "server.k8s.cluster.name"},
		{"server_k8s_namespace_name", "server.k8s.namespace.name"},
		{"connection_type", "connection.type"},
		{"grafana_host_id", "grafana.host.id"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (slice_is(label, names[i][0]))
			return names[i][1];
	}
	return NULL;
}

static bool is_number(int id)
{
	return id >= 0 && id < ATTR_EXTRA && attribute_at((unsigned int)id)->number;
}

static void put_label(struct otlp_writer *w, const struct otlp_label_text *how,
		      const struct label *label)
{
	char value[LABEL_VALUE_MAX + 1], *end;
	int id = attribute_find(how->extras, label->name);
	struct slice text = unescape(label->raw, value, LABEL_VALUE_MAX);
	struct slice name = label->name;
	long long number;

	if (slice_is(name, "otel_metric_overflow")) {
		otlp_attr_true(w, how->field, slice_of("otel.metric.overflow"));
		return;
	}
	if (id >= 0)
		name = slice_of(
			semconv_name(how->semconv, attribute_name(how->extras, (unsigned int)id)));
	else if (own_name(name))
		name = slice_of(own_name(name));
	value[text.n] = '\0';
	number = is_number(id) ? strtoll(value, &end, 10) : 0;
	if (is_number(id) && text.n > 0 && !*end)
		otlp_attr_int(w, how->field, name, number);
	else
		otlp_attr_text(w, how->field, name, text);
}

void otlp_put_labels(struct otlp_writer *w, const struct otlp_label_text *how, struct slice labels,
		     struct slice but)
{
	struct label label;
	char name[ATTRIBUTE_NAME_MAX + 2];

	while (next_label(&labels, &label)) {
		snprintf(name, sizeof(name), "%.*s", (int)label.name.n, label.name.p);
		if (strcmp(name, resource_prom_label[RES_JOB]) != 0 && !find_label(but, name).p)
			put_label(w, how, &label);
	}
}

/* ---- target_info ---- */

static int compare(struct slice a, struct slice b)
{
	int order = memcmp(a.p ? a.p : "", b.p ? b.p : "", a.n < b.n ? a.n : b.n);

	return order ? order : a.n < b.n ? -1 : a.n > b.n;
}

static int by_identity(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;
	const char *instance = resource_prom_label[RES_INSTANCE],
		   *job = resource_prom_label[RES_JOB];
	int order = compare(find_label(*x, instance), find_label(*y, instance));

	return order ? order : compare(find_label(*x, job), find_label(*y, job));
}

int otlp_infos_add(struct otlp_infos *infos, struct slice labels)
{
	if (infos->n == infos->size) {
		size_t size = infos->size ? 2 * infos->size : 64;
		struct slice *v = reallocarray(infos->v, size, sizeof(*v));

		if (!v)
			return -ENOMEM;
		infos->v = v;
		infos->size = size;
	}
	infos->v[infos->n++] = labels;
	infos->sorted = false;
	return 0;
}

struct slice otlp_infos_find(struct otlp_infos *infos, struct slice target)
{
	const struct slice *found;

	if (infos->n == 0 || !find_label(target, resource_prom_label[RES_INSTANCE]).p)
		return (struct slice){0};
	if (!infos->sorted)
		qsort(infos->v, infos->n, sizeof(*infos->v), by_identity);
	infos->sorted = true;
	found = bsearch(&target, infos->v, infos->n, sizeof(*infos->v), by_identity);
	return found ? *found : (struct slice){0};
}

void otlp_infos_free(struct otlp_infos *infos)
{
	free(infos->v);
	*infos = (struct otlp_infos){0};
}
