/* SPDX-License-Identifier: Apache-2.0 */
/* Exemplars find the series that their exchange was counted in, and are read whole. */
#include "fixture.h"

#include <pthread.h>

#define WALL 1700000000000000000ull

static struct telemetry_options options;
static struct telemetry *telemetry;
static struct resource *resource;

static int setup(void **state)
{
	options = telemetry_defaults;
	options.exemplars = EXEMPLARS_SAMPLED;
	telemetry = NULL;
	resource = pod_resource("shop-1");
	return 0;
}

static int teardown(void **state)
{
	telemetry_free(telemetry);
	resource_unref(resource);
	return 0;
}

static struct telemetry_place counted(struct exchange *e, uint64_t duration_ns)
{
	struct attribute_source source = {resource, e, slice_of(""), 0};
	struct telemetry_place place;

	e->end_ns = e->start_ns + duration_ns;
	assert_int_equal(telemetry_count(telemetry, &source, SECOND, &place), 0);
	return place;
}

static struct telemetry_exemplar exemplar(uint64_t value, uint64_t time_ns, uint8_t id)
{
	struct telemetry_exemplar x = {.value = value, .time_ns = time_ns, .sampled = true};

	memset(x.trace_id, id, sizeof(x.trace_id));
	memset(x.span_id, id + 1, sizeof(x.span_id));
	return x;
}

static void keep(const struct telemetry_place *place, uint64_t value, uint64_t time_ns, uint8_t id)
{
	struct telemetry_exemplar x = exemplar(value, time_ns, id);

	telemetry_exemplar(telemetry, place, &x);
}

struct kept {
	enum telemetry_metric metric;
	const char *with;
	unsigned int n;
	struct telemetry_exemplar v[16];
};

static void note(void *arg, const struct telemetry_sample *sample)
{
	struct kept *kept = arg;
	char labels[LABELS_TEXT_MAX + 1];

	snprintf(labels, sizeof(labels), "%.*s", (int)sample->labels.n, sample->labels.p);
	if (!strstr(labels, kept->with))
		return;
	for (unsigned int i = 0; i < sample->exemplars_n; i++) {
		unsigned int bucket = histogram_bucket(sample->bounds, sample->exemplars[i].value);

		assert_true(sample->counts[bucket] > 0);
		kept->v[kept->n++] = sample->exemplars[i];
	}
}

static struct kept kept(enum telemetry_metric metric, const char *with)
{
	struct kept found = {.with = with};

	telemetry_read_begin(telemetry);
	telemetry_each(telemetry, metric, note, &found);
	telemetry_read_end(telemetry);
	return found;
}

static void an_exemplar_is_of_its_duration_and_nothing_else(void **state)
{
	struct exchange e = served(), other = served();
	struct telemetry_exemplar wanted = exemplar(12 * MS, WALL, 0xa1);
	struct telemetry_place place;
	struct kept found;

	telemetry = new_telemetry(&options);
	place = counted(&e, 12 * MS);
	other.status = 500;
	counted(&other, 12 * MS);
	keep(&place, 12 * MS, WALL, 0xa1);
	found = kept(TELEMETRY_SERVER_DURATION, "");
	assert_int_equal(found.n, 1);
	assert_memory_equal(&found.v[0], &wanted, sizeof(wanted));
	assert_int_equal(kept(TELEMETRY_SERVER_DURATION, "code=\"200\"").n, 1);
	assert_int_equal(kept(TELEMETRY_SERVER_DURATION, "code=\"500\"").n, 0);
	assert_int_equal(kept(TELEMETRY_SERVER_RESPONSE_SIZE, "").n, 0);
}

static void every_kind_and_side_has_them(void **state)
{
	struct exchange all[] = {served(), called(), queried(), queried()};
	static const enum telemetry_metric metric[] = {
		TELEMETRY_SERVER_DURATION, TELEMETRY_CLIENT_DURATION, TELEMETRY_DB_CLIENT_DURATION,
		TELEMETRY_DB_SERVER_DURATION};

	all[3].conn.role = KH_ROLE_SERVER;
	options.kinds = (1u << EXCHANGE_KINDS) - 1;
	telemetry = new_telemetry(&options);
	for (uint8_t i = 0; i < 4; i++) {
		struct telemetry_place place = counted(&all[i], 12 * MS);

		keep(&place, 12 * MS, WALL, i);
	}
	for (uint8_t i = 0; i < 4; i++) {
		struct kept found = kept(metric[i], "");

		assert_int_equal(found.n, 1);
		assert_int_equal(found.v[0].trace_id[0], i);
	}
}

