/* SPDX-License-Identifier: Apache-2.0 */
/* Options of the scrapes: prometheus_export. Of spans and the service graph: options_graph.c. */
#include "option.h"

#include "../telemetry/telemetry.h"
#include "choose.h"
#include "config.h"

#include <string.h>

#define AT(member) .offset = offsetof(struct config, member)
#define MS 1000000ull
#define SECOND (1000 * MS)
#define DAY (24 * 3600 * SECOND)
#define SIZE_BUCKETS "0,32,64,128,256,512,1024,2048,4096,8192"

const struct option_choice exemplar_filters[] = {
	{"always_off", EXEMPLARS_NONE, false, NULL, false},
	{"trace_based", EXEMPLARS_SAMPLED, false, NULL, false},
	{"always_on", EXEMPLARS_ALL, false, NULL, false},
	{NULL, 0, false, NULL, false},
};

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

static const struct option rows[] = {
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
};

const struct option_table options_prometheus = {rows, sizeof(rows) / sizeof(*rows),
						&options_attributes};
