/* SPDX-License-Identifier: Apache-2.0 */
/* When the name of the other end is a label, and that it counts as any other. */
#include "fixture.h"

static struct telemetry *telemetry;
static struct telemetry_options options;
static struct resource *resource;

/* Knows whoever has a port from 80 to 99. */
static size_t namer(void *arg, const struct exchange *e, char *buf, size_t size)
{
	if (e->conn.rport < 80 || e->conn.rport > 99)
		return 0;
	return (size_t)snprintf(buf, size, "cart.shop-%u", e->conn.rport);
}

static int setup(void **state)
{
	options = telemetry_defaults;
	options.namer = (struct peer_namer){namer, NULL};
	resource = pod_resource("shop-1");
	telemetry = NULL;
	return 0;
}

static int teardown(void **state)
{
	telemetry_free(telemetry);
	resource_unref(resource);
	return 0;
}

static void call(const char *host, const char *address, uint16_t port)
{
	struct exchange e = called();

	if (!telemetry)
		telemetry = new_telemetry(&options);
	e.conn.family = strchr(address, ':') ? AF_INET6 : AF_INET;
	inet_pton(e.conn.family, address, e.conn.raddr);
	e.conn.rport = port;
	e.host = slice_of(host);
	assert_int_equal(telemetry_http(telemetry, resource, &e, slice_of(""), SECOND), 0);
}

static void is_called(const char *host, const char *address, uint16_t port, const char *want)
{
	char with[128];

	telemetry_free(telemetry);
	telemetry = NULL;
	call(host, address, port);
	snprintf(with, sizeof(with), "server_address=\"%s\"", want);
	assert_int_equal(find(telemetry, TELEMETRY_CLIENT_DURATION, with).samples, 1);
}

static void a_name_stands_where_the_address_would(void **state)
{
	is_called("", "10.0.0.9", 80, "cart.shop-80");
	is_called("", "10.0.0.9", 79, "10.0.0.9");
}

static void addresses_are_written_as_everywhere(void **state)
{
	is_called("", "0.0.0.0", 79, "0.0.0.0");
	is_called("", "255.199.100.99", 79, "255.199.100.99");
	is_called("", "101.110.10.1", 79, "101.110.10.1");
	is_called("", "fd00::a:9", 79, "fd00::a:9");
}

static void a_host_goes_before_it(void **state)
{
	is_called("cart", "10.0.0.9", 80, "cart");
	is_called("1and1.example", "10.0.0.9", 80, "1and1.example");
	is_called("10.0.0.8", "10.0.0.9", 80, "10.0.0.8");
	is_called("10.0.0.90", "10.0.0.9", 80, "10.0.0.90");
	is_called("10.0.0", "10.0.0.9", 80, "10.0.0");
}

static void but_not_one_that_is_the_address(void **state)
{
	is_called("10.0.0.9", "10.0.0.9", 80, "cart.shop-80");
	is_called("10.0.0.9:80", "10.0.0.9", 80, "cart.shop-80");
	is_called("[fd00::9]:80", "fd00::9", 80, "cart.shop-80");
	is_called("10.0.0.9", "10.0.0.9", 79, "10.0.0.9");
	is_called("[fd00::9]:79", "fd00::9", 79, "fd00::9");
}

static void names_count_towards_the_limit_of_series(void **state)
{
	options.series_max = 4;
	for (uint16_t port = 80; port < 90; port++)
		call("", "10.0.0.9", port);
	assert_int_equal(find(telemetry, TELEMETRY_CLIENT_DURATION, "server_address").samples, 4);
	assert_int_equal(telemetry_stats(telemetry)->overflows, 6);
}

static void peers_of_different_names_are_not_merged(void **state)
{
	call("", "10.0.0.9", 80);
	call("", "10.0.0.9", 81);
	call("", "10.0.0.8", 80); /* the same name, by another address */
	assert_int_equal(find(telemetry, TELEMETRY_CLIENT_DURATION, "").samples, 2);
	assert_int_equal(
		find(telemetry, TELEMETRY_CLIENT_DURATION, "server_address=\"cart.shop-80\"").count,
		2);
}

static void a_served_request_has_no_peer_in_its_server_address(void **state)
{
	struct exchange e = served();

	telemetry = new_telemetry(&options);
	e.conn.rport = 80;
	telemetry_http(telemetry, resource, &e, slice_of(""), SECOND);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_DURATION, "cart").samples, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_name_stands_where_the_address_would),
		T(addresses_are_written_as_everywhere),
		T(a_host_goes_before_it),
		T(but_not_one_that_is_the_address),
		T(names_count_towards_the_limit_of_series),
		T(peers_of_different_names_are_not_merged),
		T(a_served_request_has_no_peer_in_its_server_address),
	};

	return cmocka_run_group_tests_name("peer labels", tests, NULL, NULL);
}
