/* SPDX-License-Identifier: Apache-2.0 */
/* Each key and variable that Beyla knows is honoured or answered, and the tables are sound. */
#include "parsed.h"

#include "config/bind.h"
#include "config/option.h"

#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 300

struct asked {
	char key[200], variable[80], value[100];
};

static bool next_asked(FILE *file, struct asked *a)
{
	char line[LINE_MAX_BYTES + 100];

	while (fgets(line, sizeof(line), file)) {
		if (*line == '#')
			continue;
		assert_int_equal(sscanf(line, "%199s %79s %99[^\n]", a->key, a->variable, a->value),
				 3);
		return true;
	}
	return false;
}

/* "a.b.c" and "v" as "{a: {b: {c: v}}}". */
static void as_yaml(const struct asked *a, char *yaml, size_t size)
{
	size_t n = 0, depth = 1;

	n += (size_t)snprintf(yaml, size, "{");
	for (const char *p = a->key; *p; p++) {
		if (*p == '.') {
			n += (size_t)snprintf(yaml + n, size - n, ": {");
			depth++;
		} else {
			yaml[n++] = *p;
		}
	}
	n += (size_t)snprintf(yaml + n, size - n, ": %s", a->value);
	while (depth--)
		yaml[n++] = '}';
	yaml[n] = '\0';
}

static bool has_value(const struct config *config, const struct option *option)
{
	const struct option *o;

	for (size_t i = 0; (o = option_at(&options_all, i)); i++) {
		if (o == option)
			return config->values[i] != NULL;
	}
	return false;
}

/* One line that says so, or none where the row says that nothing can be asked for. */
static void check_answer(const struct parsed *p, const struct option *o, const char *key)
{
	char want[300];
	const char *newline;

	if (p->r != 0)
		fail_msg("%s: refused: %s", key, p->said);
	/* Taken for an extra attribute (test_config.c); there is none here. */
	if (o->type == OPTION_LABELS) {
		assert_non_null(
			strstr(p->said, "resource_labels: \"other\", because it is not in"));
		return;
	}
	if (o->type != OPTION_UNSUPPORTED) {
		if (*p->said || !has_value(p->config, o))
			fail_msg("%s: neither taken nor answered: %s", key, p->said);
		return;
	}
	if (o->idle && strcmp(o->idle, OPTION_ANYTHING) == 0) {
		assert_string_equal(p->said, "");
		return;
	}
	snprintf(want, sizeof(want), "not supported by Keyhole%s: %s, because %s\n",
		 o->yet ? " yet" : "", key, o->because);
	newline = strchr(p->said, '\n');
	if (!strstr(p->said, want) || !newline || newline[1])
		fail_msg("%s: said \"%s\", not \"%s\"", key, p->said, want);
}

static void every_key_of_beyla_is_honoured_or_answered(void **state)
{
	FILE *file = fopen(BEYLA_KEYS, "r");
	struct asked a;
	size_t n = 0;

	assert_non_null(file);
	while (next_asked(file, &a)) {
		const struct option *o = bind_find(&options_all, a.key);
		char yaml[600];
		struct parsed p;

		if (strcmp(a.key, "-") == 0)
			continue;
		if (!o)
			fail_msg("%s: no row", a.key);
		as_yaml(&a, yaml, sizeof(yaml));
		parse_text(&p, yaml);
		check_answer(&p, o, a.key);
		config_free(p.config);
		n++;
	}
	fclose(file);
	assert_true(n > 250);
}

/* The row that a variable belongs to, with or without a key. */
static const struct option *row_of(const char *variable)
{
	const struct option *o, *any = NULL;

	for (size_t i = 0; (o = option_at(&options_all, i)); i++) {
		const char *env = *variable == '=' ? o->env_plain : o->env;
		const char *name = variable + (*variable == '=');

		if (env && strcmp(env, name) == 0)
			return o;
		if (env && env[strlen(env) - 1] == '*' && !strncmp(env, name, strlen(env) - 1))
			any = o;
	}
	return any;
}

/* The file's "[a]" is "a" in the environment. */
static const char *for_environment(char *value)
{
	size_t n = strlen(value);

	if (*value == '[' || *value == '"') {
		value[n - 1] = '\0';
		return value + 1;
	}
	return value;
}

