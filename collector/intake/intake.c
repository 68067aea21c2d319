/* SPDX-License-Identifier: Apache-2.0 */
#include "intake.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../counter.h"
#include "../log.h"
#include "../loop.h"

#define LOG_MODULE "intake"

struct intake {
	struct intake_options o;
	struct intake_stats stats;
	struct link link;
	bool linked;
	uint64_t hold_until; /* ns; records are not left in the ring longer */
	uint64_t complained; /* ns of the last line about a loader that is not there */
	uint32_t asked;      /* times this loader was asked where we run, without an answer */
	int wake;            /* eventfd: stop */
	int epoll;
	atomic_bool stop;
	pthread_t thread;
	/* The record at hand: what is checked is what is used, whoever else writes the ring. */
	_Alignas(8) uint8_t copy[RECORD_SIZE_MAX];
};

/* ---- records ---- */

static void handle(struct intake *in, bool life, const void *p, size_t size)
{
	struct record record;

	counter_add(life ? &in->stats.life_records : &in->stats.data_records, 1);
	if (size > sizeof(in->copy)) {
		counter_add(&in->stats.invalid, 1);
		return;
	}
	memcpy(in->copy, p, size);
	__asm__ volatile("" ::: "memory"); /* no second look at the ring in the copy's stead */
	if (in->o.record && tape_write(in->o.record, life, in->copy, size))
		counter_add(&in->stats.tape_errors, 1);
	if (record_read(in->copy, size, &record))
		counter_add(&in->stats.invalid, 1);
	else
		in->o.ops.record(in->o.ops.arg, &record);
}

/*
 * Gives a batch of `n` back. How many were handled in all stands in the control page, which
 * outlives collectors: whoever was killed in between, nothing may be missing and nothing twice.
 */
static void release(struct intake *in, struct ring *ring, bool life, size_t n)
{
	uint64_t *handled = &in->link.control->delivered;

	ring_release(ring);
	if (n && !life)
		counter_set(&in->stats.handled, __atomic_add_fetch(handled, n, __ATOMIC_RELAXED));
}

/*
 * Reads one ring up to `until`, giving back batch by batch: so many records, or so large a part of
 * the ring that it might be full meanwhile. Returns the number of records.
 */
static size_t drain(struct intake *in, struct ring *ring, bool life, uint64_t until)
{
	size_t n = 0, released = 0, size;
	uint64_t from = ring->next;
	const void *p;

	while ((p = ring_next(ring, until, &size))) {
		handle(in, life, p, size);
		if (++n - released == INTAKE_BATCH ||
		    ring->next - from >= ring->size / INTAKE_RING_PARTS) {
			release(in, ring, life, n - released);
			released = n;
			from = ring->next;
		}
	}
	release(in, ring, life, n - released);
	return n;
}

/*
 * BPF tells who a process is before its first exchange: identities up to now are read before the
 * exchanges up to a moment before now.
 */
static size_t drain_both(struct intake *in)
{
	uint64_t data_head = ring_head(&in->link.data);
	/* of what waited for this collector, who made it is still to be walked through */
	bool early = in->link.walking || in->o.ops.hold(in->o.ops.arg);
	bool hold = early && loop_now_ns() < in->hold_until &&
		    ring_waiting(&in->link.data) < in->link.data.size / 2;
	size_t n = drain(in, &in->link.life, true, ring_head(&in->link.life));

	return hold ? n : n + drain(in, &in->link.data, false, data_head);
}

/* What a ring skipped is not lost in silence. */
static void note_skipped(struct intake *in, struct ring *ring, const char *name)
{
	if (!ring->skipped)
		return;
	counter_add(&in->stats.invalid, 1);
	log_warn("the %s ring did not hold together, as after a collector that wrote where it should "
		 "not: %llu bytes skipped", name, (unsigned long long)ring->skipped);
	ring->skipped = 0;
}

static void look(struct intake *in)
{
	struct intake_stats *s = &in->stats;
	uint64_t high = ring_high(&in->link.data);
	unsigned int i;

	if (!in->linked)
		return;
	note_skipped(in, &in->link.data, "data");
	note_skipped(in, &in->link.life, "life");
	counter_set(&s->data_waiting, ring_waiting(&in->link.data));
	counter_set(&s->life_waiting, ring_waiting(&in->link.life));
	if (high > atomic_load_explicit(&s->data_high, memory_order_relaxed))
		counter_set(&s->data_high, high);
	for (i = 0; i < KH_C_COUNT; i++)
		counter_set(&s->bpf[i], link_counter(&in->link, i));
}

