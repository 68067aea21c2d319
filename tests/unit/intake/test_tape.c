/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/tape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpf/events.h"

static char dir[] = "/tmp/keyhole-test-XXXXXX";
static char path[sizeof(dir) + 8], other[sizeof(dir) + 8];
static struct tape tape;

static int setup(void **state)
{
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/tape", dir);
	snprintf(other, sizeof(other), "%s/other", dir);
	memset(&tape, 0, sizeof(tape));
	return 0;
}

static int teardown(void **state)
{
	tape_close(&tape);
	unlink(path);
	unlink(other);
	rmdir(dir);
	return 0;
}

static void write_file(const void *p, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	fclose(f);
}

static void write_records(const size_t *sizes, size_t n)
{
	char bytes[TAPE_RECORD_MAX];
	size_t i;

	assert_int_equal(tape_create(&tape, path), 0);
	for (i = 0; i < n; i++) {
		memset(bytes, 'a' + (int)(i % 26), sizes[i]);
		assert_int_equal(tape_write(&tape, i % 2, bytes, sizes[i]), 0);
	}
	tape_close(&tape);
}

static int next(bool *life, size_t *size)
{
	const void *record;
	int r = tape_read(&tape, life, &record, size);

	if (r == 1)
		assert_int_equal((uintptr_t)record % 8, 0);
	return r;
}

static void what_was_written_is_read_back(void **state)
{
	static const size_t sizes[] = {16, 1, 0, 7, 8, 9, 1088, TAPE_RECORD_MAX - 8, 24};
	const size_t n = sizeof(sizes) / sizeof(sizes[0]);
	const char *record;
	size_t i, j, size;
	bool life;

	write_records(sizes, n);
	assert_int_equal(tape_open(&tape, path), 0);
	for (i = 0; i < n; i++) {
		assert_int_equal(tape_read(&tape, &life, (const void **)&record, &size), 1);
		assert_int_equal(life, i % 2);
		assert_int_equal(size, sizes[i]);
		for (j = 0; j < size; j++)
			assert_int_equal(record[j], 'a' + (int)i);
	}
	assert_int_equal(next(&life, &size), 0);
	assert_int_equal(next(&life, &size), 0);
}

static void a_new_tape_is_for_its_owner_only(void **state)
{
	mode_t before = umask(0);
	struct stat st;

	assert_int_equal(tape_create(&tape, path), 0);
	umask(before);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void an_older_file_becomes_its_owners_alone_or_is_refused(void **state)
{
	struct stat st;

	write_records(NULL, 0);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(tape_create(&tape, path), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	tape_close(&tape);
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(path, 1234, 0), 0);
	assert_int_equal(tape_create(&tape, path), -EEXIST);
}

static void a_tape_cut_anywhere_in_a_record_is_damaged_and_what_came_before_is_read(void **state)
{
	static const size_t sizes[] = {16, 13};
	const off_t first = 16 + 8 + 16, all = first + 8 + 16;
	size_t size;
	bool life;
	off_t at;

	for (at = all; at >= 16; at--) {
		int whole = at >= all ? 2 : at >= first ? 1 : 0, i;

		write_records(sizes, 2);
		assert_int_equal(truncate(path, at), 0);
		assert_int_equal(tape_open(&tape, path), 0);
		for (i = 0; i < whole; i++)
			assert_int_equal(next(&life, &size), 1);
		assert_int_equal(next(&life, &size),
				 at == all || at == first || at == 16 ? 0 : -EBADMSG);
		tape_close(&tape);
	}
	for (; at >= 0; at--) {
		assert_int_equal(truncate(path, at), 0);
		assert_int_equal(tape_open(&tape, path), -EBADMSG);
	}
}

static void a_tape_may_come_through_a_pipe(void **state)
{
	static const size_t sizes[] = {16};
	int ends[2], keep = dup(0);
	char bytes[64];
	size_t size;
	ssize_t n;
	bool life;
	int fd;

	write_records(sizes, 1);
	assert_int_equal(pipe(ends), 0);
	fd = open(path, O_RDONLY);
	n = read(fd, bytes, sizeof(bytes));
	assert_int_equal(write(ends[1], bytes, (size_t)n), n);
	close(fd);
	close(ends[1]);
	dup2(ends[0], 0);
	close(ends[0]);
	assert_int_equal(tape_open(&tape, "/dev/stdin"), 0);
	assert_int_equal(next(&life, &size), 1);
	assert_int_equal(next(&life, &size), 0);
	dup2(keep, 0);
	close(keep);
}

static void another_abi_byte_order_or_magic_is_refused(void **state)
{
	struct tape_header h = {TAPE_MAGIC, KH_ABI_VERSION + 1, 0x01020304};

	write_file(&h, sizeof(h));
	assert_int_equal(tape_open(&tape, path), -EPROTONOSUPPORT);
	h.abi = KH_ABI_VERSION;
	h.order = 0x04030201;
	write_file(&h, sizeof(h));
	assert_int_equal(tape_open(&tape, path), -EBADMSG);
	h.order = 0x01020304;
	write_file(&h, sizeof(h));
	assert_int_equal(tape_open(&tape, path), 0);
	tape_close(&tape);
	h.magic[0] = 'k';
	write_file(&h, sizeof(h));
	assert_int_equal(tape_open(&tape, path), -EBADMSG);
	assert_int_equal(tape_open(&tape, dir), -EBADMSG);
	assert_int_equal(tape_open(&tape, other), -ENOENT);
}

static void sizes_and_rings_that_cannot_be_are_refused(void **state)
{
	struct {
		struct tape_header h;
		struct tape_item item;
		char bytes[64];
	} t = {{TAPE_MAGIC, KH_ABI_VERSION, 0x01020304}, {0, 0}, ""};
	static const uint32_t sizes[] = {57, TAPE_RECORD_MAX - 7, TAPE_RECORD_MAX, UINT32_MAX - 7,
					 UINT32_MAX};
	size_t i, size;
	bool life;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		t.item = (struct tape_item){sizes[i], 0};
		write_file(&t, sizeof(t) - 8);
		assert_int_equal(tape_open(&tape, path), 0);
		assert_int_equal(next(&life, &size), -EBADMSG);
		tape_close(&tape);
	}
	t.item = (struct tape_item){8, 2};
	write_file(&t, sizeof(t));
	assert_int_equal(tape_open(&tape, path), 0);
	assert_int_equal(next(&life, &size), -EBADMSG);
}

