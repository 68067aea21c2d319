/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve.h"

#include "name_template.h"
#include "otel_attributes.h"

#include <stdio.h>
#include <string.h>

#define ANNOTATION "resource.opentelemetry.io/"
#define TEXT_MAX (RESOLVE_NAME_MAX + 1)
#define JOINED_MAX (3 * TEXT_MAX) /* resource_new() cuts it */

/* Values that had to be built; the others are the input's own. */
struct built {
	char name[TEXT_MAX], space[TEXT_MAX], version[TEXT_MAX], instance[JOINED_MAX];
	char job[JOINED_MAX];
};

static bool has(const char *text)
{
	return text && *text;
}

static const char *first(const char *a, const char *b)
{
	return has(a) ? a : b;
}

/* "$(VAR)" is for the kubelet to replace: what it came to is not in the spec. */
static const char *literal(const char *text)
{
	return has(text) && !strstr(text, "$(") ? text : NULL;
}

static const char *annotation(const struct resolve_pod *pod, const char *key)
{
	return pod && pod->annotation && pod->pod ? pod->annotation(pod->pod, key) : NULL;
}

static const char *label(const struct resolve_pod *pod, const struct resolve_labels *labels)
{
	const char *found = NULL;

	if (!pod || !pod->label || !pod->pod)
		return NULL;
	for (size_t i = 0; i < labels->n && !has(found); i++)
		found = pod->label(pod->pod, labels->keys[i]);
	return found;
}

static const char *base_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path;
}

/* "nginx.service" is called nginx; other kinds of units name no service. */
static const char *unit_name(const char *unit, char *buf)
{
	static const char suffix[] = ".service";
	size_t n = unit ? strlen(unit) : 0;

	if (n < sizeof(suffix) || strcmp(unit + n - strlen(suffix), suffix) != 0)
		return NULL;
	snprintf(buf, TEXT_MAX, "%.*s", (int)(n - strlen(suffix)), unit);
	return buf;
}

static const char *bare_name(const struct resolve_rules *rules, const struct resolve_input *in,
			     char *buf)
{
	const char *name = first(rules->service_name, base_name(in->exe));

	name = first(name, in->comm);
	if (!has(name))
		name = unit_name(in->unit, buf);
	return first(name, "unknown_service");
}

static const char *from_template(const struct resolve_rules *rules, const struct resolve_input *in,
				 char *buf)
{
	const struct name_template_input words = {.name = in->pod->name,
						  .space = in->pod->space,
						  .container = in->container_name,
						  .label = in->pod->pod ? in->pod->label : NULL,
						  .arg = in->pod->pod};

	return name_template_fill(rules->name_template, &words, buf, TEXT_MAX);
}

static const char *service_name(const struct resolve_rules *rules, const struct resolve_input *in,
				char *buf)
{
	const struct resolve_pod *pod = in->pod;
	const char *name = first(in->entry_name, literal(in->otel_service_name));

	if (!has(name))
		name = otel_attribute(in->otel_resource_attributes, "service.name", buf, TEXT_MAX);
	if (!has(name) && pod && has(rules->name_template)) {
		name = from_template(rules, in, buf);
	} else {
		name = first(name, annotation(pod, ANNOTATION "service.name"));
		name = first(name, label(pod, &rules->name));
	}
	if (pod)
		name = first(name, first(pod->owner_name, pod->name));
	return has(name) ? name : bare_name(rules, in, buf);
}

static const char *service_namespace(const struct resolve_rules *rules,
				     const struct resolve_input *in, char *buf)
{
	const struct resolve_pod *pod = in->pod;
	const char *space = in->entry_namespace;

	if (!has(space))
		space = otel_attribute(in->otel_resource_attributes, "service.namespace", buf,
				       TEXT_MAX);
	space = first(space, annotation(pod, ANNOTATION "service.namespace"));
	space = first(space, label(pod, &rules->space));
	return first(space, pod ? pod->space : rules->service_namespace);
}

void resolve_pod_service(const struct resolve_rules *rules, const struct resolve_pod *pod,
			 const char **name, const char **space, char buf[RESOLVE_NAME_MAX + 1])
{
	const struct resolve_input in = {.pod = pod};
	char unused[TEXT_MAX]; /* only for what a container says */

	*name = service_name(rules, &in, buf);
	*space = first(service_namespace(rules, &in, unused), "");
}

/* "registry:5000/shop/cart:1.4@sha256:..." has the tag "1.4". */
static const char *image_tag(const char *image, char *buf)
{
	const char *name = base_name(image);
	const char *colon = name ? strchr(name, ':') : NULL;
	const char *digest = name ? strchr(name, '@') : NULL;

	if (!colon || (digest && digest < colon))
		return NULL;
	snprintf(buf, TEXT_MAX, "%.*s", (int)strcspn(colon + 1, "@"), colon + 1);
	return buf;
}

static const char *service_version(const struct resolve_rules *rules,
				   const struct resolve_input *in, char *buf)
{
	const char *version =
		otel_attribute(in->otel_resource_attributes, "service.version", buf, TEXT_MAX);

	version = first(version, annotation(in->pod, ANNOTATION "service.version"));
	version = first(version, label(in->pod, &rules->version));
	return has(version) ? version : image_tag(in->image, buf);
}

