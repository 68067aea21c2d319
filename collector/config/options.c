/* SPDX-License-Identifier: Apache-2.0 */
/* Every option, once. docs/configuration.md is printed from here. */
#include "option.h"

#include "../../ipc/handover.h"
#include "../service/name_template.h"
#include "../telemetry/telemetry.h"
#include "choose.h"
#include "config.h"
#include "entries.h"

#include <arpa/inet.h>
#include <strings.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof(*(a)))
#define MS ((uint64_t)1000000)
#define SECOND (1000 * MS)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define STRING_(x) #x
#define STRING(x) STRING_(x)

/* ---- choices ---- */

static const struct option_choice log_levels[] = {
	{"error", LOG_LEVEL_ERROR, false, NULL, false},
	{"warn", LOG_LEVEL_WARN, false, NULL, false},
	{"warning", LOG_LEVEL_WARN, true, NULL, false},
	{"info", LOG_LEVEL_INFO, false, NULL, false},
	{"debug", LOG_LEVEL_DEBUG, false, NULL, false},
	{"trace", LOG_LEVEL_DEBUG, false, NULL, false},
	{NULL, 0, false, NULL, false},
};

static const struct option_choice kubernetes[] = {
	{"true", CONFIG_KUBERNETES_ON, false, NULL, false},
	{"false", CONFIG_KUBERNETES_OFF, false, NULL, false},
	{"autodetect", CONFIG_KUBERNETES_AUTODETECT, false, NULL, false},
	{NULL, 0, false, NULL, false},
};

static const struct option_choice kubernetes_source[] = {
	{"api", CONFIG_SOURCE_API, false, NULL, false},
	{"kubelet", CONFIG_SOURCE_KUBELET, false, NULL, false},
	{NULL, 0, false, NULL, false},
};

static const struct option_choice unmatched[] = {
	{"unset", ROUTE_UNSET, false, NULL, false},
	{"path", ROUTE_PATH, false, NULL, false},
	{"wildcard", ROUTE_WILDCARD, false, NULL, false},
	{"heuristic", ROUTE_HEURISTIC, false, NULL, false},
	{"low-cardinality", ROUTE_LOW_CARDINALITY, false, NULL, false},
	{NULL, 0, false, NULL, false},
};

const struct option_choice exemplar_filters[] = {
	{"always_off", EXEMPLARS_NONE, false, NULL, false},
	{"trace_based", EXEMPLARS_SAMPLED, false, NULL, false},
	{"always_on", EXEMPLARS_ALL, false, NULL, false},
	{NULL, 0, false, NULL, false},
};

static const struct option_choice semconvs[] = {
	{"current", SEMCONV_CURRENT, false, NULL, false},
	{"beyla", SEMCONV_BEYLA, false, NULL, false},
	{"beyla-3.20", SEMCONV_BEYLA_3_20, false, NULL, false},
	{NULL, 0, false, NULL, false},
};

static const struct option_choice scopes[] = {
	{"node", CONFIG_SCOPE_NODE, false, NULL, false},
	{"pod", CONFIG_SCOPE_POD, false, NULL, false},
	{NULL, 0, false, NULL, false},
};

static const struct option_choice ignore_modes[] = {
	{"all", ROUTE_IGNORE_ALL, false, NULL, false},
	{"metrics", ROUTE_IGNORE_METRICS, false, NULL, false},
	{"traces", ROUTE_IGNORE_TRACES, false, NULL, false},
	{NULL, 0, false, NULL, false},
};

/* ---- checks ---- */

static const char *check_scrape_path(const char *text, char why[PATTERN_WHY_MAX])
{
	if (text[0] != '/')
		return "it must begin with \"/\"";
	if (strpbrk(text, "?# \t"))
		return "it must be a path alone, without query or spaces";
	if (!strcmp(text, "/healthz") || !strcmp(text, "/readyz"))
		return "that path is taken by a health check";
	return NULL;
}

