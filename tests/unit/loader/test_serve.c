/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loader's life, with a real socket, itself as the peer, and memfds for what BPF would give.
 * One test waits for the loader's patience with a silent peer, 2 s, to end.
 */
#include "loader/serve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "bpf/events.h"

#define SOON_MS 1500 /* the loader's own wait is longer */

static char dir[] = "/tmp/keyhole-test-XXXXXX";
static char path[sizeof(dir) + 8];
static int sock, fds[HANDOVER_FDS];
static struct handover_offer offer;
static uid_t served_uid;
static volatile int stop;
static pthread_t thread;
static int result;

static void on_signal(int number)
{
	stop = 1;
}

static void *run(void *arg)
{
	result = serve(sock, served_uid, &offer, fds, &stop);
	return NULL;
}

static void begin(uid_t uid)
{
	served_uid = uid;
	assert_int_equal(pthread_create(&thread, NULL, run, NULL), 0);
}

static int setup(void **state)
{
	struct sigaction act = {.sa_handler = on_signal};
	int i;

	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/sock", dir);
	sigaction(SIGUSR1, &act, NULL);
	stop = 0;
	sock = handover_listen(path);
	for (i = 0; i < HANDOVER_FDS; i++)
		fds[i] = memfd_create("given", MFD_CLOEXEC);
	offer = (struct handover_offer){.magic = HANDOVER_MAGIC, .abi = KH_ABI_VERSION, .cpus = 2};
	return sock < 0;
}

/* The signal is all that ends it, wherever it waits. */
static int teardown(void **state)
{
	int i;

	pthread_kill(thread, SIGUSR1);
	pthread_join(thread, NULL);
	close(sock);
	for (i = 0; i < HANDOVER_FDS; i++)
		close(fds[i]);
	unlink(path);
	rmdir(dir);
	return result;
}

static int hello(uint32_t magic, uint32_t abi)
{
	struct handover_hello h = {.magic = magic, .abi = abi, .version = "test"};
	int peer = handover_connect(path);

	assert_true(peer >= 0);
	assert_int_equal(handover_send(peer, &h, sizeof(h), NULL, 0), 0);
	return peer;
}

static bool answers(int peer, int ms)
{
	struct pollfd wait = {.fd = peer, .events = POLLIN};

	return poll(&wait, 1, ms) > 0;
}

/* Takes the offer, and closes what came with it. */
static int take_offer(int peer, struct handover_offer *o, size_t *got)
{
	int came[HANDOVER_FDS], r;
	struct stat given, taken;
	size_t i;

	assert_true(answers(peer, SOON_MS));
	r = handover_recv(peer, o, sizeof(*o), came, HANDOVER_FDS, got);
	for (i = 0; r == 1 && i < *got; i++) {
		fstat(fds[i], &given);
		fstat(came[i], &taken);
		assert_int_equal(given.st_ino, taken.st_ino);
		close(came[i]);
	}
	return r;
}

static void served(int peer)
{
	struct handover_offer o;
	size_t got;

	assert_int_equal(take_offer(peer, &o, &got), 1);
	assert_int_equal(got, HANDOVER_FDS);
	assert_memory_equal(&o, &offer, sizeof(o));
}

static void refused(int peer)
{
	struct handover_offer o;
	size_t got;
	int r;

	assert_true(answers(peer, SOON_MS));
	r = take_offer(peer, &o, &got);
	assert_true(r == 0 || r == -ECONNRESET);
	close(peer);
}

static void the_collector_gets_the_offer_and_the_descriptors(void **state)
{
	int peer;

	begin(getuid());
	peer = hello(HANDOVER_MAGIC, KH_ABI_VERSION);
	served(peer);
	close(peer);
}

static void the_next_collector_is_served_when_the_first_is_gone(void **state)
{
	int first, second, i;

	begin(getuid());
	first = hello(HANDOVER_MAGIC, KH_ABI_VERSION);
	served(first);
	for (i = 0; i < 10; i++) {
		second = hello(HANDOVER_MAGIC, KH_ABI_VERSION);
		assert_false(answers(second, 0));
		close(first);
		served(second);
		first = second;
	}
	close(first);
}

static void a_collector_that_gave_up_waiting_does_not_hold_up_the_next(void **state)
{
	int first, gone, second;

	begin(getuid());
	first = hello(HANDOVER_MAGIC, KH_ABI_VERSION);
	served(first);
	gone = hello(HANDOVER_MAGIC, KH_ABI_VERSION);
	close(gone);
	second = hello(HANDOVER_MAGIC, KH_ABI_VERSION);
	close(first);
	served(second);
	close(second);
}

static void a_collector_that_goes_on_talking_is_dropped(void **state)
{
	int peer;

	begin(getuid());
	peer = hello(HANDOVER_MAGIC, KH_ABI_VERSION);
	served(peer);
	assert_int_equal(handover_send(peer, "more", 4, NULL, 0), 0);
	refused(peer);
}

