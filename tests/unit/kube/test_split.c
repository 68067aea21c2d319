/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/kube/split.h"
#include "vectors.h"

struct seen {
	char text[65536];
	size_t n, stop_at;
};

static int see(void *arg, struct slice object)
{
	struct seen *seen = arg;

	if (seen->stop_at && seen->n >= seen->stop_at)
		return -ECANCELED;
	assert_true(seen->n + object.n + 1 <= sizeof(seen->text));
	memcpy(seen->text + seen->n, object.p, object.n);
	seen->n += object.n;
	seen->text[seen->n++] = '|';
	return 0;
}

static struct seen seen;
static struct kube_split split;

/* Feeds `text` in chunks of `chunk` bytes; what was cut is in `seen`, objects end with '|'. */
static int feed(enum kube_split_mode mode, struct slice text, size_t chunk)
{
	int ret = 0;

	kube_split_free(&split);
	memset(&seen, 0, sizeof(seen));
	kube_split_init(&split, mode, see, &seen);
	for (size_t at = 0; at < text.n && !ret; at += chunk) {
		/* An exact copy, so that a sanitizer sees every byte read beyond the chunk. */
		size_t n = text.n - at < chunk ? text.n - at : chunk;
		char *copy = malloc(n);

		memcpy(copy, text.p + at, n);
		ret = kube_split_feed(&split, (struct slice){copy, n});
		free(copy);
	}
	return ret ? ret : kube_split_end(&split);
}

static int list(const char *text)
{
	return feed(KUBE_SPLIT_LIST, slice_of(text), 4096);
}

static int watch(const char *text)
{
	return feed(KUBE_SPLIT_WATCH, slice_of(text), 4096);
}

static void a_list_is_cut_into_its_items(void **state)
{
	assert_int_equal(list("{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"12\","
			      "\"continue\":\"abc=\",\"remainingItemCount\":3},\"items\":[{\"a\":"
			      "{\"b\":[1,{}]}} , {\"c\":\"}]\\\"{\"}]}\n"),
			 0);
	assert_string_equal(seen.text, "{\"a\":{\"b\":[1,{}]}}|{\"c\":\"}]\\\"{\"}|");
	assert_string_equal(split.kind, "PodList");
	assert_string_equal(split.version, "12");
	assert_string_equal(split.next, "abc=");
	assert_int_equal(split.objects, 2);
}

static void an_empty_list_has_a_version_and_no_items(void **state)
{
	assert_int_equal(list("{\"items\":[],\"metadata\":{\"resourceVersion\":\"7\"}}"), 0);
	assert_true(split.has_items);
	assert_int_equal(split.objects, 0);
	assert_string_equal(split.version, "7");
	assert_string_equal(split.next, "");
	assert_int_equal(list("{\"items\":null}"), 0);
	assert_false(split.has_items);
}

static void only_the_outermost_items_and_metadata_count(void **state)
{
	assert_int_equal(
		list("{\"x\":{\"items\":[{\"no\":1}],\"metadata\":{\"continue\":\"no\"}},"
		     "\"metadata\":{\"x\":{\"continue\":\"no\"},\"resourceVersion\":\"1\"},"
		     "\"items\":[{\"metadata\":{\"resourceVersion\":\"9\",\"continue\":"
		     "\"no\"},\"kind\":\"no\"}]}"),
		0);
	assert_int_equal(split.objects, 1);
	assert_string_equal(split.version, "1");
	assert_string_equal(split.next, "");
	assert_string_equal(split.kind, "");
	assert_int_equal(list("{\"items\":{\"a\":{\"b\":1}}}"), 0);
	assert_int_equal(split.objects, 0);
	assert_false(split.has_items);
}

static void a_watch_is_cut_into_its_events(void **state)
{
	assert_int_equal(watch("{\"type\":\"ADDED\"}\n{\"type\":\"BOOKMARK\"}{}\n\n"), 0);
	assert_string_equal(seen.text, "{\"type\":\"ADDED\"}|{\"type\":\"BOOKMARK\"}|{}|");
}

static void real_pods_come_out_the_same_for_every_chunk_size(void **state)
{
	struct slice a = vector_read("deployment"), b = vector_read("containers");
	static char text[65536];
	static struct seen whole;
	int n = snprintf(text, sizeof(text),
			 "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"5\","
			 "\"continue\":\"eyJ2Ijoi\"},\"items\":[%.*s,%.*s]}",
			 (int)a.n, a.p, (int)b.n, b.p);

	assert_int_equal(feed(KUBE_SPLIT_LIST, (struct slice){text, n}, n), 0);
	whole = seen;
	for (size_t chunk = 1; chunk < 300; chunk++) {
		assert_int_equal(feed(KUBE_SPLIT_LIST, (struct slice){text, n}, chunk), 0);
		assert_int_equal(split.objects, 2);
		assert_string_equal(split.next, "eyJ2Ijoi");
		assert_int_equal(seen.n, whole.n);
		assert_memory_equal(seen.text, whole.text, whole.n);
	}
}

