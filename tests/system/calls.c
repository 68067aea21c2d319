/* SPDX-License-Identifier: Apache-2.0 */
#include "traffic.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

void die(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "traffic: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	_exit(1); /* the process group of the run ends by the parent's waiting, see traffic.c */
}

/* Like sendto; returns when the kernel needs the bytes no more. */
static ssize_t send_zerocopy(int fd, const char *p, size_t n)
{
	struct pollfd completion = {.fd = fd}; /* POLLERR, which is always asked for */
	int one = 1;
	char control[128];
	ssize_t sent;

	if (setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)))
		die("SO_ZEROCOPY: %m");
	sent = send(fd, p, n, MSG_ZEROCOPY);
	if (sent < 0)
		return sent;
	for (;;) {
		struct msghdr msg = {.msg_control = control, .msg_controllen = sizeof(control)};

		if (recvmsg(fd, &msg, MSG_ERRQUEUE) >= 0)
			return sent;
		if (errno != EAGAIN && errno != EINTR)
			die("completion of a zerocopy send: %m");
		poll(&completion, 1, -1);
	}
}

/* Nearly equal segments. Returns their number, <= want. */
static int cut_evenly(struct iovec *iov, unsigned want, char *p, size_t n)
{
	unsigned count = want < n ? want : n;

	for (unsigned i = 0; i < count; i++) {
		size_t len = n / (count - i);

		iov[i] = (struct iovec){p, len};
		p += len;
		n -= len;
	}
	return count;
}

int cut_small(struct iovec *iov, unsigned want, char *p, size_t n)
{
	unsigned i = 0;

	for (; i + 1 < want && n > READ_SEGMENT; i++) {
		iov[i] = (struct iovec){p, READ_SEGMENT};
		p += READ_SEGMENT;
		n -= READ_SEGMENT;
	}
	iov[i] = (struct iovec){p, n};
	return i + 1;
}

static void wrap_each(struct mmsghdr *msgs, struct iovec *iov, int n)
{
	memset(msgs, 0, n * sizeof(*msgs));
	for (int i = 0; i < n; i++) {
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
}

static ssize_t sum_of(const struct mmsghdr *msgs, int n)
{
	ssize_t sum = 0;

	for (int i = 0; i < n; i++)
		sum += msgs[i].msg_len;
	return n < 0 ? n : sum;
}

/* A message may end before its segment does: closes the gaps. */
static ssize_t close_up(char *p, const struct mmsghdr *msgs, int n)
{
	size_t sum = 0;

	for (int i = 0; i < n; i++) {
		memmove(p + sum, msgs[i].msg_hdr.msg_iov->iov_base, msgs[i].msg_len);
		sum += msgs[i].msg_len;
	}
	return n < 0 ? n : (ssize_t)sum;
}

static ssize_t send_file(int fd, const char *p, size_t n)
{
	FILE *file = tmpfile();
	off_t offset = 0;
	ssize_t sent;

	if (!file || fwrite(p, 1, n, file) != n || fflush(file))
		die("temporary file: %m");
	sent = sendfile(fd, fileno(file), &offset, n);
	fclose(file);
	return sent;
}

static ssize_t send_pipe(int fd, const char *p, size_t n)
{
	int ends[2];
	ssize_t sent;

	if (pipe(ends) || (sent = write(ends[1], p, n < 4096 ? n : 4096)) < 0)
		die("pipe: %m");
	for (ssize_t left = sent, done; left > 0; left -= done) {
		done = splice(ends[0], NULL, fd, NULL, left, SPLICE_F_MOVE);
		if (done <= 0)
			die("splice to socket: %m");
	}
	close(ends[0]);
	close(ends[1]);
	return sent;
}

static ssize_t receive_pipe(int fd, char *p, size_t n)
{
	int ends[2];
	ssize_t got;

	if (pipe(ends))
		die("pipe: %m");
	got = splice(fd, NULL, ends[1], NULL, n, SPLICE_F_MOVE);
	if (got > 0 && read(ends[0], p, got) != got)
		die("pipe: short read");
	close(ends[0]);
	close(ends[1]);
	return got;
}

static ssize_t send_once(struct conn *c, char *p, size_t n)
{
	struct mmsghdr msgs[MMSGS];
	struct iovec iov[SEGMENTS_MAX];
	int count = cut_evenly(iov, c->call == CALL_SENDMMSG ? MMSGS : c->segments, p, n);
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = count};

	switch (c->call) {
	case CALL_WRITE:
		return write(c->fd, p, n);
	case CALL_WRITEV:
		return writev(c->fd, iov, count);
	case CALL_SENDMSG:
		return sendmsg(c->fd, &msg, 0);
	case CALL_SENDMMSG:
		wrap_each(msgs, iov, count);
		return sum_of(msgs, sendmmsg(c->fd, msgs, count, 0));
	case CALL_PWRITEV2:
		return pwritev2(c->fd, iov, count, -1, 0);
	case CALL_SENDFILE:
		return send_file(c->fd, p, n);
	case CALL_SPLICE:
		return send_pipe(c->fd, p, n);
	case CALL_ZEROCOPY:
		return send_zerocopy(c->fd, p, n);
	case CALL_URING:
	case CALL_SQPOLL:
		return uring_send(c, p, n);
	case CALL_DECOY:
		return decoy_send(c, p, n);
	case CALL_SENDTO:
	case CALL_TRUNC:
		break;
	}
	return sendto(c->fd, p, n, 0, NULL, 0);
}

