/* SPDX-License-Identifier: Apache-2.0 */
/* Options of the export by OTLP. Others of OpenTelemetry's variables: export/otlp_options.c. */
#include "option.h"

#include "../export/otlp_options.h"
#include "../telemetry/exponential.h"
#include "../trace/span_queue.h"
#include "config.h"

#include <string.h>

#define AT(member) .offset = offsetof(struct config, member)
#define STRING_(x) #x
#define STRING(x) STRING_(x)
#define MS 1000000ull
#define SECOND (1000 * MS)

static const char *check_protocol(const char *text, char why[PATTERN_WHY_MAX])
{
	return otlp_check_protocol(text);
}

/* It is printed with the configuration, so it holds no password. */
static const char *check_endpoint(const char *text, char why[PATTERN_WHY_MAX])
{
	return strchr(text, '@') ? "credentials belong into OTEL_EXPORTER_OTLP_HEADERS" : NULL;
}

static const struct option_choice aggregations[] = {
	{"explicit_bucket_histogram", 0, false, NULL, false},
	{"base2_exponential_bucket_histogram", 1, false, NULL, false},
	{NULL, 0, false, NULL, false},
};

#define ENDPOINT(signal) .type = OPTION_TEXT, AT(otlp.endpoint[signal]), .check = check_endpoint
#define PROTOCOL(signal) .type = OPTION_TEXT, AT(otlp.protocol[signal]), .check = check_protocol

