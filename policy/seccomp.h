/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System-call filters. The tables (loader_calls.c, collector_calls.c, forbidden_calls.c) say
 * everything; this installs one of them, or prints it as a profile for a container runtime.
 *
 * Verdicts: a call in the forbidden table kills the process (nothing that is not an attack calls
 * it); a call not listed at all, or listed but with other arguments, gets EPERM and a line in the
 * audit log, so that a library that starts to use something new degrades instead of dying; a few
 * get ENOSYS, from which libc falls back to an older call.
 */
#ifndef KEYHOLE_POLICY_SECCOMP_H
#define KEYHOLE_POLICY_SECCOMP_H

#include <stdio.h>

#include "report.h"

enum policy_role {
	POLICY_LOADER,    /* after attach */
	POLICY_COLLECTOR, /* once configured */
};

/*
 * Installs the filter of a role on all threads; sets no_new_privs. Calls of another architecture
 * (32 bit, x32) kill. Returns 0 or -errno with report->error.
 */
int policy_seccomp_install(enum policy_role role, struct policy_report *report);

/*
 * Prints the role's OCI profile (Kubernetes: seccompProfile.type Localhost) for x86-64 and
 * aarch64. It holds from before execve on, so it also has what start-up needs, up to the point
 * where the process installs the narrower filter itself. Returns 0 or -errno.
 */
int policy_seccomp_emit_json(enum policy_role role, FILE *out);

#endif
