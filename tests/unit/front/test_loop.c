/* SPDX-License-Identifier: Apache-2.0 */
/* Time is simulated: a wait with nothing to report moves the clock instead of sleeping. */
#include "loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ms;
static bool clock_is_real;

int __real_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);
int __real_epoll_wait(int fd, struct epoll_event *events, int max, int ms);
int __wrap_epoll_wait(int fd, struct epoll_event *events, int max, int ms);

int __wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	if (clock_is_real)
		return __real_clock_gettime(id, ts);
	ts->tv_sec = (time_t)(now_ms / 1000);
	ts->tv_nsec = (long)(now_ms % 1000 * 1000000);
	return 0;
}

int __wrap_epoll_wait(int fd, struct epoll_event *events, int max, int ms)
{
	int n = __real_epoll_wait(fd, events, max, clock_is_real ? ms : 0);

	if (n == 0 && !clock_is_real) {
		assert_true(ms >= 0); /* else the loop would wait for ever */
		now_ms += (uint64_t)ms;
	}
	return n;
}

static struct loop *loop;
static char trace[64]; /* what fired, in order */

static int setup(void **state)
{
	now_ms = 1000;
	clock_is_real = false;
	trace[0] = '\0';
	loop = loop_new();
	return loop ? 0 : -1;
}

static int teardown(void **state)
{
	loop_free(loop);
	return 0;
}

static void note(void *arg)
{
	strncat(trace, arg, sizeof(trace) - strlen(trace) - 1);
}

static void stop(void *arg)
{
	loop_stop(loop);
}

static void timers_fire_in_the_order_of_their_times(void **state)
{
	loop_after(loop, 30, note, "c");
	loop_after(loop, 10, note, "a");
	loop_after(loop, 20, note, "b");
	loop_after(loop, 40, stop, NULL);
	assert_int_equal(loop_run(loop), 0);
	assert_string_equal(trace, "abc");
	assert_int_equal(now_ms, 1040);
}

static void equal_times_fire_in_the_order_of_arming(void **state)
{
	loop_after(loop, 5, note, "a");
	loop_after(loop, 5, note, "b");
	loop_after(loop, 5, note, "c");
	loop_after(loop, 5, stop, NULL);
	loop_run(loop);
	assert_string_equal(trace, "abc");
}

static void arming_again_moves_a_timer(void **state)
{
	static char a[] = "a";

	loop_after(loop, 10, note, a);
	loop_after(loop, 20, note, "b");
	loop_after(loop, 30, note, a);
	loop_after(loop, 50, stop, NULL);
	loop_run(loop);
	assert_string_equal(trace, "ba");
}

static void a_cancelled_timer_never_fires(void **state)
{
	static char a[] = "a";

	loop_after(loop, 10, note, a);
	loop_after(loop, 20, stop, NULL);
	loop_cancel(loop, note, a);
	loop_run(loop);
	assert_string_equal(trace, "");
}

static int again_left, again_fd;

static void again(void *arg)
{
	if (again_left == 50)
		assert_int_equal(write(again_fd, "x", 1), 1);
	if (--again_left > 0)
		loop_after(loop, 0, again, NULL);
	else
		loop_stop(loop);
}

static void saw_byte(void *arg, int fd, uint32_t events)
{
	char byte;

	assert_int_equal(read(fd, &byte, 1), 1);
	assert_true(events & EPOLLIN);
	note(arg);
}

static void a_timer_that_rearms_itself_does_not_starve_descriptors(void **state)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	again_fd = fds[1];
	again_left = 100;
	loop_after(loop, 0, again, NULL);
	assert_int_equal(loop_watch(loop, fds[0], EPOLLIN, saw_byte, "r"), 0);
	loop_run(loop);
	assert_string_equal(trace, "r");
	loop_forget(loop, fds[0]);
	close(fds[0]);
	close(fds[1]);
}

static void more_timers_than_the_limit_are_refused(void **state)
{
	static char args[LOOP_TIMERS_MAX];

	for (int i = 0; i < LOOP_TIMERS_MAX; i++)
		assert_int_equal(loop_after(loop, 1, note, &args[i]), 0);
	assert_int_equal(loop_after(loop, 1, stop, NULL), -ENOSPC);
	assert_int_equal(loop_after(loop, 2, note, &args[0]), 0);
}

