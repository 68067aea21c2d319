/* SPDX-License-Identifier: Apache-2.0 */
/* What is said to whoever wrote the configuration: each line, word for word. */
#include "parsed.h"

#include <errno.h>
#include <stdlib.h>

#define AT(line, column) "/etc/keyhole.yml:" #line ":" #column ": "
#define E(place, text) "error " place text "\n"
#define W(place, text) "warn " place text "\n"

struct vector {
	const char *yaml;
	const char *said;
};

static const struct vector refused[] = {
	{"discovery:\n  instrument:\n    - languages: java\n      sampler: {name: often}\n",
	 E(AT(4, 23), "sampler.name: \"often\" is not possible: it must be always_on, always_off, "
		      "traceidratio, or one of these with parentbased_ before it")},
	{"otel_traces_export:\n  sampler: {name: traceidratio, arg: \"2\"}\n",
	 E(AT(2, 38), "otel_traces_export.sampler.arg: \"2\" is not possible: the ratio must be a "
		      "number from 0 to 1")},
	{"attributes:\n  kubernetes:\n    resource_labels:\n      a.b: env\n",
	 E(AT(4, 12), "attributes.kubernetes.resource_labels.a.b: expected a list of texts, found "
		      "\"env\"")},
	/* keys */
	{"log_level: info\n\n\n  \nprometheus_exprt:\n  port: 1\n",
	 E(AT(5, 1), "unknown key \"prometheus_exprt\"; did you mean \"prometheus_export\"?")},
	{"prometheus_export:\n  prot: 9090\n",
	 E(AT(2, 3), "unknown key \"prot\"; did you mean \"port\"?")},
	{"attributes: {kubernetes: {enabled: true}}\n",
	 E(AT(1, 27), "unknown key \"enabled\"; did you mean \"enable\"?")},
	{"port: 9090\n",
	 E(AT(1, 1), "unknown key \"port\" here; did you mean \"prometheus_export.port\"?")},
	{"zzzzzzzzzzzzzz: 1\n",
	 E(AT(1, 1), "unknown key \"zzzzzzzzzzzzzz\"; the reference page lists all keys "
		     "(--print-config-reference)")},
	{"\"a\\e[31mb\": 1\n",
	 E(AT(1, 1), "unknown key \"a\\x1b[31mb\"; the reference page lists all keys "
		     "(--print-config-reference)")},
	{"otel_traces_export:\n  endpont: x\n",
	 E(AT(2, 3), "unknown key \"endpont\"; did you mean \"endpoint\"?")},
	{"discovery:\n  services:\n    - k8s_namspace: default\n",
	 E(AT(3, 7), "unknown key \"k8s_namspace\"; did you mean \"k8s_namespace\"?")},
	{"log_level: info\nroutes: {}\nlog_level: debug\n",
	 E(AT(3, 1), "key \"log_level\" is given twice; first at line 1")},
	/* kinds and types */
	{"- a\n", E(AT(1, 1), "expected a map of sections, found a list")},
	{"hello\n", E(AT(1, 1), "expected a map of sections, found text")},
	{"prometheus_export: 9090\n",
	 E(AT(1, 20), "prometheus_export: expected a map of keys, found text")},
	{"prometheus_export:\n  port: abc\n",
	 E(AT(2, 9), "prometheus_export.port: expected a whole number from 0 to 65535, found "
		     "\"abc\"")},
	{"prometheus_export:\n  port: 65536\n",
	 E(AT(2, 9), "prometheus_export.port: expected a whole number from 0 to 65535, found "
		     "\"65536\"")},
	{"prometheus_export:\n  port: -1\n",
	 E(AT(2, 9), "prometheus_export.port: expected a whole number from 0 to 65535, found "
		     "\"-1\"")},
	{"prometheus_export:\n  port: [1]\n",
	 E(AT(2, 9), "prometheus_export.port: expected a whole number from 0 to 65535, found a "
		     "list")},
	{"prometheus_export:\n  ttl: 5\n",
	 E(AT(2, 8), "prometheus_export.ttl: expected a duration from 0 to 720h, such as 30s or "
		     "5m, found \"5\"")},
	{"attributes:\n  kubernetes:\n    reconnect_initial_interval: 1ms\n",
	 E(AT(3, 33), "attributes.kubernetes.reconnect_initial_interval: expected a duration from "
		      "10ms to 1h, such as 30s or 5m, found \"1ms\"")},
	{"attributes:\n  kubernetes:\n    enable: maybe\n",
	 E(AT(3, 13), "attributes.kubernetes.enable: expected one of true, false, autodetect, "
		      "found \"maybe\"")},
	{"log_level: loud\n",
	 E(AT(1, 12), "log_level: expected one of error, warn, info, debug, trace, found "
		      "\"loud\"")},
	{"keyhole: {time_to_first_byte: perhaps}\n",
	 E(AT(1, 31), "keyhole.time_to_first_byte: expected true or false, found \"perhaps\"")},
	{"keyhole: {node_name: {a: b}}\n",
	 E(AT(1, 22), "keyhole.node_name: expected text, found a map")},
	{"routes: {patterns: /a}\n",
	 E(AT(1, 20), "routes.patterns: expected a list of texts, found \"/a\"")},
	{"routes: {patterns: [/a, ~]}\n",
	 E(AT(1, 25), "routes.patterns: expected a list of texts, found nothing")},
	{"prometheus_export:\n  buckets:\n    duration_histogram: [1, 2, 2]\n",
	 E(AT(3, 32), "prometheus_export.buckets.duration_histogram: expected a list of 1 to 64 "
		      "ascending numbers, none negative, found \"2\"")},
	{"prometheus_export:\n  buckets:\n    duration_histogram: [.inf]\n",
	 E(AT(3, 26), "prometheus_export.buckets.duration_histogram: expected a list of 1 to 64 "
		      "ascending numbers, none negative, found \".inf\"")},
	{"prometheus_export:\n  buckets:\n    request_size_histogram: []\n",
	 E(AT(3, 29), "prometheus_export.buckets.request_size_histogram: expected a list of 1 to "
		      "64 ascending numbers, none negative, found a list")},
	{"open_port: 80-\n",
	 E(AT(1, 12), "open_port: expected up to 64 numbers or ranges from 1 to 65535, such as "
		      "80,8000-9000, found \"80-\"")},
	{"open_port: 9000-80\n",
	 E(AT(1, 12), "open_port: expected up to 64 numbers or ranges from 1 to 65535, such as "
		      "80,8000-9000, found \"9000-80\"")},
	/* texts with rules of their own */
	{"attributes: {kubernetes: {service_name_template: '{{range .Meta.Labels}}'}}",
	 E(AT(1, 50),
	   "attributes.kubernetes.service_name_template: \"{{range .Meta.Labels}}\" "
	   "is not possible: between {{ and }} it may have .Meta.Name, .Meta.Namespace, "
	   ".ContainerName, index .Meta.Labels \"key\", if with one of these, else, end")},
	{"prometheus_export: {path: metrics}\n",
	 E(AT(1, 27), "prometheus_export.path: \"metrics\" is not possible: it must begin with "
		      "\"/\"")},
	{"prometheus_export: {path: /readyz}\n",
	 E(AT(1, 27), "prometheus_export.path: \"/readyz\" is not possible: that path is taken by "
		      "a health check")},
	{"keyhole: {listen_address: \"localhost:80\"}\n",
	 E(AT(1, 27), "keyhole.listen_address: \"localhost:80\" is not possible: it must be an "
		      "IPv4 or IPv6 address, without a port")},
	{"routes: {wildcard_char: /}\n",
	 E(AT(1, 25), "routes.wildcard_char: \"/\" is not possible: it must be 1 to 8 bytes "
		      "without \"/\"")},
	{"routes:\n  patterns:\n    - users/:id\n",
	 E(AT(3, 7), "routes.patterns: \"users/:id\" is not possible: it does not begin with "
		     "\"/\"")},
	{"routes:\n  ignored_patterns: [\"/a/{id\"]\n",
	 E(AT(2, 22), "routes.ignored_patterns: \"/a/{id\" is not possible: \"{\" is not closed by "
		      "\"}\" at the end of its segment")},
	/* patterns */
	{"discovery:\n  services:\n    - exe_path: \"(\"\n",
	 E(AT(3, 17), "exe_path: \"(\" is no regular expression: missing closing parenthesis, at "
		      "character 2")},
	{"discovery:\n  services:\n    - exe_path: (?=a)\n",
	 E(AT(3, 17), "exe_path: \"(?=a)\" is no regular expression: \"(?=\" is not supported")},
	{"discovery:\n  services:\n    - exe_path: (a)\\1\n",
	 E(AT(3, 17), "exe_path: \"(a)\\\\1\" is no regular expression: back-references are not "
		      "supported")},
	{"discovery:\n  instrument:\n    - exe_path: \"{a,b\"\n",
	 E(AT(3, 17), "exe_path: \"{a,b\" is no glob: \"{\" is not closed by \"}\"")},
	{"discovery:\n  instrument:\n    - exe_path: [a]\n",
	 E(AT(3, 17), "exe_path: expected a glob, found a list")},
	{"discovery:\n  services:\n    - exe_path: [a]\n",
	 E(AT(3, 17), "exe_path: expected a regular expression, found a list")},
	{"discovery:\n  instrument:\n    - exe_path_regexp: \"[\"\n",
	 E(AT(3, 24), "exe_path_regexp: \"[\" is no regular expression: missing terminating ] for "
		      "character class, at character 2")},
	{"discovery:\n  services:\n    - k8s_pod_labels: prod\n",
	 E(AT(3, 23), "k8s_pod_labels: expected a map of 1 to 16 keys to patterns, found "
		      "\"prod\"")},
	/* entries */
	{"discovery:\n  services: default\n",
	 E(AT(2, 13), "services: expected a list of entries, found text")},
	{"discovery:\n  services:\n    - default\n",
	 E(AT(3, 7), "an entry of discovery: expected a map of keys, found text")},
	{"discovery:\n  services:\n    - name: cart\n",
	 E(AT(3, 7), "this entry chooses nothing: give it k8s_namespace, exe_path, open_ports or "
		     "another field to match")},
	/* YAML */
	{"a: &x 1\n", E(AT(1, 4), "anchors and aliases are not supported")},
	{"a: *x\n", E(AT(1, 4), "anchors and aliases are not supported")},
	{"a: !!str 1\n", E(AT(1, 4), "tags are not supported")},
	{"? [a]\n: 1\n", E(AT(1, 3), "a key must be text")},
	{"log_level: info\n---\nlog_level: info\n",
	 E(AT(2, 1), "a second document begins; only one is read")},
	{"log_level: \"a\\0b\"\n", E(AT(1, 12), "text holds a NUL character")},
	{"a: b: c\n", E(AT(1, 5), "not YAML: mapping values are not allowed in this context")},
	{"a: [1\n", E(AT(2, 1), "not YAML: did not find expected ',' or ']'")},
	{"a: \"\xff\"\n", E(AT(1, 1), "not YAML: invalid leading UTF-8 octet (at byte 4)")},
	/* variables */
	{"log_level: ${}\n",
	 E(AT(1, 12), "\"\" is no name of a variable; write $$ for a dollar sign")},
	{"log_level: ${a b}\n",
	 E(AT(1, 12), "\"a b\" is no name of a variable; write $$ for a dollar sign")},
	{"log_level: ${LEVEL\n",
	 E(AT(1, 12), "\"${\" is not closed by \"}\" on its line; write $$ for a dollar sign")},
	/* Helm */
	{"config:\n  name: x\n",
	 E(AT(1, 1), "\"config\" is Helm's form, in which config.data must be a map of sections")},
	{"config:\n  data: |\n    log_level: info\n",
	 E(AT(2, 9), "\"config\" is Helm's form, in which config.data must be a map of sections")},
	{"config: {data: {}}\nprometheus_export:\n  port: 1\n",
	 E(AT(2, 1), "prometheus_export has no effect beside \"config\" in a values.yml; move it "
		     "below config.data")},
	/* All of them, not the first alone. */
	{"ebpf:\n  wakeup_length: 500\n",
	 E(AT(2, 3), "unknown key \"wakeup_length\"; did you mean \"wakeup_len\"?")},
	{"ebpf: 5\n", E(AT(1, 7), "ebpf: expected a map of keys, found text")},
	{"metrics: {features: [aplication]}\n",
	 E(AT(1, 22), "metrics.features: expected a list of application, all, *, application_span, "
		      "application_span_otel, application_span_sizes, "
		      "application_service_graph, application_host, found \"aplication\"")},
	{"metrics: {features: []}\n",
	 E("/etc/keyhole.yml: ",
	   "nothing would be measured: metrics.features must have \"application\", "
	   "\"application_span\" or \"application_service_graph\", and "
	   "prometheus_export.instrumentations a protocol, such as \"http\", or \"*\"")},
	{"prometheus_export: {instrumentations: [sunrpc]}\n",
	 W(AT(1, 40), "not supported by Keyhole yet: prometheus_export.instrumentations: sunrpc, "
		      "because it does not read Sun RPC")
		 E("/etc/keyhole.yml: ",
		   "nothing would be measured: metrics.features must have \"application\", "
		   "\"application_span\" or \"application_service_graph\", and "
		   "prometheus_export.instrumentations a protocol, such as \"http\", or \"*\"")},
	{"health_check: {port: 9464}\n",
	 E("/etc/keyhole.yml: ", "health_check.port is that of the metrics, where /healthz and "
				 "/readyz are served in any case: leave it out")},
	{"discovery: {excluded_linux_system_paths: [sbin]}\n",
	 E(AT(1, 43), "discovery.excluded_linux_system_paths: \"sbin\" is not possible: it must "
		      "begin with \"/\"")},

	{"log_level: loud\nprometheus_export:\n  port: x\n  pth: /\n",
	 E(AT(1, 12), "log_level: expected one of error, warn, info, debug, trace, found \"loud\"")
		 E(AT(3, 9),
		   "prometheus_export.port: expected a whole number from 0 to 65535, found "
		   "\"x\"") E(AT(4, 3), "unknown key \"pth\"; did you mean \"path\"?")},
};

