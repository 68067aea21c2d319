/* SPDX-License-Identifier: Apache-2.0 */
#include "export/negotiate.h"
#include "export/number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#define OM "application/openmetrics-text"

static void the_best_format_that_the_scraper_accepts_is_chosen(void **state)
{
	static const struct {
		const char *accept;
		enum prometheus_format format;
	} cases[] = {
		{NULL, PROMETHEUS_TEXT},
		{"", PROMETHEUS_TEXT},
		{"*/*", PROMETHEUS_TEXT},
		{"text/html, */*;q=0.8", PROMETHEUS_TEXT},
		{"text/plain", PROMETHEUS_TEXT},
		{OM, PROMETHEUS_OPENMETRICS},
		{OM "; version=1.0.0", PROMETHEUS_OPENMETRICS},
		{OM ";version=\"1.0.0\"", PROMETHEUS_OPENMETRICS},
		{"APPLICATION/OpenMetrics-Text ; Version=1.0.0 ; Q=0.5", PROMETHEUS_OPENMETRICS},
		{"application/*", PROMETHEUS_OPENMETRICS},
		/* as Prometheus 2 and 3 ask */
		{OM ";version=1.0.0," OM ";version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,"
		    "*/*;q=0.1",
		 PROMETHEUS_OPENMETRICS},
		{OM ";version=1.0.0;escaping=allow-utf-8;q=0.6," OM ";version=0.0.1;q=0.5,"
		    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
		    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
		 PROMETHEUS_OPENMETRICS},
		/* versions that are not spoken */
		{OM ";version=2.0.0,text/plain;q=0.1", PROMETHEUS_TEXT},
		{OM ";version=0.0.1", PROMETHEUS_TEXT},
		{"application/vnd.google.protobuf;proto=x;encoding=delimited," OM ";q=0.1",
		 PROMETHEUS_OPENMETRICS},
		/* weights decide, then precision, then order */
		{"text/plain;q=0.9," OM ";q=0.8", PROMETHEUS_TEXT},
		{"text/plain;q=0.8," OM ";q=0.9", PROMETHEUS_OPENMETRICS},
		{"text/plain;q=0.899," OM ";q=0.9", PROMETHEUS_OPENMETRICS},
		{"*/*,text/plain", PROMETHEUS_TEXT},
		{"*/*," OM, PROMETHEUS_OPENMETRICS},
		{"text/plain," OM, PROMETHEUS_TEXT},
		{OM ",text/plain", PROMETHEUS_OPENMETRICS},
		/* refusals */
		{OM ";q=0", PROMETHEUS_TEXT},
		{OM ";q=0,*/*", PROMETHEUS_TEXT},
		{"text/plain;q=0,*/*", PROMETHEUS_OPENMETRICS},
		{"text/plain;q=0", PROMETHEUS_TEXT},
		/* not of the grammar */
		{",,;;=,q=,\"", PROMETHEUS_TEXT},
		{OM ";q=2", PROMETHEUS_TEXT},
		{OM ";q=1.001", PROMETHEUS_TEXT},
		{OM ";q=-1", PROMETHEUS_TEXT},
		{"text/plain;x=\"," OM "\"", PROMETHEUS_TEXT},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (negotiate_format(cases[i].accept) != cases[i].format)
			fail_msg("%s", cases[i].accept);
	}
}

static void gzip_is_used_only_if_accepted(void **state)
{
	static const struct {
		const char *field;
		bool gzip;
	} cases[] = {
		{NULL, false},
		{"", false},
		{"gzip", true},
		{"GZip", true},
		{"x-gzip", true},
		{"deflate, gzip;q=0.5", true},
		{"gzip;q=0", false},
		{"gzip;q=0.000", false},
		{"*", true},
		{"*;q=0", false},
		{"gzip;q=0, *", false},
		{"identity", false},
		{"gzipped", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (negotiate_gzip(cases[i].field) != cases[i].gzip)
			fail_msg("%s", cases[i].field);
	}
}

static void numbers_are_written_exactly(void **state)
{
	char out[NUMBER_MAX];

#define SAME(call, text)                                                                           \
	do {                                                                                       \
		size_t n = (call);                                                                 \
		assert_int_equal(n, strlen(text));                                                 \
		assert_memory_equal(out, text, n);                                                 \
	} while (0)
	SAME(number_u64(0, out), "0");
	SAME(number_u64(UINT64_MAX, out), "18446744073709551615");
	SAME(number_scaled(0, 1000000000, out), "0");
	SAME(number_scaled(12000000, 1000000000, out), "0.012");
	SAME(number_scaled(1000000001, 1000000000, out), "1.000000001");
	SAME(number_scaled(UINT64_MAX, 1000000000, out), "18446744073.709551615");
	SAME(number_scaled(42, 1, out), "42");
	SAME(number_double(0.005, false, out), "0.005");
	SAME(number_double(0.1, true, out), "0.1");
	SAME(number_double(1, false, out), "1");
	SAME(number_double(1, true, out), "1.0");
	SAME(number_double(1024, false, out), "1024");
	SAME(number_double(10, true, out), "10.0");
	SAME(number_double(0, true, out), "0.0");
	SAME(number_double(1.0 / 3, true, out), "0.3333333333333333");
#undef SAME
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_best_format_that_the_scraper_accepts_is_chosen),
		cmocka_unit_test(gzip_is_used_only_if_accepted),
		cmocka_unit_test(numbers_are_written_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
