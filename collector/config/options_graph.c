/* SPDX-License-Identifier: Apache-2.0 */
/* Options of the metrics of spans and of the service graph. */
#include "option.h"

#include "choose.h"
#include "config.h"

#define AT(member) .offset = offsetof(struct config, member)
#define SPAN_NAMES_MAX 100000 /* legal values of the limit: 0 to this */

static const struct option rows[] = {
	{.path = "attributes.metric_span_names_limit",
	 .type = OPTION_COUNT,
	 AT(graph.span_names),
	 .min = 0,
	 .max = SPAN_NAMES_MAX,
	 .fallback = "100",
	 .env = "METRIC_SPAN_NAMES_LIMIT",
	 .doc = "Most names of spans of one service; further ones are `AGGREGATED` (counted). 0: "
		"no "
		"limit but that of series."},
	{.path = "prometheus_export.extra_span_resource_attributes",
	 .type = OPTION_TEXTS,
	 AT(prometheus.span_extra),
	 .check = choose_check_extra,
	 .max = RESOURCE_EXTRAS_MAX,
	 .env = "PROMETHEUS_EXTRA_SPAN_RESOURCE_ATTRIBUTES",
	 .doc = "Further resource attributes on the metrics of spans, and on `target_info`.",
	 .section = "Attributes"},
	{.path = "prometheus_export.allow_service_graph_self_references",
	 .type = OPTION_BOOL,
	 AT(prometheus.self_references),
	 .fallback = "false",
	 .env = "PROMETHEUS_ALLOW_SERVICE_GRAPH_SELF_REFERENCES",
	 .doc = "Has the service graph edges from a service to itself."},
	{.path = "attributes.rename_unresolved_hosts",
	 .type = OPTION_TEXT,
	 AT(graph.unresolved),
	 .fallback = "unresolved",
	 .env = "RENAME_UNRESOLVED_HOSTS",
	 .doc = "What a peer without a name is called in the service graph, where the next two are "
		"empty; with all three empty it is called by its address."},
	{.path = "attributes.rename_unresolved_hosts_outgoing",
	 .type = OPTION_TEXT,
	 AT(graph.outgoing),
	 .fallback = "outgoing",
	 .env = "RENAME_UNRESOLVED_HOSTS_OUTGOING",
	 .doc = "The same, of servers."},
	{.path = "attributes.rename_unresolved_hosts_incoming",
	 .type = OPTION_TEXT,
	 AT(graph.incoming),
	 .fallback = "incoming",
	 .env = "RENAME_UNRESOLVED_HOSTS_INCOMING",
	 .doc = "The same, of clients."},
	{.path = "keyhole.service_graph.everywhere",
	 .type = OPTION_BOOL,
	 AT(graph.everywhere),
	 .fallback = "true",
	 .env = "SERVICE_GRAPH_EVERYWHERE",
	 .doc = "There is a Keyhole of this configuration on every node (with `keyhole.scope: "
		"pod`, "
		"in every pod), which adds the requests to servers there to the totals of the "
		"service graph. `false`: only what is served here is added by its server; a "
		"request to a named server elsewhere is added by its client."},
};

const struct option_table options_graph = {rows, sizeof(rows) / sizeof(*rows),
					   &options_unsupported};
