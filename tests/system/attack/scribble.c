/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scribble SOCKET SECONDS: a collector that was taken over. As the collector's user it takes the
 * four descriptors and tries to get more out of them than it should: what must be refused is said
 * as `NAME: ok` or `NAME: WRONG`. Then it writes to what may be written, the control page and each
 * ring's consumer position, whatever it likes, as fast as it can, for that long.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bpf/events.h"
#include "ipc/handover.h"

static struct handover_offer offer;
static int fds[HANDOVER_FDS];
static size_t page;
static int wrong;

static uint64_t any(void)
{
	static uint64_t state = 0x9e3779b97f4a7c15;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static int take(const char *path)
{
	struct handover_hello hello = {.magic = HANDOVER_MAGIC, .abi = KH_ABI_VERSION};
	int sock = handover_connect(path);
	struct pollfd wait = {.fd = sock, .events = POLLIN};
	size_t got = 0;

	if (sock < 0 || handover_send(sock, &hello, sizeof(hello), NULL, 0) ||
	    poll(&wait, 1, 30000) != 1 ||
	    handover_recv(sock, &offer, sizeof(offer), fds, HANDOVER_FDS, &got) != 1 ||
	    got != HANDOVER_FDS)
		return -1;
	return 0;
}

static void must(const char *name, int held)
{
	printf("%s: %s\n", name, held ? "ok" : "WRONG");
	wrong |= !held;
}

static int maps(int fd, size_t size, int protection, int flags, off_t at)
{
	void *p = mmap(NULL, size, protection, flags, fd, at);

	if (p == MAP_FAILED)
		return 0;
	munmap(p, size);
	return 1;
}

/* May what is mapped for reading become writable? */
static int turns(int fd, size_t size, off_t at, int protection)
{
	void *p = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, at);
	int r = p != MAP_FAILED && mprotect(p, size, protection) == 0;

	if (p != MAP_FAILED)
		munmap(p, size);
	return r;
}

static void try_ring(const char *ring, int fd, uint64_t size)
{
	char name[96];
	const int rw = PROT_READ | PROT_WRITE;

#define MUST(what, held) (snprintf(name, sizeof(name), "%s: %s", ring, what), must(name, held))
	MUST("the producer's page is not writable", !maps(fd, page, rw, MAP_SHARED, (off_t)page));
	MUST("nor are the records", !maps(fd, page, rw, MAP_SHARED, (off_t)(2 * page)));
	MUST("nor together with the consumer's page", !maps(fd, 2 * page, rw, MAP_SHARED, 0));
	MUST("nor later", !turns(fd, page, (off_t)page, rw));
	MUST("nor later, the records", !turns(fd, 2 * size, (off_t)(2 * page), rw));
	MUST("nothing is mapped beyond its end",
	     !maps(fd, page, PROT_READ, MAP_SHARED, (off_t)(2 * page + 2 * size)));
	MUST("nor across it", !maps(fd, 4 * page + 2 * size, PROT_READ, MAP_SHARED, 0));
	MUST("it is not read(2)", read(fd, name, 1) < 0);
	MUST("nor written", write(fd, name, 1) < 0);
	MUST("nor cut", ftruncate(fd, 0) < 0);
	MUST("consumer's page is writable, as meant", maps(fd, page, rw, MAP_SHARED, 0));
#undef MUST
}

static void try_all(void)
{
	const int rw = PROT_READ | PROT_WRITE;
	int counters = fds[HANDOVER_COUNTERS], control = fds[HANDOVER_CONTROL];

	try_ring("data ring", fds[HANDOVER_DATA], offer.data_size);
	try_ring("life ring", fds[HANDOVER_LIFE], offer.life_size);
	must("counters: not writable", !maps(counters, page, rw, MAP_SHARED, 0));
	must("counters: nor later", !turns(counters, page, 0, rw));
	must("counters: nothing beyond their end",
	     !maps(counters, offer.counters_size + page, PROT_READ, MAP_SHARED, 0));
	must("counters: readable, as meant",
	     maps(counters, offer.counters_size, PROT_READ, MAP_SHARED, 0));
	must("control page: nothing beyond its end",
	     !maps(control, offer.control_size + page, rw, MAP_SHARED, 0));
	must("control page: writable, as meant",
	     maps(control, offer.control_size, rw, MAP_SHARED, 0));
}

/* Near what is believed: limits, sizes, all ones, a step before and behind. */
static uint64_t value(uint64_t base)
{
	switch (any() % 8) {
	case 0:
		return 0;
	case 1:
		return ~0ull;
	case 2:
		return base + offer.data_size * (any() % 4) + (any() % 3 - 1);
	case 3:
		return base - any() % (2 * offer.data_size);
	case 4:
		return base + (any() % 4096 & ~7ull);
	case 5:
		return 1ull << (any() % 64);
	case 6:
		return base;
	default:
		return any();
	}
}

static void scribble(int seconds)
{
	const int rw = PROT_READ | PROT_WRITE;
	volatile uint64_t *consumer[2], *control;
	const volatile uint64_t *producer[2];
	time_t end = time(NULL) + seconds;
	unsigned long long writes = 0;

	for (int i = 0; i < 2; i++) {
		consumer[i] = mmap(NULL, page, rw, MAP_SHARED, fds[i], 0);
		producer[i] = mmap(NULL, page, PROT_READ, MAP_SHARED, fds[i], (off_t)page);
	}
	control = mmap(NULL, offer.control_size, rw, MAP_SHARED, fds[HANDOVER_CONTROL], 0);
	if (consumer[0] == MAP_FAILED || consumer[1] == MAP_FAILED || control == MAP_FAILED ||
	    producer[0] == MAP_FAILED || producer[1] == MAP_FAILED) {
		must("what may be written is mapped", 0);
		return;
	}
	while (time(NULL) < end) {
		for (int i = 0; i < 20000; i++, writes++) {
			int r = (int)(any() % 2);

			if (any() % 4 == 0)
				consumer[r][any() % 8 ? 0 : any() % (page / 8)] =
					value(*producer[r]);
			else if (any() % 8 == 0)
				control[any() % (sizeof(struct kh_control) / 8 < 8 ? 1 : 8)] =
					value(any() % 16);
			else
				control[any() % (offer.control_size / 8)] = value(any() % 8192);
		}
	}
	/* what is left is as bad as can be: off, nobody's nonce, all ignored, positions anywhere */
	memset((void *)control, 0xff, offer.control_size);
	((struct kh_control *)(uintptr_t)control)->enabled = 0;
	for (int i = 0; i < 2; i++)
		consumer[i][0] = *producer[i] - 12344;
	printf("%llu words written\n", writes);
}

int main(int argc, char **argv)
{
	page = (size_t)sysconf(_SC_PAGESIZE);
	if (argc != 3 || take(argv[1])) {
		fprintf(stderr, "usage: scribble SOCKET SECONDS; or nobody hands anything over\n");
		return 2;
	}
	try_all();
	fflush(stdout);
	scribble(atoi(argv[2]));
	return wrong;
}
