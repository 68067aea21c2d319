/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of any size with any number of descriptors, received as the loader and as the collector
 * do. Four bytes each: what is sent (size, descriptors, in how many control messages) and what is
 * expected. Only what is exactly as expected comes through, and no descriptor stays behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "handover.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SENT_MAX 20 /* descriptors in one message: more than there is room for */

static void send_raw(int sock, size_t size, size_t n)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * SENT_MAX)];
		struct cmsghdr align;
	} control = {0};
	char msg[512] = "";
	struct iovec iov = {msg, size};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	int fd = 0;

	if (n) {
		struct cmsghdr *c;

		m.msg_control = control.buf;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * n);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n);
		for (size_t i = 0; i < n; i++)
			memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(fd));
	}
	if (sendmsg(sock, &m, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)size)
		abort();
}

static void exchange(const int *pair, const uint8_t *how)
{
	size_t size = how[0] | (how[1] & 1) << 8, n = how[1] % (SENT_MAX + 1), got = 99;
	size_t want_size = how[2], want = how[3] % (HANDOVER_FDS + 2);
	int fds[HANDOVER_FDS + 1], r;
	char msg[256];

	memset(fds, 0xff, sizeof(fds));
	send_raw(pair[0], size, n);
	r = handover_recv(pair[1], msg, want_size, fds, want, &got);
	if (want > HANDOVER_FDS) {
		/* refused before it is received: take it away */
		if (r != -EINVAL)
			abort();
		r = handover_recv(pair[1], msg, want_size, fds, 0, &got);
		want = 0;
	}
	if (r == 1) {
		if (size != want_size || got != n || (n && n != want))
			abort();
		for (size_t i = 0; i < got; i++) {
			if (!(fcntl(fds[i], F_GETFD) & FD_CLOEXEC))
				abort();
			close(fds[i]);
		}
	} else if (r == 0) {
		if (size || n) /* an empty message is an end like any other */
			abort();
	} else if (r != -EPROTO || (size == want_size && size && (!n || n == want))) {
		abort();
	} else if (fds[0] != -1) {
		abort(); /* numbers of what is closed already */
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int pair[2], before = dup(0), after;

	if (before < 0)
		before = open("/dev/null", O_RDONLY);
	close(before);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
		abort();
	for (; size >= 4; data += 4, size -= 4)
		exchange(pair, data);
	close(pair[0]);
	close(pair[1]);
	after = dup(0);
	close(after);
	if (before != after)
		abort();
	return 0;
}
