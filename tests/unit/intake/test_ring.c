/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring made by hand in a memfd: consumer page, producer page, data twice. The kernel maps the
 * same pages twice; here both halves are written. Behind them nothing is mapped, so that a read
 * beyond the end is fatal.
 */
#include "intake/ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE 4096u
#define BUSY 0x80000000u
#define DISCARD 0x40000000u

static struct ring ring;
static int fd;
static uint8_t *mem;
static size_t page;

static uint64_t *consumer(void)
{
	return (uint64_t *)mem;
}

static uint64_t *producer(void)
{
	return (uint64_t *)(mem + page);
}

static void put_bytes(uint64_t at, const void *p, size_t n)
{
	const uint8_t *from = p;
	size_t i;

	for (i = 0; i < n; i++)
		mem[2 * page + (at + i) % SIZE] = mem[2 * page + SIZE + (at + i) % SIZE] = from[i];
}

/* What bpf_ringbuf_output() does with `n` bytes of `fill`; flags as in the header. */
static void produce(uint32_t n, uint32_t flags, uint8_t fill)
{
	uint64_t at = *producer();
	uint32_t header[2] = {n | flags, 0}, i;

	put_bytes(at, header, sizeof(header));
	for (i = 0; i < n; i++)
		put_bytes(at + 8 + i, &fill, 1);
	*producer() = at + ((8 + n + 7) & ~7u);
}

static void expect(uint32_t n, uint8_t fill)
{
	size_t size = 0, i;
	const uint8_t *p = ring_next(&ring, ring_head(&ring), &size);

	assert_non_null(p);
	assert_int_equal((uintptr_t)p % 8, 0);
	assert_int_equal(size, n);
	for (i = 0; i < size; i++)
		assert_int_equal(p[i], fill);
}

static void expect_none(void)
{
	size_t size;

	assert_null(ring_next(&ring, ring_head(&ring), &size));
}

static void open_at(uint64_t from, uint64_t to)
{
	*consumer() = from;
	*producer() = to;
	assert_int_equal(ring_open(&ring, fd, SIZE), 0);
}

static int setup(void **state)
{
	page = (size_t)sysconf(_SC_PAGESIZE);
	fd = memfd_create("ring", MFD_CLOEXEC);
	if (ftruncate(fd, (off_t)(2 * page + 2 * SIZE)))
		return -1;
	mem = mmap(NULL, 2 * page + 2 * SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return mem == MAP_FAILED;
}

static int teardown(void **state)
{
	ring_close(&ring);
	munmap(mem, 2 * page + 2 * SIZE);
	close(fd);
	return 0;
}

static void records_come_in_order_and_whole(void **state)
{
	open_at(0, 0);
	expect_none();
	produce(24, 0, 'a');
	produce(5, 0, 'b');
	produce(0, 0, 0);
	produce(64, 0, 'c');
	assert_int_equal(ring_waiting(&ring), 32 + 16 + 8 + 72);
	expect(24, 'a');
	expect(5, 'b');
	expect(0, 0);
	expect(64, 'c');
	expect_none();
	assert_int_equal(ring_waiting(&ring), 0);
	assert_int_equal(ring.skipped, 0);
}

static void nothing_is_given_back_before_it_is_released(void **state)
{
	open_at(0, 0);
	produce(24, 0, 'a');
	expect(24, 'a');
	assert_int_equal(*consumer(), 0);
	ring_release(&ring);
	assert_int_equal(*consumer(), 32);
}

static void the_next_collector_gets_what_was_not_released(void **state)
{
	open_at(0, 0);
	produce(24, 0, 'a');
	produce(24, 0, 'b');
	expect(24, 'a');
	ring_release(&ring);
	expect(24, 'b');
	ring_close(&ring);
	assert_int_equal(ring_open(&ring, fd, SIZE), 0);
	expect(24, 'b');
}

static void records_after_the_asked_position_wait(void **state)
{
	uint64_t until;
	size_t size;

	open_at(0, 0);
	produce(8, 0, 'a');
	until = ring_head(&ring);
	produce(8, 0, 'b');
	assert_non_null(ring_next(&ring, until, &size));
	assert_null(ring_next(&ring, until, &size));
	expect(8, 'b');
	/* an older position than ours is no reason to go back */
	assert_null(ring_next(&ring, until, &size));
	assert_int_equal(ring.skipped, 0);
}

static void a_record_still_being_written_ends_the_run(void **state)
{
	uint32_t done = 16;

	open_at(0, 0);
	produce(8, 0, 'a');
	produce(16, BUSY, 'b');
	produce(8, 0, 'c');
	expect(8, 'a');
	expect_none();
	expect_none();
	put_bytes(16, &done, sizeof(done));
	expect(16, 'b');
	expect(8, 'c');
	assert_int_equal(ring.skipped, 0);
}

static void discarded_records_are_passed_over(void **state)
{
	open_at(0, 0);
	produce(100, DISCARD, 'x');
	produce(8, 0, 'a');
	produce(8, DISCARD, 'y');
	expect(8, 'a');
	expect_none();
	assert_int_equal(ring_waiting(&ring), 0);
	ring_release(&ring);
	assert_int_equal(*consumer(), *producer());
}

static void a_record_that_wraps_is_read_in_one_piece(void **state)
{
	uint32_t i;

	open_at(0, 0);
	for (i = 0; i < 1000; i++) {
		uint32_t n = i * 37 % 1500;

		produce(n, 0, (uint8_t)i);
		expect(n, (uint8_t)i);
		ring_release(&ring);
	}
	assert_true(*producer() > 100 * SIZE);
	assert_int_equal(ring.skipped, 0);
}

static void a_full_ring_is_read_to_its_end(void **state)
{
	uint32_t i;

	open_at(SIZE - 64, SIZE - 64);
	for (i = 0; i < SIZE / 32; i++)
		produce(24, 0, (uint8_t)i);
	assert_int_equal(ring_waiting(&ring), SIZE);
	for (i = 0; i < SIZE / 32; i++)
		expect(24, (uint8_t)i);
	expect_none();
	assert_int_equal(ring_high(&ring), SIZE);
	assert_int_equal(ring_high(&ring), 0);
}

static void a_length_beyond_what_was_produced_is_never_followed(void **state)
{
	static const uint32_t lengths[] = {
		9,         17, SIZE, 2 * SIZE, 0x3fffffff, 0x3fffffff | DISCARD, 0x3fffffff | BUSY,
		0xffffffff};
	size_t i;

	open_at(0, 0);
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		uint64_t at = *producer();

		produce(8, 0, 'a');
		put_bytes(at, &lengths[i], 4);
		expect_none();
		/* and reading goes on behind it */
		assert_int_equal(ring.next, *producer());
		assert_int_equal(ring.skipped, 16 * (i + 1));
		produce(8, 0, 'b');
		expect(8, 'b');
		ring_release(&ring);
		produce(8, 0, 'c');
		expect(8, 'c');
		ring_release(&ring);
	}
}

