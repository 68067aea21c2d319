/* SPDX-License-Identifier: Apache-2.0 */
#include "handover.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int address(const char *path, struct sockaddr_un *addr)
{
	size_t n = strlen(path);

	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	if (n == 0 || n >= sizeof(addr->sun_path))
		return -ENAMETOOLONG;
	memcpy(addr->sun_path, path, n + 1);
	return 0;
}

/* 0: nobody listens at this socket any more. Who is only too busy to accept does. */
static int stale(const char *path)
{
	int fd = handover_connect(path);

	if (fd >= 0)
		close(fd);
	if (fd == -ECONNREFUSED)
		return 0;
	return fd >= 0 || fd == -EAGAIN || fd == -EPROTOTYPE ? -EADDRINUSE : fd;
}

int handover_listen(const char *path)
{
	struct sockaddr_un addr;
	struct stat st;
	mode_t mask;
	int fd, r;

	r = address(path, &addr);
	if (r)
		return r;
	if (lstat(path, &st) == 0) {
		if (!S_ISSOCK(st.st_mode))
			return -EEXIST;
		r = stale(path);
		if (!r && unlink(path))
			r = -errno;
		if (r)
			return r;
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mask = umask(0117);
	r = bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ? -errno : 0;
	umask(mask);
	if (!r && listen(fd, 8))
		r = -errno;
	if (r) {
		close(fd);
		return r;
	}
	return fd;
}

int handover_connect(const char *path)
{
	struct sockaddr_un addr;
	int fd, r;

	r = address(path, &addr);
	if (r)
		return r;
	/* a blocking connect(2) would wait as long as the listener's queue is full */
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

int handover_peer(int sock, uid_t *uid)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &n))
		return -errno;
	*uid = cred.uid;
	return 0;
}

int handover_send(int sock, const void *msg, size_t size, const int *fds, size_t n)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * HANDOVER_FDS)];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {.iov_base = (void *)msg, .iov_len = size};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t r;

	if (n > HANDOVER_FDS)
		return -EINVAL;
	if (n) {
		struct cmsghdr *c;

		m.msg_control = control.buf;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * n);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n);
	}
	do {
		r = sendmsg(sock, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	return (size_t)r == size ? 0 : -EPROTO;
}

/* Takes every descriptor out of the control data, also those that nobody asked for. */
static size_t take_fds(struct msghdr *m, int *fds, size_t room, size_t *extra)
{
	size_t got = 0;
	struct cmsghdr *c;

	*extra = 0;
	for (c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t n, i;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
			(*extra)++;
			continue;
		}
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (got < room) {
				fds[got++] = fd;
			} else {
				close(fd);
				(*extra)++;
			}
		}
	}
	return got;
}

int handover_recv(int sock, void *msg, size_t size, int *fds, size_t n, size_t *got)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * (HANDOVER_FDS + 4))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = msg, .iov_len = size};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control.buf,
			   .msg_controllen = sizeof(control.buf)};
	int own[HANDOVER_FDS];
	size_t extra, have;
	ssize_t r;
	int cut;

	if (n > HANDOVER_FDS)
		return -EINVAL;
	do {
		r = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	have = take_fds(&m, own, n, &extra);
	cut = m.msg_flags & (MSG_TRUNC | MSG_CTRUNC);
	if (r == 0 && have == 0 && extra == 0 && !cut)
		return 0;
	if ((size_t)r != size || extra || cut || (have && have != n)) {
		while (have)
			close(own[--have]);
		return -EPROTO;
	}
	if (have)
		memcpy(fds, own, have * sizeof(int));
	*got = have;
	return 1;
}
