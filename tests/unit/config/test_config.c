/* SPDX-License-Identifier: Apache-2.0 */
/* What a configuration comes to. */
#include "parsed.h"

#include "config/nearest.h"
#include "config/scalar.h"

#include <errno.h>

#define SECOND 1000000000ull

/* From a conference talk, word for word. */
#define TALK                                                                                       \
	"attributes:\n"                                                                            \
	"  kubernetes:\n"                                                                          \
	"    enable: true\n"                                                                       \
	"prometheus_export:\n"                                                                     \
	"  port: 9090\n"                                                                           \
	"  path: /metrics\n"                                                                       \
	"discovery:\n"                                                                             \
	"  services:\n"                                                                            \
	"    - k8s_namespace: default\n"                                                           \
	"      k8s_deployment_name: .\n"                                                           \
	"    - k8s_namespace: default\n"                                                           \
	"      k8s_daemonset_name: .\n"

static const char talk_values[] = "config:\n"
				  "  data:\n"
				  "    attributes:\n"
				  "      kubernetes:\n"
				  "        enable: true\n"
				  "    prometheus_export:\n"
				  "      port: 9090\n"
				  "      path: /metrics\n"
				  "    discovery:\n"
				  "      services:\n"
				  "        - k8s_namespace: default\n"
				  "          k8s_deployment_name: .\n"
				  "        - k8s_namespace: default\n"
				  "          k8s_daemonset_name: .\n";

static struct config *parsed(const char *text, char *const *environment)
{
	static struct parsed p;

	parse_with(&p, slice_of(text), environment);
	assert_string_equal(p.said, "");
	assert_int_equal(p.r, 0);
	return p.config;
}

static enum selector_answer answer(const struct config *config, const char *space,
				   const char *deployment, const char *daemonset)
{
	struct selector_subject subject = {.metadata = SELECTOR_METADATA_KNOWN};
	struct selector_options options;
	struct selector *selector;
	enum selector_answer a;
	char why[PATTERN_WHY_MAX];

	config_selectors(config, &options);
	assert_int_equal(selector_new(&selector, &options, why), 0);
	subject.text[SELECTOR_K8S_NAMESPACE] = space;
	subject.text[SELECTOR_K8S_DEPLOYMENT] = deployment;
	subject.text[SELECTOR_K8S_DAEMONSET] = daemonset;
	a = selector_match(selector, &subject, NULL);
	selector_free(selector);
	return a;
}

static void check_talk(struct config *config)
{
	assert_int_equal(config->kubernetes.enable, CONFIG_KUBERNETES_ON);
	assert_int_equal(config->prometheus.port, 9090);
	assert_string_equal(config->prometheus.path, "/metrics");
	assert_int_equal(config->discovery.include.n, 2);
	assert_int_equal(answer(config, "default", "cart", ""), SELECTOR_YES);
	assert_int_equal(answer(config, "default", "", "agent"), SELECTOR_YES);
	assert_int_equal(answer(config, "default", "", ""), SELECTOR_NO);
	assert_int_equal(answer(config, "shop", "cart", ""), SELECTOR_NO);
	config_free(config);
}

static void the_example_of_the_talk_works_as_the_file_itself(void **state)
{
	check_talk(parsed(TALK, NULL));
}

static void the_example_of_the_talk_works_as_values_yml(void **state)
{
	check_talk(parsed(talk_values, NULL));
}

static void without_any_configuration_all_is_shown_under_defaults(void **state)
{
	struct config *c = parsed("", NULL);

	assert_int_equal(c->log_level, LOG_LEVEL_INFO);
	assert_int_equal(c->prometheus.port, 9464);
	assert_int_equal(c->prometheus.ttl_ns, 300 * SECOND);
	assert_int_equal(c->prometheus.duration.n, 15);
	assert_true(c->prometheus.duration.v[1] == 0.005);
	assert_int_equal(c->prometheus.request_size.n, 10);
	assert_int_equal(c->kubernetes.enable, CONFIG_KUBERNETES_AUTODETECT);
	assert_int_equal(c->kubernetes.reconnect_ns, 5 * SECOND);
	assert_int_equal(c->kubernetes.name_labels.n, 2);
	assert_string_equal(c->kubernetes.name_labels.v[0], "app.kubernetes.io/instance");
	assert_int_equal(c->routes.unmatched, ROUTE_UNSET);
	assert_int_equal(c->keyhole.waiting_ns, 5 * SECOND);
	assert_int_equal(c->keyhole.series_limit, 2000);
	assert_string_equal(c->keyhole.listen_address, "");
	assert_int_equal(answer(c, "shop", "cart", ""), SELECTOR_YES);
	assert_int_equal(answer(c, "kube-system", "coredns", ""), SELECTOR_NO);
	config_free(c);
}

