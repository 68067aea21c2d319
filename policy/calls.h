/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shape of the system-call tables. One row is one call with the arguments it may have; a call
 * whose arguments may be this or that has several rows. The tables are the whole policy: the
 * filter, the profile for container runtimes and the tests are made from them.
 */
#ifndef KEYHOLE_POLICY_CALLS_H
#define KEYHOLE_POLICY_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seccomp.h"

#define POLICY_ARGS_MAX 3 /* checked arguments of one row */

enum policy_verdict {
	POLICY_ALLOW, /* while the sandbox stands */
	POLICY_START, /* before it stands: in the runtime's profile only, otherwise as if not listed
		       */
	POLICY_ENOSYS, /* "no such call": libc falls back to an older one */
	POLICY_KILL,   /* the process dies by SIGSYS */
};

/*
 * (argument & mask) == value. A mask of 0 ends a row's list; one above 32 bits is all ones. Values
 * have 32 bits.
 */
struct policy_arg {
	unsigned int index;
	uint64_t mask, value;
	bool self; /* the value is this process's id (not checked by the runtime's profile) */
};

struct policy_call {
	const char *name; /* as libseccomp knows it; calls that an architecture lacks are skipped */
	enum policy_verdict verdict;
	const char *why;
	struct policy_arg arg[POLICY_ARGS_MAX];
};

struct policy_table {
	const struct policy_call *row;
	size_t count;
};

/*
 * Arguments. An int is compared in its 32 bits: the kernel ignores the register's other half, and
 * a caller may leave anything there.
 */
#define INT_IS(i, v) {(i), 0xffffffffULL, (uint32_t)(v), false}
#define LONG_IS(i, v) {(i), ~0ULL, (v), false}
#define BITS_ARE(i, m, v) {(i), (m), (v), false}
#define IS_SELF(i) {(i), 0xffffffffULL, 0, true}

/* What a process may do, by role; the forbidden table holds for both. */
struct policy_table policy_calls(enum policy_role role);
extern const struct policy_table policy_loader_calls, policy_collector_calls;
extern const struct policy_table policy_shared_calls, policy_forbidden_calls;

/* Is there a row for `name` with this verdict in the role's own or the shared table? */
bool policy_calls_has(enum policy_role role, const char *name, enum policy_verdict verdict);

#endif
