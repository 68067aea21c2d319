/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libc itself calls in any process, and what either process calls before its sandbox stands.
 */
#include "calls.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define ALLOW(name, why, ...)                                                                      \
	{                                                                                          \
		(name), POLICY_ALLOW, (why),                                                       \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define START(name, why, ...)                                                                      \
	{                                                                                          \
		(name), POLICY_START, (why),                                                       \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define ENOSYS_(name, why)                                                                         \
	{                                                                                          \
		(name), POLICY_ENOSYS, (why),                                                      \
		{{0}}                                                                              \
	}

static const char ends[] = "ending";
static const char memory[] = "malloc and stacks; never executable";
static const char signals[] = "signal handlers";
static const char clocks[] = "time, where the vDSO can't tell it";
static const char waits[] = "waiting";
static const char abort_[] = "abort(): a signal to itself";
static const char falls_back[] = "libc falls back to an older call";
static const char the_log[] = "standard error";
static const char starts[] = "the dynamic linker and the runtime";
static const char sandboxes[] = "setting up its own sandbox";
static const char configures[] = "options, configuration, sockets";

static const struct policy_call rows[] = {
	ALLOW("exit", ends),
	ALLOW("exit_group", ends),
	ALLOW("tgkill", abort_, IS_SELF(0)),
	ALLOW("getpid", abort_),
	ALLOW("gettid", abort_),

	ALLOW("brk", memory),
	ALLOW("mmap", memory, BITS_ARE(2, PROT_EXEC, 0)),
	ALLOW("mprotect", memory, BITS_ARE(2, PROT_EXEC, 0)),
	ALLOW("munmap", memory),
	ALLOW("mremap", memory),
	ALLOW("madvise", memory),
	ALLOW("getrandom", "seeds; malloc's own since glibc 2.36"),

	ALLOW("rt_sigaction", signals),
	ALLOW("rt_sigprocmask", signals),
	ALLOW("rt_sigreturn", signals),
	ALLOW("restart_syscall", signals),
	ALLOW("sigaltstack", signals),

	ALLOW("clock_gettime", clocks),
	ALLOW("clock_getres", clocks),
	ALLOW("gettimeofday", clocks),
	ALLOW("time", clocks),
	ALLOW("clock_nanosleep", waits),
	ALLOW("nanosleep", waits),
	ALLOW("futex", waits),
	ALLOW("poll", waits),
	ALLOW("ppoll", waits),
	ALLOW("epoll_create1", waits),
	ALLOW("epoll_ctl", waits),
	ALLOW("epoll_wait", waits),
	ALLOW("epoll_pwait", waits),
	ALLOW("timerfd_create", waits),
	ALLOW("timerfd_settime", waits),
	ALLOW("signalfd4", waits),

	ALLOW("read", "descriptors it holds"),
	ALLOW("write", the_log),
	ALLOW("writev", the_log),
	ALLOW("close", "descriptors it holds"),
	ALLOW("fcntl", "flags of a descriptor", INT_IS(1, F_GETFD)),
	ALLOW("fcntl", "flags of a descriptor", INT_IS(1, F_SETFD)),
	ALLOW("fcntl", "flags of a descriptor", INT_IS(1, F_GETFL)),
	ALLOW("fcntl", "flags of a descriptor", INT_IS(1, F_SETFL)),
	ALLOW("fcntl", "a copy of a descriptor", INT_IS(1, F_DUPFD)),
	ALLOW("fcntl", "a copy of a descriptor", INT_IS(1, F_DUPFD_CLOEXEC)),
	ALLOW("fstat", "stdio: what kind of file"),
	ALLOW("newfstatat", "stdio: what kind of file (glibc 2.33 and later)"),

	ENOSYS_("clone3", falls_back),  /* its arguments lie in memory, where no filter sees them */
	ENOSYS_("openat2", falls_back), /* likewise */
	ENOSYS_("epoll_pwait2", falls_back),
	ENOSYS_("faccessat2", falls_back),
	ENOSYS_("fchmodat2", falls_back),
	ENOSYS_("close_range", falls_back),
	ENOSYS_("futex_waitv", falls_back),
	ENOSYS_("membarrier", falls_back),
	ENOSYS_("map_shadow_stack", falls_back),

	START("execve", starts),
	START("access", starts),
	START("faccessat", starts),
	START("faccessat2", starts),
	START("openat", starts),
	START("open", starts),
	START("pread64", starts),
	START("lseek", starts),
	START("mmap", starts, BITS_ARE(2, PROT_EXEC, PROT_EXEC)),
	START("mprotect", starts, BITS_ARE(2, PROT_EXEC, PROT_EXEC)),
	START("arch_prctl", starts),
	START("set_tid_address", starts),
	START("set_robust_list", starts),
	START("rseq", starts),
	START("prlimit64", starts),
	START("getrlimit", starts),
	START("setrlimit", sandboxes),
	START("stat", starts),
	START("lstat", starts),
	START("statx", starts),
	START("statfs", starts),
	START("fstatfs", starts),
	START("readlink", starts),
	START("readlinkat", starts),
	START("getdents64", starts),
	START("getcwd", starts),
	START("uname", starts),
	START("sysinfo", starts),
	START("sched_getaffinity", starts),
	START("sched_yield", starts),
	START("ioctl", starts),
	START("getppid", starts),
	START("getuid", starts),
	START("getgid", starts),
	START("geteuid", starts),
	START("getegid", starts),
	START("clone", starts),
	START("tgkill", starts),
	START("dup3", starts),
	START("fcntl", starts),
	START("umask", configures),
	START("unlink", configures),
	START("unlinkat", configures),
	START("chmod", configures),
	START("fchmod", configures),
	START("fchmodat", configures),
	START("fchmodat2", configures),
	START("chown", configures),
	START("fchown", configures),
	START("fchownat", configures),
	START("mkdir", configures),
	START("mkdirat", configures),
	START("socket", configures, INT_IS(0, 1)),
	START("bind", configures),
	START("listen", configures),
	START("connect", configures),
	START("prctl", sandboxes),
	START("getresuid", sandboxes),
	START("getresgid", sandboxes),
	START("capget", sandboxes),
	START("capset", sandboxes),
	START("seccomp", sandboxes),
	START("landlock_create_ruleset", sandboxes),
	START("landlock_add_rule", sandboxes),
	START("landlock_restrict_self", sandboxes),
};

const struct policy_table policy_shared_calls = {rows, sizeof(rows) / sizeof(rows[0])};
