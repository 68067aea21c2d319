/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections whose sockets many threads share, at random: each call is told some time after it
 * passed, with what the other direction had passed by then. The protocol is made for it: "Q" or
 * "A", a number of 8 digits, and bytes up to a newline. Whatever comes, the books must balance; if
 * nothing is lost and all is told in time, everything is read, in order.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "protocol/stream.h"

#define MS 1000000ull
#define CONNS 3
#define DEPTH 8 /* requests of a connection on their way */
#define CALLS_MAX 512
#define ROUNDS 30
#define STEPS 2000

struct how {
	bool all_is_well;
	uint32_t bytes_max;
	unsigned int late_ms; /* at most, of a thread */
	unsigned int lost;    /* percent of the calls */
	unsigned int bad;     /* percent of the messages are none */
	bool hostile;         /* some say anything of where they are */
};

struct conn {
	uint64_t cookie;
	bool server;
	uint32_t isn[SIDES], passed[SIDES]; /* by who speaks */
	unsigned int said[SIDES], read[SIDES];
};

struct call_made {
	uint64_t due;
	struct conn *conn;
	enum side from;
	struct kh_segment seg;
	char bytes[48];
};

static const struct how *how;
static struct streams *s;
static struct conn conns[CONNS];
static struct call_made made[CALLS_MAX];
static size_t made_n;
static uint64_t now, seed;
static unsigned int exchanges;

static unsigned int draw(unsigned int n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned int)(seed >> 33) % n;
}

/* ---- the protocol ---- */

static enum guess detect(const struct sight *sight)
{
	struct slice c = sight->from[FROM_CLIENT];

	if (c.n && c.p[0] != 'Q')
		return GUESS_NO;
	return c.n ? GUESS_YES : GUESS_MORE;
}

static enum cut frame(const struct talk *talk, enum side from, struct slice b, struct frame *f)
{
	const char *lf = memchr(b.p, '\n', b.n);

	(void)talk;
	if (b.p[0] != (from == FROM_CLIENT ? 'Q' : 'A'))
		return CUT_NOT;
	if (!lf)
		return CUT_MORE;
	f->size = f->want = (uint32_t)(lf + 1 - b.p);
	return CUT_OK;
}

static void message(struct talk *talk, enum side from, struct slice b, const struct frame *f)
{
	struct conn *conn = &conns[stream_of(talk)->cookie % CONNS];
	struct call *call = from == FROM_CLIENT ? talk_ask(talk, 0) : talk_oldest(talk);

	(void)f;
	if (how->all_is_well) {
		assert_non_null(call);
		assert_int_equal(strtoul(b.p + 1, NULL, 10), conn->read[from]++);
	}
	if (from == FROM_SERVER && call)
		talk_answer(talk, call);
}

static const struct parser row = {.name = "row",
				  .protocol = PROTOCOL_REDIS,
				  .kind = EXCHANGE_DB,
				  .transports = OVER_TCP,
				  .capture = 4096,
				  .state_size = 1000,
				  .detect = detect,
				  .frame = frame,
				  .message = message};
static const struct parser *const rows[] = {&row};

static void emit(void *arg, const struct exchange *x)
{
	(void)arg;
	(void)x;
	exchanges++;
}

static void decide(void *arg, uint64_t cookie, uint32_t capture, enum kh_role role)
{
	(void)arg;
	(void)cookie;
	(void)capture;
	(void)role;
}

/* ---- the books ---- */

static size_t bytes_of(const struct keep *keep)
{
	const struct kh_segment *at;
	struct stream_block *block;
	uint32_t live = 0;
	size_t bytes = 0;

	for (at = keep_next(keep, &block, NULL); at; at = keep_next(keep, &block, at))
		live++;
	assert_int_equal(live, keep->n);
	for (block = keep->first; block; block = block->next)
		bytes += sizeof(*block);
	return bytes;
}

static void balance(void)
{
	const struct streams_protocol_counters *c = &s->counters.of[PROTOCOL_REDIS];
	uint64_t told = c->answered + c->lost + c->expired + c->unheld;
	size_t bytes = 0;
	uint32_t holding = 0;

	for (uint32_t i = 0; i < s->table.capacity; i++) {
		const struct stream *stream = &s->stream[i];

		if (!stream->all)
			continue;
		told += stream->talk.calls.n;
		holding += stream->held.n > 0;
		assert_true(stream->held.n || !stream->held.first);
		bytes += bytes_of(&stream->held) + bytes_of(&stream->seen);
		bytes += stream->talk.state ? row.state_size : 0;
		for (unsigned int side = 0; side < SIDES; side++)
			bytes += stream->half[side].block ? sizeof(struct stream_block) : 0;
	}
	for (const struct stream_block *b = s->memory.free; b; b = b->next)
		bytes += sizeof(*b);
	for (void *state = s->memory.states[PROTOCOL_REDIS]; state; state = *(void **)state)
		bytes += row.state_size;
	assert_int_equal(holding, s->holding);
	assert_int_equal(bytes, s->memory.bytes);
	assert_true(bytes <= how->bytes_max);
	assert_int_equal(told, c->asked);
}

