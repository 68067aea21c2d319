/* SPDX-License-Identifier: Apache-2.0 */
#include "loop.h"

#include "cleanup.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

#define LOOP_BATCH 64 /* events taken from the kernel at once */

struct watch {
	int fd; /* -1: free */
	/* Counts reuses of the slot: an event fetched before its watch was forgotten is stale. */
	uint32_t generation;
	loop_fd_fn fn;
	void *arg;
};

struct timer {
	uint64_t due_ns;
	uint64_t order; /* of arming: equal times fire in this order */
	loop_timer_fn fn;
	void *arg;
};

struct loop {
	int epoll_fd;
	int stop_fd;
	atomic_bool stop;
	unsigned int watch_end; /* one past the last slot ever used */
	unsigned int timers;
	uint64_t next_order;
	struct watch watch[LOOP_FDS_MAX];
	struct timer timer[LOOP_TIMERS_MAX];
};

uint64_t loop_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t event_key(const struct loop *loop, unsigned int slot)
{
	return (uint64_t)loop->watch[slot].generation << 32 | slot;
}

static struct watch *find_watch(struct loop *loop, int fd)
{
	for (unsigned int i = 0; i < loop->watch_end; i++) {
		if (loop->watch[i].fd == fd)
			return &loop->watch[i];
	}
	return NULL;
}

static struct watch *free_watch(struct loop *loop)
{
	struct watch *watch = find_watch(loop, -1);

	if (!watch && loop->watch_end < LOOP_FDS_MAX)
		watch = &loop->watch[loop->watch_end++];
	return watch;
}

static int control(struct loop *loop, int op, struct watch *watch, uint32_t events)
{
	struct epoll_event ev = {
		.events = events,
		.data.u64 = event_key(loop, (unsigned int)(watch - loop->watch)),
	};

	return epoll_ctl(loop->epoll_fd, op, watch->fd, &ev) < 0 ? -errno : 0;
}

int loop_watch(struct loop *loop, int fd, uint32_t events, loop_fd_fn fn, void *arg)
{
	struct watch *watch;
	int err;

	if (fd < 0)
		return -EBADF;
	if (find_watch(loop, fd))
		return -EEXIST;
	watch = free_watch(loop);
	if (!watch)
		return -ENOSPC;
	watch->fd = fd;
	watch->generation++;
	watch->fn = fn;
	watch->arg = arg;
	err = control(loop, EPOLL_CTL_ADD, watch, events);
	if (err)
		watch->fd = -1;
	return err;
}

int loop_change(struct loop *loop, int fd, uint32_t events)
{
	struct watch *watch = fd < 0 ? NULL : find_watch(loop, fd);

	return watch ? control(loop, EPOLL_CTL_MOD, watch, events) : -ENOENT;
}

void loop_forget(struct loop *loop, int fd)
{
	struct watch *watch = fd < 0 ? NULL : find_watch(loop, fd);

	if (!watch)
		return;
	/* It may have been closed already, which took it out of the epoll set too. */
	control(loop, EPOLL_CTL_DEL, watch, 0);
	watch->fd = -1;
	watch->generation++;
}

static struct timer *find_timer(struct loop *loop, loop_timer_fn fn, const void *arg)
{
	for (unsigned int i = 0; i < loop->timers; i++) {
		if (loop->timer[i].fn == fn && loop->timer[i].arg == arg)
			return &loop->timer[i];
	}
	return NULL;
}

static void remove_timer(struct loop *loop, struct timer *timer)
{
	*timer = loop->timer[--loop->timers];
}

int loop_after(struct loop *loop, uint64_t ms, loop_timer_fn fn, void *arg)
{
	struct timer *timer = find_timer(loop, fn, arg);
	uint64_t now = loop_now_ns();

	if (!timer) {
		if (loop->timers == LOOP_TIMERS_MAX)
			return -ENOSPC;
		timer = &loop->timer[loop->timers++];
	}
	if (ms > (UINT64_MAX - now) / 1000000)
		ms = (UINT64_MAX - now) / 1000000;
	*timer = (struct timer){now + ms * 1000000, loop->next_order++, fn, arg};
	return 0;
}

