/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `attributes.select`: which labels each metric has. All sections whose key matches a metric are
 * applied in lexical order: an `include` of the first replaces the defaults, those of later ones
 * add, and each `exclude` takes away, after its own section's `include`. Keys and attributes are
 * globs, written with dots or underscores; a metric's name may lack its unit.
 *
 * Spans are called "traces", as with Beyla, which lets few of their attributes be chosen: the
 * others (PRESENT_ANYWAY) only a section with that very name takes away, and only by `exclude`.
 *
 * All of it happens at start-up; the sets are fixed from then on.
 */
#ifndef KEYHOLE_TELEMETRY_SELECT_H
#define KEYHOLE_TELEMETRY_SELECT_H

#include "attributes.h"

#define SELECT_SECTIONS_MAX 64
#define SELECT_GLOBS_MAX 128 /* of one list */

struct select_section {
	const char *key; /* glob of metrics */
	const char *const *include, *const *exclude;
	size_t include_count, exclude_count;
};

/* In any order; they are looked at in the order of their keys. */
struct select_sections {
	const struct select_section *v;
	size_t n;
};

struct select_metric {
	enum attribute_owner owner;
	const char *name;  /* OpenTelemetry's, without unit: "http.server.request.duration" */
	const char *label; /* Prometheus': "http_server_request_duration_seconds" */
};

extern const struct select_metric select_resource; /* target_info, called "resource" */
extern const struct select_metric select_spans;    /* called "traces" */

struct selected {
	attribute_set on;
	attribute_set asked; /* of them, those that an `include` brought */
};

/* Globs must be good ones (pattern_check()); bad ones match nothing. */
struct selected select_for(const struct select_sections *sections,
			   const struct select_metric *metric, const struct attribute_rules *rules);

bool select_matches(const char *key, const struct select_metric *metric);

/* Those of `among` that the glob matches. */
attribute_set select_attributes(const char *glob, attribute_set among,
				const struct attribute_extras *extras);

#endif