static void the_environment_is_stronger_than_the_file(void **state)
{
	char *const env[] = {"BEYLA_PROMETHEUS_PORT=1111",      "BEYLA_OPEN_PORT=80,8000-9000",
			     "BEYLA_KUBE_METADATA_ENABLE=true", "BEYLA_LOG_LEVEL=DEBUG",
			     "KUBECONFIG=/root/.kube/config",   NULL};
	struct config *c = parsed("prometheus_export: {port: 2222, path: /m}\n", env);

	assert_int_equal(c->prometheus.port, 1111);
	assert_string_equal(c->prometheus.path, "/m");
	assert_int_equal(c->discovery.open_port.n, 2);
	assert_int_equal(c->discovery.open_port.v[1].to, 9000);
	assert_int_equal(c->discovery.include.n, 1);
	assert_int_equal(c->kubernetes.enable, CONFIG_KUBERNETES_ON);
	assert_int_equal(c->log_level, LOG_LEVEL_DEBUG);
	assert_string_equal(c->kubernetes.kubeconfig_path, "/root/.kube/config");
	config_free(c);
}

static void keyhole_variables_win_over_otel_ebpf_and_those_over_beyla(void **state)
{
	char *const three[] = {"BEYLA_PROMETHEUS_PORT=1", "OTEL_EBPF_PROMETHEUS_PORT=2",
			       "KEYHOLE_PROMETHEUS_PORT=3", NULL};
	char *const two[] = {"BEYLA_PROMETHEUS_PORT=1", "OTEL_EBPF_PROMETHEUS_PORT=2",
			     "KEYHOLE_PROMETHEUS_PORT=", NULL};
	struct config *c = parsed("", three);

	assert_int_equal(c->prometheus.port, 3);
	config_free(c);
	c = parsed("", two);
	assert_int_equal(c->prometheus.port, 2);
	config_free(c);
}

static void variables_that_kubernetes_makes_of_services_are_not_options(void **state)
{
	char *const env[] = {"KEYHOLE_PROMETHEUS_PORT=tcp://10.0.0.1:9090",
			     "KEYHOLE_PORT=tcp://10.0.0.1:80",
			     "KEYHOLE_SERVICE_HOST=10.0.0.1",
			     "KEYHOLE_SERVICE_PORT=80",
			     "KEYHOLE_SERVICE_PORT_HTTP=80",
			     "KEYHOLE_PORT_80_TCP=tcp://10.0.0.1:80",
			     "KEYHOLE_PORT_80_TCP_PROTO=tcp",
			     "KEYHOLE_PORT_80_TCP_PORT=80",
			     "KEYHOLE_PORT_80_TCP_ADDR=10.0.0.1",
			     NULL};
	struct config *c = parsed("", env);

	assert_int_equal(c->prometheus.port, 9464);
	config_free(c);
}

static void variables_in_the_text_are_replaced(void **state)
{
	char *const env[] = {"PORT=7777", "EMPTY=", NULL};
	struct config *c = parsed("prometheus_export:\n"
				  "  port: ${PORT}\n"
				  "  path: ${NOPE:-/m}${EMPTY:-/x}${EMPTY}\n"
				  "executable_name: a$$b$c$\n",
				  env);

	assert_int_equal(c->prometheus.port, 7777);
	assert_string_equal(c->prometheus.path, "/m/x");
	assert_string_equal(c->discovery.executable_name, "a$b$c$");
	config_free(c);
}

static void the_path_comes_from_the_option_then_the_environment(void **state)
{
	char *const env[] = {"BEYLA_CONFIG_PATH=/b", "OTEL_EBPF_CONFIG_PATH=/o", NULL};

	assert_string_equal(config_path("/a", env), "/a");
	assert_string_equal(config_path(NULL, env), "/o");
	assert_null(config_path(NULL, NULL));
}

