/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pod or Service as the Kubernetes API writes it → what Keyhole keeps. One object at a time.
 * Input is hostile; json.h bounds its size, depth and number of values before it is parsed.
 */
#ifndef KEYHOLE_KUBE_DECODE_H
#define KEYHOLE_KUBE_DECODE_H

#include "json.h"
#include "pod.h"

/*
 * Which labels and annotations are kept. An entry is a key, or a prefix followed by '*'.
 * kube_keep_default: labels app.kubernetes.io/, annotations resource.opentelemetry.io/.
 */
struct kube_keep {
	const char *const *labels; /* NULL-terminated */
	const char *const *annotations;
};

extern const struct kube_keep kube_keep_default;

/* Each limit that was reached, counted; plain numbers, front thread only. */
struct kube_decode_stats {
	uint64_t pods;               /* decoded */
	uint64_t refused;            /* objects that are no usable pod */
	uint64_t containers_dropped; /* beyond KUBE_CONTAINERS_MAX */
	uint64_t labels_dropped;     /* beyond KUBE_LABELS_MAX */
	uint64_t annotations_dropped;
	uint64_t ips_dropped;
	uint64_t values_dropped; /* text longer than its limit, treated as absent */
};

/*
 * A pod object. On success *pod has one reference, the caller's. -EBADMSG: no JSON or no pod (no
 * uid, name or namespace); -E2BIG: beyond a limit above; -ENOMEM.
 */
int kube_decode_pod(struct slice json, const struct kube_keep *keep,
		    struct kube_decode_stats *stats, struct kube_pod **pod);

/* The same from an object that is parsed already. */
int kube_decode_pod_object(const struct cJSON *object, const struct kube_keep *keep,
			   struct kube_decode_stats *stats, struct kube_pod **pod);

/* Likewise, but only what names a peer: uid, names, workloads, `keep`, addresses and times. */
int kube_decode_peer_object(const struct cJSON *object, const struct kube_keep *keep,
			    struct kube_decode_stats *stats, struct kube_pod **pod);

/*
 * A Service, in the form of a pod: its addresses are its ClusterIPs, none for headless ones. Those
 * of load balancers and nodes, and externalIPs, are left out: they can be a node's or a stranger's.
 */
int kube_decode_service_object(const struct cJSON *object, struct kube_decode_stats *stats,
			       struct kube_pod **service);

#endif
