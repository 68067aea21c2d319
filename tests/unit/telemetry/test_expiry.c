/* SPDX-License-Identifier: Apache-2.0 */
/* When series and target_info leave: after the TTL, and not before a scrape saw them. */
#include "fixture.h"

static struct telemetry_options options;
static struct telemetry *telemetry;
static struct resource *resource;

static int setup(void **state)
{
	options = telemetry_defaults;
	telemetry = new_telemetry(&options);
	resource = pod_resource("shop-1");
	return 0;
}

static int teardown(void **state)
{
	telemetry_free(telemetry);
	resource_unref(resource);
	return 0;
}

static void restart(void)
{
	telemetry_free(telemetry);
	telemetry = new_telemetry(&options);
}

static void add(const struct exchange *exchange)
{
	assert_int_equal(telemetry_http(telemetry, resource, exchange, slice_of(""), SECOND), 0);
}

/* Looks with small steps: enough of them pass every series and every chain of resources. */
static void expire_all(uint64_t now_ns)
{
	for (int i = 0; i < 200; i++)
		telemetry_expire(telemetry, now_ns);
}

static void scrape(void)
{
	telemetry_read_begin(telemetry);
	telemetry_read_end(telemetry);
}

static unsigned int series(void)
{
	return (unsigned int)telemetry_stats(telemetry)->series;
}

static unsigned int targets(void)
{
	return (unsigned int)telemetry_stats(telemetry)->targets;
}

/* ---- the time to live ---- */

static void a_series_not_updated_within_the_ttl_is_gone(void **state)
{
	struct exchange e = served();
	uint64_t empty = telemetry_bytes(telemetry);

	add(&e); /* at 1 s */
	expire_all(200 * SECOND);
	scrape();
	expire_all(301 * SECOND);
	assert_int_equal(series(), 1);
	expire_all(301 * SECOND + 1);
	assert_int_equal(series(), 0);
	assert_int_equal(telemetry_stats(telemetry)->series_expired, 1);
	/* No scrape sees a series without its target_info. */
	assert_int_equal(targets(), 1);
	expire_all(311 * SECOND + 1);
	assert_int_equal(targets(), 0);
	assert_int_equal(telemetry_bytes(telemetry), empty);
	assert_int_equal(resource->refs, 1);
}

/* ---- not before it was seen ---- */

static void what_no_scrape_has_seen_yet_stays(void **state)
{
	struct exchange e = served();

	add(&e); /* at 1 s */
	expire_all(500 * SECOND);
	assert_int_equal(series(), 1);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_DURATION, "").count, 1);
	expire_all(500 * SECOND);
	assert_int_equal(series(), 0);
}

static void a_scrape_before_the_last_update_does_not_count(void **state)
{
	struct exchange e = served();

	expire_all(SECOND / 2);
	scrape();
	expire_all(SECOND);
	add(&e); /* at 1 s: after the last look, as exchanges are */
	expire_all(400 * SECOND);
	assert_int_equal(series(), 1);
	scrape();
	expire_all(400 * SECOND);
	assert_int_equal(series(), 0);
}

/* It may have passed the series before the update. */
static void nor_does_one_under_way_at_the_last_update(void **state)
{
	struct exchange e = served();

	expire_all(SECOND / 2);
	telemetry_read_begin(telemetry);
	expire_all(SECOND);
	add(&e);
	telemetry_read_end(telemetry);
	expire_all(400 * SECOND);
	assert_int_equal(series(), 1);
	scrape();
	expire_all(400 * SECOND);
	assert_int_equal(series(), 0);
}

static void a_scrape_that_has_not_ended_does_not_count(void **state)
{
	struct exchange e = served();

	add(&e);
	expire_all(2 * SECOND);
	telemetry_read_begin(telemetry);
	expire_all(400 * SECOND);
	assert_int_equal(series(), 1);
	telemetry_read_end(telemetry);
	expire_all(400 * SECOND);
	assert_int_equal(series(), 0);
}

static void where_nobody_scrapes_twice_the_ttl_is_the_end(void **state)
{
	struct exchange e = served();

	add(&e); /* at 1 s */
	expire_all(601 * SECOND);
	assert_int_equal(series(), 1);
	expire_all(601 * SECOND + 1);
	assert_int_equal(series(), 0);
	expire_all(611 * SECOND + 1);
	assert_int_equal(targets(), 0);
}

/* ---- target_info ---- */

static struct resource *with(const char *uid, const char *version)
{
	const char *values[RES_COUNT] = {
		[RES_SERVICE_NAME] = "db",       [RES_SERVICE_VERSION] = version,
		[RES_INSTANCE] = "prod.db-0.db", [RES_JOB] = "prod/db",
		[RES_K8S_POD] = "db-0",          [RES_K8S_POD_UID] = uid,
	};

	return resource_new(values);
}

static void when_the_newest_target_expires_the_older_one_shows_again(void **state)
{
	struct resource *first = with("u1", "1"), *second = with("u2", "1");
	struct exchange e = served();

	telemetry_http(telemetry, first, &e, slice_of(""), 1 * SECOND);
	telemetry_http(telemetry, second, &e, slice_of(""), 2 * SECOND);
	telemetry_http(telemetry, first, &e, slice_of(""), 200 * SECOND);
	expire_all(200 * SECOND);
	scrape();
	expire_all(313 * SECOND);
	assert_int_equal(infos_of(telemetry).n, 1);
	assert_non_null(strstr(infos_of(telemetry).labels, "k8s_pod_uid=\"u1\""));
	resource_unref(first);
	resource_unref(second);
}

/* ---- room ---- */

static void a_series_that_comes_back_starts_from_zero(void **state)
{
	struct exchange e = served();

	add(&e);
	add(&e);
	expire_all(1000 * SECOND);
	add(&e);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_DURATION, "").count, 1);
}

static void room_that_expired_series_left_is_used_again(void **state)
{
	struct exchange e = served();

	options.series_max = 1;
	restart();
	add(&e);
	expire_all(1000 * SECOND);
	e.status = 500;
	add(&e);
	assert_int_equal(telemetry_stats(telemetry)->overflows, 0);
}

static void a_ttl_of_zero_keeps_series_for_ever(void **state)
{
	struct exchange e = served();

	options.ttl_ns = 0;
	restart();
	add(&e);
	expire_all(1000000 * SECOND);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_DURATION, "").samples, 1);
}

static void nothing_expires_while_a_scrape_reads(void **state)
{
	struct exchange e = served();

	add(&e);
	telemetry_read_begin(telemetry);
	expire_all(1000 * SECOND);
	assert_int_equal(telemetry_stats(telemetry)->series_expired, 0);
	telemetry_read_end(telemetry);
	expire_all(1000 * SECOND);
	assert_int_equal(telemetry_stats(telemetry)->series_expired, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_series_not_updated_within_the_ttl_is_gone),
		T(what_no_scrape_has_seen_yet_stays),
		T(a_scrape_before_the_last_update_does_not_count),
		T(nor_does_one_under_way_at_the_last_update),
		T(a_scrape_that_has_not_ended_does_not_count),
		T(where_nobody_scrapes_twice_the_ttl_is_the_end),
		T(when_the_newest_target_expires_the_older_one_shows_again),
		T(a_series_that_comes_back_starts_from_zero),
		T(room_that_expired_series_left_is_used_again),
		T(a_ttl_of_zero_keeps_series_for_ever),
		T(nothing_expires_while_a_scrape_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
