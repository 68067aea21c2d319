/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process may still do: one state per part, for the log line at start and for the metric
 * keyhole_sandbox{part="..."}.
 */
#ifndef KEYHOLE_POLICY_REPORT_H
#define KEYHOLE_POLICY_REPORT_H

#include <stddef.h>

/* X(ENUM, name in the log and in the metric). */
#define POLICY_PARTS(X)                                                                            \
	X(NO_DUMP, "no_dump")           /* no core file, no ptrace by the same user */             \
	X(NO_NEW_PRIVS, "no_new_privs") /* execve gives nothing more */                            \
	X(USER, "user")                 /* (collector) not uid 0 */                                \
	X(CAPABILITIES, "capabilities") /* none in effective, permitted, inheritable, ambient */   \
	X(BOUNDING, "bounding_set")     /* likewise in the bounding set */                         \
	X(SECUREBITS, "securebits")     /* uid 0 means nothing, locked */                          \
	X(LANDLOCK, "landlock")         /* files and directories */                                \
	X(LANDLOCK_NET, "landlock_net") /* TCP ports, from Linux 6.7 */                            \
	X(SECCOMP, "seccomp")

enum policy_part {
#define POLICY_X(e, name) POLICY_##e,
	POLICY_PARTS(POLICY_X)
#undef POLICY_X
		POLICY_PARTS_COUNT,
};

enum policy_state {
	POLICY_OFF = 0,     /* not asked for, or not reached */
	POLICY_ON,          /* in force */
	POLICY_NOT_MEANT,   /* not a part of this process's sandbox */
	POLICY_UNAVAILABLE, /* this kernel or container can't; note[] says why */
};

/* All zero at start, but for may_lack; the functions of policy/ only add to it. */
struct policy_report {
	unsigned int may_lack; /* --allow-missing: POLICY_BIT()s of parts that need not be had */
	enum policy_state part[POLICY_PARTS_COUNT];
	int landlock_abi; /* 0: none */
	char note[768]; /* sentences for the log, "; " between them: what was dropped, what can't be
			 */
	char error[256]; /* one line: what failed, why, what to do. "" unless a function failed */
};

#define POLICY_BIT(part) (1u << (part))

const char *policy_part_name(enum policy_part part);

/*
 * The value of --allow-missing: names of parts, "," between them. Only "landlock" and "seccomp" can
 * be lacking on a kernel that Keyhole runs on. Adds to *parts. Returns 0 or -EINVAL.
 */
int policy_parts_parse(const char *names, unsigned int *parts);
#define POLICY_PARTS_WANTED "must be landlock, seccomp or both with a comma between"

/* POLICY_BIT()s of the parts that are on. */
unsigned int policy_parts_on(const struct policy_report *report);

/* "on", "off", "unavailable" or "none" (not meant). */
const char *policy_state_name(enum policy_state state);

/*
 * One line for the log: "no_new_privs capabilities landlock=7 seccomp; off: ...; unavailable: ...;
 * note". Returns `buf`.
 */
const char *policy_report_line(const struct policy_report *report, char *buf, size_t size);

/* For policy/ itself: adds a sentence; notes what failed and returns `err` (negative). */
void policy_note(struct policy_report *report, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int policy_fail(struct policy_report *report, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
