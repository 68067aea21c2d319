/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration as each part of the collector wants it. */
#include "config.h"

#include "../protocol/exchange.h"

#include <errno.h>

#define PROTOCOL(e) (1ull << PROTOCOL_##e)

uint64_t config_payloads(const struct config *config)
{
	return (config->payloads.graphql ? PROTOCOL(GRAPHQL) : 0) |
	       (config->payloads.elasticsearch ? PROTOCOL(ELASTICSEARCH) | PROTOCOL(OPENSEARCH)
					       : 0) |
	       (config->payloads.aws ? PROTOCOL(S3) | PROTOCOL(SQS) : 0) |
	       (config->payloads.jsonrpc ? PROTOCOL(JSONRPC) : 0);
}

uint64_t config_features(const struct config *config)
{
	const struct config_set *features = config->features.prometheus.given
						    ? &config->features.prometheus
						    : &config->features.all;

	return features->bits;
}

uint64_t config_protocols(const struct config *config)
{
	uint64_t protocols = config->features.instrumentations.bits;

	if (!(config_features(config) & (CONFIG_APPLICATION | CONFIG_ANY_SPANS | CONFIG_GRAPH)))
		return 0;
	if (protocols & PROTOCOL(HTTP))
		protocols |= config_payloads(config);
	return protocols;
}

uint64_t config_traced(const struct config *config)
{
	uint64_t protocols = config->features.traces.bits;

	return protocols & PROTOCOL(HTTP) ? protocols | config_payloads(config) : protocols;
}

void config_spans(const struct config *config, struct span_options *options)
{
	*options = (struct span_options){
		.select = config->attributes.select.sections,
		.protocols = config_traced(config),
		.metrics_made = config_features(config) & (CONFIG_ANY_SPANS | CONFIG_GRAPH),
		.semconv = (enum semconv)config->keyhole.semconv,
		.secret = config->attributes.secret_params.v,
		.secrets_n = config->attributes.secret_params.n,
		.open = config->attributes.open_params.v,
		.open_n = config->attributes.open_params.n,
	};
}

static struct telemetry_buckets buckets(const struct config_numbers *from,
					struct telemetry_buckets otherwise)
{
	if (!from->n)
		return otherwise;
	return (struct telemetry_buckets){.le = from->v, .n = (unsigned int)from->n};
}

/* Bits of enum exchange_kind, of those of enum protocol. */
static unsigned int kinds_of(uint64_t protocols)
{
	unsigned int kinds = 0;

	for (unsigned int i = 0; i < PROTOCOLS; i++) {
		if (protocols >> i & 1)
			kinds |= 1u << protocol_kind((enum protocol)i);
	}
	return kinds;
}

static unsigned int features_of(uint64_t features)
{
	return (features & CONFIG_SPANS ? TELEMETRY_SPANS : 0) |
	       (features & CONFIG_SPANS_OTEL ? TELEMETRY_SPANS_OTEL : 0) |
	       (features & CONFIG_SPAN_SIZES ? TELEMETRY_SPAN_SIZES : 0) |
	       (features & CONFIG_GRAPH ? TELEMETRY_GRAPH : 0);
}

void config_telemetry(const struct config *config, bool sent, struct telemetry_options *o)
{
	uint64_t features = config_features(config);
	bool application = features & CONFIG_APPLICATION;

	*o = telemetry_defaults;
	o->kinds = application ? kinds_of(config_protocols(config)) : 0;
	o->encrypted_connections = application;
	o->no_target_info = !application;
	o->features = features_of(features);
	o->span_names_max = (unsigned int)config->graph.span_names;
	o->self_references = config->prometheus.self_references;
	o->semconv = (enum semconv)config->keyhole.semconv;
	telemetry_set_durations(o, buckets(&config->prometheus.duration, o->duration));
	o->request_size = buckets(&config->prometheus.request_size, o->request_size);
	o->response_size = buckets(&config->prometheus.response_size, o->response_size);
	o->series_max = (unsigned int)config->keyhole.series_limit;
	o->bytes_max = config->keyhole.series_memory;
	o->ttl_ns = config->prometheus.ttl_ns;
	if (sent && config->otlp.aggregation)
		o->exponential = (struct exponential_limits){
			.buckets = (unsigned int)config->otlp.exponential_buckets,
			.scale = (int)config->otlp.exponential_scale};
	o->time_to_first_byte = config->keyhole.time_to_first_byte;
	o->server_address_from_host = config->keyhole.server_address_from_host;
	o->select = config->attributes.select.sections;
	o->extras = &config->attributes.extras;
}

void config_selectors(const struct config *config, struct selector_options *options)
{
	*options = (struct selector_options){
		.include = config->discovery.include.v,
		.include_count = config->discovery.include.n,
		.exclude = config->discovery.exclude.v,
		.exclude_count = config->discovery.exclude.n,
	};
}

struct sampler config_sampler(const struct config *config)
{
	struct sampler sampler = SAMPLER_DEFAULT;