static const struct vector accepted[] = {
	{"", ""},
	{"# nothing\n", ""},
	{"prometheus_export:\n", ""},
	{"prometheus_export:\n  port:\n", ""},
	{"ebpf:\n  wakeup_len: 100\n  context_propagation: all\n",
	 W(AT(2, 3), "not supported by Keyhole: ebpf.wakeup_len, because keyhole-loader's options "
		     "say how records are batched")
		 W(AT(3, 3), "not supported by Keyhole: ebpf.context_propagation, because Keyhole "
			     "never writes to packets or to a workload's memory")},
	{"trace_printer: text\notel_traces_export:\n  reporters_cache_len: 3\n",
	 W(AT(1, 1), "not supported by Keyhole yet: trace_printer, because it sends traces and "
		     "prints none")
		 W(AT(3, 3), "not supported by Keyhole: otel_traces_export.reporters_cache_len, "
			     "because each span brings its resource along and nothing is cached "
			     "for it")},
	{"ebpf: {track_request_headers: true}\n", ""}, /* it always does */
	/* What Beyla does without the key, what is off, what is empty: it asks for nothing. */
	{"ebpf: {wakeup_len: 500, bpf_debug: no, batch_timeout: 1000ms, context_propagation: "
	 "\"\"}\n"
	 "network: {enable: off, exclude_interfaces: [lo], cidrs: []}\nsigil_export: {}\n"
	 "trace_printer: DISABLED\nenforce_sys_caps: true\nnodejs: {enabled: 0}\nstats:\n",
	 ""},
	{"prometheus_export:\n  features: [application, network, application_process]\n",
	 W(AT(2, 27), "not supported by Keyhole: prometheus_export.features: network, because it "
		      "collects no network flows")
		 W(AT(2, 36), "not supported by Keyhole yet: prometheus_export.features: "
			      "application_process, because it has no metrics of processes")},
	{"prometheus_export:\n  instrumentations: [http, couchbase, sql]\n",
	 W(AT(2, 28), "not supported by Keyhole yet: prometheus_export.instrumentations: "
		      "couchbase, because it does not read that database's protocol")},
	{"attributes:\n  kubernetes:\n    resource_labels:\n      deployment.environment: [env]\n",
	 W(AT(4, 7), "not supported by Keyhole: attributes.kubernetes.resource_labels: "
		     "\"deployment.environment\", because it is not in "
		     "prometheus_export.extra_resource_attributes")},
	{"attributes:\n  kubernetes:\n    resource_labels:\n      k8s.pod.name: [env]\n",
	 W(AT(4, 7), "not supported by Keyhole: attributes.kubernetes.resource_labels: "
		     "\"k8s.pod.name\", because that attribute is not taken from labels")},
	{"discovery:\n  instrument:\n    - languages: java\n      sampler: {name: always_on}\n",
	 ""},
	{"discovery:\n  instrument:\n    - languages: \"{go,rust}\"\n",
	 W(AT(3, 7), "languages: \"{go,rust}\" matches nothing: told by the executable's name, "
		     "Keyhole knows dotnet, java, nodejs, php, python and ruby")},
	{"discovery:\n  instrument:\n    - {k8s_namespace: a, exports: [traces]}\n", ""},
	{"discovery:\n  instrument:\n    - {k8s_namespace: a, exports: [logs]}\n",
	 W(AT(3, 7), "not supported by Keyhole yet: exports: \"logs\", because there are no logs")
		 W(AT(3, 7), "this entry shows nothing: it leaves out the metrics of requests and "
			     "their spans, and Keyhole has no more")},
	{"discovery:\n  instrument:\n    - {k8s_namespace: a, metrics: {features: [application, "
	 "application_process]}}\n",
	 W(AT(3, 7), "not supported by Keyhole yet: metrics.features: \"application_process\", "
		     "because of a single workload it has the metrics of requests, spans and edges "
		     "only")},
	{"discovery:\n  instrument: [{exe_path: a}]\n  services: [{exe_path: a}]\n",
	 W("/etc/keyhole.yml: ",
	   "discovery.services and discovery.exclude_services have no effect beside "
	   "discovery.instrument or discovery.exclude_instrument")},
	{"log_level: ${KEYHOLE_TEST_LEVEL}\n",
	 W(AT(1, 12), "variable \"KEYHOLE_TEST_LEVEL\" is not set: nothing is put in its place")},
	{"image: {tag: x}\npodAnnotations: {}\nconfig: {data: {log_level: debug}}\nservice: 1\n",
	 "info /etc/keyhole.yml: read config.data; ignored, as they are Helm's: \"image\", "
	 "\"podAnnotations\", \"service\"\n"},
};

