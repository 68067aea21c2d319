/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/known.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

static struct known known;

static int setup(void **state)
{
	return known_init(&known);
}

static int teardown(void **state)
{
	known_free(&known);
	return 0;
}

static struct kh_process process(uint32_t tgid, uint64_t start_ns)
{
	struct kh_process rec = {.tgid = tgid,
				 .ns_tgid = 1,
				 .uid = 33,
				 .cgroup = 77,
				 .start_ns = start_ns,
				 .exe_levels = 3};

	strcpy(rec.comm, "nginx");
	strcpy(rec.exe[0], "nginx");
	strcpy(rec.exe[1], "sbin");
	strcpy(rec.exe[2], "usr");
	return rec;
}

static void tell(uint32_t tgid, uint64_t start_ns)
{
	struct kh_process rec = process(tgid, start_ns);

	known_tell_process(&known, &rec);
}

static void tell_exit(uint32_t tgid)
{
	known_tell_exit(&known, &(struct kh_exit){.tgid = tgid});
}

static void tell_listen(uint32_t tgid, uint16_t port)
{
	known_tell_listen(&known, &(struct kh_listen){.tgid = tgid, .port = port});
}

static void what_was_not_told_is_not_known(void **state)
{
	assert_null(known_process(&known, 1));
	assert_null(known_cgroup(&known, 1));
	tell_exit(1);
	assert_null(known_process(&known, 1));
}

static void a_process_is_known_as_it_was_told(void **state)
{
	const struct known_process *p;

	tell(10, 5);
	p = known_process(&known, 10);
	assert_non_null(p);
	assert_string_equal(p->exe, "/usr/sbin/nginx");
	assert_string_equal(p->comm, "nginx");
	assert_int_equal(p->ns_tgid, 1);
	assert_int_equal(p->uid, 33);
	assert_int_equal(p->cgroup, 77);
	assert_false(p->exited);
}

static void a_path_of_all_levels_and_the_longest_names_fits(void **state)
{
	struct kh_process rec = process(10, 5);
	const struct known_process *p;
	size_t i;

	rec.exe_levels = KH_EXE_LEVELS;
	for (i = 0; i < KH_EXE_LEVELS; i++) {
		memset(rec.exe[i], 'a' + (int)i, KH_EXE_NAME - 1);
		rec.exe[i][KH_EXE_NAME - 1] = 0;
	}
	known_tell_process(&known, &rec);
	p = known_process(&known, 10);
	assert_int_equal(strlen(p->exe), KNOWN_EXE_MAX - 1);
	assert_int_equal(p->exe[1], 'a' + KH_EXE_LEVELS - 1);
	assert_int_equal(p->exe[KNOWN_EXE_MAX - 2], 'a');
	rec.exe_levels = 0; /* a kernel thread */
	known_tell_process(&known, &rec);
	assert_string_equal(known_process(&known, 10)->exe, "");
}

static void executing_another_file_is_a_new_version_with_the_same_ports(void **state)
{
	struct kh_process rec = process(10, 5);
	uint32_t before;

	tell(10, 5);
	tell_listen(10, 80);
	before = known_process(&known, 10)->version;
	strcpy(rec.exe[0], "sh");
	known_tell_process(&known, &rec);
	assert_string_equal(known_process(&known, 10)->exe, "/usr/sbin/sh");
	assert_int_not_equal(known_process(&known, 10)->version, before);
	assert_int_equal(known_process(&known, 10)->port_count, 1);
}

static void a_number_that_is_used_again_is_another_process(void **state)
{
	uint32_t before;

	tell(10, 5);
	tell_listen(10, 80);
	tell_exit(10);
	assert_true(known_process(&known, 10)->exited);
	before = known_process(&known, 10)->version;
	tell(10, 900);
	assert_int_equal(known_process(&known, 10)->port_count, 0);
	assert_false(known_process(&known, 10)->exited);
	assert_int_not_equal(known_process(&known, 10)->version, before);
}

static void the_next_user_of_a_number_does_not_inherit_ports_even_if_it_listens_first(void **state)
{
	tell(10, 5);
	tell_listen(10, 80);
	tell_exit(10);
	tell_listen(10, 8080);
	tell(10, 900);
	assert_int_equal(known_process(&known, 10)->port_count, 1);
	assert_int_equal(known_process(&known, 10)->ports[0], 8080);
}

