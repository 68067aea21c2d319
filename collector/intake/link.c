/* SPDX-License-Identifier: Apache-2.0 */
#include "link.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <unistd.h>

#include "given.h"

#define ANSWER_MS 3000        /* a loader waits 2 s for a silent peer before it hears us */
#define RING_MAX (1ull << 30) /* largest ring a loader can make */
#define THREAD_NAME "keyhole-intake"

static void forget(struct link *link)
{
	size_t i;

	memset(link, 0, sizeof(*link));
	link->sock = -1;
	for (i = 0; i < HANDOVER_FDS; i++)
		link->fds[i] = -1;
}

void link_close(struct link *link)
{
	size_t i;

	ring_close(&link->data);
	ring_close(&link->life);
	if (link->control)
		munmap(link->control, link->offer.control_size);
	if (link->counters)
		munmap((void *)link->counters, link->offer.counters_size);
	for (i = 0; i < HANDOVER_FDS; i++)
		if (link->fds[i] >= 0)
			close(link->fds[i]);
	if (link->sock >= 0)
		close(link->sock);
	forget(link);
}

/* Waits for the answer; a signal does not shorten that. */
static bool answers(int sock, int give_up)
{
	struct pollfd wait[2] = {{.fd = sock, .events = POLLIN}, {.fd = give_up, .events = POLLIN}};
	int r;

	do {
		r = poll(wait, 2, ANSWER_MS);
	} while (r < 0 && errno == EINTR);
	return r > 0 && wait[0].revents;
}

static int ask(struct link *link, const char *path, int give_up, char *why, size_t why_size)
{
	struct handover_hello hello = {.magic = HANDOVER_MAGIC, .abi = KH_ABI_VERSION};
	size_t got = 0;
	int r;

	link->sock = handover_connect(path);
	if (link->sock < 0) {
		r = link->sock;
		snprintf(why, why_size, "%s: %s; %s", path, strerror(-r),
			 r == -EAGAIN ? "other collectors wait for the loader already"
				      : "is keyhole-loader running?");
		return r;
	}
	snprintf(hello.version, sizeof(hello.version), "%s", KEYHOLE_VERSION);
	r = handover_send(link->sock, &hello, sizeof(hello), NULL, 0);
	if (r == 0 && !answers(link->sock, give_up)) {
		snprintf(why, why_size, "%s: no answer; another collector may be connected", path);
		return -EAGAIN;
	}
	if (r == 0)
		r = handover_recv(link->sock, &link->offer, sizeof(link->offer), link->fds,
				  HANDOVER_FDS, &got);
	if (r == 1 && link->offer.magic != HANDOVER_MAGIC)
		r = -EPROTO;
	if (r == 1 && link->offer.status == HANDOVER_ABI) {
		snprintf(why, why_size,
			 "the loader speaks ABI %u, this collector (version %s) ABI %u: install "
			 "both "
			 "from one release",
			 link->offer.abi, KEYHOLE_VERSION, KH_ABI_VERSION);
		return -EPROTONOSUPPORT;
	}
	if (r == 1 && got == HANDOVER_FDS && link->offer.abi == KH_ABI_VERSION)
		return 0;
	if (r == 0 || r == -ECONNRESET || r == -EPIPE) {
		snprintf(why, why_size, "%s: the loader refused uid %u; see its --peer-uid", path,
			 (unsigned int)getuid());
		return -EACCES;
	}
	snprintf(why, why_size, "%s: the answer is not a loader's", path);
	return -EPROTO;
}

/* A BPF map refuses to be mapped beyond its end: what lies about its size fails there. */
static bool fds_ok(const struct link *link)
{
	for (size_t i = 0; i < HANDOVER_FDS; i++)
		if (!given_may_be_map(link->fds[i]))
			return false;
	return true;
}

static bool sizes_ok(const struct handover_offer *o)
{
	return o->cpus >= 1 && o->cpus <= KH_CPUS_MAX && o->data_size <= RING_MAX &&
	       o->life_size <= RING_MAX && o->control_size >= sizeof(struct kh_control) &&
	       o->control_size <= (1u << 20) &&
	       o->counters_size >= o->cpus * sizeof(struct kh_counters) &&
	       o->counters_size <= (KH_CPUS_MAX + 8) * sizeof(struct kh_counters);
}

