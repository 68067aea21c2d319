/* SPDX-License-Identifier: Apache-2.0 */
/* Properties that hold for any cutting of a conversation into runs and captures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wire.h"

#define ROUNDS 3000

/* Each line is what one side sends before the other goes on: '>' requests, '<' responses. */
static const char *const conversations[][12] = {
	{">GET /a HTTP/1.1\r\nHost: h\r\n\r\n",
	 "<HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello\r\n\r\nHT",
	 ">\r\nHEAD /b HTTP/1.1\r\nHost: h\r\n\r\n",
	 "<HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n", ">GET /c HTTP/1.0\r\n\r\n",
	 "<HTTP/1.0 200 OK\r\n\r\nuntil\r\n\r\nclose"},
	{">GET /1 HTTP/1.1\r\n\r\nPOST /2 HTTP/1.1\r\nContent-Length: 19\r\n\r\nGET /x "
	 "HTTP/1.1\r\n\r\n"
	 "GET /3 HTTP/1.1\r\n\r\nDELETE /4 HTTP/1.1\r\n\r\n",
	 "<HTTP/1.1 304 N\r\nContent-Length: 9\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"
	 "\r\n\r\n1\r\na\r\n007;e\r\n0\r\n\r\n0\r\r\n0\r\nT: v\r\n\r\nHTTP/1.1 204 N\r\n\r\n",
	 "<HTTP/1.1 500 E\r\nContent-Length: 3\r\n\r\nabc"},
	{">PUT /u HTTP/1.1\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n",
	 "<HTTP/1.1 100 Continue\r\nX: y\r\n\r\n", ">4\r\nab\r\n\r\nB\r\nGET / HTTP/1\r\n0\r\n\r\n",
	 "<HTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 C\r\nContent-Length: 0\r\n\r\n",
	 ">POST /early HTTP/1.1\r\nContent-Length: 8\r\n\r\nabc",
	 "<HTTP/1.1 413 T\r\nContent-Length: 2\r\n\r\nno", ">defghGET /last HTTP/1.1\r\n\r\n"},
	{">GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n",
	 "<HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", ">GET /c HTTP/1.1\r\n\r\n",
	 "<cdefghiHTTP/1.1 404 N\r\nContent-Length: 0\r\n\r\n",
	 "<HTTP/1.1 101 Up\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", ">GET /no HTTP/1.1\r\n\r\n"},
	{">CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n",
	 "<HTTP/1.1 403 F\r\nContent-Length: 1\r\n\r\nx",
	 ">CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n", "<HTTP/1.1 200 OK\r\n\r\nSSH-2.0-x",
	 ">GET / HTTP/1.1\r\n\r\n"},
	{">GET /a HTTP/1.1\r\n\r\n",
	 "<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"},
	{">GET /a HTTP/1.1\r\n\r\n", "<junk instead of an answer"},
};
#define CONVERSATIONS (sizeof(conversations) / sizeof(conversations[0]))

static struct wire w;

static uint64_t rnd_state;
static size_t rnd(size_t n) /* 0..n-1; splitmix64 */
{
	uint64_t z = (rnd_state += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (size_t)((z ^ (z >> 31)) % n);
}

static void in_one_run(bool response, const char *p, size_t n)
{
	wire_run(&w, response, p, n, n, 0);
}

static void in_random_runs(bool response, const char *p, size_t n)
{
	size_t most = 1 + rnd(n);

	while (n) {
		size_t take = 1 + rnd(most < n ? most : n);
		size_t tail = rnd(3) ? 0 : rnd(take);

		/* Captured in full, sometimes as head and tail. */
		wire_run(&w, response, p, take, take - tail, tail);
		p += take;
		n -= take;
	}
}

/* Some runs captured in part, some not at all, some only to be known by their sequence. */
static void with_holes(bool response, const char *p, size_t n)
{
	while (n) {
		size_t take = 1 + rnd(n);
		size_t head = rnd(3) ? rnd(take + 1) : take;
		size_t tail = rnd(2) ? rnd(take - head + 1) : 0;

		if (rnd(8))
			wire_run(&w, response, p, take, head, tail);
		else if (!response && w.seq)
			w.seq += (uint32_t)take;
		else if (!response)
			wire_run(&w, false, p, take, 0, 0);
		p += take;
		n -= take;
	}
}

static void play(const char *const *conversation, void (*send)(bool, const char *, size_t),
		 enum kh_reason end)
{
	for (int i = 0; i < 12 && conversation[i]; i++)
		send(conversation[i][0] == '<', conversation[i] + 1, strlen(conversation[i] + 1));
	wire_end(&w, end);
}

static void exchanges_do_not_depend_on_the_cutting_into_runs(void **state)
{
	char want[sizeof(w.told)];

	for (size_t i = 0; i < CONVERSATIONS; i++) {
		wire_init(&w);
		play(conversations[i], in_one_run, KH_WHY_CLOSE);
		strcpy(want, w.told);
		assert_true(w.h.counters.exchanges > 0);
		for (uint64_t seed = 0; seed < ROUNDS; seed++) {
			rnd_state = seed;
			wire_init(&w);
			play(conversations[i], in_random_runs, KH_WHY_CLOSE);
			if (strcmp(w.told, want) != 0)
				fail_msg("conversation %zu seed %llu: want\n%sgot\n%s", i,
					 (unsigned long long)seed, want, w.told);
			assert_true(wire_adds_up(&w));
			assert_int_equal(w.h.heads.used, 0);
		}
	}
}

static size_t occurrences(const char *text, const char *what)
{
	size_t n = 0;

	while ((text = strstr(text, what)))
		text++, n++;
	return n;
}

/* A path is told at most as often as it was asked for, and what is told was asked for. */
static void nobody_is_told_twice(const char *const *conversation)
{
	for (const char *line = w.told; *line; line = strchr(line, '\n') + 1) {
		char start[64];
		int n = (int)(strchr(strchr(line, ' ') + 1, ' ') - line);
		size_t asked = 0, told = 0;

		if (line[n - 1] == '+') /* a cut target */
			n--;
		snprintf(start, sizeof(start), "%.*s", n, line);
		for (int i = 0; i < 12 && conversation[i]; i++)
			asked += occurrences(conversation[i], start);
		told = occurrences(w.told, start);
		if (told > asked)
			fail_msg("\"%s\" told %zu times, asked %zu times in\n%s", start, told,
				 asked, w.told);
	}
}

static void whatever_is_missing_nothing_is_told_twice_and_all_adds_up(void **state)
{
	for (size_t i = 0; i < CONVERSATIONS; i++)
		for (uint64_t seed = 0; seed < ROUNDS; seed++) {
			rnd_state = seed * 7919;
			wire_init(&w);
			w.c.req.mode = w.c.resp.mode = HTTP1_AT_LOST; /* as if adopted */
			w.seq = rnd(2) ? 1 + (uint32_t)rnd(1000) : 0;
			play(conversations[i], with_holes, rnd(2) ? KH_WHY_CLOSE : KH_WHY_RESET);
			nobody_is_told_twice(conversations[i]);
			assert_true(wire_adds_up(&w));
			assert_true(http1_conn_idle(&w.c));
			assert_int_equal(w.h.heads.used, 0);
			assert_int_equal(w.c.pending, 0);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exchanges_do_not_depend_on_the_cutting_into_runs),
		cmocka_unit_test(whatever_is_missing_nothing_is_told_twice_and_all_adds_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