static size_t count_of(const char *text, const char *what)
{
	size_t n = 0;

	for (text = strstr(text, what); text; text = strstr(text + 1, what))
		n++;
	return n;
}

/* A megabyte of nothing but variables: read once, not once for each; and no line for each. */
static void variables_without_number_cost_what_their_text_does(void **state)
{
	enum { n = 200000 };
	char *text = malloc(2 + n * 4 + 40), *end = text + 2;
	struct parsed p;

	assert_non_null(text);
	memcpy(text, "# ", 2);
	for (size_t i = 0; i < n; i++, end += 4)
		memcpy(end, "${A}", 4);
	strcpy(end, "\nlog_level: debug\n");
	parse_text(&p, text);
	assert_int_equal(p.r, 0);
	assert_int_equal(count_of(p.said, "is not set"), NOTE_ERRORS_MAX);
	assert_int_equal(count_of(p.said, "more variables are not set"), 1);
	assert_non_null(strstr(p.said, ":1:79: variable"));
	config_free(p.config);
	free(text);
}

static void every_error_names_place_cause_and_cure(void **state)
{
	struct parsed p;

	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		parse_text(&p, refused[i].yaml);
		assert_string_equal(p.said, refused[i].said);
		assert_int_equal(p.r, -EINVAL);
		assert_null(p.config);
	}
}

