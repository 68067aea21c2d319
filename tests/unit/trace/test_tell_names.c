/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints as text, and what a look-up makes of them; getaddrinfo() is played. */
#include "trace/tell_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT 9410

/* What names have now: addresses, and the error. */
static const char *answer[2][4];
static int error[2];

int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		       struct addrinfo **found);
void __wrap_freeaddrinfo(struct addrinfo *found);

int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		       struct addrinfo **found)
{
	int which = strcmp(host, "two") == 0;

	*found = NULL;
	for (int i = 3; !error[which] && i >= 0; i--) {
		struct addrinfo *a;

		if (!answer[which][i])
			continue;
		a = calloc(1, sizeof(*a) + sizeof(struct sockaddr_in6));
		a->ai_next = *found;
		a->ai_addr = (struct sockaddr *)(a + 1);
		*found = a;
		if (inet_pton(AF_INET, answer[which][i],
			      &((struct sockaddr_in *)a->ai_addr)->sin_addr) == 1) {
			a->ai_addr->sa_family = AF_INET;
			continue;
		}
		a->ai_addr->sa_family = AF_INET6;
		inet_pton(AF_INET6, answer[which][i],
			  &((struct sockaddr_in6 *)a->ai_addr)->sin6_addr);
	}
	return error[which];
}

void __wrap_freeaddrinfo(struct addrinfo *found)
{
	while (found) {
		struct addrinfo *next = found->ai_next;

		free(found);
		found = next;
	}
}

static struct loop *loop;
static struct tell_names *names;
static uint64_t seen;      /* rounds */
static int result_fd = -1; /* what is read at the end of a look-up: the first eventfd that is */

/* Time passes only where the loop would wait for it, and not while a look-up is under way. */
static uint64_t skipped_ns;

int __real_clock_gettime(clockid_t id, struct timespec *now);
int __wrap_clock_gettime(clockid_t id, struct timespec *now);

int __wrap_clock_gettime(clockid_t id, struct timespec *now)
{
	int r = __real_clock_gettime(id, now);

	now->tv_sec += (time_t)(skipped_ns / 1000000000);
	return r;
}

/* The loop ends when a look-up's result was taken: read() of its eventfd. */
ssize_t __real_read(int fd, void *p, size_t n);
ssize_t __wrap_read(int fd, void *p, size_t n);

ssize_t __wrap_read(int fd, void *p, size_t n)
{
	ssize_t r = __real_read(fd, p, n);

	if (r == 8 && result_fd < 0)
		result_fd = fd;
	if (r == 8 && fd == result_fd) {
		seen++;
		loop_stop(loop);
	}
	return r;
}

static void round_of_look_ups(void)
{
	uint64_t before = seen;

	loop_run(loop);
	assert_true(seen > before);
	skipped_ns += (TELL_RESOLVE_MS + 1000) * 1000000ull;
}

static int setup(void **state)
{
	const struct tell_endpoint endpoint[2] = {{"one", 1001}, {"two", 1002}};

	memset(answer, 0, sizeof(answer));
	memset(error, 0, sizeof(error));
	result_fd = -1;
	loop = loop_new();
	return tell_names_start(&names, loop, endpoint, 2, PORT);
}

static int teardown(void **state)
{
	tell_names_stop(names);
	loop_free(loop);
	return 0;
}

static const char *peers(void)
{
	static char text[512];
	size_t n;
	const struct tell_peer *peer = tell_names_peers(names, &n);

	text[0] = 0;
	for (size_t i = 0; i < n; i++) {
		char one[INET6_ADDRSTRLEN], whole[80];

		inet_ntop(AF_INET6, &peer[i].address.sin6_addr, one, sizeof(one));
		snprintf(whole, sizeof(whole), "%s|%u ", one, ntohs(peer[i].address.sin6_port));
		strcat(text, whole);
	}
	return text;
}

