/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/kube/owner.h"
#include "vectors.h"

static struct kube_decode_stats stats;

static struct kube_pod *decode_text(struct slice json, const struct kube_keep *keep)
{
	struct kube_pod *pod;

	assert_int_equal(kube_decode_pod(json, keep, &stats, &pod), 0);
	return pod;
}

static struct kube_pod *decode(const char *vector)
{
	return decode_text(vector_read(vector), &kube_keep_default);
}

static int refusal(const char *json)
{
	struct kube_pod *pod;
	int ret = kube_decode_pod(slice_of(json), &kube_keep_default, &stats, &pod);

	assert_null(pod);
	return ret;
}

static const struct kube_container *container(const struct kube_pod *pod, const char *name)
{
	for (int i = 0; i < pod->container_count; i++)
		if (strcmp(pod->containers[i].name, name) == 0)
			return &pod->containers[i];
	fail_msg("no container %s", name);
	return NULL;
}

/* 64 digits made of one pair, as the vectors have them. */
static const char *id(const char *pair)
{
	static char text[4][65];
	static int used;
	char *into = text[used++ % 4];

	for (int i = 0; i < 64; i++)
		into[i] = pair[i % 2];
	return into;
}

static void a_pod_of_a_deployment_names_it_by_its_template_hash(void **state)
{
	struct kube_pod *pod = decode("deployment");

	assert_string_equal(pod->namespace, "shop");
	assert_string_equal(pod->name, "cart-api-6d4cf56db6-x2x4z");
	assert_string_equal(pod->uid, "11111111-2222-3333-4444-000000000001");
	assert_string_equal(pod->node, "node-1");
	assert_string_equal(pod->owner_kind, "Deployment");
	assert_string_equal(pod->owner_name, "cart-api");
	assert_string_equal(pod->workload[KUBE_DEPLOYMENT], "cart-api");
	assert_string_equal(pod->workload[KUBE_REPLICASET], "cart-api-6d4cf56db6");
	assert_string_equal(pod->workload[KUBE_DAEMONSET], "");
	assert_string_equal(pod->config_hash, "");
	assert_false(pod->host_network);
	kube_pod_unref(pod);
}

static void containers_have_ids_without_scheme_and_literal_otel_variables(void **state)
{
	struct kube_pod *pod = decode("deployment");
	const struct kube_container *web = container(pod, "web"), *proxy = container(pod, "proxy");

	assert_int_equal(pod->container_count, 2);
	assert_string_equal(web->id, id("a1"));
	assert_string_equal(web->ended_id, "");
	assert_string_equal(web->image, "registry.example/cart/web:1.2.3");
	assert_string_equal(web->otel_service_name, "cart-from-env");
	assert_string_equal(web->otel_resource_attributes,
			    "service.namespace=shop,deployment.environment=prod");
	assert_string_equal(proxy->id, id("a2"));
	assert_string_equal(proxy->otel_service_name, "");
	assert_string_equal(proxy->otel_resource_attributes, "");
	kube_pod_unref(pod);
}

static void only_labels_and_annotations_that_were_asked_for_are_kept(void **state)
{
	const char *labels[] = {"team", NULL}, *annotations[] = {"*", NULL};
	const struct kube_keep keep = {labels, annotations};
	struct kube_pod *pod = decode("deployment");

	assert_int_equal(pod->label_count, 3);
	assert_string_equal(kube_pod_label(pod, "app.kubernetes.io/part-of"), "shop");
	assert_null(kube_pod_label(pod, "team"));
	assert_int_equal(pod->annotation_count, 1);
	assert_string_equal(kube_pod_annotation(pod, "resource.opentelemetry.io/service.name"),
			    "cart-service");
	kube_pod_unref(pod);

	pod = decode_text(vector_read("deployment"), &keep);
	assert_int_equal(pod->label_count, 1);
	assert_string_equal(kube_pod_label(pod, "team"), "checkout");
	assert_int_equal(pod->annotation_count, 2);
	kube_pod_unref(pod);
}

static void addresses_of_both_families_are_kept_once(void **state)
{
	static const uint8_t v4[16] = {[10] = 0xff, [11] = 0xff, [12] = 10, 42, 0, 17};
	static const uint8_t v6[16] = {0xfd, 0, 0, 0x10, 0, 0x42, [15] = 0x11};
	struct kube_pod *pod = decode("deployment");

	assert_int_equal(pod->ip_count, 2);
	assert_memory_equal(pod->ip[0], v4, 16);
	assert_memory_equal(pod->ip[1], v6, 16);
	kube_pod_unref(pod);
}

