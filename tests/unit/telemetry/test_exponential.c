/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exponential histograms: indices against quadruple precision (which leaves an error of 2^-80 of a
 * bucket), counts against a model that keeps all values, and a reader beside the writer.
 */
#include "fixture.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#ifdef HAVE_QUADMATH
#include <quadmath.h>
#endif

#define BILLION 1000000000ull
#define VALUES 200000 /* drawn at random, for each unit and some scales */

static const struct exponential_limits usual = {EXPONENTIAL_BUCKETS_MAX, EXPONENTIAL_SCALE_MAX};
static const uint64_t units[] = {1, BILLION};

/* The same each time: xorshift64*. */
static uint64_t state_of_random;

static uint64_t draw(void)
{
	state_of_random ^= state_of_random >> 12;
	state_of_random ^= state_of_random << 25;
	state_of_random ^= state_of_random >> 27;
	return state_of_random * 0x2545f4914f6cdd1dull;
}

/* 1 to HISTOGRAM_VALUE_MAX, each length alike. */
static uint64_t draw_value(void)
{
	unsigned int bits = (unsigned int)(draw() % 49);
	uint64_t value = ((uint64_t)1 << bits) | (draw() & (((uint64_t)1 << bits) - 1));

	return value > HISTOGRAM_VALUE_MAX ? HISTOGRAM_VALUE_MAX : value;
}

/* ---- indices ---- */

static void powers_of_two_are_in_the_bucket_below(void **state)
{
	for (int scale = 0; scale <= EXPONENTIAL_SCALE_MAX; scale++) {
		for (int e = 0; e <= 48; e++) {
			uint64_t v = (uint64_t)1 << e;

			assert_int_equal(exponential_index(v, 1, scale), (e << scale) - 1);
			if (v < HISTOGRAM_VALUE_MAX)
				assert_int_equal(exponential_index(v + 1, 1, scale) >> scale, e);
		}
		/* 2^e seconds are whole nanoseconds from 2^-9 on */
		for (int e = -9; e <= 18; e++) {
			uint64_t v = e < 0 ? BILLION >> -e : BILLION << e;
			int32_t bound = (int32_t)((uint32_t)e << scale);

			assert_int_equal(exponential_index(v, BILLION, scale), bound - 1);
			assert_true(exponential_index(v + 1, BILLION, scale) >= bound);
			assert_true(exponential_index(v - 1, BILLION, scale) < bound);
		}
	}
	assert_int_equal(exponential_index(1, BILLION, 0), -30);
	assert_int_equal(exponential_index(3, 1, -1), 0);
	assert_int_equal(exponential_index(4, 1, -1), 0);
	assert_int_equal(exponential_index(5, 1, -1), 1);
}

#ifdef HAVE_QUADMATH
static int32_t wanted(uint64_t value, uint64_t unit, int scale)
{
	__float128 x = ldexpq(log2q((__float128)value / (__float128)unit), scale);
	__float128 near = roundq(x);

	/* A power of two, exactly: nothing else comes so near. */
	if (fabsq(x - near) < ldexpq(1, -70))
		return (int32_t)near - 1;
	return (int32_t)floorq(x);
}

static void indices_are_those_of_exact_mathematics(void **state)
{
	static const int scales[] = {0, 1, 3, 8, 14, 20};

	state_of_random = 1;
	for (size_t u = 0; u < 2; u++) {
		for (size_t s = 0; s < sizeof(scales) / sizeof(*scales); s++) {
			for (int i = 0; i < VALUES; i++) {
				uint64_t v = draw_value();

				if (exponential_index(v, units[u], scales[s]) ==
				    wanted(v, units[u], scales[s]))
					continue;
				fail_msg("%llu of unit %llu at scale %d: %d, not %d",
					 (unsigned long long)v, (unsigned long long)units[u],
					 scales[s], exponential_index(v, units[u], scales[s]),
					 wanted(v, units[u], scales[s]));
			}
		}
	}
}

/* The whole numbers beside a bound: below it, and above. */
static void check_bound(int32_t bound, uint64_t unit, int scale)
{
	__float128 at = exp2q(ldexpq(bound, -scale)) * (__float128)unit;
	uint64_t below = (uint64_t)floorq(at);

	if ((__float128)below == at || below < 1 || below >= HISTOGRAM_VALUE_MAX)
		return;
	if (exponential_index(below, unit, scale) >= bound ||
	    exponential_index(below + 1, unit, scale) < bound)
		fail_msg("around bound %d of unit %llu at scale %d", bound,
			 (unsigned long long)unit, scale);
}

static void both_sides_of_each_bound_are_told_apart(void **state)
{
	for (size_t u = 0; u < 2; u++) {
		int low = u ? -30 : 0, high = u ? 19 : 49;

		for (int scale = 0; scale <= 10; scale++) {
			for (int32_t b = low * (1 << scale); b < high * (1 << scale); b++)
				check_bound(b, units[u], scale);
		}
		/* the longest values, which come nearest to bounds */
		for (int32_t b = high * (1 << 20) - (3 << 20); b < high * (1 << 20); b += 11)
			check_bound(b, units[u], 20);
	}
}
#endif

