/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that share a socket, and tell their calls in another order than these passed: each
 * segment is made when its bytes pass, and told when the test lets the thread go on. In Redis'
 * protocol, whose answers come in the order of the commands.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "protocol/streams.h"

#define MS 1000000ull
#define MANY 600 /* more than wait at once */

static const char get[] = "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", value[] = "$1\r\nv\r\n";

struct told {
	struct kh_segment seg;
	char bytes[40];
};

static struct streams *s;
static enum kh_role role;
static uint32_t passed[2]; /* of the connection, by `sent` */
static uint64_t now;
static unsigned int exchanges;

/* ---- a connection ---- */

static bool is_sent(const char *text)
{
	return (*text == '*' || *text == 'P') == (role == KH_ROLE_CLIENT);
}

/* The bytes pass; nobody was told of them yet. */
static struct told pass(const char *text)
{
	bool sent = is_sent(text);
	uint32_t n = (uint32_t)strlen(text);
	struct told t = {
		.seg = {.rec = {.type = KH_SEGMENT, .size = (uint32_t)sizeof(t.seg) + n},
			.conn = {.cookie = 7,
				 .family = AF_INET,
				 .laddr = {10, 0, 0, 1},
				 .raddr = {10, 0, 0, 2},
				 .lport = role == KH_ROLE_SERVER ? 6379 : 50000,
				 .rport = role == KH_ROLE_SERVER ? 50000 : 6379,
				 .isn_local = 1,
				 .isn_remote = 1,
				 .role = (uint8_t)role},
			.cgroup = 1,
			.tgid = 1,
			.tid = 1,
			.sent = sent,
			.transport = IPPROTO_TCP,
			.reason = KH_WHY_MORE,
			.seq = passed[sent],
			.other = passed[!sent],
			.len = n,
			.head_len = (uint16_t)n},
	};

	memcpy(t.bytes, text, n);
	passed[sent] += n;
	return t;
}

/* BPF's program runs now. It sees how far the other direction has come meanwhile. */
static struct told seen(struct told t)
{
	t.seg.ns = now;
	t.seg.other = passed[!t.seg.sent];
	return t;
}

static void tell(struct told t)
{
	now += 1000;
	if (!t.seg.ns)
		t.seg.ns = now;
	streams_segment(s, &t.seg);
}

static void emit(void *arg, const struct exchange *x)
{
	(void)arg;
	assert_int_equal(x->protocol, PROTOCOL_REDIS);
	exchanges++;
}

static void decide(void *arg, uint64_t cookie, uint32_t capture, enum kh_role as)
{
	(void)arg;
	(void)cookie;
	(void)capture;
	assert_int_equal(as, role);
}

/* Nothing was said yet. */
static void open(enum kh_role as)
{
	const struct streams_options o = {.connections = 8,
					  .bytes_max = 4 << 20,
					  .protocols = ~0ull,
					  .emit = emit,
					  .decide = decide};

	role = as;
	passed[0] = passed[1] = 1;
	now = 1000 * MS;
	exchanges = 0;
	s = streams_new(&o);
	assert_non_null(s);
}

static void begin(enum kh_role as)
{
	open(as);
	tell(pass(get));
	tell(pass(value));
	assert_int_equal(exchanges, 1);
}

static const struct streams_protocol_counters *redis(void)
{
	return &streams_counters(s)->of[PROTOCOL_REDIS];
}

/* The second tick gives up what was overdue at the first. */
static void wait_in_vain(void)
{
	now += STREAMS_HOLD_NS + 1;
	streams_tick(s, now);
	streams_tick(s, now);
}

/* All was told, and everything of it read. */
static void end(unsigned int want)
{
	assert_int_equal(exchanges, want);
	assert_int_equal(streams_counters(s)->late, 0);
	assert_int_equal(redis()->asked, want);
	assert_int_equal(redis()->lost + redis()->gaps + redis()->bad_frames, 0);
	streams_free(s);
}

/* ---- tests ---- */

/* Each of two threads counts the other's call, and neither has told its own. */
static void test_crossed(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct told first, second;

		begin(i & 1 ? KH_ROLE_SERVER : KH_ROLE_CLIENT);
		tell(pass(get));
		first = pass(value);
		second = pass(get);
		first = seen(first);
		second = seen(second);
		tell(i & 2 ? first : second);
		tell(i & 2 ? second : first);
		assert_int_equal(exchanges, 2); /* at once */
		tell(pass(value));
		assert_int_equal(streams_counters(s)->held, 2);
		assert_int_equal(streams_counters(s)->held_in_vain, 0);
		end(3);
	}
}

/* So do many, one pair behind the other. */
static void test_crossed_all_along(void **state)
{
	struct told answers[20], asked[20];

	(void)state;
	begin(KH_ROLE_CLIENT);
	tell(pass(get));
	for (int i = 0; i < 20; i++) {
		answers[i] = pass(value);
		asked[i] = pass(get);
	}
	for (int i = 19; i >= 0; i--) {
		tell(seen(answers[i]));
		tell(seen(asked[i]));
	}
	assert_int_equal(exchanges, 21);
	tell(pass(value));
	end(22);
}

