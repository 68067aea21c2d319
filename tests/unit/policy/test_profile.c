/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The profile for container runtimes: a program that is executed under it, as a runtime would,
 * starts and comes as far as its own sandbox.
 *
 * Usage: test_profile KEYHOLE-SECCOMP-PROFILE SANDBOX_PROBE
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <errno.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "child.h"
#include "policy/capability.h"
#include "policy/sandbox.h"

static const char *profile_path, *probe_path;

static cJSON *profile_of(const char *role)
{
	static char text[1 << 17];
	char command[512];
	FILE *f;
	size_t n;

	snprintf(command, sizeof(command), "%s %s", profile_path, role);
	f = popen(command, "r");
	n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	text[n] = 0;
	return f && pclose(f) == 0 ? cJSON_Parse(text) : NULL;
}

static const char *text_of(const cJSON *object, const char *key)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(object, key));

	return text ? text : "";
}

static double number_of(const cJSON *object, const char *key)
{
	const cJSON *number = cJSON_GetObjectItem(object, key);

	return number ? number->valuedouble : 0;
}

static uint32_t action_of(const cJSON *entry)
{
	const char *name = text_of(entry, "action");

	if (strcmp(name, "SCMP_ACT_ALLOW") == 0)
		return SCMP_ACT_ALLOW;
	if (strcmp(name, "SCMP_ACT_KILL_PROCESS") == 0)
		return SCMP_ACT_KILL_PROCESS;
	return SCMP_ACT_ERRNO((uint16_t)number_of(entry, "errnoRet"));
}

/* As runc does it: one rule for each entry, all its arguments together. */
static int add_entry(scmp_filter_ctx filter, const cJSON *entry)
{
	const cJSON *names = cJSON_GetObjectItem(entry, "names"), *arg;
	int nr = seccomp_syscall_resolve_name(cJSON_GetStringValue(cJSON_GetArrayItem(names, 0)));
	struct scmp_arg_cmp args[6];
	unsigned int n = 0;

	cJSON_ArrayForEach(arg, cJSON_GetObjectItem(entry, "args"))
	{
		bool masked = strcmp(text_of(arg, "op"), "SCMP_CMP_MASKED_EQ") == 0;
		uint64_t value = (uint64_t)number_of(arg, "value");

		args[n].arg = (unsigned int)number_of(arg, "index");
		args[n].op = masked ? SCMP_CMP_MASKED_EQ : SCMP_CMP_EQ;
		args[n].datum_a = value;
		args[n++].datum_b = masked ? (uint64_t)number_of(arg, "valueTwo") : 0;
	}
	return nr < 0 ? 0 : seccomp_rule_add_array(filter, action_of(entry), nr, n, args);
}

static int apply(const char *role)
{
	cJSON *profile = profile_of(role);
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	const cJSON *entry;

	expect(profile && filter);
	expect(strcmp(text_of(profile, "defaultAction"), "SCMP_ACT_ERRNO") == 0);
	cJSON_ArrayForEach(entry, cJSON_GetObjectItem(profile, "syscalls"))
	{
		expect(add_entry(filter, entry) == 0);
	}
	expect(seccomp_load(filter) == 0);
	return 0;
}

static int start_under_profile(void *arg)
{
	const char *role = arg;
	struct policy_report report = {0};

	if (strcmp(role, "collector") == 0)
		expect(geteuid() != 0 || setresuid(65532, 65532, 65532) == 0);
	else if (geteuid() == 0)
		expect(policy_caps_keep_only(&report) == 0);
	expect(apply(role) == 0);
	execl(probe_path, probe_path, "--enter", role, NULL);
	return 1;
}

static void the_loader_starts_under_its_profile(void **state)
{
	assert_int_equal(in_child(start_under_profile, "loader"), 0);
}

static void the_collector_starts_under_its_profile(void **state)
{
	assert_int_equal(in_child(start_under_profile, "collector"), 0);
}

static int call_bpf_as_collector(void *arg)
{
	expect(apply("collector") == 0);
	syscall(SYS_bpf, -1, NULL, 0);
	return 0;
}

static int call_bpf_as_loader(void *arg)
{
	expect(apply("loader") == 0);
	return syscall(SYS_bpf, -1, NULL, 0) == -1 && errno != EPERM ? 0 : errno;
}

static int trace_as_loader(void *arg)
{
	expect(apply("loader") == 0);
	syscall(SYS_ptrace, -1, 0, 0, 0);
	return 0;
}

static void only_the_loaders_profile_lets_bpf_through(void **state)
{
	int got = in_child(call_bpf_as_loader, NULL);

	assert_int_equal(in_child(call_bpf_as_collector, NULL), -SIGSYS);
	/* Without the right, the kernel's own answer is EPERM too: then nothing is shown. */
	assert_true(got == 0 || (geteuid() != 0 && got == EPERM));
	assert_int_equal(in_child(trace_as_loader, NULL), -SIGSYS);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_loader_starts_under_its_profile),
		cmocka_unit_test(the_collector_starts_under_its_profile),
		cmocka_unit_test(only_the_loaders_profile_lets_bpf_through),
	};

	if (argc != 3)
		return 2;
	profile_path = argv[1];
	probe_path = argv[2];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
