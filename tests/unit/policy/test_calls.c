/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter does what the tables say: for every system call there is, and for every argument a
 * table restricts, in the kernel itself. Calls are made with arguments that are invalid wherever
 * the table leaves them free (-1), so that an allowed one does nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <seccomp.h>
#include <sys/syscall.h>

#include "child.h"
#include "policy/calls.h"

#define CALLS_END 600 /* numbers tried; the newest call of Linux 6.18 has 469 */
#define DEFAULT (-1)  /* not listed, or not with these arguments */

struct
try {
	enum policy_role role;
	long nr;
	uint64_t arg[6];
};

static bool row_matches(const struct policy_call *row, const struct try *t)
{
	if (row->verdict == POLICY_START || seccomp_syscall_resolve_name(row->name) != t->nr)
		return false;
	for (int i = 0; i < POLICY_ARGS_MAX && row->arg[i].mask; i++) {
		const struct policy_arg *arg = &row->arg[i];

		if (arg->self || (t->arg[arg->index] & arg->mask) != arg->value)
			return false;
	}
	return true;
}

/* What the tables say: an enum policy_verdict or DEFAULT. */
static int verdict_of(const struct try *t)
{
	struct policy_table tables[] = {policy_forbidden_calls, policy_shared_calls,
					policy_calls(t->role)};

	for (int k = 0; k < 3; k++) {
		for (size_t i = 0; i < tables[k].count; i++) {
			if (row_matches(&tables[k].row[i], t))
				return (int)tables[k].row[i].verdict;
		}
	}
	return DEFAULT;
}

static int make_call(void *arg)
{
	const struct try *t = arg;
	struct policy_report report = {0};
	const uint64_t *a = t->arg;

	if (geteuid() == 0 && (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534)))
		return 254;
	if (policy_seccomp_install(t->role, &report))
		return 254;
	alarm(1);
	return syscall(t->nr, a[0], a[1], a[2], a[3], a[4], a[5]) == -1 ? errno : 0;
}

/* These never come back, or not to where they were called. */
static bool can_be_tried(long nr)
{
#ifdef __x86_64__
	/* uretprobe (6.11) and uprobe (6.18): the kernel's own, not filtered; they kill others. */
	if (nr == 335 || nr == 336)
		return false;
#endif
	return nr != SYS_exit && nr != SYS_exit_group && nr != SYS_rt_sigreturn;
}

static void check_try(const struct try *t)
{
	int want = verdict_of(t), got = in_child(make_call, (void *)t);
	bool good;

	if (want == DEFAULT)
		good = got == EPERM;
	else if (want == POLICY_KILL)
		good = got == -SIGSYS;
	else if (want == POLICY_ENOSYS)
		good = got == ENOSYS;
	else
		good = got != EPERM && got != 254 && (got >= 0 || got == -SIGALRM);
	if (!good)
		fail_msg("call %ld (%s), first arguments %#llx %#llx %#llx: verdict %d, got %d",
			 t->nr, seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)t->nr),
			 (unsigned long long)t->arg[0], (unsigned long long)t->arg[1],
			 (unsigned long long)t->arg[2], want, got);
}

static void check_every_call(enum policy_role role)
{
	for (long nr = 0; nr < CALLS_END; nr++) {
		struct try t = {role, nr, {-1, -1, -1, -1, -1, -1}};

		if (can_be_tried(nr))
			check_try(&t);
	}
}

static void the_loader_gets_for_every_call_what_its_table_says(void **state)
{
	check_every_call(POLICY_LOADER);
}

static void the_collector_gets_for_every_call_what_its_table_says(void **state)
{
	check_every_call(POLICY_COLLECTOR);
}

