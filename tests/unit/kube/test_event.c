/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/kube/event.h"

static int decode_event(const char *text, struct kube_event *event)
{
	return kube_event_decode(slice_of(text), "Pod", event);
}

static int refusal(const char *text)
{
	struct kube_event event;
	int ret = decode_event(text, &event);

	kube_event_free(&event);
	return ret;
}

static void events_have_type_version_and_object(void **state)
{
	struct kube_event event;

	assert_int_equal(
		decode_event("{\"type\":\"DELETED\",\"object\":{\"kind\":\"Pod\","
			     "\"metadata\":{\"resourceVersion\":\"4711\",\"name\":\"toolbox\"}}}",
			     &event),
		0);
	assert_int_equal(event.type, KUBE_EVENT_DELETED);
	assert_string_equal(event.version, "4711");
	assert_string_equal(kube_json_text(kube_json_get(event.object, "metadata"), "name"),
			    "toolbox");
	kube_event_free(&event);
}

static void bookmarks_carry_only_a_version(void **state)
{
	struct kube_event event;

	assert_int_equal(decode_event("{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Pod\","
				      "\"metadata\":{\"resourceVersion\":\"99\"},"
				      "\"spec\":{\"containers\":null}}}",
				      &event),
			 0);
	assert_int_equal(event.type, KUBE_EVENT_BOOKMARK);
	assert_string_equal(event.version, "99");
	kube_event_free(&event);
}

static void error_events_carry_the_status(void **state)
{
	struct kube_event event;

	assert_int_equal(decode_event("{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\","
				      "\"reason\":\"Expired\",\"code\":410,\"message\":\"too old "
				      "resource version: 383 (398)\"}}",
				      &event),
			 0);
	assert_int_equal(event.type, KUBE_EVENT_ERROR);
	assert_int_equal(event.status.code, 410);
	assert_string_equal(event.status.reason, "Expired");
	kube_event_free(&event);
}

static void what_is_no_event_is_refused(void **state)
{
	assert_int_equal(refusal("{}"), -EBADMSG);
	assert_int_equal(refusal("[]"), -EBADMSG);
	assert_int_equal(refusal("{\"type\":\"SURPRISE\",\"object\":{}}"), -EBADMSG);
	assert_int_equal(refusal("{\"type\":\"ADDED\",\"object\":{\"kind\":\"Pod\"}}"), -EBADMSG);
	assert_int_equal(refusal("{\"type\":\"ADDED\",\"object\":{\"kind\":\"Node\","
				 "\"metadata\":{\"resourceVersion\":\"1\"}}}"),
			 -EBADMSG);
	assert_int_equal(refusal("{\"type\":\"ADDED\",\"object\":{\"kind\":\"Pod\","
				 "\"metadata\":{\"resourceVersion\":\"1\"}}}"),
			 0);
}

static void a_status_body_tells_code_reason_and_delay(void **state)
{
	struct kube_status status;

	assert_int_equal(kube_status_decode(slice_of("{\"kind\":\"Status\",\"code\":504,\"reason\":"
						     "\"Timeout\",\"message\":\"Too large resource "
						     "version\",\"details\":{"
						     "\"retryAfterSeconds\":1}}"),
					    &status),
			 0);
	assert_int_equal(status.code, 504);
	assert_int_equal(status.retry_after_s, 1);
	assert_int_equal(kube_status_decode(slice_of("<html>"), &status), -EBADMSG);
	assert_int_equal(status.code, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_have_type_version_and_object),
		cmocka_unit_test(bookmarks_carry_only_a_version),
		cmocka_unit_test(error_events_carry_the_status),
		cmocka_unit_test(what_is_no_event_is_refused),
		cmocka_unit_test(a_status_body_tells_code_reason_and_delay),
	};

	return cmocka_run_group_tests_name("kube event", tests, NULL, NULL);
}
