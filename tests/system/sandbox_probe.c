/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox_probe ROLE ATTEMPT: enters the sandbox of the loader or the collector exactly as the
 * real process does, tries one thing and prints how it ended: "allowed", the errno's name, or
 * "killed". `--list` names the attempts with what each role should get; ROLE without ATTEMPT tries
 * all and exits 1 if one ended otherwise. `--enter ROLE` only enters, in this process, and prints
 * what is in force.
 *
 * The sandbox is made to need: reading DIR/token, writing DIR/record, one TCP port to connect to.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/landlock.h"
#include "policy/sandbox.h"
#include "policy/seccomp.h"

#define CHILD_SECONDS 5 /* an attempt that hangs is killed by SIGALRM */
#define NO_SANDBOX 125  /* exit status of a child whose sandbox failed */
#define IPPROTO_MPTCP_ 262

static char dir[] = "/tmp/sandbox_probe.XXXXXX";
static char token[64], record[64], other[64];
static int allowed_port, other_port; /* both listen */
static char abstract_name[32];       /* begins with a NUL */

static long result(long ret)
{
	return ret < 0 ? errno : 0;
}

/* A call made with arguments that are invalid: harmless where it is not refused. */
#define CALL(fn, ...)                                                                              \
	static long try_##fn(void)                                                                 \
	{                                                                                          \
		return result(syscall(__VA_ARGS__));                                               \
	}

CALL(bpf, SYS_bpf, -1, NULL, 0)
CALL(perf, SYS_perf_event_open, NULL, 0, -1, -1, 0)
CALL(execve, SYS_execve, "/nonexistent", NULL, NULL)
CALL(execveat, SYS_execveat, -1, "", NULL, NULL, -1)
CALL(ptrace, SYS_ptrace, -1, 0, 0, 0)
CALL(vm_readv, SYS_process_vm_readv, -1, NULL, 0, NULL, 0, -1)
CALL(mount, SYS_mount, NULL, NULL, NULL, 0, NULL)
CALL(fsopen, SYS_fsopen, NULL, -1)
CALL(unshare, SYS_unshare, -1)
CALL(setns, SYS_setns, -1, 0)
CALL(keyctl, SYS_keyctl, -1)
CALL(userfaultfd, SYS_userfaultfd, -1)
CALL(io_uring, SYS_io_uring_setup, 0, NULL)
CALL(init_module, SYS_init_module, NULL, 0, NULL)
CALL(kexec, SYS_kexec_load, 0, -1, NULL, -1)
CALL(setuid, SYS_setresuid, -1, -1, -1)
CALL(capset, SYS_capset, NULL, NULL)
CALL(setrlimit, SYS_prlimit64, 0, RLIMIT_CORE, &(struct rlimit){0, 0}, NULL)
CALL(signal_parent, SYS_kill, getppid(), 0)
CALL(signal_thread, SYS_tgkill, 1, 1, 0)
CALL(signal_self, SYS_tgkill, getpid(), getpid(), 0)
CALL(prctl_dumpable, SYS_prctl, PR_SET_DUMPABLE, 1)
CALL(prctl_name, SYS_prctl, PR_SET_NAME, "probe")
CALL(pidfd_open, SYS_pidfd_open, getpid(), 0)
CALL(raw_socket, SYS_socket, AF_INET, SOCK_RAW, IPPROTO_ICMP)
CALL(packet_socket, SYS_socket, AF_PACKET, SOCK_DGRAM, 0)
CALL(mptcp_socket, SYS_socket, AF_INET, SOCK_STREAM, IPPROTO_MPTCP_)
CALL(netfilter_socket, SYS_socket, AF_NETLINK, SOCK_RAW, 12)
CALL(route_socket, SYS_socket, AF_NETLINK, SOCK_RAW, 0)
CALL(tcp_socket, SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)
CALL(udp6_socket, SYS_socket, AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, IPPROTO_UDP)
CALL(unlink, SYS_unlinkat, AT_FDCWD, token, 0)
CALL(rename, SYS_renameat2, AT_FDCWD, token, AT_FDCWD, other, 0)
CALL(chmod, SYS_fchmodat, AT_FDCWD, token, 0777)
CALL(mkdir, SYS_mkdirat, AT_FDCWD, other, 0700)
CALL(write_stderr, SYS_write, 2, "", 0)
CALL(poll, SYS_ppoll, NULL, 0, &(struct timespec){0, 0}, NULL, 0)

static long try_fork(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return result(pid);
}

static long try_new_user_namespace(void)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return result(pid);
}

static void *nothing(void *arg)
{
	return arg;
}

static long try_thread(void)
{
	pthread_t thread;
	int err = pthread_create(&thread, NULL, nothing, NULL);

	return err ? err : pthread_join(thread, NULL);
}

