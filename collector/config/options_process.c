/* SPDX-License-Identifier: Apache-2.0 */
/* Options of the process itself, what it exports at all, and short forms of entries. */
#include "option.h"

#include "../intake/intake.h"
#include "../protocol/exchange.h"
#include "config.h"

#define AT(member) .offset = offsetof(struct config, member)
#define STRING_(x) #x
#define STRING(x) STRING_(x)
#define SECOND 1000000000ull

static const struct option_choice log_formats[] = {
	{"text", LOG_TEXT, false, NULL, false},
	{"json", LOG_JSON, false, NULL, false},
	{NULL, 0, false, NULL, false},
};

static const struct option_choice log_configs[] = {
	{"yaml", CONFIG_SHOWN_AS_YAML, false, NULL, false},
	{"json", CONFIG_SHOWN_AS_JSON, false, NULL, false},
	{"", CONFIG_NOT_SHOWN, true, NULL, false},
	{NULL, 0, false, NULL, false},
};

#define HAS(word, bits) {(word), (bits), false, NULL, false}
#define NO(word, why) {(word), 0, false, (why), false}
#define YET(word, why) {(word), 0, false, (why), true}

static const char processes[] = "it has no metrics of processes";
static const char flows[] = "it collects no network flows";
static const char tcp[] = "it has no statistics of TCP";

static const struct option_choice features[] = {
	HAS("application", CONFIG_APPLICATION),
	HAS("all", CONFIG_APPLICATION | CONFIG_ANY_SPANS | CONFIG_GRAPH | CONFIG_HOST),
	HAS("*", CONFIG_APPLICATION | CONFIG_ANY_SPANS | CONFIG_GRAPH | CONFIG_HOST),
	HAS("application_span", CONFIG_SPANS),
	HAS("application_span_otel", CONFIG_SPANS_OTEL),
	HAS("application_span_sizes", CONFIG_SPAN_SIZES),
	HAS("application_service_graph", CONFIG_GRAPH),
	HAS("application_host", CONFIG_HOST),
	YET("application_process", processes),
	YET("application_runtime", "it does not look into runtimes"),
	NO("network", flows),
	NO("network_flow_packets", flows),
	NO("network_inter_zone", flows),
	NO("stats", tcp),
	NO("stats_tcp_rtt", tcp),
	NO("stats_tcp_failed_connections", tcp),
	NO("stats_tcp_retransmits", tcp),
	NO("stats_tcp_io", tcp),
	NO("ebpf", "its own metrics keyhole_bpf_* are always there"),
	{NULL, 0, false, NULL, false},
};

static const char databases[] = "it does not read that database's protocol";

/* Words of Beyla's, of which some mean several protocols, then ours. */
#define P(e) (1ll << PROTOCOL_##e)
#define WEB (P(HTTP) | P(HTTP2) | P(FASTCGI))
#define SQL (P(POSTGRESQL) | P(MYSQL) | P(MARIADB) | P(MSSQL))
#define NOSQL (P(REDIS) | P(MEMCACHED) | P(MONGODB) | P(CASSANDRA))
#define MESSAGES (P(KAFKA) | P(AMQP) | P(AMQP1) | P(MQTT) | P(NATS))

static const struct option_choice instrumentations[] = {
	HAS("*", WEB | P(GRPC) | SQL | NOSQL | MESSAGES | P(DNS)),
	HAS("http", WEB),
	HAS("grpc", P(GRPC)),
	HAS("sql", SQL),
	HAS("redis", P(REDIS)),
	HAS("memcached", P(MEMCACHED)),
	HAS("mongo", P(MONGODB)),
	HAS("kafka", P(KAFKA)),
	HAS("amqp", P(AMQP) | P(AMQP1)),
	HAS("mqtt", P(MQTT)),
	HAS("nats", P(NATS)),
	HAS("dns", P(DNS)),
	HAS("cassandra", P(CASSANDRA)),
	HAS("postgresql", P(POSTGRESQL)),
	HAS("mysql", P(MYSQL) | P(MARIADB)),
	HAS("mssql", P(MSSQL)),
	HAS("fastcgi", P(FASTCGI)),
	YET("couchbase", databases),
	YET("aerospike", databases),
	YET("sunrpc", "it does not read Sun RPC"),
	YET("genai", "it does not read calls of AI services"),
	NO("gpu", "it does not look at GPUs"),
	{NULL, 0, false, NULL, false},
};

static const char *check_address(const char *text, char why[PATTERN_WHY_MAX])
{
	return config_check_address(text);
}

static const char *check_param(const char *text, char why[PATTERN_WHY_MAX])
{
	return *text ? NULL : "it must be the name of a parameter";
}

static const char *check_system_path(const char *text, char why[PATTERN_WHY_MAX])
{
	return text[0] == '/' ? NULL : "it must begin with \"/\"";
}

#define PAYLOAD(name, member, says)                                                                \
	{.path = "ebpf.payload_extraction.http." name ".enabled",                                  \
	 .type = OPTION_BOOL,                                                                      \
	 AT(payloads.member),                                                                      \
	 .fallback = "false",                                                                      \
	 .doc = (says)}

