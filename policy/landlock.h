/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Landlock, by system call (the library and recent headers are not everywhere). Versions of its
 * ABI: 1 (5.13) files; 2 (5.19) rename; 3 (6.2) truncate; 4 (6.7) TCP ports; 5 (6.10) ioctl on
 * devices; 6 (6.12) abstract Unix sockets and signals. What a kernel knows is used, the rest is
 * left to seccomp.
 */
#ifndef KEYHOLE_POLICY_LANDLOCK_H
#define KEYHOLE_POLICY_LANDLOCK_H

#include <stdint.h>

#include "report.h"

/*
 * All that stays allowed. Path lists end with NULL, port lists with their count. A rule binds to
 * the inode: name the directory of a file that is replaced by rename.
 */
struct policy_landlock {
	const char *const *read;  /* directories (all beneath) and files; absent ones are skipped */
	const char *const *write; /* files that exist; opened before is better */
	const uint16_t *bind;     /* TCP ports; 0 is "the kernel chooses" */
	size_t bind_count;
	const uint16_t *connect; /* TCP ports */
	size_t connect_count;
};

/* The kernel's ABI version, or 0. `why`, if not NULL, gets the reason for 0. */
int policy_landlock_abi(const char **why);

/*
 * Restricts this thread, for good. Needs no_new_privs. Returns 0 or -errno, -ENOSYS where the
 * kernel has no Landlock: then nothing is restricted. What only newer kernels can restrict is
 * told in the report (POLICY_LANDLOCK_NET).
 */
int policy_landlock(const struct policy_landlock *rules, struct policy_report *report);

#endif
