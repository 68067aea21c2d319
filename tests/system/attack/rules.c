/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules loader|collector        every rule of the role's seccomp tables, tried
 * rules --stay loader|collector enters the sandbox, says "in", and stays until its input ends
 *
 * Each try is made in a child that enters the sandbox by the real process's own function. A call
 * that a row allows is made with arguments with which it must succeed (samples[]; where that
 * can't be had, the errno stands there that comes from behind the filter), then with each checked
 * argument changed to one that no row lists: EPERM. A row that kills must kill, and so on. Prints
 * ok and not ok lines; a row whose call has no sample fails.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/calls.h"
#include "policy/sandbox.h"

#define DIES 1000
#define TIMES_OUT 1001
#define NO_SANDBOX 1002
#define DEFAULT (-1)

/* What the samples need, made before the sandbox; each child has its own copies. */
static int zero, null, file, unix_listener, tcp_listener, udp, tcp, tcp6, unbound, pair[2], done[2],
	directory, epoll, timer;
static char memory[65536] __attribute__((aligned(4096)));
static int one = 1;
static struct timespec now_;
static struct sockaddr_in loopback = {.sin_family = AF_INET};
static struct sockaddr_storage peer;
static socklen_t peer_size = sizeof(peer);
static struct iovec into = {memory, 1};
static struct msghdr message = {.msg_iov = &into, .msg_iovlen = 1};
static struct mmsghdr messages = {.msg_hdr = {.msg_iov = &into, .msg_iovlen = 1}};
static struct epoll_event event = {.events = EPOLLIN};
static struct itimerspec never;
static sigset_t no_signals;
static struct sigaction action;
static char path[64], text[] = "/etc/hosts";
static void *spare;

#define P(x) ((long)(x))

struct sample {
	const char *call;
	long arg[6];
	int error; /* 0: succeeds; else an errno that comes from behind the filter */
};

static const struct sample *sample_of(const char *call)
{
	const struct sample samples[] = {
		{"tgkill", {getpid(), getpid(), 0}},
		{"getpid"},
		{"gettid"},
		{"brk", {0}},
		{"mmap", {0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
		{"mprotect", {P(spare), 4096, PROT_READ | PROT_WRITE}},
		{"munmap", {P(spare), 4096}},
		{"mremap", {P(spare), 4096, 4096, 0}},
		{"madvise", {P(spare), 4096, MADV_DONTNEED}},
		{"getrandom", {P(memory), 8, 0}},
		{"rt_sigaction", {SIGUSR1, 0, P(&action), 8}},
		{"rt_sigprocmask", {SIG_BLOCK, P(&no_signals), 0, 8}},
		{"restart_syscall", {0}, EINTR}, /* nothing was interrupted */
		{"sigaltstack", {0, 0}},
		{"clock_gettime", {CLOCK_MONOTONIC, P(&now_)}},
		{"clock_getres", {CLOCK_MONOTONIC, P(&now_)}},
		{"gettimeofday", {P(memory), 0}},
		{"time", {0}},
		{"clock_nanosleep", {CLOCK_MONOTONIC, 0, P(&never), 0}},
		{"nanosleep", {P(&never), 0}},
		{"futex", {P(&one), FUTEX_WAKE, 1}},
		{"poll", {0, 0, 0}},
		{"ppoll", {0, 0, P(&never), 0, 0}},
		{"select", {0, 0, 0, 0, P(&never)}},
		{"pselect6", {0, 0, 0, 0, P(&never), 0}},
		{"epoll_create1", {0}},
		{"epoll_ctl", {epoll, EPOLL_CTL_ADD, pair[0], P(&event)}},
		{"epoll_wait", {epoll, P(&event), 1, 0}},
		{"epoll_pwait", {epoll, P(&event), 1, 0, 0, 8}},
		{"timerfd_create", {CLOCK_MONOTONIC, 0}},
		{"timerfd_settime", {timer, 0, P(&never), 0}},
		{"signalfd4", {-1, P(&no_signals), 8, 0}},
		{"read", {zero, P(memory), 1}},
		{"readv", {zero, P(&into), 1}},
		{"pread64", {zero, P(memory), 1, 0}},
		{"write", {null, P(memory), 1}},
		{"writev", {null, P(&into), 1}},
		{"pwrite64", {file, P(memory), 1, 0}},
		{"close", {null}},
		{"fcntl", {null, F_GETFD, 0}},
		{"fstat", {null, P(memory)}},
		{"newfstatat", {null, P(""), P(memory), AT_EMPTY_PATH}},
		{"accept4", {unix_listener, 0, 0, 0}},
		{"accept", {unix_listener, 0, 0}},
		{"recvmsg", {pair[0], P(&message), 0}},
		{"recvmmsg", {pair[0], P(&messages), 1, 0, 0}},
		{"recvfrom", {pair[0], P(memory), 1, 0, 0, 0}},
		{"sendmsg", {pair[0], P(&message), 0}},
		{"sendmmsg", {pair[0], P(&messages), 1, 0}},
		{"sendto", {pair[0], P(memory), 1, 0, 0, 0}},
		{"shutdown", {done[0], SHUT_RDWR}},
		{"getsockopt", {pair[0], SOL_SOCKET, SO_TYPE, P(memory), P(&peer_size)}},
		{"setsockopt", {tcp, 0, 0, P(memory), 16}},
		{"socket", {AF_UNIX, SOCK_DGRAM, 0}},
		{"socketpair", {AF_UNIX, SOCK_STREAM, 0, P(memory)}},
		{"set_robust_list", {P(memory), 24}},
		{"rseq", {P(memory), 32, 0, 0}, EINVAL}, /* libc has registered its own */
		{"sched_yield"},
		{"sched_getaffinity", {0, sizeof(memory), P(memory)}},
		{"getcpu", {P(memory), 0, 0}},
		{"prctl", {0, P(memory), 0, 0, 0}},
		{"pipe", {P(memory)}},
		{"pipe2", {P(memory), 0}},
		{"eventfd2", {0, 0}},
		{"connect", {udp, P(&loopback), sizeof(loopback)}},
		{"bind", {unbound, P(&loopback), sizeof(loopback)}},
		{"listen", {unix_listener, 1}},
		{"getsockname", {udp, P(&peer), P(&peer_size)}},
		{"getpeername", {pair[0], P(&peer), P(&peer_size)}},
		{"ioctl", {pair[0], 0, P(memory)}},
		{"openat", {AT_FDCWD, P(text), O_RDONLY}},
		{"open", {P(text), O_RDONLY}},
		{"stat", {P(text), P(memory)}},
		{"lstat", {P(text), P(memory)}},
		{"statx", {AT_FDCWD, P(text), 0, STATX_SIZE, P(memory)}},
		{"access", {P(text), R_OK}},
		{"faccessat", {AT_FDCWD, P(text), R_OK}},
		{"readlink", {P("/proc/self"), P(memory), 64}},
		{"readlinkat", {AT_FDCWD, P("/proc/self"), P(memory), 64}},
		{"getdents64", {directory, P(memory), sizeof(memory)}},
		{"getcwd", {P(memory), sizeof(memory)}},
		{"lseek", {file, 0, SEEK_SET}},
		{"ftruncate", {file, 0}},
		{"fsync", {file}},
		{"fdatasync", {file}},
		{"fallocate", {file, 0, 0, 1}},
		{"getrusage", {RUSAGE_SELF, P(memory)}},
		{"times", {P(memory)}},
		{"prlimit64", {0, RLIMIT_NOFILE, 0, P(memory)}},
		{"getrlimit", {RLIMIT_NOFILE, P(memory)}},
		{"sysinfo", {P(memory)}},
		{"uname", {P(memory)}},
		{"getuid"},
		{"geteuid"},
		{"getgid"},
		{"getegid"},
		{"mlock", {P(memory), 4096}},
		{"munlock", {P(memory), 4096}},
	};
	static struct sample found;

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		if (strcmp(samples[i].call, call) == 0) {
			found = samples[i];
			return &found;
		}
	}
	return NULL;
}

/* Options want a socket of their own kind, and one that is not only a flag its structure. */
static void fit(struct sample *s)
{
	int level = (int)s->arg[1], option = (int)s->arg[2];

	if (strcmp(s->call, "fcntl") == 0 && level == F_SETFD)
		s->arg[2] = FD_CLOEXEC;
	if (strcmp(s->call, "ioctl") == 0 && (unsigned int)level == 0x5401) /* TCGETS */
		s->error = ENOTTY;
	if (strcmp(s->call, "prctl") == 0 && s->arg[0] == 0x53564d41) { /* PR_SET_VMA */
		s->arg[1] = 0;
		s->arg[2] = P(spare);
		s->arg[3] = 4096;
		/* Not every kernel is built with it (CONFIG_ANON_VMA_NAME): as without a sandbox.
		 */
		s->error = prctl(0x53564d41, 0, spare, 4096, NULL) ? errno : 0;
	}
	if (strcmp(s->call, "socket") == 0 && s->arg[0] == AF_INET6 && tcp6 < 0)
		s->error = EAFNOSUPPORT;
	if (strcmp(s->call, "setsockopt") != 0)
		return;
	memset(memory, 0, 16);
	memory[0] = 1;
	if (level == IPPROTO_IP || level == IPPROTO_IPV6)
		s->arg[4] = 4;
	if (level == IPPROTO_IPV6) {
		s->arg[0] = tcp6;
		s->error = tcp6 < 0 ? EBADF : 0;
	}
	if (level == IPPROTO_TCP && option == 23) /* TCP_FASTOPEN */
		s->arg[0] = tcp_listener;
}

static int need(int fd, const char *what)
{
	if (fd < 0)
		err(2, "%s", what);
	return fd;
}

static void prepare(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd;

	zero = need(open("/dev/zero", O_RDONLY), "/dev/zero");
	null = need(open("/dev/null", O_WRONLY), "/dev/null");
	snprintf(path, sizeof(path), "/tmp/keyhole-rules.XXXXXX");
	file = need(mkstemp(path), path);
	unlink(path);
	directory = need(open("/", O_RDONLY | O_DIRECTORY), "/");
	epoll = need(epoll_create1(0), "epoll");
	timer = need(timerfd_create(CLOCK_MONOTONIC, 0), "timerfd");
	need(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), "socketpair");
	need(socketpair(AF_UNIX, SOCK_STREAM, 0, done), "socketpair");
	unbound = need(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	for (int i = 0; i < 3; i++)
		need((int)send(pair[1], "xx", 2, 0), "send");
	unix_listener = need(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
	need(bind(unix_listener, (struct sockaddr *)&un, sizeof(sa_family_t)), "bind");
	need(listen(unix_listener, 8), "listen");
	peer_size = sizeof(un);
	need(getsockname(unix_listener, (struct sockaddr *)&un, &peer_size), "getsockname");
	for (int i = 0; i < 2; i++) {
		fd = need(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
		need(connect(fd, (struct sockaddr *)&un, peer_size), "connect");
	}
	peer_size = sizeof(peer);
	loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	udp = need(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	tcp = need(socket(AF_INET, SOCK_STREAM, 0), "socket");
	tcp_listener = need(socket(AF_INET, SOCK_STREAM, 0), "socket");
	need(listen(tcp_listener, 1), "listen");
	tcp6 = socket(AF_INET6, SOCK_STREAM, 0); /* the machine may have no IPv6 */
	spare = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* ---- one try ---- */

static int enter(enum policy_role role)
{
	struct policy_collector_needs needs = {.read = {"/usr/share/zoneinfo"}, .connect = {443}};
	struct policy_report report = {0};
	int r;

	needs.connect_count = 1;
	r = role == POLICY_LOADER ? policy_enter_loader(false, &report)
				  : policy_enter_collector(&needs, false, &report);
	if (r)
		fprintf(stderr, "rules: %s\n", report.error);
	return r;
}

static volatile sig_atomic_t handled;

static void on_signal(int sig)
{
	handled = 1;
}

static void *in_thread(void *arg)
{
	return arg;
}

/* Calls that can't be made by their number and arguments alone. Returns an errno. */
static int special(const char *call)
{
	pthread_t thread;

	if (strcmp(call, "rt_sigreturn") == 0) { /* a handler comes back by it */
		syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR2);
		return handled ? 0 : EIO;
	}
	if (strcmp(call, "clone") == 0)
		return pthread_create(&thread, NULL, in_thread, NULL) || pthread_join(thread, NULL)
			       ? EIO
			       : 0;
	return DEFAULT;
}

/* Its outcome, by what it writes to the pipe: an exit status has too few bits for a result. */
static int try_call(enum policy_role role, const char *call, long nr, const long arg[6])
{
	int out[2], status, result = NO_SANDBOX;
	pid_t parent = getpid(); /* the sample has it where the child's own belongs */
	pid_t pid;

	need(pipe(out), "pipe");
	pid = need(fork(), "fork");
	if (pid == 0) {
		long a[6];
		int r;

		signal(SIGUSR2, on_signal);
		if (enter(role))
			_exit(125);
		alarm(10);
		memcpy(a, arg, sizeof(a));
		if (call && strcmp(call, "tgkill") == 0 && a[0] == parent)
			a[0] = a[1] = getpid();
		r = call ? special(call) : DEFAULT;
		if (r == DEFAULT)
			r = syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]) < 0 ? errno : 0;
		syscall(SYS_write, out[1], &r, sizeof(r));
		syscall(SYS_exit_group, 0);
	}
	close(out[1]);
	if (read(out[0], &result, sizeof(result)) != sizeof(result))
		result = NO_SANDBOX;
	close(out[0]);
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? DIES : TIMES_OUT;
	/* exit and exit_group do not come back to say so */
	if (result == NO_SANDBOX && (nr == SYS_exit || nr == SYS_exit_group) &&
	    WEXITSTATUS(status) == 77)
		return 0;
	return result;
}

static const char *name_of(int outcome)
{
	switch (outcome) {
	case 0:
		return "succeeds";
	case DIES:
		return "killed by SIGSYS";
	case TIMES_OUT:
		return "killed by another signal";
	case NO_SANDBOX:
		return "no sandbox";
	}
	return strerrorname_np(outcome) ? strerrorname_np(outcome) : "?";
}

/* ---- the rows ---- */

static int bad;
static const char *role_name;

static void say(int got, int want, const struct policy_call *row, const struct policy_arg *outside,
		const char *note)
{
	printf("%s - rule: %s: %s(", got == want ? "ok" : "not ok", role_name, row->name);
	for (int i = 0; i < POLICY_ARGS_MAX && row->arg[i].mask; i++) {
		const struct policy_arg *a = &row->arg[i];

		printf("%sargument %u %s", i ? ", " : "", a->index,
		       a == outside ? "other than " : "");
		if (a->self)
			printf("its own pid");
		else if (a->mask == 0xffffffffULL || !~a->mask)
			printf("%#llx", (unsigned long long)a->value);
		else
			printf("%#llx of bits %#llx", (unsigned long long)a->value,
			       (unsigned long long)a->mask);
	}
	printf("): %s%s", name_of(got), note);
	if (got != want)
		printf(", must be: %s", name_of(want));
	printf("\n");
	bad += got != want;
}

static bool matches(const struct policy_call *row, const char *call, const long arg[6])
{
	if (row->verdict != POLICY_ALLOW || strcmp(row->name, call) != 0)
		return false;
	for (int i = 0; i < POLICY_ARGS_MAX && row->arg[i].mask; i++) {
		const struct policy_arg *a = &row->arg[i];
		uint64_t value = a->self ? (uint64_t)getpid() : a->value;

		if (((uint64_t)arg[a->index] & a->mask) != value)
			return false;
	}
	return true;
}

static bool allowed(enum policy_role role, const char *call, const long arg[6])
{
	struct policy_table tables[] = {policy_shared_calls, policy_calls(role)};

	for (int k = 0; k < 2; k++) {
		for (size_t i = 0; i < tables[k].count; i++) {
			if (matches(&tables[k].row[i], call, arg))
				return true;
		}
	}
	return false;
}

static void try_outside(enum policy_role role, const struct policy_call *row, long nr,
			const long inside[6])
{
	long arg[6];

	for (int i = 0; i < POLICY_ARGS_MAX && row->arg[i].mask; i++) {
		const struct policy_arg *a = &row->arg[i];

		/* The lowest of the bits that leads to what no row allows. */
		for (int bit = 0; bit < 64; bit++) {
			memcpy(arg, inside, sizeof(arg));
			if (!(a->mask & 1ULL << bit))
				continue;
			arg[a->index] ^= (long)(1ULL << bit);
			if (allowed(role, row->name, arg))
				continue;
			say(try_call(role, NULL, nr, arg), EPERM, row, a, "");
			break;
		}
	}
}

static void try_allowed(enum policy_role role, const struct policy_call *row, long nr)
{
	static const char *const made[] = {"exit", "exit_group", "rt_sigreturn", "clone"};
	const struct sample *found = sample_of(row->name);
	struct sample s = {row->name};
	bool known = found;

	if (found)
		s = *found;
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		known |= strcmp(row->name, made[i]) == 0;
	if (!known) {
		printf("not ok - rule: %s: %s has no sample in rules.c\n", role_name, row->name);
		bad++;
		return;
	}
	if (strncmp(row->name, "exit", 4) == 0)
		s.arg[0] = 77;
	for (int i = 0; i < POLICY_ARGS_MAX && row->arg[i].mask; i++) {
		const struct policy_arg *a = &row->arg[i];
		uint64_t value = a->self ? (uint64_t)getpid() : a->value;

		s.arg[a->index] =
			(long)(((uint64_t)s.arg[a->index] & ~a->mask) | (value & a->mask));
	}
	fit(&s);
	say(try_call(role, row->name, nr, s.arg), s.error, row, NULL,
	    s.error ? ", from behind the filter" : "");
	try_outside(role, row, nr, s.arg);
}

static void try_row(enum policy_role role, const struct policy_call *row)
{
	static const long invalid[6] = {-1, -1, -1, -1, -1, -1};
	long nr = seccomp_syscall_resolve_name(row->name);

	if (nr < 0) {
		printf("# %s: %s is not of this architecture, or newer than libseccomp\n",
		       role_name, row->name);
		return;
	}
	switch (row->verdict) {
	case POLICY_KILL:
		say(try_call(role, NULL, nr, invalid), DIES, row, NULL, "");
		break;
	case POLICY_ENOSYS:
		say(try_call(role, NULL, nr, invalid), ENOSYS, row, NULL, "");
		break;
	case POLICY_ALLOW:
		try_allowed(role, row, nr);
		break;
	case POLICY_START: /* in the runtime's profile; by now as if it were not listed */
		if (row->arg[0].mask || allowed(role, row->name, invalid) ||
		    policy_calls_has(role, row->name, POLICY_ENOSYS) ||
		    policy_calls_has(role, row->name, POLICY_ALLOW))
			break;
		for (size_t i = 0; i < policy_forbidden_calls.count; i++) {
			if (strcmp(policy_forbidden_calls.row[i].name, row->name) == 0)
				return;
		}
		say(try_call(role, NULL, nr, invalid), EPERM, row, NULL,
		    ", needed at the start only");
		break;
	}
}

int main(int argc, char **argv)
{
	bool stay = argc == 3 && strcmp(argv[1], "--stay") == 0;
	enum policy_role role;
	struct policy_table tables[3];

	if (argc != 2 + stay || !strchr("lc", argv[1 + stay][0]))
		errx(2, "usage: rules [--stay] loader|collector");
	role_name = argv[1 + stay];
	role = role_name[0] == 'l' ? POLICY_LOADER : POLICY_COLLECTOR;
	if (stay) {
		if (enter(role))
			return 1;
		puts("in");
		fflush(stdout);
		while (read(0, memory, 1) > 0)
			;
		return 0;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	prepare();
	tables[0] = policy_forbidden_calls;
	tables[1] = policy_shared_calls;
	tables[2] = policy_calls(role);
	for (int k = 0; k < 3; k++) {
		for (size_t i = 0; i < tables[k].count; i++)
			try_row(role, &tables[k].row[i]);
	}
	return bad ? 1 : 0;
}