static int map_all(struct link *link)
{
	const struct handover_offer *o = &link->offer;
	void *p;
	int r;

	if (!sizes_ok(o) || !fds_ok(link))
		return -EPROTO;
	r = ring_open(&link->data, link->fds[HANDOVER_DATA], o->data_size);
	if (!r)
		r = ring_open(&link->life, link->fds[HANDOVER_LIFE], o->life_size);
	if (r)
		return r;
	p = mmap(NULL, o->control_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		 link->fds[HANDOVER_CONTROL], 0);
	if (p == MAP_FAILED)
		return -errno;
	link->control = p;
	p = mmap(NULL, o->counters_size, PROT_READ, MAP_SHARED, link->fds[HANDOVER_COUNTERS], 0);
	if (p == MAP_FAILED)
		return -errno;
	link->counters = p;
	return 0;
}

/* Makes the request that `letter` stands for: the rename itself is the message. */
static void request(struct link *link, char letter)
{
	char name[16];

	snprintf(name, sizeof(name), "%0*llx%c", KH_NONCE_DIGITS,
		 (unsigned long long)link->control->nonce, letter);
	prctl(PR_SET_NAME, name, 0, 0, 0);
}

/* Once there is nothing more to ask: who saw the name cannot ask in ours either. */
static void rest(struct link *link)
{
	if (link->walking || link->unplaced)
		return;
	link->control->nonce = 0;
	prctl(PR_SET_NAME, THREAD_NAME, 0, 0, 0);
}

static void streams_clear(struct link *link)
{
	size_t i;

	for (i = 0; i < KH_STREAMS; i++)
		__atomic_store_n(&link->control->streams[i].cookie, 0, __ATOMIC_RELAXED);
}

/*
 * The page is as the collector before this one left it, which may have been taken over: nothing in
 * it is kept but how many records were handled, if that can be.
 */
static void reset_control(struct link *link, const struct link_wishes *wishes, uint64_t nonce,
			  uint32_t generation)
{
	struct kh_control *c = link->control;
	uint64_t offered = link_counter(link, KH_C_exchanges) + link_counter(link, KH_C_parts) +
			   link_counter(link, KH_C_finishes) + link_counter(link, KH_C_segments);

	nonce &= (1ull << (4 * KH_NONCE_DIGITS)) - 1;
	c->nonce = nonce ? nonce : 1;
	c->wake_bytes = (uint32_t)KH_WAKE_BYTES(link->data.size);
	if (c->delivered > offered)
		c->delivered = offered;
	c->want = wishes->want;
	c->scope = wishes->own_pod ? KH_SCOPE_NOTHING : 0;
	link_verdicts_clear(link);
	streams_clear(link);
	/* at random: who was told what, and under which number, is not known */
	if (generation == c->generation)
		generation++;
	__atomic_store_n(&c->generation, generation, __ATOMIC_RELEASE);
	__atomic_store_n(&c->enabled, 1, __ATOMIC_RELEASE);
}

static void introduce(struct link *link, const struct link_wishes *wishes)
{
	struct {
		uint64_t nonce;
		uint32_t generation, pad;
	} any = {0};

	if (getrandom(&any, sizeof(any), 0) != sizeof(any)) {
		any.nonce = 0;
		any.generation = link->control->generation + 1;
	}
	reset_control(link, wishes, any.nonce, any.generation);
	request(link, 's');
	link->walking = strcmp(link->offer.snapshot, "unavailable") != 0;
	link->unplaced = wishes->own_pod;
	rest(link);
}

int link_open(struct link *link, const char *path, const struct link_wishes *wishes, int give_up,
	      char *why, size_t why_size)
{
	int r;

	forget(link);
	r = ask(link, path, give_up, why, why_size);
	link->offer.version[sizeof(link->offer.version) - 1] = 0;
	link->offer.kernel[sizeof(link->offer.kernel) - 1] = 0;
	link->offer.backend[sizeof(link->offer.backend) - 1] = 0;
	link->offer.snapshot[sizeof(link->offer.snapshot) - 1] = 0;
	if (r == 0) {
		r = map_all(link);
		if (r)
			snprintf(why, why_size, "%s: the descriptors cannot be mapped: %s", path,
				 strerror(-r));
	}
	if (r) {
		link_close(link);
		return r;
	}
	introduce(link, wishes);
	return 0;
}