static void every_split_of_a_watch_in_two_gives_the_same_events(void **state)
{
	const char *text = "{\"type\":\"MODIFIED\",\"object\":{\"s\":\"\\\\\\\"\\u007b\",\"n\":"
			   "-1.5e+3,\"t\":[true,null]}}\n{\"type\":\"DELETED\"}\n";
	size_t n = strlen(text);

	for (size_t cut = 1; cut < n; cut++) {
		memset(&seen, 0, sizeof(seen));
		kube_split_free(&split);
		kube_split_init(&split, KUBE_SPLIT_WATCH, see, &seen);
		assert_int_equal(kube_split_feed(&split, (struct slice){text, cut}), 0);
		assert_int_equal(kube_split_feed(&split, (struct slice){text + cut, n - cut}), 0);
		assert_int_equal(split.objects, 2);
		assert_int_equal(seen.n, n);
	}
}

static void what_is_not_json_is_refused_at_once(void **state)
{
	static const char *const bad[] = {
		"<html>",
		"[]",
		"null",
		"{]",
		"{\"a\" 1}",
		"{\"a\":}",
		"{\"a\":1,}",
		"{\"a\":[1,]}",
		"{\"a\":1 2}",
		"{,}",
		"{1:2}",
		"{\"items\":[1]}",
		"{\"items\":[[]]}",
		"{} {}",
		"{}x",
		"{\"items\":[{}{}]}",
		"{\"a\":\"b\"\"c\"}",
		"\xff\xfe",
		"{\"a\":[}]}",
		"{\"items\":[\"x\"]}",
		"{\"metadata\":{\"continue\":\"a\\u0041\"}}",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (list(bad[i]) != -EBADMSG)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(watch("{} []"), -EBADMSG);
	assert_int_equal(watch("1"), -EBADMSG);
}

static void an_answer_cut_short_is_noticed(void **state)
{
	const char *text = "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{\"a\":1}]}";

	for (size_t n = 0; n < strlen(text); n++)
		assert_int_equal(feed(KUBE_SPLIT_LIST, (struct slice){text, n}, 4096), -EBADMSG);
	assert_int_equal(watch(""), 0);
	assert_int_equal(watch("{\"type\":"), -EBADMSG);
}

static void an_object_beyond_the_limit_is_skipped_and_the_next_is_found(void **state)
{
	size_t n = KUBE_OBJECT_MAX + 1000;
	char *text = malloc(n);

	memset(text, 'x', n);
	memcpy(text, "{\"a\":\"", 6);
	memcpy(text + n - 11, "\"}\n{\"b\":1}\n", 11);
	for (size_t chunk = 65536; chunk <= 4 * n; chunk *= 64) {
		assert_int_equal(feed(KUBE_SPLIT_WATCH, (struct slice){text, n}, chunk), 0);
		assert_int_equal(split.oversize, 1);
		assert_string_equal(seen.text, "{\"b\":1}|");
		assert_true(split.size <= KUBE_OBJECT_MAX);
	}
	free(text);
}

static void nesting_and_envelope_fields_are_bounded(void **state)
{
	char text[KUBE_CONTINUE_MAX + 64];

	memset(text, 0, sizeof(text));
	strcpy(text, "{\"a\":");
	memset(text + 5, '[', KUBE_DEPTH_MAX);
	assert_int_equal(list(text), -E2BIG);
	strcpy(text, "{\"metadata\":{\"continue\":\"");
	memset(text + strlen(text), 'c', KUBE_CONTINUE_MAX);
	assert_int_equal(list(text), -E2BIG);
	/* Keys of any length are no concern of ours. */
	memset(text, 'k', sizeof(text));
	memcpy(text, "{\"", 2);
	memcpy(text + sizeof(text) - 6, "\":1}", 5);
	assert_int_equal(list(text), 0);
}

static void what_the_receiver_returns_stops_the_cutting(void **state)
{
	kube_split_free(&split);
	memset(&seen, 0, sizeof(seen));
	seen.stop_at = 1;
	kube_split_init(&split, KUBE_SPLIT_WATCH, see, &seen);
	assert_int_equal(kube_split_feed(&split, slice_of("{}{}{}")), -ECANCELED);
	assert_string_equal(seen.text, "{}|");
}

static int free_split(void **state)
{
	kube_split_free(&split);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_is_cut_into_its_items),
		cmocka_unit_test(an_empty_list_has_a_version_and_no_items),
		cmocka_unit_test(only_the_outermost_items_and_metadata_count),
		cmocka_unit_test(a_watch_is_cut_into_its_events),
		cmocka_unit_test(real_pods_come_out_the_same_for_every_chunk_size),
		cmocka_unit_test(every_split_of_a_watch_in_two_gives_the_same_events),
		cmocka_unit_test(what_is_not_json_is_refused_at_once),
		cmocka_unit_test(an_answer_cut_short_is_noticed),
		cmocka_unit_test(an_object_beyond_the_limit_is_skipped_and_the_next_is_found),
		cmocka_unit_test(nesting_and_envelope_fields_are_bounded),
		cmocka_unit_test(what_the_receiver_returns_stops_the_cutting),
	};

	return cmocka_run_group_tests_name("kube split", tests, NULL, free_split);
}