const char *config_check_address(const char *text)
{
	struct in6_addr address;

	if (!*text || inet_pton(AF_INET, text, &address) == 1 ||
	    inet_pton(AF_INET6, text, &address) == 1)
		return NULL;
	return "it must be an IPv4 or IPv6 address, without a port";
}

static const char *check_address(const char *text, char why[PATTERN_WHY_MAX])
{
	return config_check_address(text);
}

static const char *check_wildcard(const char *text, char why[PATTERN_WHY_MAX])
{
	if (!*text || strlen(text) > 8 || strchr(text, '/'))
		return "it must be 1 to 8 bytes without \"/\"";
	return NULL;
}

static const char *check_route(const char *text, char why[PATTERN_WHY_MAX])
{
	return route_pattern_check(text, why) < 0 ? why : NULL;
}

static const char *check_informer(const char *text, char why[PATTERN_WHY_MAX])
{
	if (!strcmp(text, "node") || !strcmp(text, "service"))
		return NULL;
	return "it must be \"node\" or \"service\"";
}

static const char *check_peers(const char *text, char why[PATTERN_WHY_MAX])
{
	if (!strcmp(text, "pods") || !strcmp(text, "services"))
		return NULL;
	return "it must be \"pods\" or \"services\"";
}

static const char *check_label(const char *text, char why[PATTERN_WHY_MAX])
{
	return *text ? NULL : "it must be the key of a label";
}

static const char *check_template(const char *text, char why[PATTERN_WHY_MAX])
{
	return name_template_check(text);
}

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

/* ---- the table ---- */

#define AT(member) .offset = offsetof(struct config, member)
#define SIZE_BUCKETS "0,32,64,128,256,512,1024,2048,4096,8192"

