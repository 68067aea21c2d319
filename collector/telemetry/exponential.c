/* SPDX-License-Identifier: Apache-2.0 */
#include "exponential.h"

#define TRIES 1000          /* of a reader, while the scale changes */
#define BILLION_ODD 1953125 /* 10^9 is this, times 2^9 */
#define BILLION_EVEN 9
#define RECIPROCAL 0x89705f4136b4a597ull /* 2^84 / BILLION_ODD, cut off */
#define ONE ((uint64_t)1 << 63)
#define ONE_WIDE ((wide)1 << 127)

typedef unsigned __int128 wide;

_Static_assert(((wide)1 << 84) / BILLION_ODD == RECIPROCAL, "or indices are wrong");

enum { SEQUENCE, SHAPE, LAST, ZEROS, BUCKETS_BEGIN }; /* words */

_Static_assert(BUCKETS_BEGIN == EXPONENTIAL_HEAD, "buckets follow");

/* ---- indices ---- */

/*
 * A logarithm digit by digit: squaring a number between 1 and 2 doubles its logarithm, and whether
 * the square is 2 or more is the next binary digit. 64 bits do, but for values so near a bound that
 * what was cut off may matter; then 128 bits do, which leave an error of 2^-100.
 */

/* Value / unit as m * 2^(e - 127), m cut off; e is returned. */
static int normalise_wide(uint64_t value, uint64_t unit, wide *m)
{
	int zeros = __builtin_clzll(value);
	wide v = (wide)(value << zeros) << 64, rest = v % BILLION_ODD;
	int shift;

	if (unit == 1) {
		*m = v;
		return 63 - zeros;
	}
	v /= BILLION_ODD;
	shift = __builtin_clzll((uint64_t)(v >> 64)); /* v is over 2^106 */
	*m = (v << shift) + (rest << shift) / BILLION_ODD;
	return 63 - zeros - shift - BILLION_EVEN;
}

static int32_t index_wide(uint64_t value, uint64_t unit, int scale)
{
	wide m;
	int32_t index = normalise_wide(value, unit, &m);

	/* A power of two is a bound at each scale, and within the bucket below. No other is met. */
	if (m == ONE_WIDE)
		return (int32_t)((uint32_t)index << scale) - 1;
	for (int i = 0; i < scale; i++) {
		wide high = m >> 64, low = (uint64_t)m;

		m = high * high + (high * low >> 63);
		index = 2 * index + (m >= ONE_WIDE);
		if (m < ONE_WIDE)
			m <<= 1;
	}
	return index;
}

/* Value / unit as m * 2^(e - 63), m cut off; e is returned. */
static int normalise(uint64_t value, uint64_t unit, uint64_t *m)
{
	int zeros = __builtin_clzll(value);
	wide product;

	*m = value << zeros;
	if (unit == 1)
		return 63 - zeros;
	product = (wide)*m * RECIPROCAL;
	zeros += product < ONE_WIDE;
	*m = (uint64_t)(product >> (product < ONE_WIDE ? 63 : 64));
	return 43 - zeros - BILLION_EVEN;
}

int32_t exponential_index(uint64_t value, uint64_t unit, int scale)
{
	int digits = scale > 0 ? scale : 0;
	uint64_t m;
	int32_t index = normalise(value, unit, &m);

	if (m == ONE)
		return index_wide(value, unit, digits) >> (digits - scale);
	for (int i = 0; i < digits; i++) {
		wide square = (wide)m * m;

		index = 2 * index + (square >= ONE_WIDE);
		m = (uint64_t)(square >> (square >= ONE_WIDE ? 64 : 63));
	}
	/* what was cut off doubled each time: at most 2^(digits + 4) of m */
	if (m > UINT64_MAX - ((uint64_t)32 << digits))
		index = index_wide(value, unit, digits);
	return index >> (digits - scale);
}

/* ---- words ---- */

/* The buckets that are in use: [first, first + n), each at its index modulo their number. */
struct shape {
	int32_t first;
	unsigned int n;
	int fallen; /* scale, below the greatest */
};

/* See exemplars.c: whoever acquires one of these sees that the sequence changed before it. */
static void put(histogram_word *word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_release);
}

static uint64_t get(const histogram_word *word)
{
	return atomic_load_explicit(word, memory_order_acquire);
}

static uint64_t pack(struct shape shape)
{
	return (uint64_t)shape.fallen << 48 | (uint64_t)shape.n << 32 | (uint32_t)shape.first;
}