static void a_routes_section_turns_routes_on(void **state)
{
	struct config *c = parsed("routes:\n  patterns: [/users/:id]\n", NULL);
	struct route_options options;

	config_routes(c, &options);
	assert_int_equal(options.pattern_count, 1);
	assert_string_equal(options.patterns[0], "/users/:id");
	assert_int_equal(options.unmatched, ROUTE_LOW_CARDINALITY);
	assert_int_equal(options.cardinality, 10);
	assert_string_equal(options.wildcard, "*");
	config_free(c);
	c = parsed("routes: {unmatched: heuristic, ignore_mode: traces}\n", NULL);
	assert_int_equal(c->routes.unmatched, ROUTE_HEURISTIC);
	assert_int_equal(c->routes.ignore, ROUTE_IGNORE_TRACES);
	config_free(c);
}

static void globs_win_over_regular_expressions(void **state)
{
	struct parsed p;

	parse_text(&p, "discovery:\n"
		       "  exclude_instrument: [{k8s_deployment_name: \"*-canary\"}]\n"
		       "  services: [{k8s_namespace: shop}]\n");
	assert_int_equal(p.r, 0);
	assert_int_equal(p.config->discovery.include.n, 0);
	assert_int_equal(answer(p.config, "other", "cart", ""), SELECTOR_YES);
	assert_int_equal(answer(p.config, "shop", "cart-canary", ""), SELECTOR_NO);
	config_free(p.config);
}

static void built_in_exclusions_can_be_removed(void **state)
{
	struct config *c = parsed("discovery: {default_exclude_instrument: []}\n", NULL);

	assert_int_equal(answer(c, "kube-system", "coredns", ""), SELECTOR_YES);
	config_free(c);
	c = parsed("discovery: {default_exclude_services: [{k8s_namespace: ^lab$}]}\n", NULL);
	assert_int_equal(answer(c, "kube-system", "coredns", ""), SELECTOR_YES);
	assert_int_equal(answer(c, "lab", "x", ""), SELECTOR_NO);
	config_free(c);
}

static void executable_and_port_shortcuts_are_one_entry(void **state)
{
	struct config *c = parsed("open_port: 80\nexecutable_name: nginx\n", NULL);

	assert_int_equal(c->discovery.include.n, 1);
	assert_int_equal(c->discovery.include.v[0].port_count, 1);
	assert_string_equal(c->discovery.include.v[0].exe_regex, "nginx");
	config_free(c);
}

static void processes_named_by_number_are_an_entry_of_their_own(void **state)
{
	char *const env[] = {"BEYLA_TARGET_PID=7,9-10", NULL};
	struct config *c = parsed("open_port: 80\n", env);

	assert_int_equal(c->discovery.include.n, 2);
	assert_int_equal(c->discovery.include.v[0].port_count, 1);
	assert_int_equal(c->discovery.include.v[1].pid_count, 2);
	assert_int_equal(c->discovery.include.v[1].pids[1].to, 10);
	config_free(c);
}

static void programs_below_system_paths_are_left_out(void **state)
{
	struct config *c = parsed("discovery: {excluded_linux_system_paths: [/usr/sbin, '/a*b/']}\n",
				  NULL);
	static const struct {
		const char *exe;
		enum selector_answer answer;
	} v[] = {
		{"/usr/sbin/nginx", SELECTOR_NO}, {"/usr/sbin/x/y", SELECTOR_NO},
		{"/usr/sbinx", SELECTOR_YES},     {"/opt/usr/sbin/nginx", SELECTOR_YES},
		{"/a*b/c", SELECTOR_NO},          {"/axb/c", SELECTOR_YES},
	};
	struct selector_options options;
	struct selector *selector;
	char why[PATTERN_WHY_MAX];

	config_selectors(c, &options);
	assert_int_equal(selector_new(&selector, &options, why), 0);
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		struct selector_subject s = {.text[SELECTOR_EXE_PATH] = v[i].exe,
					     .metadata = SELECTOR_METADATA_NONE};

		assert_int_equal(selector_match(selector, &s, NULL), v[i].answer);
	}
	selector_free(selector);
	config_free(c);
}

