/* SPDX-License-Identifier: Apache-2.0 */
/* What BPF was told to ignore is thought of again when something that it rested on changes. */
#include "piped.h"

static void tell_args(uint32_t tgid, const char *text)
{
	struct kh_args args = {.rec = {KH_ARGS, 0, sizeof(args)}, .tgid = tgid};

	args.len = (uint32_t)snprintf(args.text, sizeof(args.text), "%s", text) + 1;
	feed(&args, sizeof(args));
}

/* BPF sends it when the process does something, which may be after its exchange was decided. */
static void a_command_line_that_comes_late_still_counts(void **state)
{
	o.books = rulebooks_new(book_of("discovery: {instrument: [{cmd_args: '*shop*'}]}\n"));
	start(false);
	tell(unit_cgroup(CGROUP, "nginx.service"));
	exchange(CGROUP, TGID, "/", OK);
	counts(1, 0, 0);
	assert_true(ignores(TGID, PORT));
	tell_args(TGID, "serve shop");
	assert_false(ignores(TGID, PORT));
	exchange(CGROUP, TGID, "/", OK);
	counts(2, 1, 0);
}

/* ---- parents: a worker inherits what they are selected by, however late that is told ---- */

static struct kh_process a_child(uint32_t tgid, uint32_t ppid, const char *name)
{
	struct kh_process p = a_process(tgid, CGROUP, name);

	p.ppid = ppid;
	return p;
}

/* TGID + 2, whose parent TGID + 1 has the parent TGID. */
static void start_ignored_leaf(bool parent_told)
{
	const struct kh_process parent = a_child(TGID + 1, TGID, "sh"),
				leaf = a_child(TGID + 2, TGID + 1, "worker");

	o.books = rulebooks_new(book_of("discovery: {instrument: [{exe_path: '*httpd'}, "
					"{open_ports: 8080}, {cmd_args: '*shop*'}]}\n"));
	start(false);
	tell(unit_cgroup(CGROUP, "nginx.service"));
	if (parent_told)
		feed(&parent, sizeof(parent));
	feed(&leaf, sizeof(leaf));
	exchange(CGROUP, TGID + 2, "/", OK);
	counts(1, 0, 0);
	assert_true(ignores(TGID + 2, PORT));
}

static void leaf_is_shown(void)
{
	assert_false(ignores(TGID + 2, PORT));
	exchange(CGROUP, TGID + 2, "/", OK);
	counts(2, 1, 0);
}

static void a_grandparent_that_executes_another_file_is_thought_of(void **state)
{
	const struct kh_process now_httpd = a_child(TGID, 1, "httpd");

	start_ignored_leaf(true);
	feed(&now_httpd, sizeof(now_httpd));
	leaf_is_shown();
}

static void a_parent_that_is_told_late_is_thought_of(void **state)
{
	const struct kh_process parent = a_child(TGID + 1, TGID, "httpd");

	start_ignored_leaf(false);
	feed(&parent, sizeof(parent));
	leaf_is_shown();
}

static void a_parent_that_begins_to_listen_is_thought_of(void **state)
{
	const struct kh_listen listen = {
		.rec = {KH_LISTEN, 0, sizeof(listen)}, .tgid = TGID + 1, .port = 8080};

	start_ignored_leaf(true);
	feed(&listen, sizeof(listen));
	leaf_is_shown();
}

static void a_parent_s_command_line_is_thought_of(void **state)
{
	start_ignored_leaf(true);
	tell_args(TGID, "serve shop");
	leaf_is_shown();
}

static void a_new_book_takes_back_what_is_ignored_and_asks_for_what_it_needs(void **state)
{
	o.books = rulebooks_new(book_of("discovery: {instrument: [{exe_path: '*httpd'}]}\n"));
	start(false);
	tell(unit_cgroup(CGROUP, "nginx.service"));
	exchange(CGROUP, TGID, "/", OK);
	assert_true(ignores(TGID, PORT));
	idle_after(1);
	rulebooks_publish(o.books, book_of("discovery: {instrument: [{cmd_args: '*shop*'}]}\n"));
	idle_after(1);
	assert_false(ignores(TGID, PORT));
	assert_int_equal(bpf.want, KH_WANT_ARGS);
}

/* What an option asks for stays, whatever the rules ask for beside it. */
static void goroutines_are_asked_for_by_whatever_book(void **state)
{
	o.routines = true;
	o.books = rulebooks_new(book_of("discovery: {instrument: [{cmd_args: '*shop*'}]}\n"));
	start(false);
	assert_int_equal(pipeline_wants(pipeline), KH_WANT_ARGS | KH_WANT_ROUTINE);
	rulebooks_publish(o.books, book_of("discovery: {instrument: [{exe_path: '*httpd'}]}\n"));
	idle_after(1);
	assert_int_equal(bpf.want, KH_WANT_ROUTINE);
	assert_int_equal(pipeline_wants(pipeline), KH_WANT_ROUTINE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_command_line_that_comes_late_still_counts),
		T(a_grandparent_that_executes_another_file_is_thought_of),
		T(a_parent_that_is_told_late_is_thought_of),
		T(a_parent_that_begins_to_listen_is_thought_of),
		T(a_parent_s_command_line_is_thought_of),
		T(a_new_book_takes_back_what_is_ignored_and_asks_for_what_it_needs),
		T(goroutines_are_asked_for_by_whatever_book),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