	sampler_read(&sampler, slice_of(config->traces.sampler_name),
		     slice_of(config->traces.sampler_arg));
	return sampler;
}

static bool any_args(const struct config_entries *entries)
{
	for (size_t i = 0; i < entries->n; i++) {
		if (entries->v[i].text[SELECTOR_CMD_ARGS])
			return true;
	}
	return false;
}

bool config_wants_args(const struct config *config)
{
	return any_args(&config->discovery.include) || any_args(&config->discovery.exclude);
}

void config_routes(const struct config *config, struct route_options *options)
{
	*options = (struct route_options){
		.patterns = config->routes.patterns.v,
		.pattern_count = config->routes.patterns.n,
		.ignored = config->routes.ignored.v,
		.ignored_count = config->routes.ignored.n,
		.sets = config->discovery.route_sets.v,
		.set_count = config->discovery.route_sets.n,
		.ignore = (enum route_ignore)config->routes.ignore,
		.unmatched = config->routes.given ? (enum route_unmatched)config->routes.unmatched
						  : ROUTE_UNSET,
		.wildcard = config->routes.wildcard,
		.cardinality = (unsigned)config->routes.cardinality,
	};
}

static struct resolve_labels labels_of(const struct config_texts *texts)
{
	return (struct resolve_labels){texts->v, texts->n};
}

void config_naming(const struct config *config, const char *host, struct resolve_rules *rules)
{
	*rules = (struct resolve_rules){
		.name = labels_of(&config->kubernetes.name_labels),
		.space = labels_of(&config->kubernetes.namespace_labels),
		.version = labels_of(&config->kubernetes.version_labels),
		.name_template = config->kubernetes.name_template,
		.cluster = config->kubernetes.cluster_name,
		.host = *config->naming.hostname ? config->naming.hostname : host,
		.host_id = config->naming.host_id,
		.extra_labels = config->kubernetes.extra_labels.v,
		.extra_label_count = config->kubernetes.extra_labels.n,
		.service_name = config->naming.service_name,
		.service_namespace = config->naming.service_namespace,
	};
}

static bool has_text(const struct config_texts *texts, const char *text)
{
	for (size_t i = 0; i < texts->n; i++)
		if (strcmp(texts->v[i], text) == 0)
			return true;
	return false;
}

void config_peers(const struct config *config, bool *pods, bool *services)
{
	*pods = has_text(&config->keyhole.peers, "pods") && !config->kubernetes.local_node;
	*services = has_text(&config->keyhole.peers, "services") &&
		    !has_text(&config->kubernetes.disabled, "service");
}

/* ---- keys of labels and annotations ---- */

struct key_list {
	const char **keys;
	size_t n, size; /* size: with the NULL at the end */
	bool full;
};

static void add_key(struct key_list *list, const char *key)
{
	for (size_t i = 0; i < list->n; i++) {
		if (strcmp(list->keys[i], key) == 0)
			return;
	}
	if (list->n + 1 >= list->size)
		list->full = true;
	else
		list->keys[list->n++] = key;
}

static void add_texts(struct key_list *list, const struct config_texts *texts)
{
	for (size_t i = 0; i < texts->n; i++)
		add_key(list, texts->v[i]);
}

static void add_extra_labels(struct key_list *list, const struct config_labels *labels)
{
	for (size_t i = 0; i < labels->n; i++) {
		for (size_t j = 0; j < labels->v[i].labels.n; j++)
			add_key(list, labels->v[i].labels.keys[j]);
	}
}

static void add_entries(struct key_list *list, const struct config_entries *entries,
			bool annotations)
{
	for (size_t i = 0; i < entries->n; i++) {
		const struct selector_entry *e = &entries->v[i];
		const struct selector_pair *pairs = annotations ? e->annotations : e->labels;
		size_t n = annotations ? e->annotation_count : e->label_count;

		for (size_t j = 0; j < n; j++)
			add_key(list, pairs[j].key);
	}
}

static int finish(struct key_list *list)
{
	if (list->full || list->size == 0)
		return -ENOSPC;
	list->keys[list->n] = NULL;
	return (int)list->n;
}

int config_pod_labels(const struct config *config, const char *keys[], size_t size)
{
	struct key_list list = {keys, 0, size, false};

	add_texts(&list, &config->kubernetes.name_labels);
	add_texts(&list, &config->kubernetes.namespace_labels);
	add_texts(&list, &config->kubernetes.version_labels);
	add_texts(&list, &config->kubernetes.template_labels);
	add_extra_labels(&list, &config->kubernetes.extra_labels);
	add_entries(&list, &config->discovery.include, false);
	add_entries(&list, &config->discovery.exclude, false);
	return finish(&list);
}

int config_pod_annotations(const struct config *config, const char *keys[], size_t size)
{
	struct key_list list = {keys, 0, size, false};

	add_key(&list, "resource.opentelemetry.io/*");
	add_entries(&list, &config->discovery.include, true);
	add_entries(&list, &config->discovery.exclude, true);
	return finish(&list);
}
