/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdio.h>

#include "backend.h"
#include "policy/capability.h"
#include "policy/landlock.h"

static void row(const char *name, const char *missing, const char *fine)
{
	printf("%-12s %s\n", name, missing[0] ? missing : fine);
}

int check(const struct options *o)
{
	struct policy_report report = {0};
	struct kernel k;
	char choice[64], reason[2 * BACKEND_REASON + 64], args[64];
	bool privileged = policy_caps_check(&report) == 0, landlocked, works;
	const char *no_landlock = "";

	backend_probe(&k);
	printf("%-12s Linux %s\n", "kernel", k.release);
	row("privileges", privileged ? "" : report.error, "CAP_BPF and CAP_PERFMON");
	row("BTF", k.no_btf, "yes");
	row("BPF", k.no_bpf, "yes");
	if (!k.no_btf[0] && !k.no_bpf[0]) {
		snprintf(args, sizeof(args), "yes (tcp_recvmsg has %d arguments)", k.recv_args);
		row("tracepoint", k.no_tracepoint, "yes");
		row("fexit", k.no_fexit, args);
		row("snapshot", k.no_snapshot, k.task_iter ? "task iterator" : "task list");
		row("kernel reads",
		    k.kernel_reads ? "" : "refused by lockdown; tracepoints need none", "yes");
	}
	landlocked = policy_landlock_abi(&no_landlock) > 0;
	row("Landlock", no_landlock, "yes");
	works = backend_choose(&k, o->backend, choice, sizeof(choice), reason, sizeof(reason));
	if (!works || !privileged) {
		printf("%-12s would not run: %s\n", "result", privileged ? reason : report.error);
		return 1;
	}
	if (!landlocked && !o->no_sandbox && !(o->may_lack & POLICY_BIT(POLICY_LANDLOCK))) {
		printf("%-12s would not run: no Landlock; --allow-missing=landlock gives it up\n",
		       "result");
		return 1;
	}
	printf("%-12s would run with backend %s%s%s\n", "result", choice, reason[0] ? "; " : "",
	       reason);
	return 0;
}
