/* SPDX-License-Identifier: Apache-2.0 */
#include "service/resource.h"
#include "service/siphash.h"
#include "service/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define BAD "\xef\xbf\xbd"

static void text_becomes_valid_utf8_without_controls(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"plain", "plain"},
		{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82"},
		{"\xff", BAD},
		{"a\x80z", "a" BAD "z"},
		{"\xc0\xaf", BAD BAD},                 /* overlong */
		{"\xe0\x80\xaf", BAD BAD BAD},         /* overlong */
		{"\xed\xa0\x80", BAD BAD BAD},         /* surrogate */
		{"\xf4\x90\x80\x80", BAD BAD BAD BAD}, /* above U+10FFFF */
		{"\xe2\x82", BAD BAD},                 /* cut */
		{"a\nb\x1b\x7f", "a" BAD "b" BAD BAD},
		{"\xc2\x9b", BAD}, /* C1: a terminal's CSI */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char out[64];
		size_t n = utf8_clean(slice_of(cases[i].in), out, sizeof(out));

		assert_int_equal(n, strlen(cases[i].out));
		assert_memory_equal(out, cases[i].out, n);
		assert_int_equal(utf8_is_clean(slice_of(cases[i].in), 64),
				 strcmp(cases[i].in, cases[i].out) == 0);
	}
}

/* Wherever a byte stands, the quick look at text and its cleaning are of one mind. */
static void clean_text_is_what_cleaning_leaves_alone(void **state)
{
	for (int byte = 0; byte < 256 * 256; byte++) {
		char text[19], out[64];

		memset(text, 'a' + byte % 26, sizeof(text));
		for (size_t at = 0; at + 1 < sizeof(text); at += 1 + (byte & 1)) {
			struct slice s = {text, sizeof(text)};
			char was[2] = {text[at], text[at + 1]};
			size_t n;

			text[at] = (char)(byte >> 8);
			text[at + 1] = (char)byte;
			n = utf8_clean(s, out, sizeof(out));
			assert_int_equal(utf8_is_clean(s, sizeof(out)),
					 slice_same(s, (struct slice){out, n}));
			memcpy(&text[at], was, 2);
		}
	}
}

static void text_is_cut_between_characters(void **state)
{
	char out[4];

	assert_int_equal(utf8_clean(slice_of("ab\xe2\x82\xac"), out, 4), 2);
	assert_int_equal(utf8_clean(slice_of("abcde"), out, 4), 4);
	assert_false(utf8_is_clean(slice_of("abcde"), 4));
}

static void a_resource_holds_clean_copies_and_empty_strings(void **state)
{
	const char *values[RES_COUNT] = {[RES_SERVICE_NAME] = "a\xff", [RES_JOB] = "j"};
	struct resource *resource = resource_new(values);

	assert_string_equal(resource->attr[RES_SERVICE_NAME], "a" BAD);
	assert_string_equal(resource->attr[RES_JOB], "j");
	assert_string_equal(resource->attr[RES_HOST_NAME], "");
	resource_unref(resource);
}

static void a_value_is_cut_to_its_limit(void **state)
{
	char longer[1000];
	const char *values[RES_COUNT] = {[RES_HOST_NAME] = longer};
	struct resource *resource;

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	resource = resource_new(values);
	assert_int_equal(strlen(resource->attr[RES_HOST_NAME]), RESOURCE_VALUE_MAX);
	resource_unref(resource);
}

static void equal_resources_have_equal_hashes(void **state)
{
	const char *values[RES_COUNT] = {[RES_SERVICE_NAME] = "a"};
	const char *moved[RES_COUNT] = {[RES_SERVICE_NAMESPACE] = "a"};
	struct resource *a = resource_new(values), *b = resource_new(values);
	struct resource *c = resource_new(moved);

	assert_true(a->hash == b->hash);
	assert_true(a->hash != c->hash);
	resource_unref(a);
	resource_unref(b);
	resource_unref(c);
}

static void references_are_counted(void **state)
{
	const char *values[RES_COUNT] = {0};
	struct resource *resource = resource_new(values);

	assert_ptr_equal(resource_ref(resource), resource);
	assert_int_equal(resource->refs, 2);
	resource_unref(resource);
	assert_int_equal(resource->refs, 1);
	resource_unref(resource);
	resource_unref(NULL);
}

static void names_are_those_of_the_table(void **state)
{
	assert_string_equal(resource_otel_name[RES_K8S_POD], "k8s.pod.name");
	assert_string_equal(resource_prom_label[RES_K8S_POD], "k8s_pod_name");
	assert_string_equal(resource_prom_label[RES_INSTANCE], "instance");
}

static void siphash_depends_on_key_length_and_every_byte(void **state)
{
	const struct siphash_key key = {1, 2}, other = {1, 3};
	char data[32] = {0};
	uint64_t first = siphash(&key, data, 17);

	assert_true(first == siphash(&key, data, 17));
	assert_true(first != siphash(&other, data, 17));
	assert_true(first != siphash(&key, data, 16));
	for (int i = 0; i < 17; i++) {
		data[i] ^= 1;
		assert_true(first != siphash(&key, data, 17));
		data[i] ^= 1;
	}
	data[17] ^= 1;
	assert_true(first == siphash(&key, data, 17));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_becomes_valid_utf8_without_controls),
		cmocka_unit_test(clean_text_is_what_cleaning_leaves_alone),
		cmocka_unit_test(text_is_cut_between_characters),
		cmocka_unit_test(a_resource_holds_clean_copies_and_empty_strings),
		cmocka_unit_test(a_value_is_cut_to_its_limit),
		cmocka_unit_test(equal_resources_have_equal_hashes),
		cmocka_unit_test(references_are_counted),
		cmocka_unit_test(names_are_those_of_the_table),
		cmocka_unit_test(siphash_depends_on_key_length_and_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
