/* SPDX-License-Identifier: Apache-2.0 */
/* Which exchanges are OTLP that a workload sends by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocol/otlp_call.h"

#define TRACE_EXPORT "opentelemetry.proto.collector.trace.v1.TraceService/Export"
#define METRICS_EXPORT "opentelemetry.proto.collector.metrics.v1.MetricsService/Export"

static struct exchange post(const char *target)
{
	return (struct exchange){.conn.role = KH_ROLE_CLIENT,
				 .kind = EXCHANGE_HTTP,
				 .protocol = PROTOCOL_HTTP,
				 .method = HTTP_POST,
				 .status = 200,
				 .target = slice_of(target)};
}

static struct exchange grpc(const char *method)
{
	return (struct exchange){.conn.role = KH_ROLE_CLIENT,
				 .kind = EXCHANGE_RPC,
				 .protocol = PROTOCOL_GRPC,
				 .method = HTTP_POST,
				 .status = 200,
				 .operation = slice_of(method),
				 .code = slice_of("OK")};
}

static void paths_are_known(void **state)
{
	static const struct {
		const char *target;
		uint8_t signals;
	} cases[] = {
		{"/v1/traces", OTLP_CALL_TRACES},
		{"/v1/metrics", OTLP_CALL_METRICS},
		{"/otlp/v1/metrics?tenant=a", OTLP_CALL_METRICS},
		{"/v1/logs", 0},
		{"/v1/traces/", 0},
		{"/v1/tracesx", 0},
		{"/v2/traces", 0},
		{"/x?y=/v1/traces", 0},
		{"v1/traces", 0},
		{"", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct exchange x = post(cases[i].target);

		assert_int_equal(otlp_call(&x), cases[i].signals);
	}
}

static void only_a_client_that_succeeded_counts(void **state)
{
	struct exchange x = post("/v1/traces");

	(void)state;
	x.status = 202;
	assert_int_equal(otlp_call(&x), OTLP_CALL_TRACES);
	for (uint16_t status = 0; status <= 599; status++) {
		x.status = status;
		assert_int_equal(otlp_call(&x), status / 100 == 2 ? OTLP_CALL_TRACES : 0);
	}
	x = post("/v1/traces");
	x.conn.role = KH_ROLE_SERVER;
	assert_int_equal(otlp_call(&x), 0);
	x = post("/v1/traces");
	x.method = HTTP_GET;
	assert_int_equal(otlp_call(&x), 0);
	x = post("/v1/traces");
	x.target_cut = true; /* who knows how it goes on */
	assert_int_equal(otlp_call(&x), 0);
	x.target = slice_of("/v1/traces?a=");
	assert_int_equal(otlp_call(&x), OTLP_CALL_TRACES);
}

static void methods_of_grpc_are_known(void **state)
{
	struct exchange x = grpc(TRACE_EXPORT);

	(void)state;
	assert_int_equal(otlp_call(&x), OTLP_CALL_TRACES);
	x.failed = true;
	assert_int_equal(otlp_call(&x), 0);
	x = grpc(TRACE_EXPORT);
	x.code = slice_of("UNAVAILABLE");
	assert_int_equal(otlp_call(&x), 0);
	x = grpc(METRICS_EXPORT);
	assert_int_equal(otlp_call(&x), OTLP_CALL_METRICS);
	x.conn.role = KH_ROLE_SERVER;
	assert_int_equal(otlp_call(&x), 0);
	x = grpc("opentelemetry.proto.collector.logs.v1.LogsService/Export");
	assert_int_equal(otlp_call(&x), 0);
	x = grpc(METRICS_EXPORT "er");
	assert_int_equal(otlp_call(&x), 0);
	x = grpc("_OTHER");
	assert_int_equal(otlp_call(&x), 0);
	x = grpc(TRACE_EXPORT);
	x.protocol = PROTOCOL_JSONRPC;
	assert_int_equal(otlp_call(&x), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_known),
		cmocka_unit_test(only_a_client_that_succeeded_counts),
		cmocka_unit_test(methods_of_grpc_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