/* ---- counts ---- */

#define MODEL_MAX 20000

static void check_model(const struct exponential_limits *limits, const uint64_t *values, size_t n,
			uint64_t unit)
{
	static histogram_word words[EXPONENTIAL_WORDS_MAX];
	struct exponential_sample sample;
	uint64_t counts[EXPONENTIAL_BUCKETS_MAX] = {0}, zeros = 0;
	int32_t low = INT32_MAX, high = INT32_MIN;
	int finer;

	memset(words, 0, sizeof(words));
	for (size_t i = 0; i < n; i++)
		exponential_add(limits, words, unit, values[i]);
	assert_true(exponential_read(limits, words, &sample));
	finer = sample.scale + 1;
	assert_true(sample.buckets <= limits->buckets);
	for (size_t i = 0; i < n; i++) {
		int32_t at, fine;

		if (values[i] == 0) {
			zeros++;
			continue;
		}
		at = exponential_index(values[i], unit, sample.scale) - sample.offset;
		assert_in_range(at, 0, sample.buckets - 1);
		counts[at]++;
		fine = exponential_index(values[i], unit, finer > 20 ? 20 : finer);
		low = fine < low ? fine : low;
		high = fine > high ? fine : high;
	}
	assert_int_equal(sample.zeros, zeros);
	assert_int_equal(sample.count, n);
	assert_memory_equal(sample.counts, counts, sizeof(counts));
	if (sample.buckets > 0) {
		assert_true(counts[0] > 0 && counts[sample.buckets - 1] > 0);
		/* no scale is given up that would have done */
		if (sample.scale < limits->scale)
			assert_true(high - low >= (int32_t)limits->buckets);
	}
}

static void counts_are_those_of_a_model_at_the_greatest_scale(void **state)
{
	static uint64_t values[MODEL_MAX];
	static const struct exponential_limits limits[] = {{EXPONENTIAL_BUCKETS_MAX, 20},
							   {EXPONENTIAL_BUCKETS_MAX, 3},
							   {7, 20},
							   {2, 20},
							   {2, 0}};

	state_of_random = 2;
	for (int round = 0; round < 200; round++) {
		size_t n = (size_t)(draw() % (round < 150 ? 200 : MODEL_MAX));
		uint64_t middle = draw_value(), spread = draw_value();

		for (size_t i = 0; i < n; i++) {
			values[i] = round % 2 ? draw_value() : middle + draw() % spread;
			if (values[i] > HISTOGRAM_VALUE_MAX)
				values[i] = HISTOGRAM_VALUE_MAX;
			if (draw() % 50 == 0)
				values[i] = 0;
		}
		for (size_t l = 0; l < sizeof(limits) / sizeof(*limits); l++)
			check_model(&limits[l], values, n, units[round / 2 % 2]);
	}
}

static void one_value_keeps_the_greatest_scale(void **state)
{
	histogram_word words[EXPONENTIAL_WORDS_MAX] = {0};
	struct exponential_sample sample;

	assert_true(exponential_read(&usual, words, &sample));
	assert_int_equal(sample.count, 0);
	assert_int_equal(sample.buckets, 0);
	for (int i = 0; i < 5; i++)
		exponential_add(&usual, words, 1, 1024);
	assert_true(exponential_read(&usual, words, &sample));
	assert_int_equal(sample.scale, 20);
	assert_int_equal(sample.offset, (10 << 20) - 1);
	assert_int_equal(sample.buckets, 1);
	assert_int_equal(sample.counts[0], 5);
	/* of all that can be measured, from 1 ns to three days */
	exponential_add(&usual, words, 1, 1);
	exponential_add(&usual, words, 1, UINT64_MAX);
	assert_true(exponential_read(&usual, words, &sample));
	assert_int_equal(sample.scale, 1);
	assert_int_equal(sample.count, 7);
}

/* ---- in telemetry ---- */

static struct exponential_sample seen;
static unsigned int samples;

static void note(void *arg, const struct telemetry_sample *sample)
{
	assert_non_null(sample->exponential);
	assert_true(exponential_read(sample->limits, sample->exponential, &seen));
	samples++;
}

