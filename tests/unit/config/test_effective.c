/* SPDX-License-Identifier: Apache-2.0 */
/* The effective configuration: what --check-config prints, and what a reload compares. */
#include "parsed.h"

#include "config/bind.h"

#include <errno.h>
#include <stdlib.h>

static char *printed(const struct config *config, enum config_shown form)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	assert_non_null(out);
	config_print(config, form, out);
	fclose(out);
	return text;
}

static void differs(void *arg, const char *key, bool live)
{
	char *list = arg;
	size_t n = strlen(list);

	snprintf(list + n, 1000 - n, "%s%s ", key, live ? "" : "!");
}

static const char *difference(const struct config *before, const struct config *after)
{
	static char list[1000];

	*list = '\0';
	config_compare(before, after, differs, list);
	return list;
}

static const char *const files[] = {
	"",
	"log_level: TRACE\nlog_format: json\n",
	"prometheus_export: {port: 1234, path: /m, ttl: 1h30m, buckets: {duration_histogram: [1, "
	"2.5]}}\n",
	"prometheus_export: {features: [application, network], instrumentations: ['*', http]}\n",
	"discovery:\n  instrument:\n    - k8s_namespace: 'a*'\n      k8s_pod_labels: {x/y: "
	"'z$$q'}\n"
	"      open_ports: 80, 8000-9000\n    - {exe_path: '{*/,}x', target_pids: [1, 2-3]}\n"
	"  exclude_instrument: [{containers_only: yes, exe_path: "
	"\"\\t\\u0085\\u2028\\\"\\\\\\u00e4\"}]\n"
	"  default_exclude_instrument: []\n",
	"discovery: {services: [{k8s_namespace: ., k8s_owner_name: null}], exclude_services: []}\n",
	"discovery: {default_exclude_services: [{exe_path: a}]}\n",
	"discovery: {default_exclude_services: [{exe_path: a}], instrument: [{exe_path: b}]}\n",
	"discovery: {default_exclude_services: [{exe_path: a}], services: [{exe_path: b}],\n"
	"  default_exclude_instrument: []}\n",
	"executable_name: 'a|b: c # d'\nopen_port: 1-2\ntarget_pids: [7]\n",
	"routes: {}\n",
	"routes: {patterns: ['/users/:id', '/a/{b}/*'], unmatched: path, wildcard_char: '#'}\n",
	"routes:\n",
	"config: {data: {log_level: warn, service_name: '- yes', service_namespace: 'null'}}\n",
	"attributes: {kubernetes: {resource_labels: {service.name: [a, b], service.version: []},\n"
	"  cluster_name: ' spaced '}}\n",
	"attributes: {kubernetes: {resource_labels: {'a b': [l], team: [m, n], other: []}}}\n"
	"prometheus_export: {extra_resource_attributes: [team, other]}\n",
	"service_name: '${NAME}'\nservice_namespace: $${NAME}\n",
	"ebpf: {bpf_debug: true}\nnetwork: {enable: true}\nkeyhole: {waiting_room: {timeout: "
	"7s}}\n",
	"health_check: {port: 81, listen_address: '::1'}\n",
};

static char *const environment[] = {"NAME=its: [#] \"$$x\" ${NAME}",
				    "KEYHOLE_AUTO_TARGET_EXE=*/a,b", "BEYLA_OPEN_PORT=80,443",
				    "KEYHOLE_METRICS_FEATURES=application,*", NULL};

static void again(const char *file, char *const *env, enum config_shown form)
{
	struct parsed first, second;
	char *text, *text_again;

	parse_with(&first, slice_of(file), env);
	if (first.r != 0)
		fail_msg("%s\n%s", file, first.said);
	text = printed(first.config, form);
	parse_with(&second, slice_of(text), env);
	if (second.r != 0)
		fail_msg("%s\n%s", text, second.said);
	text_again = printed(second.config, form);
	assert_string_equal(text, text_again);
	assert_string_equal(difference(first.config, second.config), "");
	assert_int_equal(first.config->routes.given, second.config->routes.given);
	assert_int_equal(first.config->discovery.include.n, second.config->discovery.include.n);
	assert_int_equal(first.config->discovery.exclude.n, second.config->discovery.exclude.n);
	assert_int_equal(first.config->prometheus.ttl_ns, second.config->prometheus.ttl_ns);
	assert_string_equal(first.config->naming.service_name, second.config->naming.service_name);
	free(text);
	free(text_again);
	config_free(first.config);
	config_free(second.config);
}

