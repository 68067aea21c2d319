/* SPDX-License-Identifier: Apache-2.0 */
#include "exports.h"

#include <errno.h>
#include <string.h>

#include "collector.h"
#include "log.h"

#define LOG_MODULE "main"

extern char **environ;

int exports_read_otlp(struct collector *c)
{
	struct otlp_said said = {.common_endpoint = c->config->otlp.common_endpoint,
				 .common_protocol = c->config->otlp.common_protocol};

	for (int i = 0; i < OTLP_SIGNALS; i++) {
		said.endpoint[i] = c->config->otlp.endpoint[i];
		said.protocol[i] = c->config->otlp.protocol[i];
		said.skip_verify[i] = c->config->otlp.skip_verify[i];
	}
	return otlp_options_read(c->otlp_options, &said, environ);
}

enum exemplar_filter exports_exemplars(const struct collector *c)
{
	int scraped = c->config->prometheus.port ? c->config->prometheus.exemplars : 0;
	int sent = c->otlp_options[OTLP_METRICS].url ? c->config->otlp.exemplars : 0;

	if (c->otlp_options[OTLP_TRACES].url)
		return (enum exemplar_filter)(sent > scraped ? sent : scraped);
	if (scraped)
		log_warn("prometheus_export.exemplar_filter: there are no exemplars where no "
			 "traces are sent, see otel_traces_export.endpoint");
	return EXEMPLARS_NONE;
}

static const char *or_null(const char *text)
{
	return text && *text ? text : NULL;
}

int exports_scrapes(struct collector *c)
{
	struct export_options o = {.listen = or_null(c->config->keyhole.listen_address),
				   .port = (uint16_t)c->config->prometheus.port,
				   .path = c->config->prometheus.path,
				   .source = {c->telemetry, c->self, EXEMPLARS_NONE},
				   .answers_max = c->config->shares.answers,
				   .not_ready = vitals_not_ready,
				   .arg = &c->vitals};
	int r;

	o.source.exemplars = (enum exemplar_filter)c->config->prometheus.exemplars;
	if (c->options.print_metrics || !o.port)
		return 0;
	r = export_start(&c->export, c->loop, &o);
	if (!r) {
		export_bind(c->export, c->self);
		log_info("metrics at http://%s:%u%s", o.listen ? o.listen : "localhost",
			 export_port(c->export), c->config->prometheus.path);
	}
	return r;
}

int exports_health(struct collector *c)
{
	struct export_options o = {.listen = or_null(c->config->health.listen_address),
				   .port = (uint16_t)c->config->health.port,
				   .health_only = true,
				   .not_ready = vitals_not_ready,
				   .arg = &c->vitals};

	if (!o.port || c->options.print_metrics)
		return 0;
	return export_start(&c->health, c->loop, &o);
}

int exports_traces(struct collector *c)
{
	struct peer_namer namer = cluster_namer(&c->cluster);
	int r;

	if (!c->otlp_options[OTLP_TRACES].url)
		return 0;
	r = traces_start(&c->traces, c->config, c->telemetry, c->cluster.peers, c->trace_peers.tell,
			 &namer);
	if (!r && traces_bind(&c->traces, c->self)) {
		log_error("metrics of traces cannot be set up: %s", strerror(ENOSPC));
		r = -ENOSPC;
	}
	return r;
}

int exports_trace_peers(struct collector *c)
{
	int r = 0;

	if (c->otlp_options[OTLP_TRACES].url)
		r = trace_peers_start(&c->trace_peers, c->loop, c->config);
	else if (c->config->trace_peers.endpoints.n)
		log_warn("keyhole.traces.peers: no traces are sent, so nobody is told of any");
	return r ? r : trace_peers_bind(&c->trace_peers, c->self);
}

int exports_otlp(struct collector *c)
{
	const struct config *conf = c->config;
	struct otlp_options o = {.queue = c->traces.queue,
				 .telemetry = c->telemetry,
				 .semconv = (enum semconv)conf->keyhole.semconv,
				 .extras = &conf->attributes.extras,
				 .instance = c->host,
				 .exemplars = (enum exemplar_filter)conf->otlp.exemplars,
				 .interval_ms = conf->otlp.interval_ns / 1000000,
				 .batch_timeout_ms = conf->otlp.batch_timeout_ns / 1000000,
				 .batch_max = conf->otlp.batch_max,
				 .backoff = {conf->otlp.backoff_min_ns / 1000000,
					     conf->otlp.backoff_max_ns / 1000000,
					     conf->otlp.give_up_ns / 1000000}};
	int r;

	memcpy(o.signal, c->otlp_options, sizeof(o.signal));
	if (!o.signal[OTLP_METRICS].url && !o.signal[OTLP_TRACES].url)
		return 0;
	r = otlp_start(&c->otlp, c->loop, &o);
	if (!r)
		r = otlp_bind(c->otlp, c->self);
	if (r)
		log_error("the export by OTLP cannot be set up: %s", strerror(-r));
	else if (o.signal[OTLP_METRICS].url)
		log_info("metrics are sent by OTLP to %s", o.signal[OTLP_METRICS].url);
	if (!r && o.signal[OTLP_TRACES].url)
		log_info("traces are sent by OTLP to %s", o.signal[OTLP_TRACES].url);
	return r;
}
