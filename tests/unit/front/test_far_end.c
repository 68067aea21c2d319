/* SPDX-License-Identifier: Apache-2.0 */
/* The other end of an exchange: its name, and whether a Keyhole looks at it. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"
#include "far_end.h"

#define S 1000000000ull
#define NOW (1000 * S)

static const struct resolve_rules rules = {.service_name = ""};
static struct far_end_options options;
static struct far_ends *ends;
static struct selector *selector;
static struct peers *peers;
static struct kube_store *stores[PEERS_SOURCES];
static struct graph_peer found;

static int setup(void **state)
{
	options = (struct far_end_options){"unresolved", "outgoing", "incoming", true};
	ends = far_ends_new(&options);
	peers = peers_new();
	peers_rules(peers, &rules);
	for (int i = 0; i < PEERS_SOURCES; i++) {
		stores[i] = kube_store_new(0);
		peers_follow(peers, i, stores[i]);
		peers_confirm(peers, i, NOW);
	}
	selector = NULL;
	return 0;
}

static int teardown(void **state)
{
	far_ends_free(ends);
	peers_free(peers);
	selector_free(selector);
	for (int i = 0; i < PEERS_SOURCES; i++)
		kube_store_free(stores[i]);
	return 0;
}

static void again(void)
{
	far_ends_free(ends);
	ends = far_ends_new(&options);
	far_ends_follow(ends, selector);
}

static void choose(const struct selector_entry *include, size_t includes,
		   const struct selector_entry *exclude, size_t excludes)
{
	struct selector_options o = {include, exclude, includes, excludes};
	char why[PATTERN_WHY_MAX];

	selector_free(selector);
	assert_int_equal(selector_new(&selector, &o, why), 0);
	far_ends_follow(ends, selector);
}

static void put(enum peers_source source, const char *name, const char *namespace, const char *ip)
{
	static const struct kube_container container = {.name = "main",
							.id = "",
							.ended_id = "",
							.image = "",
							.otel_service_name = "",
							.otel_resource_attributes = ""};
	struct kube_pod draft = {.uid = name,
				 .name = name,
				 .namespace = namespace,
				 .owner_kind = "Deployment",
				 .owner_name = name,
				 .containers = &container,
				 .container_count = source == PEERS_HERE,
				 .is_service = source == PEERS_SERVICES,
				 .ip_count = 1};

	draft.workload[KUBE_DEPLOYMENT] = name;
	memset(draft.ip[0] + 10, 0xff, 2);
	assert_int_equal(inet_pton(AF_INET, ip, draft.ip[0] + 12), 1);
	assert_int_equal(kube_store_put(stores[source], kube_pod_new(&draft)), 0);
	assert_int_equal(kube_store_publish(stores[source], NOW), 0);
	peers_quiesce(peers);
}

/* Who is at that address, which a client (or, to a server, the client) has. */
static void look(enum kh_role role, const char *ip, const char *host)
{
	struct exchange e = {.conn = {.role = (uint8_t)role, .family = AF_INET},
			     .start_ns = NOW,
			     .host = slice_of(host)};

	if (inet_pton(AF_INET, ip, e.conn.raddr) != 1) {
		e.conn.family = AF_INET6;
		assert_int_equal(inet_pton(AF_INET6, ip, e.conn.raddr), 1);
	}
	far_end_find(ends, peers, &e, &found);
}

static void expect(const char *service, const char *namespace, bool there)
{
	assert_true(slice_is(found.service, service));
	assert_true(slice_is(found.service_namespace, namespace));
	assert_int_equal(found.counted_there, there);
}

#define CLIENT KH_ROLE_CLIENT
#define SERVER KH_ROLE_SERVER

/* ---- names ---- */

