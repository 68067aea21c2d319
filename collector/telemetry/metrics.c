/* SPDX-License-Identifier: Apache-2.0 */
#include "metrics.h"

#include <string.h>

#define DURATION(metric, owner, name, label, says)                                                 \
	[TELEMETRY_##metric] = {{OWNER_##owner, name, label "_seconds"},                           \
				VALUE_DURATION,                                                    \
				BUCKETS_DURATION,                                                  \
				"seconds",                                                         \
				says}
#define DB_DURATION(metric, owner, name, label, says)                                              \
	[TELEMETRY_##metric] = {{OWNER_##owner, name, label "_seconds"},                           \
				VALUE_DURATION,                                                    \
				BUCKETS_DB_DURATION,                                               \
				"seconds",                                                         \
				says}
#define FIRST_BYTE(metric, owner, name, label, says)                                               \
	[TELEMETRY_##metric] = {{OWNER_##owner, name, label "_seconds"},                           \
				VALUE_FIRST_BYTE,                                                  \
				BUCKETS_DURATION,                                                  \
				"seconds",                                                         \
				says}
#define SIZE(metric, owner, of, name, label, says)                                                 \
	[TELEMETRY_##metric] = {{OWNER_##owner, name, label "_bytes"},                             \
				VALUE_##of##_SIZE,                                                 \
				BUCKETS_##of##_SIZE,                                               \
				"bytes",                                                           \
				says}

