/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jail COMMAND [ARG...]
 *
 * Runs COMMAND with CAP_BPF and CAP_PERFMON and no other capability, as root without which the
 * jail does not start, under a seccomp filter that ends it when it asks for what Keyhole's loader
 * must not need:
 *
 *   - perf events, mounts, other namespaces and roots, files by handle or by io_uring: the kernel
 *     kills the process by SIGSYS;
 *   - a file below /sys/kernel/tracing, /sys/kernel/debug or /proc/PID, also by another name
 *     (where.h): each opening waits for this process, which reads the path from the caller's
 *     memory and lets it go on or kills it, with one line on standard error.
 *
 * The filter is inherited by threads and children. It holds from COMMAND's own execve on: the
 * capabilities are dropped here, by no program in between that would open what it likes.
 *
 * Exit status: COMMAND's, or 128 + the signal that ended it; 99 if COMMAND or a descendant was
 * killed for a path, whatever COMMAND made of that; 125 if the jail itself failed, 127 if COMMAND
 * cannot be run. SIGTERM and SIGINT are passed on. When COMMAND has ended, opening a file fails
 * with ENOSYS for descendants that are left.
 *
 * This finds out what an honest program does. It is no sandbox: a thread could change a path
 * after it was looked at.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "where.h"

#define BROKE_OUT 99
#define JAIL_FAILED 125
#define NOT_RUN 127
#define NONE (-1) /* the call has no such argument */

static const char *const killed[] = {
	"perf_event_open",
	/* mounts, old and new */
	"mount", "umount2", "pivot_root", "fsopen", "fspick", "fsconfig", "fsmount", "move_mount",
	"open_tree", "mount_setattr",
	/* a path would mean one thing to the command and another to us */
	"chroot", "unshare", "setns",
	/* files without a path that we could look at */
	"open_by_handle_at", "io_uring_setup"};

/* Numbers of arguments. `rooted`: an absolute path may be one below the directory. */
static const struct opening {
	const char *name;
	int dir, path, flags;
	bool rooted;
} openings[] = {
	{"open", NONE, 0, 1, false},
	{"creat", NONE, 0, NONE, false},
	{"openat", 0, 1, 2, false},
	{"openat2", 0, 1, NONE, true}, /* its flags lie in memory: links are followed */
	{"name_to_handle_at", 0, 1, NONE, false},
	{"execve", NONE, 0, NONE, false},
	{"execveat", 0, 1, NONE, false},
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- the command's side ---- */

static void rule(scmp_filter_ctx filter, uint32_t action, const char *call)
{
	int nr = seccomp_syscall_resolve_name(call), r;

	if (nr == __NR_SCMP_ERROR)
		errx(JAIL_FAILED, "libseccomp does not know %s", call);
	if (nr < 0)
		return; /* this architecture has no such call (arm64: open, creat) */
	r = seccomp_rule_add(filter, action, nr, 0);
	if (r)
		errx(JAIL_FAILED, "filter: %s: %s", call, strerror(-r));
}

/* Returns the descriptor at which the openings are told. */
static int install_filter(void)
{
	static const uint64_t namespaces[] = {CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID};
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r;

	if (!filter)
		errx(JAIL_FAILED, "filter: out of memory");
	/* Without no_new_privs, which the loader is to set itself: as root that is allowed. */
	if (seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0) ||
	    seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS))
		errx(JAIL_FAILED, "filter: attributes");
	for (size_t i = 0; i < COUNT(killed); i++)
		rule(filter, SCMP_ACT_KILL_PROCESS, killed[i]);
	for (size_t i = 0; i < COUNT(openings); i++)
		rule(filter, SCMP_ACT_NOTIFY, openings[i].name);
	for (size_t i = 0; i < COUNT(namespaces); i++) {
		r = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), 1,
				     SCMP_A0_64(SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i]));
		if (r)
			errx(JAIL_FAILED, "filter: clone: %s", strerror(-r));
	}
	rule(filter, SCMP_ACT_ERRNO(ENOSYS),
	     "clone3"); /* its flags lie in memory; libc uses clone */
	r = seccomp_load(filter);
	if (r)
		errx(JAIL_FAILED, "filter: cannot install it, not as root? %s", strerror(-r));
	r = seccomp_notify_fd(filter);
	if (r < 0)
		errx(JAIL_FAILED, "filter: no descriptor: %s", strerror(-r));
	seccomp_release(filter);
	return r;
}

