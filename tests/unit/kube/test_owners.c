/* SPDX-License-Identifier: Apache-2.0 */
/* The workload that a pod belongs to, as real controllers name and label their pods. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "collector/kube/decode.h"

#include <stdio.h>

#define MIRROR "\"kubernetes.io/config.mirror\":\"0123456789abcdef0123456789abcdef\""

/* One pod: name, controller, labels and annotations as JSON, and what is told of it. */
static const struct vector {
	const char *pod, *kind, *name, *labels, *annotations;
	const char *top_kind, *top_name;
} vectors[] = {
	/* Deployments, by the hash in the pod's label */
	{"cart-6d4cf56db6-x2x9z", "ReplicaSet", "cart-6d4cf56db6",
	 "\"pod-template-hash\":\"6d4cf56db6\"", "", "Deployment", "cart"},
	{"cart-api-7c9d8f4b5-q8w2n", "ReplicaSet", "cart-api-7c9d8f4b5",
	 "\"pod-template-hash\":\"7c9d8f4b5\"", "", "Deployment", "cart-api"},
	{"a-b-c-d-e-58b6c-zzzzz", "ReplicaSet", "a-b-c-d-e-58b6c",
	 "\"pod-template-hash\":\"58b6c\"", "", "Deployment", "a-b-c-d-e"},
	{"ingress-nginx-controller-5b8d7c6f9-lmnop", "ReplicaSet",
	 "ingress-nginx-controller-5b8d7c6f9", "\"pod-template-hash\":\"5b8d7c6f9\"", "",
	 "Deployment", "ingress-nginx-controller"},
	{"coredns-787d4945fb-5x9wr", "ReplicaSet", "coredns-787d4945fb",
	 "\"pod-template-hash\":\"787d4945fb\"", "", "Deployment", "coredns"},
	{"web-v2-66b9c7f9d4-2lqtk", "ReplicaSet", "web-v2-66b9c7f9d4",
	 "\"pod-template-hash\":\"66b9c7f9d4\"", "", "Deployment", "web-v2"},
	/* hashes that look like words, and names that look like hashes */
	{"web-test-abcde", "ReplicaSet", "web-test", "\"pod-template-hash\":\"test\"", "",
	 "Deployment", "web"},
	{"shop-frontend-k2xlp", "ReplicaSet", "shop-frontend", "\"pod-template-hash\":\"frontend\"",
	 "", "Deployment", "shop"},
	{"cart-2-6d4cf56db6-x2x9z", "ReplicaSet", "cart-2-6d4cf56db6",
	 "\"pod-template-hash\":\"6d4cf56db6\"", "", "Deployment", "cart-2"},
	{"bcd-fgh-jkl-x2x9z", "ReplicaSet", "bcd-fgh-jkl", "\"pod-template-hash\":\"jkl\"", "",
	 "Deployment", "bcd-fgh"},
	{"6d4cf56db6-6d4cf56db6-x2x9z", "ReplicaSet", "6d4cf56db6-6d4cf56db6",
	 "\"pod-template-hash\":\"6d4cf56db6\"", "", "Deployment", "6d4cf56db6"},
	{"api-1234567890-x2x9z", "ReplicaSet", "api-1234567890",
	 "\"pod-template-hash\":\"1234567890\"", "", "Deployment", "api"},
	{"v1.2-gateway-5d8c-x2x9z", "ReplicaSet", "v1.2-gateway-5d8c",
	 "\"pod-template-hash\":\"5d8c\"", "", "Deployment", "v1.2-gateway"},
	/* a label that does not match, or was cut off: only what could be a hash is one */
	{"web-6d4cf56db6-x2x9z", "ReplicaSet", "web-6d4cf56db6", "", "", "Deployment", "web"},
	{"web-6d4cf56db6-x2x9z", "ReplicaSet", "web-6d4cf56db6", "\"pod-template-hash\":\"other\"",
	 "", "Deployment", "web"},
	{"web-6d4cf56db6-x2x9z", "ReplicaSet", "web-6d4cf56db6", "\"pod-template-hash\":\"\"", "",
	 "Deployment", "web"},
	{"web-frontend-x2x9z", "ReplicaSet", "web-frontend", "", "", "ReplicaSet", "web-frontend"},
	{"web-1a-x2x9z", "ReplicaSet", "web-1a", "", "", "ReplicaSet", "web-1a"},
	{"web-bcdfghjklmn-x2x9z", "ReplicaSet", "web-bcdfghjklmn", "", "", "ReplicaSet",
	 "web-bcdfghjklmn"},
	{"web-x2x9z", "ReplicaSet", "web", "", "", "ReplicaSet", "web"},
	{"web-x2x9z", "ReplicaSet", "web", "\"pod-template-hash\":\"web\"", "", "ReplicaSet",
	 "web"},
	/* the rest of the controllers of Kubernetes */
	{"db-0", "StatefulSet", "db", "\"apps.kubernetes.io/pod-index\":\"0\"", "", "StatefulSet",
	 "db"},
	{"kafka-broker-11", "StatefulSet", "kafka-broker",
	 "\"statefulset.kubernetes.io/pod-name\":\"kafka-broker-11\"", "", "StatefulSet",
	 "kafka-broker"},
	{"db-6d4cf56db6-0", "StatefulSet", "db-6d4cf56db6", "\"pod-template-hash\":\"6d4cf56db6\"",
	 "", "StatefulSet", "db-6d4cf56db6"},
	{"kube-proxy-8xv7k", "DaemonSet", "kube-proxy",
	 "\"controller-revision-hash\":\"5c8d9f7b6\",\"pod-template-generation\":\"1\"", "",
	 "DaemonSet", "kube-proxy"},
	{"node-exporter-bcdfg-8xv7k", "DaemonSet", "node-exporter-bcdfg", "", "", "DaemonSet",
	 "node-exporter-bcdfg"},
	{"migrate-v7nq5", "Job", "migrate", "\"batch.kubernetes.io/job-name\":\"migrate\"", "",
	 "Job", "migrate"},
	{"migrate-2-v7nq5", "Job", "migrate-2", "\"job-name\":\"migrate-2\"", "", "Job",
	 "migrate-2"},
	{"report-20261123-v7nq5", "Job", "report-20261123", "", "", "Job", "report-20261123"},
	{"release-12345678-v7nq5", "Job", "release-12345678", "", "", "Job", "release-12345678"},
	{"indexed-0-v7nq5", "Job", "indexed", "\"batch.kubernetes.io/job-completion-index\":\"0\"",
	 "", "Job", "indexed"},
	{"backup-29924459-v7nq5", "Job", "backup-29924459", "", "", "CronJob", "backup"},
	{"backup-daily-eu-29924459-v7nq5", "Job", "backup-daily-eu-29924459", "", "", "CronJob",
	 "backup-daily-eu"},
	{"backup-1610000000-v7nq5", "Job", "backup-1610000000", "", "", "CronJob", "backup"},
	{"backup-1-29924459-v7nq5", "Job", "backup-1-29924459", "", "", "CronJob", "backup-1"},
	{"gc-28000000-v7nq5", "Job", "gc-28000000", "", "", "CronJob", "gc"},
	{"legacy-x2x9z", "ReplicationController", "legacy", "", "", "ReplicationController",
	 "legacy"},
	/* pods by themselves */
	{"toolbox", "", "", "", "", "Pod", "toolbox"},
	{"toolbox-6d4cf56db6-x2x9z", "", "", "\"pod-template-hash\":\"6d4cf56db6\"", "", "Pod",
	 "toolbox-6d4cf56db6-x2x9z"},
	{"etcd-node-1", "Node", "node-1", "\"tier\":\"control-plane\"", MIRROR, "Pod",
	 "etcd-node-1"},
	{"kube-apiserver-ip-10-0-0-1", "Node", "ip-10-0-0-1", "", MIRROR, "Pod",
	 "kube-apiserver-ip-10-0-0-1"},
	{"static-on-kubelet", "", "", "", MIRROR, "Pod", "static-on-kubelet"},
	/* ArgoCD Rollouts make ReplicaSets too */
	{"cart-7b5c4d8f9-x2x9z", "ReplicaSet", "cart-7b5c4d8f9",
	 "\"rollouts-pod-template-hash\":\"7b5c4d8f9\"", "", "Rollout", "cart"},
	{"cart-canary-7b5c4d8f9-x2x9z", "ReplicaSet", "cart-canary-7b5c4d8f9",
	 "\"rollouts-pod-template-hash\":\"7b5c4d8f9\",\"role\":\"canary\"", "", "Rollout",
	 "cart-canary"},
	{"cart-6d4cf56db6-x2x9z", "ReplicaSet", "cart-6d4cf56db6",
	 "\"rollouts-pod-template-hash\":\"7b5c4d8f9\",\"pod-template-hash\":\"6d4cf56db6\"", "",
	 "Deployment", "cart"},
	/* everybody else's controllers, by their own kind and name */
	{"web-x2x9z", "CloneSet", "web", "\"pod-template-hash\":\"6d4cf56db6\"", "", "CloneSet",
	 "web"},
	{"pg-1", "Cluster", "pg", "\"cnpg.io/cluster\":\"pg\"", "", "Cluster", "pg"},
	{"kafka-kafka-0", "StrimziPodSet", "kafka-kafka", "", "", "StrimziPodSet", "kafka-kafka"},
	{"train-worker-0", "PyTorchJob", "train", "", "", "PyTorchJob", "train"},
	{"build-7-step", "TaskRun", "build-7", "", "", "TaskRun", "build-7"},
	{"hello-29924459-main", "Workflow", "hello-29924459", "", "", "Workflow", "hello-29924459"},
};

