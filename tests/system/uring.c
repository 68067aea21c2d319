/* SPDX-License-Identifier: Apache-2.0 */
#include "traffic.h"

#ifdef TRAFFIC_URING

#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ENTRIES 4

/* ---- a ring for each thread ---- */

static bool uses_uring(enum call call)
{
	return call == CALL_URING || call == CALL_SQPOLL || call == CALL_DECOY;
}

/* Returns 0 or a negative errno. */
static int ring_open(struct io_uring *ring, enum call call)
{
	struct io_uring_params params = {0};

	if (call == CALL_SQPOLL) {
		params.flags = IORING_SETUP_SQPOLL;
		params.sq_thread_idle = 100; /* ms */
	} else if (call == CALL_DECOY) {
		/* what is ready to be done is done at the end of the next system call, whatever
		 * that is, and no interrupt is sent for it */
		params.flags = IORING_SETUP_COOP_TASKRUN;
	}
	return io_uring_queue_init_params(ENTRIES, ring, &params);
}

static struct io_uring *ring_of(struct conn *c)
{
	static _Thread_local struct io_uring ring;
	static _Thread_local bool opened;
	int err;

	if (!opened && (err = ring_open(&ring, c->call)))
		die("io_uring: %s", strerror(-err));
	opened = true;
	return &ring;
}

static ssize_t result(struct io_uring *ring, struct io_uring_cqe *cqe)
{
	int res = cqe->res;

	io_uring_cqe_seen(ring, cqe);
	errno = res < 0 ? -res : 0;
	return res < 0 ? -1 : res;
}

static ssize_t wait_result(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;
	int err;

	do
		err = io_uring_wait_cqe(ring, &cqe);
	while (err == -EINTR);
	if (err)
		die("io_uring: %s", strerror(-err));
	return result(ring, cqe);
}

static void submit(struct io_uring *ring)
{
	int n = io_uring_submit(ring);

	/* with SQPOLL, also what went before is counted until the kernel's thread takes it off */
	if (n < 1)
		die("io_uring: submit: %s", strerror(-n));
}

/* ---- the decoy: bytes that a careless reader takes for what the socket received ---- */

/*
 * Reads the decoy again and again, until io_uring's call is done: that happens at the end of one
 * of these reads, whose buffer the registers of the thread then name.
 */
static ssize_t wait_reading(struct conn *c, struct io_uring *ring)
{
	static const char *const texts[] = {
		"DELETE /decoy HTTP/1.1\r\nHost: decoy.test\r\n\r\n",
		"HTTP/1.1 418 Decoy\r\nContent-Length: 7\r\n\r\nnothing"};
	const char *text = texts[c->client];
	int file = memfd_create("decoy", MFD_CLOEXEC);
	char decoy[READ_MAX];

	if (file < 0 || write(file, text, strlen(text)) < 0 || lseek(file, 0, SEEK_SET))
		die("decoy: %m");
	if (read(file, decoy, sizeof(decoy)) <= 0)
		die("decoy: %m");
	/* now the other side may send: this thread may find that it has, or go on for long */
	conn_ready(c);
	/* at the end of the file, the buffer holds what was read first */
	do {
		if (read(file, decoy, sizeof(decoy)) < 0)
			die("decoy: %m");
	} while (!io_uring_cq_ready(ring));
	close(file);
	return wait_result(ring);
}

/* ---- calls ---- */

ssize_t decoy_send(struct conn *c, const char *p, size_t n)
{
	conn_await(c, ++c->sends); /* the other side's receive is to find nothing yet */
	return write(c->fd, p, n);
}

ssize_t uring_send(struct conn *c, char *p, size_t n)
{
	struct iovec iov[SEGMENTS_MAX];
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = cut_small(iov, c->segments, p, n)};
	struct io_uring *ring = ring_of(c);
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	if (c->segments > 1)
		io_uring_prep_sendmsg(sqe, c->fd, &msg, 0);
	else
		io_uring_prep_send(sqe, c->fd, p, n, 0);
	submit(ring);
	return wait_result(ring);
}

ssize_t uring_receive(struct conn *c, char *p, size_t n)
{
	struct iovec iov[SEGMENTS_MAX];
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = cut_small(iov, c->segments, p, n)};
	struct io_uring *ring = ring_of(c);
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	if (c->segments > 1)
		io_uring_prep_recvmsg(sqe, c->fd, &msg, 0);
	else
		io_uring_prep_recv(sqe, c->fd, p, n, 0);
	submit(ring);
	if (c->call != CALL_DECOY)
		return wait_result(ring);
	return wait_reading(c, ring);
}

/* ---- what the kernel allows ---- */

const char *uring_missing(const struct scenario *s)
{
	static char why[128];
	enum call call = s->client_call ? s->client_call : s->call;
	struct io_uring ring;
	int err;

	if (!uses_uring(call))
		return NULL;
	err = ring_open(&ring, call);
	if (err) {
		snprintf(why, sizeof(why), "this kernel's io_uring_setup says: %s", strerror(-err));
		return why;
	}
	io_uring_queue_exit(&ring);
	return NULL;
}

#else /* no liburing: a 32-bit build */

ssize_t decoy_send(struct conn *c, const char *p, size_t n)
{
	die("%s: built without io_uring", c->scenario->name);
}

ssize_t uring_send(struct conn *c, char *p, size_t n)
{
	die("%s: built without io_uring", c->scenario->name);
}

ssize_t uring_receive(struct conn *c, char *p, size_t n)
{
	die("%s: built without io_uring", c->scenario->name);
}

const char *uring_missing(const struct scenario *s)
{
	return NULL;
}

#endif
