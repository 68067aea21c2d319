/* SPDX-License-Identifier: Apache-2.0 */
#include "talker.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define PIECE_MAX KH_SEGMENT_CALL
#define JOINS_MAX 300
#define CLIENT_TID 21 /* whose calls are the client's bytes, at either end */
#define SERVER_TID 22

struct play {
	struct talker *talker;
	const struct talker_how *how;
	struct streams *streams;
	unsigned int seed;
	uint32_t seq[2]; /* of the next byte, by `sent` */
	uint64_t ns;
	uint32_t capture;
	bool decided;
	unsigned int calls;
	struct kh_segment *late[16];
	size_t lates;
	size_t passed; /* bytes of both directions, up to the next call */
};

static unsigned int draw(struct play *play, unsigned int n)
{
	play->seed = play->seed * 1103515245u + 12345u;
	return (play->seed >> 16) % (n ? n : 1);
}

static uint64_t routine_of(uint32_t tid)
{
	return KH_ROUTINE_FROM + 8 * tid;
}

/* ---- what comes out ---- */

static void put(struct talker *t, const char *format, ...)
{
	size_t used = strlen(t->told);
	va_list args;

	va_start(args, format);
	vsnprintf(t->told + used, sizeof(t->told) - used, format, args);
	va_end(args);
}

static void put_text(struct talker *t, const char *name, struct slice s)
{
	if (s.n)
		put(t, " %s=%.*s", name, (int)s.n, s.p);
}

static void put_number(struct talker *t, const char *name, unsigned int v)
{
	if (v)
		put(t, " %s=%u", name, v);
}

static void on_exchange(void *arg, const struct exchange *x)
{
	static const char *const kinds[] = {"http", "rpc", "db", "messaging", "dns"};
	struct play *play = arg;
	struct talker *t = play->talker;

	if (x->kind == EXCHANGE_ENCRYPTED) {
		t->encrypted++;
		return;
	}
	t->exchanges++;
	t->req_body += x->req_body;
	t->resp_body += x->resp_body;
	put(t, "%s %s", kinds[x->kind], protocol_name(x->protocol));
	put_text(t, "op", x->operation);
	put_text(t, "coll", x->collection);
	put_text(t, "ns", x->namespace);
	put_text(t, "sum", x->summary);
	put_text(t, "code", x->code);
	put_text(t, "group", x->group);
	put_text(t, "target", x->target);
	put_text(t, "host", x->host);
	put_text(t, "parent", x->traceparent);
	put_text(t, "state", x->tracestate);
	put_number(t, "method", x->method);
	put_number(t, "status", x->status);
	put_number(t, "action", x->action);
	put_number(t, "error", x->error);
	put(t, "%s%s\n", x->failed ? " failed" : "", x->waits ? " waits" : "");
	assert_true(x->end_ns >= x->start_ns);
	if (x->req_tid || !play->how->lose) { /* else its end was told by nobody */
		assert_true(x->req_tid == CLIENT_TID ||
			    (x->req_tid == SERVER_TID &&
			     (x->kind == EXCHANGE_MESSAGING || play->how->swapped)));
		assert_int_equal(x->routine, routine_of(x->req_tid));
	}
	assert_true(x->conn.role == KH_ROLE_CLIENT || x->conn.role == KH_ROLE_SERVER);
}

static void on_decide(void *arg, uint64_t cookie, uint32_t capture, enum kh_role role)
{
	struct play *play = arg;

	(void)cookie;
	(void)role;
	play->talker->last_capture = play->capture = capture;
	play->decided = true;
}

/* ---- what goes in ---- */

static bool is_server(const struct play *play)
{
	return play->how->role == KH_ROLE_SERVER || play->how->accepted;
}

static bool is_sent(const struct play *play, char who)
{
	return (who == '>') != is_server(play);
}

static struct kh_segment *make(struct play *play, bool sent, const char *p, uint32_t len,
			       uint32_t head)
{
	struct kh_segment *seg = calloc(1, sizeof(*seg) + head + KH_TAIL);
	uint32_t tail = len - head < KH_TAIL ? len - head : KH_TAIL;
	uint16_t port = play->how->server_port ? play->how->server_port : 1;
	bool udp = play->how->transport == OVER_UDP;

	seg->rec.type = KH_SEGMENT;
	seg->rec.size = (uint32_t)sizeof(*seg) + head + tail;
	seg->conn = (struct kh_conn){.cookie = 7,
				     .family = AF_INET,
				     .laddr = {10, 0, 0, 1},
				     .raddr = {10, 0, 0, 2},
				     .isn_local = 1000,
				     .isn_remote = 0xfffffff0u,
				     .role = (uint8_t)play->how->role};
	seg->conn.lport = is_server(play) ? port : 50000;
	seg->conn.rport = is_server(play) ? 50000 : port;
	seg->cgroup = 1;
	seg->tgid = 1;
	seg->tid = sent == is_server(play) ? SERVER_TID : CLIENT_TID;
	seg->routine = routine_of(seg->tid);
	seg->ns = play->ns;
	seg->sent = sent;
	seg->transport = udp ? IPPROTO_UDP : IPPROTO_TCP;
	seg->reason = KH_WHY_MORE;
	seg->seq = udp ? 0 : play->seq[sent];
	seg->other = udp ? 0 : play->seq[!sent];
	seg->len = len;
	seg->head_len = (uint16_t)head;
	seg->tail_len = (uint16_t)tail;
	if (head)
		memcpy(seg + 1, p, head);
	if (tail)
		memcpy((char *)(seg + 1) + head, p + len - tail, tail);
	return seg;
}