static void a_port_that_is_served_is_a_port_though_another_listens(void **state)
{
	uint32_t version;

	tell(10, 5);
	version = known_process(&known, 10)->version;
	known_tell_served(&known, 10, 80);
	known_tell_served(&known, 10, 80);
	assert_int_equal(known_process(&known, 10)->port_count, 1);
	assert_int_equal(known_process(&known, 10)->ports[0], 80);
	assert_false(known_process(&known, 10)->listens);
	assert_int_equal(known_process(&known, 10)->version, version + 1);
	tell_listen(10, 80);
	assert_true(known_process(&known, 10)->listens);
	known_tell_served(&known, 11, 80);
	assert_null(known_process(&known, 11));
}

static void ports_are_remembered_once_each_up_to_the_limit(void **state)
{
	uint32_t version;
	uint16_t port;

	tell(10, 5);
	tell_listen(10, 80);
	version = known_process(&known, 10)->version;
	tell_listen(10, 80);
	assert_int_equal(known_process(&known, 10)->version, version);
	for (port = 81; port < 80 + KNOWN_PORTS_MAX; port++)
		tell_listen(10, port);
	assert_int_equal(known_process(&known, 10)->port_count, KNOWN_PORTS_MAX);
	assert_int_equal(known.ports_full, 0);
	tell_listen(10, 9999);
	assert_int_equal(known_process(&known, 10)->port_count, KNOWN_PORTS_MAX);
	assert_int_equal(known.ports_full, 1);
}

static void late_records_still_find_a_process_that_ended(void **state)
{
	tell(10, 5);
	tell_exit(10);
	assert_string_equal(known_process(&known, 10)->comm, "nginx");
}

static void processes_that_ended_make_room_before_any_that_lives(void **state)
{
	uint32_t i;

	tell(1, 5); /* a server that nobody asks for long */
	tell_listen(1, 80);
	for (i = 2; i < 5 * KNOWN_PROCESSES_MAX; i++) {
		tell(i, i);
		tell_exit(i);
	}
	assert_non_null(known_process(&known, 1));
	assert_int_equal(known_process(&known, 1)->ports[0], 80);
	assert_int_equal(known.process_table.evictions, 0);
	/* and the first of them go first */
	assert_non_null(known_process(&known, i - 1));
	assert_non_null(known_process(&known, i - KNOWN_PROCESSES_MAX + 10));
	assert_null(known_process(&known, i - KNOWN_PROCESSES_MAX - 10));
}

static void a_number_that_lives_again_is_not_forgotten_as_ended(void **state)
{
	uint32_t i;

	tell(1, 5);
	tell_exit(1);
	tell(1, 6);
	for (i = 2; i < 3 * KNOWN_PROCESSES_MAX; i++) {
		tell(i, i);
		tell_exit(i);
	}
	assert_non_null(known_process(&known, 1));
	assert_false(known_process(&known, 1)->exited);
}

static void where_all_live_the_one_not_asked_for_the_longest_goes(void **state)
{
	uint32_t i;

	for (i = 1; i <= KNOWN_PROCESSES_MAX; i++)
		tell(i, i);
	assert_non_null(known_process(&known, 1));
	tell(i, i);
	assert_non_null(known_process(&known, 1));
	assert_null(known_process(&known, 2));
	assert_int_equal(known.process_table.evictions, 1);
}

static void a_slot_used_again_never_repeats_a_version(void **state)
{
	uint32_t version, i;

	tell(1, 5);
	version = known_process(&known, 1)->version;
	for (i = 2; i <= KNOWN_PROCESSES_MAX + 1; i++)
		tell(i, i);
	assert_null(known_process(&known, 1));
	assert_true(known_process(&known, KNOWN_PROCESSES_MAX + 1)->version > version);
}