static const struct option rows[] = {
	{.path = "log_format",
	 .type = OPTION_CHOICE,
	 AT(log_format),
	 .choices = log_formats,
	 .fallback = "text",
	 .env = "LOG_FORMAT",
	 .live = true,
	 .doc = "How a line of the log is written."},
	{.path = "log_config",
	 .type = OPTION_CHOICE,
	 AT(log_config),
	 .choices = log_configs,
	 .fallback = "",
	 .env = "LOG_CONFIG",
	 .doc = "Prints the effective configuration to the log at the start."},
	{.path = "health_check.port",
	 .type = OPTION_COUNT,
	 AT(health.port),
	 .min = 0,
	 .max = 65535,
	 .fallback = "0",
	 .env = "HEALTH_CHECK_PORT",
	 .doc = "One more TCP port for /healthz and /readyz, which the port of the metrics has in "
		"any case; 0: none."},
	{.path = "health_check.listen_address",
	 .type = OPTION_TEXT,
	 AT(health.listen_address),
	 .check = check_address,
	 .fallback = "127.0.0.1",
	 .env = "HEALTH_CHECK_LISTEN_ADDRESS",
	 .doc = "Its address. Probes of the kubelet come to the address of the pod."},

	{.path = "metrics.features",
	 .type = OPTION_SET,
	 AT(features.all),
	 .choices = features,
	 .fallback = "application",
	 .env = "METRICS_FEATURES",
	 .doc = "Kinds of metrics: `application` (of requests), `application_span`, "
		"`application_span_otel`, `application_span_sizes` (of spans), "
		"`application_service_graph`, `application_host` (`traces_host_info`). Of others "
		"Keyhole says that it has none."},
	{.path = "prometheus_export.features",
	 .type = OPTION_SET,
	 AT(features.prometheus),
	 .choices = features,
	 .env = "PROMETHEUS_FEATURES",
	 .doc = "The older form of `metrics.features`, and stronger."},
	{.path = "prometheus_export.instrumentations",
	 .type = OPTION_SET,
	 AT(features.instrumentations),
	 .choices = instrumentations,
	 .fallback = "*",
	 .env = "PROMETHEUS_INSTRUMENTATIONS",
	 .doc = "Protocols that there are metrics of; what is neither for metrics nor for spans is "
		"not read. `http` is HTTP/1, HTTP/2 "
		"and FastCGI; `sql` is PostgreSQL, MySQL, MariaDB and SQL Server; `amqp` is "
		"0-9-1 and 1.0. `cassandra`, `postgresql`, `mysql` (with MariaDB), `mssql` and "
		"`fastcgi` are Keyhole's own words. Of others Keyhole says that it has none."},
	{.path = "otel_traces_export.instrumentations",
	 .type = OPTION_SET,
	 AT(features.traces),
	 .choices = instrumentations,
	 .fallback = "http,grpc,sql,redis,memcached,mongo,cassandra,kafka,amqp,mqtt,nats",
	 .env = "OTEL_TRACES_INSTRUMENTATIONS",
	 .doc = "Protocols that spans are made of, in the same words. By default of all but "
		"`dns`."},
	{.path = "attributes.sensitive_query_params.add",
	 .type = OPTION_TEXTS,
	 AT(attributes.secret_params),
	 .check = check_param,
	 .max = URL_SECRETS_MAX - URL_SECRETS_DEFAULT,
	 .doc = "Parameters of queries whose values spans show as `REDACTED`, with their case, "
		"beside `AWSAccessKeyId`, `Signature`, `sig`, `X-Goog-Signature`, "
		"`X-Amz-Credential`, `X-Amz-Security-Token` and `X-Amz-Signature`."},
	{.path = "attributes.sensitive_query_params.remove",
	 .type = OPTION_TEXTS,
	 AT(attributes.open_params),
	 .check = check_param,
	 .max = URL_SECRETS_MAX,
	 .doc = "Of these, parameters whose values are shown nevertheless."},
	PAYLOAD("graphql", graphql, "GraphQL is told from other requests by its body."),
	PAYLOAD("elasticsearch", elasticsearch,
		"Requests to Elasticsearch and OpenSearch count as operations of a database."),
	PAYLOAD("aws", aws, "Requests to S3 and SQS are told from others."),
	PAYLOAD("jsonrpc", jsonrpc, "JSON-RPC counts as remote procedure calls."),
	{.path = "prometheus_export.disable_build_info",
	 .type = OPTION_BOOL,
	 AT(prometheus.disable_build_info),
	 .fallback = "false",
	 .env = "PROMETHEUS_DISABLE_BUILD_INFO",
	 .doc = "Leaves out `keyhole_build_info`."},

	{.path = "attributes.kubernetes.informers_sync_timeout",
	 .type = OPTION_PERIOD,
	 AT(kubernetes.sync_timeout_ns),
	 .min = 0,
	 .max = 3600 * SECOND,
	 .fallback = "10s",
	 .env = "KUBE_INFORMERS_SYNC_TIMEOUT",
	 .doc = "How long records are left to the loader until the first list of pods is "
		"complete."},

	{.path = "target_pids",
	 .type = OPTION_RANGES,
	 AT(discovery.target_pids),
	 .min = 1,
	 .max = 4194304,
	 .env = "TARGET_PID",
	 .live = true,
	 .doc = "One more entry: these processes, as the host counts them."},
	{.path = "discovery.excluded_linux_system_paths",
	 .type = OPTION_TEXTS,
	 AT(discovery.system_paths),
	 .check = check_system_path,
	 .max = 64,
	 .live = true,
	 .doc = "Programs below these directories are left out. (Beyla leaves out "
		"`/lib/systemd/`, `/usr/lib/systemd/`, `/usr/libexec/`, `/sbin/` and `/usr/sbin/` "
		"unless told.)"},
};

const struct option_table options_process = {rows, sizeof(rows) / sizeof(*rows), &options_otlp};
