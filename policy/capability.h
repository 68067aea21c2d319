/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capabilities. The loader starts with exactly CAP_BPF and CAP_PERFMON and ends with none; the
 * collector starts with whatever it was given and goes on with none. Capabilities belong to a
 * thread: call these while the process has one (policy_enter_*() checks it).
 */
#ifndef KEYHOLE_POLICY_CAPABILITY_H
#define KEYHOLE_POLICY_CAPABILITY_H

#include "report.h"

/*
 * Are CAP_BPF and CAP_PERFMON in the effective set? Returns 0, or -EPERM with report->error
 * naming what is missing and how to give it.
 */
int policy_caps_check(struct policy_report *report);

/*
 * Keeps CAP_BPF and CAP_PERFMON in the effective and permitted sets, nothing in the inheritable
 * and ambient ones, and empties the bounding set of the rest as far as CAP_SETPCAP allows. What
 * was held beyond the two is named in report->note. Read back: -EPERM if anything more is left.
 */
int policy_caps_keep_only(struct policy_report *report);

/*
 * Empties all five sets and locks the secure bits, the last two as far as CAP_SETPCAP allows
 * (without it the bounding set can't be emptied; no_new_privs keeps it out of reach). Read back:
 * -EPERM if anything is left in the other four.
 */
int policy_caps_drop_all(struct policy_report *report);

/* The half of policy_caps_drop_all() that needs CAP_SETPCAP: before a change of user takes it. */
void policy_caps_drop_bounding(struct policy_report *report);

#endif