bool link_lost(const struct link *link)
{
	struct pollfd p = {.fd = link->sock, .events = POLLIN | POLLRDHUP};

	return poll(&p, 1, 0) > 0;
}

void link_walk(struct link *link)
{
	uint64_t before = link_counter(link, KH_C_snapshot_tasks);

	request(link, 'w');
	if (link_counter(link, KH_C_snapshot_tasks) - before >= KH_SNAPSHOT_STEP)
		return;
	link->walking = false;
	rest(link);
}

bool link_ask_self(struct link *link)
{
	if (link->unplaced)
		request(link, 's');
	return link->unplaced;
}

uint64_t link_counter(const struct link *link, unsigned int counter)
{
	uint64_t sum = 0;
	uint32_t cpu;

	if (!link->counters || counter >= KH_COUNTER_SLOTS)
		return 0;
	for (cpu = 0; cpu < link->offer.cpus; cpu++)
		sum += __atomic_load_n(&link->counters[cpu].c[counter], __ATOMIC_RELAXED);
	return sum;
}

/* The slot that has the key, else the first one that is free, else NULL. */
static struct kh_verdict_slot *slot_for(struct link *link, uint64_t key)
{
	struct kh_verdict_slot *free = NULL;
	uint32_t at = KH_VERDICT_HASH(key), i;

	for (i = 0; i < KH_VERDICT_PROBES; i++) {
		struct kh_verdict_slot *slot =
			&link->control->verdicts[(at + i) & (KH_VERDICTS - 1)];

		if (slot->key == key)
			return slot;
		if (!free && (!slot->key || slot->key == KH_VERDICT_GONE))
			free = slot;
		if (!slot->key)
			break;
	}
	return free;
}

int link_verdict(struct link *link, uint64_t key, enum kh_verdict verdict)
{
	struct kh_verdict_slot *slot;

	if (!link->control)
		return -ENOTCONN;
	if (!key || key == KH_VERDICT_GONE)
		return -EINVAL;
	slot = slot_for(link, key);
	if (!slot)
		return verdict == KH_TRACE ? 0 : -ENOSPC;
	if (verdict == KH_TRACE ? slot->key != key : slot->key == key)
		return 0;
	slot->verdict = KH_IGNORE;
	__atomic_store_n(&slot->key, verdict == KH_TRACE ? KH_VERDICT_GONE : key, __ATOMIC_RELEASE);
	__atomic_add_fetch(&link->control->verdict_epoch, 1, __ATOMIC_RELEASE);
	return 0;
}

void link_stream(struct link *link, uint64_t cookie, uint32_t capture, enum kh_role role)
{
	struct kh_stream_slot *slot;

	if (!link->control || !cookie)
		return;
	slot = &link->control->streams[KH_STREAM_HASH(cookie)];
	/* no reader finds a cookie beside what was said of another: it asks for it before and after */
	__atomic_store_n(&slot->cookie, 0, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(&slot->capture, capture < KH_SEGMENT_CALL ? capture : KH_SEGMENT_CALL,
			 __ATOMIC_RELEASE);
	__atomic_store_n(&slot->role, (uint8_t)role, __ATOMIC_RELEASE);
	__atomic_store_n(&slot->cookie, cookie, __ATOMIC_RELEASE);
}

void link_verdicts_clear(struct link *link)
{
	size_t i;

	if (!link->control)
		return;
	for (i = 0; i < KH_VERDICTS; i++)
		__atomic_store_n(&link->control->verdicts[i].key, 0, __ATOMIC_RELAXED);
	__atomic_add_fetch(&link->control->verdict_epoch, 1, __ATOMIC_RELEASE);
}

void link_scope(struct link *link, uint64_t cgroup)
{
	if (!link->control)
		return;
	__atomic_store_n(&link->control->scope, cgroup, __ATOMIC_RELEASE);
	__atomic_add_fetch(&link->control->verdict_epoch, 1, __ATOMIC_RELEASE);
	link->unplaced = false;
	rest(link);
}