static void an_address_without_a_name_is_called_as_configured(void **state)
{
	choose(NULL, 0, NULL, 0);
	look(CLIENT, "192.0.2.1", "");
	expect("outgoing", "", true);
	look(SERVER, "192.0.2.1", "shop.example");
	expect("incoming", "", true);
	options.outgoing = options.incoming = "";
	again();
	look(CLIENT, "192.0.2.1", "");
	expect("unresolved", "", true);
	options.unresolved = "";
	again();
	look(CLIENT, "192.0.2.1", "");
	expect("192.0.2.1", "", true);
	look(SERVER, "2001:db8::1", "");
	expect("2001:db8::1", "", true);
}

static void a_server_may_be_called_by_its_host(void **state)
{
	choose(NULL, 0, NULL, 0);
	look(CLIENT, "8.8.8.8", "api.example.com:8080");
	expect("api.example.com", "", false);
	look(CLIENT, "2606:4700::1", "api.example.com");
	expect("api.example.com", "", false);
	/* who knows what that is: a Service has such addresses, too */
	for (size_t i = 0; i < 6; i++) {
		static const char *const inner[] = {"10.1.2.3",    "172.20.0.1", "192.168.9.9",
						    "100.100.0.1", "127.0.0.1",  "fd00::7"};

		look(CLIENT, inner[i], "cart:80");
		expect("cart", "", true);
	}
	look(CLIENT, "10.1.2.3", "cart.shop.svc.cluster.local:80");
	expect("cart", "shop", true);
	assert_true(slice_is(found.k8s_namespace, "shop"));
	/* an address says nothing that the connection does not */
	look(CLIENT, "8.8.8.8", "8.8.8.8:80");
	expect("outgoing", "", true);
	look(CLIENT, "2606:4700::1", "[2606:4700::1]:80");
	expect("outgoing", "", true);
}

/* ---- who is looked at ---- */

static void a_pod_that_is_shown_is_looked_at(void **state)
{
	put(PEERS_HERE, "cart", "shop", "10.1.0.1");
	put(PEERS_ELSEWHERE, "far", "shop", "10.1.1.1");
	choose(NULL, 0, NULL, 0);
	look(CLIENT, "10.1.0.1", "shop.example");
	expect("cart", "shop", true);
	look(CLIENT, "10.1.1.1", "");
	expect("far", "shop", true);
	options.everywhere = false;
	again();
	look(CLIENT, "10.1.0.1", "");
	expect("cart", "shop", true);
	look(CLIENT, "10.1.1.1", "");
	expect("far", "shop", false);
}

static void a_pod_that_no_selector_shows_is_not(void **state)
{
	const struct selector_entry tools = {.text[SELECTOR_K8S_NAMESPACE] = "tools",
					     .form = PATTERN_GLOB};
	const struct selector_entry cart = {.text[SELECTOR_K8S_DEPLOYMENT] = "cart",
					    .form = PATTERN_GLOB};
	const struct selector_entry quiet = {.text[SELECTOR_K8S_DEPLOYMENT] = "cart",
					     .form = PATTERN_GLOB,
					     .has_silent = true,
					     .silent = true};
	const struct selector_entry others = {.text[SELECTOR_K8S_DEPLOYMENT] = "cart",
					      .form = PATTERN_GLOB,
					      .has_silent = true,
					      .left_out = CONFIG_GRAPH};
	const struct selector_entry container = {.text[SELECTOR_K8S_CONTAINER] = "main",
						 .form = PATTERN_GLOB};

	put(PEERS_HERE, "cart", "shop", "10.1.0.1");
	put(PEERS_HERE, "tool", "tools", "10.1.0.2");
	choose(NULL, 0, &tools, 1);
	look(CLIENT, "10.1.0.1", "");
	expect("cart", "shop", true);
	look(CLIENT, "10.1.0.2", "");
	expect("tool", "tools", false);
	choose(&cart, 1, NULL, 0);
	look(CLIENT, "10.1.0.1", "");
	expect("cart", "shop", true);
	look(CLIENT, "10.1.0.2", "");
	expect("tool", "tools", false);
	choose(&quiet, 1, NULL, 0);
	look(CLIENT, "10.1.0.1", "");
	expect("cart", "shop", false);
	choose(&others, 1, NULL, 0);
	look(CLIENT, "10.1.0.1", "");
	expect("cart", "shop", false);
	choose(&container, 1, NULL, 0);
	look(CLIENT, "10.1.0.2", "");
	expect("tool", "tools", true);
	choose(NULL, 0, &container, 1);
	look(CLIENT, "10.1.0.2", "");
	expect("tool", "tools", false);
}

