/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pod as the API described it at one moment: immutable, counted references, one allocation of
 * about 1 KiB. An update from the API makes a new struct kube_pod. All text is NUL-terminated and
 * hostile (whoever may create pods chose it, and it need not be valid UTF-8); text that is absent
 * is "", never NULL.
 */
#ifndef KEYHOLE_KUBE_POD_H
#define KEYHOLE_KUBE_POD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KUBE_NAME_MAX 253       /* bytes of any object's name (RFC 1123 subdomain) */
#define KUBE_VALUE_MAX 1024     /* bytes of a label, annotation or variable that is kept */
#define KUBE_CONTAINERS_MAX 64  /* containers of a pod, of all kinds together */
#define KUBE_LABELS_MAX 32      /* labels kept of a pod */
#define KUBE_ANNOTATIONS_MAX 32 /* annotations kept of a pod */
#define KUBE_IPS_MAX 4          /* addresses kept of a pod (two are usual: one per family) */

/* The workloads a pod may belong to, each known by its own name. */
enum kube_level {
	KUBE_DEPLOYMENT,
	KUBE_REPLICASET,
	KUBE_DAEMONSET,
	KUBE_STATEFULSET,
	KUBE_JOB,
	KUBE_CRONJOB,
	KUBE_LEVELS,
};

enum kube_container_kind {
	KUBE_CONTAINER_MAIN,
	KUBE_CONTAINER_INIT,
	KUBE_CONTAINER_SIDECAR, /* an init container with restartPolicy Always */
	KUBE_CONTAINER_EPHEMERAL,
};

struct kube_container {
	const char *name;
	const char *id;       /* without "containerd://"; "" until the kubelet reports it, which is
				 0.7 to 1.7 s after the container started */
	const char *ended_id; /* the container that this one replaced after a restart */
	const char *image;    /* as the pod's spec names it */
	/* Values written literally in the spec; "" for valueFrom or a value that starts with "$(".
	 */
	const char *otel_service_name;
	const char *otel_resource_attributes;
	uint32_t restarts;
	uint8_t kind; /* enum kube_container_kind */
};

struct kube_pair {
	const char *key, *value;
};

struct kube_pod {
	uint32_t refs;   /* atomic; kube_pod_ref(), kube_pod_unref() */
	uint32_t bytes;  /* size of this allocation */
	uint64_t serial; /* of this description, never 0 nor given twice; by kube_store_put() */
	int64_t started; /* creationTimestamp, seconds since 1970; 0: unknown */
	int64_t ip_since; /* likewise: the addresses were its own then, since a container ran; 0 */
	const char *uid; /* as the API writes it, with dashes */
	const char *name;
	const char *namespace;
	const char *node;
	const char *config_hash;           /* static pods: what their cgroup calls the pod's uid */
	const char *workload[KUBE_LEVELS]; /* "" where the pod has none of that kind */
	const char *owner_kind; /* top of the chain: "Deployment", "Rollout", "Pod", ... */
	const char *owner_name;
	const struct kube_container *containers;
	const struct kube_pair *labels; /* those that struct kube_keep asked for */
	const struct kube_pair *annotations;
	uint8_t container_count, label_count, annotation_count, ip_count;
	bool host_network;            /* its addresses are the node's, and name nobody */
	bool ip_free; /* nothing of it runs any more: its addresses may be another's already */
	bool is_service; /* no pod, but a Service: only uid, names, times and addresses count */
	uint8_t ip[KUBE_IPS_MAX][16]; /* IPv4 as ::ffff:a.b.c.d */
};

/*
 * A packed copy, with one reference, of a draft whose pointers lead anywhere. NULL: out of memory.
 */
struct kube_pod *kube_pod_new(const struct kube_pod *draft);
struct kube_pod *kube_pod_ref(struct kube_pod *pod);
void kube_pod_unref(struct kube_pod *pod); /* NULL is fine */

/* The value of a kept label or annotation; NULL if the pod has none. */
const char *kube_pod_label(const struct kube_pod *pod, const char *key);
const char *kube_pod_annotation(const struct kube_pod *pod, const char *key);

/*
 * "2026-11-23 22:42:24 +0000 UTC", the form Beyla exports as k8s.pod.start_time, or "" if unknown.
 * Returns `buf`.
 */
#define KUBE_START_TEXT_MAX 48
const char *kube_pod_start_text(const struct kube_pod *pod, char buf[KUBE_START_TEXT_MAX]);

#endif
