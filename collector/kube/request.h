/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client asks the API for: the path with its query, and the RBAC rule that this needs. Pure.
 */
#ifndef KEYHOLE_KUBE_REQUEST_H
#define KEYHOLE_KUBE_REQUEST_H

#include "source.h"

#define KUBE_KUBELET_PATH "/pods"

enum kube_verb {
	KUBE_VERB_LIST,
	KUBE_VERB_STREAM, /* a watch that begins with all objects and marks where they end */
	KUBE_VERB_WATCH,
	KUBE_VERB_POLL, /* the pods of a kubelet, which lets nothing be chosen */
};

struct kube_request {
	enum kube_verb verb;
	const char *version; /* where a watch begins; of a list "0": any, "": the latest */
	const char *next;    /* of a list: the page; "": the first */
	unsigned limit;      /* objects per page; 0: all at once */
	unsigned timeout_s;  /* of watch and stream: the server ends them after this time */
};

/* The caller frees it. NULL: out of memory. */
char *kube_request_path(const struct kube_source *source, const struct kube_request *request);

/*
 * The rule that a 403 says is missing, in one line: verb, resource, API group and scope, taken from
 * what was asked for. Returns `buf`.
 */
#define KUBE_RULE_MAX 256
const char *kube_request_rule(const struct kube_source *source, enum kube_verb verb,
			      char buf[KUBE_RULE_MAX]);

#endif
