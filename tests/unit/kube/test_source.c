/* SPDX-License-Identifier: Apache-2.0 */
/* Any collection can be followed, by several clients on one loop. */
#include <errno.h>

#include "followed.h"

static struct {
	char names[256]; /* of what was put and not gone since, with a blank after each */
	unsigned begun, ended, settled;
	int answer; /* of put and gone */
} seen;

static const char *name_of(const struct cJSON *object)
{
	return kube_json_text(kube_json_get(object, "metadata"), "name");
}

static int put(void *arg, const struct cJSON *object, struct kube_decode_stats *decode)
{
	strcat(strcat(seen.names, name_of(object)), " ");
	return seen.answer;
}

static int gone(void *arg, const struct cJSON *object, struct kube_decode_stats *decode)
{
	char *at = strstr(seen.names, name_of(object));
	size_t n = strlen(name_of(object)) + 1;

	if (at)
		memmove(at, at + n, strlen(at + n) + 1);
	return seen.answer;
}

static void begun(void *arg)
{
	seen.begun++;
	seen.names[0] = 0;
}

static void ended(void *arg)
{
	seen.ended++;
}

static void settled(void *arg)
{
	seen.settled++;
}

static const struct kube_source services = {.path = "/api/v1/services",
					    .kind = "Service",
					    .what = "services",
					    .put = put,
					    .gone = gone,
					    .list_begin = begun,
					    .list_end = ended,
					    .settle = settled};

static void add_service(const char *name)
{
	char body[128];

	snprintf(body, sizeof(body), "{\"namespace\":\"shop\",\"name\":\"%s\"}", name);
	api_server_control(&server, "POST", "/control/services", body);
}

static struct kube_client *follow(const struct kube_source *source)
{
	struct kube_client *other = kube_client_new(loop, &options, source);

	memset(&seen, 0, sizeof(seen));
	assert_non_null(other);
	assert_int_equal(kube_client_start(other), 0);
	return other;
}

static void two_clients_follow_two_collections_each_with_its_numbers(void **state)
{
	struct kube_client *other;

	options.watch_min_s = options.watch_max_s = 30;
	add_service("web");
	start_client();
	other = follow(&services);
	UNTIL(kube_client_synced(other) && kube_client_synced(client));
	assert_string_equal(seen.names, "web ");
	add_service("db");
	UNTIL(strcmp(seen.names, "web db ") == 0);
	api_server_control(&server, "DELETE", "/control/services/shop/web", "");
	UNTIL(strcmp(seen.names, "db ") == 0);
	assert_int_equal(seen.begun, 1);
	assert_int_equal(seen.ended, 1);
	assert_true(seen.settled > 2);
	assert_int_equal(kube_client_stats(other).events[KUBE_EVENT_ADDED], 1);
	assert_int_equal(kube_client_stats(other).events[KUBE_EVENT_DELETED], 1);
	assert_int_equal(events(KUBE_EVENT_ADDED) + events(KUBE_EVENT_DELETED), 0);
	assert_int_equal(living(), 1);
	kube_client_free(other);
	api_server_control(&server, "DELETE", "/control/services/shop/db", "");
}

static void metadata_alone_can_be_asked_for(void **state)
{
	struct kube_source metadata = services;
	struct kube_client *other;

	metadata.kind = "PartialObjectMetadata";
	add_service("web");
	for (int plain = 0; plain < 2; plain++) {
		options.no_stream = plain;
		metadata.accept = plain ? "application/json;as=PartialObjectMetadataList;"
					  "g=meta.k8s.io;v=v1,application/json;"
					  "as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
					: "application/json;as=PartialObjectMetadata;"
					  "g=meta.k8s.io;v=v1";
		start_client();
		other = follow(&metadata);
		UNTIL(kube_client_synced(other));
		assert_string_equal(seen.names, "web ");
		assert_int_equal(kube_client_stats(other).faults[KUBE_FAULT_GARBAGE], 0);
		kube_client_free(other);
		stop_client();
	}
	start_client();
	api_server_control(&server, "DELETE", "/control/services/shop/web", "");
}

static void an_object_that_cannot_be_used_stops_nothing(void **state)
{
	struct kube_client *other;

	add_service("web");
	start_client();
	other = follow(&services);
	seen.answer = -EBADMSG;
	UNTIL(kube_client_synced(other) && kube_client_stats(other).watches > 0);
	add_service("db");
	UNTIL(strcmp(seen.names, "web db ") == 0);
	assert_true(kube_client_stats(other).connected);
	kube_client_free(other);
	api_server_control(&server, "DELETE", "/control/services/shop/web", "");
	api_server_control(&server, "DELETE", "/control/services/shop/db", "");
}

static void without_memory_for_an_object_the_answer_is_asked_for_again(void **state)
{
	struct kube_client *other;

	add_service("web");
	start_client();
	other = follow(&services);
	seen.answer = -ENOMEM;
	UNTIL(seen.begun > 2);
	assert_false(kube_client_synced(other));
	assert_int_equal(seen.ended, 0);
	assert_true(kube_client_stats(other).faults[KUBE_FAULT_MEMORY] > 1);
	assert_int_equal(kube_client_stats(other).faults[KUBE_FAULT_GARBAGE], 0);
	seen.answer = 0;
	UNTIL(kube_client_synced(other));
	kube_client_free(other);
	api_server_control(&server, "DELETE", "/control/services/shop/web", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(two_clients_follow_two_collections_each_with_its_numbers),
		TEST(metadata_alone_can_be_asked_for),
		TEST(an_object_that_cannot_be_used_stops_nothing),
		TEST(without_memory_for_an_object_the_answer_is_asked_for_again),
	};

	return cmocka_run_group_tests_name("kube source", tests, begin, end);
}
