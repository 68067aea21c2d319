/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DESCRIPTORS_MAX 65536 /* looked at one by one, where there is no close_range(2) */

void policy_close_inherited(void)
{
	struct rlimit limit = {DESCRIPTORS_MAX, DESCRIPTORS_MAX};

	if (!syscall(SYS_close_range, 3, ~0u, 0))
		return;
	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur > DESCRIPTORS_MAX)
		limit.rlim_cur = DESCRIPTORS_MAX;
	for (int fd = 3; fd < (int)limit.rlim_cur; fd++)
		close(fd);
}

/* procfs counts a directory's links as 2 plus its subdirectories: here, one per thread. */
int policy_single_thread(struct policy_report *report)
{
	struct stat st;

	if (stat("/proc/self/task", &st))
		return policy_fail(
			report, -errno,
			"cannot count the threads of this process in /proc/self/task: %s; "
			"mount procfs on /proc",
			strerror(errno));
	if (st.st_nlink != 3)
		return policy_fail(
			report, -EBUSY,
			"the sandbox must be entered before threads start: there are %lu",
			(unsigned long)st.st_nlink - 2);
	return 0;
}

int policy_harden(struct policy_report *report)
{
	struct rlimit none = {0, 0};

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) || setrlimit(RLIMIT_CORE, &none))
		return policy_fail(report, -errno, "cannot switch core dumps off: %s",
				   strerror(errno));
	report->part[POLICY_NO_DUMP] = POLICY_ON;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return policy_fail(report, -errno, "cannot set no_new_privs: %s", strerror(errno));
	report->part[POLICY_NO_NEW_PRIVS] = POLICY_ON;
	return 0;
}

static int check_is(uid_t user, gid_t group, struct policy_report *report)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;

	if (getresuid(&ruid, &euid, &suid) || getresgid(&rgid, &egid, &sgid))
		return policy_fail(report, -errno, "cannot read the user: %s", strerror(errno));
	if (ruid != user || euid != user || suid != user || rgid != group || egid != group ||
	    sgid != group)
		return policy_fail(report, -EPERM,
				   "uid %u and gid %u are not this process's only ones", user,
				   group);
	return 0;
}

int policy_become(uid_t user, gid_t group, struct policy_report *report)
{
	uid_t now = geteuid();
	int err;

	if (now != 0) {
		if (user != now && user != 0)
			return policy_fail(report, -EPERM,
					   "cannot become uid %u: started as uid %u, not 0", user,
					   now);
		err = check_is(now, getegid(), report);
	} else if (user == 0 || group == 0) {
		return policy_fail(report, -EPERM,
				   "uid 0 and gid 0 may not read what workloads "
				   "wrote: choose another --user");
	} else if (setgroups(0, NULL) || setresgid(group, group, group) ||
		   setresuid(user, user, user)) {
		return policy_fail(
			report, -errno,
			"cannot become uid %u: %s; start as that user (Kubernetes: "
			"runAsUser: %u, runAsNonRoot: true) or give CAP_SETUID and CAP_SETGID",
			user, strerror(errno), user);
	} else {
		err = check_is(user, group, report);
	}
	if (!err)
		report->part[POLICY_USER] = POLICY_ON;
	return err;
}