static void what_is_printed_gives_the_same_when_read(void **state)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		again(files[i], NULL, CONFIG_SHOWN_AS_YAML);
		again(files[i], environment, CONFIG_SHOWN_AS_YAML);
		again(files[i], NULL, CONFIG_SHOWN_AS_JSON);
		again(files[i], environment, CONFIG_SHOWN_AS_JSON);
	}
}

static void it_is_yaml_as_people_write_it(void **state)
{
	struct parsed p;
	char *text;

	parse_text(&p,
		   "discovery: {instrument: [{k8s_namespace: shop, k8s_pod_labels: {app: 'c*'}}]}\n"
		   "routes: {patterns: [/a]}\n");
	text = printed(p.config, CONFIG_SHOWN_AS_YAML);
	assert_non_null(strstr(text, "discovery:\n  instrument:\n    - k8s_namespace: shop\n"
				     "      k8s_pod_labels:\n        app: \"c*\"\n"));
	assert_non_null(strstr(text, "\nroutes:\n  patterns: [/a]\n  ignored_patterns: []\n"));
	assert_non_null(strstr(text, "  path: /metrics\n  ttl: 5m\n"));
	free(text);
	config_free(p.config);
}

static void a_section_that_was_not_given_is_not_made(void **state)
{
	struct parsed p;
	char *text;

	parse_text(&p, "");
	text = printed(p.config, CONFIG_SHOWN_AS_YAML);
	assert_null(strstr(text, "routes:"));
	free(text);
	config_free(p.config);
}

static void lists_that_were_not_given_are_shown_as_they_count(void **state)
{
	struct parsed p;
	char *text;

	parse_text(&p, "");
	text = printed(p.config, CONFIG_SHOWN_AS_YAML);
	assert_non_null(strstr(text,
			       "\n  instrument: []\n  exclude_instrument: []\n"
			       "  default_exclude_instrument:\n    - exe_path: \"{*/,}{beyla,"));
	assert_non_null(strstr(text, "\n    - k8s_namespace: \"{kube-system,"));
	assert_null(strstr(text, "\n  services:"));
	assert_non_null(strstr(text, "\n  peers: []\n"));
	assert_non_null(strstr(text, "\n  select: {}\n"));
	assert_non_null(strstr(text, "\nfilter:\n  application: {}\n"));
	free(text);
	config_free(p.config);

	/* An empty list of the newer form would put the older one out of effect. */
	parse_text(&p, "discovery: {services: [{exe_path: a}], default_exclude_services: []}\n");
	text = printed(p.config, CONFIG_SHOWN_AS_YAML);
	assert_non_null(strstr(text, "\n  exclude_services: []\n"));
	assert_null(strstr(text, "instrument:"));
	free(text);
	config_free(p.config);
}

static void a_comparison_names_what_differs_and_what_needs_a_new_start(void **state)
{
	struct parsed a, b;

	parse_text(&a, "log_level: info\nprometheus_export: {port: 1, path: /a}\n"
		       "discovery: {instrument: [{exe_path: a}]}\n# comment\n");
	parse_text(&b, "prometheus_export: {path: /a, port: 2, ttl: 5m}\n"
		       "discovery: {instrument: [{exe_path: b}]}\nservice_name: x\n"
		       "ebpf: {bpf_debug: true}\n");
	assert_string_equal(difference(a.config, b.config),
			    "prometheus_export.port! discovery.instrument service_name ");
	assert_string_equal(difference(a.config, a.config), "");
	config_free(a.config);
	config_free(b.config);
}

/* ---- --help-config ---- */

static int help(const char *key, char *text, size_t size)
{
	FILE *out = fmemopen(text, size, "w");
	int r;

	assert_non_null(out);
	r = config_print_help(key, out);
	fclose(out);
	return r;
}

