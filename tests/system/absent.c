/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that the kernel has used and that is gone when the call returns: another thread unmaps it
 * while the call sleeps, and only then lets the other side do what the call waits for.
 */
#include "traffic.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define GONE 16384   /* bytes from the start of the response: more than any head captured */
#define BUFFER 65536 /* of each socket: a send has to wait before it has taken much more */

struct remover {
	pthread_t thread;
	struct conn *conn;
	pid_t sleeper;
	bool calls;    /* the next that the sleeper does is the call */
	bool returned; /* from it */
	char *at;
	size_t n;
};

static bool asleep(pid_t tid)
{
	char path[64], line[512], *state;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	f = fopen(path, "re");
	if (!f || !fgets(line, sizeof(line), f))
		die("%s: %m", path);
	fclose(f);
	state = strrchr(line, ')');
	return state && state[1] && state[2] == 'S';
}

static void *remove_when_asleep(void *arg)
{
	struct remover *r = arg;

	/* it sleeps until the other side goes on, so a few looks are as good as one */
	for (unsigned seen = 0; seen < 5; usleep(500))
		seen = __atomic_load_n(&r->calls, __ATOMIC_ACQUIRE) && asleep(r->sleeper) ? seen + 1
											  : 0;
	if (__atomic_load_n(&r->returned, __ATOMIC_ACQUIRE))
		die("%s: the call did not wait", r->conn->scenario->name);
	if (munmap(r->at, r->n))
		die("munmap: %m");
	conn_ready(r->conn);
	return NULL;
}

static void remover_start(struct remover *r, struct conn *c, char *at, size_t n)
{
	*r = (struct remover){.conn = c, .sleeper = syscall(SYS_gettid), .at = at, .n = n};
	if (pthread_create(&r->thread, NULL, remove_when_asleep, r))
		die("cannot start a thread");
	__atomic_store_n(&r->calls, true, __ATOMIC_RELEASE);
}

static void remover_end(struct remover *r)
{
	__atomic_store_n(&r->returned, true, __ATOMIC_RELEASE);
	pthread_join(r->thread, NULL);
}

static char *map(size_t n)
{
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap: %m");
	return p;
}

/* ---- the beginning of a long send ---- */

static void serve_absent(struct conn *c, unsigned first, unsigned n)
{
	int size = BUFFER;

	setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	for (unsigned i = first; i < first + n; i++) {
		_cleanup_message_ struct message m = make_response(c->scenario, i);
		char *p = map(m.len);
		struct remover r;

		memcpy(p, m.bytes, m.len);
		expect_request(c, i);
		remover_start(&r, c, p, GONE);
		if (send(c->fd, p, m.len, 0) != (ssize_t)m.len)
			die("%s: send: %m", c->scenario->name);
		remover_end(&r);
		munmap(p + GONE, m.len - GONE);
		count_response(c, &m);
	}
}

static void ask_absent(struct conn *c, unsigned first, unsigned n)
{
	int size = BUFFER; /* and it does not grow */

	setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	for (unsigned i = first; i < first + n; i++) {
		send_request(c, i);
		conn_await(c, 1 + i - first);
		expect_response(c, i);
	}
}

/* ---- the array of segments ---- */

static void serve_absent_iov(struct conn *c, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++) {
		_cleanup_message_ struct message m = make_request(c->scenario, i);
		struct iovec *iov = (struct iovec *)map(2 * sizeof(*iov));
		struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
		char buf[READ_MAX];
		struct remover r;

		iov[0] = (struct iovec){buf, READ_SEGMENT};
		iov[1] = (struct iovec){buf + READ_SEGMENT, sizeof(buf) - READ_SEGMENT};
		remover_start(&r, c, (char *)iov, 2 * sizeof(*iov));
		/* by its number: what AddressSanitizer has for recvmsg(3) reads the array once more */
		if (syscall(SYS_recvmsg, c->fd, &msg, 0) != (long)m.len || memcmp(buf, m.bytes, m.len))
			die("%s: received no request", c->scenario->name);
		remover_end(&r);
		count_request(c, &m);
		send_response(c, i);
	}
}

static void ask_absent_iov(struct conn *c, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++) {
		conn_await(c, 1 + i - first);
		send_request(c, i);
		expect_response(c, i);
	}
}

const struct play play_absent = {ask_absent, serve_absent};
const struct play play_absent_iov = {ask_absent_iov, serve_absent_iov};
