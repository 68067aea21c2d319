/* SPDX-License-Identifier: Apache-2.0 */
/* Options that speak of attributes, and what is said of what they get wrong. */
#include "parsed.h"

#include <errno.h>

#define AT(line, column) "/etc/keyhole.yml:" #line ":" #column ": "
#define E(place, text) "error " place text "\n"
#define W(place, text) "warn " place text "\n"

#define SELECT(text) "attributes:\n  select:\n    " text "\n"
#define FILTER(text) "filter:\n  application:\n    " text "\n"

static const struct {
	const char *yaml, *said;
} refused[] = {
	/* attributes.select */
	{"attributes: {select: [a]}\n",
	 E(AT(1, 22), "attributes.select: expected a map of metrics to include and exclude lists, "
		      "found a list")},
	{SELECT("http_*: [a]"),
	 E(AT(3, 13), "attributes.select: expected a map with include and exclude, found a list")},
	{SELECT("\"[\": {include: [a]}"),
	 E(AT(3, 5), "attributes.select: \"[\" names no metrics: \"[\" is not closed by \"]\"")},
	{SELECT("http_*: {includes: [a]}"),
	 E(AT(3, 14), "unknown key \"includes\"; did you mean \"include\"?")},
	{SELECT("http_*: {include: job}"),
	 E(AT(3, 23), "include: expected a list of texts, found \"job\"")},
	{SELECT("http_*: {include: [\"{\"]}"),
	 E(AT(3, 24), "include: \"{\" is not possible: \"{\" is not closed by \"}\"")},
	{SELECT("http_*: {include: [http.rout, nothing.like.it]}"),
	 E(AT(3, 24), "attributes.select: no attribute is called \"http.rout\"; did you mean "
		      "\"http.route\"?")
		 E(AT(3, 35), "attributes.select: no attribute is called \"nothing.like.it\"; the "
			      "reference page lists them (--print-config-reference)")},
	{SELECT("http_client_*: {include: [client.address]}"),
	 E(AT(3, 31), "attributes.select: these metrics cannot have \"client.address\"; the "
		      "reference page says which can (--print-config-reference)")},
	{SELECT("http_*: {include: [url.query]}"),
	 E(AT(3, 24), "attributes.select: these metrics cannot have \"url.query\"; the reference "
		      "page says which can (--print-config-reference)")},
	{SELECT("traces: {include: [job]}"),
	 E(AT(3, 24),
	   "attributes.select: these metrics cannot have \"job\"; the reference page says "
	   "which can (--print-config-reference)")},
	{SELECT("resource: {include: [\"http_*\"]}"),
	 E(AT(3, 26), "attributes.select: no attribute is called \"http_*\"; the reference page "
		      "lists them (--print-config-reference)")},
	/* extra attributes */
	{"attributes: {extra_group_attributes: {k8s_app_metadata: [a]}}\n",
	 E(AT(1, 39), "unknown key \"k8s_app_metadata\"; did you mean \"k8s_app_meta\"?")},
	{"attributes: {extra_group_attributes: {network_flows: [a]}}\n",
	 E(AT(1, 39), "unknown key \"network_flows\"; attributes.extra_group_attributes has only: "
		      "k8s_app_meta")},
	{"attributes: {extra_group_attributes: {k8s_app_meta: [url.path]}}\n",
	 E(AT(1, 54),
	   "attributes.extra_group_attributes.k8s_app_meta: \"url.path\" is not possible: "
	   "an attribute of requests or of Keyhole has that label")},
	{"prometheus_export: {extra_resource_attributes: [a b]}\n",
	 E(AT(1, 49),
	   "prometheus_export.extra_resource_attributes: \"a b\" is not possible: it must "
	   "be the name of an attribute, without spaces, commas, quotes and \"=\"")},
	{"attributes: {extra_group_attributes: {k8s_app_meta: [a,b,c,d,e,f,g,h,i]}}\n"
	 "prometheus_export: {extra_resource_attributes: [j,k,l,m,n,o,p,q]}\n",
	 E("/etc/keyhole.yml: ",
	   "prometheus_export.extra_resource_attributes, "
	   "prometheus_export.extra_span_resource_attributes and "
	   "attributes.extra_group_attributes: "
	   "more than 16 attributes together")},
	/* filter.application */
	{FILTER("http.rute: {match: a}"),
	 E(AT(3, 5), "filter.application: no attribute is called \"http.rute\"; did you mean "
		     "\"http.route\"?")},
	{FILTER("\"gen_ai.*\": {match: a}"),
	 E(AT(3, 5), "filter.application: no attribute is called \"gen_ai.*\"; the reference page "
		     "lists them (--print-config-reference)")},
	{FILTER("os.type: {match: a}"),
	 E(AT(3, 5), "filter.application: these metrics cannot have \"os.type\"; the reference "
		     "page says which can (--print-config-reference)")},
	{FILTER("url_path: {match: \"[\"}"),
	 E(AT(3, 23), "match: \"[\" is not possible: \"[\" is not closed by \"]\"")},
	{FILTER("url_path: {matches: a}"),
	 E(AT(3, 16), "unknown key \"matches\"; did you mean \"match\"?")},
	{FILTER("url_path: {equals: 7}"),
	 E(AT(3, 5), "filter.application: url.path is no number; use match or not_match")},
	{FILTER("server.port: {equals: http}"),
	 E(AT(3, 27), "equals: expected a whole number from 0 to 4294967295, found \"http\"")},
	{FILTER("server.port: {}"),
	 E(AT(3, 5), "filter.application: this says nothing of the attribute: give it match, "
		     "not_match, equals or another test")},
	{FILTER("server.port: 80"),
	 E(AT(3, 5), "filter.application: this says nothing of the attribute: give it match, "
		     "not_match, equals or another test")},
};

