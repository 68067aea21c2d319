/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of an entry of discovery: of struct entry_draft, not of struct config. */
#include "option.h"

#include "../service/route.h"
#include "entries.h"

#include <strings.h>

#define AT(member) .offset = offsetof(struct entry_draft, member)
#define TEXT_FIELD(key, e, says)                                                                   \
	{.path = (key), .type = OPTION_PATTERN, AT(entry.text[SELECTOR_##e]), .doc = (says)}
#define STRING_(x) #x
#define STRING(x) STRING_(x)

static bool among(const char *text, const char *const *names)
{
	for (; *names; names++) {
		if (strcasecmp(text, *names) == 0)
			return true;
	}
	return false;
}

static const char *check_signal(const char *text, char why[PATTERN_WHY_MAX])
{
	static const char *const names[] = {"metrics", "traces", "logs", NULL};

	return among(text, names) ? NULL : "it must be metrics, traces or logs";
}

/* Beyla's, of which Keyhole has the first. */
static const char *check_feature(const char *text, char why[PATTERN_WHY_MAX])
{
	static const char *const names[] = {"application",
					    "all",
					    "*",
					    "application_span",
					    "application_span_otel",
					    "application_span_sizes",
					    "application_service_graph",
					    "application_host",
					    "application_process",
					    "application_runtime",
					    "network",
					    "network_flow_packets",
					    "network_inter_zone",
					    "stats",
					    "stats_tcp_rtt",
					    "stats_tcp_failed_connections",
					    "stats_tcp_retransmits",
					    "stats_tcp_io",
					    "ebpf",
					    NULL};

	return among(text, names) ? NULL : "no such feature; application is the usual one";
}

static const struct option rows[] = {
	TEXT_FIELD("k8s_namespace", K8S_NAMESPACE, "Namespace of the pod."),
	TEXT_FIELD("k8s_pod_name", K8S_POD, "Name of the pod."),
	TEXT_FIELD("k8s_container_name", K8S_CONTAINER, "Name of the container in its pod."),
	TEXT_FIELD("k8s_deployment_name", K8S_DEPLOYMENT, "Name of the Deployment."),
	TEXT_FIELD("k8s_replicaset_name", K8S_REPLICASET, "Name of the ReplicaSet."),
	TEXT_FIELD("k8s_statefulset_name", K8S_STATEFULSET, "Name of the StatefulSet."),
	TEXT_FIELD("k8s_daemonset_name", K8S_DAEMONSET, "Name of the DaemonSet."),
	TEXT_FIELD("k8s_job_name", K8S_JOB, "Name of the Job."),
	TEXT_FIELD("k8s_cronjob_name", K8S_CRONJOB, "Name of the CronJob."),
	TEXT_FIELD("k8s_owner_name", K8S_OWNER, "Name of any of these, or of another owner."),
	{.path = "k8s_pod_labels",
	 .type = OPTION_PAIRS,
	 AT(labels),
	 .max = SELECTOR_LABELS_MAX,
	 .doc = "Labels of the pod: a map of keys to patterns, all of which must match."},
	{.path = "k8s_pod_annotations",
	 .type = OPTION_PAIRS,
	 AT(annotations),
	 .max = SELECTOR_LABELS_MAX,
	 .doc = "Annotations of the pod, likewise."},
	TEXT_FIELD("container_name", CONTAINER_NAME, "Name of the container."),
	TEXT_FIELD("exe_path", EXE_PATH, "Path of the executable."),
	{.path = "exe_path_regexp",
	 .type = OPTION_PATTERN,
	 .form = PATTERN_REGEX,
	 AT(entry.exe_regex),
	 .doc = "The same as a regular expression, in either form."},
	{.path = "open_ports",
	 .type = OPTION_RANGES,
	 AT(ports),
	 .min = 1,
	 .max = 65535,
	 .doc = "Local ports, such as `80,8000-9000`."},
	{.path = "target_pids",
	 .type = OPTION_RANGES,
	 AT(pids),
	 .min = 1,
	 .max = 4194304,
	 .doc = "Process ids as the host counts them."},
	{.path = "containers_only",
	 .type = OPTION_BOOL,
	 AT(entry.containers_only),
	 .doc = "Only what runs in a container."},
	{.path = "name",
	 .type = OPTION_TEXT,
	 AT(entry.name),
	 .doc = "`service.name` of what matches. Deprecated by Beyla."},
	{.path = "namespace",
	 .type = OPTION_TEXT,
	 AT(entry.namespace),
	 .doc = "`service.namespace` of what matches. Deprecated by Beyla."},
	TEXT_FIELD("cmd_args", CMD_ARGS,
		   "Command line, with a space between arguments: its first " STRING(
			   KH_ARGS_MAX) " bytes. It is read only where an entry has this field."),
	TEXT_FIELD(
		"languages", LANGUAGES,
		"Language, where the executable's name gives it away: `dotnet`, `java`, `nodejs`, "
		"`php`, `python`, `ruby`. Of others it is not known, and they do not match."),
	{.path = "exports",
	 .type = OPTION_TEXTS,
	 AT(exports),
	 .check = check_signal,
	 .max = 8,
	 .doc = "What is exported of it: `metrics`, `traces`, `logs`; `[]` is nothing. There "
		"are no logs."},
	{.path = "metrics.features",
	 .type = OPTION_TEXTS,
	 AT(features),
	 .check = check_feature,
	 .max = 32,
	 .doc = "Which of the metrics that `metrics.features` has there are of it: `application`, "
		"`application_span` (with `_otel` and `_sizes`), `application_service_graph`, "
		"`all` or `*`; without one of them none are."},
	{.path = "routes.incoming",
	 .type = OPTION_TEXTS,
	 AT(incoming),
	 .check = config_check_route,
	 .max = ROUTE_PATTERNS_MAX,
	 .doc = "Routes of the requests it serves, looked at after `routes.patterns`."},
	{.path = "routes.outgoing",
	 .type = OPTION_TEXTS,
	 AT(outgoing),
	 .check = config_check_route,
	 .max = ROUTE_PATTERNS_MAX,
	 .doc = "Routes of the requests it makes, likewise."},
	{.path = "sampler.name",
	 .type = OPTION_TEXT,
	 AT(sampler_name),
	 .check = config_check_sampler,
	 .doc = "Which of its traces are kept, in place of `otel_traces_export.sampler.name`."},
	{.path = "sampler.arg",
	 .type = OPTION_TEXT,
	 AT(sampler_arg),
	 .check = config_check_ratio,
	 .doc = "Its share of them, likewise."},
};

const struct option_table options_selector = {rows, sizeof(rows) / sizeof(*rows), NULL};