static void a_record_longer_than_any_is_refused_even_if_it_is_all_there(void **state)
{
	static struct {
		struct tape_header h;
		struct tape_item item;
		char bytes[TAPE_RECORD_MAX + 16];
	} t = {{TAPE_MAGIC, KH_ABI_VERSION, 0x01020304}, {0, 0}, ""};
	uint32_t size;
	size_t got;
	bool life;

	for (size = TAPE_RECORD_MAX - 8; size <= TAPE_RECORD_MAX + 8; size++) {
		t.item.size = size;
		write_file(&t, sizeof(t));
		assert_int_equal(tape_open(&tape, path), 0);
		assert_int_equal(next(&life, &got), size == TAPE_RECORD_MAX - 8 ? 1 : -EBADMSG);
		tape_close(&tape);
	}
}

static void nothing_is_written_that_could_not_be_read_back(void **state)
{
	static char large[TAPE_RECORD_MAX];
	size_t size;
	bool life;

	assert_int_equal(tape_create(&tape, path), 0);
	assert_int_equal(tape_write(&tape, false, large, sizeof(large) - 7), -EMSGSIZE);
	assert_int_equal(tape_write(&tape, false, large, 8), 0);
	assert_int_equal(tape_flush(&tape), 0);
	tape_close(&tape);
	assert_int_equal(tape_open(&tape, path), 0);
	assert_int_equal(next(&life, &size), 1);
	assert_int_equal(size, 8);
	assert_int_equal(next(&life, &size), 0);
}

static void after_a_failed_write_nothing_more_is_written(void **state)
{
	char bytes[64] = "";

	tape.file = fopen("/dev/full", "w");
	assert_non_null(tape.file);
	setvbuf(tape.file, NULL, _IONBF, 0);
	assert_int_equal(tape_write(&tape, false, bytes, 64), -EIO);
	assert_int_equal(dup2(open("/dev/null", O_WRONLY), fileno(tape.file)), fileno(tape.file));
	assert_int_equal(tape_write(&tape, false, bytes, 64), -EIO);
	assert_int_equal(tape.bytes, 0);
}

static void an_old_tape_is_emptied(void **state)
{
	static const size_t sizes[] = {16, 16, 16};
	struct stat st;

	write_records(sizes, 3);
	write_records(sizes, 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, sizeof(struct tape_header));
}

static void a_file_that_is_no_tape_is_left_alone(void **state)
{
	static const char *const texts[] = {"x", "KHTAPE\n",
					    "a letter to somebody, longer than a header"};
	char back[64] = "";
	size_t i;

	for (i = 0; i < 3; i++) {
		FILE *f;

		write_file(texts[i], strlen(texts[i]));
		assert_int_equal(tape_create(&tape, path), -EEXIST);
		f = fopen(path, "r");
		memset(back, 0, sizeof(back));
		assert_int_equal(fread(back, 1, sizeof(back) - 1, f), strlen(texts[i]));
		assert_string_equal(back, texts[i]);
		fclose(f);
	}
}

static void links_pipes_and_devices_are_refused_at_once(void **state)
{
	static const size_t sizes[] = {16};
	struct stat st;

	write_records(sizes, 1);
	assert_int_equal(symlink(path, other), 0);
	assert_int_equal(tape_create(&tape, other), -EEXIST);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size > (off_t)sizeof(struct tape_header));
	unlink(path);
	assert_int_equal(tape_create(&tape, other), -EEXIST); /* not even a dangling one */
	assert_int_equal(access(path, F_OK), -1);
	unlink(other);
	assert_int_equal(mkfifo(other, 0600), 0);
	assert_int_equal(tape_create(&tape, other), -EEXIST);
	assert_int_equal(tape_create(&tape, "/dev/null"), -EEXIST);
	assert_int_equal(tape_create(&tape, dir), -EEXIST);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_was_written_is_read_back),
		T(a_new_tape_is_for_its_owner_only),
		T(an_older_file_becomes_its_owners_alone_or_is_refused),
		T(a_tape_cut_anywhere_in_a_record_is_damaged_and_what_came_before_is_read),
		T(a_tape_may_come_through_a_pipe),
		T(another_abi_byte_order_or_magic_is_refused),
		T(sizes_and_rings_that_cannot_be_are_refused),
		T(a_record_longer_than_any_is_refused_even_if_it_is_all_there),
		T(nothing_is_written_that_could_not_be_read_back),
		T(after_a_failed_write_nothing_more_is_written),
		T(an_old_tape_is_emptied),
		T(a_file_that_is_no_tape_is_left_alone),
		T(links_pipes_and_devices_are_refused_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
