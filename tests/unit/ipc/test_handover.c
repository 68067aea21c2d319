/* SPDX-License-Identifier: Apache-2.0 */
/* The hand-over: fixed messages, and no descriptor left behind whatever comes. */
#include "handover.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[] = "/tmp/keyhole-test-XXXXXX";
static char path[sizeof(dir) + 8];
static int a, b; /* a pair of connected sockets */
static int given[HANDOVER_FDS];
static int open_before;

static int open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static int setup(void **state)
{
	int pair[2], i;

	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	if (!mkdtemp(dir) || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -1;
	snprintf(path, sizeof(path), "%s/sock", dir);
	a = pair[0];
	b = pair[1];
	for (i = 0; i < HANDOVER_FDS; i++)
		given[i] = memfd_create("given", 0);
	open_before = open_descriptors();
	return 0;
}

static int teardown(void **state)
{
	int i, left = open_descriptors() - open_before;

	for (i = 0; i < HANDOVER_FDS; i++)
		close(given[i]);
	close(a);
	close(b);
	unlink(path);
	rmdir(dir);
	return left; /* anything a test or the code under test forgot */
}

/* Receives as the collector does; the descriptors must be left alone unless it succeeds. */
static int receive(size_t size, size_t want)
{
	char buf[512];
	int fds[HANDOVER_FDS] = {-7, -7, -7, -7};
	size_t got = 99, i;
	int r = handover_recv(b, buf, size, fds, want, &got);

	for (i = 0; r == 1 && i < got; i++) {
		assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
		close(fds[i]);
	}
	for (i = r == 1 ? got : 0; i < HANDOVER_FDS; i++)
		assert_int_equal(fds[i], -7);
	return r;
}

static void a_message_arrives_whole_with_its_descriptors(void **state)
{
	struct handover_offer offer = {.magic = HANDOVER_MAGIC, .cpus = 3}, back;
	struct stat sent, came;
	int fds[HANDOVER_FDS], i;
	size_t got;

	assert_int_equal(handover_send(a, &offer, sizeof(offer), given, HANDOVER_FDS), 0);
	assert_int_equal(handover_recv(b, &back, sizeof(back), fds, HANDOVER_FDS, &got), 1);
	assert_int_equal(got, HANDOVER_FDS);
	assert_memory_equal(&offer, &back, sizeof(offer));
	for (i = 0; i < HANDOVER_FDS; i++) {
		assert_int_equal(fstat(given[i], &sent), 0);
		assert_int_equal(fstat(fds[i], &came), 0);
		assert_int_equal(sent.st_ino, came.st_ino);
		close(fds[i]);
	}
}

static void descriptors_that_come_are_closed_on_exec(void **state)
{
	char msg[8] = "";

	assert_int_equal(handover_send(a, msg, 8, given, HANDOVER_FDS), 0);
	assert_int_equal(receive(8, HANDOVER_FDS), 1);
}

static void a_message_without_descriptors_is_fine_where_some_may_come(void **state)
{
	char msg[8] = "";

	assert_int_equal(handover_send(a, msg, 8, NULL, 0), 0);
	assert_int_equal(receive(8, HANDOVER_FDS), 1);
}

static void a_message_of_another_size_is_refused(void **state)
{
	static const size_t sizes[] = {1, 7, 9, 64, 4096};
	char msg[4096] = "";
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(handover_send(a, msg, sizes[i], given, HANDOVER_FDS), 0);
		assert_int_equal(receive(8, HANDOVER_FDS), -EPROTO);
	}
}

static void another_count_of_descriptors_is_refused_and_all_are_closed(void **state)
{
	char msg[8] = "";
	size_t n;

	for (n = 1; n < HANDOVER_FDS; n++) {
		assert_int_equal(handover_send(a, msg, 8, given, n), 0);
		assert_int_equal(receive(8, HANDOVER_FDS), -EPROTO);
	}
	assert_int_equal(handover_send(a, msg, 8, given, HANDOVER_FDS), 0);
	assert_int_equal(receive(8, 0), -EPROTO);
	assert_int_equal(handover_send(a, msg, 8, given, HANDOVER_FDS), 0);
	assert_int_equal(receive(8, 2), -EPROTO);
}

/* More than handover_send() would ever send, in one or two control messages. */
static void send_many(size_t n)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * 64)];
		struct cmsghdr align;
	} control = {0};
	char msg[8] = "";
	struct iovec iov = {msg, sizeof(msg)};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control.buf,
			   .msg_controllen = CMSG_SPACE(sizeof(int) * n)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	size_t i;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * n);
	for (i = 0; i < n; i++)
		memcpy(CMSG_DATA(c) + i * sizeof(int), &given[0], sizeof(int));
	assert_int_equal(sendmsg(a, &m, 0), sizeof(msg));
}

static void more_descriptors_than_there_is_room_for_leave_nothing_open(void **state)
{
	size_t n;

	for (n = HANDOVER_FDS + 1; n <= 64; n += 3) {
		send_many(n);
		assert_int_equal(receive(8, HANDOVER_FDS), -EPROTO);
	}
}

static void descriptors_lost_for_lack_of_room_in_the_process_are_noticed(void **state)
{
	struct rlimit before, none;
	char msg[8] = "";
	int next = dup(0), r;

	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){.rlim_cur = (rlim_t)next, .rlim_max = before.rlim_max};
	assert_int_equal(handover_send(a, msg, 8, given, HANDOVER_FDS), 0);
	setrlimit(RLIMIT_NOFILE, &none);
	r = receive(8, HANDOVER_FDS); /* else it would look like a message without any */
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(r, -EPROTO);
}