static long try_map_executable(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : 0;
}

static long try_make_executable(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return errno;
	return result(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static long try_open(const char *path, int flags)
{
	return result(open(path, flags | O_CLOEXEC, 0600));
}

static long try_read_token(void)
{
	return try_open(token, O_RDONLY);
}

static long try_write_token(void)
{
	return try_open(token, O_WRONLY);
}

static long try_write_record(void)
{
	return try_open(record, O_WRONLY);
}

static long try_create_file(void)
{
	return try_open(other, O_WRONLY | O_CREAT);
}

static long try_read_hosts(void)
{
	return try_open("/etc/hosts", O_RDONLY);
}

static long try_read_proc(void)
{
	return try_open("/proc/version", O_RDONLY);
}

static long try_read_usr(void)
{
	return try_open("/usr/bin/env", O_RDONLY);
}

static long tcp_to(int port, int (*call)(int, const struct sockaddr *, socklen_t))
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return result(call(fd, (struct sockaddr *)&addr, sizeof(addr)));
}

static long try_connect_allowed(void)
{
	return tcp_to(allowed_port, connect);
}

static long try_connect_other(void)
{
	return tcp_to(other_port, connect);
}

static long try_bind_any(void)
{
	return tcp_to(0, bind);
}

static long try_abstract_socket(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	memcpy(addr.sun_path, abstract_name, sizeof(abstract_name));
	return result(connect(fd, (struct sockaddr *)&addr,
			      sizeof(sa_family_t) + sizeof(abstract_name)));
}

static int any_socket(void)
{
	int pair[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) ? -1 : pair[0];
}

static long try_attach_filter(void)
{
	struct sock_filter accept_all = {BPF_RET | BPF_K, 0, 0, 0xffff};
	struct sock_fprog program = {1, &accept_all};
	int fd = any_socket();

	return result(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)));
}

static long try_tcp_ulp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return result(setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", 3));
}

static long try_tcp_nodelay(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	return result(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)));
}

/* getpid by the 32-bit entry, where numbers mean other calls. */
static long try_i386_call(void)
{
#ifdef __x86_64__
	long ret;

	__asm__ volatile("int $0x80" : "=a"(ret) : "a"(20) : "memory");
	return ret < 0 ? -ret : 0;
#else
	raise(SIGSYS);
	return 0;
#endif
}

static long try_x32_call(void)
{
#ifdef __x86_64__
	return result(syscall(0x40000000 | SYS_getpid));
#else
	raise(SIGSYS);
	return 0;
#endif
}

#define OK 0
#define DIES (-1)
#define ABI_SCOPES 6 /* Landlock's, as are the other numbers in that column */