static void each_histogram_has_one_beside_its_buckets(void **state)
{
	struct telemetry_options options = telemetry_defaults;
	struct resource *resource = pod_resource("shop-1");
	struct exchange e = served();
	struct telemetry *telemetry;
	uint64_t bytes, without;

	telemetry = new_telemetry(&options);
	telemetry_http(telemetry, resource, &e, slice_of(""), SECOND);
	without = telemetry_bytes(telemetry);
	telemetry_free(telemetry);
	options.exponential = usual;
	options.exemplars = EXEMPLARS_SAMPLED;
	telemetry = new_telemetry(&options);
	telemetry_http(telemetry, resource, &e, slice_of(""), SECOND);
	bytes = telemetry_bytes(telemetry);
	e.end_ns = e.start_ns + 24 * MS;
	e.resp_body = 0;
	telemetry_http(telemetry, resource, &e, slice_of(""), SECOND);
	telemetry_read_begin(telemetry);
	telemetry_each(telemetry, TELEMETRY_SERVER_DURATION, note, NULL);
	assert_int_equal(seen.count, 2);
	assert_true(seen.scale < 20 && seen.buckets > 2);
	telemetry_each(telemetry, TELEMETRY_SERVER_RESPONSE_SIZE, note, NULL);
	assert_int_equal(seen.zeros, 1);
	assert_int_equal(seen.counts[0], 1);
	assert_int_equal(seen.offset, exponential_index(1500, 1, 20));
	telemetry_read_end(telemetry);
	assert_int_equal(samples, 2);
	assert_int_equal(find(telemetry, TELEMETRY_SERVER_DURATION, "").count, 2);
	/* server and client, three each, of a series and of the overflow */
	assert_true(bytes - without >= 3 * exponential_words(&usual) * sizeof(histogram_word));
	telemetry_free(telemetry);
	options.exponential.buckets = EXPONENTIAL_BUCKETS_MAX + 1;
	assert_int_equal(telemetry_new(&telemetry, &options), -EINVAL);
	resource_unref(resource);
}

/* ---- beside a reader ---- */

#define ROUNDS 20000
#define ADDED 100

static histogram_word shared[EXPONENTIAL_WORDS_MAX];
static _Atomic uint64_t begun, added;
static _Atomic unsigned int rounds;

/* Values spread more and more, so that the scale falls all the time. */
static void *write_all(void *arg)
{
	for (unsigned int round = 1; round <= ROUNDS; round++) {
		for (int i = 0; i < ADDED; i++) {
			uint64_t value = (uint64_t)1 << 24;

			value += (i % 2 ? 1 : -1) * (int64_t)(draw() % (1ull << i / 5));
			atomic_store(&begun, atomic_load(&begun) + 1);
			exponential_add(&usual, shared, BILLION, value);
			atomic_store(&added, atomic_load(&added) + 1);
		}
		if (round == ROUNDS)
			break;
		/* anew: a reader that began before sees that the round is another */
		atomic_store(&rounds, 2 * round - 1);
		for (size_t i = 0; i < sizeof(shared) / sizeof(*shared); i++)
			atomic_store(&shared[i], 0);
		atomic_store(&begun, 0);
		atomic_store(&added, 0);
		atomic_store(&rounds, 2 * round);
	}
	atomic_store(&rounds, 2 * ROUNDS);
	return NULL;
}

static void nothing_is_read_during_a_change(void **state)
{
	histogram_word words[EXPONENTIAL_WORDS_MAX] = {0};
	struct exponential_sample sample;

	exponential_add(&usual, words, 1, 7);
	words[0]++;
	assert_false(exponential_read(&usual, words, &sample));
	words[0]++;
	assert_true(exponential_read(&usual, words, &sample));
}

static void a_reader_sees_the_state_before_or_after_a_change(void **state)
{
	unsigned int checked = 0, before;
	pthread_t writer;

	state_of_random = 3;
	assert_int_equal(pthread_create(&writer, NULL, write_all, NULL), 0);
	while ((before = atomic_load(&rounds)) < 2 * ROUNDS) {
		struct exponential_sample sample;
		uint64_t least = atomic_load(&added), most;
		bool whole = exponential_read(&usual, shared, &sample);

		most = atomic_load(&begun);
		if (!whole || before & 1 || atomic_load(&rounds) != before)
			continue;
		checked++;
		assert_in_range(sample.count, least, most);
	}
	pthread_join(writer, NULL);
	assert_true(checked > 0);
}

/* ---- how long it takes; printed, not judged ---- */

static void it_is_told_how_long_it_takes(void **state)
{
	static const int scales[] = {3, 6, 20};
	volatile int32_t sink;

	for (size_t s = 0; s < sizeof(scales) / sizeof(*scales); s++) {
		struct timespec from, to;

		clock_gettime(CLOCK_MONOTONIC, &from);
		for (uint64_t i = 1; i <= 1000000; i++)
			sink = exponential_index(i * 1000, BILLION, scales[s]);
		clock_gettime(CLOCK_MONOTONIC, &to);
		print_message("index at scale %d: %.1f ns\n", scales[s],
			      (double)(to.tv_sec - from.tv_sec) * 1e3 +
				      (double)(to.tv_nsec - from.tv_nsec) / 1e6);
	}
	(void)sink;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(powers_of_two_are_in_the_bucket_below),
#ifdef HAVE_QUADMATH
		cmocka_unit_test(indices_are_those_of_exact_mathematics),
		cmocka_unit_test(both_sides_of_each_bound_are_told_apart),
#endif
		cmocka_unit_test(counts_are_those_of_a_model_at_the_greatest_scale),
		cmocka_unit_test(one_value_keeps_the_greatest_scale),
		cmocka_unit_test(each_histogram_has_one_beside_its_buckets),
		cmocka_unit_test(nothing_is_read_during_a_change),
		cmocka_unit_test(a_reader_sees_the_state_before_or_after_a_change),
		cmocka_unit_test(it_is_told_how_long_it_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