static void what_is_set_aside_is_said_and_not_refused(void **state)
{
	struct parsed p;

	for (size_t i = 0; i < sizeof(accepted) / sizeof(*accepted); i++) {
		parse_text(&p, accepted[i].yaml);
		assert_string_equal(p.said, accepted[i].said);
		assert_int_equal(p.r, 0);
		config_free(p.config);
	}
}

static void a_flood_of_errors_is_cut(void **state)
{
	struct parsed p;
	char text[4096];
	size_t n = 0, lines = 0;

	for (int i = 0; i < 100; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "wrong_key_number_%d: 1\n", i);
	parse_text(&p, text);
	for (const char *c = p.said; *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, NOTE_ERRORS_MAX + 1);
	assert_non_null(strstr(p.said, "more errors follow"));
}

static void nesting_and_size_have_limits(void **state)
{
	static char text[200000];
	struct parsed p;
	size_t n = 0;

	memset(text, '[', 100);
	text[100] = '\0';
	parse_text(&p, text);
	assert_string_equal(p.said, "error " AT(1, 33) "nested deeper than 32 levels\n");

	n = (size_t)snprintf(text, sizeof(text), "ebpf: [");
	for (int i = 0; i < 30000; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "a,");
	snprintf(text + n, sizeof(text) - n, "a]\n");
	parse_text(&p, text);
	assert_non_null(strstr(p.said, "more than 20000 values"));
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
	struct parsed p = {0};
	struct notes notes = {.say = keep_line, .arg = &p};

	assert_int_equal(config_read(&p.config, "/nonexistent/k.yml", NULL, &notes), -ENOENT);
	assert_string_equal(p.said,
			    "error /nonexistent/k.yml: cannot be read: No such file or directory; "
			    "give another path with --config or KEYHOLE_CONFIG_PATH\n");
	p = (struct parsed){0};
	assert_int_equal(config_read(&p.config, "/dev/zero", NULL, &notes), -EFBIG);
	assert_string_equal(p.said, "error /dev/zero: longer than 1048576 bytes: is it a "
				    "configuration?\n");
}

