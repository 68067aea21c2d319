/* SPDX-License-Identifier: Apache-2.0 */
#include "seccomp.h"

#include <errno.h>
#include <seccomp.h>
#include <string.h>
#include <unistd.h>

#include "calls.h"

struct policy_table policy_calls(enum policy_role role)
{
	return role == POLICY_LOADER ? policy_loader_calls : policy_collector_calls;
}

static bool table_has(const struct policy_table *table, const char *name,
		      enum policy_verdict verdict)
{
	for (size_t i = 0; i < table->count; i++) {
		if (table->row[i].verdict == verdict && strcmp(table->row[i].name, name) == 0)
			return true;
	}
	return false;
}

bool policy_calls_has(enum policy_role role, const char *name, enum policy_verdict verdict)
{
	struct policy_table own = policy_calls(role);

	return table_has(&own, name, verdict) || table_has(&policy_shared_calls, name, verdict);
}

static uint32_t action_of(enum policy_verdict verdict)
{
	switch (verdict) {
	case POLICY_KILL:
		return SCMP_ACT_KILL_PROCESS;
	case POLICY_ENOSYS:
		return SCMP_ACT_ERRNO(ENOSYS);
	case POLICY_ALLOW:
	case POLICY_START:
		break;
	}
	return SCMP_ACT_ALLOW;
}

static int add_row(scmp_filter_ctx filter, const struct policy_call *call)
{
	struct scmp_arg_cmp args[POLICY_ARGS_MAX];
	int nr = seccomp_syscall_resolve_name(call->name);
	unsigned int n = 0;

	/* Negative: this architecture, or this libseccomp, has no such call; the default holds. */
	if (nr < 0 || call->verdict == POLICY_START)
		return 0;
	for (; n < POLICY_ARGS_MAX && call->arg[n].mask; n++) {
		const struct policy_arg *arg = &call->arg[n];
		uint64_t value = arg->self ? (uint64_t)getpid() : arg->value;

		args[n] = SCMP_CMP64(arg->index, SCMP_CMP_MASKED_EQ, arg->mask, value);
	}
	return seccomp_rule_add_array(filter, action_of(call->verdict), nr, n, args);
}

static int add_table(scmp_filter_ctx filter, const struct policy_table *table,
		     struct policy_report *report)
{
	for (size_t i = 0; i < table->count; i++) {
		int err = add_row(filter, &table->row[i]);

		if (err)
			return policy_fail(report, err, "seccomp: rule %zu for %s: %s", i,
					   table->row[i].name, strerror(-err));
	}
	return 0;
}

static void release(scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
}

static int refused(int err, struct policy_report *report)
{
	return policy_fail(report, err,
			   "no seccomp filter: %s; mend that, or give it up with "
			   "--allow-missing=seccomp",
			   strerror(-err));
}

int policy_seccomp_install(enum policy_role role, struct policy_report *report)
{
	__attribute__((cleanup(release))) scmp_filter_ctx filter =
		seccomp_init(SCMP_ACT_ERRNO(EPERM));
	struct policy_table own = policy_calls(role);
	int err;

	if (!filter)
		return policy_fail(report, -ENOMEM, "seccomp: out of memory");
	err = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (!err)
		err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (err)
		return refused(err, report);
	/* Best effort: refusals in the audit log; the kernel's own error number; a search tree. */
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1);
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);

	err = add_table(filter, &policy_forbidden_calls, report);
	if (!err)
		err = add_table(filter, &policy_shared_calls, report);
	if (!err)
		err = add_table(filter, &own, report);
	if (err)
		return err;
	err = seccomp_load(filter);
	if (err)
		return refused(err, report);
	report->part[POLICY_SECCOMP] = POLICY_ON;
	return 0;
}
