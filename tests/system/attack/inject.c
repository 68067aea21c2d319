/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inject [--copy] PID CALL [ARG...] [+ CALL [ARG...]]...
 * inject [--copy] PID          exits 0 if that can be done here
 * inject --filter PID          prints the process's seccomp filter
 *
 * Makes a live process make system calls, as its own code would if it had been taken over, and
 * says how the last one ended: "allowed", the errno's name, or "killed by SIGSYS". Nothing of the
 * process is changed but that: its thread goes on where it was. As root.
 *
 * An argument is a number, or
 *   @              what the first call returned
 *   str:TEXT       the address of a string, and zero:N of so many zero bytes
 *   inet:IP:PORT   the address of a socket address (16 bytes); inet6:IP@PORT (28 bytes)
 *   unix:PATH      likewise (110 bytes); abstract:NAME (110 bytes, padded with zeroes)
 * A call that fails ends the list: "CALL: ERRNO", if it was not the last; `close` is made all the
 * same, and does not count.
 *
 * --copy: not in the process itself, but in a child that it is made to fork for this: the same
 * user, capabilities, Landlock domain, filter and descriptors, and another pid. It may die. The
 * filter, which allows no fork, is suspended for that one call, by a right of checkpoint/restore
 * (CAP_SYS_ADMIN, CONFIG_CHECKPOINT_RESTORE); in the child it holds.
 */
#include <arpa/inet.h>
#include <elf.h>
#include <err.h>
#include <errno.h>
#include <linux/filter.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALL_SECONDS 10 /* a call that blocks is interrupted: "waits" */
#define AREA 4096       /* for strings and structures, on the thread's stack */
#define BELOW 256       /* the stack pointer: nobody's, or the red zone */
#define FILTER_MAX 4096 /* instructions (BPF_MAXINSNS) */

/* How a call can end, beside a result of the kernel's. */
#define KILLED (-100000) /* plus the signal; no result of a call, and no address */

static bool killed(long r)
{
	return r > KILLED && r < KILLED + 128;
}

/* ---- the registers ---- */

#if defined(__x86_64__)

typedef struct user_regs_struct registers;
#define PC(r) ((r)->rip)
#define SP(r) ((r)->rsp)
#define RESULT(r) ((long)(r)->rax)
#define INSN 0x050f
#define INSN_SIZE 2

static void set_call(registers *r, long nr, const long arg[6])
{
	r->rax = (unsigned long)nr;
	r->orig_rax = (unsigned long)-1; /* no call is to be restarted on the way */
	r->rdi = (unsigned long)arg[0];
	r->rsi = (unsigned long)arg[1];
	r->rdx = (unsigned long)arg[2];
	r->r10 = (unsigned long)arg[3];
	r->r8 = (unsigned long)arg[4];
	r->r9 = (unsigned long)arg[5];
}

static void set_number(pid_t pid, long nr)
{
}

/* The call that was interrupted is made again, as the kernel would do on its way to user space. */
static void restart(registers *r)
{
	switch ((long)r->orig_rax < 0 ? 0 : RESULT(r)) {
	case -512: /* ERESTARTSYS */
	case -513: /* ERESTARTNOINTR */
	case -514: /* ERESTARTNOHAND */
		r->rip -= INSN_SIZE;
		r->rax = r->orig_rax;
		break;
	case -516: /* ERESTART_RESTARTBLOCK, of which our call may have made something else */
		r->rax = (unsigned long)-EINTR;
		break;
	}
	r->orig_rax = (unsigned long)-1;
}

#elif defined(__aarch64__)

typedef struct user_regs_struct registers;
#define PC(r) ((r)->pc)
#define SP(r) ((r)->sp)
#define RESULT(r) ((long)(r)->regs[0])
#define INSN 0xd4000001
#define INSN_SIZE 4

static void set_call(registers *r, long nr, const long arg[6])
{
	r->regs[8] = (unsigned long)nr;
	for (int i = 0; i < 6; i++)
		r->regs[i] = (unsigned long)arg[i];
}

/* Where a call was interrupted, the kernel may have made restart_syscall of ours. */
static void set_number(pid_t pid, long nr)
{
	int number = (int)nr;
	struct iovec io = {&number, sizeof(number)};

	if (ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &io))
		err(2, "the call's number");
}

