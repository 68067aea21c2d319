/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a workload is, in OpenTelemetry's words: a struct resource from a process, its container and
 * its pod. Names follow Grafana Beyla 3 and OpenTelemetry's "Specify resource attributes using
 * Kubernetes annotations".
 *
 * service.name, first that is there: the matching discovery entry's `name`; OTEL_SERVICE_NAME of
 * the container's spec; service.name of its OTEL_RESOURCE_ATTRIBUTES; the
 * template configured, which takes the place of the next two; annotation
 * resource.opentelemetry.io/service.name; the labels configured; top owner; pod; then, outside a
 * pod, the configured service_name, the executable's file name, the process' comm, the systemd
 * unit; "unknown_service".
 * service.namespace: the entry's `namespace`; OTEL_RESOURCE_ATTRIBUTES; annotation; labels; the
 * pod's namespace, outside a pod the configured service_namespace.
 * service.version: OTEL_RESOURCE_ATTRIBUTES; annotation; labels; the image's tag.
 * service.instance.id: OTEL_RESOURCE_ATTRIBUTES; annotation; `<namespace>.<pod>.<container>`, or
 * outside a pod `<host>:<pid>`, or `<host>:<service.name>` where no pid is given: one instance for
 * all the short-lived processes of one program.
 */
#ifndef KEYHOLE_SERVICE_RESOLVE_H
#define KEYHOLE_SERVICE_RESOLVE_H

#include "resource.h"

#include <stdbool.h>
#include <stddef.h>

#define RESOLVE_NAME_MAX RESOURCE_VALUE_MAX /* bytes of a name that had to be built */

struct resolve_labels {
	const char *const *keys; /* of pod labels, best first */
	size_t n;
};

/* Of one extra attribute. */
struct resolve_extra_labels {
	const char *attribute; /* as resolve_rules.extra has it */
	struct resolve_labels labels;
};

/* What the configuration says; outlives each call. Text that is absent is NULL or "". */
struct resolve_rules {
	struct resolve_labels name, space, version;
	const char *name_template;                    /* as name_template_check() wants it */
	const char *cluster;                          /* k8s.cluster.name */
	const char *host;                             /* of the node, or as overridden */
	const char *host_id;                          /* host.id, in pods and outside */
	const char *service_name, *service_namespace; /* outside Kubernetes */
	/* Further attributes, from OTEL_RESOURCE_ATTRIBUTES, the annotation of that name, or the
	   labels below; at most RESOURCE_EXTRAS_MAX. */
	struct resolve_labels extra;
	const struct resolve_extra_labels *extra_labels;
	size_t extra_label_count;
};

/* Text that is absent is NULL or "". All of it is hostile. */
struct resolve_pod {
	const char *name, *uid, *space, *node, *start_time;
	const char *deployment, *replicaset, *daemonset, *statefulset, *job, *cronjob;
	const char *owner_name, *owner_kind;                    /* topmost */
	const char *(*label)(const void *pod, const char *key); /* NULL result: absent */
	const char *(*annotation)(const void *pod, const char *key);
	const void *pod; /* for these two; they may be NULL */
};

struct resolve_input {
	const char *exe; /* path or file name */
	const char *comm;
	const char *unit; /* name of the cgroup, such as "nginx.service" */
	uint32_t pid;     /* as shown to people; 0 unknown */
	const char *container_id, *container_name, *image;
	const char *otel_service_name, *otel_resource_attributes; /* of the container's spec */
	const char *entry_name, *entry_namespace;                 /* from selector_match() */
	const struct resolve_pod *pod; /* NULL: not in a pod, or not known yet */
};

/* A new resource with one reference; NULL: out of memory. */
struct resource *resolve(const struct resolve_rules *rules, const struct resolve_input *input);

/*
 * service.name and service.namespace of a pod of which no container is known. Never NULL; text of
 * the pod's, or in `buf` what a template made of it. No allocation.
 */
void resolve_pod_service(const struct resolve_rules *rules, const struct resolve_pod *pod,
			 const char **name, const char **space, char buf[RESOLVE_NAME_MAX + 1]);

#endif
