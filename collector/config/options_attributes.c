/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of what labels a series and which requests count (attributes, filter), and of the names
 * that Kubernetes and the host give.
 */
#include "option.h"

#include "../service/name_template.h"
#include "choose.h"
#include "config.h"

#include <string.h>

#define AT(member) .offset = offsetof(struct config, member)
#define MS 1000000ull
#define SECOND (1000 * MS)
#define HOUR (3600 * SECOND)

static const struct option_choice kubernetes[] = {
	{"true", CONFIG_KUBERNETES_ON, false, NULL, false},
	{"false", CONFIG_KUBERNETES_OFF, false, NULL, false},
	{"autodetect", CONFIG_KUBERNETES_AUTODETECT, false, NULL, false},
	{NULL, 0, false, NULL, false},
};

static const char *check_informer(const char *text, char why[PATTERN_WHY_MAX])
{
	if (!strcmp(text, "node") || !strcmp(text, "service"))
		return NULL;
	return "it must be \"node\" or \"service\"";
}

static const char *check_label(const char *text, char why[PATTERN_WHY_MAX])
{
	return *text ? NULL : "it must be the key of a label";
}

static const char *check_template(const char *text, char why[PATTERN_WHY_MAX])
{
	return name_template_check(text);
}

static const struct option rows[] = {
	{.path = "attributes.select",
	 .type = OPTION_SELECT,
	 AT(attributes.select),
	 .doc = "Which attributes label each metric.",
	 .section = "Attributes"},
	{.path = "attributes.extra_group_attributes.k8s_app_meta",
	 .type = OPTION_TEXTS,
	 AT(attributes.group),
	 .check = choose_check_extra,
	 .max = RESOURCE_EXTRAS_MAX,
	 .doc = "Further resource attributes on every series of a workload and on `target_info`.",
	 .section = "Attributes"},
	{.path = "filter.application",
	 .type = OPTION_FILTER,
	 AT(attributes.filter),
	 .live = true,
	 .doc = "Only requests that pass all these tests are counted.",
	 .section = "Filters"},

	{.path = "attributes.kubernetes.enable",
	 .type = OPTION_CHOICE,
	 AT(kubernetes.enable),
	 .choices = kubernetes,
	 .fallback = "autodetect",
	 .env = "KUBE_METADATA_ENABLE",
	 .doc = "Names workloads by pod, container and owner. `autodetect` does so where a cluster "
		"is found."},
	{.path = "attributes.kubernetes.cluster_name",
	 .type = OPTION_TEXT,
	 AT(kubernetes.cluster_name),
	 .fallback = "",
	 .env = "KUBE_CLUSTER_NAME",
	 .live = true,
	 .doc = "Value of `k8s.cluster.name`."},
	{.path = "attributes.kubernetes.kubeconfig_path",
	 .type = OPTION_TEXT,
	 AT(kubernetes.kubeconfig_path),
	 .fallback = "",
	 .env_plain = "KUBECONFIG",
	 .doc = "Access to the API from outside of a pod; inside, the service account is used."},
	{.path = "attributes.kubernetes.reconnect_initial_interval",
	 .type = OPTION_PERIOD,
	 AT(kubernetes.reconnect_ns),
	 .min = 10 * MS,
	 .max = HOUR,
	 .fallback = "5s",
	 .env = "KUBE_RECONNECT_INITIAL_INTERVAL",
	 .doc = "Pause before the API is asked again after a failure; it grows from failure to "
		"failure."},
	{.path = "attributes.kubernetes.disable_informers",
	 .type = OPTION_TEXTS,
	 AT(kubernetes.disabled),
	 .check = check_informer,
	 .max = 2,
	 .env = "KUBE_DISABLE_INFORMERS",
	 .doc = "`service`: no Services are watched, whatever `keyhole.peers` says. `node` changes "
		"nothing: Keyhole never watches nodes."},
	{.path = "attributes.kubernetes.meta_restrict_local_node",
	 .type = OPTION_BOOL,
	 AT(kubernetes.local_node),
	 .fallback = "false",
	 .env = "KUBE_META_RESTRICT_LOCAL_NODE",
	 .doc = "`true`: pods of other nodes are not watched, whatever `keyhole.peers` says. "
		"(`false`, Beyla's default too, does not have them watched here: `keyhole.peers` "
		"does.)"},
	{.path = "attributes.kubernetes.resource_labels.service.name",
	 .type = OPTION_TEXTS,
	 AT(kubernetes.name_labels),
	 .check = check_label,
	 .max = 16,
	 .fallback = "app.kubernetes.io/instance,app.kubernetes.io/name",
	 .key_dots = 1,
	 .live = true,
	 .doc = "Pod labels that give `service.name`, best first."},
	{.path = "attributes.kubernetes.resource_labels.service.namespace",
	 .type = OPTION_TEXTS,
	 AT(kubernetes.namespace_labels),
	 .check = check_label,
	 .max = 16,
	 .fallback = "app.kubernetes.io/part-of",
	 .key_dots = 1,
	 .live = true,
	 .doc = "Pod labels that give `service.namespace`, best first."},
	{.path = "attributes.kubernetes.resource_labels.service.version",
	 .type = OPTION_TEXTS,
	 AT(kubernetes.version_labels),
	 .check = check_label,
	 .max = 16,
	 .fallback = "app.kubernetes.io/version",
	 .key_dots = 1,
	 .live = true,
	 .doc = "Pod labels that give `service.version`, best first."},
	{.path = "attributes.kubernetes.resource_labels.*",
	 .type = OPTION_LABELS,
	 AT(kubernetes.extra_labels),
	 .check = check_label,
	 .max = 16,
	 .live = true,
	 .doc = "Pod labels that give another attribute, best first: one that "
		"`prometheus_export.extra_resource_attributes` or "
		"`attributes.extra_group_attributes` names.",
	 .section = "Attributes"},
	{.path = "attributes.kubernetes.service_name_template",
	 .type = OPTION_TEXT,
	 AT(kubernetes.name_template),
	 .check = check_template,
	 .fallback = "",
	 .env = "SERVICE_NAME_TEMPLATE",
	 .live = true,
	 .doc = "`service.name` of a pod by a template, such as `{{.Meta.Namespace}}/{{index "
		".Meta.Labels \"app\"}}`, in place of annotations and labels. Of Go's templates it "
		"may have `.Meta.Name`, `.Meta.Namespace`, `.ContainerName`, `index .Meta.Labels "
		"\"key\"`, `if` with one of these, `else` and `end`."},
	{.path = "attributes.instance_id.override_hostname",
	 .type = OPTION_TEXT,
	 AT(naming.hostname),
	 .fallback = "",
	 .env = "HOSTNAME",
	 .live = true,
	 .doc = "Outside of pods: the host's name in `instance` and `host.name`."},
	{.path = "attributes.host_id.override",
	 .type = OPTION_TEXT,
	 AT(naming.host_id),
	 .fallback = "",
	 .env = "HOST_ID",
	 .live = true,
	 .doc = "Value of `host.id`, which `target_info` has then. Keyhole asks neither a cloud "
		"nor "
		"the machine for one, as Beyla does."},
};

const struct option_table options_attributes = {rows, sizeof(rows) / sizeof(*rows),
						&options_discovery};