/* Its workloads are known, its containers are not. */
static void a_pod_of_another_node_is_no_other(void **state)
{
	const struct selector_entry cart = {.text[SELECTOR_K8S_DEPLOYMENT] = "cart",
					    .form = PATTERN_GLOB};
	const struct selector_entry container = {.text[SELECTOR_CONTAINER_NAME] = "main",
						 .form = PATTERN_GLOB};

	put(PEERS_ELSEWHERE, "cart", "shop", "10.1.1.1");
	put(PEERS_ELSEWHERE, "tool", "tools", "10.1.1.2");
	choose(&cart, 1, NULL, 0);
	look(CLIENT, "10.1.1.1", "");
	expect("cart", "shop", true);
	look(CLIENT, "10.1.1.2", "");
	expect("tool", "tools", false);
	choose(&container, 1, NULL, 0);
	look(CLIENT, "10.1.1.2", "");
	expect("tool", "tools", true);
	choose(NULL, 0, &container, 1);
	look(CLIENT, "10.1.1.2", "");
	expect("tool", "tools", true);
}

/* Rather not in the total than in it twice. */
static void what_a_process_decides_is_taken_for_looked_at(void **state)
{
	const struct selector_range ports = {8080, 8080};
	const struct selector_entry entry[] = {
		{.text[SELECTOR_EXE_PATH] = "*/java", .form = PATTERN_GLOB},
		{.ports = &ports, .port_count = 1, .form = PATTERN_GLOB},
	};

	put(PEERS_HERE, "cart", "shop", "10.1.0.1");
	for (int i = 0; i < 2; i++) {
		choose(&entry[i], 1, NULL, 0);
		look(CLIENT, "10.1.0.1", "");
		expect("cart", "shop", true);
	}
}

static void a_service_is_looked_at_unless_its_namespace_is_left_out(void **state)
{
	const struct selector_entry tools = {.text[SELECTOR_K8S_NAMESPACE] = "tools",
					     .form = PATTERN_GLOB};
	const struct selector_entry cart = {.text[SELECTOR_K8S_DEPLOYMENT] = "cart",
					    .form = PATTERN_GLOB};

	put(PEERS_SERVICES, "basket", "shop", "10.96.0.1");
	put(PEERS_SERVICES, "tool", "tools", "10.96.0.2");
	choose(NULL, 0, &tools, 1);
	look(CLIENT, "10.96.0.1", "");
	expect("basket", "shop", true);
	look(CLIENT, "10.96.0.2", "");
	expect("tool", "tools", false);
	look(CLIENT, "10.96.0.9", "tool.tools.svc");
	expect("tool", "tools", false);
	choose(&cart, 1, NULL, 0);
	look(CLIENT, "10.96.0.1", "");
	expect("basket", "shop", true);
	choose(&tools, 1, NULL, 0);
	look(CLIENT, "10.96.0.1", "");
	expect("basket", "shop", false);
}

static void without_a_cluster_nobody_has_a_name(void **state)
{
	struct exchange e = {.conn = {.role = CLIENT, .family = AF_INET, .raddr = {10, 1}},
			     .start_ns = NOW};

	choose(NULL, 0, NULL, 0);
	far_end_find(ends, NULL, &e, &found);
	expect("outgoing", "", true);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_address_without_a_name_is_called_as_configured),
		T(a_server_may_be_called_by_its_host),
		T(a_pod_that_is_shown_is_looked_at),
		T(a_pod_that_no_selector_shows_is_not),
		T(a_pod_of_another_node_is_no_other),
		T(what_a_process_decides_is_taken_for_looked_at),
		T(a_service_is_looked_at_unless_its_namespace_is_left_out),
		T(without_a_cluster_nobody_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
