/* SPDX-License-Identifier: Apache-2.0 */
/* Who a pod belongs to: pods as controllers really name and label them, one line each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/kube/owner.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof(*(a)))

struct vector {
	const char *pod;
	const char *kind, *name;         /* the controlling ownerReference */
	const char *hash, *rollout_hash; /* the labels; NULL: absent */
	const char *top_kind, *top_name; /* k8s.kind, k8s.owner.name */
	int level;                       /* one that must be set, -1: none at all */
	const char *level_name;
};

static const struct vector vectors[] = {
	/* Deployments: the label tells the hash. */
	{"cart-7c9d8b6f5-x2x4q", "ReplicaSet", "cart-7c9d8b6f5", "7c9d8b6f5", NULL, "Deployment",
	 "cart", KUBE_DEPLOYMENT, "cart"},
	{"cart-7c9d8b6f5-x2x4q", "ReplicaSet", "cart-7c9d8b6f5", "7c9d8b6f5", NULL, "Deployment",
	 "cart", KUBE_REPLICASET, "cart-7c9d8b6f5"},
	{"coredns-668d6bf9bc-7fvqs", "ReplicaSet", "coredns-668d6bf9bc", "668d6bf9bc", NULL,
	 "Deployment", "coredns", KUBE_DEPLOYMENT, "coredns"},
	{"local-path-provisioner-6795b5f9d8-gnq6p", "ReplicaSet",
	 "local-path-provisioner-6795b5f9d8", "6795b5f9d8", NULL, "Deployment",
	 "local-path-provisioner", KUBE_DEPLOYMENT, "local-path-provisioner"},
	{"a-b-c-d-7c9-zzzzz", "ReplicaSet", "a-b-c-d-7c9", "7c9", NULL, "Deployment", "a-b-c-d",
	 KUBE_DEPLOYMENT, "a-b-c-d"},
	{"x-9-bcdfg", "ReplicaSet", "x-9", "9", NULL, "Deployment", "x", KUBE_DEPLOYMENT, "x"},
	/* Names that look like hashes, before one. */
	{"web-v2-59c4b6d7-k8s2b", "ReplicaSet", "web-v2-59c4b6d7", "59c4b6d7", NULL, "Deployment",
	 "web-v2", KUBE_DEPLOYMENT, "web-v2"},
	{"web-5d8f-59c4b6d7-k8s2b", "ReplicaSet", "web-5d8f-59c4b6d7", "59c4b6d7", NULL,
	 "Deployment", "web-5d8f", KUBE_DEPLOYMENT, "web-5d8f"},
	{"bcdfg-bcdfg-bcdfg", "ReplicaSet", "bcdfg-bcdfg", "bcdfg", NULL, "Deployment", "bcdfg",
	 KUBE_DEPLOYMENT, "bcdfg"},
	{"my.app-7c9d8b6f5-x2x4q", "ReplicaSet", "my.app-7c9d8b6f5", "7c9d8b6f5", NULL,
	 "Deployment", "my.app", KUBE_DEPLOYMENT, "my.app"},
	/* Hashes that look like words: only the label can tell. */
	{"web-test-bcdfg", "ReplicaSet", "web-test", "test", NULL, "Deployment", "web",
	 KUBE_DEPLOYMENT, "web"},
	{"web-blue-bcdfg", "ReplicaSet", "web-blue", "blue", NULL, "Deployment", "web",
	 KUBE_DEPLOYMENT, "web"},
	{"web-2301842397-bcdfg", "ReplicaSet", "web-2301842397", "2301842397", NULL, "Deployment",
	 "web", KUBE_DEPLOYMENT, "web"}, /* before Kubernetes 1.12: decimal */
	/* Without the label, a last part in the alphabet of hashes is one. */
	{"web-6d4cf56db6-bcdfg", "ReplicaSet", "web-6d4cf56db6", NULL, NULL, "Deployment", "web",
	 KUBE_DEPLOYMENT, "web"},
	{"web-6d4cf56db6-bcdfg", "ReplicaSet", "web-6d4cf56db6", "stale", NULL, "Deployment", "web",
	 KUBE_DEPLOYMENT, "web"},
	{"web-7f-bcdfg", "ReplicaSet", "web-7f", "", NULL, "Deployment", "web", KUBE_DEPLOYMENT,
	 "web"},
	/* ReplicaSets of nobody. */
	{"web-frontend-bcdfg", "ReplicaSet", "web-frontend", NULL, NULL, "ReplicaSet",
	 "web-frontend", KUBE_REPLICASET, "web-frontend"},
	{"web-bcdfg", "ReplicaSet", "web", NULL, NULL, "ReplicaSet", "web", KUBE_REPLICASET, "web"},
	{"web-blue-bcdfg", "ReplicaSet", "web-blue", NULL, NULL, "ReplicaSet", "web-blue",
	 KUBE_REPLICASET, "web-blue"},
	{"web-60c1-bcdfg", "ReplicaSet", "web-60c1", NULL, NULL, "ReplicaSet", "web-60c1",
	 KUBE_REPLICASET, "web-60c1"}, /* 0 and 1 are in no hash */
	{"web-bcdfghjklmn-bcdfg", "ReplicaSet", "web-bcdfghjklmn", NULL, NULL, "ReplicaSet",
	 "web-bcdfghjklmn", KUBE_REPLICASET, "web-bcdfghjklmn"}, /* 11 are too many */
	{"web--bcdfg", "ReplicaSet", "web-", NULL, NULL, "ReplicaSet", "web-", KUBE_REPLICASET,
	 "web-"},
	{"guestbook-x", "ReplicaSet", "7c9", "7c9", NULL, "ReplicaSet", "7c9", KUBE_REPLICASET,
	 "7c9"}, /* nothing would be left */
	{"guestbook-x", "ReplicaSet", "-7c9", "7c9", NULL, "ReplicaSet", "-7c9", KUBE_REPLICASET,
	 "-7c9"},
	/* Argo Rollouts. */
	{"worker-7b9c6d5f4-bcdfg", "ReplicaSet", "worker-7b9c6d5f4", NULL, "7b9c6d5f4", "Rollout",
	 "worker", KUBE_REPLICASET, "worker-7b9c6d5f4"},
	{"worker-eu-test-bcdfg", "ReplicaSet", "worker-eu-test", NULL, "test", "Rollout",
	 "worker-eu", KUBE_REPLICASET, "worker-eu-test"},
	{"worker-7b9c6d5f4-bcdfg", "ReplicaSet", "worker-7b9c6d5f4", "7b9c6d5f4", "7b9c6d5f4",
	 "Rollout", "worker", KUBE_REPLICASET, "worker-7b9c6d5f4"},
	{"worker-7b9c6d5f4-bcdfg", "ReplicaSet", "worker-7b9c6d5f4", "7b9c6d5f4", "other",
	 "Deployment", "worker", KUBE_DEPLOYMENT, "worker"},
	/* Controllers whose pods name them. */
	{"db-0", "StatefulSet", "db", NULL, NULL, "StatefulSet", "db", KUBE_STATEFULSET, "db"},
	{"kafka-broker-7c9-12", "StatefulSet", "kafka-broker-7c9", NULL, NULL, "StatefulSet",
	 "kafka-broker-7c9", KUBE_STATEFULSET, "kafka-broker-7c9"},
	{"kube-proxy-8zkxl", "DaemonSet", "kube-proxy", NULL, NULL, "DaemonSet", "kube-proxy",
	 KUBE_DAEMONSET, "kube-proxy"},
	{"node-exporter-7c9-8zkxl", "DaemonSet", "node-exporter-7c9", "7c9", NULL, "DaemonSet",
	 "node-exporter-7c9", KUBE_DAEMONSET, "node-exporter-7c9"},
	{"web-1-deploy", "ReplicationController", "web-1", NULL, NULL, "ReplicationController",
	 "web-1", -1, NULL},
	/* Jobs, alone and of CronJobs. */
	{"report-29924459-8zkxl", "Job", "report-29924459", NULL, NULL, "CronJob", "report",
	 KUBE_CRONJOB, "report"},
	{"report-29924459-8zkxl", "Job", "report-29924459", NULL, NULL, "CronJob", "report",
	 KUBE_JOB, "report-29924459"},
	{"etl-eu-1-28000000-8zkxl", "Job", "etl-eu-1-28000000", NULL, NULL, "CronJob", "etl-eu-1",
	 KUBE_CRONJOB, "etl-eu-1"},
	{"report-1610000000-8zkxl", "Job", "report-1610000000", NULL, NULL, "CronJob", "report",
	 KUBE_CRONJOB, "report"},
	{"report-20261123-8zkxl", "Job", "report-20261123", NULL, NULL, "Job", "report-20261123",
	 KUBE_JOB, "report-20261123"}, /* a date */
	{"report-2992445-8zkxl", "Job", "report-2992445", NULL, NULL, "Job", "report-2992445",
	 KUBE_JOB, "report-2992445"},
	{"report-299244590-8zkxl", "Job", "report-299244590", NULL, NULL, "Job", "report-299244590",
	 KUBE_JOB, "report-299244590"},
	{"report-manual-x7v-8zkxl", "Job", "report-manual-x7v", NULL, NULL, "Job",
	 "report-manual-x7v", KUBE_JOB, "report-manual-x7v"}, /* kubectl create job --from */
	{"29924459-8zkxl", "Job", "29924459", NULL, NULL, "Job", "29924459", KUBE_JOB, "29924459"},
	{"migrate-8zkxl", "Job", "migrate", NULL, NULL, "Job", "migrate", KUBE_JOB, "migrate"},
	/* Custom owners, by kind and name. */
	{"web-x9d2k", "CloneSet", "web", NULL, NULL, "CloneSet", "web", -1, NULL},
	{"pg-1", "Cluster", "pg", NULL, NULL, "Cluster", "pg", -1, NULL},
	{"build-7c9-pod", "TaskRun", "build-7c9", NULL, NULL, "TaskRun", "build-7c9", -1, NULL},
	{"etl-wf-1234", "Workflow", "etl-wf", "wf", NULL, "Workflow", "etl-wf", -1, NULL},
	{"dep-pod", "Deployment", "dep", NULL, NULL, "Deployment", "dep", KUBE_DEPLOYMENT, "dep"},
	/* Static and bare pods are their own. */
	{"etcd-node-1", "Node", "node-1", NULL, NULL, "Pod", "etcd-node-1", -1, NULL},
	{"kube-apiserver-ip-10-0-0-1.ec2.internal", "Node", "ip-10-0-0-1.ec2.internal", NULL, NULL,
	 "Pod", "kube-apiserver-ip-10-0-0-1.ec2.internal", -1, NULL},
	{"toolbox", "", "", NULL, NULL, "Pod", "toolbox", -1, NULL},
	{"web-7c9d8b6f5-x2x4q", "", "", "7c9d8b6f5", NULL, "Pod", "web-7c9d8b6f5-x2x4q", -1,
	 NULL}, /* taken out of its ReplicaSet */
	{"half", "ReplicaSet", "", "7c9", NULL, "Pod", "half", -1, NULL},
	{"half", "", "web-7c9", "7c9", NULL, "Pod", "half", -1, NULL},
};

