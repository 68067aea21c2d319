/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A resource: who a series belongs to, as OpenTelemetry's resource attributes. Made by
 * service/resolve.c from process, container and pod; immutable afterwards, shared by reference.
 */
#ifndef KEYHOLE_SERVICE_RESOURCE_H
#define KEYHOLE_SERVICE_RESOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * X(ENUM, OTel name, Prometheus label). Order is the order of labels on a series. Source of
 * names: OpenTelemetry semantic conventions (resource), Grafana Beyla 3 for `instance`, `job`,
 * k8s.kind and k8s.owner.name.
 */
#define RESOURCE_ATTRS(X)                                                                          \
	X(SERVICE_NAME, "service.name", "service_name")                                            \
	X(SERVICE_NAMESPACE, "service.namespace", "service_namespace")                             \
	X(SERVICE_VERSION, "service.version", "service_version")                                   \
	X(INSTANCE, "service.instance.id", "instance")                                             \
	X(JOB, "job", "job")                                                                       \
	X(K8S_NAMESPACE, "k8s.namespace.name", "k8s_namespace_name")                               \
	X(K8S_POD, "k8s.pod.name", "k8s_pod_name")                                                 \
	X(K8S_CONTAINER, "k8s.container.name", "k8s_container_name")                               \
	X(K8S_DEPLOYMENT, "k8s.deployment.name", "k8s_deployment_name")                            \
	X(K8S_REPLICASET, "k8s.replicaset.name", "k8s_replicaset_name")                            \
	X(K8S_DAEMONSET, "k8s.daemonset.name", "k8s_daemonset_name")                               \
	X(K8S_STATEFULSET, "k8s.statefulset.name", "k8s_statefulset_name")                         \
	X(K8S_JOB, "k8s.job.name", "k8s_job_name")                                                 \
	X(K8S_CRONJOB, "k8s.cronjob.name", "k8s_cronjob_name")                                     \
	X(K8S_NODE, "k8s.node.name", "k8s_node_name")                                              \
	X(K8S_POD_UID, "k8s.pod.uid", "k8s_pod_uid")                                               \
	X(K8S_POD_START, "k8s.pod.start_time", "k8s_pod_start_time")                               \
	X(K8S_CLUSTER, "k8s.cluster.name", "k8s_cluster_name")                                     \
	X(K8S_OWNER, "k8s.owner.name", "k8s_owner_name")                                           \
	X(K8S_KIND, "k8s.kind", "k8s_kind")                                                        \
	X(CONTAINER_ID, "container.id", "container_id")                                            \
	X(CONTAINER_NAME, "container.name", "container_name")                                      \
	X(HOST_NAME, "host.name", "host_name")                                                     \
	X(HOST_ID, "host.id", "host_id")

enum resource_attr {
#define RES_X(e, otel, prom) RES_##e,
	RESOURCE_ATTRS(RES_X)
#undef RES_X
	RES_COUNT,
};

#define RESOURCE_VALUE_MAX 256 /* bytes kept of one value, cut on a UTF-8 boundary */
#define RESOURCE_EXTRAS_MAX 16 /* further attributes that the configuration asks for by name */

struct resource {
	uint64_t hash;               /* of all values; equal resources have equal hashes */
	uint32_t refs;               /* atomic; resource_ref(), resource_unref() */
	uint32_t text_n;
	const char *attr[RES_COUNT]; /* valid UTF-8, never NULL, "" where absent; into text[] */
	const char *extra[RESOURCE_EXTRAS_MAX]; /* likewise, in the order of the configuration */
	char text[];
};

/* Names by enum resource_attr. */
extern const char *const resource_otel_name[RES_COUNT];
extern const char *const resource_prom_label[RES_COUNT];

/*
 * A new resource with one reference. A NULL value is absent; values are made valid UTF-8 (bad
 * bytes become U+FFFD) and cut to RESOURCE_VALUE_MAX. NULL: out of memory.
 */
struct resource *resource_new(const char *const values[RES_COUNT]);
/* With `n` <= RESOURCE_EXTRAS_MAX values of extra attributes. */
struct resource *resource_new_with(const char *const values[RES_COUNT], const char *const *extra,
				   size_t n);
/* All values are equal. */
bool resource_same(const struct resource *a, const struct resource *b);
struct resource *resource_ref(struct resource *resource);
void resource_unref(struct resource *resource);

#endif