/* The kernel has already put the registers back, for the call to be made again. */
static void restart(registers *r)
{
}

#else
#error "registers of this architecture"
#endif

static void get_registers(pid_t pid, registers *r)
{
	struct iovec io = {r, sizeof(*r)};

	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &io))
		err(2, "registers of %d", pid);
}

static void set_registers(pid_t pid, registers *r)
{
	struct iovec io = {r, sizeof(*r)};

	if (ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &io))
		err(2, "registers of %d", pid);
}

/* ---- a stopped thread ---- */

static struct thread {
	pid_t pid;
	registers saved, base;
	unsigned long insn; /* where there is a system call instruction */
	unsigned long area; /* the next free byte of ours on its stack */
	int signal;         /* that came in between: delivered in the end */
	pid_t child;        /* that it forked */
} live;

static volatile sig_atomic_t late;

static void on_alarm(int sig)
{
	late = 1;
}

/* Waits for the next stop. Returns the status of waitpid(). */
static int wait_stop(struct thread *t)
{
	int status;

	while (waitpid(t->pid, &status, __WALL) != t->pid) {
		if (errno != EINTR)
			err(2, "waiting for %d", t->pid);
		if (late)
			ptrace(PTRACE_INTERRUPT, t->pid, 0, 0);
	}
	return status;
}

/* Lets it run to the next side of a system call. Returns 0, or KILLED + the signal. */
static int run_to_call(struct thread *t)
{
	unsigned long child;
	int status;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, t->pid, 0, 0) && errno != ESRCH)
			err(2, "going on");
		status = wait_stop(t);
		if (WIFSIGNALED(status))
			return KILLED + WTERMSIG(status);
		if (WIFEXITED(status))
			errx(2, "%d ended with status %d", t->pid, WEXITSTATUS(status));
		if (WSTOPSIG(status) == (SIGTRAP | 0x80))
			return 0;
		if (status >> 8 == (SIGTRAP | PTRACE_EVENT_FORK << 8)) {
			ptrace(PTRACE_GETEVENTMSG, t->pid, 0, &child);
			t->child = (pid_t)child;
		} else if (status >> 16 == 0) {
			t->signal = WSTOPSIG(status);
		}
	}
}

/* The system call instruction is the one before it, if it waits in a call, or the next one. */
static bool find_insn(struct thread *t)
{
	unsigned long mask = (1UL << 8 * INSN_SIZE) - 1;

	for (int back = INSN_SIZE; back >= 0; back -= INSN_SIZE) {
		unsigned long at = PC(&t->saved) - (unsigned long)back;
		long word;

		errno = 0;
		word = ptrace(PTRACE_PEEKTEXT, t->pid, at, 0);
		if (!errno && ((unsigned long)word & mask) == INSN) {
			t->insn = at;
			return true;
		}
	}
	return false;
}

static void take_registers(struct thread *t)
{
	get_registers(t->pid, &t->saved);
	t->area = (SP(&t->saved) - BELOW - AREA) & ~15UL;
}

static void seize(struct thread *t)
{
	if (ptrace(PTRACE_SEIZE, t->pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK))
		err(2, "tracing %d", t->pid);
	/* A thread that computes is let go until it waits for something. */
	for (int i = 0; i < 1000; i++) {
		ptrace(PTRACE_INTERRUPT, t->pid, 0, 0);
		if (!WIFSTOPPED(wait_stop(t)))
			errx(2, "%d ended", t->pid);
		take_registers(t);
		if (find_insn(t))
			return;
		ptrace(PTRACE_CONT, t->pid, 0, 0);
		usleep(1000);
	}
	errx(2, "%d does not wait in a system call", t->pid);
}

static long one_call(struct thread *t, long nr, const long arg[6])
{
	registers r = t->saved;
	int died;

	PC(&r) = t->insn;
	set_call(&r, nr, arg);
	set_registers(t->pid, &r);
	died = run_to_call(t);
	if (died)
		return died;
	set_number(t->pid, nr);
	late = 0;
	alarm(CALL_SECONDS);
	died = run_to_call(t);
	alarm(0);
	if (died)
		return died;
	get_registers(t->pid, &r);
	return RESULT(&r);
}

