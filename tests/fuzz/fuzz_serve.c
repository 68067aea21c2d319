/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peers of the loader's socket that do what the bytes say, one action a byte: connect, send
 * messages of any size, with and without descriptors, hellos right and wrong, read, hang up by
 * halves or in whole. The loader's loop serves them until nobody is left, then a right collector:
 * that one must be served, and no descriptor may stay behind.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/events.h"
#include "loader/serve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PEERS 4
#define ACTIONS_MAX 64
#define ANSWER_MS 20000 /* a hang, not slowness */

static char path[64];
static int sock, gifts[HANDOVER_FDS], peers[PEERS];
static struct handover_offer offer = {.magic = HANDOVER_MAGIC, .abi = KH_ABI_VERSION, .cpus = 1};
static volatile int stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static void *run(void *arg)
{
	(void)arg;
	if (serve(sock, getuid(), &offer, gifts, &stop))
		abort();
	return NULL;
}

static int lowest_free(void)
{
	int fd = dup(sock);

	close(fd);
	return fd;
}

static void hang_up(int i)
{
	if (peers[i] >= 0)
		close(peers[i]);
	peers[i] = -1;
}

static void say_hello(int peer, uint32_t magic, uint32_t abi, size_t fds)
{
	struct handover_hello hello = {.magic = magic, .abi = abi, .version = "fuzz"};

	handover_send(peer, &hello, sizeof(hello), gifts, fds);
}

/* The low two bits choose the peer, the rest what it does. Nobody is waited for. */
static void act(uint8_t how)
{
	static char noise[4096];
	int i = how % PEERS, what = how / PEERS;

	if (peers[i] < 0)
		peers[i] = handover_connect(path);
	if (peers[i] < 0)
		return;
	if (what < 8)
		say_hello(peers[i], HANDOVER_MAGIC, KH_ABI_VERSION, 0);
	else if (what < 16)
		say_hello(peers[i], HANDOVER_MAGIC, KH_ABI_VERSION, (size_t)what % 4 + 1);
	else if (what < 20)
		say_hello(peers[i], HANDOVER_MAGIC, KH_ABI_VERSION + (uint32_t)what, 0);
	else if (what < 24)
		say_hello(peers[i], (uint32_t)what, KH_ABI_VERSION, 0);
	else if (what < 36)
		handover_send(peers[i], noise, 1u << (what - 24), NULL, 0);
	else if (what < 40)
		handover_send(peers[i], noise, 0, gifts, (size_t)what % 5);
	else if (what < 48)
		recv(peers[i], noise, sizeof(noise), MSG_DONTWAIT);
	else if (what < 52)
		shutdown(peers[i], what % 3);
	else
		hang_up(i);
}

static void serve_a_right_one(void)
{
	int came[HANDOVER_FDS], peer;
	struct handover_offer got;
	struct pollfd wait = {.events = POLLIN};
	size_t n = 0;

	/* the queue may still be full of those who are gone */
	while ((peer = handover_connect(path)) < 0)
		poll(NULL, 0, 1);
	say_hello(peer, HANDOVER_MAGIC, KH_ABI_VERSION, 0);
	wait.fd = peer;
	if (poll(&wait, 1, ANSWER_MS) != 1 ||
	    handover_recv(peer, &got, sizeof(got), came, HANDOVER_FDS, &n) != 1 ||
	    n != HANDOVER_FDS || memcmp(&got, &offer, sizeof(got)) != 0)
		abort();
	while (n)
		close(came[--n]);
	close(peer);
}

static void prepare(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	snprintf(path, sizeof(path), "/tmp/keyhole-fuzz-serve-%d", (int)getpid());
	sigaction(SIGUSR1, &action, NULL);
	sock = handover_listen(path);
	for (size_t i = 0; i < HANDOVER_FDS; i++)
		gifts[i] = memfd_create("gift", MFD_CLOEXEC);
	if (sock < 0)
		abort();
}

static void clean_up(void)
{
	unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	pthread_t thread;
	int before;

	if (!path[0]) {
		prepare();
		atexit(clean_up);
	}
	before = lowest_free();
	memset(peers, 0xff, sizeof(peers));
	stop = 0;
	if (pthread_create(&thread, NULL, run, NULL))
		abort();
	for (size_t i = 0; i < size && i < ACTIONS_MAX; i++)
		act(data[i]);
	for (int i = 0; i < PEERS; i++)
		hang_up(i);
	serve_a_right_one();
	pthread_kill(thread, SIGUSR1);
	pthread_join(thread, NULL);
	if (lowest_free() != before)
		abort();
	return 0;
}
