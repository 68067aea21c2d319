/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client follows: one collection of the API, and who takes its objects in. Everything is
 * called on the front thread. Several clients can run on one loop, each with a source of its own.
 */
#ifndef KEYHOLE_KUBE_SOURCE_H
#define KEYHOLE_KUBE_SOURCE_H

#include "decode.h"

/*
 * `put` and `gone` get the object itself, which is hostile and valid during the call. They return
 * 0; -EBADMSG or -E2BIG: this object cannot be used, and is left out (they count it in `stats`);
 * -ENOMEM: the answer is given up and asked for again.
 *
 * Between `list_begin` and `list_end` each object that exists is put once; what was not put does
 * not exist. A list that breaks off has no end, and another one begins: until an end nothing may be
 * taken for gone.
 */
struct kube_source {
	const char *path;     /* "/api/v1/pods", "/apis/apps/v1/replicasets" */
	const char *selector; /* fieldSelector; NULL: all objects */
	const char *kind;     /* of one object: "Pod"; a list is then of kind "PodList" */
	const char *accept;   /* NULL: "application/json" */
	const char *what;     /* for people: "pods of node-1" */
	int (*put)(void *arg, const struct cJSON *object, struct kube_decode_stats *stats);
	int (*gone)(void *arg, const struct cJSON *object, struct kube_decode_stats *stats);
	void (*list_begin)(void *arg);
	void (*list_end)(void *arg);
	void (*settle)(void *arg); /* some objects were taken in, and for the moment no more */
	void *arg;
};

#endif