/*
 * Returns what the kernel did, or KILLED + the signal. A filter that kills does so after the call
 * has come back: who can make another one is alive.
 */
static long make_call(struct thread *t, long nr, const long arg[6])
{
	const long none[6] = {0};
	long r = one_call(t, nr, arg), after;

	if (killed(r))
		return r;
	after = one_call(t, SYS_gettid, none);
	return killed(after) ? after : r;
}

static void let_go(struct thread *t)
{
	restart(&t->saved);
	set_registers(t->pid, &t->saved);
	if (ptrace(PTRACE_DETACH, t->pid, 0, t->signal))
		err(2, "letting %d go", t->pid);
}

/* ---- the copy ---- */

static void copy_of(struct thread *t, struct thread *copy)
{
	/* The parent's parent reaps it: this process knows of no children. */
	const long arg[6] = {CLONE_PARENT | SIGCHLD};
	long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK;
	long r;

	if (ptrace(PTRACE_SETOPTIONS, t->pid, 0, options | PTRACE_O_SUSPEND_SECCOMP)) {
		r = errno;
		let_go(t);
		errno = (int)r;
		err(3, "this kernel or container does not let a filter be suspended");
	}
	r = make_call(t, SYS_clone, arg);
	ptrace(PTRACE_SETOPTIONS, t->pid, 0, options);
	if (r != t->child || r <= 0)
		errx(2, "no copy: clone returned %ld", r);
	*copy = *t;
	copy->pid = t->child;
	copy->signal = 0;
	if (!WIFSTOPPED(wait_stop(copy)) ||
	    ptrace(PTRACE_SETOPTIONS, copy->pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL))
		err(2, "the copy");
	take_registers(copy);
}

/* ---- words to arguments ---- */

static long put(struct thread *t, const void *data, size_t size)
{
	struct iovec here = {(void *)data, size}, there = {(void *)t->area, size};
	unsigned long at = t->area;

	if (t->area + size > (SP(&t->saved) - BELOW) ||
	    process_vm_writev(t->pid, &here, 1, &there, 1, 0) != (ssize_t)size)
		errx(2, "cannot write %zu bytes to the stack of %d", size, t->pid);
	t->area += (size + 15) & ~15UL;
	return (long)at;
}

static long inet(struct thread *t, char *text)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	char *port = strrchr(text, ':');

	if (!port)
		errx(2, "inet:IP:PORT");
	*port++ = 0;
	addr.sin_port = htons((uint16_t)atoi(port));
	if (inet_pton(AF_INET, text, &addr.sin_addr) != 1)
		errx(2, "%s is no address", text);
	return put(t, &addr, sizeof(addr));
}

static long inet6(struct thread *t, char *text)
{
	struct sockaddr_in6 addr = {.sin6_family = AF_INET6};
	char *port = strrchr(text, '@');

	if (!port)
		errx(2, "inet6:IP@PORT");
	*port++ = 0;
	addr.sin6_port = htons((uint16_t)atoi(port));
	if (inet_pton(AF_INET6, text, &addr.sin6_addr) != 1)
		errx(2, "%s is no address", text);
	return put(t, &addr, sizeof(addr));
}

static long local(struct thread *t, const char *text, bool abstract)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	snprintf(addr.sun_path + abstract, sizeof(addr.sun_path) - abstract, "%s", text);
	return put(t, &addr, sizeof(addr));
}

/* The text after `prefix`, as a copy that may be written to, or NULL. */
static char *after(const char *word, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(word, prefix, n) == 0 ? strdup(word + n) : NULL;
}

static long argument(struct thread *t, const char *word, long first)
{
	static const char zeroes[AREA];
	char *text, *end;
	long number;

	if (strcmp(word, "@") == 0)
		return first;
	if ((text = after(word, "str:")))
		return put(t, text, strlen(text) + 1);
	if ((text = after(word, "zero:")))
		return put(t, zeroes, (size_t)atoi(text));
	if ((text = after(word, "inet:")))
		return inet(t, text);
	if ((text = after(word, "inet6:")))
		return inet6(t, text);
	if ((text = after(word, "unix:")))
		return local(t, text, false);
	if ((text = after(word, "abstract:")))
		return local(t, text, true);
	number = (long)strtoull(word, &end, 0);
	if (!*word || *end)
		errx(2, "%s is no argument", word);
	return number;
}

