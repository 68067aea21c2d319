/* SPDX-License-Identifier: Apache-2.0 */
/* Names for addresses: from which source, under which name, and when rather none. */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "identity/peer_name.h"

#define S 1000000000ull
#define NOW (1000 * S)

static const char *const name_labels[] = {"app.kubernetes.io/name"};
static const char *const space_labels[] = {"app.kubernetes.io/part-of"};
static const struct resolve_rules rules = {
	.name = {name_labels, 1}, .space = {space_labels, 1}, .service_name = "not-this"};

static struct peers *peers;
static struct kube_store *stores[PEERS_SOURCES];

static int setup(void **state)
{
	peers = peers_new();
	peers_rules(peers, &rules);
	for (int i = 0; i < PEERS_SOURCES; i++) {
		stores[i] = kube_store_new(0);
		peers_follow(peers, i, stores[i]);
		peers_confirm(peers, i, NOW);
	}
	return 0;
}

static int teardown(void **state)
{
	peers_free(peers);
	for (int i = 0; i < PEERS_SOURCES; i++)
		kube_store_free(stores[i]);
	return 0;
}

/* What stands in a struct kh_conn. */
static unsigned int address_of(const char *text, uint8_t address[16])
{
	memset(address, 0, 16);
	if (inet_pton(AF_INET, text, address) == 1)
		return AF_INET;
	assert_int_equal(inet_pton(AF_INET6, text, address), 1);
	return AF_INET6;
}

static void put(enum peers_source source, struct kube_pod draft, const char *ip)
{
	uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff}, address[16];

	draft.uid = draft.name;
	if (address_of(ip, address) == AF_INET)
		memcpy(mapped + 12, address, 4);
	else
		memcpy(mapped, address, 16);
	memcpy(draft.ip[draft.ip_count++], mapped, 16);
	assert_int_equal(kube_store_put(stores[source], kube_pod_new(&draft)), 0);
	assert_int_equal(kube_store_publish(stores[source], NOW), 0);
	peers_quiesce(peers);
}

#define A_POD(n, space, ...)                                                                       \
	((struct kube_pod){.name = (n),                                                            \
			   .namespace = (space),                                                   \
			   .owner_kind = "Deployment",                                             \
			   .owner_name = "cart",                                                   \
			   __VA_ARGS__})
#define A_SERVICE(n, space)                                                                        \
	((struct kube_pod){.name = (n),                                                            \
			   .namespace = (space),                                                   \
			   .owner_kind = "Service",                                                \
			   .owner_name = (n),                                                      \
			   .is_service = true})

static bool find(const char *ip, uint64_t when, struct peer *peer)
{
	uint8_t address[16];
	unsigned int family = address_of(ip, address);

	return peers_find(peers, family, address, when, peer);
}

static uint64_t count_of(const _Atomic uint64_t *counter)
{
	return atomic_load(counter);
}

#define COUNTED(name) count_of(&peers_stats(peers)->name)

static void a_pod_is_named_with_its_owner(void **state)
{
	struct peer peer;

	put(PEERS_HERE, A_POD("cart-1", "shop"), "10.1.0.1");
	assert_true(find("10.1.0.1", NOW, &peer));
	assert_int_equal(peer.kind, PEER_POD);
	assert_string_equal(peer.name, "cart-1");
	assert_string_equal(peer.namespace, "shop");
	assert_string_equal(peer.owner_kind, "Deployment");
	assert_string_equal(peer.owner_name, "cart");
	assert_string_equal(peer.service, "cart");
	assert_string_equal(peer.service_namespace, "shop");
	assert_int_equal(COUNTED(named), 1);
}