static void another_uid_gets_nothing(void **state)
{
	struct handover_hello h = {.magic = HANDOVER_MAGIC, .abi = KH_ABI_VERSION};
	int peer;

	begin(getuid() + 1);
	peer = handover_connect(path);
	assert_true(peer >= 0);
	handover_send(peer, &h, sizeof(h), NULL, 0); /* the loader may have hung up before */
	refused(peer);
}

static void what_is_no_hello_gets_nothing(void **state)
{
	int peer;

	begin(getuid());
	refused(hello(HANDOVER_MAGIC + 1, KH_ABI_VERSION));
	peer = handover_connect(path);
	assert_int_equal(handover_send(peer, "GET / HTTP/1.1\r\n\r\n", 18, NULL, 0), 0);
	refused(peer);
	/* nor does a hello that brings descriptors */
	peer = handover_connect(path);
	assert_int_equal(handover_send(peer,
				       &(struct handover_hello){HANDOVER_MAGIC, KH_ABI_VERSION, ""},
				       sizeof(struct handover_hello), fds, 1),
			 0);
	refused(peer);
	peer = hello(HANDOVER_MAGIC, KH_ABI_VERSION);
	served(peer);
	close(peer);
}

static void another_abi_is_told_ours_and_gets_no_descriptor(void **state)
{
	struct handover_offer o;
	size_t got = 9;
	int peer;

	begin(getuid());
	peer = hello(HANDOVER_MAGIC, KH_ABI_VERSION + 1);
	assert_int_equal(take_offer(peer, &o, &got), 1);
	assert_int_equal(got, 0);
	assert_int_equal(o.magic, HANDOVER_MAGIC);
	assert_int_equal(o.status, HANDOVER_ABI);
	assert_int_equal(o.abi, KH_ABI_VERSION);
	refused(peer);
}

static void a_silent_peer_is_dropped_and_the_next_served(void **state)
{
	int silent, peer;

	begin(getuid());
	silent = handover_connect(path);
	peer = hello(HANDOVER_MAGIC, KH_ABI_VERSION);
	assert_false(answers(peer, 0));
	assert_true(answers(silent, 20000)); /* its end */
	served(peer);
	close(silent);
	close(peer);
}

static void a_peer_that_hangs_up_at_once_is_no_reason_to_wait(void **state)
{
	int i, peer;

	begin(getuid());
	for (i = 0; i < 5; i++)
		close(handover_connect(path));
	peer = hello(HANDOVER_MAGIC, KH_ABI_VERSION);
	served(peer);
	close(peer);
}

/* ---- systemd ---- */

static int notify_socket(const char *name, socklen_t n)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	memcpy(addr.sun_path, name, n);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)),
			 0);
	return fd;
}

static void heard_ready(int fd)
{
	char got[16] = "";

	assert_int_equal(recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT), 7);
	assert_string_equal(got, "READY=1");
	close(fd);
}

static void systemd_hears_that_the_loader_is_ready(void **state)
{
	char name[64] = "";
	int fd, n;

	n = snprintf(name, sizeof(name), "/tmp/keyhole-notify-%d", (int)getpid());
	fd = notify_socket(name, (socklen_t)n);
	setenv("NOTIFY_SOCKET", name, 1);
	serve_notify(serve_notify_open());
	heard_ready(fd);
	unlink(name);

	/* an abstract name, which begins with a zero byte */
	n = snprintf(name, sizeof(name), "@keyhole-notify-%d", (int)getpid());
	setenv("NOTIFY_SOCKET", name, 1);
	name[0] = 0;
	fd = notify_socket(name, (socklen_t)n);
	serve_notify(serve_notify_open());
	heard_ready(fd);
}

static void without_systemd_nothing_is_said(void **state)
{
	char longest[256];

	memset(longest, '/', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	unsetenv("NOTIFY_SOCKET");
	serve_notify(serve_notify_open());
	setenv("NOTIFY_SOCKET", "vsock:2:1234", 1);
	serve_notify(serve_notify_open());
	setenv("NOTIFY_SOCKET", longest, 1);
	serve_notify(serve_notify_open());
	unsetenv("NOTIFY_SOCKET");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_collector_gets_the_offer_and_the_descriptors),
		T(the_next_collector_is_served_when_the_first_is_gone),
		T(a_collector_that_gave_up_waiting_does_not_hold_up_the_next),
		T(a_collector_that_goes_on_talking_is_dropped),
		T(another_uid_gets_nothing),
		T(what_is_no_hello_gets_nothing),
		T(another_abi_is_told_ours_and_gets_no_descriptor),
		T(a_silent_peer_is_dropped_and_the_next_served),
		T(a_peer_that_hangs_up_at_once_is_no_reason_to_wait),
		cmocka_unit_test(systemd_hears_that_the_loader_is_ready),
		cmocka_unit_test(without_systemd_nothing_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