/* ---- the list of calls ---- */

static const char *outcome(long r, char *buf, size_t size)
{
	if (killed(r))
		snprintf(buf, size, "killed by SIG%s", sigabbrev_np((int)(r - KILLED)));
	else if (r >= 0 || r < -4095)
		snprintf(buf, size, "allowed");
	else if (r <= -512 && r >= -516)
		snprintf(buf, size, "waits");
	else
		snprintf(buf, size, "%s", strerrorname_np((int)-r));
	return buf;
}

static bool failed(long r)
{
	return (r < 0 && r >= -4095) || killed(r);
}

static long number_of(const char *name)
{
	char *end;
	long nr = strtol(name, &end, 0);

	if (*name && !*end)
		return nr; /* newer than this libseccomp */
	nr = seccomp_syscall_resolve_name(name);
	if (nr < 0)
		errx(4, "no such call on this architecture: %s", name);
	return nr;
}

static long make_calls(struct thread *t, char **word, char *said, size_t size)
{
	long first = 0, last = 0;

	for (bool begin = true; *word; begin = false) {
		const char *name = *word++;
		long nr = number_of(name), arg[6] = {0}, r;
		bool is_close = !begin && strcmp(name, "close") == 0;
		int n = 0;

		for (; *word && strcmp(*word, "+") != 0; word++) {
			if (n == 6)
				errx(2, "%s: more than six arguments", name);
			arg[n++] = argument(t, *word, first);
		}
		if (*word)
			word++;
		if (failed(last) && (!is_close || first < 0))
			continue;
		r = make_call(t, nr, arg);
		if (begin)
			first = r;
		if (is_close)
			continue;
		last = r;
		if (failed(r) && *word && strcmp(*word, "close") != 0) {
			int used = snprintf(said, size, "%s: ", name);

			outcome(r, said + used, size - (size_t)used);
		} else {
			outcome(r, said, size);
		}
		if (killed(r))
			break;
	}
	return last;
}

/* ---- the filter ---- */

static int print_filter(pid_t pid)
{
	struct sock_filter code[FILTER_MAX];
	long n, more;

	live.pid = pid;
	seize(&live);
	n = ptrace(PTRACE_SECCOMP_GET_FILTER, pid, 0, code);
	if (n < 0)
		n = -errno;
	more = ptrace(PTRACE_SECCOMP_GET_FILTER, pid, 1, NULL);
	let_go(&live);
	if (n < 0) {
		errno = (int)-n;
		err(3, "this kernel or container does not show filters");
	}
	if (more >= 0)
		printf("and another filter, of %ld instructions\n", more);
	for (long i = 0; i < n; i++) {
		if (code[i].k == (uint32_t)pid)
			printf("%ld: %#x %u %u its own pid\n", i, code[i].code, code[i].jt,
			       code[i].jf);
		else
			printf("%ld: %#x %u %u %#x\n", i, code[i].code, code[i].jt, code[i].jf,
			       code[i].k);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_alarm}; /* without SA_RESTART */
	struct thread copy = {0}, *target = &live;
	char said[128] = "allowed";
	bool copied;
	long last;

	if (argc == 3 && strcmp(argv[1], "--filter") == 0)
		return print_filter((pid_t)atoi(argv[2]));
	copied = argc > 1 && strcmp(argv[1], "--copy") == 0;
	argv += 1 + copied;
	if (!*argv || atoi(*argv) <= 0)
		errx(2, "usage: inject [--copy] PID CALL [ARG...] | inject --filter PID");
	sigaction(SIGALRM, &action, NULL);
	live.pid = (pid_t)atoi(*argv++);
	seize(&live);
	if (copied) {
		copy_of(&live, &copy);
		let_go(&live);
		target = &copy;
	}
	last = make_calls(target, argv, said, sizeof(said));
	if (copied && !killed(last)) {
		kill(copy.pid, SIGKILL);
		while (WIFSTOPPED(wait_stop(&copy)))
			;
	} else if (!copied && !killed(last)) {
		let_go(&live);
	}
	puts(said);
	return 0;
}
