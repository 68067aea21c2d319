/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "child.h"
#include "policy/capability.h"
#include "policy/process.h"
#include "policy/sandbox.h"
#include "policy/seccomp.h"

#define BOTH 0xc000000000ULL /* CAP_PERFMON (38), CAP_BPF (39) */
#define SETPCAP (1ULL << 8)

/* A hexadecimal field of /proc/self/status, which is world-readable even without core dumps. */
static unsigned long long status(const char *field)
{
	char line[256];
	unsigned long long value = ~0ULL;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, field, strlen(field)) == 0 && line[strlen(field)] == ':')
			value = strtoull(line + strlen(field) + 1, NULL, 16);
	}
	if (f)
		fclose(f);
	return value;
}

static bool full_root(void)
{
	return geteuid() == 0 && (status("CapEff") & (BOTH | SETPCAP)) == (BOTH | SETPCAP);
}

#define NEEDS_ROOT()                                                                               \
	do {                                                                                       \
		if (!full_root())                                                                  \
			skip();                                                                    \
	} while (0)

/* As in a pod: uid 0, drop ALL, add BPF and PERFMON. */
static int drop_to_two(struct policy_report *report)
{
	return policy_caps_keep_only(report);
}

static int extra_capabilities_go_and_are_named(void *arg)
{
	struct policy_report report = {0};

	expect(policy_caps_keep_only(&report) == 0);
	expect(status("CapEff") == BOTH);
	expect(status("CapPrm") == BOTH);
	expect(status("CapInh") == 0);
	expect(status("CapAmb") == 0);
	expect(status("CapBnd") == BOTH);
	expect(strstr(report.note, "CAP_CHOWN"));
	expect(policy_caps_check(&report) == 0);
	return 0;
}

static void what_the_loader_holds_beyond_two_is_dropped_and_named(void **state)
{
	NEEDS_ROOT();
	assert_int_equal(in_child(extra_capabilities_go_and_are_named, NULL), 0);
}

static int exactly_two_make_no_noise(void *arg)
{
	struct policy_report first = {0}, second = {0};

	expect(drop_to_two(&first) == 0);
	expect(policy_caps_keep_only(&second) == 0);
	expect(second.note[0] == 0);
	expect(status("CapEff") == BOTH);
	return 0;
}

static void exactly_two_capabilities_are_nothing_to_talk_about(void **state)
{
	NEEDS_ROOT();
	assert_int_equal(in_child(exactly_two_make_no_noise, NULL), 0);
}

static int ambient_ones_go(void *arg)
{
	struct policy_report report = {0};

	/* What setpriv --ambient-caps leaves behind; inheritable first, by libcap's own tool. */
	expect(drop_to_two(&report) == 0);
	expect(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 38, 0, 0) == -1); /* not inheritable */
	expect(policy_caps_drop_all(&report) == 0);
	expect(status("CapEff") == 0 && status("CapPrm") == 0);
	expect(status("CapInh") == 0 && status("CapAmb") == 0);
	return 0;
}

static void after_attach_the_loader_holds_nothing(void **state)
{
	NEEDS_ROOT();
	assert_int_equal(in_child(ambient_ones_go, NULL), 0);
}

static int says_that_bounding_stays(void *arg)
{
	struct policy_report report = {0};

	expect(drop_to_two(&report) == 0);
	expect(policy_caps_drop_all(&report) == 0);
	expect(report.part[POLICY_CAPABILITIES] == POLICY_ON);
	expect(report.part[POLICY_BOUNDING] == POLICY_UNAVAILABLE);
	expect(strstr(report.note, "CAP_SETPCAP"));
	expect(status("CapBnd") == BOTH);
	return 0;
}

static void a_bounding_set_that_cannot_be_emptied_is_said_and_no_reason_to_stop(void **state)
{
	NEEDS_ROOT();
	assert_int_equal(in_child(says_that_bounding_stays, NULL), 0);
}

static int everything_goes(void *arg)
{
	struct policy_report report = {0};

	expect(policy_caps_drop_all(&report) == 0);
	expect(status("CapBnd") == 0 && status("CapEff") == 0);
	expect(report.part[POLICY_BOUNDING] == POLICY_ON);
	expect(report.part[POLICY_SECUREBITS] == POLICY_ON);
	/* asked of the kernel: all four bits, each with its lock */
	expect(prctl(PR_GET_SECUREBITS) == 0xef);
	return 0;
}

static void with_setpcap_all_five_sets_are_emptied_and_secure_bits_locked(void **state)
{
	NEEDS_ROOT();
	assert_int_equal(in_child(everything_goes, NULL), 0);
}