static void each_pod_names_its_workload(void **state)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const struct vector *v = &vectors[i];
		struct kube_decode_stats stats = {0};
		char json[1024], owner[256] = "";
		struct kube_pod *pod;

		/* a reference that does not control it comes first, as garbage collection has them
		 */
		if (*v->kind)
			snprintf(owner, sizeof(owner),
				 ",\"ownerReferences\":[{\"kind\":\"Other\",\"name\":\"other\"},"
				 "{\"kind\":\"%s\",\"name\":\"%s\",\"controller\":true}]",
				 v->kind, v->name);
		snprintf(json, sizeof(json),
			 "{\"metadata\":{\"uid\":\"u\",\"namespace\":\"shop\",\"name\":\"%s\","
			 "\"labels\":{%s},\"annotations\":{%s}%s}}",
			 v->pod, v->labels, v->annotations, owner);
		assert_int_equal(kube_decode_pod(slice_of(json), &kube_keep_default, &stats, &pod),
				 0);
		if (strcmp(pod->owner_kind, v->top_kind) != 0 ||
		    strcmp(pod->owner_name, v->top_name) != 0)
			fail_msg("%s of %s %s {%s}: %s %s, not %s %s", v->pod, v->kind, v->name,
				 v->labels, pod->owner_kind, pod->owner_name, v->top_kind,
				 v->top_name);
		kube_pod_unref(pod);
	}
}

static void levels_below_the_top_keep_their_names(void **state)
{
	static const char json[] =
		"{\"metadata\":{\"uid\":\"u\",\"namespace\":\"s\",\"name\":\"p\",\"labels\":"
		"{\"pod-template-hash\":\"test\"},\"ownerReferences\":[{\"kind\":\"ReplicaSet\","
		"\"name\":\"web-test\",\"controller\":true}]}}";
	struct kube_decode_stats stats = {0};
	struct kube_pod *pod;

	assert_int_equal(kube_decode_pod(slice_of(json), &kube_keep_default, &stats, &pod), 0);
	assert_string_equal(pod->workload[KUBE_REPLICASET], "web-test");
	assert_string_equal(pod->workload[KUBE_DEPLOYMENT], "web");
	assert_string_equal(pod->workload[KUBE_STATEFULSET], "");
	kube_pod_unref(pod);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_pod_names_its_workload),
		cmocka_unit_test(levels_below_the_top_keep_their_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