static const struct {
	const char *yaml, *said;
} accepted[] = {
	{SELECT("traces: {include: [url.query, http_request_body_size], exclude: [\"url.*\"]}"),
	 ""},
	{SELECT("\"*\": {include: [job, url.query]}"), ""},
	{SELECT("traces: {include: [url.query, db.query.text, graphql.document]}"),
	 W(AT(3, 35), "not supported by Keyhole: attributes.select: \"db.query.text\", because it "
		      "keeps no text of a query: see db.query.summary")
		 W(AT(3, 50), "not supported by Keyhole: attributes.select: \"graphql.document\", "
			      "because it keeps no text of a query, which may hold any value")},
	{SELECT("trace: {include: [url.query]}"),
	 W(AT(3, 5), "attributes.select: Keyhole has no metric \"trace\", so this has no effect; "
		     "did you mean \"traces\"?")},
	{SELECT("http_server_request_durations: {include: [x]}"),
	 W(AT(3, 5),
	   "attributes.select: Keyhole has no metric \"http_server_request_durations\", so "
	   "this has no effect; did you mean \"http.server.request.duration\"?")},
	{SELECT("\"*\": {exclude: [\"*_ip\", db.statement, k8s.pod.nam]}"),
	 W(AT(3, 29),
	   "attributes.select: no attribute is called \"db.statement\"; the reference page "
	   "lists them (--print-config-reference)")
		 W(AT(3, 43), "attributes.select: no attribute is called \"k8s.pod.nam\"; did you "
			      "mean \"k8s.pod.name\"?")},
	/* Beyla's attributes that Keyhole has not: its configurations go on working. */
	{SELECT("http_*: {include: [process.command, gen_ai_request_model, \"k8s.src.*\"]}"),
	 W(AT(3, 24),
	   "not supported by Keyhole: attributes.select: \"process.command\", because it "
	   "shows no command lines and no executables")
		 W(AT(3, 41), "not supported by Keyhole yet: attributes.select: "
			      "\"gen_ai_request_model\", because it does not read calls of AI "
			      "services")
			 W(AT(3, 63), "not supported by Keyhole: attributes.select: "
				      "\"k8s.src.*\", because it collects no network flows")},
	{SELECT("\"*\": {exclude: [process.command]}"), ""},
	{SELECT("resource: {include: [job, telemetry.sdk.language]}"),
	 W(AT(3, 31), "not supported by Keyhole: attributes.select: \"telemetry.sdk.language\", "
		      "because several may run in the container that a target is")},
	{SELECT("resource: {include: [job, cloud.region]}") "prometheus_export: "
							    "{extra_resource_attributes: "
							    "[cloud.region]}\n",
	 ""},
	{FILTER("gen_ai.request.model: {match: a, not_match: b}"),
	 W(AT(3, 5), "not supported by Keyhole yet: filter.application: \"gen_ai.request.model\", "
		     "because it does not read calls of AI services")},
	{FILTER("url_query: {match: a}"),
	 W(AT(3, 5), "not supported by Keyhole: filter.application: \"url.query\", because only "
		     "spans have it")},
	{SELECT("\"*\":"), ""},
	{SELECT("http_*: {include: }"), ""},
};