static void hand_in(struct play *play, struct kh_segment *seg)
{
	/* its own memory, so that a sanitizer sees a read beyond its end */
	streams_segment(play->streams, seg);
	free(seg);
}

static void flush(struct play *play)
{
	while (play->lates) {
		size_t i = draw(play, (unsigned int)play->lates);

		hand_in(play, play->late[i]);
		play->late[i] = play->late[--play->lates];
	}
}

static void deliver(struct play *play, struct kh_segment *seg)
{
	if (play->how->lose && draw(play, 100) < play->how->lose) {
		free(seg);
	} else if (play->how->late) {
		play->late[play->lates++] = seg;
		if (play->lates == 4)
			flush(play);
	} else {
		hand_in(play, seg);
	}
}

/* One system call: in segments of a head's size, of which the last has the tail of the rest. */
static void call(struct play *play, bool sent, const char *p, size_t n, bool seen)
{
	size_t probe = play->calls++ < KH_PROBE_LONG_CALLS ? KH_PROBE_LONG : KH_PROBE_BYTES;
	size_t decided = play->decided ? play->capture : probe;
	size_t want = play->how->capture ? play->how->capture : decided;
	size_t captured = n < want ? n : want;

	play->ns += 1000;
	do {
		size_t head = captured < KH_HEAD_MAX ? captured : KH_HEAD_MAX;
		size_t len = captured > KH_HEAD_MAX ? head : n;
		struct kh_segment *seg = make(play, sent, p, (uint32_t)len, (uint32_t)head);

		play->seq[sent] += (uint32_t)len;
		if (seen && want)
			deliver(play, seg);
		else
			free(seg);
		captured -= head;
		p += len;
		n -= len;
	} while (n);
}

/* Also puts together what follows in the same direction, if so wished. */
static size_t say(struct play *play, const struct said *said, size_t n, bool seen)
{
	static char all[1 << 20];
	size_t used = 1, size = said->n, at = 0;
	bool udp = play->how->transport == OVER_UDP;

	assert_true(size < sizeof(all));
	memcpy(all, said->p, size);
	while (!udp && play->how->cuts == CUT_RANDOM && used < n && said[used].who == said->who &&
	       seen && draw(play, 2)) {
		assert_true(size + said[used].n < sizeof(all));
		memcpy(all + size, said[used].p, said[used].n);
		size += said[used].n;
		used++;
	}
	while (at < size) {
		size_t piece = size - at;

		if (!udp && play->how->cuts == CUT_BYTES)
			piece = 1;
		if (!udp && play->how->cuts == CUT_RANDOM && draw(play, 4))
			piece = 1 +
				draw(play, (unsigned int)(draw(play, 2) ? piece : 1 + piece / 8));
		if (piece > 65536)
			piece = 65536;
		if (play->passed < play->how->skip && piece > play->how->skip - play->passed)
			piece = play->how->skip - play->passed;
		call(play, is_sent(play, said->who), all + at, piece,
		     seen && play->passed >= play->how->skip);
		at += piece;
		play->passed += piece;
	}
	return used;
}

static void end(struct play *play, char who)
{
	struct kh_segment *seg;

	flush(play);
	seg = make(play, false, "", 0, 0);
	seg->ns += 10;
	seg->tgid = 0;
	seg->reason = who == 'R' ? KH_WHY_RESET : KH_WHY_CLOSE;
	hand_in(play, seg);
}

void talker_run(struct talker *talker, const struct talker_how *how, const struct said *said,
		size_t n)
{
	struct play play = {.talker = talker,
			    .how = how,
			    .seed = how->seed,
			    .seq = {0xfffffff0u, 1000},
			    .ns = 1000000000};
	struct streams_options o = {.connections = 8,
				    .bytes_max = 4 << 20,
				    .protocols = how->protocols ? how->protocols : ~0ull,
				    .parsers = how->parsers,
				    .parsers_n = how->parsers_n,
				    .emit = on_exchange,
				    .decide = on_decide,
				    .arg = &play};
	const struct streams_counters *c;
	char last = 0;

	memset(talker, 0, sizeof(*talker));
	talker->last_capture = UINT32_MAX;
	play.streams = streams_new(&o);
	assert_non_null(play.streams);
	for (size_t i = 0; i < n;) {
		bool turned = last && last != said[i].who;

		if (turned)
			flush(&play);
		last = said[i].who;
		if (last == 'C' || last == 'R') {
			end(&play, last);
			i++;
		} else {
			i += say(&play, &said[i], n - i, i >= how->join);
		}
	}
	flush(&play);
	for (int i = 0; i < 2; i++) /* what waits is given up by the tick behind its time */
		streams_tick(play.streams, play.ns + STREAMS_HOLD_NS + how->wait_ns + 1);
	c = streams_counters(play.streams);
	talker->counters = *c;
	for (unsigned int i = 0; i < PROTOCOLS; i++)
		talker->open += c->of[i].asked - c->of[i].answered - c->of[i].lost -
				c->of[i].expired - c->of[i].unheld;
	assert_true(streams_bytes(play.streams) > 0);
	streams_free(play.streams);
}

