/* SPDX-License-Identifier: Apache-2.0 */
#include "../service/siphash.h"
#include "labels.h"
#include "span_name.h"
#include "span_series.h"
#include "telemetry_parts.h"

#include <errno.h>

/* ---- what there is ---- */

bool spans_has(const struct telemetry_options *o, const struct metric *metric)
{
	return o->features & metric->feature;
}

attribute_set spans_set(const struct telemetry_options *o, enum attribute_owner owner)
{
	/* An edge belongs to two services: it has neither's labels but its own. */
	return owner == OWNER_AS_SPAN ? span_series_attributes(o->extras) : 0;
}

static void add_host(struct telemetry *t)
{
	struct labels labels;

	labels_init(&labels);
	labels_put(&labels, "grafana_host_id", slice_of(t->options.host_info));
	t->host_info_n = labels.n < sizeof(t->host_info) ? labels.n : 0;
	memcpy(t->host_info, labels.text, t->host_info_n);
	t->info[TELEMETRY_HOST_INFO] =
		(struct telemetry_family){.name = "traces_host_info", .help = "The host, once."};
}

void spans_init(struct telemetry *t)
{
	static const char help[] = "Who is measured, by job and instance.";

	if (!t->options.no_target_info)
		t->info[TELEMETRY_TARGET_INFO] =
			(struct telemetry_family){.name = "target_info", .help = help};
	if (t->options.features)
		t->info[TELEMETRY_TRACES_TARGET_INFO] =
			(struct telemetry_family){.name = "traces_target_info", .help = help};
	if (t->options.host_info)
		add_host(t);
}

/* ---- counting ---- */

static int check(const struct exchange *exchange)
{
	int owner = attribute_owner_of(exchange);

	if (owner < 0)
		return owner;
	return exchange->kind >= EXCHANGE_KINDS || exchange->kind == EXCHANGE_DNS ? -ENOENT : 0;
}

int telemetry_span(struct telemetry *t, const struct attribute_source *source, uint64_t now_ns)
{
	int r = check(source->exchange);

	return r ? r
		 : store_count(t, &(struct counted){OWNER_AS_SPAN, source, NULL}, now_ns, NULL,
			       NULL);
}

int telemetry_edge(struct telemetry *t, const struct attribute_source *source,
		   const struct graph_peer *peer, uint64_t now_ns)
{
	int r = check(source->exchange);

	if (!r && !t->options.self_references && graph_is_self(source->resource, peer))
		r = -ENOENT;
	return r ? r
		 : store_count(t, &(struct counted){OWNER_AS_EDGE, source, peer}, now_ns, NULL,
			       NULL);
}

static struct series *make_span(struct telemetry *t, const struct counted *what,
				struct family_group *group, struct series_key *key, uint64_t hash)
{
	struct slice text = span_series_name(key);
	struct span_name *name = span_names_take(&t->names, what->source->resource, text);
	struct series *series;
	struct labels labels;

	if (!name) {
		atomic_fetch_add_explicit(&t->stats.names_cut, 1, memory_order_relaxed);
		span_series_rename(key, SPAN_NAME_OTHERS);
		hash = siphash(siphash_process_key(), key->bytes, key->n);
		series = series_find(&group->table, key, hash);
		if (series)
			return series;
	}
	span_series_labels(&labels, key);
	series = store_make(t, group, key, hash, &labels);
	if (series)
		series->name = name;
	else
		span_names_give(&t->names, name);
	return series;
}

struct series *spans_make(struct telemetry *t, const struct counted *what,
			  struct family_group *group, struct series_key *key, uint64_t hash)
{
	struct labels labels;

	if (what->owner == OWNER_AS_SPAN)
		return make_span(t, what, group, key, hash);
	edge_series_labels(&labels, key);
	return store_make(t, group, key, hash, &labels);
}

bool spans_value(const struct counted *what, enum metric_value value)
{
	const struct exchange *exchange = what->source->exchange;

	switch (value) {
	case VALUE_CLIENT_DURATION:
		return exchange->conn.role == KH_ROLE_CLIENT;
	case VALUE_SERVER_DURATION:
		return exchange->conn.role == KH_ROLE_SERVER;
	case VALUE_ADDED:
		return graph_adds(exchange, what->peer);
	case VALUE_FAILED:
		return graph_adds(exchange, what->peer) && span_failed(exchange);
	default:
		return true;
	}
}

/* ---- reading ---- */

static bool has_any(const struct telemetry *t, enum telemetry_metric metric,
		    const struct series *series)
{
	const struct family_group *group = t->metric[metric].group;
	unsigned int at = t->metric[metric].at;
	const histogram_word *words = series->words + group->metric[at].offset;

	for (unsigned int i = 0; i <= group->metric[at].bounds->n; i++) {
		if (atomic_load_explicit(&words[1 + i], memory_order_relaxed))
			return true;
	}
	return false;
}

bool spans_shown(const struct telemetry *t, enum telemetry_metric metric,
		 const struct series *series)
{
	if (metrics[metric].is.owner != OWNER_AS_EDGE)
		return true;
	/* none failed: that is worth saying, where it would be said */
	return has_any(t, metric == TELEMETRY_GRAPH_FAILED ? TELEMETRY_GRAPH_TOTAL : metric,
		       series);
}

const struct telemetry_family *telemetry_info(const struct telemetry *t, enum telemetry_info info)
{
	return t->info[info].name ? &t->info[info] : NULL;
}

void telemetry_each_info(struct telemetry *t, enum telemetry_info info, telemetry_target_fn fn,
			 void *arg)
{
	if (!t->info[info].name)
		return;
	if (info == TELEMETRY_HOST_INFO)
		fn(arg, (struct slice){t->host_info, t->host_info_n});
	else
		telemetry_each_target(t, fn, arg);
}