static const struct attempt {
	const char *name;
	long (*fn)(void);
	int loader, collector; /* expected: OK, an errno, DIES */
	int abi; /* Landlock ABI without which the collector's refusal does not hold */
	const char *about;
} attempts[] = {
	{"bpf", try_bpf, DIES, DIES, 0, "bpf(2)"},
	{"perf_event_open", try_perf, DIES, DIES, 0, "perf_event_open(2)"},
	{"execve", try_execve, DIES, DIES, 0, "run a program"},
	{"execveat", try_execveat, DIES, DIES, 0, "run a program by descriptor"},
	{"ptrace", try_ptrace, DIES, DIES, 0, "trace a process"},
	{"process_vm_readv", try_vm_readv, DIES, DIES, 0, "read another process"},
	{"mount", try_mount, DIES, DIES, 0, "mount"},
	{"fsopen", try_fsopen, DIES, DIES, 0, "mount, the new way"},
	{"unshare", try_unshare, DIES, DIES, 0, "make namespaces"},
	{"setns", try_setns, DIES, DIES, 0, "enter a namespace"},
	{"keyctl", try_keyctl, DIES, DIES, 0, "kernel keys"},
	{"userfaultfd", try_userfaultfd, DIES, DIES, 0, "handle page faults"},
	{"io_uring_setup", try_io_uring, DIES, DIES, 0, "io_uring"},
	{"init_module", try_init_module, DIES, DIES, 0, "load a kernel module"},
	{"kexec_load", try_kexec, DIES, DIES, 0, "load another kernel"},
	{"setresuid", try_setuid, DIES, DIES, 0, "change the user"},
	{"capset", try_capset, DIES, DIES, 0, "change capabilities"},
	{"i386-call", try_i386_call, DIES, DIES, 0, "a call by the 32-bit entry"},
	{"x32-call", try_x32_call, DIES, DIES, 0, "a call by the x32 numbers"},
	{"fork", try_fork, EPERM, EPERM, 0, "make a process"},
	{"new-user-namespace", try_new_user_namespace, EPERM, EPERM, 0, "make one as its root"},
	{"thread", try_thread, EPERM, OK, 0, "start a thread"},
	{"map-executable", try_map_executable, EPERM, EPERM, 0, "mmap code"},
	{"make-executable", try_make_executable, EPERM, EPERM, 0, "turn data into code"},
	{"set-rlimit", try_setrlimit, EPERM, EPERM, 0, "change a resource limit"},
	{"signal-parent", try_signal_parent, EPERM, EPERM, 0, "kill(2) another process"},
	{"signal-other-thread", try_signal_thread, EPERM, EPERM, 0, "tgkill(2) another process"},
	{"signal-self", try_signal_self, OK, OK, 0, "tgkill(2) itself"},
	{"prctl-dumpable", try_prctl_dumpable, EPERM, EPERM, 0, "become dumpable"},
	{"prctl-name", try_prctl_name, EPERM, OK, 0, "rename its thread"},
	{"pidfd_open", try_pidfd_open, EPERM, EPERM, 0, "a call that no table lists"},
	{"raw-socket", try_raw_socket, EPERM, EPERM, 0, "a raw socket"},
	{"packet-socket", try_packet_socket, EPERM, EPERM, 0, "a packet socket"},
	{"mptcp-socket", try_mptcp_socket, EPERM, EPERM, 0, "a stream of another protocol"},
	{"netfilter-socket", try_netfilter_socket, EPERM, EPERM, 0, "netlink to netfilter"},
	{"route-socket", try_route_socket, EPERM, OK, 0, "netlink to routing"},
	{"tcp-socket", try_tcp_socket, EPERM, OK, 0, "a TCP socket"},
	{"udp6-socket", try_udp6_socket, EPERM, OK, 0, "a UDP socket"},
	{"attach-filter", try_attach_filter, EPERM, EPERM, 0, "a BPF filter on a socket"},
	{"tcp-ulp", try_tcp_ulp, EPERM, EPERM, 0, "TLS in the kernel"},
	{"tcp-nodelay", try_tcp_nodelay, EPERM, OK, 0, "a common socket option"},
	{"read-token", try_read_token, EPERM, OK, 0, "read a file it needs"},
	{"write-token", try_write_token, EPERM, EACCES, 1, "write the same"},
	{"write-record", try_write_record, EPERM, OK, 0, "write a file it needs"},
	{"create-file", try_create_file, EPERM, EACCES, 1, "create a file"},
	{"read-hosts", try_read_hosts, EPERM, OK, 0, "read /etc/hosts"},
	{"read-proc", try_read_proc, EPERM, EACCES, 1, "read elsewhere in /proc"},
	{"read-usr", try_read_usr, EPERM, EACCES, 1, "read a program's file"},
	{"unlink", try_unlink, EPERM, EPERM, 0, "remove a file"},
	{"rename", try_rename, EPERM, EPERM, 0, "rename a file"},
	{"chmod", try_chmod, EPERM, EPERM, 0, "change a file's mode"},
	{"mkdir", try_mkdir, EPERM, EPERM, 0, "make a directory"},
	{"connect-allowed", try_connect_allowed, EPERM, OK, 0, "connect to the port it needs"},
	{"connect-other", try_connect_other, EPERM, EACCES, 4, "connect to another port"},
	{"bind-any", try_bind_any, EPERM, EACCES, 4, "listen on a port of its own"},
	{"abstract-socket", try_abstract_socket, EPERM, EPERM, ABI_SCOPES,
	 "an abstract Unix socket"},
	{"write-stderr", try_write_stderr, OK, OK, 0, "write to standard error"},
	{"poll", try_poll, OK, OK, 0, "poll"},
};
#define ATTEMPTS (sizeof(attempts) / sizeof(attempts[0]))

static int enter(enum policy_role role)
{
	struct policy_collector_needs needs = {.read = {token}, .write = {record}};
	struct policy_report report = {0};
	int err;

	needs.connect[0] = (uint16_t)allowed_port;
	needs.connect_count = 1;
	err = role == POLICY_LOADER ? policy_enter_loader(false, &report)
				    : policy_enter_collector(&needs, false, &report);
	if (err)
		fprintf(stderr, "sandbox_probe: %s\n", report.error);
	return err;
}

static int enter_here(enum policy_role role)
{
	const struct policy_collector_needs needs = {.read = {"/usr/share/zoneinfo"}};
	struct policy_report report = {0};
	char line[1024];
	int err = role == POLICY_LOADER ? policy_enter_loader(false, &report)
					: policy_enter_collector(&needs, false, &report);

	fprintf(stderr, "%s\n",
		err ? report.error : policy_report_line(&report, line, sizeof(line)));
	return err ? 1 : 0;
}