/* ---- waiting ---- */

/*
 * A ring is readable for poll(2) as soon as one byte waits, which would cost a wake-up per record.
 * Edge-triggered, it reports only that BPF woke it: the life ring for each record, the data ring
 * at its watermark (kh_control.wake_bytes). Else the time limit ends the rest.
 */
static void rest(struct intake *in, int ms)
{
	struct epoll_event events[4];

	epoll_wait(in->epoll, events, 4, ms);
}

static void watch(struct intake *in, int fd, uint32_t events)
{
	struct epoll_event ev = {.events = events};

	if (epoll_ctl(in->epoll, EPOLL_CTL_ADD, fd, &ev))
		log_warn("epoll: %s; records come up to %d ms late", strerror(errno), INTAKE_IDLE_MS);
}

/* ---- the loader ---- */

static void connect_loader(struct intake *in)
{
	uint64_t now = loop_now_ns();
	char why[256];
	int r = link_open(&in->link, in->o.socket, &in->o.wishes, in->wake, why, sizeof(why));

	if (r) {
		/* once at first, then each minute */
		if (!in->complained || now - in->complained > 60000000000ull) {
			log_warn("no captures yet: %s; retrying every %d ms", why, INTAKE_RETRY_MS);
			in->complained = now;
		}
		return;
	}
	in->linked = true;
	in->complained = 0;
	in->asked = 0;
	watch(in, in->link.sock, EPOLLIN | EPOLLRDHUP);
	watch(in, in->link.life.fd, EPOLLIN | EPOLLET);
	watch(in, in->link.data.fd, EPOLLIN | EPOLLET);
	in->hold_until = now + (in->o.hold_ns ? *in->o.hold_ns : INTAKE_HOLD_MS * 1000000ull);
	counter_set(&in->stats.connected, 1);
	counter_add(&in->stats.connects, 1);
	counter_set(&in->stats.loader_sandbox, in->link.offer.sandbox);
	counter_set(&in->stats.data_size, in->link.data.size);
	counter_set(&in->stats.life_size, in->link.life.size);
	counter_set(&in->stats.handled, in->link.control->delivered);
	log_info("connected to loader %s on Linux %s: backend %s, running processes by %s, rings %zu "
		 "and %zu KiB, %zu bytes waiting",
		 in->link.offer.version, in->link.offer.kernel, in->link.offer.backend,
		 in->link.offer.snapshot, in->link.data.size >> 10, in->link.life.size >> 10,
		 ring_waiting(&in->link.data));
}

/* Its programs went with it; what they wrote before is read to the end. */
static void disconnect_loader(struct intake *in)
{
	in->hold_until = 0;
	drain_both(in);
	look(in);
	link_close(&in->link);
	in->linked = false;
	counter_set(&in->stats.connected, 0);
	log_warn("the loader is gone; waiting for the next one at %s", in->o.socket);
}

/* All that came was read: an answer that is not there was lost, or there is nobody to give it. */
static void ask_self(struct intake *in)
{
	if (link_ask_self(&in->link) && ++in->asked == INTAKE_ASKED_MAX)
		log_warn("keyhole.scope is pod, but the kernel does not say where Keyhole runs: "
			 "nothing is traced until it does; see keyhole_bpf_life_drops_total, give "
			 "the loader a larger --life-ring, or set keyhole.scope to node");
}

static void run_linked(struct intake *in)
{
	size_t n = drain_both(in);

	if (in->link.walking)
		link_walk(&in->link);
	ask_self(in);
	look(in);
	in->o.ops.idle(in->o.ops.arg, loop_now_ns());
	if (link_lost(&in->link))
		disconnect_loader(in);
	else if (!in->link.walking)
		rest(in, n ? INTAKE_BUSY_MS : INTAKE_IDLE_MS);
}

static void run_rings(struct intake *in)
{
	uint64_t tried = 0;

	while (!atomic_load(&in->stop)) {
		if (in->linked) {
			run_linked(in);
			continue;
		}
		if (!tried || loop_now_ns() - tried >= INTAKE_RETRY_MS * 1000000ull) {
			connect_loader(in);
			tried = loop_now_ns();
		}
		in->o.ops.idle(in->o.ops.arg, loop_now_ns());
		if (!in->linked)
			rest(in, INTAKE_IDLE_MS);
	}
	if (in->linked) {
		in->hold_until = 0;
		if (in->o.drain)
			drain_both(in);
		link_close(&in->link);
	}
	in->o.ops.end(in->o.ops.arg, true);
}

