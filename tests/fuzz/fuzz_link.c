/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loaders that a collector may meet. The first five bytes say what comes: how long the offer is
 * and whether it begins right, how many descriptors come with it, and of which kind each is; the
 * rest is laid over the offer. Memfds of the right length stand for maps, filled with the input, so
 * that also positions and counters of rings are anything. Whatever comes: an answer, no fault, and
 * no descriptor or mapping stays behind.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "intake/given.h"
#include "intake/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
bool __real_given_may_be_map(int fd);
bool __wrap_given_may_be_map(int fd);

#define RING 4096u
#define MAP_BYTES (1u << 22) /* a file of that length stands for a map */

static char path[64];
static int sock;

/* What the kernel would refuse to map beyond its end is as long as any offer may promise. */
bool __wrap_given_may_be_map(int fd)
{
	struct stat st;

	return __real_given_may_be_map(fd) ||
	       (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == MAP_BYTES);
}

static int stand_in(const uint8_t *data, size_t size)
{
	int fd = memfd_create("map", MFD_CLOEXEC);

	if (ftruncate(fd, MAP_BYTES))
		abort();
	/* consumer page, producer page, data */
	for (off_t at = 0; at < 3 * 4096 && size; at += 4096)
		if (pwrite(fd, data, size < 4096 ? size : 4096, at) < 0)
			abort();
	return fd;
}

static int gift(uint8_t kind, const uint8_t *data, size_t size)
{
	int pair[2];

	switch (kind % 8) {
	case 0:
		return memfd_create("empty", MFD_CLOEXEC);
	case 1:
		return open("/dev/zero", O_RDWR | O_CLOEXEC);
	case 2:
		return eventfd(0, EFD_CLOEXEC);
	case 3:
		if (pipe2(pair, O_CLOEXEC))
			abort();
		close(pair[1]);
		return pair[0];
	case 4:
		return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	default:
		return stand_in(data, size);
	}
}

struct script {
	const uint8_t *data;
	size_t size;
};

/* Sizes that lie within what stands for a map, so that no promise goes beyond it. */
static void make_offer(struct handover_offer *o, const struct script *s)
{
	size_t n = s->size < sizeof(*o) ? s->size : sizeof(*o);

	*o = (struct handover_offer){.data_size = RING,
				     .life_size = RING,
				     .cpus = 1,
				     .control_size = sizeof(struct kh_control),
				     .counters_size = sizeof(struct kh_counters)};
	for (size_t i = 0; i < n; i++)
		((uint8_t *)o)[i] ^= s->data[i];
	if (o->data_size <= 1u << 30 && o->data_size > MAP_BYTES / 4)
		o->data_size = RING;
	if (o->life_size <= 1u << 30 && o->life_size > MAP_BYTES / 4)
		o->life_size = RING;
}

static void *play(void *arg)
{
	const struct script *all = arg;
	const uint8_t *how = all->data;
	struct script rest = {how + 5, all->size - 5};
	struct handover_hello hello;
	struct handover_offer o;
	char long_one[512] = "";
	int fds[HANDOVER_FDS], peer;
	struct pollfd wait = {.fd = sock, .events = POLLIN};
	size_t n = how[1] % 8 < 5 ? HANDOVER_FDS : how[1] % 5, got;

	poll(&wait, 1, -1);
	peer = accept4(sock, NULL, NULL, SOCK_CLOEXEC);
	if (peer < 0 || handover_recv(peer, &hello, sizeof(hello), NULL, 0, &got) != 1)
		abort();
	make_offer(&o, &rest);
	if (how[0] & 1) {
		o.magic = HANDOVER_MAGIC;
		o.abi = KH_ABI_VERSION;
	}
	memcpy(long_one, &o, sizeof(o));
	for (size_t i = 0; i < n; i++)
		fds[i] = gift(how[1 + i] >> 3, rest.data, rest.size);
	handover_send(peer, long_one, how[0] < 16 ? (size_t)how[0] * 32 : sizeof(o), fds, n);
	while (n)
		close(fds[--n]);
	close(peer);
	return NULL;
}

static void use(struct link *link)
{
	size_t size;
	const void *p;
	volatile uint8_t sink = 0;

	while ((p = ring_next(&link->data, ring_head(&link->data), &size)))
		for (size_t i = 0; i < size; i++)
			sink ^= ((const uint8_t *)p)[i];
	ring_release(&link->data);
	for (int i = 0; i < 3 && link->walking; i++)
		link_walk(link);
	for (uint64_t c = 1; c < 20; c++)
		link_verdict(link, c << (c * 3), KH_IGNORE);
	link_counter(link, sink);
	if (!link_lost(link))
		abort(); /* it hung up */
	link_close(link);
}

static int lowest_free(void)
{
	int fd = dup(sock);

	close(fd);
	return fd;
}

static void clean_up(void)
{
	unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script script = {data, size};
	char why[256] = "";
	pthread_t thread;
	struct link link;
	int before, r;

	if (size < 5)
		return 0;
	if (!path[0]) {
		snprintf(path, sizeof(path), "/tmp/keyhole-fuzz-link-%d", (int)getpid());
		sock = handover_listen(path);
		if (sock < 0)
			abort();
		atexit(clean_up);
	}
	before = lowest_free();
	if (pthread_create(&thread, NULL, play, &script))
		abort();
	r = link_open(&link, path, &(struct link_wishes){0}, -1, why, sizeof(why));
	pthread_join(thread, NULL);
	if (r == 0)
		use(&link);
	else if (!why[0] || strchr(why, '\n'))
		abort(); /* one sentence */
	if (lowest_free() != before)
		abort();
	return 0;
}