/* A thread that loses the CPU, while another goes on. */
static void one_is_late(enum kh_role as, unsigned int n, uint64_t ns)
{
	struct told late;

	begin(as);
	tell(pass(get));
	late = pass(value);
	for (unsigned int i = 0; i < n; i++)
		tell(seen(pass(get)));
	now += ns;
	streams_tick(s, now);
	tell(seen(late));
	assert_int_equal(exchanges, 2);
	for (unsigned int i = 0; i < n; i++)
		tell(pass(value));
	end(2 + n);
}

static void test_late(void **state)
{
	(void)state;
	one_is_late(KH_ROLE_CLIENT, 1, 0);
	one_is_late(KH_ROLE_CLIENT, 200, 150 * MS);
	one_is_late(KH_ROLE_SERVER, 200, 150 * MS);
}

/* More than wait at once: requests are read before an answer to what was asked before them. */
static void test_more_than_wait(void **state)
{
	(void)state;
	one_is_late(KH_ROLE_CLIENT, MANY, 0);
}

/* The collector itself was away: what comes first when it is back, is read first. */
static void test_the_collector_is_late(void **state)
{
	(void)state;
	one_is_late(KH_ROLE_CLIENT, 3, 250 * MS);
}

/* What comes in order is read, however late. */
static void test_in_order_at_last(void **state)
{
	struct told late;

	(void)state;
	begin(KH_ROLE_CLIENT);
	tell(pass(get));
	late = pass(value);
	tell(pass(get));
	now += 300 * MS;
	tell(late);
	tell(pass(value));
	end(3);
}

/* What never comes is waited for so long, by the segments' time or by the clock. */
static void test_in_vain(void **state)
{
	(void)state;
	for (int by_clock = 0; by_clock < 2; by_clock++) {
		begin(KH_ROLE_CLIENT);
		tell(pass(get));
		pass(value); /* the ring was full */
		tell(pass(get));
		assert_int_equal(redis()->asked, 2);
		now += STREAMS_HOLD_NS + 1;
		if (by_clock) {
			streams_tick(s, now);
			assert_int_equal(redis()->lost, 0);
			streams_tick(s, now);
		} else {
			tell(pass(get));
		}
		assert_true(redis()->lost > 0);
		assert_int_equal(streams_counters(s)->held_in_vain, 1);
		for (int i = by_clock; i < 2; i++)
			tell(pass(value));
		for (int i = 0; i < 3; i++) { /* whose answers are whose is clear again */
			tell(pass(get));
			tell(pass(value));
		}
		assert_true(exchanges > 1);
		assert_int_equal(redis()->asked, redis()->answered + redis()->lost);
		assert_int_equal(streams_counters(s)->late, 0);
		streams_free(s);
	}
}

/* Of one direction likewise: those behind a gap wait for what fills it, whatever their order. */
static void test_one_direction(void **state)
{
	struct told asked[10];

	(void)state;
	begin(KH_ROLE_SERVER);
	for (int i = 0; i < 10; i++)
		asked[i] = pass(get);
	for (int i = 9; i >= 0; i--)
		tell(asked[i]);
	for (int i = 0; i < 10; i++)
		tell(pass(value));
	end(11);
}

/* Who was told first counts least: it waits for no call that was made behind it. */
static void test_told_before(void **state)
{
	struct told late, later;

	(void)state;
	begin(KH_ROLE_CLIENT);
	tell(pass(get));
	tell(pass(get));
	late = pass(value);
	tell(seen(pass(value)));
	assert_int_equal(exchanges, 1);
	now += 150 * MS;
	later = pass(get);
	tell(seen(late));
	assert_int_equal(exchanges, 3); /* at once */
	now += 100 * MS;
	tell(seen(later));
	tell(pass(value));
	assert_int_equal(streams_counters(s)->held_in_vain, 0);
	end(4);
}

/* What fills the gap comes when no more wait behind it: it is read, though it is ahead itself. */
static void test_gap_filled_at_last(void **state)
{
	struct told late;

	(void)state;
	begin(KH_ROLE_SERVER);
	late = pass(get);
	for (int i = 0; i < 63; i++)
		tell(pass(get));
	tell(pass(value));
	assert_int_equal(redis()->asked, 1);
	tell(seen(late));
	assert_int_equal(streams_counters(s)->held_in_vain, 0);
	for (int i = 0; i < 63; i++)
		tell(pass(value));
	end(65);
}