static int missing_ones_are_named(void *arg)
{
	struct policy_report report = {0};

	if (geteuid() == 0)
		expect(policy_caps_drop_all(&report) == 0);
	expect(policy_caps_check(&report) == -EPERM);
	expect(strstr(report.error, "CAP_PERFMON CAP_BPF missing"));
	expect(strstr(report.error, "setpriv"));
	expect(strstr(report.error, "securityContext.capabilities.add"));
	expect(strstr(report.error, "file capabilities"));
	expect(!strchr(report.error, '\n'));
	return 0;
}

static void what_is_missing_is_named_with_its_cure(void **state)
{
	assert_int_equal(in_child(missing_ones_are_named, NULL), 0);
}

static int root_becomes_nonroot(void *arg)
{
	const struct policy_collector_needs needs = {.read = {"/proc/self"}};
	struct policy_report report = {0};
	const gid_t groups[] = {4, 24};
	struct rlimit core;

	expect(setgroups(2, groups) == 0 && status("Groups") != 0);
	expect(policy_enter_collector(&needs, false, &report) == 0);
	expect(status("Groups") == 0);
	expect(getuid() == POLICY_COLLECTOR_ID && getgid() == POLICY_COLLECTOR_ID);
	expect(status("CapEff") == 0 && status("CapPrm") == 0 && status("CapBnd") == 0);
	expect(status("NoNewPrivs") == 1 && status("Seccomp") == 2);
	expect(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0);
	for (int i = 0; i < POLICY_PARTS_COUNT; i++)
		expect(report.part[i] == POLICY_ON || i == POLICY_LANDLOCK_NET);
	return 0;
}

static void a_collector_started_by_root_becomes_nobody_in_particular(void **state)
{
	NEEDS_ROOT();
	assert_int_equal(in_child(root_becomes_nonroot, NULL), 0);
}

static int root_without_setuid_is_refused(void *arg)
{
	const struct policy_collector_needs needs = {0};
	struct policy_report report = {0};

	expect(policy_caps_drop_all(&report) == 0);
	expect(policy_enter_collector(&needs, false, &report) == -EPERM);
	expect(strstr(report.error, "runAsUser: 65532"));
	return 0;
}

static void a_collector_that_would_stay_root_does_not_start(void **state)
{
	NEEDS_ROOT();
	assert_int_equal(in_child(root_without_setuid_is_refused, NULL), 0);
}

static int other_user_is_refused(void *arg)
{
	const struct policy_collector_needs needs = {.user = 4242};
	struct policy_report report = {0};

	expect(geteuid() != 0 || setresuid(4243, 4243, 4243) == 0);
	expect(policy_enter_collector(&needs, false, &report) == -EPERM);
	expect(strstr(report.error, "4242"));
	return 0;
}

static void an_unprivileged_collector_cannot_be_asked_to_be_somebody_else(void **state)
{
	assert_int_equal(in_child(other_user_is_refused, NULL), 0);
}

static int no_sandbox_drops_capabilities(void *arg)
{
	const struct policy_collector_needs needs = {0};
	struct policy_report report = {0};
	char line[1024];

	expect(policy_enter_collector(&needs, true, &report) == 0);
	expect(status("CapEff") == 0 && status("CapPrm") == 0);
	expect(status("Seccomp") == 0);
	expect(report.part[POLICY_SECCOMP] == POLICY_OFF);
	expect(strstr(policy_report_line(&report, line, sizeof(line)),
		      "off: no_dump no_new_privs user landlock landlock_net seccomp"));
	return 0;
}

static void no_sandbox_still_drops_capabilities_and_says_what_is_off(void **state)
{
	NEEDS_ROOT();
	assert_int_equal(in_child(no_sandbox_drops_capabilities, NULL), 0);
}

static void *idle(void *arg)
{
	pause();
	return arg;
}

static int second_thread_is_refused(void *arg)
{
	struct policy_report report = {0};
	pthread_t thread;

	expect(pthread_create(&thread, NULL, idle, NULL) == 0);
	expect(policy_enter_loader(false, &report) == -EBUSY);
	expect(strstr(report.error, "before threads start"));
	return 0;
}

static void a_sandbox_that_would_miss_a_thread_is_refused(void **state)
{
	assert_int_equal(in_child(second_thread_is_refused, NULL), 0);
}

static int missing_record_is_refused(void *arg)
{
	const struct policy_collector_needs needs = {.write = {"/nonexistent/record"}};
	struct policy_report report = {0};

	expect(policy_enter_collector(&needs, false, &report) == -ENOENT);
	expect(report.part[POLICY_SECCOMP] == POLICY_OFF);
	return 0;
}