static void slow_ones_stay_beside_many_fast_ones(void **state)
{
	struct exchange e = served();
	struct telemetry_place slow, fast, middle;
	struct kept found;

	telemetry = new_telemetry(&options);
	slow = counted(&e, 20 * SECOND);
	keep(&slow, 20 * SECOND, WALL, 1);
	middle = counted(&e, 200 * MS);
	keep(&middle, 200 * MS, WALL + 1, 2);
	for (uint8_t i = 0; i < 100; i++) {
		fast = counted(&e, 2 * MS + i);
		keep(&fast, 2 * MS + i, WALL + 2 + i, i);
	}
	found = kept(TELEMETRY_SERVER_DURATION, "");
	assert_int_equal(found.n, 3);
	assert_int_equal(found.v[0].value, 2 * MS + 99);
	assert_int_equal(found.v[0].trace_id[15], 99);
	assert_int_equal(found.v[1].value, 200 * MS);
	assert_int_equal(found.v[2].value, 20 * SECOND);
}

static void the_newest_stays_unless_the_clock_was_set_back(void **state)
{
	struct exchange e = served();
	struct telemetry_place place;

	telemetry = new_telemetry(&options);
	place = counted(&e, 12 * MS);
	keep(&place, 12 * MS, WALL, 1);
	keep(&place, 12 * MS, WALL - SECOND, 2);
	assert_int_equal(kept(TELEMETRY_SERVER_DURATION, "").v[0].span_id[0], 2);
	keep(&place, 12 * MS, WALL - 3600 * SECOND, 3);
	assert_int_equal(kept(TELEMETRY_SERVER_DURATION, "").v[0].span_id[0], 4);
	keep(&place, 12 * MS, WALL, 5);
	assert_int_equal(kept(TELEMETRY_SERVER_DURATION, "").v[0].span_id[0], 6);
}

static void sampled(struct telemetry_place *place, bool is)
{
	struct telemetry_exemplar x = exemplar(12 * MS, WALL, 9);

	x.sampled = is;
	telemetry_exemplar(telemetry, place, &x);
}

static void only_sampled_ones_are_kept_unless_all_are_asked_for(void **state)
{
	struct exchange e = served();
	struct telemetry_place place;

	telemetry = new_telemetry(&options);
	place = counted(&e, 12 * MS);
	sampled(&place, false);
	assert_int_equal(kept(TELEMETRY_SERVER_DURATION, "").n, 0);
	sampled(&place, true);
	assert_true(kept(TELEMETRY_SERVER_DURATION, "").v[0].sampled);
	telemetry_free(telemetry);
	options.exemplars = EXEMPLARS_ALL;
	telemetry = new_telemetry(&options);
	place = counted(&e, 12 * MS);
	sampled(&place, false);
	assert_int_equal(kept(TELEMETRY_SERVER_DURATION, "").n, 1);
	assert_false(kept(TELEMETRY_SERVER_DURATION, "").v[0].sampled);
}

static uint64_t bytes_of_one_series(enum exemplar_filter filter)
{
	struct exchange e = served();
	uint64_t before;

	options.exemplars = filter;
	telemetry_free(telemetry);
	telemetry = new_telemetry(&options);
	counted(&e, 12 * MS);
	before = telemetry_bytes(telemetry);
	e.status = 404;
	counted(&e, 12 * MS);
	return telemetry_bytes(telemetry) - before;
}

static void without_them_they_cost_nothing(void **state)
{
	uint64_t without = bytes_of_one_series(EXEMPLARS_NONE);
	struct exchange e = served();
	struct telemetry_place place = counted(&e, 12 * MS);

	assert_int_equal(place.group, 0);
	keep(&place, 12 * MS, WALL, 1);
	assert_int_equal(kept(TELEMETRY_SERVER_DURATION, "").n, 0);
	assert_int_equal(bytes_of_one_series(EXEMPLARS_SAMPLED),
			 without + EXEMPLARS_WORDS * sizeof(histogram_word));
}