static void every_variable_of_beyla_is_honoured_or_answered(void **state)
{
	static const char *const prefixes[] = {"BEYLA_", "OTEL_EBPF_", "KEYHOLE_"};
	FILE *file = fopen(BEYLA_KEYS, "r");
	struct asked a;
	size_t n = 0;

	assert_non_null(file);
	while (next_asked(file, &a)) {
		const struct option *o = row_of(a.variable);
		const char *value = for_environment(a.value);
		bool plain = *a.variable == '=';

		if (strcmp(a.variable, "-") == 0)
			continue;
		if (!o)
			fail_msg("%s: no row", a.variable);
		for (size_t i = 0; i < (plain ? 1 : 3); i++) {
			char name[200], text[400];
			char *environment[] = {text, NULL};
			struct parsed p;

			snprintf(name, sizeof(name), "%s%s", plain ? "" : prefixes[i],
				 a.variable + plain);
			snprintf(text, sizeof(text), "%s=%s", name, value);
			parse_with(&p, slice_of(""), environment);
			check_answer(&p, o, o->env_only ? name : o->path);
			config_free(p.config);
		}
		n++;
	}
	fclose(file);
	assert_true(n > 90);
}

/* Else one of two rows would never be read. */
static void no_key_and_no_variable_is_declared_twice(void **state)
{
	const struct option *a, *b;

	for (size_t i = 0; (a = option_at(&options_all, i)); i++) {
		for (size_t j = 0; j < i && (b = option_at(&options_all, j)); j++) {
			if (strcmp(a->path, b->path) == 0)
				fail_msg("%s has two rows", a->path);
			if (a->env && b->env && strcmp(a->env, b->env) == 0)
				fail_msg("%s has two rows", a->env);
			if (a->env_plain && b->env_plain && !strcmp(a->env_plain, b->env_plain))
				fail_msg("%s has two rows", a->env_plain);
		}
	}
}

/* "..., because it prints none": a clause, on one line, without a full stop. */
static void every_reason_is_one_plain_clause(void **state)
{
	const struct option *o;

	for (size_t i = 0; (o = option_at(&options_all, i)); i++) {
		size_t n = o->because ? strlen(o->because) : 0;

		if (o->type != OPTION_UNSUPPORTED) {
			assert_non_null(o->doc);
			continue;
		}
		assert_true(n > 10 && n < 100);
		assert_null(strpbrk(o->because, "\n|"));
		assert_int_not_equal(o->because[n - 1], '.');
	}
}

/* The same file twice says the same twice: nothing is remembered from one to the next. */
static void a_key_in_file_and_environment_is_answered_at_both_places(void **state)
{
	char *const environment[] = {"BEYLA_BPF_DEBUG=true", NULL};
	struct parsed p;

	parse_with(&p, slice_of("ebpf: {bpf_debug: true}\n"), environment);
	assert_string_equal(p.said,
			    "warn /etc/keyhole.yml:1:8: not supported by Keyhole: ebpf.bpf_debug, "
			    "because its BPF programs count and never print\n"
			    "warn environment variable BEYLA_BPF_DEBUG: not supported by Keyhole: "
			    "ebpf.bpf_debug, because its BPF programs count and never print\n");
	config_free(p.config);
}

/* A key may be secret: no value of what is not supported is ever repeated. */
static void values_of_what_is_not_supported_are_not_shown(void **state)
{
	char *const environment[] = {"GRAFANA_CLOUD_API_KEY=s3cret",
				     "OTEL_EXPORTER_OTLP_HEADERS=authorization=s3cret", NULL};
	char *shown = NULL;
	struct parsed p;
	size_t n;
	FILE *out;

	parse_with(&p,
		   slice_of("grafana: {otlp: {cloud_api_key: s3cret}}\n"
			    "sigil_export: {endpoint: 'http://s3cret@x'}\n"),
		   environment);
	assert_non_null(strstr(p.said, "cloud_api_key"));
	assert_null(strstr(p.said, "s3cret"));
	out = open_memstream(&shown, &n);
	config_print(p.config, CONFIG_SHOWN_AS_YAML, out);
	config_print(p.config, CONFIG_SHOWN_AS_JSON, out);
	fclose(out);
	assert_null(strstr(shown, "s3cret"));
	assert_null(strstr(shown, "grafana:"));
	assert_null(strstr(shown, "\"grafana\""));
	assert_null(strstr(shown, "cloud_api_key"));
	free(shown);
	config_free(p.config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_of_beyla_is_honoured_or_answered),
		cmocka_unit_test(every_variable_of_beyla_is_honoured_or_answered),
		cmocka_unit_test(no_key_and_no_variable_is_declared_twice),
		cmocka_unit_test(every_reason_is_one_plain_clause),
		cmocka_unit_test(a_key_in_file_and_environment_is_answered_at_both_places),
		cmocka_unit_test(values_of_what_is_not_supported_are_not_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
