/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front thread's event loop: epoll, timers, nothing else. One thread runs it; only
 * loop_stop() may be called from another thread or a signal handler.
 */
#ifndef KEYHOLE_LOOP_H
#define KEYHOLE_LOOP_H

#include <stdint.h>

#define LOOP_FDS_MAX 1024  /* descriptors watched at once */
#define LOOP_TIMERS_MAX 64 /* timers armed at once */

struct loop;

/* `events` is what epoll reported (EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP). */
typedef void (*loop_fd_fn)(void *arg, int fd, uint32_t events);
typedef void (*loop_timer_fn)(void *arg);

struct loop *loop_new(void); /* NULL: out of memory or descriptors, errno says which */
void loop_free(struct loop *loop);

/* Watch, change or forget a descriptor. Return 0 or -errno (-ENOSPC: LOOP_FDS_MAX reached). */
int loop_watch(struct loop *loop, int fd, uint32_t events, loop_fd_fn fn, void *arg);
int loop_change(struct loop *loop, int fd, uint32_t events);
void loop_forget(struct loop *loop, int fd);

/*
 * Call `fn(arg)` once, `ms` milliseconds from now. Arming the same (fn, arg) again moves it.
 * Returns 0 or -ENOSPC. A timer that fired is gone.
 */
int loop_after(struct loop *loop, uint64_t ms, loop_timer_fn fn, void *arg);
void loop_cancel(struct loop *loop, loop_timer_fn fn, void *arg);

/* Runs until loop_stop(). Returns 0 or -errno. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t loop_now_ns(void);

#endif