static void its_service_is_what_its_own_series_say(void **state)
{
	const struct kube_pair labels[] = {{"app.kubernetes.io/name", "basket"},
					   {"app.kubernetes.io/part-of", "store"}};
	const struct kube_pair annotations[] = {
		{"resource.opentelemetry.io/service.name", "trolley"}};
	struct peer peer;

	put(PEERS_ELSEWHERE, A_POD("cart-1", "shop", .labels = labels, .label_count = 2),
	    "10.1.0.1");
	put(PEERS_ELSEWHERE,
	    A_POD("cart-2", "shop", .labels = labels, .label_count = 2, .annotations = annotations,
		  .annotation_count = 1),
	    "10.1.0.2");
	put(PEERS_ELSEWHERE,
	    ((struct kube_pod){.name = "alone", .namespace = "shop", .owner_kind = "Pod"}),
	    "10.1.0.3");
	assert_true(find("10.1.0.1", NOW, &peer));
	assert_string_equal(peer.service, "basket");
	assert_string_equal(peer.service_namespace, "store");
	assert_true(find("10.1.0.2", NOW, &peer));
	assert_string_equal(peer.service, "trolley");
	assert_true(find("10.1.0.3", NOW, &peer));
	assert_string_equal(peer.service, "alone");
}

static void services_are_named_beside_the_pods_behind_them(void **state)
{
	struct peer peer;

	put(PEERS_SERVICES, A_SERVICE("cart", "shop"), "10.96.0.7");
	put(PEERS_ELSEWHERE, A_POD("cart-1", "shop"), "10.1.0.1");
	assert_true(find("10.96.0.7", NOW, &peer));
	assert_int_equal(peer.kind, PEER_SERVICE);
	assert_string_equal(peer.owner_kind, "Service");
	assert_string_equal(peer.service, "cart");
	assert_true(find("10.1.0.1", NOW, &peer));
	assert_int_equal(peer.kind, PEER_POD);
}

static void both_families_are_found(void **state)
{
	struct peer peer;

	put(PEERS_HERE, A_POD("four", "shop"), "10.1.0.1");
	put(PEERS_HERE, A_POD("six", "shop"), "fd00::1");
	assert_true(find("fd00::1", NOW, &peer));
	assert_string_equal(peer.name, "six");
	assert_true(find("::ffff:10.1.0.1", NOW, &peer));
	assert_string_equal(peer.name, "four");
	assert_false(peers_find(peers, AF_UNIX, (uint8_t[16]){10, 1, 0, 1}, NOW, &peer));
	assert_int_equal(peer.kind, PEER_UNKNOWN);
}

static void what_two_claim_is_nobodys(void **state)
{
	struct peer peer;

	put(PEERS_HERE, A_POD("a", "shop"), "10.1.0.1");
	put(PEERS_HERE, A_POD("b", "shop"), "10.1.0.1");
	put(PEERS_HERE, A_POD("c", "shop"), "10.1.0.2");
	put(PEERS_ELSEWHERE, A_POD("d", "shop"), "10.1.0.2");
	assert_false(find("10.1.0.1", NOW, &peer));
	assert_false(find("10.1.0.2", NOW, &peer)); /* also between sources */
	assert_int_equal(COUNTED(ambiguous), 2);
	kube_store_delete(stores[PEERS_HERE], slice_of("c"), NOW + S);
	assert_int_equal(kube_store_publish(stores[PEERS_HERE], NOW + S), 0);
	peers_quiesce(peers);
	assert_true(find("10.1.0.2", NOW + S, &peer));
	assert_string_equal(peer.name, "d");
}

static void what_is_nobodys_or_was_at_another_time_has_no_name(void **state)
{
	struct peer peer = {.name = "before"};

	put(PEERS_HERE, A_POD("a", "shop"), "10.1.0.1");
	assert_false(find("10.1.0.1", NOW - 1, &peer));
	assert_null(peer.name);
	assert_false(find("10.1.0.9", NOW, &peer));
	assert_int_equal(COUNTED(elsewhen), 1);
	assert_int_equal(COUNTED(unknown), 1);
	assert_int_equal(COUNTED(named), 0);
}

static void a_watch_that_is_lost_names_nothing_new(void **state)
{
	uint64_t lost = NOW + PEERS_TRUST_NS, back = NOW + 100 * S;
	struct peer peer;

	put(PEERS_HERE, A_POD("a", "shop"), "10.1.0.1");
	assert_true(find("10.1.0.1", lost - 1, &peer));
	assert_false(find("10.1.0.1", lost, &peer));
	assert_int_equal(COUNTED(stale), 1);
	peers_confirm(peers, PEERS_HERE, back);
	assert_true(find("10.1.0.1", lost - 1, &peer));
	assert_false(find("10.1.0.1", back - 1, &peer)); /* it began while nobody looked */
	assert_true(find("10.1.0.1", back, &peer));
	assert_int_equal(COUNTED(stale), 2);
}

