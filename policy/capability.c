/* SPDX-License-Identifier: Apache-2.0 */
#include "capability.h"

#include <errno.h>
#include <linux/securebits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>

/* Numbers are the kernel's own; libcap before 2.44 does not know the two. */
#define KEEP_PERFMON 38
#define KEEP_BPF 39
#define CAPS_END 64 /* a set has 64 bits (capget version 3) */

#define BIT(n) (1ULL << (n))
#define KEEP_BOTH (BIT(KEEP_PERFMON) | BIT(KEEP_BPF))

/* uid 0 gains nothing by execve or by a change of uid; each choice is locked. */
#define SECURE_ALL                                                                                 \
	(SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |                           \
	 SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |   \
	 SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

static void free_caps(cap_t *caps)
{
	if (*caps)
		cap_free(*caps);
}

#define _cleanup_caps_ __attribute__((cleanup(free_caps)))

/* One set of this thread as a bit mask. Returns 0 or -errno. */
static int get_set(cap_flag_t flag, uint64_t *set)
{
	_cleanup_caps_ cap_t caps = cap_get_proc();
	cap_flag_value_t on;

	if (!caps)
		return -errno;
	*set = 0;
	for (int i = 0; i < cap_max_bits() && i < CAPS_END; i++) {
		if (cap_get_flag(caps, i, flag, &on))
			return -errno;
		if (on == CAP_SET)
			*set |= BIT(i);
	}
	return 0;
}

/* The bounding (PR_CAPBSET_READ) set; a number that the kernel does not know ends it. */
static uint64_t bounding_set(void)
{
	uint64_t set = 0;

	for (int i = 0; i < CAPS_END; i++) {
		int on = prctl(PR_CAPBSET_READ, i, 0, 0, 0);

		if (on < 0)
			break;
		if (on)
			set |= BIT(i);
	}
	return set;
}

static uint64_t ambient_set(void)
{
	uint64_t set = 0;

	for (int i = 0; i < CAPS_END; i++) {
		int on = prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i, 0, 0);

		if (on < 0)
			break;
		if (on)
			set |= BIT(i);
	}
	return set;
}

/* "CAP_SYS_ADMIN CAP_CHOWN" of a mask; more than `most` names end in "and N more". */
static const char *names_of(uint64_t set, int most, char *buf, size_t size)
{
	size_t used = 0;
	int left = __builtin_popcountll(set);

	buf[0] = 0;
	for (int i = 0; i < CAPS_END && used < size; i++) {
		char *name;

		if (!(set & BIT(i)))
			continue;
		if (most-- == 0) {
			snprintf(buf + used, size - used, " and %d more", left);
			break;
		}
		name = cap_to_name(i);
		for (char *c = name; c && *c; c++)
			*c = *c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c;
		used += snprintf(buf + used, size - used, "%s%s", used ? " " : "",
				 name ? name : "?");
		if (name)
			cap_free(name);
		left--;
	}
	return buf;
}

int policy_caps_check(struct policy_report *report)
{
	uint64_t effective, missing;
	char names[64];
	int err;

	if (prctl(PR_CAPBSET_READ, KEEP_BPF, 0, 0, 0) < 0)
		return policy_fail(report, -EPERM,
				   "this kernel has no CAP_BPF: Keyhole needs Linux 5.8 or later");
	err = get_set(CAP_EFFECTIVE, &effective);
	if (err)
		return policy_fail(report, err, "cannot read the capabilities: %s", strerror(-err));
	missing = KEEP_BOTH & ~effective;
	if (!missing)
		return 0;
	return policy_fail(
		report, -EPERM,
		"%s missing from the effective set: run with BPF and PERFMON in "
		"securityContext.capabilities.add, as uid 0, or as another directly from a file "
		"with file capabilities; or by `setpriv --inh-caps=+bpf,+perfmon "
		"--ambient-caps=+bpf,+perfmon`",
		names_of(missing, 2, names, sizeof(names)));
}

