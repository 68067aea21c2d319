/* SPDX-License-Identifier: Apache-2.0 */
/* Queries and URLs as spans show them: nothing secret, nothing longer than asked for. */
#include "trace/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

static struct url_secrets secrets;

static int setup(void **state)
{
	url_secrets_init(&secrets);
	return 0;
}

static void expect(const char *what, const char *got, size_t n, const char *expected)
{
	if (n != strlen(expected) || memcmp(got, expected, n) != 0)
		fail_msg("%s: \"%.*s\", not \"%s\"", what, (int)n, got, expected);
}

static void values_of_secret_parameters_are_redacted(void **state)
{
	static const struct {
		const char *target, *query;
	} v[] = {
		{"/", ""},
		{"/?", ""},
		{"", ""},
		{"*", ""},
		{"/a?b=c", "b=c"},
		{"/a?b=c#d", "b=c"},
		{"/a#b?sig=c", ""},
		{"/a?b?c=d", "b?c=d"},
		{"http://h?x=/y", "x=/y"},
		{"/?sig=abc", "sig=REDACTED"},
		{"/?sig=", "sig=REDACTED"},
		{"/?sig", "sig"},
		{"/?a=1&sig=abc&b=2", "a=1&sig=REDACTED&b=2"},
		{"/?sig=a;b&c=d", "sig=REDACTED&c=d"},
		{"/?a=1;sig=b;c", "a=1;sig=REDACTED"},
		{"/?sig=a=b", "sig=REDACTED"},
		{"/?&&sig=a&&", "&&sig=REDACTED&&"},
		{"/?%73i%67=abc", "%73i%67=REDACTED"},
		{"/?%73ig%3d=abc", "%73ig%3d=abc"},
		{"/?sig%=abc&s%6=1&%=2", "sig%=abc&s%6=1&%=2"},
		{"/?Sig=abc&SIG=def&sign=g", "Sig=abc&SIG=def&sign=g"},
		{"/?X-Amz-Algorithm=a&X-Amz-Credential=b&X-Amz-Signature=c&X-Amz-Security-Token=d",
		 "X-Amz-Algorithm=a&X-Amz-Credential=REDACTED&X-Amz-Signature=REDACTED&"
		 "X-Amz-Security-Token=REDACTED"},
		{"/?AWSAccessKeyId=a&Signature=b&X-Goog-Signature=c",
		 "AWSAccessKeyId=REDACTED&Signature=REDACTED&X-Goog-Signature=REDACTED"},
	};
	char out[200];

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++)
		expect(v[i].target, out,
		       url_query(out, sizeof(out), slice_of(v[i].target), &secrets), v[i].query);
}

static void parameters_come_and_go(void **state)
{
	char out[100];

	url_secrets_remove(&secrets, slice_of("sig"));
	url_secrets_remove(&secrets, slice_of("none"));
	assert_int_equal(url_secrets_add(&secrets, slice_of("token")), 0);
	expect("changed", out,
	       url_query(out, sizeof(out), slice_of("/?sig=a&token=b&Signature=c"), &secrets),
	       "sig=a&token=REDACTED&Signature=REDACTED");
}

static void there_are_so_many_and_no_more(void **state)
{
	static char names[URL_SECRETS_MAX][24];

	assert_int_equal(secrets.n, URL_SECRETS_DEFAULT);
	for (size_t i = 0; secrets.n < URL_SECRETS_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "p%zu", i);
		assert_int_equal(url_secrets_add(&secrets, slice_of(names[i])), 0);
	}
	assert_int_equal(url_secrets_add(&secrets, slice_of("p0")), 0); /* it is there */
	assert_int_equal(url_secrets_add(&secrets, slice_of("one more")), -ENOSPC);
	assert_int_equal(secrets.n, URL_SECRETS_MAX);
}

static void urls_are_put_together_without_credentials(void **state)
{
	static const struct {
		const char *authority, *target, *url;
	} v[] = {
		{"shop:81", "/a", "http://shop:81/a"},
		{"shop", "/a?b=c&sig=d#e", "http://shop/a?b=c&sig=REDACTED"},
		{"shop", "/a?", "http://shop/a"},
		{"shop", "http://other/a?b", "http://shop/a?b"},
		{"shop", "http://other?b", ""},
		{"shop", "http://other?b=/c", ""},
		{"shop", "*", ""},
		{"shop", "", ""},
		{"", "/a", ""},
		{"/x", "/a", ""},
		{"me:pw@shop", "/a", "http://REDACTED:REDACTED@shop/a"},
		{"me:p@w@shop", "/a", "http://REDACTED:REDACTED@shop/a"},
		{"shop/x?y", "/a", "http://shop/a"},
		{"[fe80::1]:8080", "/", "http://[fe80::1]:8080/"},
	};
	char out[200];

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++)
		expect(v[i].target, out,
		       url_full(out, sizeof(out), "http", slice_of(v[i].authority),
				slice_of(v[i].target), &secrets),
		       v[i].url);
	expect("no query", out,
	       url_full(out, sizeof(out), "http", slice_of("h"), slice_of("/a?b=c"), NULL),
	       "http://h/a");
}

/* Of whatever length there is room for, and of whatever length the input is cut to. */
static void nothing_is_written_beyond_what_was_asked(void **state)
{
	const char target[] = "/p/%41?a=b&%73ig=secret;x&c;sig=secret#f";
	const char whole[] = "http://REDACTED:REDACTED@h/p/%41?a=b&%73ig=REDACTED&c;sig=REDACTED";
	char out[100];

	for (size_t size = 0; size < sizeof(whole) + 3; size++) {
		size_t n;

		memset(out, '!', sizeof(out));
		n = url_full(out, size, "http", slice_of("u:secret@h"), slice_of(target), &secrets);
		assert_int_equal(n, size < sizeof(whole) - 1 ? size : sizeof(whole) - 1);
		assert_memory_equal(out, whole, n);
		assert_int_equal(out[n], '!');
	}
	for (size_t n = 0; n < sizeof(target); n++) {
		size_t length = url_full(out, sizeof(out), "http", slice_of("h"),
					 (struct slice){target, n}, &secrets);

		assert_null(memmem(out, length, "secret", 6));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(values_of_secret_parameters_are_redacted, setup),
		cmocka_unit_test_setup(parameters_come_and_go, setup),
		cmocka_unit_test_setup(there_are_so_many_and_no_more, setup),
		cmocka_unit_test_setup(urls_are_put_together_without_credentials, setup),
		cmocka_unit_test_setup(nothing_is_written_beyond_what_was_asked, setup),
	};

	return cmocka_run_group_tests_name("trace url", tests, NULL, NULL);
}