/* As `setpriv --bounding-set=-all,+bpf,+perfmon` and so on in deploy/node.sh. */
static void keep_two_capabilities(void)
{
	cap_t two = cap_from_text("cap_bpf,cap_perfmon=eip");

	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
		if (cap != CAP_BPF && cap != CAP_PERFMON && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0))
			err(JAIL_FAILED, "bounding set");
	}
	if (!two || cap_set_proc(two) ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_BPF, 0, 0) ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_PERFMON, 0, 0))
		err(JAIL_FAILED, "CAP_BPF and CAP_PERFMON");
	cap_free(two);
}

/* The first execve already waits for the supervisor, so it has the descriptor by then. */
static void become(char **command, int tell, const sigset_t *mask)
{
	int notify;

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* without supervisor no command */
	notify = install_filter();
	if (write(tell, &notify, sizeof(notify)) != sizeof(notify))
		err(JAIL_FAILED, "pipe");
	keep_two_capabilities();
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(command[0], command);
	err(NOT_RUN, "%s", command[0]);
}

/* ---- the supervisor's side ---- */

/* A caller that we may not look at is none that we could let go on. */
static void must_be_gone(int notify, uint64_t id, const char *what)
{
	int error = errno;

	if (seccomp_notify_id_valid(notify, id) == 0)
		errx(JAIL_FAILED, "%s: %s", what, strerror(error));
}

/* A string of the caller's memory; false if there is none, which the kernel will say as well. */
static bool read_path(int notify, const struct seccomp_notif *told, uint64_t address,
		      char path[PATH_MAX])
{
	char mem[64];
	ssize_t n;
	int fd;

	snprintf(mem, sizeof(mem), "/proc/%u/mem", told->pid);
	fd = open(mem, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		must_be_gone(notify, told->id, mem);
		return false;
	}
	n = pread(fd, path, PATH_MAX, (off_t)address);
	close(fd);
	return n > 0 && memchr(path, 0, (size_t)n);
}

/* The directory that a relative path begins at; false if the descriptor is none. */
static bool read_base(int notify, const struct seccomp_notif *told, const struct opening *call,
		      char base[PATH_MAX])
{
	int dir = call->dir == NONE ? AT_FDCWD : (int)told->data.args[call->dir];
	char link[64];
	ssize_t n;

	if (dir == AT_FDCWD)
		snprintf(link, sizeof(link), "/proc/%u/cwd", told->pid);
	else
		snprintf(link, sizeof(link), "/proc/%u/fd/%d", told->pid, dir);
	n = readlink(link, base, PATH_MAX - 1);
	if (n < 0 && (dir == AT_FDCWD || errno != ENOENT))
		must_be_gone(notify, told->id, link);
	base[n > 0 ? n : 0] = 0;
	return base[0] == '/';
}

static const struct opening *opening_of(int nr)
{
	for (size_t i = 0; i < COUNT(openings); i++) {
		if (seccomp_syscall_resolve_name(openings[i].name) == nr)
			return &openings[i];
	}
	errx(JAIL_FAILED, "told of call %d, which is none of ours", nr);
}

static bool is_forbidden(int notify, const struct seccomp_notif *told, const struct opening *call,
			 char path[PATH_MAX], char place[PATH_MAX])
{
	const __u64 *args = told->data.args;
	bool follow = call->flags == NONE || !(args[call->flags] & O_NOFOLLOW), based;
	char base[PATH_MAX];

	if (!read_path(notify, told, args[call->path], path))
		return false;
	based = read_base(notify, told, call, base);
	if ((path[0] == '/' || based) && where_forbidden(base, path, follow, place))
		return true;
	return call->rooted && based &&
	       where_forbidden(base, path + strspn(path, "/"), follow, place);
}