static void a_series_that_went_gets_none(void **state)
{
	struct exchange e = served();
	struct telemetry_place gone, place;

	options.ttl_ns = SECOND;
	telemetry = new_telemetry(&options);
	gone = counted(&e, 12 * MS);
	telemetry_expire(telemetry, 100 * SECOND);
	assert_int_equal(kept(TELEMETRY_SERVER_DURATION, "").n, 0);
	keep(&gone, 12 * MS, WALL, 1); /* its slot is empty */
	e.status = 201;
	place = counted(&e, 12 * MS);
	assert_int_equal(place.slot, gone.slot);
	keep(&gone, 12 * MS, WALL, 1); /* its slot has another */
	assert_int_equal(kept(TELEMETRY_SERVER_DURATION, "").n, 0);
	keep(&place, 12 * MS, WALL, 1);
	assert_int_equal(kept(TELEMETRY_SERVER_DURATION, "").n, 1);
}

static void the_overflow_series_has_them_too(void **state)
{
	struct exchange e = served();
	struct telemetry_place place;

	options.series_max = 1;
	telemetry = new_telemetry(&options);
	counted(&e, 12 * MS);
	e.status = 201;
	place = counted(&e, 12 * MS);
	keep(&place, 12 * MS, WALL, 1);
	assert_int_equal(kept(TELEMETRY_SERVER_DURATION, "overflow").n, 1);
}

static void few_buckets_have_one_each(void **state)
{
	static const double le[] = {0.001, 1};
	struct exchange e = served();
	struct kept found;

	options.duration = (struct telemetry_buckets){le, 2};
	telemetry = new_telemetry(&options);
	for (uint8_t i = 0; i < 3; i++) {
		static const uint64_t ns[] = {MS, MS + 1, SECOND + 1};
		struct telemetry_place place = counted(&e, ns[i]);

		keep(&place, ns[i], WALL, i);
	}
	found = kept(TELEMETRY_SERVER_DURATION, "");
	assert_int_equal(found.n, 3);
	for (uint8_t i = 0; i < 3; i++)
		assert_int_equal(found.v[i].trace_id[0], i);
}

/* ---- beside a reader ---- */

#define CHANGES 3000000

static histogram_word words[EXEMPLARS_WORDS];
static const struct histogram_bounds bounds = {.n = 0, .unit = 1};
static atomic_bool written;

static void nothing_is_read_during_a_change(void **state)
{
	histogram_word one[EXEMPLARS_WORDS] = {0};
	struct telemetry_exemplar x = exemplar(1, WALL, 1), found[EXEMPLARS_MAX];

	exemplars_put(&bounds, one, &x);
	assert_int_equal(exemplars_read(one, found), 1);
	one[0]++;
	assert_int_equal(exemplars_read(one, found), 0);
}

/* Every byte and number says the same. */
static void *write_all(void *arg)
{
	for (uint64_t i = 1; i <= CHANGES; i++) {
		struct telemetry_exemplar x = exemplar(i % 128, WALL + i * 128, (uint8_t)(i % 128));

		exemplars_put(&bounds, words, &x);
	}
	atomic_store(&written, true);
	return NULL;
}

static void a_reader_sees_each_whole(void **state)
{
	pthread_t writer;
	uint64_t reads = 0;
	bool last;

	assert_int_equal(pthread_create(&writer, NULL, write_all, NULL), 0);
	do {
		struct telemetry_exemplar found[EXEMPLARS_MAX], wanted;

		last = atomic_load(&written);
		if (exemplars_read(words, found) == 0)
			continue;
		reads++;
		assert_int_equal((found[0].time_ns - WALL) / 128 % 128, found[0].value);
		wanted = exemplar(found[0].value, found[0].time_ns, (uint8_t)found[0].value);
		assert_memory_equal(&found[0], &wanted, sizeof(wanted));
	} while (!last);
	pthread_join(writer, NULL);
	assert_true(reads > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define ONE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		ONE(an_exemplar_is_of_its_duration_and_nothing_else),
		ONE(every_kind_and_side_has_them),
		ONE(slow_ones_stay_beside_many_fast_ones),
		ONE(the_newest_stays_unless_the_clock_was_set_back),
		ONE(only_sampled_ones_are_kept_unless_all_are_asked_for),
		ONE(without_them_they_cost_nothing),
		ONE(a_series_that_went_gets_none),
		ONE(the_overflow_series_has_them_too),
		ONE(few_buckets_have_one_each),
		cmocka_unit_test(nothing_is_read_during_a_change),
		cmocka_unit_test(a_reader_sees_each_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