static void the_start_time_reads_as_beyla_writes_it(void **state)
{
	struct kube_pod *pod = decode("deployment");
	char text[KUBE_START_TEXT_MAX];

	assert_int_equal(pod->started, 1795464000);
	assert_string_equal(kube_pod_start_text(pod, text), "2026-11-23 20:00:00 +0000 UTC");
	kube_pod_unref(pod);
}

static void a_typical_pod_takes_about_a_kibibyte(void **state)
{
	struct kube_pod *pod = decode("deployment");

	assert_in_range(pod->bytes, 500, 1280);
	assert_ptr_equal(pod->owner_name, pod->workload[KUBE_DEPLOYMENT]); /* stored once */
	kube_pod_unref(pod);
}

/* The labels that a chart gives a pod, all of them kept. */
static void a_pod_with_ten_labels_takes_at_most_a_kibibyte(void **state)
{
	static const char json[] =
		"{\"metadata\":{\"name\":\"checkout-service-6d4cf56db6-x2x4z\",\"namespace\":"
		"\"shop\","
		"\"uid\":\"5c1d6f6e-6f0e-4f0a-9a3e-0d9c1e0f7a11\",\"creationTimestamp\":"
		"\"2026-11-23T20:00:00Z\",\"labels\":{"
		"\"app.kubernetes.io/name\":\"checkout\",\"app.kubernetes.io/instance\":\"shop\","
		"\"app.kubernetes.io/version\":\"1.24.3\",\"app.kubernetes.io/part-of\":\"shop\","
		"\"app.kubernetes.io/component\":\"backend\",\"app.kubernetes.io/managed-by\":"
		"\"Helm\",\"helm.sh/"
		"chart\":\"shop-7.1.0\",\"team\":\"payments\",\"tier\":\"backend\","
		"\"pod-template-hash\":\"6d4cf56db6\"},\"ownerReferences\":[{\"kind\":"
		"\"ReplicaSet\","
		"\"name\":\"checkout-service-6d4cf56db6\",\"controller\":true}]},"
		"\"spec\":{\"nodeName\":\"ip-10-0-12-34.eu-central-1.compute.internal\","
		"\"containers\":"
		"[{\"name\":\"checkout\",\"image\":"
		"\"registry.example/shop/checkout-service:1.24.3\",\"env\":[{\"name\":"
		"\"OTEL_SERVICE_NAME\",\"value\":\"checkout\"}]}]},"
		"\"status\":{\"podIP\":\"10.42.0.9\",\"podIPs\":[{\"ip\":\"10.42.0.9\"}],"
		"\"containerStatuses\":[{\"name\":\"checkout\",\"containerID\":\"containerd://"
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}]}}";
	static const char *const all[] = {"*", NULL};
	static const struct kube_keep keep = {all, all};
	struct kube_pod *pod = decode_text(slice_of(json), &keep);

	assert_int_equal(pod->label_count, 10);
	assert_string_equal(pod->workload[KUBE_DEPLOYMENT], "checkout-service");
	assert_in_range(pod->bytes, 500, 1024);
	kube_pod_unref(pod);
}

static void daemonset_statefulset_and_bare_pods_name_their_owner(void **state)
{
	struct kube_pod *pod = decode("daemonset");

	assert_string_equal(pod->workload[KUBE_DAEMONSET], "node-agent");
	assert_string_equal(pod->owner_kind, "DaemonSet");
	assert_true(pod->host_network);
	kube_pod_unref(pod);

	pod = decode("statefulset");
	assert_string_equal(pod->workload[KUBE_STATEFULSET], "db");
	assert_string_equal(pod->owner_name, "db");
	kube_pod_unref(pod);

	pod = decode("bare");
	assert_string_equal(pod->owner_kind, "Pod");
	assert_string_equal(pod->owner_name, "toolbox");
	kube_pod_unref(pod);
}

static void a_job_made_by_a_cronjob_names_both(void **state)
{
	struct kube_pod *pod = decode("cronjob");

	assert_string_equal(pod->workload[KUBE_JOB], "report-29924459");
	assert_string_equal(pod->workload[KUBE_CRONJOB], "report");
	assert_string_equal(pod->owner_kind, "CronJob");
	kube_pod_unref(pod);
}

static void a_static_pod_has_its_config_hash_and_is_its_own_workload(void **state)
{
	struct kube_pod *pod = decode("mirror");

	assert_string_equal(pod->config_hash, "8b73b8d9455b40e12032ac5a0253b96e");
	assert_string_equal(pod->owner_kind, "Pod");
	assert_string_equal(pod->owner_name, "etcd-node-1");
	kube_pod_unref(pod);
	pod = decode_text(
		slice_of("{\"metadata\":{\"uid\":\"u\",\"name\":\"n\",\"namespace\":"
			 "\"s\",\"annotations\":{\"kubernetes.io/config.mirror\":\"m\"}}}"),
		&kube_keep_default);
	assert_string_equal(pod->config_hash, "m");
	kube_pod_unref(pod);
}