/* Returns an errno, 0, DIES, or NO_SANDBOX. */
static int run(enum policy_role role, const struct attempt *attempt)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(CHILD_SECONDS);
		if (enter(role))
			_exit(NO_SANDBOX);
		_exit((int)attempt->fn());
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return NO_SANDBOX;
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? DIES : NO_SANDBOX;
	return WEXITSTATUS(status);
}

static const char *outcome_name(int outcome)
{
	if (outcome == OK)
		return "allowed";
	if (outcome == DIES)
		return "killed";
	if (outcome == NO_SANDBOX)
		return "failed";
	return strerrorname_np(outcome) ? strerrorname_np(outcome) : "?";
}

static int expected(enum policy_role role, const struct attempt *attempt)
{
	/* The loader's other refusals are seccomp's; Unix datagrams it may send. */
	if (role == POLICY_LOADER && attempt->abi != ABI_SCOPES)
		return attempt->loader;
	if (attempt->abi > policy_landlock_abi(NULL))
		return OK;
	return role == POLICY_LOADER ? attempt->loader : attempt->collector;
}

static int listen_on(int *port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	socklen_t size = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, size) || listen(fd, 64) ||
	    getsockname(fd, (struct sockaddr *)&addr, &size))
		return -1;
	*port = ntohs(addr.sin_port);
	return 0;
}

static int listen_abstract(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(addr.sun_path, abstract_name, sizeof(abstract_name));
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr,
			   sizeof(sa_family_t) + sizeof(abstract_name)))
		return -1;
	return listen(fd, 64);
}

static int make_file(char *path, size_t size, const char *name)
{
	int fd;

	snprintf(path, size, "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	close(fd);
	return chmod(path, 0666);
}

static int prepare(void)
{
	if (!mkdtemp(dir) || chmod(dir, 0777) || make_file(token, sizeof(token), "token") ||
	    make_file(record, sizeof(record), "record"))
		return -1;
	snprintf(other, sizeof(other), "%s/other", dir);
	snprintf(abstract_name + 1, sizeof(abstract_name) - 1, "sandbox_probe.%d", (int)getpid());
	return listen_on(&allowed_port) || listen_on(&other_port) || listen_abstract();
}

static void clean(void)
{
	unlink(token);
	unlink(record);
	unlink(other);
	rmdir(other);
	rmdir(dir);
}

static int list(void)
{
	printf("%-22s %-8s %-9s %s\n", "attempt", "loader", "collector", "");
	for (size_t i = 0; i < ATTEMPTS; i++)
		printf("%-22s %-8s %-9s %s\n", attempts[i].name,
		       outcome_name(expected(POLICY_LOADER, &attempts[i])),
		       outcome_name(expected(POLICY_COLLECTOR, &attempts[i])), attempts[i].about);
	return 0;
}

static int try_all(enum policy_role role)
{
	int wrong = 0;

	for (size_t i = 0; i < ATTEMPTS; i++) {
		int got = run(role, &attempts[i]), want = expected(role, &attempts[i]);

		printf("%s: %s", attempts[i].name, outcome_name(got));
		if (got != want) {
			printf(", expected %s", outcome_name(want));
			wrong++;
		}
		printf("\n");
		fflush(stdout);
	}
	return wrong ? 1 : 0;
}

static int try_one(enum policy_role role, const char *name)
{
	for (size_t i = 0; i < ATTEMPTS; i++) {
		int got;

		if (strcmp(attempts[i].name, name) != 0)
			continue;
		got = run(role, &attempts[i]);
		printf("%s: %s\n", name, outcome_name(got));
		return got == NO_SANDBOX ? 1 : 0;
	}
	fprintf(stderr, "sandbox_probe: no attempt is called %s; see --list\n", name);
	return 2;
}

int main(int argc, char **argv)
{
	enum policy_role role;
	int status;

	if (argc == 2 && strcmp(argv[1], "--list") == 0)
		return list();
	if (argc == 3 && strcmp(argv[1], "--enter") == 0)
		return enter_here(argv[2][0] == 'l' ? POLICY_LOADER : POLICY_COLLECTOR);
	if (argc < 2 || argc > 3 ||
	    (strcmp(argv[1], "loader") != 0 && strcmp(argv[1], "collector") != 0)) {
		fprintf(stderr, "usage: sandbox_probe --list | [--enter] loader|collector | "
				"loader|collector ATTEMPT\n");
		return 2;
	}
	role = argv[1][0] == 'l' ? POLICY_LOADER : POLICY_COLLECTOR;
	if (prepare()) {
		perror("sandbox_probe: cannot prepare files and ports in /tmp");
		clean();
		return 1;
	}
	status = argc == 3 ? try_one(role, argv[2]) : try_all(role);
	clean();
	return status;
}
