/* SPDX-License-Identifier: Apache-2.0 */
#include "landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * include/uapi/linux/landlock.h as of Linux 6.12, named apart so that any header may be older or
 * newer. System call numbers are the same on every architecture.
 */
#define NR_CREATE_RULESET 444
#define NR_ADD_RULE 445
#define NR_RESTRICT_SELF 446
#define CREATE_VERSION 1u
#define RULE_PATH_BENEATH 1
#define RULE_NET_PORT 2

#define FS_WRITE_FILE (1ULL << 1)
#define FS_READ_FILE (1ULL << 2)
#define FS_READ_DIR (1ULL << 3)
#define FS_TRUNCATE (1ULL << 14)
#define NET_BIND_TCP (1ULL << 0)
#define NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_ALL 3ULL /* abstract Unix sockets, signals */

struct ruleset {
	uint64_t fs, net, scoped;
};

struct path_rule {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

struct port_rule {
	uint64_t allowed, port;
};

/* What each version handles: all file rights known to it, and the size of its struct. */
static const struct {
	uint64_t fs;
	bool net, scoped;
	size_t size;
} versions[] = {
	[1] = {0x1fff, false, false, 8}, /* EXECUTE .. MAKE_SYM */
	[2] = {0x3fff, false, false, 8}, /* + REFER */
	[3] = {0x7fff, false, false, 8}, /* + TRUNCATE */
	[4] = {0x7fff, true, false, 16}, /* + TCP */
	[5] = {0xffff, true, false, 16}, /* + IOCTL_DEV */
	[6] = {0xffff, true, true, 24},  /* + scopes */
};
#define VERSION_MAX 6 /* of what is used here */

int policy_landlock_abi(const char **why)
{
	long abi = syscall(NR_CREATE_RULESET, NULL, 0, CREATE_VERSION);
	const char *reason = "";

	if (abi > 0)
		return (int)abi;
	if (errno == ENOSYS)
		reason = "the kernel has no Landlock (5.13, CONFIG_SECURITY_LANDLOCK)";
	else if (errno == EOPNOTSUPP)
		reason = "Landlock is not among the kernel's active LSMs (lsm= at boot)";
	else
		reason = "the container's seccomp profile refuses Landlock";
	if (why)
		*why = reason;
	return 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* Returns 1 if the rule was added, 0 if there is no such path, or -errno. */
static int add_path(int ruleset, const char *path, uint64_t file_rights, uint64_t dir_rights)
{
	__attribute__((cleanup(close_fd))) int fd = open(path, O_PATH | O_CLOEXEC);
	struct path_rule rule = {.parent = fd};
	struct stat st;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : -errno;
	if (fstat(fd, &st))
		return -errno;
	rule.allowed = file_rights | (S_ISDIR(st.st_mode) ? dir_rights : 0);
	if (syscall(NR_ADD_RULE, ruleset, RULE_PATH_BENEATH, &rule, 0))
		return -errno;
	return 1;
}

static int add_paths(int ruleset, const struct policy_landlock *rules, uint64_t handled,
		     struct policy_report *report)
{
	uint64_t write = (FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE) & handled;
	int n;

	for (const char *const *p = rules->read; p && *p; p++) {
		n = add_path(ruleset, *p, FS_READ_FILE, FS_READ_DIR);
		if (n < 0)
			return policy_fail(report, n, "Landlock: cannot allow reading %s: %s", *p,
					   strerror(-n));
	}
	for (const char *const *p = rules->write; p && *p; p++) {
		n = add_path(ruleset, *p, write, 0);
		if (n <= 0)
			return policy_fail(report, n ? n : -ENOENT,
					   "Landlock: cannot allow writing %s: %s; create the file "
					   "before",
					   *p, n ? strerror(-n) : "no such file");
	}
	return 0;
}

static int add_ports(int ruleset, const uint16_t *ports, size_t count, uint64_t right,
		     struct policy_report *report)
{
	for (size_t i = 0; i < count; i++) {
		struct port_rule rule = {right, ports[i]};

		if (syscall(NR_ADD_RULE, ruleset, RULE_NET_PORT, &rule, 0))
			return policy_fail(report, -errno, "Landlock: cannot allow port %u: %s",
					   ports[i], strerror(errno));
	}
	return 0;
}

int policy_landlock(const struct policy_landlock *rules, struct policy_report *report)
{
	const char *why = "";
	int abi = policy_landlock_abi(&why);
	int v = abi < VERSION_MAX ? abi : VERSION_MAX;
	__attribute__((cleanup(close_fd))) int fd = -1;
	struct ruleset set = {0};
	int err;

	if (abi == 0)
		return policy_fail(report, -ENOSYS,
				   "no Landlock: %s; mend that, or give it up with "
				   "--allow-missing=landlock",
				   why);
	set.fs = versions[v].fs;
	set.net = versions[v].net ? NET_BIND_TCP | NET_CONNECT_TCP : 0;
	set.scoped = versions[v].scoped ? SCOPE_ALL : 0;
	fd = (int)syscall(NR_CREATE_RULESET, &set, versions[v].size, 0);
	if (fd < 0)
		return policy_fail(report, -errno, "Landlock: cannot make a ruleset: %s",
				   strerror(errno));
	err = add_paths(fd, rules, set.fs, report);
	if (!err && set.net)
		err = add_ports(fd, rules->bind, rules->bind_count, NET_BIND_TCP, report);
	if (!err && set.net)
		err = add_ports(fd, rules->connect, rules->connect_count, NET_CONNECT_TCP, report);
	if (err)
		return err;
	if (syscall(NR_RESTRICT_SELF, fd, 0))
		return policy_fail(report, -errno, "Landlock: cannot restrict this process: %s",
				   strerror(errno));
	report->part[POLICY_LANDLOCK] = POLICY_ON;
	report->part[POLICY_LANDLOCK_NET] = set.net ? POLICY_ON : POLICY_UNAVAILABLE;
	report->landlock_abi = abi;
	return 0;
}
