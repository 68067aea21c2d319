/* SPDX-License-Identifier: Apache-2.0 */
/* Templates of service names: what they give, and what is refused. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "service/name_template.h"

#include <string.h>

static const char *label(const void *arg, const char *key)
{
	return strcmp(key, "a/b") == 0 ? "ab" : strcmp(key, "empty") == 0 ? "" : NULL;
}

static const struct name_template_input pod = {"cart-1", "shop", "web", label, NULL};

static void each_template_gives_what_go_makes_of_it(void **state)
{
	static const struct {
		const char *text, *name;
	} v[] = {
		{"", ""},
		{"plain", "plain"},
		{"{{.Meta.Name}}", "cart-1"},
		{"{{ .Meta.Namespace }}/{{.Meta.Name}}", "shop/cart-1"},
		{"{{.Meta.Name}}-{{.ContainerName}}!", "cart-1-web!"},
		{"{{index .Meta.Labels \"a/b\"}}", "ab"},
		{"{{ index  .Meta.Labels  `a/b` }}", "ab"},
		{"<{{index .Meta.Labels \"none\"}}>", "<>"},
		{"{{if .ContainerName}}yes{{else}}no{{end}}", "yes"},
		{"{{if index .Meta.Labels \"empty\"}}yes{{else}}no{{end}}", "no"},
		{"{{if index .Meta.Labels \"none\"}}yes{{end}}.", "."},
		{"{{if .Meta.Name}}a{{if index .Meta.Labels \"none\"}}b{{else}}c{{end}}d{{else}}e"
		 "{{end}}f",
		 "acdf"},
		{"{{if index .Meta.Labels \"none\"}}{{if .Meta.Name}}a{{else}}b{{end}}{{else}}c"
		 "{{end}}",
		 "c"},
		{"{{if index .Meta.Labels \"none\"}}{{if .ContainerName}}a{{end}}"
		 "{{if index .Meta.Labels \"none\"}}b{{else}}c{{end}}{{end}}d",
		 "d"},
		{"a \n{{- .Meta.Name -}} \n b", "acart-1b"},
		{"a {{.Meta.Name}} b", "a cart-1 b"},
		{"{{- if .Meta.Name -}} x {{- end -}}", "x"},
		{"}} {", "}} {"},
	};
	char buf[64];

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		assert_null(name_template_check(v[i].text));
		assert_string_equal(name_template_fill(v[i].text, &pod, buf, sizeof(buf)),
				    v[i].name);
	}
}

static void what_is_not_understood_is_refused(void **state)
{
	static const char *const v[] = {
		"{{",
		"{{}}",
		"{{.Meta.Name",
		"{{.Meta.UID}}",
		"{{.Meta.Name | upper}}",
		"{{printf \"%s\" .Meta.Name}}",
		"{{index .Meta.Labels}}",
		"{{index .Meta.Labels a}}",
		"{{index .Meta.Labels \"}}",
		"{{index .Meta.Labels \"\"}}",
		"{{index .Meta.Labels \"a\\n\"}}",
		"{{index .Meta.Labels \"a`}}",
		"{{index.Meta.Labels \"a\"}}",
		"{{-.Meta.Name}}",
		"{{.Meta.Name-}}",
		"{{else}}",
		"{{end}}",
		"{{if}}a{{end}}",
		"{{if .Meta.Name}}",
		"{{if .Meta.Name}}{{else}}{{else}}{{end}}",
		"{{if .Meta.Name}}{{else if .Meta.Name}}{{end}}",
		"{{if eq .Meta.Name \"a\"}}{{end}}",
		"{{range .Meta.Labels}}{{end}}",
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		if (!name_template_check(v[i]))
			fail_msg("%s was not refused", v[i]);
	}
}

static void add(char *text, const char *part, size_t times)
{
	while (times-- > 0)
		strcat(text, part);
}

static void templates_are_bounded(void **state)
{
	char text[2 * NAME_TEMPLATE_MAX] = "", buf[8];

	add(text, "{{if .Meta.Name}}", NAME_TEMPLATE_DEPTH);
	add(text, "{{end}}", NAME_TEMPLATE_DEPTH);
	assert_null(name_template_check(text));
	*text = '\0';
	add(text, "{{if .Meta.Name}}", NAME_TEMPLATE_DEPTH + 1);
	add(text, "{{end}}", NAME_TEMPLATE_DEPTH + 1);
	assert_non_null(name_template_check(text));
	*text = '\0';
	add(text, "{{index .Meta.Labels `a`}}", NAME_TEMPLATE_LABELS);
	assert_null(name_template_check(text));
	add(text, "{{index .Meta.Labels `a`}}", 1);
	assert_non_null(name_template_check(text));
	memset(text, 'x', NAME_TEMPLATE_MAX);
	text[NAME_TEMPLATE_MAX] = '\0';
	assert_null(name_template_check(text));
	strcat(text, "x");
	assert_non_null(name_template_check(text));
	assert_string_equal(name_template_fill("{{.Meta.Name}}{{.Meta.Name}}", &pod, buf, 8),
			    "cart-1c");
}

static void the_labels_of_a_template_are_told(void **state)
{
	const char *text = "{{index .Meta.Labels `a/b`}}{{if index .Meta.Labels \"c\"}}{{end}}";
	char key[NAME_TEMPLATE_KEY_MAX + 1];

	assert_string_equal(name_template_label(text, 0, key), "a/b");
	assert_string_equal(name_template_label(text, 1, key), "c");
	assert_null(name_template_label(text, 2, key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_template_gives_what_go_makes_of_it),
		cmocka_unit_test(what_is_not_understood_is_refused),
		cmocka_unit_test(templates_are_bounded),
		cmocka_unit_test(the_labels_of_a_template_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
