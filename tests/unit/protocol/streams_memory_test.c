/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What connections may take from each other: memory for all, and room for unanswered requests. Two
 * protocols made for it, of lines: "A…\n" with a large state, "B…\n" with a small one, both
 * answered by "=\n".
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "protocol/streams.h"

#define ROOM (1u << 20) /* bytes for all: fewer than MANY states of A */
#define MANY 200u

static unsigned int told[PROTOCOLS];

static enum guess detect(const struct sight *sight, char letter)
{
	struct slice c = sight->from[FROM_CLIENT], s = sight->from[FROM_SERVER];

	if ((c.n && c.p[0] != letter) || (s.n && s.p[0] != '='))
		return GUESS_NO;
	return c.n && memchr(c.p, '\n', c.n) ? GUESS_YES : GUESS_MORE;
}

static enum guess detect_a(const struct sight *sight)
{
	return detect(sight, 'A');
}

static enum guess detect_b(const struct sight *sight)
{
	return detect(sight, 'B');
}

static enum cut frame(const struct talk *talk, enum side from, struct slice b, struct frame *f)
{
	const char *lf = memchr(b.p, '\n', b.n);

	(void)talk;
	(void)from;
	if (!lf)
		return CUT_MORE;
	f->size = f->want = (uint32_t)(lf + 1 - b.p);
	return CUT_OK;
}

static void message(struct talk *talk, enum side from, struct slice b, const struct frame *f)
{
	struct call *call;

	(void)b;
	(void)f;
	if (from == FROM_CLIENT) {
		talk_ask(talk, 0);
		return;
	}
	call = talk_oldest(talk);
	if (call)
		talk_answer(talk, call);
}

static const struct parser a = {
	.name = "a",
	.protocol = PROTOCOL_REDIS,
	.kind = EXCHANGE_DB,
	.transports = OVER_TCP,
	.capture = 4096,
	.state_size = PARSER_STATE_MAX,
	.detect = detect_a,
	.frame = frame,
	.message = message,
};
static const struct parser b = {
	.name = "b",
	.protocol = PROTOCOL_NATS,
	.kind = EXCHANGE_DB,
	.transports = OVER_TCP,
	.capture = 4096,
	.state_size = 64,
	.detect = detect_b,
	.frame = frame,
	.message = message,
};
static const struct parser *const both[] = {&a, &b};

static void emit(void *arg, const struct exchange *x)
{
	(void)arg;
	told[x->protocol]++;
}

static void decide(void *arg, uint64_t cookie, uint32_t capture, enum kh_role role)
{
	(void)arg;
	(void)cookie;
	(void)capture;
	(void)role;
}

static struct streams *begin(void)
{
	struct streams_options o = {.connections = 1024,
				    .bytes_max = ROOM,
				    .protocols = ~0ull,
				    .parsers = both,
				    .parsers_n = 2,
				    .emit = emit,
				    .decide = decide};
	struct streams *s = streams_new(&o);

	assert_non_null(s);
	memset(told, 0, sizeof(told));
	return s;
}

struct line {
	uint64_t cookie;
	const char *text; /* NULL: the connection ends */
	bool sent;
	uint32_t seq, other; /* bytes before it, of either direction */
};

static void say(struct streams *s, struct line line)
{
	static uint64_t now;
	size_t n = line.text ? strlen(line.text) : 0;
	struct kh_segment *seg = calloc(1, sizeof(*seg) + n);

	assert_non_null(seg);
	*seg = (struct kh_segment){
		.rec = {.type = KH_SEGMENT, .size = (uint32_t)(sizeof(*seg) + n)},
		.conn = {.cookie = line.cookie,
			 .family = AF_INET,
			 .role = KH_ROLE_CLIENT,
			 .isn_local = 1,
			 .isn_remote = 1},
		.ns = ++now,
		.seq = 1 + line.seq,
		.other = 1 + line.other,
		.len = (uint32_t)n,
		.head_len = (uint16_t)n,
		.sent = line.sent,
		.reason = line.text ? KH_WHY_MORE : KH_WHY_CLOSE,
		.transport = IPPROTO_TCP,
	};
	memcpy(seg + 1, line.text ? line.text : "", n);
	streams_segment(s, seg);
	free(seg);
}

