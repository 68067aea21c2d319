/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables as an OCI seccomp profile (opencontainers/runtime-spec, config-linux.md). A container
 * runtime installs it before it executes the program, so rows of start-up are part of it, and a
 * call that start-up needs is not killed.
 */
#include <errno.h>

#include "calls.h"

static void print_args(const struct policy_call *call, FILE *out)
{
	const char *comma = "";

	fputs("\"args\": [", out);
	for (int i = 0; i < POLICY_ARGS_MAX && call->arg[i].mask; i++) {
		const struct policy_arg *arg = &call->arg[i];

		if (arg->self)
			continue;
		/* Never a number above 32 bits: tools that read JSON as doubles would spoil it. */
		if (arg->mask == ~0ULL)
			fprintf(out, "%s{\"index\": %u, \"value\": %u, \"op\": \"SCMP_CMP_EQ\"}",
				comma, arg->index, (unsigned int)arg->value);
		else
			fprintf(out,
				"%s{\"index\": %u, \"value\": %u, \"valueTwo\": %u, "
				"\"op\": \"SCMP_CMP_MASKED_EQ\"}",
				comma, arg->index, (unsigned int)arg->mask,
				(unsigned int)arg->value);
		comma = ", ";
	}
	fputs("]", out);
}

static const char *action_name(enum policy_verdict verdict)
{
	switch (verdict) {
	case POLICY_KILL:
		return "SCMP_ACT_KILL_PROCESS";
	case POLICY_ENOSYS:
		return "SCMP_ACT_ERRNO";
	case POLICY_ALLOW:
	case POLICY_START:
		break;
	}
	return "SCMP_ACT_ALLOW";
}

/* Texts are the tables' own, without anything that JSON would want escaped. */
static void print_row(const struct policy_call *call, const char **comma, FILE *out)
{
	fprintf(out, "%s\n    {\"names\": [\"%s\"], \"action\": \"%s\", ", *comma, call->name,
		action_name(call->verdict));
	if (call->verdict == POLICY_ENOSYS)
		fprintf(out, "\"errnoRet\": %d, ", ENOSYS);
	print_args(call, out);
	fprintf(out, ", \"comment\": \"%s\"}", call->why);
	*comma = ",";
}

static void print_table(enum policy_role role, const struct policy_table *table, const char **comma,
			FILE *out)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct policy_call *call = &table->row[i];
		bool refusal = call->verdict == POLICY_KILL || call->verdict == POLICY_ENOSYS;

		/* Runtimes refuse two actions for one call: what start-up needs is allowed. */
		if (refusal && policy_calls_has(role, call->name, POLICY_START))
			continue;
		print_row(call, comma, out);
	}
}

int policy_seccomp_emit_json(enum policy_role role, FILE *out)
{
	struct policy_table own = policy_calls(role);
	const char *comma = "";

	fprintf(out,
		"{\n  \"defaultAction\": \"SCMP_ACT_ERRNO\",\n  \"defaultErrnoRet\": %d,\n"
		"  \"architectures\": [\"SCMP_ARCH_X86_64\", \"SCMP_ARCH_AARCH64\"],\n"
		"  \"syscalls\": [",
		EPERM);
	print_table(role, &policy_forbidden_calls, &comma, out);
	print_table(role, &policy_shared_calls, &comma, out);
	print_table(role, &own, &comma, out);
	fputs("\n  ]\n}\n", out);
	return fflush(out) || ferror(out) ? -EIO : 0;
}
