/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a real API server answered (vectors/1.20, recorded by tests/kubernetes/record.py), cut into
 * objects and decoded, in chunks of several sizes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/kube/event.h"
#include "collector/kube/split.h"
#include "vectors.h"

static const size_t chunks[] = {1, 7, 1000, 65536};

static struct kube_decode_stats stats;

/* What was seen of a recording, in the order of the objects. */
static struct {
	int pods, types[KUBE_EVENT_TYPES];
	char version[KUBE_VERSION_MAX]; /* the last */
	struct kube_status status;      /* of the last ERROR */
} seen;

static void look_at(const struct kube_pod *pod)
{
	assert_int_equal(strlen(pod->uid), 36);
	assert_string_equal(pod->node, "n1");
	assert_true(*pod->name && *pod->namespace && *pod->owner_kind && *pod->owner_name);
	assert_int_not_equal(pod->container_count, 0);
	for (int i = 0; i < pod->container_count; i++)
		assert_int_equal(strlen(pod->containers[i].id), 64);
	seen.pods++;
}

static int see_pod(void *arg, struct slice object)
{
	struct kube_pod *pod;

	(void)arg;
	assert_int_equal(kube_decode_pod(object, &kube_keep_default, &stats, &pod), 0);
	look_at(pod);
	kube_pod_unref(pod);
	return 0;
}

static int see_event(void *arg, struct slice object)
{
	struct kube_event event;
	struct kube_pod *pod;

	(void)arg;
	assert_int_equal(kube_event_decode(object, "Pod", &event), 0);
	seen.types[event.type]++;
	if (event.type == KUBE_EVENT_ERROR) {
		seen.status = event.status;
	} else {
		assert_true(*event.version);
		strcpy(seen.version, event.version);
	}
	if (event.type == KUBE_EVENT_MODIFIED || event.type == KUBE_EVENT_DELETED) {
		assert_int_equal(
			kube_decode_pod_object(event.object, &kube_keep_default, &stats, &pod), 0);
		look_at(pod);
		kube_pod_unref(pod);
	}
	kube_event_free(&event);
	return 0;
}

/* Leaves `split` at the recording's end; release it. */
static void play(const char *vector, enum kube_split_mode mode, size_t chunk,
		 struct kube_split *split)
{
	struct slice text = vector_read(vector);

	memset(&seen, 0, sizeof(seen));
	kube_split_init(split, mode, mode == KUBE_SPLIT_LIST ? see_pod : see_event, NULL);
	for (size_t at = 0; at < text.n; at += chunk) {
		size_t n = text.n - at < chunk ? text.n - at : chunk;

		assert_int_equal(kube_split_feed(split, (struct slice){text.p + at, n}), 0);
	}
	assert_int_equal(kube_split_end(split), 0);
}

static void pages_of_a_list_are_of_one_version_and_lead_to_each_other(void **state)
{
	char version[KUBE_VERSION_MAX];
	struct kube_split split;

	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		play("1.20/list-1", KUBE_SPLIT_LIST, chunks[i], &split);
		assert_int_equal(seen.pods, 2);
		assert_string_equal(split.kind, "PodList");
		assert_true(*split.version && *split.next);
		strcpy(version, split.version);
		kube_split_free(&split);
		play("1.20/list-2", KUBE_SPLIT_LIST, chunks[i], &split);
		assert_int_equal(seen.pods, 2);
		assert_string_equal(split.version, version);
		kube_split_free(&split);
	}
}

static void a_watch_tells_what_changed_and_went(void **state)
{
	struct kube_split split;

	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		play("1.20/watch", KUBE_SPLIT_WATCH, chunks[i], &split);
		assert_true(seen.types[KUBE_EVENT_MODIFIED] >= 2); /* a label, an end begun */
		assert_int_equal(seen.types[KUBE_EVENT_DELETED], 1);
		assert_int_equal(seen.types[KUBE_EVENT_ERROR], 0);
		assert_true(*seen.version);
		kube_split_free(&split);
	}
}

static void a_watch_from_too_long_ago_is_an_error_event(void **state)
{
	struct kube_split split;

	play("1.20/watch-gone", KUBE_SPLIT_WATCH, 65536, &split);
	assert_int_equal(seen.types[KUBE_EVENT_ERROR], 1);
	assert_int_equal(seen.status.code, 410);
	assert_string_equal(seen.status.reason, "Expired");
	kube_split_free(&split);
}

static void refusals_say_code_and_reason(void **state)
{
	static const struct {
		const char *vector, *reason;
		int code;
	} refusals[] = {
		{"1.20/400-continue", "BadRequest", 400}, {"1.20/401-token", "Unauthorized", 401},
		{"1.20/403-rule", "Forbidden", 403},      {"1.20/422-watch-list", "Invalid", 422},
		{"1.20/504-future", "Timeout", 504},
	};
	struct kube_status status;

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		assert_int_equal(kube_status_decode(vector_read(refusals[i].vector), &status), 0);
		assert_int_equal(status.code, refusals[i].code);
		assert_string_equal(status.reason, refusals[i].reason);
		assert_true(*status.message);
	}
	assert_int_equal(status.retry_after_s, 1); /* of the last */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_of_a_list_are_of_one_version_and_lead_to_each_other),
		cmocka_unit_test(a_watch_tells_what_changed_and_went),
		cmocka_unit_test(a_watch_from_too_long_ago_is_an_error_event),
		cmocka_unit_test(refusals_say_code_and_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