/* Looks at one opening. Returns true if it was the end of who asked. */
static bool answer(int notify, struct seccomp_notif *told, struct seccomp_notif_resp *reply)
{
	char path[PATH_MAX], place[PATH_MAX];
	const struct opening *call;
	bool bad;

	memset(told, 0, sizeof(*told));
	if (seccomp_notify_receive(notify, told))
		return false; /* it died meanwhile */
	call = opening_of(told->data.nr);
	bad = is_forbidden(notify, told, call, path, place);
	if (seccomp_notify_id_valid(notify, told->id))
		return false; /* likewise: what was read may be somebody else's */
	if (bad) {
		kill((pid_t)told->pid, SIGKILL);
		for (char *c = path; *c; c++)
			*c = (unsigned char)*c < ' ' ? '?' : *c;
		fprintf(stderr, "jail: killed process %u: %s of \"%s\" leads into %s\n", told->pid,
			call->name, path, place);
		return true;
	}
	memset(reply, 0, sizeof(*reply));
	reply->id = told->id;
	reply->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	seccomp_notify_respond(notify, reply);
	return false;
}

/* Passes a signal on; true when it says that the command has ended. */
static bool take_signal(int signals, pid_t command, int *status)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) != sizeof(info))
		return false;
	if (info.ssi_signo != SIGCHLD)
		kill(command, (int)info.ssi_signo);
	return waitpid(command, status, WNOHANG) == command;
}

/* Until the command has ended. Returns the jail's exit status. */
static int supervise(pid_t command, int notify, int signals)
{
	struct pollfd wait[] = {{.fd = notify, .events = POLLIN},
				{.fd = signals, .events = POLLIN}};
	struct seccomp_notif_resp *reply;
	struct seccomp_notif *told;
	bool broke_out = false;
	int status = 0;

	if (seccomp_notify_alloc(&told, &reply))
		errx(JAIL_FAILED, "out of memory");
	do {
		if (poll(wait, 2, -1) < 0)
			err(JAIL_FAILED, "poll");
		if (wait[0].revents & POLLIN)
			broke_out |= answer(notify, told, reply);
		else if (wait[0].revents)
			wait[0].fd = -1; /* nobody is left to ask */
	} while (!(wait[1].revents & POLLIN) || !take_signal(signals, command, &status));
	seccomp_notify_free(told, reply);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		fprintf(stderr,
			"jail: the kernel killed the command for a call that is forbidden\n");
	if (broke_out)
		return BROKE_OUT;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The child's descriptor, as one of ours; the child may have failed before it had one. */
static int take_notify(pid_t child, int told)
{
	int theirs, pidfd, fd, status;

	if (read(told, &theirs, sizeof(theirs)) != sizeof(theirs)) {
		waitpid(child, &status, 0);
		exit(WIFEXITED(status) ? WEXITSTATUS(status) : JAIL_FAILED);
	}
	pidfd = pidfd_open(child, 0);
	fd = pidfd < 0 ? -1 : pidfd_getfd(pidfd, theirs, 0);
	if (fd < 0)
		err(JAIL_FAILED, "pidfd_getfd (Linux 5.6)");
	close(pidfd);
	return fd;
}

int main(int argc, char **argv)
{
	sigset_t ours, before;
	int tell[2], signals, notify;
	pid_t command;

	if (argc < 2)
		errx(JAIL_FAILED, "usage: jail COMMAND [ARG...]");
	sigemptyset(&ours);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGCHLD);
	sigprocmask(SIG_BLOCK, &ours, &before);
	signals = signalfd(-1, &ours, SFD_CLOEXEC);
	if (signals < 0 || pipe2(tell, O_CLOEXEC))
		err(JAIL_FAILED, "signalfd or pipe");
	command = fork();
	if (command < 0)
		err(JAIL_FAILED, "fork");
	if (command == 0)
		become(argv + 1, tell[1], &before);
	close(tell[1]);
	notify = take_notify(command, tell[0]);
	return supervise(command, notify, signals);
}