/* Takes everything but `keep` out of the bounding set. Returns what could not be taken out. */
static uint64_t drop_bounding(uint64_t keep)
{
	uint64_t set = bounding_set() & ~keep;

	for (int i = 0; i < CAPS_END; i++) {
		if (set & BIT(i))
			prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	}
	return bounding_set() & ~keep;
}

/* Sets effective = permitted = `keep`, inheritable and ambient empty; reads all back. */
static int set_exactly(uint64_t keep, struct policy_report *report)
{
	static const cap_flag_t flags[] = {CAP_EFFECTIVE, CAP_PERMITTED, CAP_INHERITABLE};
	_cleanup_caps_ cap_t caps = cap_init();
	uint64_t left = 0, set;

	if (!caps)
		return policy_fail(report, -ENOMEM, "cannot drop capabilities: out of memory");
	for (cap_value_t i = 0; i < CAPS_END; i++) {
		if ((keep & BIT(i)) && (cap_set_flag(caps, CAP_PERMITTED, 1, &i, CAP_SET) ||
					cap_set_flag(caps, CAP_EFFECTIVE, 1, &i, CAP_SET)))
			return policy_fail(report, -errno, "libcap does not know capability %d", i);
	}
	/* EINVAL: a kernel before 4.3, which has no ambient set. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) && errno != EINVAL)
		return policy_fail(report, -errno, "cannot clear the ambient capabilities: %s",
				   strerror(errno));
	if (cap_set_proc(caps))
		return policy_fail(report, -errno, "cannot drop capabilities: %s", strerror(errno));
	for (int i = 0; i < 3; i++) {
		int err = get_set(flags[i], &set);

		if (err)
			return policy_fail(report, err, "cannot read the capabilities back: %s",
					   strerror(-err));
		left |= set & ~(flags[i] == CAP_INHERITABLE ? 0 : keep);
	}
	left |= ambient_set();
	if (left)
		return policy_fail(report, -EPERM,
				   "capabilities stay after they were dropped: %#llx",
				   (unsigned long long)left);
	return 0;
}

int policy_caps_keep_only(struct policy_report *report)
{
	uint64_t permitted = 0, left;
	char names[256];
	int err = get_set(CAP_PERMITTED, &permitted);

	if (err)
		return policy_fail(report, err, "cannot read the capabilities: %s", strerror(-err));
	left = drop_bounding(KEEP_BOTH);
	err = set_exactly(permitted & KEEP_BOTH, report);
	if (err)
		return err;
	if (permitted & ~KEEP_BOTH)
		policy_note(report,
			    "dropped capabilities that are not needed and should not be "
			    "given: %s",
			    names_of(permitted & ~KEEP_BOTH, 8, names, sizeof(names)));
	if (left)
		policy_note(report,
			    "the bounding set keeps %d capabilities that only CAP_SETPCAP "
			    "could take out; no_new_privs keeps them out of reach",
			    __builtin_popcountll(left));
	return 0;
}

void policy_caps_drop_bounding(struct policy_report *report)
{
	uint64_t left = drop_bounding(0);

	report->part[POLICY_BOUNDING] = left ? POLICY_UNAVAILABLE : POLICY_ON;
	if (prctl(PR_SET_SECUREBITS, SECURE_ALL, 0, 0, 0) == 0 ||
	    (prctl(PR_GET_SECUREBITS, 0, 0, 0, 0) & SECURE_ALL) == SECURE_ALL)
		report->part[POLICY_SECUREBITS] = POLICY_ON;
	else
		report->part[POLICY_SECUREBITS] = POLICY_UNAVAILABLE;
	if (left || report->part[POLICY_SECUREBITS] != POLICY_ON)
		policy_note(report, "bounding set and secure bits need CAP_SETPCAP to be closed; "
				    "no_new_privs does as much");
}

int policy_caps_drop_all(struct policy_report *report)
{
	int err;

	if (report->part[POLICY_BOUNDING] == POLICY_OFF)
		policy_caps_drop_bounding(report);
	err = set_exactly(0, report);
	if (!err)
		report->part[POLICY_CAPABILITIES] = POLICY_ON;
	return err;
}
