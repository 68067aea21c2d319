/* SPDX-License-Identifier: Apache-2.0 */
/* What of a pod or a Service says whose addresses are whose, and since when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/kube/decode.h"

#define METADATA                                                                                   \
	"\"metadata\":{\"uid\":\"u1\",\"name\":\"cart\",\"namespace\":\"shop\","                   \
	"\"creationTimestamp\":\"2026-11-23T20:00:00Z\","                                          \
	"\"labels\":{\"app.kubernetes.io/name\":\"cart\",\"other\":\"x\"}"
#define CREATED 1795464000 /* that in seconds since 1970 */

static struct kube_decode_stats stats;
static struct kube_pod *pod;

static int teardown(void **state)
{
	kube_pod_unref(pod);
	pod = NULL;
	return 0;
}

static struct cJSON *parse(const char *text)
{
	struct cJSON *root = NULL;

	assert_int_equal(kube_json_parse(slice_of(text), &root), 0);
	return root;
}

/* A pod with that in its metadata, its spec and its status. */
static void decode(const char *metadata, const char *spec, const char *status)
{
	_cleanup_json_ struct cJSON *root = NULL;
	char text[4096];

	snprintf(text, sizeof(text), "{%s%s},\"spec\":{%s},\"status\":{%s}}", METADATA, metadata,
		 spec, status);
	root = parse(text);
	kube_pod_unref(pod);
	assert_int_equal(kube_decode_pod_object(root, &kube_keep_default, &stats, &pod), 0);
}

static void decode_service(const char *spec)
{
	_cleanup_json_ struct cJSON *root = NULL;
	char text[4096];

	snprintf(text, sizeof(text), "{%s},\"spec\":{%s}}", METADATA, spec);
	root = parse(text);
	kube_pod_unref(pod);
	assert_int_equal(kube_decode_service_object(root, &stats, &pod), 0);
}

static bool has_ip(const uint8_t ip[16])
{
	for (int i = 0; i < pod->ip_count; i++)
		if (memcmp(pod->ip[i], ip, 16) == 0)
			return true;
	return false;
}

#define RUNNING(name, at)                                                                          \
	"{\"name\":\"" name "\",\"state\":{\"running\":{\"startedAt\":\"" at "\"}}}"
#define ENDED(name, at)                                                                            \
	"{\"name\":\"" name "\",\"state\":{\"terminated\":{\"startedAt\":\"" at "\"}}}"

static void the_first_start_of_any_container_counts(void **state)
{
	decode("", "", "");
	assert_int_equal(pod->ip_since, 0);
	decode("", "",
	       "\"containerStatuses\":[" RUNNING("a", "2026-11-23T20:00:09Z") "," RUNNING(
		       "b", "2026-11-23T20:00:08Z") "]");
	assert_int_equal(pod->ip_since, CREATED + 8);
	decode("", "",
	       "\"initContainerStatuses\":[" ENDED(
		       "i", "2026-11-23T20:00:03Z") "],"
						    "\"containerStatuses\":[" RUNNING(
							    "a", "2026-11-23T20:00:09Z") "]");
	assert_int_equal(pod->ip_since, CREATED + 3);
	decode("", "",
	       "\"containerStatuses\":[{\"name\":\"a\",\"state\":{\"waiting\":{}},\"lastState\":"
	       "{\"terminated\":{\"startedAt\":\"2026-11-23T20:00:05Z\"}}}]");
	assert_int_equal(pod->ip_since, CREATED + 5);
	decode("", "", "\"containerStatuses\":[" RUNNING("a", "yesterday") ",7,null]");
	assert_int_equal(pod->ip_since, 0);
}

static void a_pod_that_ended_gives_its_addresses_back(void **state)
{
	decode("", "", "\"phase\":\"Running\"");
	assert_false(pod->ip_free);
	decode("", "", "\"phase\":\"Succeeded\"");
	assert_true(pod->ip_free);
	decode("", "", "\"phase\":\"Failed\"");
	assert_true(pod->ip_free);
	decode("", "", "\"phase\":7");
	assert_false(pod->ip_free);
}

static void so_does_one_that_is_being_deleted_once_nothing_of_it_runs(void **state)
{
	const char *deleted = ",\"deletionTimestamp\":\"2026-11-23T21:00:00Z\"";

	decode(deleted, "",
	       "\"phase\":\"Running\",\"containerStatuses\":[" ENDED(
		       "a", "2026-11-23T20:00:09Z") "," RUNNING("b", "2026-11-23T20:00:08Z") "]");
	assert_false(pod->ip_free);
	decode(deleted, "",
	       "\"phase\":\"Running\",\"containerStatuses\":[" ENDED("a",
								     "2026-11-23T20:00:09Z") "]");
	assert_true(pod->ip_free);
	decode("", "",
	       "\"phase\":\"Running\",\"containerStatuses\":[" ENDED("a",
								     "2026-11-23T20:00:09Z") "]");
	assert_false(pod->ip_free); /* it starts again */
}