static void init_sidecar_and_ephemeral_containers_are_told_apart(void **state)
{
	struct kube_pod *pod = decode("containers");

	assert_int_equal(pod->container_count, 4);
	assert_int_equal(container(pod, "main")->kind, KUBE_CONTAINER_MAIN);
	assert_int_equal(container(pod, "migrate")->kind, KUBE_CONTAINER_INIT);
	assert_int_equal(container(pod, "mesh")->kind, KUBE_CONTAINER_SIDECAR);
	assert_int_equal(container(pod, "debugger")->kind, KUBE_CONTAINER_EPHEMERAL);
	assert_string_equal(container(pod, "migrate")->id, id("0c"));
	assert_string_equal(container(pod, "mesh")->id, id("0d"));
	assert_string_equal(container(pod, "debugger")->id, id("0e"));
	assert_string_equal(pod->owner_kind, "Rollout");
	assert_string_equal(pod->owner_name, "worker");
	assert_string_equal(pod->workload[KUBE_DEPLOYMENT], "");
	kube_pod_unref(pod);
}

static void a_restarted_container_has_its_new_and_its_last_id(void **state)
{
	struct kube_pod *pod = decode("containers");

	assert_string_equal(container(pod, "main")->id, id("0b"));
	assert_string_equal(container(pod, "main")->ended_id, id("0a"));
	assert_int_equal(container(pod, "main")->restarts, 3);
	kube_pod_unref(pod);
}

static void a_pod_before_its_first_status_has_containers_without_ids(void **state)
{
	struct kube_pod *pod = decode("pending");

	assert_int_equal(pod->container_count, 1);
	assert_string_equal(container(pod, "web")->id, "");
	assert_int_equal(pod->ip_count, 0);
	kube_pod_unref(pod);
}

static void check_owner(const char *kind, const char *name, const char *hash, const char *top_kind,
			const char *top_name)
{
	const struct kube_owner_input in = {"pod-1", kind, name, hash, ""};
	char parent[KUBE_NAME_MAX + 1];
	struct kube_pod draft;

	kube_owner_resolve(&in, parent, &draft);
	assert_string_equal(draft.owner_kind, top_kind);
	assert_string_equal(draft.owner_name, top_name);
}

static void owners_are_told_from_names_only_where_that_is_sure(void **state)
{
	check_owner("ReplicaSet", "a-b-c-7c9", "7c9", "Deployment", "a-b-c");
	check_owner("ReplicaSet", "web-test", "test", "Deployment", "web");
	check_owner("ReplicaSet", "web-6d4cf56db6", "other", "Deployment", "web");
	check_owner("ReplicaSet", "web-6d4cf56db6", "", "Deployment", "web");
	check_owner("ReplicaSet", "web-test", "9999", "ReplicaSet", "web-test");
	check_owner("ReplicaSet", "web-frontend", "", "ReplicaSet", "web-frontend");
	check_owner("ReplicaSet", "-7c9", "7c9", "ReplicaSet", "-7c9");
	check_owner("Job", "backup-29924459", "", "CronJob", "backup");
	check_owner("Job", "backup-1610000000", "", "CronJob", "backup");
	check_owner("Job", "backup-20261123", "", "Job", "backup-20261123");
	check_owner("Job", "migrate-2", "", "Job", "migrate-2");
	check_owner("CloneSet", "web", "", "CloneSet", "web");
	check_owner("Node", "node-1", "", "Pod", "pod-1");
	check_owner("", "", "", "Pod", "pod-1");
}

static void what_is_no_pod_is_refused_and_counted(void **state)
{
	uint64_t before = stats.refused;

	assert_int_equal(refusal(""), -EBADMSG);
	assert_int_equal(refusal("[]"), -EBADMSG);
	assert_int_equal(refusal("{\"metadata\":[]}"), -EBADMSG);
	assert_int_equal(refusal("{\"metadata\":{\"uid\":\"u\",\"name\":\"n\"}}"), -EBADMSG);
	assert_int_equal(refusal("{\"metadata\":{\"uid\":7,\"name\":\"n\",\"namespace\":\"s\"}}"),
			 -EBADMSG);
	assert_int_equal(refusal("]]"), -EBADMSG);
	assert_int_equal(stats.refused, before + 6);
}