static const char *instance_id(const struct resolve_rules *rules, const struct resolve_input *in,
			       const char *service, char buf[JOINED_MAX])
{
	const struct resolve_pod *pod = in->pod;
	const char *id = otel_attribute(in->otel_resource_attributes, "service.instance.id", buf,
					JOINED_MAX);

	id = first(id, annotation(pod, ANNOTATION "service.instance.id"));
	if (has(id))
		return id;
	if (!pod && in->pid)
		snprintf(buf, JOINED_MAX, "%.256s:%u", first(rules->host, "localhost"), in->pid);
	else if (!pod)
		snprintf(buf, JOINED_MAX, "%.256s:%.256s", first(rules->host, "localhost"),
			 service);
	else if (has(in->container_name))
		snprintf(buf, JOINED_MAX, "%.253s.%.253s.%.253s", first(pod->space, ""),
			 first(pod->name, ""), in->container_name);
	else
		snprintf(buf, JOINED_MAX, "%.253s.%.253s", first(pod->space, ""),
			 first(pod->name, ""));
	return buf;
}

static void fill_service(const char *v[RES_COUNT], const struct resolve_rules *rules,
			 const struct resolve_input *in, struct built *b)
{
	v[RES_SERVICE_NAME] = service_name(rules, in, b->name);
	v[RES_SERVICE_NAMESPACE] = service_namespace(rules, in, b->space);
	v[RES_SERVICE_VERSION] = service_version(rules, in, b->version);
	v[RES_INSTANCE] = instance_id(rules, in, v[RES_SERVICE_NAME], b->instance);
	v[RES_JOB] = v[RES_SERVICE_NAME];
	if (has(v[RES_SERVICE_NAMESPACE])) {
		snprintf(b->job, sizeof(b->job), "%.256s/%.256s", v[RES_SERVICE_NAMESPACE],
			 v[RES_SERVICE_NAME]);
		v[RES_JOB] = b->job;
	}
}

static void fill_pod(const char *v[RES_COUNT], const struct resolve_rules *rules,
		     const struct resolve_input *in)
{
	const struct resolve_pod *pod = in->pod;

	v[RES_K8S_NAMESPACE] = pod->space;
	v[RES_K8S_POD] = pod->name;
	v[RES_K8S_CONTAINER] = in->container_name;
	v[RES_K8S_DEPLOYMENT] = pod->deployment;
	v[RES_K8S_REPLICASET] = pod->replicaset;
	v[RES_K8S_DAEMONSET] = pod->daemonset;
	v[RES_K8S_STATEFULSET] = pod->statefulset;
	v[RES_K8S_JOB] = pod->job;
	v[RES_K8S_CRONJOB] = pod->cronjob;
	v[RES_K8S_NODE] = pod->node;
	v[RES_K8S_POD_UID] = pod->uid;
	v[RES_K8S_POD_START] = pod->start_time;
	v[RES_K8S_CLUSTER] = rules->cluster;
	v[RES_K8S_OWNER] = pod->owner_name;
	v[RES_K8S_KIND] = pod->owner_kind;
}

/* Returns the value of one extra attribute, in `buf` or the pod's own. */
static const char *extra(const struct resolve_rules *rules, const struct resolve_input *in,
			 const char *name, char buf[TEXT_MAX])
{
	char key[sizeof(ANNOTATION) + TEXT_MAX];
	const char *value = otel_attribute(in->otel_resource_attributes, name, buf, TEXT_MAX);

	snprintf(key, sizeof(key), ANNOTATION "%s", name);
	value = first(value, annotation(in->pod, key));
	for (size_t i = 0; i < rules->extra_label_count && !has(value); i++) {
		if (strcmp(rules->extra_labels[i].attribute, name) == 0)
			value = label(in->pod, &rules->extra_labels[i].labels);
	}
	return value;
}

struct resource *resolve(const struct resolve_rules *rules, const struct resolve_input *in)
{
	const char *extras[RESOURCE_EXTRAS_MAX] = {NULL};
	char texts[RESOURCE_EXTRAS_MAX][TEXT_MAX];
	const char *values[RES_COUNT] = {NULL};
	struct built built;

	fill_service(values, rules, in, &built);
	values[RES_CONTAINER_ID] = in->container_id;
	/* In a pod the name is the pod spec's, and stands in k8s.container.name. */
	values[RES_HOST_NAME] = in->pod ? in->pod->name : rules->host;
	values[RES_HOST_ID] = rules->host_id;
	if (in->pod)
		fill_pod(values, rules, in);
	else
		values[RES_CONTAINER_NAME] = in->container_name;
	for (size_t i = 0; i < rules->extra.n && i < RESOURCE_EXTRAS_MAX; i++)
		extras[i] = extra(rules, in, rules->extra.keys[i], texts[i]);
	return resource_new_with(values, extras, RESOURCE_EXTRAS_MAX);
}
