/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which workloads are shown: `discovery` of the configuration, compiled. Entries are alternatives,
 * the fields of one entry must all hold. Meanings are those of Grafana Beyla 3, but:
 *  - without any entry everything is shown (Beyla would refuse to start);
 *  - a k8s_* field of a process whose pod is not known yet is undecided, and so may be the answer;
 *  - a process also matches an inclusion by what is known of its parents, as far as these are told
 *    about (identity/known.h); exclusions look at the process alone.
 */
#ifndef KEYHOLE_SERVICE_SELECTOR_H
#define KEYHOLE_SERVICE_SELECTOR_H

#include "pattern.h"
#include "sampler.h"

#include <stddef.h>
#include <stdint.h>

#define SELECTOR_ENTRIES_MAX 256 /* of each kind */
#define SELECTOR_LABELS_MAX 16   /* k8s_pod_labels of one entry, likewise annotations */
#define SELECTOR_RANGES_MAX 64   /* in one open_ports or target_pids */

/* X(ENUM, key in the configuration): fields that are a pattern over one text. */
#define SELECTOR_TEXTS(X)                                                                          \
	X(EXE_PATH, exe_path)                                                                      \
	X(CMD_ARGS, cmd_args)                                                                      \
	X(LANGUAGES, languages)                                                                    \
	X(CONTAINER_NAME, container_name)                                                          \
	X(K8S_NAMESPACE, k8s_namespace)                                                            \
	X(K8S_POD, k8s_pod_name)                                                                   \
	X(K8S_DEPLOYMENT, k8s_deployment_name)                                                     \
	X(K8S_REPLICASET, k8s_replicaset_name)                                                     \
	X(K8S_STATEFULSET, k8s_statefulset_name)                                                   \
	X(K8S_DAEMONSET, k8s_daemonset_name)                                                       \
	X(K8S_JOB, k8s_job_name)                                                                   \
	X(K8S_CRONJOB, k8s_cronjob_name)                                                           \
	X(K8S_OWNER, k8s_owner_name)                                                               \
	X(K8S_CONTAINER, k8s_container_name)

enum selector_text {
#define SEL_X(e, key) SELECTOR_##e,
	SELECTOR_TEXTS(SEL_X)
#undef SEL_X
		SELECTOR_TEXT_COUNT,
};

/* Both ends included. */
struct selector_range {
	uint32_t from, to;
};

struct route_set; /* route.h */

struct selector_pair {
	const char *key, *pattern;
};

/* One entry as configured. Pointers are NULL, and counts 0, where a field was not given. */
struct selector_entry {
	const char *name, *namespace;          /* for service.name and service.namespace */
	const char *text[SELECTOR_TEXT_COUNT]; /* patterns of `form` */
	const char *exe_regex;                 /* exe_path_regexp: a regex in either form */
	const struct selector_pair *labels, *annotations;
	const struct selector_range *ports, *pids;
	size_t label_count, annotation_count, port_count, pid_count;
	bool containers_only;
	bool silent, untraced;         /* no metrics, no spans are to be exported of it */
	bool has_silent, has_untraced; /* it says so, or the contrary */
	uint32_t left_out;             /* with has_silent: kinds of metrics; carried along */
	bool has_sampler;              /* of its spans: */
	struct sampler sampler;
	const struct route_set *own_routes; /* NULL: none; here only carried along */
	unsigned routes;                    /* their number in struct route_options; 0: none */
	enum pattern_form form;
};

struct selector_options {
	const struct selector_entry *include, *exclude;
	size_t include_count, exclude_count;
};

enum selector_metadata {
	SELECTOR_METADATA_PENDING, /* it may still come */
	SELECTOR_METADATA_NONE,    /* not in a pod, or there is no cluster: k8s_* never match */
	SELECTOR_METADATA_KNOWN,
};

/* A process, its container and its pod. Text that is absent is NULL or "". */
struct selector_subject {
	const char *text[SELECTOR_TEXT_COUNT]; /* [SELECTOR_K8S_OWNER]: the topmost owner */
	const char *(*label)(const void *pod, const char *key); /* NULL result: absent */
	const char *(*annotation)(const void *pod, const char *key);
	const void *pod;       /* for these two; they may be NULL */
	const uint16_t *ports; /* local ports known of the process */
	size_t port_count;
	uint32_t pid; /* in the initial pid namespace */
	bool in_container;
	bool any_process;   /* of the container: all that a process decides is undecided */
	bool any_container; /* of the pod: likewise of what the container's name decides */
	enum selector_metadata metadata;
	const struct selector_subject *parent; /* of the process, in the same container; or NULL */
};

enum selector_answer { SELECTOR_NO, SELECTOR_YES, SELECTOR_UNDECIDED };

/* What matching entries say beside yes. Of several, the last one that says it. */
struct selector_choice {
	const char *name, *space; /* for service.name and service.namespace; NULL: none says it */
	unsigned routes;          /* as in struct selector_entry */
	bool silent, untraced, has_sampler;
	uint32_t left_out;
	struct sampler sampler; /* if it has one */
};

struct selector;

/*
 * Returns 0, -ENOMEM, -E2BIG (more than SELECTOR_ENTRIES_MAX) or -EINVAL (a pattern; `why` says
 * which). The options may be freed afterwards.
 */
int selector_new(struct selector **selector, const struct selector_options *options,
		 char why[PATTERN_WHY_MAX]);
void selector_free(struct selector *selector);

/*
 * Excluded entries go first. `choice` may be NULL; its texts live as long as the selector. One
 * thread at a time; ask again when the subject changed.
 */
enum selector_answer selector_match(const struct selector *selector,
				    const struct selector_subject *subject,
				    struct selector_choice *choice);

/* Are there inclusions, so that parents of a process count? */
bool selector_includes(const struct selector *selector);

#endif
