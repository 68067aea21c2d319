/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#include "collector/kube/json.h"

/* What is left of `text`, as cJSON writes it; NULL if it was refused. The caller frees it. */
static char *parsed(const char *text)
{
	cJSON *root;
	char *rest = NULL;

	if (kube_json_parse(slice_of(text), &root) == 0)
		rest = cJSON_PrintUnformatted(root);
	kube_json_free(&root);
	return rest;
}

static void becomes(const char *text, const char *wanted)
{
	char *rest = parsed(text);

	assert_non_null(rest);
	assert_string_equal(rest, wanted);
	free(rest);
}

static void refused(const char *text)
{
	assert_null(parsed(text));
}

static void managed_fields_are_left_out_and_nothing_else(void **state)
{
	becomes("{\"metadata\":{\"name\":\"n\",\"managedFields\":[{\"a\":[\"]\",{\"}\":1}]},{}],"
		"\"uid\":\"u\"},\"spec\":{}}",
		"{\"metadata\":{\"name\":\"n\",\"managedFields\":[],\"uid\":\"u\"},\"spec\":{}}");
	becomes("{\"managedFields\":[]}", "{\"managedFields\":[]}");
	becomes("{\"managedFields\":\"text\"}", "{\"managedFields\":\"text\"}");
	becomes("{\"a\":\"\\\"managedFields\\\":[1]\"}", "{\"a\":\"\\\"managedFields\\\":[1]\"}");
	becomes("{\"managedFields\":[1],\"b\":{\"managedFields\":[2]}}",
		"{\"managedFields\":[],\"b\":{\"managedFields\":[2]}}");
}

static void what_is_left_out_is_closed_like_the_rest(void **state)
{
	refused("{\"managedFields\":[");
	refused("{\"managedFields\":[{}");
	refused("{\"managedFields\":[{}]");
	refused("{\"managedFields\":[]]}");
	refused("[\"managedFields\":[1]]");
}

static void their_values_do_not_count_and_their_depth_does(void **state)
{
	size_t n = 2 * (KUBE_OBJECT_VALUES_MAX + 9);
	char *text = malloc(n + 64), *p = text + sprintf(text, "{\"managedFields\":[1");

	for (size_t i = 0; i < KUBE_OBJECT_VALUES_MAX + 8; i++, p += 2)
		memcpy(p, ",1", 2);
	strcpy(p, "]}");
	becomes(text, "{\"managedFields\":[]}");
	text[2] = 'M';
	refused(text);
	p = text + sprintf(text, "{\"managedFields\":[");
	memset(p, '[', KUBE_DEPTH_MAX);
	memset(p + KUBE_DEPTH_MAX, ']', KUBE_DEPTH_MAX);
	strcpy(p + 2 * KUBE_DEPTH_MAX, "]}");
	refused(text);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(managed_fields_are_left_out_and_nothing_else),
		cmocka_unit_test(what_is_left_out_is_closed_like_the_rest),
		cmocka_unit_test(their_values_do_not_count_and_their_depth_does),
	};

	return cmocka_run_group_tests_name("kube json", tests, NULL, NULL);
}
