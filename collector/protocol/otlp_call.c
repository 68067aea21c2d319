/* SPDX-License-Identifier: Apache-2.0 */
#include "otlp_call.h"

static bool ends_with(struct slice s, const char *end)
{
	size_t n = strlen(end);

	return s.n >= n && memcmp(s.p + s.n - n, end, n) == 0;
}

static uint8_t by_path(const struct exchange *x)
{
	const char *query = x->target.n ? memchr(x->target.p, '?', x->target.n) : NULL;
	struct slice path = x->target;

	if (x->method != HTTP_POST || x->status / 100 != 2 || (x->target_cut && !query))
		return 0;
	if (query)
		path.n = (size_t)(query - path.p);
	return ends_with(path, "/v1/traces")    ? OTLP_CALL_TRACES
	       : ends_with(path, "/v1/metrics") ? OTLP_CALL_METRICS
						: 0;
}

static uint8_t by_method(const struct exchange *x)
{
	if (x->failed || x->protocol != PROTOCOL_GRPC || !slice_is(x->code, "OK"))
		return 0;
	if (slice_is(x->operation, "opentelemetry.proto.collector.trace.v1.TraceService/Export"))
		return OTLP_CALL_TRACES;
	return slice_is(x->operation,
			"opentelemetry.proto.collector.metrics.v1.MetricsService/Export")
		       ? OTLP_CALL_METRICS
		       : 0;
}

uint8_t otlp_call(const struct exchange *x)
{
	if (x->conn.role != KH_ROLE_CLIENT)
		return 0;
	if (x->kind == EXCHANGE_HTTP)
		return by_path(x);
	return x->kind == EXCHANGE_RPC ? by_method(x) : 0;
}