/* A request may take longer than many outages. */
static void no_outage_is_forgotten_however_many_there_are(void **state)
{
	const uint64_t period = 100 * S, first = NOW + PEERS_TRUST_NS;
	struct peer peer;
	uint64_t n = 0;

	put(PEERS_HERE, A_POD("a", "shop"), "10.1.0.1");
	for (; n < PEERS_GAPS_MAX - 1; n++) /* each is back for an instant, and trusted for 10 s */
		peers_confirm(peers, PEERS_HERE, NOW + (n + 1) * period);
	for (uint64_t i = 0; i < n; i++) {
		assert_false(find("10.1.0.1", first + i * period, &peer));
		assert_false(find("10.1.0.1", NOW + (i + 1) * period - 1, &peer));
		assert_true(find("10.1.0.1", first + i * period - 1, &peer));
		assert_true(find("10.1.0.1", NOW + (i + 1) * period, &peer));
	}
	for (; n < 5 * PEERS_GAPS_MAX; n++)
		peers_confirm(peers, PEERS_HERE, NOW + (n + 1) * period);
	for (uint64_t i = 0; i < n; i++) {
		bool latest = i + PEERS_GAPS_MAX - 1 >= n;

		assert_false(find("10.1.0.1", first + i * period, &peer));
		assert_false(find("10.1.0.1", NOW + (i + 1) * period - 1, &peer));
		/* between two of the oldest it is not told apart */
		assert_int_equal(find("10.1.0.1", NOW + i * period, &peer), latest || !i);
	}
	assert_true(find("10.1.0.1", NOW + n * period, &peer));
}

/* ---- the front adds outages while the intake looks ---- */

#define LOOKS 1000000u
#define PERIOD (100 * S)

static _Atomic uint32_t outages; /* that are over, and known */
static atomic_bool enough;

static void *lose_and_find(void *arg)
{
	for (uint32_t n = 0; !atomic_load(&enough); n++) {
		peers_confirm(peers, PEERS_HERE, NOW + (n + 1) * PERIOD);
		atomic_store(&outages, n + 1);
	}
	return NULL;
}

static void an_outage_is_never_missed_while_others_are_added(void **state)
{
	uint32_t missed = 0;
	struct peer peer;
	pthread_t front;

	put(PEERS_HERE, A_POD("a", "shop"), "10.1.0.1");
	assert_int_equal(pthread_create(&front, NULL, lose_and_find, NULL), 0);
	while (!atomic_load(&outages))
		;
	for (uint32_t i = 0; i < LOOKS; i++) {
		uint32_t n = atomic_load(&outages), back = i % (2 * PEERS_GAPS_MAX);

		/* the latest, of which one leaves its place with each that is added */
		missed += find("10.1.0.1", NOW + (n - 1 - (back < n ? back : 0)) * PERIOD + 50 * S,
			       &peer);
	}
	atomic_store(&enough, true);
	pthread_join(front, NULL);
	assert_int_equal(missed, 0);
}

static void a_source_never_confirmed_names_nothing(void **state)
{
	struct peer peer;

	peers_free(peers);
	peers = peers_new();
	peers_rules(peers, &rules);
	peers_follow(peers, PEERS_SERVICES, stores[PEERS_SERVICES]);
	put(PEERS_SERVICES, A_SERVICE("cart", "shop"), "10.96.0.7");
	assert_false(find("10.96.0.7", NOW, &peer));
	assert_int_equal(COUNTED(stale), 1);
}

/* ---- text ---- */

static void is_name(const char *service, const char *space, size_t size, const char *want)
{
	const struct peer peer = {.service = service, .service_namespace = space};
	char buf[64];

	assert_true(slice_is(peer_name(&peer, buf, size), want));
}

static void a_name_has_its_namespace(void **state)
{
	is_name("cart", "shop", 64, "cart.shop");
	is_name("cart", "", 64, "cart");
	is_name("cart", "shop", 7, "cart.sh");
	is_name("cart", "shop", 3, "car");
	is_name("cart", "shop", 0, "");
}