/* What a collector that was taken over may leave behind. */
static void a_consumer_position_that_cannot_be_right_is_mended(void **state)
{
	static const uint64_t wrong[] = {
		0,          8,          100 * SIZE - 1, 100 * SIZE - SIZE - 8, 100 * SIZE + 8,
		1ull << 63, UINT64_MAX, UINT64_MAX - 7};
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		/* all that a stray position could read as a header */
		memset(mem + 2 * page, 0x3f, 2 * SIZE);
		open_at(wrong[i], 100 * SIZE);
		assert_true(ring.skipped > 0);
		expect_none();
		assert_int_equal(*consumer(), 100 * SIZE);
		produce(8, 0, 'a');
		expect(8, 'a');
		ring_close(&ring);
	}
}

static void a_position_far_behind_is_not_followed_all_the_way(void **state)
{
	open_at(0, 1ull << 60); /* through a ring full of empty records */
	assert_int_equal(ring.skipped, 1ull << 60);
	produce(8, 0, 'a');
	expect(8, 'a');
}

static void a_position_in_the_middle_of_a_record_is_mended(void **state)
{
	open_at(0, 0);
	produce(64, 0, 0xff); /* read as a header: busy for ever */
	ring_close(&ring);
	open_at(16, 72);
	expect_none();
	assert_int_equal(ring.skipped, 56);
	produce(8, 0, 'a');
	expect(8, 'a');
}

static void records_that_are_busy_when_a_collector_comes_are_not_skipped(void **state)
{
	open_at(0, 0);
	produce(8, 0, 'a');
	produce(16, BUSY, 'b');
	ring_close(&ring);
	assert_int_equal(ring_open(&ring, fd, SIZE), 0);
	assert_int_equal(ring.skipped, 0);
	expect(8, 'a');
	expect_none();
}

static void positions_that_run_away_while_we_read_are_not_followed(void **state)
{
	size_t size;

	open_at(0, 0);
	produce(8, 0, 'a');
	*producer() += 100 * SIZE; /* no kernel does that */
	assert_null(ring_next(&ring, ring_head(&ring), &size));
	assert_int_equal(ring.next, *producer());
	assert_true(ring.skipped > SIZE);
}

static void only_rings_that_the_kernel_makes_are_opened(void **state)
{
	int pipes[2];

	assert_int_equal(ring_open(&ring, fd, 0), -EINVAL);
	assert_int_equal(ring_open(&ring, fd, SIZE / 2), -EINVAL);
	assert_int_equal(ring_open(&ring, fd, SIZE * 3), -EINVAL);
	assert_int_equal(ring_open(&ring, fd, SIZE + 1), -EINVAL);
	assert_int_equal(ring_open(&ring, fd, (size_t)1 << 63), -EINVAL);
	assert_int_equal(ring_open(&ring, -1, SIZE), -EBADF);
	assert_int_equal(pipe(pipes), 0);
	assert_true(ring_open(&ring, pipes[0], SIZE) < 0);
	close(pipes[0]);
	close(pipes[1]);
	ring_close(&ring); /* closed already: fine */
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(records_come_in_order_and_whole),
		T(nothing_is_given_back_before_it_is_released),
		T(the_next_collector_gets_what_was_not_released),
		T(records_after_the_asked_position_wait),
		T(a_record_still_being_written_ends_the_run),
		T(discarded_records_are_passed_over),
		T(a_record_that_wraps_is_read_in_one_piece),
		T(a_full_ring_is_read_to_its_end),
		T(a_length_beyond_what_was_produced_is_never_followed),
		T(a_consumer_position_that_cannot_be_right_is_mended),
		T(a_position_far_behind_is_not_followed_all_the_way),
		T(a_position_in_the_middle_of_a_record_is_mended),
		T(records_that_are_busy_when_a_collector_comes_are_not_skipped),
		T(positions_that_run_away_while_we_read_are_not_followed),
		T(only_rings_that_the_kernel_makes_are_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