static void every_field_of_an_entry_is_kept(void **state)
{
	struct config *c = parsed("discovery:\n"
				  "  instrument:\n"
				  "    - name: n\n"
				  "      namespace: ns\n"
				  "      exe_path: \"*/a\"\n"
				  "      exe_path_regexp: ^/b\n"
				  "      open_ports: 80, 8000-9000\n"
				  "      target_pids: [12, 14-15]\n"
				  "      containers_only: true\n"
				  "      k8s_pod_labels: {app: \"c*\"}\n"
				  "      k8s_pod_annotations: {x/y: z}\n"
				  "      k8s_owner_name: o\n"
				  "      cmd_args: \"* --fast\"\n"
				  "      languages: \"{java,go}\"\n",
				  NULL);
	const struct selector_entry *e = c->discovery.include.v;
	const char *keys[8];

	assert_string_equal(e->name, "n");
	assert_string_equal(e->namespace, "ns");
	assert_string_equal(e->text[SELECTOR_EXE_PATH], "*/a");
	assert_string_equal(e->exe_regex, "^/b");
	assert_int_equal(e->port_count, 2);
	assert_int_equal(e->ports[1].from, 8000);
	assert_int_equal(e->pid_count, 2);
	assert_int_equal(e->pids[1].to, 15);
	assert_true(e->containers_only);
	assert_string_equal(e->labels[0].key, "app");
	assert_string_equal(e->labels[0].pattern, "c*");
	assert_string_equal(e->annotations[0].key, "x/y");
	assert_string_equal(e->text[SELECTOR_K8S_OWNER], "o");
	assert_string_equal(e->text[SELECTOR_CMD_ARGS], "* --fast");
	assert_string_equal(e->text[SELECTOR_LANGUAGES], "{java,go}");
	assert_true(config_wants_args(c));

	assert_int_equal(config_pod_labels(c, keys, 8), 5);
	assert_string_equal(keys[4], "app");
	assert_null(keys[5]);
	assert_int_equal(config_pod_annotations(c, keys, 8), 2);
	assert_string_equal(keys[1], "x/y");
	assert_int_equal(config_pod_labels(c, keys, 5), -ENOSPC);
	config_free(c);
}

static void an_entry_says_what_is_exported_and_has_routes_of_its_own(void **state)
{
	static struct parsed p;
	static const bool silent[] = {true, true, false, true, false, false, false};
	const struct selector_entry *e;
	struct route_options routes;
	struct config *c;
	size_t i;

	parse_text(&p, "discovery:\n"
		       "  services:\n"
		       "    - {k8s_namespace: a, exports: []}\n"
		       "    - {k8s_namespace: b, exports: [traces]}\n"
		       "    - {k8s_namespace: c, exports: [Metrics, traces]}\n"
		       "    - {k8s_namespace: d, metrics: {features: [network]}}\n"
		       "    - {k8s_namespace: e, metrics: {features: [network, application]}}\n"
		       "    - {k8s_namespace: f, routes: {incoming: [/in/:x, /a]}}\n"
		       "    - {k8s_namespace: g, routes: {outgoing: [/out]}}\n");
	c = p.config;
	assert_int_equal(p.r, 0);
	e = c->discovery.include.v;
	for (i = 0; i < 7; i++) {
		assert_int_equal(e[i].has_silent, i < 5);
		assert_int_equal(e[i].silent, silent[i]);
		assert_int_equal(e[i].routes, i < 5 ? 0 : i - 4);
	}
	assert_false(config_wants_args(c));
	config_routes(c, &routes);
	assert_int_equal(routes.set_count, 2);
	assert_int_equal(routes.sets[0].incoming_count, 2);
	assert_string_equal(routes.sets[0].incoming[0], "/in/:x");
	assert_string_equal(routes.sets[1].outgoing[0], "/out");
	/* without a section `routes` nothing else gets a route */
	assert_int_equal(routes.unmatched, ROUTE_UNSET);
	config_free(c);
}

static void pids_languages_and_system_paths_are_entries_too(void **state)
{
	static char *const environment[] = {"BEYLA_TARGET_PID=12,14-15",
					    "OTEL_EBPF_AUTO_TARGET_LANGUAGE=java", NULL};
	struct config *c = parsed("discovery:\n"
				  "  excluded_linux_system_paths: [\"/usr/lib[x]/\", /sbin]\n",
				  environment);
	const struct selector_entry *e = c->discovery.include.v;
	const struct config_entries *out = &c->discovery.exclude;

	assert_int_equal(c->discovery.include.n, 2);
	assert_string_equal(e[0].text[SELECTOR_LANGUAGES], "java");
	assert_int_equal(e[1].pid_count, 2);
	assert_string_equal(out->v[out->n - 2].text[SELECTOR_EXE_PATH], "/usr/lib\\[x\\]/*");
	assert_string_equal(out->v[out->n - 1].text[SELECTOR_EXE_PATH], "/sbin/*");
	config_free(c);
}

