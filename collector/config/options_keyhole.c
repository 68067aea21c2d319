/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options that Beyla does not have: keyhole. Those of them that are about spans, the service graph
 * or OTLP stand with these (options_traces.c, options_graph.c, options_otlp.c).
 */
#include "option.h"

#include "../../ipc/handover.h"
#include "../telemetry/telemetry.h"
#include "config.h"

#include <arpa/inet.h>
#include <string.h>

#define AT(member) .offset = offsetof(struct config, member)
#define STRING_(x) #x
#define STRING(x) STRING_(x)
#define SECOND 1000000000ull
#define HOUR (3600 * SECOND)

static const struct option_choice kubernetes_source[] = {
	{"api", CONFIG_SOURCE_API, false, NULL, false},
	{"kubelet", CONFIG_SOURCE_KUBELET, false, NULL, false},
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

static const char *check_peers(const char *text, char why[PATTERN_WHY_MAX])
{
	if (!strcmp(text, "pods") || !strcmp(text, "services"))
		return NULL;
	return "it must be \"pods\" or \"services\"";
}

static const struct option rows[] = {
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
		"50331648 (48 MiB): it is shared out to all that can grow, and what does not fit "
		"is "
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

const struct option_table options_keyhole = {rows, sizeof(rows) / sizeof(*rows), &options_process};