/* ---- properties ---- */

static void same(const struct talker_how *how, const struct said *said, size_t n,
		 const char *expected)
{
	static struct talker t;

	talker_run(&t, how, said, n);
	if (strcmp(t.told, expected) != 0)
		print_error("role %d, cuts %d, seed %u, late %d\n", how->role, how->cuts, how->seed,
			    how->late);
	assert_string_equal(t.told, expected);
}

void talker_same(const struct said *said, size_t n, const char *expected, unsigned int rounds)
{
	for (int role = KH_ROLE_SERVER; role <= KH_ROLE_CLIENT; role++) {
		struct talker_how how = {.role = (enum kh_role)role, .capture = 16384};

		same(&how, said, n, expected);
		how.cuts = CUT_BYTES;
		same(&how, said, n, expected);
		how.cuts = CUT_RANDOM;
		for (how.seed = 1; how.seed <= rounds; how.seed++) {
			how.late = how.seed % 2;
			same(&how, said, n, expected);
		}
	}
}

static bool has_word(const char *line, size_t len, const char *word, size_t n)
{
	for (size_t i = 0; i + n <= len; i++)
		if (memcmp(line + i, word, n) == 0 && (i == 0 || line[i - 1] == ' ') &&
		    (i + n == len || line[i + n] == ' '))
			return true;
	return false;
}

/* Does the line say what the other one says, or less? Not less than that it failed. */
static bool is_vaguer(const char *line, size_t len, const char *than, size_t n)
{
	for (size_t at = 0; at < len;) {
		size_t word = 0;

		while (at + word < len && line[at + word] != ' ')
			word++;
		if (!has_word(than, n, line + at, word))
			return false;
		at += word + 1;
	}
	return has_word(line, len, "failed", 6) == has_word(than, n, "failed", 6);
}

static bool is_expected(const char *expected, const char *line, size_t len)
{
	while (*expected) {
		size_t n = strcspn(expected, "\n");

		if (is_vaguer(line, len, expected, n))
			return true;
		expected += n + (expected[n] == '\n');
	}
	return false;
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void never_wrong(const struct talker_how *how, const struct said *said, size_t n,
			const char *expected)
{
	static struct talker t;
	const char *line;

	talker_run(&t, how, said, n);
	for (line = t.told; *line; line += strcspn(line, "\n") + 1) {
		size_t len = strcspn(line, "\n");

		if (!is_expected(expected, line, len))
			fail_msg("role %d, join %zu, skip %zu, lose %u, capture %zu, seed %u: "
				 "\"%.*s\" was "
				 "told",
				 how->role, how->join, how->skip, how->lose, how->capture,
				 how->seed, (int)len, line);
	}
	assert_true(count_lines(t.told) <= count_lines(expected));
	assert_true(t.open < 1u << 20); /* else more was told than asked */
}

/* From each byte on, as either end; of long conversations as many as are worth the time. */
static void joined_anywhere(struct talker_how how, const struct said *said, size_t n,
			    const char *expected)
{
	size_t all = 0, step;

	for (size_t i = 0; i < n; i++)
		all += said[i].n;
	step = 1 + all / JOINS_MAX;
	for (how.skip = 1; how.skip < all; how.skip += step) {
		how.accepted = false;
		never_wrong(&how, said, n, expected);
		if (how.role != KH_ROLE_UNKNOWN)
			continue;
		how.accepted = true;
		never_wrong(&how, said, n, expected);
	}
}

void talker_never_wrong(const struct said *said, size_t n, const char *expected,
			unsigned int rounds)
{
	for (int role = KH_ROLE_UNKNOWN; role <= KH_ROLE_CLIENT; role++) {
		struct talker_how how = {.role = (enum kh_role)role};

		for (how.join = 0; how.join < n; how.join++)
			never_wrong(&how, said, n, expected);
		how.join = 0;
		joined_anywhere(how, said, n, expected);
		how.cuts = CUT_RANDOM;
		for (how.seed = 1; how.seed <= rounds; how.seed++) {
			how.join = how.seed % 3 ? 0 : how.seed % n;
			how.lose = how.seed % 4 ? 0 : how.seed % 30;
			how.capture = how.seed % 5 ? 0 : 8 + how.seed % 600;
			never_wrong(&how, said, n, expected);
		}
	}
}