static void labels_for_names_can_be_chosen(void **state)
{
	struct config *c = parsed("attributes:\n"
				  "  kubernetes:\n"
				  "    cluster_name: prod\n"
				  "    resource_labels:\n"
				  "      service.name: [app]\n"
				  "    service_name_template: '{{index .Meta.Labels \"tier\"}}'\n"
				  "  instance_id: {override_hostname: h}\n"
				  "  host_id: {override: i}\n",
				  NULL);
	struct resolve_rules rules;
	const char *keys[8];

	config_naming(c, "node", &rules);
	assert_int_equal(rules.name.n, 1);
	assert_string_equal(rules.name.keys[0], "app");
	assert_int_equal(rules.version.n, 1);
	assert_string_equal(rules.cluster, "prod");
	assert_string_equal(rules.host, "h");
	assert_string_equal(rules.host_id, "i");
	assert_string_equal(rules.name_template, "{{index .Meta.Labels \"tier\"}}");
	assert_int_equal(config_pod_labels(c, keys, 8), 4);
	assert_string_equal(keys[3], "tier");
	config_free(c);
}

static void labels_give_extra_attributes(void **state)
{
	struct config *c = parsed(
		"attributes:\n"
		"  extra_group_attributes: {k8s_app_meta: [team]}\n"
		"  kubernetes:\n"
		"    resource_labels: {service.version: [], deployment_environment: [env, stage],\n"
		"      team: [owner]}\n"
		"prometheus_export: {extra_resource_attributes: [deployment.environment]}\n",
		NULL);
	struct resolve_rules rules;
	const char *keys[8];

	config_naming(c, "node", &rules);
	assert_int_equal(rules.extra_label_count, 2);
	assert_string_equal(rules.extra_labels[0].attribute, "deployment.environment");
	assert_int_equal(rules.extra_labels[0].labels.n, 2);
	assert_string_equal(rules.extra_labels[1].attribute, "team");
	assert_string_equal(rules.extra_labels[1].labels.keys[0], "owner");
	assert_int_equal(config_pod_labels(c, keys, 8), 6);
	assert_string_equal(keys[4], "stage");
	assert_string_equal(keys[5], "owner");
	config_free(c);
}

static void durations_are_those_of_go(void **state)
{
	static const struct {
		const char *text;
		int r;
		uint64_t ns;
	} v[] = {
		{"0", 0, 0},
		{"5m", 0, 300 * SECOND},
		{"1h30m", 0, 5400 * SECOND},
		{"500ms", 0, SECOND / 2},
		{"1.5s", 0, 3 * SECOND / 2},
		{".5h", 0, 1800 * SECOND},
		{"3us", 0, 3000},
		{"3µs", 0, 3000},
		{"7ns", 0, 7},
		{"5", -EINVAL, 0},
		{"", -EINVAL, 0},
		{"s", -EINVAL, 0},
		{"-1s", -EINVAL, 0},
		{"1 s", -EINVAL, 0},
		{"1d", -EINVAL, 0},
		{"99999999999h", -ERANGE, 0},
		{"99999999999999999999s", -ERANGE, 0},
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		uint64_t ns = 0;

		assert_int_equal(scalar_period(slice_of(v[i].text), &ns), v[i].r);
		assert_int_equal(ns, v[i].ns);
	}
}

static void durations_are_shown_as_they_are_written(void **state)
{
	char buf[SCALAR_PERIOD_MAX];

	assert_string_equal(scalar_period_text(0, buf), "0");
	assert_string_equal(scalar_period_text(5400 * SECOND, buf), "1h30m");
	assert_string_equal(scalar_period_text(SECOND / 4, buf), "250ms");
}