static void help_tells_of_a_key_its_section_and_its_variable(void **state)
{
	static char text[100000];

	assert_int_equal(help("prometheus_export.port", text, sizeof(text)), 0);
	assert_string_equal(text,
			    "prometheus_export.port\n"
			    "  TCP port on which metrics are served; 0 serves none. (Beyla "
			    "serves none unless told.)\n"
			    "  value: a whole number from 0 to 65535\n"
			    "  default: 9464\n"
			    "  a change takes effect at the next start\n"
			    "  variable: KEYHOLE_PROMETHEUS_PORT, OTEL_EBPF_PROMETHEUS_PORT or "
			    "BEYLA_PROMETHEUS_PORT\n");
	assert_int_equal(help("BEYLA_BPF_FS_PATH", text, sizeof(text)), 0);
	assert_string_equal(text, "ebpf.bpf_fs_path\n"
				  "  not supported by Keyhole, because nothing is pinned\n"
				  "  asks for nothing as: /sys/fs/bpf/|/sys/fs/bpf\n"
				  "  variable: KEYHOLE_BPF_FS_PATH, OTEL_EBPF_BPF_FS_PATH or "
				  "BEYLA_BPF_FS_PATH\n");
	assert_int_equal(help("enforce_sys_caps", text, sizeof(text)), 0);
	assert_non_null(strstr(text, "whatever it is: no line is said of it\n"));
	assert_int_equal(help("javaagent", text, sizeof(text)), 0);
	assert_non_null(strstr(text, "javaagent.attach_timeout\n"));
	assert_int_equal(help("attributes.kubernetes.resource_labels.any", text, sizeof(text)), 0);
	assert_int_equal(help(NULL, text, sizeof(text)), 0);
	assert_non_null(strstr(text, "log_level\n"));
	assert_non_null(strstr(text, "ebpf.bpf_debug\n"));
}

/* Help, page and schema each say where there is more, as their reader finds it. */
static void help_points_to_sections_that_there_are(void **state)
{
	static char text[100000], page[200000];
	FILE *out = fmemopen(page, sizeof(page), "w");
	const struct option *o;
	unsigned n = 0;

	assert_non_null(out);
	config_print_reference(out);
	fclose(out);
	assert_int_equal(help("routes.patterns", text, sizeof(text)), 0);
	assert_non_null(strstr(text, "  more: section Routes of --print-config-reference\n"));
	assert_non_null(strstr(page, " See [Entries of `discovery`](#entries-of-discovery). |"));
	assert_int_equal(help(NULL, text, sizeof(text)), 0);
	assert_null(strstr(text, "see below"));
	for (size_t i = 0; (o = option_at(&options_all, i)); i++) {
		char title[100];

		if (!o->section)
			continue;
		snprintf(title, sizeof(title), "\n## %s\n", o->section);
		if (!strstr(page, title))
			fail_msg("%s: no section %s", o->path, o->section);
		n++;
	}
	assert_true(n > 5);
}

static void help_offers_the_nearest_key(void **state)
{
	char text[1000];

	assert_int_equal(help("routes.unmached", text, sizeof(text)), -ENOENT);
	assert_string_equal(text,
			    "routes.unmached: no such key; did you mean \"routes.unmatched\"?\n");
	assert_int_equal(help("zzzzzzz", text, sizeof(text)), -ENOENT);
	assert_string_equal(text, "zzzzzzz: no such key; --help-config alone prints all of them\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_printed_gives_the_same_when_read),
		cmocka_unit_test(it_is_yaml_as_people_write_it),
		cmocka_unit_test(a_section_that_was_not_given_is_not_made),
		cmocka_unit_test(lists_that_were_not_given_are_shown_as_they_count),
		cmocka_unit_test(a_comparison_names_what_differs_and_what_needs_a_new_start),
		cmocka_unit_test(help_tells_of_a_key_its_section_and_its_variable),
		cmocka_unit_test(help_points_to_sections_that_there_are),
		cmocka_unit_test(help_offers_the_nearest_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