static void an_empty_message_with_descriptors_is_no_end_of_the_connection(void **state)
{
	assert_int_equal(handover_send(a, "", 0, given, HANDOVER_FDS), 0);
	assert_int_equal(receive(8, HANDOVER_FDS), -EPROTO);
}

static void the_end_of_the_connection_is_told(void **state)
{
	shutdown(a, SHUT_WR);
	assert_int_equal(receive(8, HANDOVER_FDS), 0);
}

static void what_cannot_be_sent_or_asked_for_is_refused(void **state)
{
	int many[HANDOVER_FDS + 1] = {0};
	size_t got;
	char msg[8] = "";

	assert_int_equal(handover_send(a, msg, 8, many, HANDOVER_FDS + 1), -EINVAL);
	assert_int_equal(handover_recv(b, msg, 8, many, HANDOVER_FDS + 1, &got), -EINVAL);
}

static void a_peer_that_does_not_read_blocks_nobody(void **state)
{
	char msg[4096] = "";
	int i, r = 0;

	for (i = 0; i < 100000 && r == 0; i++)
		r = handover_send(a, msg, sizeof(msg), NULL, 0);
	assert_int_equal(r, -EAGAIN);
}

static void a_peer_that_is_gone_is_an_error_not_a_signal(void **state)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	close(pair[1]);
	assert_int_equal(handover_send(pair[0], "", 1, NULL, 0), -EPIPE);
	close(pair[0]);
}

/* ---- sockets on file ---- */

static void the_socket_is_for_owner_and_group_only(void **state)
{
	int sock = handover_listen(path);
	struct stat st;

	assert_true(sock >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_true(fcntl(sock, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(sock, F_GETFL) & O_NONBLOCK);
	close(sock);
}

static void listening_leaves_the_umask_alone(void **state)
{
	mode_t before = umask(022);
	int sock = handover_listen(path);

	assert_int_equal(umask(before), 022);
	close(sock);
}

static void a_connection_tells_who_is_at_its_other_end(void **state)
{
	int sock = handover_listen(path), peer;
	uid_t uid = 12345;

	peer = handover_connect(path);
	assert_true(peer >= 0);
	assert_true(fcntl(peer, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(handover_peer(peer, &uid), 0);
	assert_int_equal(uid, getuid());
	close(peer);
	close(sock);
}

static void a_socket_that_a_dead_loader_left_is_replaced(void **state)
{
	int sock = handover_listen(path);

	close(sock);
	sock = handover_listen(path);
	assert_true(sock >= 0);
	close(sock);
}

static void a_socket_on_which_another_listens_is_not_taken_away(void **state)
{
	int sock = handover_listen(path), peer;

	assert_int_equal(handover_listen(path), -EADDRINUSE);
	peer = handover_connect(path);
	assert_true(peer >= 0);
	close(peer);
	close(sock);
}

static void a_socket_of_another_service_is_not_taken_away(void **state)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int sock = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	assert_int_equal(bind(sock, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(sock, 1), 0);
	assert_int_equal(handover_listen(path), -EADDRINUSE);
	assert_int_equal(access(path, F_OK), 0);
	close(sock);
}

static void any_other_kind_of_file_is_never_replaced(void **state)
{
	char target[sizeof(path) + 2];
	int fd = open(path, O_CREAT | O_WRONLY, 0600), sock;
	struct stat st;

	close(fd);
	assert_int_equal(handover_listen(path), -EEXIST);
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	unlink(path);

	/* a link to a socket is a link */
	snprintf(target, sizeof(target), "%s-2", path);
	sock = handover_listen(target);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(handover_listen(path), -EEXIST);
	close(sock);
	unlink(target);
}

static void a_full_queue_of_connections_blocks_nobody(void **state)
{
	int sock = handover_listen(path), peers[64], n = 0, r = 0;

	while (n < 64 && (r = handover_connect(path)) >= 0)
		peers[n++] = r;
	assert_int_equal(r, -EAGAIN);
	while (n)
		close(peers[--n]);
	close(sock);
}

static void paths_that_fit_no_address_are_refused(void **state)
{
	char longest[200];

	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	assert_int_equal(handover_listen(longest), -ENAMETOOLONG);
	assert_int_equal(handover_connect(longest), -ENAMETOOLONG);
	assert_int_equal(handover_connect(""), -ENAMETOOLONG);
	assert_int_equal(handover_connect(path), -ENOENT);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_message_arrives_whole_with_its_descriptors),
		T(descriptors_that_come_are_closed_on_exec),
		T(a_message_without_descriptors_is_fine_where_some_may_come),
		T(a_message_of_another_size_is_refused),
		T(another_count_of_descriptors_is_refused_and_all_are_closed),
		T(more_descriptors_than_there_is_room_for_leave_nothing_open),
		T(descriptors_lost_for_lack_of_room_in_the_process_are_noticed),
		T(an_empty_message_with_descriptors_is_no_end_of_the_connection),
		T(the_end_of_the_connection_is_told),
		T(what_cannot_be_sent_or_asked_for_is_refused),
		T(a_peer_that_does_not_read_blocks_nobody),
		T(a_peer_that_is_gone_is_an_error_not_a_signal),
		T(the_socket_is_for_owner_and_group_only),
		T(listening_leaves_the_umask_alone),
		T(a_connection_tells_who_is_at_its_other_end),
		T(a_socket_that_a_dead_loader_left_is_replaced),
		T(a_socket_on_which_another_listens_is_not_taken_away),
		T(a_socket_of_another_service_is_not_taken_away),
		T(any_other_kind_of_file_is_never_replaced),
		T(a_full_queue_of_connections_blocks_nobody),
		T(paths_that_fit_no_address_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