static void a_variable_that_does_not_fit_is_named(void **state)
{
	char *const wrong[] = {"KEYHOLE_PROMETHEUS_PORT=x", "BEYLA_PROMETHEUS_PRT=1",
			       "BEYLA_TRACE_PRINTER=text", "BEYLA_ROUTESOME=1", NULL};
	struct parsed p;

	parse_with(&p, slice_of(""), wrong);
	assert_string_equal(
		p.said,
		"error environment variable KEYHOLE_PROMETHEUS_PORT: "
		"prometheus_export.port: expected a whole number from 0 to 65535, found "
		"\"x\"\n"
		"warn environment variable BEYLA_TRACE_PRINTER: not supported by Keyhole yet: "
		"trace_printer, because it sends traces and prints none\n"
		"warn environment variable BEYLA_PROMETHEUS_PRT: not known, has no effect; "
		"did you mean \"BEYLA_PROMETHEUS_PORT\"?\n"
		"warn environment variable BEYLA_ROUTESOME: not known, has no effect\n");
	assert_int_equal(p.r, -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variables_without_number_cost_what_their_text_does),
		cmocka_unit_test(every_error_names_place_cause_and_cure),
		cmocka_unit_test(what_is_set_aside_is_said_and_not_refused),
		cmocka_unit_test(a_flood_of_errors_is_cut),
		cmocka_unit_test(nesting_and_size_have_limits),
		cmocka_unit_test(a_file_that_cannot_be_read_is_named),
		cmocka_unit_test(a_variable_that_does_not_fit_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