/* Of what a segment waits for only that is given up which nobody told. */
static void test_only_what_is_missing(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		begin(i ? KH_ROLE_SERVER : KH_ROLE_CLIENT);
		tell(pass(get));
		pass(get); /* the ring was full */
		for (int n = 0; n < 5; n++)
			tell(pass(get));
		for (int n = 0; n < 7; n++)
			tell(pass(value));
		wait_in_vain();
		assert_int_equal(redis()->asked, 2 + 5);
		assert_int_equal(streams_counters(s)->held_in_vain, 1);
		assert_int_equal(streams_counters(s)->late, 0);
		streams_free(s);
	}
}

/* Half of a call was given up when it is told, before it is known which protocol that is. */
static void test_half_given_up(void **state)
{
	struct told late, ahead;

	(void)state;
	open(KH_ROLE_CLIENT);
	late = pass(value);
	ahead = seen(pass("*1\r\n$3\r\nODD\r\n"));
	ahead.seg.other -= 2; /* that call goes on */
	tell(ahead);
	wait_in_vain();
	assert_int_equal(redis()->connections, 0);
	tell(seen(late));
	end(1);
}

/* The same of a call whose middle was not captured: it is counted once. */
static void test_half_of_a_hole(void **state)
{
	static const char begins[] = "$1000\r\n", ends[] = "12345678abcdef\r\n";
	struct told late, ahead;

	(void)state;
	begin(KH_ROLE_CLIENT);
	tell(pass(get));
	tell(pass(begins));
	late = pass(ends);
	late.seg.len += 1002 - 16;
	passed[0] += 1002 - 16;
	late.seg.head_len = late.seg.tail_len = 8;
	ahead = seen(pass(get));
	ahead.seg.other -= 500;
	tell(ahead);
	wait_in_vain();
	tell(seen(late));
	tell(pass(value));
	end(3);
}

/* The parser gives the connection up: who waits has not passed yet, and is not forgotten. */
static void test_given_up_by_the_parser(void **state)
{
	static const char none[] = "?????\r\n";
	struct told late, ahead;

	(void)state;
	begin(KH_ROLE_CLIENT);
	for (int i = 0; i < STREAMS_BAD_MAX; i++)
		tell(pass(none));
	assert_int_equal(redis()->given_up, 0);
	late = pass(none);
	ahead = pass(get);
	tell(seen(ahead));
	tell(late);
	assert_int_equal(redis()->given_up, 1);
	tell(pass(value));
	assert_int_equal(streams_counters(s)->held, 1);
	assert_int_equal(exchanges, 2);
	streams_free(s);
}

/* A header that was to be passed over went with what was missing behind it. */
static void test_missing_behind_a_header(void **state)
{
	(void)state;
	open(KH_ROLE_SERVER);
	tell(pass("PROXY TCP4 1.2.3.4 5.6.7.8 9 6379\r\n"));
	pass(get); /* the ring was full */
	tell(pass(get));
	assert_int_equal(streams_counters(s)->proxied, 1);
	wait_in_vain();
	tell(pass(value));
	end(1);
}

/* The connection ends while some wait: what is there is read. */
static void test_end(void **state)
{
	struct told close = {.seg = {.rec = {.type = KH_SEGMENT, .size = sizeof(close.seg)}}};

	(void)state;
	begin(KH_ROLE_CLIENT);
	tell(pass(get));
	pass(value); /* nobody told of it */
	tell(pass(get));
	assert_int_equal(redis()->asked, 2);
	close.seg.conn.cookie = 7;
	close.seg.transport = IPPROTO_TCP;
	close.seg.reason = KH_WHY_CLOSE;
	tell(close);
	assert_int_equal(redis()->asked, 3);
	assert_int_equal(redis()->asked, redis()->answered + redis()->lost);
	assert_int_equal(streams_open(s), 0);
	streams_free(s);
}

/* A connection of which another collector was told so far: nothing of that is waited for. */
static void test_older_than_the_collector(void **state)
{
	(void)state;
	for (int first = 0; first < 2; first++) {
		struct told t;

		open(KH_ROLE_CLIENT);
		passed[0] = 5000;
		passed[1] = 7000;
		t = pass(get);
		t.seg.rec.flags = first ? KH_F_FIRST : 0;
		tell(t);
		tell(pass(value));
		assert_int_equal(streams_counters(s)->held, first ? 0 : 2);
		assert_int_equal(exchanges, first ? 1 : 0);
		streams_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crossed),
		cmocka_unit_test(test_crossed_all_along),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_more_than_wait),
		cmocka_unit_test(test_the_collector_is_late),
		cmocka_unit_test(test_in_order_at_last),
		cmocka_unit_test(test_in_vain),
		cmocka_unit_test(test_one_direction),
		cmocka_unit_test(test_told_before),
		cmocka_unit_test(test_gap_filled_at_last),
		cmocka_unit_test(test_only_what_is_missing),
		cmocka_unit_test(test_half_given_up),
		cmocka_unit_test(test_half_of_a_hole),
		cmocka_unit_test(test_given_up_by_the_parser),
		cmocka_unit_test(test_missing_behind_a_header),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_older_than_the_collector),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
