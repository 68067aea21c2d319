/* SPDX-License-Identifier: Apache-2.0 */
/* The writer makes, updates and expires series while the reader scrapes: run it under TSan. */
#include "fixture.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define ROUNDS 300
#define PODS 20

static struct telemetry *telemetry;
static atomic_bool written;

static bool expired(void)
{
	return telemetry_stats(telemetry)->series_expired > 0;
}

static void *write_all(void *arg)
{
	struct resource *pods[PODS];
	struct exchange e = served();

	for (int i = 0; i < PODS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "shop-%d", i);
		pods[i] = pod_resource(name);
	}
	/* Nothing expires in the middle of a scrape: go on until some moment was between two. */
	for (uint64_t round = 1; round <= ROUNDS || !expired(); round++) {
		for (int i = 0; i < PODS; i++) {
			e.status = (uint16_t)(200 + (round + (uint64_t)i) % 7);
			telemetry_http(telemetry, pods[i], &e, slice_of(""), round * SECOND);
		}
		telemetry_expire(telemetry, round * SECOND);
	}
	for (int i = 0; i < PODS; i++)
		resource_unref(pods[i]);
	atomic_store(&written, true);
	return NULL;
}

static void note_count(void *arg, const struct telemetry_sample *sample)
{
	uint64_t *total = arg;

	assert_true(sample->target_labels.n == 0 ||
		    memcmp(sample->target_labels.p, "service_name=\"shop\"", 19) == 0);
	for (unsigned int i = 0; i <= sample->bounds->n; i++)
		*total += sample->counts[i];
}

static void a_scrape_beside_the_writer_sees_whole_series_only(void **state)
{
	struct telemetry_options options = telemetry_defaults;
	pthread_t writer;

	options.ttl_ns = 2 * SECOND;
	telemetry = new_telemetry(&options);
	assert_int_equal(pthread_create(&writer, NULL, write_all, NULL), 0);
	while (!atomic_load(&written)) {
		struct infos infos;
		uint64_t total = 0;

		telemetry_read_begin(telemetry);
		telemetry_each(telemetry, TELEMETRY_SERVER_DURATION, note_count, &total);
		telemetry_read_end(telemetry);
		assert_true(total <= telemetry_stats(telemetry)->exchanges + 1);
		infos = infos_of(telemetry);
		assert_true(infos.n <= PODS);
		sched_yield();
	}
	pthread_join(writer, NULL);
	assert_true(telemetry_stats(telemetry)->exchanges >= ROUNDS * PODS);
	telemetry_free(telemetry);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_scrape_beside_the_writer_sees_whole_series_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