static struct shape unpack(uint64_t word)
{
	return (struct shape){(int32_t)(uint32_t)word, (unsigned int)(word >> 32 & 0xffff),
			      (int)(word >> 48)};
}

static size_t place(const struct exponential_limits *limits, int32_t index)
{
	int32_t n = (int32_t)limits->buckets, rest = index % n;

	return BUCKETS_BEGIN + (size_t)(rest < 0 ? rest + n : rest);
}

/* ---- the writer ---- */

static void bump(histogram_word *word)
{
	put(word, get(word) + 1);
}

static int32_t last(struct shape shape)
{
	return shape.first + (int32_t)shape.n - 1;
}

static struct shape rescale(const struct exponential_limits *limits, histogram_word *words,
			    struct shape from, int by)
{
	struct shape to = {from.first >> by, 0, from.fallen + by};
	uint64_t counts[EXPONENTIAL_BUCKETS_MAX] = {0}, sequence = get(&words[SEQUENCE]);

	to.n = (unsigned int)((last(from) >> by) - to.first + 1);
	for (int32_t i = from.first; i <= last(from); i++)
		counts[(i >> by) - to.first] += get(&words[place(limits, i)]);
	put(&words[SEQUENCE], sequence + 1);
	for (unsigned int i = 0; i < limits->buckets; i++) {
		int32_t index = to.first + (int32_t)i;

		put(&words[place(limits, index)], counts[i]);
	}
	put(&words[SHAPE], pack(to));
	put(&words[SEQUENCE], sequence + 2);
	return to;
}

static int32_t lesser(int32_t a, int32_t b)
{
	return a < b ? a : b;
}

static int32_t greater(int32_t a, int32_t b)
{
	return a > b ? a : b;
}

/* So that `index` is among the buckets; it falls with the scale. */
static int32_t widen(const struct exponential_limits *limits, histogram_word *words,
		     struct shape shape, int32_t index)
{
	int32_t low = lesser(shape.first, index), high = greater(last(shape), index);
	int by = 0;

	while ((high >> by) - (low >> by) >= (int32_t)limits->buckets)
		by++;
	if (by > 0)
		shape = rescale(limits, words, shape, by);
	shape.first = low >> by;
	shape.n = (unsigned int)((high >> by) - shape.first + 1);
	put(&words[SHAPE], pack(shape));
	return index >> by;
}

void exponential_add(const struct exponential_limits *limits, histogram_word *words, uint64_t unit,
		     uint64_t value)
{
	struct shape shape = unpack(get(&words[SHAPE]));
	int32_t index;

	if (value == 0) {
		bump(&words[ZEROS]);
		return;
	}
	if (value > HISTOGRAM_VALUE_MAX)
		value = HISTOGRAM_VALUE_MAX;
	/* sizes are often all the same, at the greatest scale: that takes longest to compute */
	if (shape.n == 1 && value == get(&words[LAST]))
		index = shape.first;
	else
		index = exponential_index(value, unit, limits->scale - shape.fallen);
	put(&words[LAST], value);
	if (shape.n == 0)
		put(&words[SHAPE], pack((struct shape){index, 1, 0}));
	else if (index < shape.first || index > last(shape))
		index = widen(limits, words, shape, index);
	bump(&words[place(limits, index)]);
}

/* ---- the reader ---- */

static bool read_once(const struct exponential_limits *limits, const histogram_word *words,
		      struct exponential_sample *sample)
{
	uint64_t sequence = get(&words[SEQUENCE]);
	struct shape shape = unpack(get(&words[SHAPE]));

	*sample = (struct exponential_sample){.scale = limits->scale - shape.fallen,
					      .offset = shape.first,
					      .buckets = shape.n,
					      .zeros = get(&words[ZEROS])};
	sample->count = sample->zeros;
	for (unsigned int i = 0; i < shape.n; i++) {
		sample->counts[i] = get(&words[place(limits, shape.first + (int32_t)i)]);
		sample->count += sample->counts[i];
	}
	return !(sequence & 1) && get(&words[SEQUENCE]) == sequence;
}

bool exponential_read(const struct exponential_limits *limits, const histogram_word *words,
		      struct exponential_sample *sample)
{
	for (int i = 0; i < TRIES; i++) {
		if (read_once(limits, words, sample))
			return true;
	}
	return false;
}