static const struct option rows[] = {
	{.path = "otlp_endpoint",
	 .type = OPTION_TEXT,
	 AT(otlp.common_endpoint),
	 .check = check_endpoint,
	 .env_plain = "OTEL_EXPORTER_OTLP_ENDPOINT",
	 .env_only = true,
	 .doc = "URL of an OTLP receiver, such as `http://otel-collector:4318`: metrics go to "
		"`/v1/metrics` there, traces to `/v1/traces`."},
	{.path = "otlp_protocol",
	 .type = OPTION_TEXT,
	 AT(otlp.common_protocol),
	 .check = check_protocol,
	 .env_plain = "OTEL_EXPORTER_OTLP_PROTOCOL",
	 .env_only = true,
	 .doc = "`http/protobuf`, the default, or `http/json`; with `grpc` nothing is sent."},
	{.path = "otlp_headers",
	 .type = OPTION_TEXT,
	 AT(otlp.common_headers),
	 .env_plain = "OTEL_EXPORTER_OTLP_HEADERS",
	 .env_only = true,
	 .secret = true,
	 .doc = "Headers of each request, `key=value,key=value`, percent-encoded. Of a signal: "
		"`OTEL_EXPORTER_OTLP_METRICS_HEADERS`, `OTEL_EXPORTER_OTLP_TRACES_HEADERS`; see "
		"otlp.md for all such variables."},
	{.path = "otel_metrics_export.endpoint",
	 ENDPOINT(OTLP_METRICS),
	 .env = "OTEL_METRICS_ENDPOINT",
	 .env_plain = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
	 .doc = "URL to which metrics are sent by OTLP, with its path, such as "
		"`http://otel-collector:4318/v1/metrics`; stronger than "
		"`OTEL_EXPORTER_OTLP_ENDPOINT`."},
	{.path = "otel_metrics_export.protocol",
	 PROTOCOL(OTLP_METRICS),
	 .env_plain = "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
	 .doc = "`http/protobuf`, the default, or `http/json`; with `grpc` nothing is sent."},
	{.path = "otel_metrics_export.interval",
	 .type = OPTION_PERIOD,
	 AT(otlp.interval_ns),
	 .min = 100 * MS,
	 .max = 86400 * SECOND,
	 .fallback = "60s",
	 .env = "METRICS_INTERVAL",
	 .doc = "Time between two exports of metrics."},
	{.path = "otel_metrics_export.histogram_aggregation",
	 .type = OPTION_CHOICE,
	 AT(otlp.aggregation),
	 .choices = aggregations,
	 .fallback = "explicit_bucket_histogram",
	 .env_plain = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
	 .doc = "Histograms by OTLP have the bounds of `prometheus_export.buckets`, or are "
		"exponential; see otlp.md. Scrapes have the former in any case."},
	{.path = "otel_metrics_export.exponential_histogram.max_size",
	 .type = OPTION_COUNT,
	 AT(otlp.exponential_buckets),
	 .min = EXPONENTIAL_BUCKETS_MIN,
	 .max = EXPONENTIAL_BUCKETS_MAX,
	 .fallback = "160",
	 .doc = "Most buckets of an exponential histogram."},
	{.path = "otel_metrics_export.exponential_histogram.max_scale",
	 .type = OPTION_COUNT,
	 AT(otlp.exponential_scale),
	 .min = 0,
	 .max = EXPONENTIAL_SCALE_MAX,
	 .fallback = "20",
	 .doc = "Its scale at first: buckets between two powers of two, as a power of two. It "
		"falls as far as its values need."},
	{.path = "keyhole.otlp.exemplar_filter",
	 .type = OPTION_CHOICE,
	 AT(otlp.exemplars),
	 .choices = exemplar_filters,
	 .fallback = "trace_based",
	 .env = "OTLP_EXEMPLAR_FILTER",
	 .env_plain = "OTEL_METRICS_EXEMPLAR_FILTER",
	 .doc = "Like `prometheus_export.exemplar_filter`, of durations by OTLP. It needs an "
		"endpoint for traces, too."},
	{.path = "otel_metrics_export.insecure_skip_verify",
	 .type = OPTION_BOOL,
	 AT(otlp.skip_verify[OTLP_METRICS]),
	 .fallback = "false",
	 .env = "OTEL_INSECURE_SKIP_VERIFY",
	 .doc = "Takes any certificate of the receiver."},
	{.path = "otel_traces_export.endpoint",
	 ENDPOINT(OTLP_TRACES),
	 .env = "OTEL_TRACES_ENDPOINT",
	 .env_plain = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
	 .doc = "URL to which spans are sent by OTLP, with its path, such as "
		"`http://otel-collector:4318/v1/traces`; stronger than "
		"`OTEL_EXPORTER_OTLP_ENDPOINT`."},
	{.path = "otel_traces_export.protocol",
	 PROTOCOL(OTLP_TRACES),
	 .env_plain = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
	 .doc = "`http/protobuf`, the default, or `http/json`; with `grpc` nothing is sent."},
	{.path = "otel_traces_export.insecure_skip_verify",
	 .type = OPTION_BOOL,
	 AT(otlp.skip_verify[OTLP_TRACES]),
	 .fallback = "false",
	 .doc = "Takes any certificate of the receiver."},
	{.path = "otel_traces_export.batch_max_size",
	 .type = OPTION_COUNT,
	 AT(otlp.batch_max),
	 .min = 1,
	 .max = 65536,
	 .fallback = "4096",
	 .env = "OTLP_TRACES_BATCH_MAX_SIZE",
	 .doc = "Most spans of one request. One of 2 MiB is full before."},
	{.path = "otel_traces_export.batch_timeout",
	 .type = OPTION_PERIOD,
	 AT(otlp.batch_timeout_ns),
	 .min = 0,
	 .max = 3600 * SECOND,
	 .fallback = "15s",
	 .env = "OTLP_TRACES_BATCH_TIMEOUT",
	 .doc = "Longest time that a span waits for a full batch."},
	{.path = "otel_traces_export.queue_size",
	 .type = OPTION_COUNT,
	 AT(otlp.queue_entries),
	 .min = 1,
	 .max = SPAN_QUEUE_ENTRIES_MAX,
	 .fallback = "16384",
	 .env = "OTLP_TRACES_QUEUE_SIZE",
	 .doc = "Most spans that wait to be sent; further ones are dropped and counted."},
	{.path = "otel_traces_export.backoff_initial_interval",
	 .type = OPTION_PERIOD,
	 AT(otlp.backoff_min_ns),
	 .min = 10 * MS,
	 .max = 3600 * SECOND,
	 .fallback = "1s",
	 .env = "BACKOFF_INITIAL_INTERVAL",
	 .doc = "Pause before a request, also one of metrics, is sent again; it doubles each "
		"time."},
	{.path = "otel_traces_export.backoff_max_interval",
	 .type = OPTION_PERIOD,
	 AT(otlp.backoff_max_ns),
	 .min = 10 * MS,
	 .max = 3600 * SECOND,
	 .fallback = "30s",
	 .env = "BACKOFF_MAX_INTERVAL",
	 .doc = "Longest such pause."},
	{.path = "otel_traces_export.backoff_max_elapsed_time",
	 .type = OPTION_PERIOD,
	 AT(otlp.give_up_ns),
	 .min = 0,
	 .max = 86400 * SECOND,
	 .fallback = "0s",
	 .env = "BACKOFF_MAX_ELAPSED_TIME",
	 .doc = "A request that was tried for so long is dropped; 0: never."},
	{.path = "keyhole.traces.queue_bytes",
	 .type = OPTION_COUNT,
	 AT(otlp.queue_bytes),
	 .min = SPAN_QUEUE_BYTES_MIN,
	 .max = SPAN_QUEUE_BYTES_MAX,
	 .fallback = "16777216",
	 .env = "TRACES_QUEUE_BYTES",
	 .doc = "Memory of the spans that wait to be sent; an ordinary one takes 1 KiB."},
	{.path = "shutdown_timeout",
	 .type = OPTION_PERIOD,
	 AT(otlp.shutdown_ns),
	 .min = 0,
	 .max = 600 * SECOND,
	 .fallback = "10s",
	 .env = "SHUTDOWN_TIMEOUT",
	 .doc = "Longest time that the end takes to send by OTLP what waits."},
};

const struct option_table options_otlp = {rows, sizeof(rows) / sizeof(*rows), &options_traces};