static const struct option all[] = {
	{.path = "log_level",
	 .type = OPTION_CHOICE,
	 AT(log_level),
	 .choices = log_levels,
	 .fallback = "info",
	 .env = "LOG_LEVEL",
	 .live = true,
	 .doc = "What is logged: this and all that is more important. `trace` is `debug`."},

	{.path = "prometheus_export.port",
	 .type = OPTION_COUNT,
	 AT(prometheus.port),
	 .min = 0,
	 .max = 65535,
	 .fallback = "9464",
	 .env = "PROMETHEUS_PORT",
	 .doc = "TCP port on which metrics are served; 0 serves none. (Beyla serves none unless "
		"told.)"},
	{.path = "prometheus_export.path",
	 .type = OPTION_TEXT,
	 AT(prometheus.path),
	 .check = check_scrape_path,
	 .fallback = "/metrics",
	 .env = "PROMETHEUS_PATH",
	 .doc = "Path of the metrics."},
	{.path = "prometheus_export.ttl",
	 .type = OPTION_PERIOD,
	 AT(prometheus.ttl_ns),
	 .min = 0,
	 .max = 30 * DAY,
	 .fallback = "5m",
	 .env = "PROMETHEUS_TTL",
	 .doc = "A series that saw nothing for so long is no longer shown, once a scrape has seen "
		"it; "
		"where nobody scrapes, after twice that time. 0 shows it for ever."},
	{.path = "prometheus_export.buckets.duration_histogram",
	 .type = OPTION_NUMBERS,
	 AT(prometheus.duration),
	 .max = HISTOGRAM_BOUNDS_MAX,
	 .fallback = "0,0.005,0.01,0.025,0.05,0.075,0.1,0.25,0.5,0.75,1,2.5,5,7.5,10",
	 .doc = "Upper bounds of the buckets of durations, in seconds. While it is the default, "
		"those of databases have others, see metrics.md."},
	{.path = "prometheus_export.buckets.request_size_histogram",
	 .type = OPTION_NUMBERS,
	 AT(prometheus.request_size),
	 .max = HISTOGRAM_BOUNDS_MAX,
	 .fallback = SIZE_BUCKETS,
	 .doc = "Upper bounds of the buckets of request body sizes, in bytes."},
	{.path = "prometheus_export.buckets.response_size_histogram",
	 .type = OPTION_NUMBERS,
	 AT(prometheus.response_size),
	 .max = HISTOGRAM_BOUNDS_MAX,
	 .fallback = SIZE_BUCKETS,
	 .doc = "Upper bounds of the buckets of response body sizes, in bytes."},

	{.path = "prometheus_export.exemplar_filter",
	 .type = OPTION_CHOICE,
	 AT(prometheus.exemplars),
	 .choices = exemplar_filters,
	 .fallback = "always_off",
	 .env = "PROMETHEUS_EXEMPLAR_FILTER",
	 .doc = "Which durations have exemplars in scrapes of OpenMetrics: those of sampled traces "
		"(`trace_based`), of any trace (`always_on`), or none; see metrics.md, Exemplars."},
	{.path = "prometheus_export.extra_resource_attributes",
	 .type = OPTION_TEXTS,
	 AT(prometheus.extra),
	 .check = choose_check_extra,
	 .max = RESOURCE_EXTRAS_MAX,
	 .env = "PROMETHEUS_EXTRA_RESOURCE_ATTRIBUTES",
	 .doc = "Further resource attributes on `target_info`, such as `deployment.environment`.",
	 .section = "Attributes"},

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
	 .doc = "Value of `host.id`, which `target_info` has then. Keyhole asks neither a cloud nor "
		"the machine for one, as Beyla does."},

	{.path = "discovery.instrument",
	 .type = OPTION_ENTRIES,
	 .form = PATTERN_GLOB,
	 AT(discovery.instrument),
	 .live = true,
	 .doc = "Which workloads are shown, by globs. Without any entry, in any form, all of them "
		"are.",
	 .section = "Entries of `discovery`"},
	{.path = "discovery.exclude_instrument",
	 .type = OPTION_ENTRIES,
	 .form = PATTERN_GLOB,
	 AT(discovery.exclude_instrument),
	 .live = true,
	 .doc = "Of them, which are not, by globs."},
	{.path = "discovery.default_exclude_instrument",
	 .type = OPTION_ENTRIES,
	 .form = PATTERN_GLOB,
	 AT(discovery.default_exclude_instrument),
	 .fallback_doc = "observability agents and cluster infrastructure",
	 .live = true,
	 .doc = "Replaces the exclusions that are built in; `[]` removes them.",
	 .section = "Entries of `discovery`"},
	{.path = "discovery.services",
	 .type = OPTION_ENTRIES,
	 .form = PATTERN_REGEX,
	 AT(discovery.services),
	 .live = true,
	 .doc = "The older form of `instrument`, by regular expressions. It counts only where "
		"neither `instrument` nor `exclude_instrument` is given."},
	{.path = "discovery.exclude_services",
	 .type = OPTION_ENTRIES,
	 .form = PATTERN_REGEX,
	 AT(discovery.exclude_services),
	 .live = true,
	 .doc = "The older form of `exclude_instrument`."},
	{.path = "discovery.default_exclude_services",
	 .type = OPTION_ENTRIES,
	 .form = PATTERN_REGEX,
	 AT(discovery.default_exclude_services),
	 .fallback_doc = "as `default_exclude_instrument`",
	 .live = true,
	 .doc = "The older form of `default_exclude_instrument`."},
	{.path = "discovery.exclude_otel_instrumented_services",
	 .type = OPTION_BOOL,
	 AT(discovery.exclude_exporters),
	 .fallback = "true",
	 .env = "EXCLUDE_OTEL_INSTRUMENTED_SERVICES",
	 .live = true,
	 .doc = "A process that sends traces, or metrics, by OTLP itself has no such from Keyhole. "
		"See otlp.md."},
	{.path = "discovery.exclude_otel_instrumented_services_span_metrics",
	 .type = OPTION_BOOL,
	 AT(discovery.exclude_exporters_spans),
	 .fallback = "false",
	 .env = "EXCLUDE_OTEL_INSTRUMENTED_SERVICES_SPAN_METRICS",
	 .live = true,
	 .doc = "Who sends traces has no metrics of spans and no place in the service graph, "
		"either."},
	{.path = "open_port",
	 .type = OPTION_RANGES,
	 AT(discovery.open_port),
	 .min = 1,
	 .max = 65535,
	 .env = "OPEN_PORT",
	 .live = true,
	 .doc = "One more entry: workloads with one of these ports, such as `80,8000-8999`. "
		"Together with `executable_name` it is one entry."},
	{.path = "executable_name",
	 .type = OPTION_PATTERN,
	 .form = PATTERN_REGEX,
	 AT(discovery.executable_name),
	 .env = "EXECUTABLE_NAME",
	 .live = true,
	 .doc = "One more entry: workloads whose executable's path matches this regular "
		"expression."},
	{.path = "auto_target_exe",
	 .type = OPTION_PATTERN,
	 .form = PATTERN_GLOB,
	 AT(discovery.auto_target_exe),
	 .env = "AUTO_TARGET_EXE",
	 .env_plain = "OTEL_GO_AUTO_TARGET_EXE",
	 .env_only = true,
	 .live = true,
	 .doc = "One more entry: workloads whose executable's path matches this glob."},
	{.path = "auto_target_language",
	 .type = OPTION_PATTERN,
	 .form = PATTERN_GLOB,
	 AT(discovery.auto_target_language),
	 .env = "AUTO_TARGET_LANGUAGE",
	 .env_only = true,
	 .live = true,
	 .doc = "One more entry: workloads whose language matches this glob; with "
		"`auto_target_exe` it is one entry."},
	{.path = "service_name",
	 .type = OPTION_TEXT,
	 AT(naming.service_name),
	 .fallback = "",
	 .env = "SERVICE_NAME",
	 .env_plain = "OTEL_SERVICE_NAME",
	 .live = true,
	 .doc = "`service.name` of all that is not in a pod. Deprecated by Beyla."},
	{.path = "service_namespace",
	 .type = OPTION_TEXT,
	 AT(naming.service_namespace),
	 .fallback = "",
	 .env = "SERVICE_NAMESPACE",
	 .live = true,
	 .doc = "`service.namespace` of all that is not in a pod. Deprecated by Beyla."},

	{.path = "routes.patterns",
	 .type = OPTION_TEXTS,
	 AT(routes.patterns),
	 .check = check_route,
	 .max = ROUTE_PATTERNS_MAX,
	 .live = true,
	 .doc = "Routes such as `/users/:id`, `/users/{id}/*`.",
	 .section = "Routes"},
	{.path = "routes.ignored_patterns",
	 .type = OPTION_TEXTS,
	 AT(routes.ignored),
	 .check = check_route,
	 .max = ROUTE_PATTERNS_MAX,
	 .live = true,
	 .doc = "Requests to these are left out."},
	{.path = "routes.ignore_mode",
	 .type = OPTION_CHOICE,
	 AT(routes.ignore),
	 .choices = ignore_modes,
	 .fallback = "all",
	 .live = true,
	 .doc = "What they are left out of."},
	{.path = "routes.unmatched",
	 .type = OPTION_CHOICE,
	 AT(routes.unmatched),
	 .choices = unmatched,
	 .fallback = "low-cardinality",
	 .fallback_doc = "`low-cardinality`; `unset` without a section `routes`",
	 .live = true,
	 .doc = "Route of a path that matches no pattern.",
	 .section = "Routes"},
	{.path = "routes.wildcard_char",
	 .type = OPTION_TEXT,
	 AT(routes.wildcard),
	 .check = check_wildcard,
	 .fallback = "*",
	 .live = true,
	 .doc = "What stands for a segment that was left out."},
	{.path = "routes.max_path_segment_cardinality",
	 .type = OPTION_COUNT,
	 AT(routes.cardinality),
	 .min = 1,
	 .max = ROUTE_CARDINALITY_MAX,
	 .fallback = STRING(ROUTE_CARDINALITY_DEFAULT),
	 .live = true,
	 .doc = "Different values of one segment, per service, before `low-cardinality` makes it "
		"a wildcard."},

	{.path = "keyhole.loader_socket",
	 .type = OPTION_TEXT,
	 AT(keyhole.loader_socket),
	 .fallback = HANDOVER_SOCKET,
	 .env = "LOADER_SOCKET",
	 .doc = "Path of the Unix socket of keyhole-loader."},
	{.path = "keyhole.scope",
	 .type = OPTION_CHOICE,
	 AT(keyhole.scope),
	 .choices = scopes,
	 .fallback = "node",
	 .env = "SCOPE",
	 .doc = "What is traced: the whole node, or only the pod in which Keyhole runs (as a "
		"sidecar). The selection of `discovery` applies within."},
	{.path = "keyhole.listen_address",
	 .type = OPTION_TEXT,
	 AT(keyhole.listen_address),
	 .check = check_address,
	 .fallback = "",
	 .env = "LISTEN_ADDRESS",
	 .fallback_doc = "every address",
	 .doc = "Address on which metrics are served."},
	{.path = "keyhole.node_name",
	 .type = OPTION_TEXT,
	 AT(keyhole.node_name),
	 .fallback = "",
	 .env = "NODE_NAME",
	 .fallback_doc = "`NODE_NAME` of the environment, else the host's name",
	 .doc = "The Kubernetes node whose pods are asked for."},
	{.path = "keyhole.peers",
	 .type = OPTION_TEXTS,
	 AT(keyhole.peers),
	 .check = check_peers,
	 .max = 2,
	 .env = "PEERS",
	 .doc = "Whose addresses get names as peers, beside those of the node's own pods: "
		"`services` (needs get, list and watch of Services) and `pods`, those of all "
		"nodes. See kubernetes.md, Peers."},
	{.path = "keyhole.cluster_name_from_node",
	 .type = OPTION_BOOL,
	 AT(keyhole.cluster_name_from_node),
	 .fallback = "false",
	 .env = "CLUSTER_NAME_FROM_NODE",
	 .doc = "`k8s.cluster.name` from the labels of the node that EKS, Cluster API and AKS set, "
		"where "
		"`attributes.kubernetes.cluster_name` is empty. Needs get, list and watch of "
		"nodes."},
	{.path = "keyhole.kubernetes_source",
	 .type = OPTION_CHOICE,
	 AT(keyhole.kubernetes_source),
	 .choices = kubernetes_source,
	 .fallback = "api",
	 .doc = "Who tells of the node's pods: the API server, by a watch (permission `pods`), or "
		"the node's kubelet, asked again and again (permission `nodes/pods`)."},
	{.path = "keyhole.kubelet.url",
	 .type = OPTION_TEXT,
	 AT(keyhole.kubelet_url),
	 .fallback = "https://127.0.0.1:10250",
	 .doc = "The kubelet, for `kubernetes_source: kubelet`. In a pod of its own network: "
		"`https://${HOST_IP}:10250` with `HOST_IP` from `status.hostIP`."},
	{.path = "keyhole.kubelet.ca_file",
	 .type = OPTION_TEXT,
	 AT(keyhole.kubelet_ca),
	 .fallback = "",
	 .fallback_doc = "the service account's `ca.crt`",
	 .doc = "The CA of the kubelet's serving certificate."},
	{.path = "keyhole.kubelet.insecure_skip_verify",
	 .type = OPTION_BOOL,
	 AT(keyhole.kubelet_insecure),
	 .fallback = "false",
	 .doc = "Takes whoever answers at that address for the kubelet, and gives them the token."},
	{.path = "keyhole.kubelet.interval",
	 .type = OPTION_PERIOD,
	 AT(keyhole.kubelet_ns),
	 .min = SECOND,
	 .max = HOUR,
	 .fallback = "10s",
	 .doc = "Time from one list of the kubelet's to the next: a new pod has no name for as "
		"long."},
	{.path = "keyhole.waiting_room.records",
	 .type = OPTION_COUNT,
	 AT(keyhole.waiting_records),
	 .min = 0,
	 .max = 1 << 20,
	 .fallback = "4096",
	 .env = "WAITING_ROOM_RECORDS",
	 .doc = "Records held back while their pod is not known yet."},
	{.path = "keyhole.waiting_room.timeout",
	 .type = OPTION_PERIOD,
	 AT(keyhole.waiting_ns),
	 .min = 0,
	 .max = HOUR,
	 .fallback = "5s",
	 .env = "WAITING_ROOM_TIMEOUT",
	 .live = true,
	 .doc = "How long, at most; then they go on without the pod's name."},
	{.path = "keyhole.series_limit",
	 .type = OPTION_COUNT,
	 AT(keyhole.series_limit),
	 .min = 1,
	 .max = TELEMETRY_SERIES_MAX,
	 .fallback = STRING(TELEMETRY_SERIES_DEFAULT),
	 .env = "SERIES_LIMIT",
	 .doc = "Series per metric; what comes beyond is counted in an overflow series."},
	{.path = "keyhole.series_memory",
	 .type = OPTION_COUNT,
	 AT(keyhole.series_memory),
	 .min = 1 << 20,
	 .max = (uint64_t)1 << 40,
	 .fallback = "67108864",
	 .env = "SERIES_MEMORY",
	 .doc = "Bytes for all series together."},
	{.path = "keyhole.memory_limit",
	 .type = OPTION_COUNT,
	 AT(keyhole.memory_limit),
	 .min = 0,
	 .max = (uint64_t)1 << 40,
	 .fallback = "0",
	 .env = "MEMORY_LIMIT",
	 .doc = "Bytes that the collector may have in all, such as its container's limit, at least "
		"50331648 (48 MiB): it is shared out to all that can grow, and what does not fit is "
		"left out and counted. 0: no limit but those of each part."},
	{.path = "keyhole.time_to_first_byte",
	 .type = OPTION_BOOL,
	 AT(keyhole.time_to_first_byte),
	 .fallback = "false",
	 .env = "TIME_TO_FIRST_BYTE",
	 .doc = "Also show the time until the first byte of the answer."},
	{.path = "keyhole.semconv",
	 .type = OPTION_CHOICE,
	 AT(keyhole.semconv),
	 .choices = semconvs,
	 .fallback = "current",
	 .env = "SEMCONV",
	 .doc = "Names of metrics and labels where they changed: `current` are those of "
		"OpenTelemetry's semantic conventions 1.45, `beyla` those of Beyla 3.28 and "
		"later, `beyla-3.20` those of Beyla up to 3.20. See metrics.md, Older names."},
	{.path = "keyhole.server_address_from_host",
	 .type = OPTION_BOOL,
	 AT(keyhole.server_address_from_host),
	 .fallback = "false",
	 .env = "SERVER_ADDRESS_FROM_HOST",
	 .doc = "`server.address` of served requests from the Host field, which whoever sends "
		"requests chooses: it may cost series."},
};

const struct option_table options_all = {all, ARRAY_SIZE(all), &options_process};

/* ---- fields of an entry of discovery ---- */

#undef AT
#define AT(member) .offset = offsetof(struct entry_draft, member)
#define TEXT_FIELD(key, e, says)                                                                   \
	{.path = (key), .type = OPTION_PATTERN, AT(entry.text[SELECTOR_##e]), .doc = (says)}

static const struct option selector[] = {
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
		   "Command line, with a space between arguments: its first " STRING(KH_ARGS_MAX)
		   " bytes. It is read only where an entry has this field."),
	TEXT_FIELD("languages", LANGUAGES,
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
	 .check = check_route,
	 .max = ROUTE_PATTERNS_MAX,
	 .doc = "Routes of the requests it serves, looked at after `routes.patterns`."},
	{.path = "routes.outgoing",
	 .type = OPTION_TEXTS,
	 AT(outgoing),
	 .check = check_route,
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

const struct option_table options_selector = {selector, ARRAY_SIZE(selector), NULL};