static void each_pod_has_the_owner_that_its_controller_means(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		const struct vector *v = &vectors[i];
		const struct kube_owner_input in = {v->pod, v->kind, v->name,
						    v->hash ? v->hash : "",
						    v->rollout_hash ? v->rollout_hash : ""};
		char parent[KUBE_NAME_MAX + 1];
		struct kube_pod draft = {0};

		kube_owner_resolve(&in, parent, &draft);
		if (strcmp(draft.owner_kind, v->top_kind) || strcmp(draft.owner_name, v->top_name))
			fail_msg("vector %zu: %s of %s %s: %s %s, not %s %s", i, v->pod, v->kind,
				 v->name, draft.owner_kind, draft.owner_name, v->top_kind,
				 v->top_name);
		for (int level = 0; level < KUBE_LEVELS; level++) {
			assert_non_null(draft.workload[level]);
			if (level == v->level)
				assert_string_equal(draft.workload[level], v->level_name);
			else if (v->level < 0)
				assert_string_equal(draft.workload[level], "");
		}
	}
}

/* No name is longer than the API allows, and one that is is not cut into the buffer. */
static void a_name_of_any_length_is_safe(void **state)
{
	char name[2 * KUBE_NAME_MAX], parent[KUBE_NAME_MAX + 1];
	struct kube_pod draft = {0};

	for (size_t n = 1; n < sizeof(name) - 4; n++) {
		const struct kube_owner_input in = {"p", "ReplicaSet", name, "7c9", ""};

		memset(name, 'a', n);
		memcpy(name + n, "-7c9", 5);
		kube_owner_resolve(&in, parent, &draft);
		assert_string_equal(draft.owner_kind,
				    n <= KUBE_NAME_MAX ? "Deployment" : "ReplicaSet");
		assert_int_equal(strlen(draft.owner_name), n <= KUBE_NAME_MAX ? n : n + 4);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_pod_has_the_owner_that_its_controller_means),
		cmocka_unit_test(a_name_of_any_length_is_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
