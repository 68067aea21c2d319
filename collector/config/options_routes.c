/* SPDX-License-Identifier: Apache-2.0 */
/* Options of http.route: routes. */
#include "option.h"

#include "../service/route.h"
#include "config.h"

#include <string.h>

#define AT(member) .offset = offsetof(struct config, member)
#define STRING_(x) #x
#define STRING(x) STRING_(x)

static const struct option_choice unmatched[] = {
	{"unset", ROUTE_UNSET, false, NULL, false},
	{"path", ROUTE_PATH, false, NULL, false},
	{"wildcard", ROUTE_WILDCARD, false, NULL, false},
	{"heuristic", ROUTE_HEURISTIC, false, NULL, false},
	{"low-cardinality", ROUTE_LOW_CARDINALITY, false, NULL, false},
	{NULL, 0, false, NULL, false},
};

static const struct option_choice ignore_modes[] = {
	{"all", ROUTE_IGNORE_ALL, false, NULL, false},
	{"metrics", ROUTE_IGNORE_METRICS, false, NULL, false},
	{"traces", ROUTE_IGNORE_TRACES, false, NULL, false},
	{NULL, 0, false, NULL, false},
};

static const char *check_wildcard(const char *text, char why[PATTERN_WHY_MAX])
{
	if (!*text || strlen(text) > 8 || strchr(text, '/'))
		return "it must be 1 to 8 bytes without \"/\"";
	return NULL;
}

const char *config_check_route(const char *text, char why[PATTERN_WHY_MAX])
{
	return route_pattern_check(text, why) < 0 ? why : NULL;
}

static const struct option rows[] = {
	{.path = "routes.patterns",
	 .type = OPTION_TEXTS,
	 AT(routes.patterns),
	 .check = config_check_route,
	 .max = ROUTE_PATTERNS_MAX,
	 .live = true,
	 .doc = "Routes such as `/users/:id`, `/users/{id}/*`.",
	 .section = "Routes"},
	{.path = "routes.ignored_patterns",
	 .type = OPTION_TEXTS,
	 AT(routes.ignored),
	 .check = config_check_route,
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
};

const struct option_table options_routes = {rows, sizeof(rows) / sizeof(*rows), &options_keyhole};
