/* SPDX-License-Identifier: Apache-2.0 */
/* Names that changed: what each version exports, and that the configuration knows them all. */
#include "fixture.h"

static struct resource *resource;

static int setup(void **state)
{
	resource = pod_resource("shop-1");
	return 0;
}

static int teardown(void **state)
{
	resource_unref(resource);
	return 0;
}

static struct exchange a_call(void)
{
	struct exchange e = called();

	e.kind = EXCHANGE_RPC;
	e.protocol = PROTOCOL_GRPC;
	e.operation = slice_of("shop.Cart/Add");
	e.code = slice_of("NOT_FOUND");
	e.failed = true;
	return e;
}

static void names_are_those_of_the_version(void **state)
{
	static const struct {
		enum semconv version;
		const char *family, *labels, *messaging;
	} v[] = {
		{SEMCONV_CURRENT, "rpc_client_call_duration_seconds",
		 "|rpc_system_name=\"grpc\",rpc_method=\"shop.Cart/Add\","
		 "rpc_status_code=\"NOT_FOUND\"",
		 "|messaging_system_name=\"kafka\""},
		{SEMCONV_BEYLA, "rpc_client_call_duration_seconds",
		 "|rpc_system_name=\"grpc\",rpc_method=\"shop.Cart/Add\","
		 "rpc_response_status_code=\"NOT_FOUND\"",
		 "|messaging_system=\"kafka\""},
		{SEMCONV_BEYLA_3_20, "rpc_client_duration_seconds",
		 "|rpc_system=\"grpc\",rpc_method=\"shop.Cart/Add\",rpc_grpc_status_code=\"5\"",
		 "|messaging_system=\"kafka\""},
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		struct exchange e = a_call(), m = called();
		struct telemetry_options options = telemetry_defaults;
		struct telemetry *telemetry;

		m.kind = EXCHANGE_MESSAGING;
		m.protocol = PROTOCOL_KAFKA;
		options.kinds = 1u << EXCHANGE_RPC | 1u << EXCHANGE_MESSAGING;
		options.semconv = v[i].version;
		telemetry = new_telemetry(&options);
		telemetry_http(telemetry, resource, &e, slice_of(""), SECOND);
		telemetry_http(telemetry, resource, &m, slice_of(""), SECOND);
		assert_string_equal(
			telemetry_family(telemetry, TELEMETRY_RPC_CLIENT_DURATION)->name,
			v[i].family);
		assert_int_equal(find(telemetry, TELEMETRY_RPC_CLIENT_DURATION, v[i].labels).count,
				 1);
		/* What fails keeps the name of its status in error.type. */
		assert_int_equal(
			find(telemetry, TELEMETRY_RPC_CLIENT_DURATION, "error_type=\"NOT_FOUND\"")
				.count,
			1);
		assert_int_equal(
			find(telemetry, TELEMETRY_MESSAGING_CLIENT_DURATION, v[i].messaging).count,
			1);
		telemetry_free(telemetry);
	}
}

static void an_attribute_is_found_under_the_names_of_all_versions(void **state)
{
	static const struct {
		const char *name;
		int id;
	} v[] = {
		{"rpc.status_code", ATTR_RPC_STATUS},
		{"rpc.response.status_code", ATTR_RPC_STATUS},
		{"rpc_response_status_code", ATTR_RPC_STATUS},
		{"rpc_grpc_status_code", ATTR_RPC_STATUS},
		{"rpc.system", ATTR_RPC_SYSTEM},
		{"messaging.system", ATTR_MESSAGING_SYSTEM},
		{"messaging_system_name", ATTR_MESSAGING_SYSTEM},
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		attribute_set all = ~(attribute_set)0;

		assert_int_equal(attribute_find(NULL, slice_of(v[i].name)), v[i].id);
		assert_true(select_attributes(v[i].name, all & (ATTR_BIT(ATTR_EXTRA) - 1), NULL) ==
			    ATTR_BIT(v[i].id));
	}
}

static void a_metric_is_found_under_the_names_of_all_versions(void **state)
{
	const struct select_metric *rpc = telemetry_metric_name(TELEMETRY_RPC_SERVER_DURATION);

	assert_true(select_matches("rpc.server.call.duration", rpc));
	assert_true(select_matches("rpc_server_call_duration_seconds", rpc));
	assert_true(select_matches("rpc.server.duration", rpc));
	assert_true(select_matches("rpc_server_duration_seconds", rpc));
	assert_false(select_matches("rpc.client.duration", rpc));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(names_are_those_of_the_version),
		T(an_attribute_is_found_under_the_names_of_all_versions),
		T(a_metric_is_found_under_the_names_of_all_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