void loop_cancel(struct loop *loop, loop_timer_fn fn, void *arg)
{
	struct timer *timer = find_timer(loop, fn, arg);

	if (timer)
		remove_timer(loop, timer);
}

static bool timer_before(const struct timer *a, const struct timer *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

/* The first timer to fire among those armed before `order`, or NULL. */
static struct timer *first_timer(struct loop *loop, uint64_t order)
{
	struct timer *first = NULL;

	for (unsigned int i = 0; i < loop->timers; i++) {
		struct timer *t = &loop->timer[i];

		if (t->order < order && (!first || timer_before(t, first)))
			first = t;
	}
	return first;
}

static bool stopped(struct loop *loop)
{
	return atomic_load_explicit(&loop->stop, memory_order_acquire);
}

/* Timers armed by the callbacks wait for the next round: descriptors get their turn. */
static void fire_timers(struct loop *loop)
{
	uint64_t now = loop_now_ns(), order = loop->next_order;
	struct timer *first;

	while (!stopped(loop) && (first = first_timer(loop, order)) && first->due_ns <= now) {
		struct timer due = *first;

		remove_timer(loop, first);
		due.fn(due.arg);
	}
}

/* Milliseconds until the next timer, rounded up so that none fires early; -1: no timer. */
static int wait_ms(struct loop *loop)
{
	const struct timer *first = first_timer(loop, UINT64_MAX);
	uint64_t now, ms;

	if (!first)
		return -1;
	now = loop_now_ns();
	if (first->due_ns <= now)
		return 0;
	ms = (first->due_ns - now + 999999) / 1000000;
	return ms < 3600000 ? (int)ms : 3600000;
}

static void dispatch(struct loop *loop, const struct epoll_event *ev)
{
	const struct watch *watch = &loop->watch[(uint32_t)ev->data.u64];

	if (watch->fd >= 0 && watch->generation == ev->data.u64 >> 32)
		watch->fn(watch->arg, watch->fd, ev->events);
}

static void drain_stop(void *arg, int fd, uint32_t events)
{
	uint64_t count;

	(void)arg;
	(void)events;
	if (read(fd, &count, sizeof(count)) < 0) {
		/* Somebody else's wake-up; the flag is what counts. */
	}
}

int loop_run(struct loop *loop)
{
	struct epoll_event events[LOOP_BATCH];

	while (!stopped(loop)) {
		int n = epoll_wait(loop->epoll_fd, events, LOOP_BATCH, wait_ms(loop));

		if (n < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < n && !stopped(loop); i++)
			dispatch(loop, &events[i]);
		fire_timers(loop);
	}
	atomic_store_explicit(&loop->stop, false, memory_order_relaxed);
	return 0;
}

void loop_stop(struct loop *loop)
{
	int saved_errno = errno; /* may run in a signal handler */
	uint64_t one = 1;

	atomic_store_explicit(&loop->stop, true, memory_order_release);
	if (write(loop->stop_fd, &one, sizeof(one)) < 0) {
		/* The counter is full: a wake-up is pending anyway. */
	}
	errno = saved_errno;
}

struct loop *loop_new(void)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	for (unsigned int i = 0; i < LOOP_FDS_MAX; i++)
		loop->watch[i].fd = -1;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->epoll_fd < 0 || loop->stop_fd < 0 ||
	    loop_watch(loop, loop->stop_fd, EPOLLIN, drain_stop, loop) < 0) {
		loop_free(loop);
		return NULL;
	}
	return loop;
}

void loop_free(struct loop *loop)
{
	int saved_errno = errno;

	if (!loop)
		return;
	cleanup_close(&loop->epoll_fd);
	cleanup_close(&loop->stop_fd);
	free(loop);
	errno = saved_errno;
}