/* As the row wants them; bits it does not look at are set. */
static bool arguments_of(const struct policy_call *row, struct try *t)
{
	memset(t->arg, 0xff, sizeof(t->arg));
	t->nr = seccomp_syscall_resolve_name(row->name);
	for (int i = 0; i < POLICY_ARGS_MAX && row->arg[i].mask; i++) {
		const struct policy_arg *arg = &row->arg[i];

		if (arg->self)
			return false; /* the child's own id: see sandbox_probe */
		t->arg[arg->index] = (t->arg[arg->index] & ~arg->mask) | arg->value;
	}
	return t->nr >= 0 && row->verdict == POLICY_ALLOW && row->arg[0].mask;
}

/* A thread by a raw call would run on no stack; test_libraries starts real ones. */
static bool is_thread(const struct policy_call *row)
{
	return strcmp(row->name, "clone") == 0;
}

static void check_arguments(enum policy_role role, const struct policy_table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct policy_call *row = &table->row[i];
		struct try t = {.role = role};

		if (!arguments_of(row, &t))
			continue;
		if (!is_thread(row))
			check_try(&t);
		for (int k = 0; k < POLICY_ARGS_MAX && row->arg[k].mask; k++) {
			const struct policy_arg *arg = &row->arg[k];
			uint64_t lowest = arg->mask & -arg->mask;

			t.arg[arg->index] ^= lowest;
			if (!is_thread(row) || verdict_of(&t) == DEFAULT)
				check_try(&t);
			t.arg[arg->index] ^= lowest;
		}
	}
}

static void a_restricted_argument_passes_as_listed_and_not_otherwise(void **state)
{
	check_arguments(POLICY_LOADER, &policy_shared_calls);
	check_arguments(POLICY_LOADER, &policy_loader_calls);
	check_arguments(POLICY_COLLECTOR, &policy_collector_calls);
}

static void exit_is_allowed(void **state)
{
	struct try t = {POLICY_LOADER, SYS_exit_group, {77}};

	assert_int_equal(in_child(make_call, &t), 77);
	t.role = POLICY_COLLECTOR;
	assert_int_equal(in_child(make_call, &t), 77);
}

/* The header of calls.h promises one meaning per call; a profile with two would be refused. */
static void no_call_is_both_forbidden_and_allowed(void **state)
{
	const struct policy_table *bad = &policy_forbidden_calls;

	for (size_t i = 0; i < bad->count; i++) {
		for (int role = POLICY_LOADER; role <= POLICY_COLLECTOR; role++) {
			assert_false(policy_calls_has(role, bad->row[i].name, POLICY_ALLOW));
			assert_false(policy_calls_has(role, bad->row[i].name, POLICY_ENOSYS));
		}
	}
}

static void every_row_names_a_real_call_and_says_why(void **state)
{
	const struct policy_table *tables[] = {&policy_forbidden_calls, &policy_shared_calls,
					       &policy_loader_calls, &policy_collector_calls};

	for (int k = 0; k < 4; k++) {
		for (size_t i = 0; i < tables[k]->count; i++) {
			const struct policy_call *row = &tables[k]->row[i];

			/* Newer than Debian 12's libseccomp: known by name only. */
			if (strcmp(row->name, "fchmodat2") != 0 &&
			    strcmp(row->name, "map_shadow_stack") != 0 &&
			    seccomp_syscall_resolve_name(row->name) == __NR_SCMP_ERROR)
				fail_msg("%s is not a system call", row->name);
			assert_non_null(row->why);
			assert_null(strpbrk(row->why, "\"\\\n"));
			for (int a = 0; a < POLICY_ARGS_MAX; a++) {
				assert_true(row->arg[a].mask <= UINT32_MAX || !~row->arg[a].mask);
				assert_true(row->arg[a].value <= UINT32_MAX);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_names_a_real_call_and_says_why),
		cmocka_unit_test(no_call_is_both_forbidden_and_allowed),
		cmocka_unit_test(exit_is_allowed),
		cmocka_unit_test(a_restricted_argument_passes_as_listed_and_not_otherwise),
		cmocka_unit_test(the_loader_gets_for_every_call_what_its_table_says),
		cmocka_unit_test(the_collector_gets_for_every_call_what_its_table_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