static ssize_t receive_once(struct conn *c, char *p, size_t n)
{
	struct mmsghdr msgs[MMSGS];
	struct iovec iov[SEGMENTS_MAX];
	int count = cut_small(iov, c->call == CALL_SENDMMSG ? MMSGS : c->segments, p, n);
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = count};

	if (c->peek && recv(c->fd, p, n, MSG_PEEK) < 0 && errno != EAGAIN)
		return -1;
	switch (c->call) {
	case CALL_WRITE:
		return read(c->fd, p, n);
	case CALL_WRITEV:
		return readv(c->fd, iov, count);
	case CALL_SENDMSG:
		return recvmsg(c->fd, &msg, 0);
	case CALL_SENDMMSG:
		wrap_each(msgs, iov, count);
		return close_up(p, msgs, recvmmsg(c->fd, msgs, count, MSG_WAITFORONE, NULL));
	case CALL_PWRITEV2:
		return preadv2(c->fd, iov, count, -1, 0);
	case CALL_SPLICE:
		return receive_pipe(c->fd, p, n);
	case CALL_TRUNC:
		return recv(c->fd, p, n, MSG_TRUNC);
	case CALL_URING:
	case CALL_SQPOLL:
	case CALL_DECOY:
		return uring_receive(c, p, n);
	case CALL_SENDTO:
	case CALL_ZEROCOPY:
	case CALL_SENDFILE:
		break;
	}
	return recvfrom(c->fd, p, n, 0, NULL, NULL);
}

/* After EAGAIN: true once it is worth another try; false for any other error. */
static bool wait_for(struct conn *c, short events)
{
	struct pollfd p = {.fd = c->fd, .events = events};

	if (errno == EINTR)
		return true;
	if (errno != EAGAIN)
		return false;
	__atomic_add_fetch(&c->tally->eagain, 1, __ATOMIC_RELAXED);
	return poll(&p, 1, -1) >= 0 || errno == EINTR;
}

static ssize_t receive(struct conn *c, char *p, size_t n)
{
	ssize_t got;

	do
		got = receive_once(c, p, n);
	while (got < 0 && wait_for(c, POLLIN));
	return got;
}

void conn_send(struct conn *c, const char *bytes, size_t n, size_t cut)
{
	char *p = (char *)bytes; /* struct iovec has no const */

	while (n > 0) {
		ssize_t sent = send_once(c, p, cut && cut < n ? cut : n);

		if (sent < 0 && wait_for(c, POLLOUT))
			continue;
		if (sent <= 0)
			die("%s: send: %m", c->scenario->name);
		p += sent;
		n -= sent;
	}
}

void conn_expect(struct conn *c, const char *bytes, size_t n)
{
	char buf[READ_MAX];

	while (n > 0) {
		/* A body of which the bytes are dropped must not eat what follows. */
		size_t ask = c->call == CALL_TRUNC && n < sizeof(buf) ? n : sizeof(buf);
		ssize_t got = receive(c, buf, ask);

		if (got < 0)
			die("%s: receive: %m", c->scenario->name);
		if (got == 0 || (size_t)got > n)
			die("%s: received %zd bytes where %zu were due", c->scenario->name, got, n);
		if (c->call != CALL_TRUNC && memcmp(buf, bytes, got))
			die("%s: received other bytes than were sent", c->scenario->name);
		bytes += got;
		n -= got;
	}
}

void conn_expect_end(struct conn *c)
{
	char byte;
	ssize_t got = receive(c, &byte, 1);

	if (got != 0)
		die("%s: the connection did not end: %s", c->scenario->name,
		    got < 0 ? strerror(errno) : "one byte more");
}

void conn_expect_reset(struct conn *c)
{
	char byte;

	if (receive(c, &byte, 1) >= 0 || errno != ECONNRESET)
		die("%s: the connection was not reset", c->scenario->name);
}

void conn_wait_acked(struct conn *c)
{
	int left = 1;

	while (ioctl(c->fd, SIOCOUTQ, &left) == 0 && left > 0)
		usleep(1000);
}

void conn_ready(struct conn *c)
{
	__atomic_add_fetch(&c->tally->ready, 1, __ATOMIC_RELEASE);
}

void conn_await(struct conn *c, unsigned n)
{
	while (__atomic_load_n(&c->other->ready, __ATOMIC_ACQUIRE) < n)
		usleep(500);
}

void conn_reset(struct conn *c)
{
	struct linger now = {.l_onoff = 1};

	if (setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)))
		die("SO_LINGER: %m");
	close(c->fd);
	c->fd = -1;
}