/* ---- a tape ---- */

static void run_tape(struct intake *in, struct tape *tape)
{
	const void *p;
	size_t size, n = 0;
	bool life;
	int r = 0;

	while (!atomic_load(&in->stop) && (r = tape_read(tape, &life, &p, &size)) == 1) {
		handle(in, life, p, size);
		counter_set(&in->stats.tape_bytes, tape->bytes);
		if (++n % INTAKE_BATCH == 0)
			in->o.ops.idle(in->o.ops.arg, loop_now_ns());
	}
	if (r < 0)
		log_error("--replay %s: damaged after %llu bytes; what came before was used",
			  in->o.replay, (unsigned long long)tape->bytes);
	else
		log_info("--replay %s: %zu records", in->o.replay, n);
	in->o.ops.idle(in->o.ops.arg, loop_now_ns());
	in->o.ops.end(in->o.ops.arg, false);
	counter_set(&in->stats.done, 1);
	while (!atomic_load(&in->stop)) {
		in->o.ops.idle(in->o.ops.arg, loop_now_ns());
		rest(in, INTAKE_IDLE_MS);
	}
}

/* ---- the thread ---- */

static void *run(void *arg)
{
	struct intake *in = arg;
	struct tape tape;
	int r;

	in->o.ops.begin(in->o.ops.arg, in);
	if (!in->o.replay) {
		run_rings(in);
		return NULL;
	}
	r = tape_open(&tape, in->o.replay);
	if (r) {
		log_error("--replay %s: %s", in->o.replay,
			  r == -EBADMSG ? "not a tape; make one with --record"
			  : r == -EPROTONOSUPPORT ? "made by a Keyhole of another ABI"
						  : strerror(-r));
		counter_set(&in->stats.done, 1);
		return NULL;
	}
	run_tape(in, &tape);
	tape_close(&tape);
	return NULL;
}

static void drop(struct intake *in)
{
	if (in->wake >= 0)
		close(in->wake);
	if (in->epoll >= 0)
		close(in->epoll);
	free(in);
}

int intake_start(struct intake **intake, const struct intake_options *options)
{
	struct intake *in = calloc(1, sizeof(*in));
	int r;

	if (!in)
		return -ENOMEM;
	in->o = *options;
	in->link.sock = -1;
	in->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	in->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (in->wake < 0 || in->epoll < 0) {
		r = -errno;
		drop(in);
		return r;
	}
	watch(in, in->wake, EPOLLIN);
	*intake = in;
	r = -pthread_create(&in->thread, NULL, run, in);
	if (r) {
		drop(in);
		*intake = NULL;
	}
	return r;
}

void intake_stop(struct intake *in)
{
	uint64_t one = 1;

	if (!in)
		return;
	atomic_store(&in->stop, true);
	if (write(in->wake, &one, sizeof(one)) < 0)
		log_debug("eventfd: %s", strerror(errno));
	pthread_join(in->thread, NULL);
	if (in->o.record && tape_flush(in->o.record))
		log_error("--record: what was written last is lost: %s", strerror(errno));
	drop(in);
}

const struct intake_stats *intake_stats(const struct intake *in)
{
	return &in->stats;
}

int intake_verdict(struct intake *in, uint64_t key, enum kh_verdict verdict)
{
	return in->linked ? link_verdict(&in->link, key, verdict) : -ENOTCONN;
}

void intake_verdicts_clear(struct intake *in)
{
	if (in->linked)
		link_verdicts_clear(&in->link);
}

/* Also of the next loader. */
void intake_want(struct intake *in, uint32_t want)
{
	in->o.wishes.want = want;
	if (in->linked)
		__atomic_store_n(&in->link.control->want, want, __ATOMIC_RELEASE);
}

void intake_stream(struct intake *in, uint64_t cookie, uint32_t capture, enum kh_role role)
{
	if (in->linked)
		link_stream(&in->link, cookie, capture, role);
}

void intake_scope(struct intake *in, uint64_t cgroup)
{
	if (in->linked)
		link_scope(&in->link, cgroup);
}