/* Without a unit in the name, as Beyla has them: so OTLP says none, or receivers would add it. */
#define COUNTER(metric, owner, of, name, label, says, feature)                                     \
	[TELEMETRY_##                                                                              \
		metric] = {{OWNER_##owner, name, label}, VALUE_##of, BUCKETS_NONE, NULL, says,     \
			   TELEMETRY_##feature}
#define SECONDS(metric, owner, of, name, says, feature)                                            \
	[TELEMETRY_##metric] = {{OWNER_##owner, name, name "_seconds"},                            \
				VALUE_##of,                                                        \
				BUCKETS_DURATION,                                                  \
				"seconds",                                                         \
				says,                                                              \
				TELEMETRY_##feature}

const struct metric metrics[TELEMETRY_METRICS] = {
	DURATION(SERVER_DURATION, HTTP_SERVER, "http.server.request.duration",
		 "http_server_request_duration",
		 "Duration of HTTP requests served: first byte received to last byte sent."),
	DURATION(CLIENT_DURATION, HTTP_CLIENT, "http.client.request.duration",
		 "http_client_request_duration",
		 "Duration of HTTP requests made: first byte sent to last byte received."),
	SIZE(SERVER_REQUEST_SIZE, HTTP_SERVER, REQUEST, "http.server.request.body.size",
	     "http_server_request_body_size", "Size of the bodies of HTTP requests served."),
	SIZE(CLIENT_REQUEST_SIZE, HTTP_CLIENT, REQUEST, "http.client.request.body.size",
	     "http_client_request_body_size", "Size of the bodies of HTTP requests made."),
	SIZE(SERVER_RESPONSE_SIZE, HTTP_SERVER, RESPONSE, "http.server.response.body.size",
	     "http_server_response_body_size", "Size of the bodies of HTTP responses sent."),
	SIZE(CLIENT_RESPONSE_SIZE, HTTP_CLIENT, RESPONSE, "http.client.response.body.size",
	     "http_client_response_body_size", "Size of the bodies of HTTP responses received."),
	FIRST_BYTE(SERVER_FIRST_BYTE, HTTP_SERVER, "keyhole.http.server.time_to_first_byte",
		   "keyhole_http_server_time_to_first_byte",
		   "First byte of an HTTP request received to first byte of its response."),
	FIRST_BYTE(CLIENT_FIRST_BYTE, HTTP_CLIENT, "keyhole.http.client.time_to_first_byte",
		   "keyhole_http_client_time_to_first_byte",
		   "First byte of an HTTP request sent to first byte of its response."),

	DURATION(RPC_SERVER_DURATION, RPC_SERVER, "rpc.server.call.duration",
		 "rpc_server_call_duration",
		 "Duration of remote procedure calls served: first byte received to last byte "
		 "sent."),
	DURATION(RPC_CLIENT_DURATION, RPC_CLIENT, "rpc.client.call.duration",
		 "rpc_client_call_duration",
		 "Duration of remote procedure calls made: first byte sent to last byte received."),
	DB_DURATION(DB_SERVER_DURATION, DB_SERVER, "db.server.operation.duration",
		    "db_server_operation_duration",
		    "Duration of operations that a database served."),
	DB_DURATION(DB_CLIENT_DURATION, DB_CLIENT, "db.client.operation.duration",
		    "db_client_operation_duration",
		    "Duration of operations that a client asked of a database."),
	DURATION(MESSAGING_SERVER_DURATION, MESSAGING_SERVER,
		 "keyhole.messaging.server.operation.duration",
		 "keyhole_messaging_server_operation_duration",
		 "Duration of operations that a message broker served."),
	DURATION(MESSAGING_CLIENT_DURATION, MESSAGING_CLIENT, "messaging.client.operation.duration",
		 "messaging_client_operation_duration",
		 "Duration of operations that a client asked of a message broker."),
	DURATION(MESSAGING_PROCESS_DURATION, MESSAGING_PROCESS, "messaging.process.duration",
		 "messaging_process_duration",
		 "From a message handed to a consumer to what it answered."),
	DURATION(DNS_SERVER_DURATION, DNS_SERVER, "keyhole.dns.server.lookup.duration",
		 "keyhole_dns_server_lookup_duration", "Duration of DNS questions answered."),
	DURATION(DNS_LOOKUP_DURATION, DNS_CLIENT, "dns.lookup.duration", "dns_lookup_duration",
		 "Duration of DNS questions asked."),

	[TELEMETRY_ENCRYPTED_CONNECTIONS] = {{OWNER_CONNECTION, "keyhole.encrypted.connections",
					      "keyhole_encrypted_connections"},
					     VALUE_NONE,
					     BUCKETS_NONE,
					     NULL,
					     "Connections that are encrypted, so that nothing else "
					     "is seen of them."},

	/* Names of Beyla's, in either form, so that its dashboards work. */
	[TELEMETRY_SPANMETRICS_LATENCY] = {{OWNER_AS_SPAN, "traces_spanmetrics_latency",
					    "traces_spanmetrics_latency"},
					   VALUE_DURATION,
					   BUCKETS_DURATION,
					   NULL,
					   "Duration of requests as spans, in seconds.",
					   TELEMETRY_SPANS},
	COUNTER(SPANMETRICS_CALLS, AS_SPAN, NONE, "traces_spanmetrics_calls_total",
		"traces_spanmetrics_calls", "Requests as spans.", SPANS),
	COUNTER(SPANMETRICS_SIZE, AS_SPAN, REQUEST_SIZE, "traces_spanmetrics_size_total",
		"traces_spanmetrics_size", "Bytes of the bodies of requests, by span.", SPAN_SIZES),
	COUNTER(SPANMETRICS_RESPONSE_SIZE, AS_SPAN, RESPONSE_SIZE,
		"traces_spanmetrics_response_size_total", "traces_spanmetrics_response_size",
		"Bytes of the bodies of responses, by span.", SPAN_SIZES),
	SECONDS(SPAN_METRICS_DURATION, AS_SPAN, DURATION, "traces_span_metrics_duration",
		"Duration of requests as spans.", SPANS_OTEL),
	COUNTER(SPAN_METRICS_CALLS, AS_SPAN, NONE, "traces_span_metrics_calls",
		"traces_span_metrics_calls", "Requests as spans.", SPANS_OTEL),
	SECONDS(GRAPH_CLIENT, AS_EDGE, CLIENT_DURATION, "traces_service_graph_request_client",
		"Duration of requests between two services, as the client saw them.", GRAPH),
	SECONDS(GRAPH_SERVER, AS_EDGE, SERVER_DURATION, "traces_service_graph_request_server",
		"Duration of requests between two services, as the server saw them.", GRAPH),
	COUNTER(GRAPH_FAILED, AS_EDGE, FAILED, "traces_service_graph_request_failed_total",
		"traces_service_graph_request_failed",
		"Requests between two services that failed, each once.", GRAPH),
	COUNTER(GRAPH_TOTAL, AS_EDGE, ADDED, "traces_service_graph_request_total",
		"traces_service_graph_request", "Requests between two services, each once.", GRAPH),
};

/* ---- defaults ---- */

static const double duration_le[] = {0,   0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
				     0.5, 0.75,  1,    2.5,   5,    7.5,   10};
/* Semantic conventions, db.client.operation.duration. */
static const double db_duration_le[] = {0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10};
static const double size_le[] = {0, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192};

const struct telemetry_options telemetry_defaults = {
	.kinds = 1u << EXCHANGE_HTTP,
	.duration = {duration_le, sizeof(duration_le) / sizeof(*duration_le)},
	.db_duration = {db_duration_le, sizeof(db_duration_le) / sizeof(*db_duration_le)},
	.request_size = {size_le, sizeof(size_le) / sizeof(*size_le)},
	.response_size = {size_le, sizeof(size_le) / sizeof(*size_le)},
	.series_max = TELEMETRY_SERIES_DEFAULT,
	.bytes_max = TELEMETRY_BYTES_DEFAULT,
	.ttl_ns = TELEMETRY_TTL_DEFAULT_NS,
	.span_names_max = SPAN_NAMES_DEFAULT,
	.kubernetes = true,
};

void telemetry_set_durations(struct telemetry_options *options, struct telemetry_buckets buckets)
{
	const struct telemetry_buckets *usual = &telemetry_defaults.duration;

	if (buckets.n != usual->n ||
	    memcmp(buckets.le, usual->le, usual->n * sizeof(*usual->le)) != 0)
		options->db_duration = buckets;
	options->duration = buckets;
}