static void a_cgroup_is_known_by_its_names_and_the_last_told_hold(void **state)
{
	struct kh_cgroup rec = {.cgroup = 5, .levels = 2};

	strcpy(rec.names[0], "nginx.service");
	strcpy(rec.names[1], "system.slice");
	known_tell_cgroup(&known, &rec);
	assert_false(known_cgroup(&known, 5)->in_container);
	assert_string_equal(known_cgroup(&known, 5)->own_name, "nginx.service");
	strcpy(rec.names[0],
	       "docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	       ".scope");
	known_tell_cgroup(&known, &rec);
	assert_true(known_cgroup(&known, 5)->in_container);
	assert_int_equal(known_cgroup(&known, 5)->id.container[0], '0');
	rec.levels = 0; /* the root */
	known_tell_cgroup(&known, &rec);
	assert_string_equal(known_cgroup(&known, 5)->own_name, "");
	assert_int_equal(known.cgroup_table.used, 1);
}

static void a_name_that_fills_its_room_is_kept_whole(void **state)
{
	struct kh_cgroup rec = {.cgroup = 5, .levels = 1};

	memset(rec.names[0], 'n', KH_NAME - 1);
	known_tell_cgroup(&known, &rec);
	assert_int_equal(strlen(known_cgroup(&known, 5)->own_name), KH_NAME - 1);
}

static void tell_args(uint32_t tgid, const char *text, uint32_t n)
{
	struct kh_args rec = {.tgid = tgid, .len = n};

	memcpy(rec.text, text, n);
	known_tell_args(&known, &rec);
}

static void arguments_are_kept_with_spaces_between(void **state)
{
	char full[KH_ARGS_MAX];
	uint32_t version;

	tell_args(1, "nobody", 7); /* not told about: nothing to keep it with */
	tell(1, 100);
	assert_string_equal(known_process(&known, 1)->args, "");
	version = known_process(&known, 1)->version;
	tell_args(1, "java\0-jar\0a b.jar\0\0", 19);
	assert_string_equal(known_process(&known, 1)->args, "java -jar a b.jar");
	assert_int_not_equal(known_process(&known, 1)->version, version);
	memset(full, 'x', sizeof(full));
	tell_args(1, full, KH_ARGS_MAX);
	assert_int_equal(strlen(known_process(&known, 1)->args), KH_ARGS_MAX);
	tell_args(1, "", 0);
	assert_string_equal(known_process(&known, 1)->args, "");
	tell_args(1, "a", 2);
	tell(1, 100); /* another file: its arguments come behind */
	assert_string_equal(known_process(&known, 1)->args, "");
}

static void tell_child(uint32_t tgid, uint32_t ppid, uint64_t cgroup, uint64_t start_ns)
{
	struct kh_process rec = process(tgid, start_ns);

	rec.ppid = ppid;
	rec.cgroup = cgroup;
	known_tell_process(&known, &rec);
}

static void a_parent_is_older_and_of_the_same_cgroup(void **state)
{
	tell(1, 100);
	tell_child(2, 1, 77, 100);
	assert_ptr_equal(known_parent(&known, known_process(&known, 2)), known_process(&known, 1));
	tell_child(3, 1, 77, 99); /* 1 is the number of another by now */
	assert_null(known_parent(&known, known_process(&known, 3)));
	tell_child(4, 1, 78, 200); /* such as the container's shim */
	assert_null(known_parent(&known, known_process(&known, 4)));
	tell_child(5, 99, 77, 200); /* not told about */
	assert_null(known_parent(&known, known_process(&known, 5)));
	tell_child(6, 6, 77, 200);
	assert_null(known_parent(&known, known_process(&known, 6)));
	assert_null(known_parent(&known, known_process(&known, 1)));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_was_not_told_is_not_known),
		T(a_process_is_known_as_it_was_told),
		T(a_path_of_all_levels_and_the_longest_names_fits),
		T(executing_another_file_is_a_new_version_with_the_same_ports),
		T(a_number_that_is_used_again_is_another_process),
		T(the_next_user_of_a_number_does_not_inherit_ports_even_if_it_listens_first),
		T(a_port_that_is_served_is_a_port_though_another_listens),
		T(ports_are_remembered_once_each_up_to_the_limit),
		T(late_records_still_find_a_process_that_ended),
		T(processes_that_ended_make_room_before_any_that_lives),
		T(a_number_that_lives_again_is_not_forgotten_as_ended),
		T(where_all_live_the_one_not_asked_for_the_longest_goes),
		T(a_slot_used_again_never_repeats_a_version),
		T(a_cgroup_is_known_by_its_names_and_the_last_told_hold),
		T(a_name_that_fills_its_room_is_kept_whole),
		T(arguments_are_kept_with_spaces_between),
		T(a_parent_is_older_and_of_the_same_cgroup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