static void addresses_of_everybody_and_of_the_node_are_left_out(void **state)
{
	decode("", "",
	       "\"hostIP\":\"192.0.2.1\",\"hostIPs\":[{\"ip\":\"192.0.2.1\"},{\"ip\":\"fd00::1\"}],"
	       "\"podIP\":\"192.0.2.1\",\"podIPs\":[{\"ip\":\"fd00::1\"},{\"ip\":\"127.0.0.1\"},"
	       "{\"ip\":\"::1\"},{\"ip\":\"0.0.0.0\"},{\"ip\":\"::\"},{\"ip\":\"224.0.0.1\"},"
	       "{\"ip\":\"ff02::1\"},{\"ip\":\"fe80::1\"},{\"ip\":\"169.254.1.1\"},"
	       "{\"ip\":\"255.255.255.255\"},{\"ip\":\"::ffff:127.0.0.1\"},{\"ip\":\"10.0.0.9\"}]");
	assert_int_equal(pod->ip_count, 1);
	assert_true(has_ip((uint8_t[16]){[10] = 0xff, 0xff, 10, 0, 0, 9}));
}

static void of_a_peer_only_names_and_addresses_are_kept(void **state)
{
	_cleanup_json_ struct cJSON *root = parse(
		"{" METADATA ",\"ownerReferences\":[{\"kind\":\"StatefulSet\",\"name\":\"cart\","
		"\"controller\":true}]},\"spec\":{\"nodeName\":\"n2\",\"hostNetwork\":true,"
		"\"containers\":[{\"name\":\"main\",\"image\":\"registry/cart:1\"}]},"
		"\"status\":{\"podIP\":\"10.0.0.9\"}}");

	assert_int_equal(kube_decode_peer_object(root, &kube_keep_default, &stats, &pod), 0);
	assert_string_equal(pod->uid, "u1");
	assert_string_equal(pod->name, "cart");
	assert_string_equal(pod->namespace, "shop");
	assert_string_equal(pod->owner_kind, "StatefulSet");
	assert_string_equal(pod->owner_name, "cart");
	assert_string_equal(kube_pod_label(pod, "app.kubernetes.io/name"), "cart");
	assert_null(kube_pod_label(pod, "other"));
	assert_true(pod->host_network);
	assert_int_equal(pod->ip_count, 1);
	assert_int_equal(pod->container_count, 0);
	assert_string_equal(pod->node, "");
	assert_string_equal(pod->workload[KUBE_STATEFULSET], "cart"); /* selectors look at it */
	assert_true(pod->bytes < 512);
}

static void a_service_has_its_cluster_ips(void **state)
{
	decode_service("\"clusterIP\":\"10.96.0.7\",\"clusterIPs\":[\"10.96.0.7\",\"fd00::7\"],"
		       "\"externalIPs\":[\"203.0.113.1\"],\"loadBalancerIP\":\"203.0.113.2\"");
	assert_true(pod->is_service);
	assert_int_equal(pod->ip_count, 2);
	assert_true(has_ip((uint8_t[16]){[10] = 0xff, 0xff, 10, 96, 0, 7}));
	assert_true(has_ip((uint8_t[16]){0xfd, [15] = 7}));
	assert_string_equal(pod->owner_kind, "Service");
	assert_string_equal(pod->owner_name, "cart");
	assert_string_equal(pod->namespace, "shop");
	assert_int_equal(pod->ip_since, CREATED);
	assert_int_equal(pod->label_count, 0);
}

static void a_service_without_one_has_none(void **state)
{
	decode_service("\"clusterIP\":\"None\",\"clusterIPs\":[\"None\"]");
	assert_int_equal(pod->ip_count, 0);
	decode_service("\"type\":\"ExternalName\",\"externalName\":\"example.com\"");
	assert_int_equal(pod->ip_count, 0);
	decode_service("\"clusterIP\":\"\",\"clusterIPs\":[7,null,{},[]]");
	assert_int_equal(pod->ip_count, 0);
}

static void what_is_no_object_of_the_kind_is_refused(void **state)
{
	static const char *const texts[] = {"{}", "{\"metadata\":7}", "{\"metadata\":{}}",
					    "{\"metadata\":{\"uid\":\"u\",\"name\":\"n\"}}"};
	uint64_t before = stats.refused;

	for (size_t i = 0; i < 4; i++) {
		_cleanup_json_ struct cJSON *root = parse(texts[i]);

		assert_int_not_equal(kube_decode_service_object(root, &stats, &pod), 0);
		assert_null(pod);
		assert_int_not_equal(
			kube_decode_peer_object(root, &kube_keep_default, &stats, &pod), 0);
		assert_null(pod);
	}
	assert_int_equal(stats.refused, before + 8);
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, teardown)
	const struct CMUnitTest tests[] = {
		T(the_first_start_of_any_container_counts),
		T(a_pod_that_ended_gives_its_addresses_back),
		T(so_does_one_that_is_being_deleted_once_nothing_of_it_runs),
		T(addresses_of_everybody_and_of_the_node_are_left_out),
		T(of_a_peer_only_names_and_addresses_are_kept),
		T(a_service_has_its_cluster_ips),
		T(a_service_without_one_has_none),
		T(what_is_no_object_of_the_kind_is_refused),
	};

	return cmocka_run_group_tests_name("kube decode peers", tests, NULL, NULL);
}
