/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON of the Kubernetes API → what Keyhole keeps of it. One object at a time; cJSON stays behind
 * this file. Input is hostile: size, depth and number of values are checked before it is parsed.
 */
#ifndef KEYHOLE_KUBE_DECODE_H
#define KEYHOLE_KUBE_DECODE_H

#include "../slice.h"
#include "pod.h"

#define KUBE_OBJECT_MAX (2u << 20)    /* bytes of one object (etcd refuses more than 1.5 MiB) */
#define KUBE_DEPTH_MAX 64             /* nesting of objects and arrays; real pods reach about 16 */
#define KUBE_OBJECT_VALUES_MAX 131072 /* values in one object: bounds the parsed tree to 12 MiB */
#define KUBE_VERSION_MAX 64           /* bytes of a resourceVersion */
#define KUBE_REASON_MAX 64
#define KUBE_MESSAGE_MAX 256

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

/* An API Status object: why a request, or a watch, failed. Text is hostile. */
struct kube_status {
	int code; /* as HTTP; 0 if absent */
	unsigned retry_after_s;
	char reason[KUBE_REASON_MAX];
	char message[KUBE_MESSAGE_MAX];
};

enum kube_event_type {
	KUBE_EVENT_ADDED,
	KUBE_EVENT_MODIFIED,
	KUBE_EVENT_DELETED,
	KUBE_EVENT_BOOKMARK,
	KUBE_EVENT_ERROR,
	KUBE_EVENT_TYPES,
};

struct kube_event {
	enum kube_event_type type;
	char version[KUBE_VERSION_MAX]; /* the object's; "" for ERROR */
	struct kube_pod *pod;      /* one reference, the caller's; NULL for BOOKMARK, ERROR and a
				      pod that was refused (counted) */
	struct kube_status status; /* of ERROR */
};

/*
 * A pod object. On success *pod has one reference, the caller's. -EBADMSG: no JSON or no pod (no
 * uid, name or namespace); -E2BIG: beyond a limit above; -ENOMEM.
 */
int kube_decode_pod(struct slice json, const struct kube_keep *keep,
		    struct kube_decode_stats *stats, struct kube_pod **pod);

/*
 * One event of a watch on pods. -EBADMSG: no JSON, or no event; -E2BIG; -ENOMEM. A refused pod is
 * no error: the event then has a version and no pod.
 */
int kube_decode_event(struct slice json, const struct kube_keep *keep,
		      struct kube_decode_stats *stats, struct kube_event *event);

/* The body of an answer that is not 200. -EBADMSG: not a Status; `status` is zeroed then. */
int kube_decode_status(struct slice json, struct kube_status *status);

#endif
