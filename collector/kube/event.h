/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the API says about objects: the events of a watch, and the Status that an answer other than
 * 200 or an ERROR event carries. The same for objects of every kind. Input is hostile.
 */
#ifndef KEYHOLE_KUBE_EVENT_H
#define KEYHOLE_KUBE_EVENT_H

#include <stdbool.h>

#include "json.h"

#define KUBE_VERSION_MAX 64 /* bytes of a resourceVersion */
#define KUBE_REASON_MAX 64
#define KUBE_MESSAGE_MAX 256

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
	const struct cJSON *object;     /* lives as long as `root` */
	bool initial_end; /* a BOOKMARK after the last of the objects that a stream begins with */
	struct kube_status status; /* of ERROR */
	struct cJSON *root;        /* private */
};

/*
 * One event of a watch on objects of `kind`; release it with kube_event_free(), also after an
 * error. -EBADMSG: no JSON, or no such event; -E2BIG.
 */
int kube_event_decode(struct slice json, const char *kind, struct kube_event *event);
void kube_event_free(struct kube_event *event);

/* The body of an answer that is not 200. -EBADMSG: not a Status; `status` is zeroed then. */
int kube_status_decode(struct slice json, struct kube_status *status);

#endif