static void wrong_types_below_the_metadata_are_as_if_absent(void **state)
{
	const char *json = "{\"metadata\":{\"uid\":\"u\",\"name\":\"n\",\"namespace\":\"s\","
			   "\"labels\":[1],\"ownerReferences\":{\"a\":1},\"annotations\":7},"
			   "\"spec\":{\"containers\":{\"x\":{}},\"initContainers\":[1,null,\"x\","
			   "{\"name\":\"c\",\"env\":[3,{\"name\":4}]}]},"
			   "\"status\":{\"podIPs\":[\"x\",{\"ip\":5}],\"podIP\":\"no\","
			   "\"containerStatuses\":[[],{\"name\":\"c\",\"containerID\":9}]}}";
	struct kube_pod *pod = decode_text(slice_of(json), &kube_keep_default);

	assert_int_equal(pod->container_count, 1);
	assert_string_equal(pod->containers[0].id, "");
	assert_int_equal(pod->ip_count, 0);
	assert_int_equal(pod->label_count, 0);
	kube_pod_unref(pod);
}

static void nesting_and_size_are_bounded(void **state)
{
	size_t n = KUBE_OBJECT_MAX + 2;
	char *text = malloc(n);

	memset(text, '[', 1000);
	text[1000] = 0;
	assert_int_equal(refusal(text), -E2BIG);
	memset(text, ' ', n);
	text[0] = '{';
	text[n - 2] = '}';
	text[n - 1] = 0;
	assert_int_equal(refusal(text), -E2BIG);
	memset(text, ',', n - 1);
	text[KUBE_OBJECT_VALUES_MAX + 1] = 0;
	assert_int_equal(refusal(text), -E2BIG);
	text[KUBE_OBJECT_VALUES_MAX] = 0;
	assert_int_equal(refusal(text), -EBADMSG);
	free(text);
}

static void more_containers_and_labels_than_the_limits_are_counted(void **state)
{
	char *text = malloc(65536), *p = text;
	struct kube_decode_stats before = stats;
	struct kube_pod *pod;

	p += sprintf(p, "{\"metadata\":{\"uid\":\"u\",\"name\":\"n\",\"namespace\":\"s\","
			"\"labels\":{\"app.kubernetes.io/long\":\"");
	memset(p, 'x', KUBE_VALUE_MAX + 1);
	p += KUBE_VALUE_MAX + 1;
	p += sprintf(p, "\"");
	for (int i = 0; i < KUBE_LABELS_MAX + 3; i++)
		p += sprintf(p, ",\"app.kubernetes.io/l%d\":\"v\"", i);
	p += sprintf(p, "}},\"spec\":{\"containers\":[{}");
	for (int i = 0; i < KUBE_CONTAINERS_MAX + 2; i++)
		p += sprintf(p, ",{\"name\":\"c%d\"}", i);
	sprintf(p, "]}}");
	pod = decode_text(slice_of(text), &kube_keep_default);
	assert_int_equal(pod->label_count, KUBE_LABELS_MAX);
	assert_int_equal(pod->container_count, KUBE_CONTAINERS_MAX);
	assert_int_equal(stats.labels_dropped, before.labels_dropped + 3);
	assert_int_equal(stats.containers_dropped, before.containers_dropped + 2);
	assert_int_equal(stats.values_dropped, before.values_dropped + 1);
	kube_pod_unref(pod);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pod_of_a_deployment_names_it_by_its_template_hash),
		cmocka_unit_test(containers_have_ids_without_scheme_and_literal_otel_variables),
		cmocka_unit_test(only_labels_and_annotations_that_were_asked_for_are_kept),
		cmocka_unit_test(addresses_of_both_families_are_kept_once),
		cmocka_unit_test(the_start_time_reads_as_beyla_writes_it),
		cmocka_unit_test(a_typical_pod_takes_about_a_kibibyte),
		cmocka_unit_test(a_pod_with_ten_labels_takes_at_most_a_kibibyte),
		cmocka_unit_test(daemonset_statefulset_and_bare_pods_name_their_owner),
		cmocka_unit_test(a_job_made_by_a_cronjob_names_both),
		cmocka_unit_test(a_static_pod_has_its_config_hash_and_is_its_own_workload),
		cmocka_unit_test(init_sidecar_and_ephemeral_containers_are_told_apart),
		cmocka_unit_test(a_restarted_container_has_its_new_and_its_last_id),
		cmocka_unit_test(a_pod_before_its_first_status_has_containers_without_ids),
		cmocka_unit_test(owners_are_told_from_names_only_where_that_is_sure),
		cmocka_unit_test(what_is_no_pod_is_refused_and_counted),
		cmocka_unit_test(wrong_types_below_the_metadata_are_as_if_absent),
		cmocka_unit_test(nesting_and_size_are_bounded),
		cmocka_unit_test(more_containers_and_labels_than_the_limits_are_counted),
	};

	return cmocka_run_group_tests_name("kube decode", tests, NULL, NULL);
}
