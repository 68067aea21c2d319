/* SPDX-License-Identifier: Apache-2.0 */
/* The plain process attributes: no core, no ptrace, no new privileges, which user. */
#ifndef KEYHOLE_POLICY_PROCESS_H
#define KEYHOLE_POLICY_PROCESS_H

#include <sys/types.h>

#include "report.h"

/*
 * Closes all descriptors but the three of stdio: what a parent left open would be open in the
 * sandbox too. First of all in main().
 */
void policy_close_inherited(void);

/* Capabilities, Landlock and no_new_privs are a thread's: 0 if there is one thread, else -EBUSY. */
int policy_single_thread(struct policy_report *report);

/* PR_SET_DUMPABLE 0, RLIMIT_CORE 0, PR_SET_NO_NEW_PRIVS. Returns 0 or -errno. */
int policy_harden(struct policy_report *report);

/*
 * Become uid `user` and gid `group`, without supplementary groups, for good. A process that is
 * not uid 0 stays who it is (and keeps its groups: a pod's fsGroup opens the loader's socket),
 * unless it is asked to be another: -EPERM. As uid 0 without CAP_SETUID and CAP_SETGID: -EPERM.
 */
int policy_become(uid_t user, gid_t group, struct policy_report *report);

#endif