static void a_part_that_fails_fails_the_whole(void **state)
{
	assert_int_equal(in_child(missing_record_is_refused, NULL), 0);
}

/* Makes a call fail from now on, as an older kernel or a container's own filter would. */
static int take_away(int nr, int error)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int err = filter ? 0 : -ENOMEM;

	if (!err)
		err = seccomp_rule_add(filter, SCMP_ACT_ERRNO(error), nr, 0);
	if (!err)
		err = seccomp_load(filter);
	seccomp_release(filter);
	return err;
}

static const struct lacking {
	enum policy_part part;
	int nr, error;
	const char *says;
} lackings[] = {
	{POLICY_LANDLOCK, 444, ENOSYS, "no Landlock: the kernel has no Landlock"},
	{POLICY_LANDLOCK, 444, EOPNOTSUPP, "no Landlock: Landlock is not among"},
	{POLICY_LANDLOCK, 444, EPERM, "no Landlock: the container's seccomp profile"},
	{POLICY_SECCOMP, SCMP_SYS(seccomp), ENOSYS, "no seccomp filter: "},
};

static int enter(enum policy_role role, struct policy_report *report)
{
	static const struct policy_collector_needs needs = {.read = {"/proc/self"}};

	return role == POLICY_LOADER ? policy_enter_loader(false, report)
				     : policy_enter_collector(&needs, false, report);
}

static int ends_unless_given_up(void *arg)
{
	const struct lacking *l = arg;

	for (int role = POLICY_LOADER; role <= POLICY_COLLECTOR; role++) {
		struct policy_report strict = {0}, lax = {.may_lack = POLICY_BIT(l->part)};
		pid_t pid = fork();
		int status = 0;

		if (pid == 0) {
			expect(take_away(l->nr, l->error) == 0);
			expect(enter(role, &strict) != 0);
			expect(strstr(strict.error, l->says));
			expect(strstr(strict.error, "--allow-missing="));
			expect(enter(role, &lax) == 0);
			expect(lax.part[l->part] == POLICY_UNAVAILABLE);
			expect(strstr(lax.note, l->says));
			expect(!(policy_parts_on(&lax) & POLICY_BIT(l->part)));
			_exit(0);
		}
		expect(waitpid(pid, &status, 0) == pid && status == 0);
	}
	return 0;
}

static void what_the_kernel_lacks_ends_it_unless_it_is_given_up(void **state)
{
	NEEDS_ROOT();
	for (size_t i = 0; i < sizeof(lackings) / sizeof(lackings[0]); i++)
		assert_int_equal(in_child(ends_unless_given_up, (void *)&lackings[i]), 0);
}

static void what_may_be_given_up_is_named(void **state)
{
	unsigned int parts = 0;

	assert_int_equal(policy_parts_parse("landlock", &parts), 0);
	assert_int_equal(parts, POLICY_BIT(POLICY_LANDLOCK));
	assert_int_equal(policy_parts_parse("seccomp,landlock", &parts), 0);
	assert_int_equal(parts, POLICY_BIT(POLICY_LANDLOCK) | POLICY_BIT(POLICY_SECCOMP));
	parts = 0;
	assert_int_equal(policy_parts_parse("", &parts), -EINVAL);
	assert_int_equal(policy_parts_parse("landlock,", &parts), -EINVAL);
	assert_int_equal(policy_parts_parse("landlock_net", &parts), -EINVAL);
	assert_int_equal(policy_parts_parse("capabilities", &parts), -EINVAL);
	assert_int_equal(parts, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_loader_holds_beyond_two_is_dropped_and_named),
		cmocka_unit_test(exactly_two_capabilities_are_nothing_to_talk_about),
		cmocka_unit_test(after_attach_the_loader_holds_nothing),
		cmocka_unit_test(
			a_bounding_set_that_cannot_be_emptied_is_said_and_no_reason_to_stop),
		cmocka_unit_test(with_setpcap_all_five_sets_are_emptied_and_secure_bits_locked),
		cmocka_unit_test(what_is_missing_is_named_with_its_cure),
		cmocka_unit_test(a_collector_started_by_root_becomes_nobody_in_particular),
		cmocka_unit_test(a_collector_that_would_stay_root_does_not_start),
		cmocka_unit_test(an_unprivileged_collector_cannot_be_asked_to_be_somebody_else),
		cmocka_unit_test(no_sandbox_still_drops_capabilities_and_says_what_is_off),
		cmocka_unit_test(a_sandbox_that_would_miss_a_thread_is_refused),
		cmocka_unit_test(a_part_that_fails_fails_the_whole),
		cmocka_unit_test(what_the_kernel_lacks_ends_it_unless_it_is_given_up),
		cmocka_unit_test(what_may_be_given_up_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