static void check(const char *yaml, const char *said, int r)
{
	struct parsed p;

	parse_text(&p, yaml);
	if (strcmp(p.said, said) != 0)
		fail_msg("%s\nsaid: %s\nnot: %s", yaml, p.said, said);
	assert_int_equal(p.r, r);
	if (p.r == 0)
		config_free(p.config);
}

static void what_is_wrong_is_said_with_its_place(void **state)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		check(refused[i].yaml, refused[i].said, -EINVAL);
}

static void what_has_no_effect_is_said(void **state)
{
	for (size_t i = 0; i < sizeof(accepted) / sizeof(*accepted); i++)
		check(accepted[i].yaml, accepted[i].said, 0);
}

static void sections_filters_and_extra_attributes_are_read(void **state)
{
	const struct select_section *s;
	const struct filter_test *t;
	struct parsed p;

	parse_text(
		&p,
		"attributes:\n"
		"  select:\n"
		"    http_*: {include: [job, team], exclude: [\"k8s.*\"]}\n"
		"    resource: {exclude: [deployment_environment]}\n"
		"  extra_group_attributes: {k8s_app_meta: [team, service.version]}\n"
		"prometheus_export: {extra_resource_attributes: [deployment.environment, team]}\n"
		"filter:\n"
		"  application:\n"
		"    http_response_status_code: {greater_equals: 400, less_than: 500}\n"
		"    deployment.environment: {not_match: \"test*\"}\n");
	assert_string_equal(p.said, "");
	s = p.config->attributes.select.sections.v;
	assert_int_equal(p.config->attributes.select.sections.n, 2);
	assert_string_equal(s[0].key, "http_*");
	assert_int_equal(s[0].include_count, 2);
	assert_string_equal(s[0].include[1], "team");
	assert_string_equal(s[0].exclude[0], "k8s.*");
	assert_int_equal(s[1].include_count, 0);
	assert_int_equal(p.config->attributes.extras.n, 2);
	assert_int_equal(p.config->attributes.extras.on_series,
			 ATTR_BIT(RES_SERVICE_VERSION) | ATTR_BIT(ATTR_EXTRA));
	t = p.config->attributes.filter.v;
	assert_int_equal(p.config->attributes.filter.n, 3);
	assert_int_equal(t[0].attribute, ATTR_STATUS);
	assert_int_equal(t[0].op, FILTER_GREATER_EQUALS);
	assert_int_equal(t[0].number, 400);
	assert_int_equal(t[1].op, FILTER_LESS_THAN);
	assert_int_equal(t[2].attribute, ATTR_EXTRA + 1);
	assert_string_equal(t[2].glob, "test*");
	config_free(p.config);
}

static void a_test_of_an_attribute_that_is_not_supported_tests_nothing(void **state)
{
	const struct config_filter *filter;
	struct parsed p;

	parse_text(&p, FILTER("process.command: {match: a, not_match: b}\n"
			      "    server.port: {equals: 80}\n"
			      "    cuda.memcpy.kind: {match: c}\n"
			      "    url.path: {match: /x}"));
	assert_int_equal(p.r, 0);
	filter = &p.config->attributes.filter;
	assert_int_equal(filter->n, 2);
	assert_int_equal(filter->v[0].attribute, ATTR_SERVER_PORT);
	assert_int_equal(filter->v[0].number, 80);
	assert_int_equal(filter->v[1].attribute, ATTR_PATH);
	assert_string_equal(filter->v[1].glob, "/x");
	config_free(p.config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_wrong_is_said_with_its_place),
		cmocka_unit_test(what_has_no_effect_is_said),
		cmocka_unit_test(sections_filters_and_extra_attributes_are_read),
		cmocka_unit_test(a_test_of_an_attribute_that_is_not_supported_tests_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