static void an_exchange_is_named_by_its_remote_end(void **state)
{
	struct exchange ex = {.start_ns = NOW};
	char buf[64];

	put(PEERS_HERE, A_POD("a", "shop"), "10.1.0.1");
	ex.conn.family = address_of("10.1.0.1", ex.conn.raddr);
	assert_int_equal(peer_name_of(peers, &ex, buf, sizeof(buf)), strlen("cart.shop"));
	assert_memory_equal(buf, "cart.shop", strlen("cart.shop"));
	ex.start_ns--;
	assert_int_equal(peer_name_of(peers, &ex, buf, sizeof(buf)), 0);
}

static void full_names_of_services_are_split(void **state)
{
	static const struct {
		const char *host, *name, *namespace; /* NULL: none of these */
	} cases[] = {
		{"cart.shop.svc.cluster.local", "cart", "shop"},
		{"cart.shop.svc.cluster.local:8080", "cart", "shop"},
		{"cart.shop.svc.cluster.local.", "cart", "shop"},
		{"cart.shop.svc.cluster.local.:8080", "cart", "shop"},
		{"cart.shop.svc", "cart", "shop"},
		{"Cart.Shop.SVC.Cluster.LOCAL", "Cart", "Shop"},
		{"cart-0.cart.shop.svc.cluster.local", "cart", "shop"},
		{"svc.svc.svc", "svc", "svc"},
		{"cart", NULL, NULL},
		{"cart.shop", NULL, NULL},
		{"svc", NULL, NULL},
		{"shop.svc", NULL, NULL},
		{".shop.svc", NULL, NULL},
		{"cart..svc", NULL, NULL},
		{"cart.shop.svc.example.com", NULL, NULL},
		{"cart.shop.svc.local", NULL, NULL},
		{"cart.shop.cluster.local", NULL, NULL},
		{"a.b.cart.shop.svc", NULL, NULL},
		{"-cart.shop.svc", NULL, NULL},
		{"cart-.shop.svc", NULL, NULL},
		{"ca rt.shop.svc", NULL, NULL},
		{"cart\xff.shop.svc", NULL, NULL},
		{"user@cart.shop.svc", NULL, NULL},
		{"..cart.shop.svc", NULL, NULL},
		{"", NULL, NULL},
		{":", NULL, NULL},
		{".", NULL, NULL},
		{".:80", NULL, NULL},
		{"10.0.0.1:80", NULL, NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct slice name, namespace;
		bool split = peer_name_split(slice_of(cases[i].host), &name, &namespace);

		if (split != (cases[i].name != NULL))
			fail_msg("%s: %d", cases[i].host, split);
		if (split &&
		    !(slice_is(name, cases[i].name) && slice_is(namespace, cases[i].namespace)))
			fail_msg("%s", cases[i].host);
	}
}

static void only_an_address_is_renamed(void **state)
{
	assert_true(slice_is(peer_name_or(slice_of("10.0.0.1"), "outgoing"), "outgoing"));
	assert_true(slice_is(peer_name_or(slice_of("fd00::1"), "incoming"), "incoming"));
	assert_true(slice_is(peer_name_or(slice_of("10.0.0.1"), ""), "10.0.0.1"));
	assert_true(slice_is(peer_name_or(slice_of("cart"), "outgoing"), "cart"));
	assert_true(slice_is(peer_name_or(slice_of("10.0.0.1.example.com"), "outgoing"),
			     "10.0.0.1.example.com"));
	assert_true(slice_is(peer_name_or(slice_of(""), "outgoing"), ""));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_pod_is_named_with_its_owner),
		T(its_service_is_what_its_own_series_say),
		T(services_are_named_beside_the_pods_behind_them),
		T(both_families_are_found),
		T(what_two_claim_is_nobodys),
		T(what_is_nobodys_or_was_at_another_time_has_no_name),
		T(a_watch_that_is_lost_names_nothing_new),
		T(no_outage_is_forgotten_however_many_there_are),
		T(an_outage_is_never_missed_while_others_are_added),
		T(a_source_never_confirmed_names_nothing),
		T(an_exchange_is_named_by_its_remote_end),
		cmocka_unit_test(a_name_has_its_namespace),
		cmocka_unit_test(full_names_of_services_are_split),
		cmocka_unit_test(only_an_address_is_renamed),
	};

	return cmocka_run_group_tests_name("peers", tests, NULL, NULL);
}