static int pair[2][2];

static void forget_the_other(void *arg, int fd, uint32_t events)
{
	int other = fd == pair[0][0] ? pair[1][0] : pair[0][0];

	note("x");
	loop_forget(loop, other);
	loop_forget(loop, fd);
	loop_after(loop, 1, stop, NULL);
}

static void a_descriptor_forgotten_in_a_callback_gets_no_event_of_that_round(void **state)
{
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pipe(pair[i]), 0);
		assert_int_equal(write(pair[i][1], "x", 1), 1);
		loop_watch(loop, pair[i][0], EPOLLIN, forget_the_other, NULL);
	}
	loop_run(loop);
	assert_string_equal(trace, "x");
	for (int i = 0; i < 4; i++)
		close(pair[i / 2][i % 2]);
}

static void reuse_the_other(void *arg, int fd, uint32_t events)
{
	int other = fd == pair[0][0] ? pair[1][0] : pair[0][0];

	loop_forget(loop, other);
	/* The same slot and number, but nothing to read: its event of this round is stale. */
	assert_int_equal(dup2(pair[0][1], other), other);
	loop_watch(loop, other, EPOLLIN, saw_byte, "stale");
	loop_forget(loop, fd);
	loop_after(loop, 1, stop, NULL);
}

static void an_event_of_a_former_watch_never_reaches_the_new_one(void **state)
{
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pipe(pair[i]), 0);
		assert_int_equal(write(pair[i][1], "x", 1), 1);
		loop_watch(loop, pair[i][0], EPOLLIN, reuse_the_other, NULL);
	}
	loop_run(loop);
	assert_string_equal(trace, "");
	for (int i = 0; i < 4; i++)
		close(pair[i / 2][i % 2]);
}

static void a_closed_descriptor_can_still_be_forgotten(void **state)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	loop_watch(loop, fds[0], EPOLLIN, saw_byte, "r");
	close(fds[0]);
	close(fds[1]);
	loop_forget(loop, fds[0]);
	loop_forget(loop, fds[0]);
	assert_int_equal(loop_change(loop, fds[0], EPOLLIN), -ENOENT);
}

static void watching_fails_as_documented(void **state)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(loop_watch(loop, -1, EPOLLIN, saw_byte, ""), -EBADF);
	assert_int_equal(loop_watch(loop, fds[0], EPOLLIN, saw_byte, ""), 0);
	assert_int_equal(loop_watch(loop, fds[0], EPOLLIN, saw_byte, ""), -EEXIST);
	loop_forget(loop, fds[0]);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(loop_watch(loop, fds[0], EPOLLIN, saw_byte, ""), -EBADF);
}

static void *stop_from_elsewhere(void *arg)
{
	loop_stop(loop);
	return NULL;
}

static void another_thread_stops_a_waiting_loop(void **state)
{
	pthread_t thread;

	clock_is_real = true;
	assert_int_equal(pthread_create(&thread, NULL, stop_from_elsewhere, NULL), 0);
	assert_int_equal(loop_run(loop), 0);
	pthread_join(thread, NULL);
}

static void a_stopped_loop_can_run_again(void **state)
{
	loop_after(loop, 1, stop, NULL);
	loop_run(loop);
	loop_after(loop, 1, note, "a");
	loop_after(loop, 2, stop, NULL);
	loop_run(loop);
	assert_string_equal(trace, "a");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(timers_fire_in_the_order_of_their_times),
		T(equal_times_fire_in_the_order_of_arming),
		T(arming_again_moves_a_timer),
		T(a_cancelled_timer_never_fires),
		T(a_timer_that_rearms_itself_does_not_starve_descriptors),
		T(more_timers_than_the_limit_are_refused),
		T(a_descriptor_forgotten_in_a_callback_gets_no_event_of_that_round),
		T(an_event_of_a_former_watch_never_reaches_the_new_one),
		T(a_closed_descriptor_can_still_be_forgotten),
		T(watching_fails_as_documented),
		T(another_thread_stops_a_waiting_loop),
		T(a_stopped_loop_can_run_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