/* ---- what passes, and is told ---- */

static void tell(struct call_made *call)
{
	struct kh_segment *seg = &call->seg;

	seg->ns = now;
	seg->other = call->conn->passed[!call->from];
	if (how->hostile && draw(20) == 0) {
		uint32_t *said[] = {&seg->seq, &seg->other, &seg->len};

		*said[draw(3)] ^= 1u << (31 - draw(4));
	}
	if (draw(100) >= how->lost)
		streams_segment(s, seg);
	balance();
}

static void let_tell(void)
{
	for (size_t i = 0; i < made_n;) {
		struct call_made call = made[i];

		if (call.due > now) {
			i++;
			continue;
		}
		made[i] = made[--made_n];
		tell(&call);
	}
}

static void say(struct conn *conn, enum side from)
{
	struct call_made *call = &made[made_n++];
	bool sent = (from == FROM_CLIENT) != conn->server;
	int n = snprintf(call->bytes, sizeof(call->bytes), "%c%08u%*s\n",
			 draw(100) < how->bad ? '?' : "QA"[from], conn -> said[from]++,
			 (int)draw(30), "");

	call->due = now + draw(draw(4) ? 2000 : 1000 * how->late_ms) * 1000ull;
	call->conn = conn;
	call->from = from;
	call->seg = (struct kh_segment){
		.rec = {.type = KH_SEGMENT, .size = (uint32_t)(sizeof(call->seg) + n)},
		.conn = {.cookie = conn->cookie,
			 .family = AF_INET,
			 .role = conn->server ? KH_ROLE_SERVER : KH_ROLE_CLIENT,
			 .isn_local = conn->isn[conn->server],
			 .isn_remote = conn->isn[!conn->server]},
		.sent = sent,
		.transport = IPPROTO_TCP,
		.reason = KH_WHY_MORE,
		.seq = conn->passed[from],
		.len = (uint32_t)n,
		.head_len = (uint16_t)n,
	};
	conn->passed[from] += (uint32_t)n;
}

static void step(void)
{
	struct conn *conn = &conns[draw(CONNS)];
	unsigned int open = conn->said[FROM_CLIENT] - conn->said[FROM_SERVER];

	if (open && draw(2))
		say(conn, FROM_SERVER);
	else if (open < DEPTH && made_n < CALLS_MAX / 2)
		say(conn, FROM_CLIENT);
}

static void pass_time(uint64_t ns)
{
	uint64_t before = now / (50 * MS);

	now += ns;
	let_tell();
	if (now / (50 * MS) == before)
		return;
	streams_tick(s, now);
	balance();
}

static void play(void)
{
	const struct streams_options o = {.connections = 8,
					  .bytes_max = how->bytes_max,
					  .protocols = ~0ull,
					  .parsers = rows,
					  .parsers_n = 1,
					  .emit = emit,
					  .decide = decide};

	s = streams_new(&o);
	assert_non_null(s);
	now = 1000 * MS;
	exchanges = 0;
	for (unsigned int i = 0; i < CONNS; i++) {
		conns[i] = (struct conn){.cookie = CONNS + i, .server = draw(2)};
		for (unsigned int side = 0; side < SIDES; side++) /* some pass 2^32 soon */
			conns[i].isn[side] = conns[i].passed[side] = 0u - 1 - draw(20000);
	}
	for (unsigned int i = 0; i < STEPS; i++) {
		step();
		pass_time(draw(4000) * 1000ull);
	}
	for (unsigned int i = 0; i < CONNS; i++)
		while (conns[i].said[FROM_SERVER] < conns[i].said[FROM_CLIENT])
			say(&conns[i], FROM_SERVER);
	for (unsigned int i = 0; i < 1000; i++) /* nothing waits for ever */
		pass_time(MS);
	assert_int_equal(s->holding, 0);
	if (how->all_is_well) {
		for (unsigned int i = 0; i < CONNS; i++)
			exchanges -= conns[i].said[FROM_CLIENT];
		assert_int_equal(exchanges, 0);
		assert_int_equal(s->counters.late + s->counters.held_in_vain, 0);
	}
	streams_free(s);
}

static void test_threads(void **state)
{
	static const struct how hows[] = {
		{.all_is_well = true, .bytes_max = 4 << 20, .late_ms = 190},
		{.bytes_max = 4 << 20, .late_ms = 300, .lost = 3},
		{.bytes_max = 4 << 20, .late_ms = 100, .bad = 5},
		{.bytes_max = 30000, .late_ms = 190, .lost = 1, .bad = 1, .hostile = true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(hows) / sizeof(*hows); i++) {
		how = &hows[i];
		for (unsigned int n = 0; n < ROUNDS; n++) {
			seed = n;
			play();
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_threads)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