static void distances_count_what_fingers_do(void **state)
{
	assert_int_equal(nearest_distance(slice_of(""), slice_of("abc")), 3);
	assert_int_equal(nearest_distance(slice_of("port"), slice_of("prot")), 1);
	assert_int_equal(nearest_distance(slice_of("path"), slice_of("pth")), 1);
	assert_int_equal(nearest_distance(slice_of("kitten"), slice_of("sitting")), 3);
	assert_int_equal(nearest_distance(slice_of("same"), slice_of("same")), 0);
}

/* The page in docs/ is printed by the program; this is how it cannot grow old. */
static void the_reference_page_is_what_the_table_says(void **state)
{
	static char page[65536], printed[65536];
	FILE *file = fopen(REFERENCE_PAGE, "r");
	FILE *out = fmemopen(printed, sizeof(printed), "w");

	assert_non_null(file);
	assert_non_null(out);
	assert_true(fread(page, 1, sizeof(page) - 1, file) > 0);
	fclose(file);
	config_print_reference(out);
	fclose(out);
	assert_string_equal(page, printed);
}

static void peers_are(const char *text, char *const *environment, bool pods, bool services)
{
	struct config *c = parsed(text, environment);
	bool got_pods, got_services;

	config_peers(c, &got_pods, &got_services);
	assert_int_equal(got_pods, pods);
	assert_int_equal(got_services, services);
	config_free(c);
}

#define PEERS "keyhole: {peers: [services, pods]}\n"

static void peers_are_watched_only_when_asked_for_and_not_taken_away(void **state)
{
	char *by_env[] = {"KEYHOLE_PEERS=pods,services", "BEYLA_KUBE_DISABLE_INFORMERS=service",
			  NULL};

	peers_are("", NULL, false, false);
	peers_are("keyhole: {peers: []}", NULL, false, false);
	peers_are("keyhole: {peers: [services]}", NULL, false, true);
	peers_are(PEERS, NULL, true, true);
	peers_are(PEERS "attributes: {kubernetes: {disable_informers: [node]}}", NULL, true, true);
	peers_are(PEERS "attributes: {kubernetes: {disable_informers: [node, service]}}", NULL,
		  true, false);
	peers_are(PEERS "attributes: {kubernetes: {meta_restrict_local_node: true}}", NULL, false,
		  true);
	peers_are(PEERS "attributes: {kubernetes: {meta_restrict_local_node: false}}", NULL, true,
		  true);
	peers_are("attributes: {kubernetes: {meta_restrict_local_node: false}}", NULL, false,
		  false);
	peers_are("", by_env, true, false);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_talk_works_as_the_file_itself),
		cmocka_unit_test(the_example_of_the_talk_works_as_values_yml),
		cmocka_unit_test(without_any_configuration_all_is_shown_under_defaults),
		cmocka_unit_test(the_environment_is_stronger_than_the_file),
		cmocka_unit_test(keyhole_variables_win_over_otel_ebpf_and_those_over_beyla),
		cmocka_unit_test(variables_that_kubernetes_makes_of_services_are_not_options),
		cmocka_unit_test(variables_in_the_text_are_replaced),
		cmocka_unit_test(the_path_comes_from_the_option_then_the_environment),
		cmocka_unit_test(a_routes_section_turns_routes_on),
		cmocka_unit_test(globs_win_over_regular_expressions),
		cmocka_unit_test(built_in_exclusions_can_be_removed),
		cmocka_unit_test(executable_and_port_shortcuts_are_one_entry),
		cmocka_unit_test(processes_named_by_number_are_an_entry_of_their_own),
		cmocka_unit_test(programs_below_system_paths_are_left_out),
		cmocka_unit_test(every_field_of_an_entry_is_kept),
		cmocka_unit_test(an_entry_says_what_is_exported_and_has_routes_of_its_own),
		cmocka_unit_test(pids_languages_and_system_paths_are_entries_too),
		cmocka_unit_test(labels_for_names_can_be_chosen),
		cmocka_unit_test(labels_give_extra_attributes),
		cmocka_unit_test(durations_are_those_of_go),
		cmocka_unit_test(durations_are_shown_as_they_are_written),
		cmocka_unit_test(distances_count_what_fingers_do),
		cmocka_unit_test(the_reference_page_is_what_the_table_says),
		cmocka_unit_test(peers_are_watched_only_when_asked_for_and_not_taken_away),
	};

	/* `test_config --print` writes the page, for docs/configuration.md. */
	if (argc > 1 && strcmp(argv[1], "--print") == 0) {
		config_print_reference(stdout);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