/* A connection of its own asks and is answered. */
static void ask_once(struct streams *s, uint64_t cookie, const char *line)
{
	say(s, (struct line){cookie, line, true, 0, 0});
	say(s, (struct line){cookie, "=\n", false, 0, (uint32_t)strlen(line)});
}

static size_t room_used(struct streams *s, size_t empty)
{
	return streams_bytes(s) - empty;
}

/* Memory that connections of one protocol had is there for another's, once they are gone. */
static void test_given_back(void **state)
{
	struct streams *s = begin();
	size_t empty = streams_bytes(s);

	(void)state;
	for (uint64_t i = 1; i <= MANY; i++)
		ask_once(s, i, "A\n");
	for (uint64_t i = 1; i <= MANY; i++)
		say(s, (struct line){.cookie = i});
	for (uint64_t i = MANY + 1; i <= 2 * MANY; i++)
		ask_once(s, i, "B\n");
	assert_int_equal(told[PROTOCOL_NATS], MANY);
	assert_true(room_used(s, empty) <= ROOM);
	streams_free(s);
}

/* Who holds memory and says nothing does not keep others from being followed; that is counted. */
static void test_idle(void **state)
{
	struct streams *s = begin();
	size_t empty = streams_bytes(s);

	(void)state;
	for (uint64_t i = 1; i <= MANY; i++)
		ask_once(s, i, "A\n");
	for (uint64_t i = MANY + 1; i <= 2 * MANY; i++)
		ask_once(s, i, "B\n");
	assert_int_equal(told[PROTOCOL_REDIS], MANY);
	assert_int_equal(told[PROTOCOL_NATS], MANY);
	assert_true(streams_counters(s)->evicted > MANY / 2);
	assert_int_equal(streams_counters(s)->no_memory, 0);
	assert_true(room_used(s, empty) <= ROOM);
	streams_free(s);
}

/* Likewise requests that begin and never end, and segments that wait for what never comes. */
static void test_half_open(void **state)
{
	struct streams *s = begin();
	size_t empty = streams_bytes(s);

	(void)state;
	for (uint64_t i = 1; i <= 2 * MANY; i++) {
		say(s, (struct line){i, i % 2 ? "A" : "?", true, i % 2 ? 0 : 10, 0});
		assert_true(room_used(s, empty) <= ROOM);
	}
	for (uint64_t i = 1001; i <= 1000 + MANY; i++)
		ask_once(s, i, i % 2 ? "A\n" : "B\n");
	assert_int_equal(told[PROTOCOL_REDIS], MANY / 2);
	assert_int_equal(told[PROTOCOL_NATS], MANY / 2);
	assert_int_equal(streams_counters(s)->no_memory, 0);
	streams_tick(s, 1ull << 40);
	streams_free(s);
}

/* Whoever leaves many requests unanswered does not take the room for those of everybody. */
static void test_calls(void **state)
{
	struct streams *s = begin();

	(void)state;
	for (uint64_t i = 1; i <= 20; i++)
		for (uint32_t n = 0; n < CALLS_PER_CONN + 10; n++)
			say(s, (struct line){i, "B\n", true, 2 * n, 0});
	assert_true(streams_counters(s)->of[PROTOCOL_NATS].unheld >= 20 * 10);
	for (uint64_t i = 101; i <= 200; i++)
		ask_once(s, i, "A\n");
	assert_int_equal(told[PROTOCOL_REDIS], 100);
	streams_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_given_back),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_half_open),
		cmocka_unit_test(test_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