static void all_addresses_of_all_names_are_peers(void **state)
{
	assert_string_equal(peers(), "");
	answer[0][0] = "192.0.2.1";
	answer[0][1] = "2001:db8::1";
	answer[1][0] = "192.0.2.1";
	round_of_look_ups();
	assert_string_equal(peers(),
			    "::ffff:192.0.2.1|1001 2001:db8::1|1001 ::ffff:192.0.2.1|1002 ");
	answer[0][0] = "192.0.2.3";
	answer[0][1] = "192.0.2.3"; /* twice the same is one */
	round_of_look_ups();
	assert_string_equal(peers(), "::ffff:192.0.2.3|1001 ::ffff:192.0.2.1|1002 ");
	assert_int_equal(tell_names_stats(names)->peers, 2);
}

static void what_fails_keeps_its_peers(void **state)
{
	answer[0][0] = "192.0.2.1";
	answer[1][0] = "192.0.2.2";
	round_of_look_ups();
	error[0] = EAI_AGAIN;
	answer[1][0] = "192.0.2.3";
	round_of_look_ups();
	assert_string_equal(peers(), "::ffff:192.0.2.1|1001 ::ffff:192.0.2.3|1002 ");
	round_of_look_ups();
	assert_string_equal(peers(), "::ffff:192.0.2.1|1001 ::ffff:192.0.2.3|1002 ");
	assert_int_equal(tell_names_stats(names)->failures, 2);
	error[0] = EAI_NONAME; /* that is an answer */
	round_of_look_ups();
	assert_string_equal(peers(), "::ffff:192.0.2.3|1002 ");
}

static void its_own_address_is_no_peer(void **state)
{
	const struct tell_endpoint endpoint[2] = {{"one", PORT}, {"two", PORT + 1}};

	tell_names_stop(names);
	assert_int_equal(tell_names_start(&names, loop, endpoint, 2, PORT), 0);
	answer[0][0] = "127.0.0.1";
	answer[0][1] = "192.0.2.1";
	answer[1][0] = "127.0.0.1"; /* at another port: somebody else */
	round_of_look_ups();
	assert_string_equal(peers(), "::ffff:192.0.2.1|9410 ::ffff:127.0.0.1|9411 ");
}

static void nobody_waits_for_a_look_up(void **state)
{
	/* teardown stops before the first is taken; a sanitizer sees what is left or used */
	loop_after(loop, 0, (loop_timer_fn)loop_stop, loop);
	loop_run(loop);
}

static const char *read_one(const char *text, const char *host, uint16_t port)
{
	struct tell_endpoint endpoint;
	const char *wrong = tell_endpoint_read(text, &endpoint);

	if (wrong)
		return wrong;
	assert_string_equal(endpoint.host, host);
	assert_int_equal(endpoint.port, port);
	return NULL;
}

static void endpoints_are_host_and_port(void **state)
{
	static const char *const wrong[] = {
		"",        "host",    "host:",  "host:0",  "host:65536", "host:x", "host:1x",
		"host:-1", "host: 1", "::1:80", "[::1:80", "[]:",        "[::1]"};
	char longest[TELL_HOST_MAX + 10];

	assert_null(read_one("keyhole.ns.svc:9410", "keyhole.ns.svc", 9410));
	assert_null(read_one("10.1.2.3:1", "10.1.2.3", 1));
	assert_null(read_one("[2001:db8::1]:65535", "2001:db8::1", 65535));
	assert_null(read_one(":9410", "", 9410));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_non_null(read_one(wrong[i], "", 0));
	memset(longest, 'a', sizeof(longest));
	strcpy(longest + TELL_HOST_MAX, ":1");
	assert_non_null(read_one(longest, "", 0));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(all_addresses_of_all_names_are_peers),
		TEST(what_fails_keeps_its_peers),
		TEST(its_own_address_is_no_peer),
		TEST(nobody_waits_for_a_look_up),
		cmocka_unit_test(endpoints_are_host_and_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
