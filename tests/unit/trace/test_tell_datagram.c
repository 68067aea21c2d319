/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/tell_datagram.h"
#include "trace/tell_secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct tell_key *key;
static uint8_t secret[TELL_SECRET_LEN];
static uint8_t datagram[TELL_DATAGRAM_MAX + 100];
static const struct tell_head head = {0x0102030405060708, 0x1112131415161718, 0x2122232425262728};
static struct tell_record record[TELL_RECORDS_MAX];

static int setup(void **state)
{
	for (size_t i = 0; i < sizeof(secret); i++)
		secret[i] = (uint8_t)i;
	for (size_t i = 0; i < TELL_RECORDS_MAX; i++) {
		memset(record[i].span_id, 0xa0 + (int)i, sizeof(record[i].span_id));
		memset(record[i].trace_id, 0x40 + (int)i, sizeof(record[i].trace_id));
		record[i].flags = (uint8_t)(i & 1);
	}
	return tell_key_new(&key, secret);
}

static int teardown(void **state)
{
	tell_key_free(key);
	return 0;
}

static enum tell_refusal open_it(struct tell_key *by, size_t length)
{
	/* An allocation of its own, so that a sanitizer sees a read beyond its end. */
	uint8_t *exact = malloc(length ? length : 1);
	struct tell_record got[TELL_RECORDS_MAX];
	struct tell_head from;
	enum tell_refusal refusal;
	size_t n;

	memcpy(exact, datagram, length);
	refusal = tell_open(by, exact, length, &from, got, &n);
	free(exact);
	if (refusal)
		return refusal;
	assert_memory_equal(&from, &head, sizeof(head));
	assert_memory_equal(got, record, n * sizeof(*got));
	return refusal;
}

/* Made by Python's struct, hmac and hashlib from the description in tell_datagram.h. */
static void bytes_are_as_described(void **state)
{
	static const char want[] =
		"4b48747201020000010203040506070811121314151617182122232425262728"
		"a0a0a0a0a0a0a0a04040404040404040404040404040404000"
		"a1a1a1a1a1a1a1a14141414141414141414141414141414101"
		"0bf8b16f4f0bc3aa5601dd682a09c026";
	char hex[2 * 98 + 1];
	size_t n = tell_seal(key, &head, record, 2, datagram);

	assert_int_equal(n, 98);
	for (size_t i = 0; i < n; i++)
		sprintf(hex + 2 * i, "%02x", datagram[i]);
	assert_string_equal(hex, want);
}

static void every_number_of_records_comes_back(void **state)
{
	for (size_t n = 1; n <= TELL_RECORDS_MAX; n++) {
		size_t length = tell_seal(key, &head, record, n, datagram);

		assert_int_equal(length, 48 + 25 * n);
		assert_int_equal(open_it(key, length), TELL_TAKEN);
	}
	assert_int_equal(tell_seal(key, &head, record, 0, datagram), 0);
	assert_int_equal(tell_seal(key, &head, record, TELL_RECORDS_MAX + 1, datagram), 0);
}

static void no_other_length_is_taken(void **state)
{
	size_t length = tell_seal(key, &head, record, 46, datagram);

	for (size_t n = 0; n <= sizeof(datagram); n++) {
		if (n != length)
			assert_int_equal(open_it(key, n), TELL_LENGTH);
	}
}

static void no_bit_may_change(void **state)
{
	size_t length = tell_seal(key, &head, record, 3, datagram);
	unsigned int by[TELL_REFUSALS] = {0};

	for (size_t bit = 0; bit < length * 8; bit++) {
		enum tell_refusal refusal;

		datagram[bit / 8] ^= (uint8_t)(1u << bit % 8);
		refusal = open_it(key, length);
		assert_int_not_equal(refusal, TELL_TAKEN);
		by[refusal]++;
		datagram[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(by[TELL_VERSION], 7 * 8); /* "KHtr", version, two zeroes */
	assert_int_equal(by[TELL_LENGTH], 8);      /* number of records */
	assert_int_equal(by[TELL_MAC], (length - 8) * 8);
	assert_int_equal(open_it(key, length), TELL_TAKEN);
}

static void another_secret_is_refused(void **state)
{
	size_t length = tell_seal(key, &head, record, 3, datagram);
	struct tell_key *other;

	secret[31] ^= 1;
	assert_int_equal(tell_key_new(&other, secret), 0);
	assert_int_equal(open_it(other, length), TELL_MAC);
	tell_key_free(other);
}

static void ids_of_zeroes_are_refused(void **state)
{
	struct tell_record saved = record[2];

	memset(record[2].span_id, 0, sizeof(record[2].span_id));
	assert_int_equal(open_it(key, tell_seal(key, &head, record, 3, datagram)), TELL_RECORD);
	record[2] = saved;
	memset(record[2].trace_id, 0, sizeof(record[2].trace_id));
	assert_int_equal(open_it(key, tell_seal(key, &head, record, 3, datagram)), TELL_RECORD);
	assert_int_equal(open_it(key, tell_seal(key, &head, record, 2, datagram)), TELL_TAKEN);
}

/* ---- the file ---- */

static int read_file(const void *bytes, size_t n, uint8_t got[TELL_SECRET_LEN])
{
	char path[] = "secret.XXXXXX";
	int fd = mkstemp(path), r;

	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
	r = tell_secret_read(path, got);
	unlink(path);
	return r;
}

static void a_secret_is_bytes_or_digits(void **state)
{
	static const char hex[] =
		"000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F\n";
	uint8_t got[TELL_SECRET_LEN];

	assert_int_equal(read_file(secret, 32, got), 0);
	assert_memory_equal(got, secret, 32);
	for (size_t n = 64; n <= 65; n++) {
		memset(got, 0, sizeof(got));
		assert_int_equal(read_file(hex, n, got), 0);
		assert_memory_equal(got, secret, 32);
	}
}

static void nothing_else_is_a_secret(void **state)
{
	static const char zero[64];
	uint8_t got[TELL_SECRET_LEN];
	char text[80];

	memset(text, 'a', sizeof(text));
	for (size_t n = 0; n < sizeof(text); n++) {
		if (n != 32 && n != 64)
			assert_int_equal(read_file(text, n, got), -EINVAL);
	}
	text[63] = 'g';
	assert_int_equal(read_file(text, 64, got), -EINVAL);
	assert_int_equal(read_file(zero, 32, got), -EINVAL);
	assert_int_equal(tell_secret_read("secret.absent", got), -ENOENT);
	assert_int_equal(tell_secret_read(".", got), -EISDIR);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(bytes_are_as_described),      TEST(every_number_of_records_comes_back),
		TEST(no_other_length_is_taken),    TEST(no_bit_may_change),
		TEST(another_secret_is_refused),   TEST(ids_of_zeroes_are_refused),
		TEST(a_secret_is_bytes_or_digits), TEST(nothing_else_is_a_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
