/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 and gRPC: conversations made frame by frame (RFC 9113), told however they were cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/parsers.h"
#include "talker.h"

#define ROUNDS 60
#define STEPS_MAX 64

enum { DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4, PADDED = 8, WITH_PRIORITY = 32 };

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

/* ---- an encoder: what it said once with this name and value is an index afterwards ---- */

struct encoder {
	char entry[64][128]; /* "name\0value" in the order of insertion */
	size_t n;
};

struct script {
	struct said said[STEPS_MAX];
	size_t n;
	char bytes[1 << 18];
	size_t used;
	struct encoder encoder[2]; /* by side */
};

static void put(struct script *s, const void *p, size_t n)
{
	assert_true(s->used + n <= sizeof(s->bytes));
	memcpy(s->bytes + s->used, p, n);
	s->used += n;
	s->said[s->n - 1].n += n;
}

/* What follows is said by this side, in one system call. */
static void says(struct script *s, char who)
{
	assert_true(s->n < STEPS_MAX);
	s->said[s->n++] = (struct said){who, s->bytes + s->used, 0};
}

static void frame(struct script *s, unsigned int type, unsigned int flags, uint32_t stream,
		  const void *payload, size_t n)
{
	const unsigned char head[] = {(unsigned char)(n >> 16),
				      (unsigned char)(n >> 8),
				      (unsigned char)n,
				      (unsigned char)type,
				      (unsigned char)flags,
				      (unsigned char)(stream >> 24),
				      (unsigned char)(stream >> 16),
				      (unsigned char)(stream >> 8),
				      (unsigned char)stream};

	put(s, head, sizeof(head));
	put(s, payload, n);
}

static size_t add_string(char *b, const char *text, size_t n)
{
	size_t at = 0, rest = n;

	b[at++] = (char)(n < 127 ? n : 127);
	if (n >= 127) {
		for (rest -= 127; rest >= 128; rest >>= 7)
			b[at++] = (char)(0x80 | (rest & 0x7f));
		b[at++] = (char)rest;
	}
	memcpy(b + at, text, n);
	return at + n;
}

static const struct {
	const char *name, *value;
	int index;
} statics[] = {
	{":method", "GET", 2}, {":method", "POST", 3}, {":scheme", "http", 6},
	{":status", "200", 8}, {":status", "404", 13},
};

/* A field, after its name '+' to be inserted and told by index from then on. */
static size_t add_field(struct encoder *e, char *b, const char *name, const char *value)
{
	bool kept = name[0] == '+';
	char entry[sizeof(e->entry[0])] = "";
	size_t at = 0;

	name += kept;
	for (size_t i = 0; kept && i < sizeof(statics) / sizeof(*statics); i++) {
		if (strcmp(name, statics[i].name) == 0 && strcmp(value, statics[i].value) == 0) {
			b[0] = (char)(0x80 | statics[i].index);
			return 1;
		}
	}
	if (kept) {
		assert_true(strlen(name) + strlen(value) + 2 <= sizeof(entry));
		strcpy(entry, name);
		strcpy(entry + strlen(name) + 1, value);
		for (size_t i = 0; i < e->n; i++) {
			if (memcmp(e->entry[i], entry, sizeof(entry)) == 0) {
				b[0] = (char)(0x80 | (62 + e->n - 1 - i));
				return 1;
			}
		}
		memcpy(e->entry[e->n++], entry, sizeof(entry));
	}
	b[at++] = kept ? 0x40 : 0;
	at += add_string(b + at, name, strlen(name));
	return at + add_string(b + at, value, strlen(value));
}

/* "name=value name=value": a header block. Returns its size. */
static size_t block(struct script *s, char *b, const char *fields)
{
	struct encoder *e = &s->encoder[s->said[s->n - 1].who == '<'];
	char copy[8192], *rest = copy, *field;
	size_t n = 0;

	assert_true(strlen(fields) < sizeof(copy));
	strcpy(copy, fields);
	while ((field = strsep(&rest, " ")) != NULL) {
		char *eq = strchr(field, '=');

		*eq = '\0';
		n += add_field(e, b + n, field, eq + 1);
	}
	return n;
}

static void headers(struct script *s, uint32_t stream, unsigned int flags, const char *fields)
{
	char b[16384];

	frame(s, HEADERS, flags | END_HEADERS, stream, b, block(s, b, fields));
}

static void body(struct script *s, uint32_t stream, unsigned int flags, size_t n)
{
	static const char zeros[65536];

	frame(s, DATA, flags, stream, zeros, n);
}

/* gRPC: a message of n bytes, uncompressed */
static void message(struct script *s, uint32_t stream, unsigned int flags, size_t n)
{
	char b[4096] = {0, 0, 0, (char)(n >> 8), (char)n};

	memset(b + 5, 'm', n);
	frame(s, DATA, flags, stream, b, n + 5);
}

#define GET "+:method=GET +:scheme=http +:authority=shop +:path="
#define POST                                                                                       \
	"+:method=POST +:scheme=http +:authority=shop +content-type=application/grpc "             \
	"+te=trailers +:path="
#define OK "+:status=200 +content-type=application/grpc"

static struct script *script_new(void)
{
	struct script *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	return s;
}

static struct script *opened(void)
{
	struct script *s = script_new();

	says(s, '>');
	put(s, PREFACE, 24);
	frame(s, SETTINGS, 0, 0, "\0\3\0\0\0\144\0\4\0\1\0\0", 12);
	frame(s, WINDOW, 0, 0, "\0\1\0\0", 4);
	says(s, '<');
	frame(s, SETTINGS, 0, 0, "", 0);
	frame(s, SETTINGS, ACK, 0, "", 0);
	says(s, '>');
	frame(s, SETTINGS, ACK, 0, "", 0);
	return s;
}

static void tells(struct script *s, const char *expected)
{
	talker_same(s->said, s->n, expected, ROUNDS);
	free(s);
}

/* ---- HTTP ---- */

static void requests_are_told_by_stream(void **state)
{
	struct script *s = opened();

	says(s, '>');
	headers(s, 1, END_STREAM, GET "/a");
	headers(s, 3, END_STREAM, GET "/b");
	headers(s, 5, 0, "+:method=PUT +:scheme=http +:authority=shop :path=/c");
	body(s, 5, END_STREAM, 10);
	says(s, '<');
	headers(s, 3, 0, "+:status=404");
	headers(s, 5, END_STREAM, ":status=204");
	headers(s, 1, 0, "+:status=200");
	body(s, 3, END_STREAM, 100);
	body(s, 1, 0, 200);
	body(s, 1, END_STREAM, 0);
	tells(s, "http http2 target=/c host=shop method=4 status=204\n"
		 "http http2 target=/b host=shop method=1 status=404\n"
		 "http http2 target=/a host=shop method=1 status=200\n");
}

static void padding_priority_and_continuation_are_no_fields(void **state)
{
	struct script *s = opened();
	char b[1024];
	size_t n;

	says(s, '>');
	b[0] = 7;
	memcpy(b + 1, "\0\0\0\0\20", 5);
	n = 6 + block(s, b + 6, GET "/padded");
	memmove(b + 10 + 7, b + 10, n - 10); /* 10 bytes, padding, and the rest in another frame */
	memset(b + 10, 0, 7);
	frame(s, HEADERS, PADDED | WITH_PRIORITY | END_STREAM, 1, b, 17);
	frame(s, CONTINUATION, 0, 1, "", 0);
	frame(s, CONTINUATION, 0, 1, b + 17, 5);
	frame(s, CONTINUATION, END_HEADERS, 1, b + 22, n - 15);
	headers(s, 3, END_STREAM, GET "/padded");
	says(s, '<');
	memcpy(b, "\3", 1);
	n = 1 + block(s, b + 1, "+:status=200");
	memset(b + n, 0, 3);
	frame(s, HEADERS, PADDED | END_HEADERS, 1, b, n + 3);
	frame(s, DATA, PADDED | END_STREAM, 1, "\2xyz\0\0", 6);
	headers(s, 3, END_STREAM, "+:status=200");
	tells(s, "http http2 target=/padded host=shop method=1 status=200\n"
		 "http http2 target=/padded host=shop method=1 status=200\n");
}

static void other_answers_before_the_answer_do_not_count(void **state)
{
	struct script *s = opened();

	says(s, '>');
	headers(s, 1, 0, "+:method=POST :path=/up :authority=h");
	says(s, '<');
	headers(s, 1, 0, ":status=100");
	headers(s, 1, 0, ":status=103 link=x");
	says(s, '>');
	body(s, 1, END_STREAM, 5000);
	says(s, '<');
	headers(s, 1, 0, ":status=201");
	headers(s, 1, END_STREAM, "trailer=x"); /* fields behind the body */
	tells(s, "http http2 target=/up host=h method=3 status=201\n");
}

static void pushed_streams_only_change_the_table(void **state)
{
	struct script *s = opened();
	char b[512] = {0, 0, 0, 2};
	size_t n;

	says(s, '>');
	headers(s, 1, END_STREAM, GET "/a");
	says(s, '<');
	n = 4 + block(s, b + 4, GET "/pushed");
	frame(s, PUSH, END_HEADERS, 1, b, n);
	headers(s, 2, 0, "+:status=500");
	headers(s, 1, 0, "+:status=503");
	body(s, 2, END_STREAM, 100);
	body(s, 1, END_STREAM, 100);
	tells(s, "http http2 target=/a host=shop method=1 status=503\n");
}

static void what_is_reset_has_no_proper_answer(void **state)
{
	struct script *s = opened();

	says(s, '>');
	headers(s, 1, END_STREAM, GET "/a");
	headers(s, 3, END_STREAM, GET "/b");
	headers(s, 5, 0, POST "/s.S/M");
	headers(s, 7, 0, POST "/s.S/N");
	says(s, '<');
	headers(s, 1, 0, "+:status=200");
	frame(s, RST, 0, 1, "\0\0\0\2", 4);
	frame(s, RST, 0, 7, "\0\0\0\13", 4);
	says(s, '>');
	frame(s, RST, 0, 3, "\0\0\0\10", 4);
	frame(s, RST, 0, 5, "\0\0\0\10", 4);
	says(s, '<');
	headers(s, 3, END_STREAM, "+:status=200"); /* too late */
	frame(s, RST, 0, 99, "\0\0\0\10", 4);
	tells(s, "http http2 target=/a host=shop method=1 status=200 error=1\n"
		 "rpc grpc op=s.S/N code=RESOURCE_EXHAUSTED host=shop method=3 error=1 failed\n"
		 "http http2 target=/b host=shop method=1 error=5\n"
		 "rpc grpc op=s.S/M code=CANCELLED host=shop method=3 error=5 failed\n");
}

static void streams_above_the_last_of_goaway_are_refused(void **state)
{
	struct script *s = opened();

	says(s, '>');
	headers(s, 1, END_STREAM, GET "/a");
	headers(s, 3, END_STREAM, GET "/b");
	says(s, '<');
	frame(s, GOAWAY, 0, 0, "\x7f\xff\xff\xff\0\0\0\0", 8);
	frame(s, GOAWAY, 0, 0, "\0\0\0\1\0\0\0\0why", 11);
	headers(s, 1, END_STREAM, "+:status=200");
	says(s, 'C');
	tells(s, "http http2 target=/a host=shop method=1 status=200\n");
}

static void what_is_open_at_the_end_is_told_so(void **state)
{
	struct script *s = opened();

	says(s, '>');
	headers(s, 1, 0, POST "/s.S/M");
	headers(s, 3, END_STREAM, GET "/a");
	says(s, 'R');
	tells(s, "rpc grpc op=s.S/M host=shop method=3 error=1\n"
		 "http http2 target=/a host=shop method=1 error=1\n");
}

/* After "Upgrade: h2c" the answer to an HTTP/1 request comes on stream 1. */
static void an_answer_that_nobody_asked_for_is_passed_over(void **state)
{
	struct script *s = script_new();

	says(s, '<');
	frame(s, SETTINGS, 0, 0, "", 0);
	frame(s, HEADERS, END_STREAM | END_HEADERS, 1, "\x89", 1);
	says(s, '>');
	put(s, PREFACE, 24);
	frame(s, SETTINGS, 0, 0, "", 0);
	headers(s, 3, END_STREAM, GET "/a");
	says(s, '<');
	headers(s, 3, END_STREAM, "+:status=200");
	tells(s, "http http2 target=/a host=shop method=1 status=200\n");
}

static void frames_of_other_types_are_passed_over(void **state)
{
	struct script *s = opened();

	says(s, '>');
	frame(s, 0x10, 0, 0, "\0\0\0\1u=1", 7);
	headers(s, 1, END_STREAM, GET "/a");
	frame(s, 0x2a, 0xff, 1, "anything", 8);
	frame(s, PING, 0, 0, "12345678", 8);
	headers(s, 3, END_STREAM, GET "/b");
	says(s, '<');
	frame(s, PING, ACK, 0, "12345678", 8);
	headers(s, 1, END_STREAM, "+:status=200");
	headers(s, 3, END_STREAM, "+:status=200");
	tells(s, "http http2 target=/a host=shop method=1 status=200\n"
		 "http http2 target=/b host=shop method=1 status=200\n");
}

/* Frames may be longer than the default where the other side said so; blocks, than what is seen. */
static void long_frames_are_read(void **state)
{
	struct script *s = script_new();
	char fields[8192] = "cookie=";
	size_t n = strlen(fields);

	memset(fields + n, 'c', 6000);
	strcpy(fields + n + 6000, " " GET "/a");
	says(s, '>');
	put(s, PREFACE, 24);
	frame(s, SETTINGS, 0, 0, "\0\5\0\1\0\0", 6);
	headers(s, 1, END_STREAM, fields);
	headers(s, 3, END_STREAM, fields);
	says(s, '<');
	frame(s, SETTINGS, 0, 0, "", 0);
	headers(s, 1, 0, "+:status=200");
	headers(s, 3, 0, "+:status=200");
	body(s, 1, 0, 100);
	says(s, '>');
	frame(s, WINDOW, 0, 0, "\0\1\0\0", 4);
	says(s, '<');
	body(s, 1, END_STREAM, 65000);
	says(s, '>');
	frame(s, WINDOW, 0, 0, "\0\1\0\0", 4);
	says(s, '<');
	body(s, 3, END_STREAM, 17000);
	tells(s, "http http2 target=/a host=shop method=1 status=200\n"
		 "http http2 target=/a host=shop method=1 status=200\n");
}

/* ---- gRPC ---- */

static void calls_are_told_with_their_status(void **state)
{
	static const struct {
		const char *trailer, *code;
	} rows[] = {
		{"+grpc-status=0 +grpc-message=", "OK"},
		{"+grpc-status=14 grpc-message=try%20later", "UNAVAILABLE failed"},
		{"+grpc-status=4", "DEADLINE_EXCEEDED failed"},
		{"+grpc-status=16", "UNAUTHENTICATED failed"},
		{"+grpc-status=17", "UNKNOWN failed"},
		{"+grpc-status=x", "UNKNOWN failed"},
		{"+no-status=0", "UNKNOWN failed"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct script *s = opened();
		char want[256], code[32] = "";

		says(s, '>');
		headers(s, 1, 0, POST "/pkg.Shop/Buy");
		message(s, 1, END_STREAM, 20);
		says(s, '<');
		headers(s, 1, 0, OK);
		message(s, 1, 0, 30);
		headers(s, 1, END_STREAM, rows[i].trailer);
		sscanf(rows[i].code, "%31s", code);
		snprintf(want, sizeof(want),
			 "rpc grpc op=pkg.Shop/Buy code=%s host=shop method=3 status=200%s\n", code,
			 strchr(rows[i].code, ' ') ? " failed" : "");
		tells(s, want);
	}
}

static void an_answer_may_be_trailers_only(void **state)
{
	struct script *s = opened();

	says(s, '>');
	headers(s, 1, 0, POST "/pkg.Shop/Buy");
	message(s, 1, END_STREAM, 20);
	headers(s, 3, 0, POST "/pkg.Shop/NoSuch");
	message(s, 3, END_STREAM, 20);
	says(s, '<');
	headers(s, 3, END_STREAM, OK " +grpc-status=12");
	headers(s, 1, END_STREAM, OK " +grpc-status=7");
	tells(s, "rpc grpc op=_OTHER code=UNIMPLEMENTED host=shop method=3 status=200 failed\n"
		 "rpc grpc op=pkg.Shop/Buy code=PERMISSION_DENIED host=shop method=3 status=200 "
		 "failed\n");
}

static void a_proxys_answer_has_a_status_of_its_own(void **state)
{
	static const struct {
		const char *status, *code;
	} rows[] = {
		{"400", "INTERNAL"},    {"401", "UNAUTHENTICATED"}, {"403", "PERMISSION_DENIED"},
		{"429", "UNAVAILABLE"}, {"502", "UNAVAILABLE"},     {"503", "UNAVAILABLE"},
		{"504", "UNAVAILABLE"}, {"500", "UNKNOWN"},         {"200", "UNKNOWN"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct script *s = opened();
		char fields[128], want[256];

		says(s, '>');
		headers(s, 1, END_STREAM, POST "/p.S/M");
		says(s, '<');
		snprintf(fields, sizeof(fields), "+:status=%s +content-type=text/html",
			 rows[i].status);
		headers(s, 1, 0, fields);
		body(s, 1, END_STREAM, 50);
		snprintf(want, sizeof(want),
			 "rpc grpc op=p.S/M code=%s host=shop method=3 status=%s failed\n",
			 rows[i].code, rows[i].status);
		tells(s, want);
	}
}

static void streaming_is_one_call(void **state)
{
	struct script *s = opened();

	says(s, '>');
	headers(s, 1, 0, POST "/p.S/Watch");
	for (int i = 0; i < 5; i++) {
		says(s, '>');
		message(s, 1, 0, 100);
		says(s, '<');
		if (!i)
			headers(s, 1, 0, OK);
		message(s, 1, 0, 100);
		frame(s, WINDOW, 0, 0, "\0\0\1\0", 4);
	}
	says(s, '>');
	body(s, 1, END_STREAM, 0);
	says(s, '<');
	headers(s, 1, END_STREAM, "+grpc-status=0");
	tells(s, "rpc grpc op=p.S/Watch code=OK host=shop method=3 status=200\n");
}

static void other_types_of_grpc_are_it_too(void **state)
{
	struct script *s = opened();

	says(s, '>');
	headers(s, 1, END_STREAM, ":method=POST :path=/p.S/M content-type=application/grpc+proto");
	headers(s, 3, END_STREAM, ":method=POST :path=/p.S/M content-type=application/grpc-web");
	headers(s, 5, END_STREAM, ":method=POST :path=/p.S/M content-type=application/json");
	headers(s, 7, END_STREAM, ":method=POST :path=/nonsense content-type=application/grpc");
	says(s, '<');
	headers(s, 1, END_STREAM, ":status=200 grpc-status=0");
	headers(s, 3, 0, ":status=200");
	body(s, 3, END_STREAM, 30); /* its status is in the body */
	headers(s, 5, END_STREAM, ":status=200");
	headers(s, 7, END_STREAM, ":status=200 grpc-status=0");
	tells(s, "rpc grpc op=p.S/M code=OK method=3 status=200\n"
		 "rpc grpc op=p.S/M method=3 status=200\n"
		 "http http2 target=/p.S/M method=3 status=200\n"
		 "rpc grpc op=_OTHER code=OK method=3 status=200\n");
}

/* ---- joins, and what was missed ---- */

/* `told`, but for what may be unknown of it, is what `line` says. */
static bool is_part_of(const char *told, const char *line)
{
	char copy[512], want[512], *rest = copy, *word;

	snprintf(copy, sizeof(copy), "%.*s", (int)strcspn(told, "\n"), told);
	snprintf(want, sizeof(want), " %.*s ", (int)strcspn(line, "\n"), line);
	while ((word = strsep(&rest, " ")) != NULL) {
		char spaced[512];

		if (strcmp(word, "op=_OTHER") == 0)
			continue;
		snprintf(spaced, sizeof(spaced), " %s ", word);
		if (!strstr(want, spaced))
			return false;
	}
	return true;
}

/* Each line told is, or is part of, another line of those expected. */
static void is_never_wrong(const char *told, const char *expected, const struct talker_how *how)
{
	bool used[STEPS_MAX] = {false};

	for (; *told; told += strcspn(told, "\n") + 1) {
		const char *line = expected;
		size_t i = 0;

		while (*line && (used[i] || !is_part_of(told, line))) {
			line += strcspn(line, "\n") + 1;
			i++;
		}
		if (!*line)
			fail_msg(
				"role %d, join %zu, lose %u, capture %zu, seed %u: wrong: \"%.*s\"",
				how->role, how->join, how->lose, how->capture, how->seed,
				(int)strcspn(told, "\n"), told);
		used[i] = true;
	}
}

/* Many calls of both kinds, whose fields are told by index from the second time on. */
static struct script *many_calls(unsigned int n)
{
	struct script *s = opened();

	for (unsigned int i = 0; i < n; i++) {
		uint32_t stream = 1 + 4 * i;

		says(s, '>');
		headers(s, stream, 0, POST "/pkg.Shop/Buy");
		message(s, stream, END_STREAM, 20);
		headers(s, stream + 2, END_STREAM, GET "/a");
		says(s, '<');
		headers(s, stream, 0, OK);
		message(s, stream, 0, 30);
		headers(s, stream + 2, 0, "+:status=404 +server=x");
		headers(s, stream, END_STREAM, "+grpc-status=5 +grpc-message=no");
		body(s, stream + 2, END_STREAM, 400);
	}
	return s;
}

#define RPC_LINE "rpc grpc op=pkg.Shop/Buy code=NOT_FOUND host=shop method=3 status=200 failed\n"
#define HTTP_LINE "http http2 target=/a host=shop method=1 status=404\n"

static void expect(char *want, const char *rpc, const char *http, unsigned int n)
{
	*want = '\0';
	for (unsigned int i = 0; i < n; i++) {
		strcat(want, rpc);
		strcat(want, http);
	}
}

static void a_connection_joined_late_is_counted_from_there(void **state)
{
	struct script *s = many_calls(10);
	static struct talker t;
	char want[4096];

	for (size_t join = 0; join < 18; join += 2) {
		struct talker_how how = {.join = join + 3};

		talker_run(&t, &how, s->said, s->n);
		if (!join) /* nothing but settings was missed */
			expect(want, RPC_LINE, HTTP_LINE, 10);
		else
			expect(want, "rpc grpc op=_OTHER method=3 status=200\n",
			       "http http2 method=1 status=404\n", 10 - (unsigned int)join / 2);
		assert_string_equal(t.told, want);
	}
	free(s);
}

static void what_is_told_after_losses_is_right(void **state)
{
	struct script *s = many_calls(10);
	static struct talker t;
	char want[4096];
	size_t told = 0;

	expect(want, RPC_LINE, HTTP_LINE, 10);
	for (int role = KH_ROLE_UNKNOWN; role <= KH_ROLE_CLIENT; role++) {
		for (unsigned int seed = 1; seed < 3000; seed++) {
			struct talker_how how = {
				.role = (enum kh_role)role,
				.cuts = CUT_RANDOM,
				.seed = seed,
				.join = seed % 3 ? 0 : seed % s->n,
				.lose = seed % 4 ? 0 : seed % 30,
				.capture = seed % 5 ? 0 : 8 + seed % 600,
			};

			talker_run(&t, &how, s->said, s->n);
			is_never_wrong(t.told, want, &how);
			told += t.exchanges;
			assert_true(t.open < 100);
		}
	}
	assert_true(told > 50000);
	free(s);
}

/* A long answer in one call: of its end, where the status is, the last bytes are captured. */
static void an_answer_longer_than_what_is_captured_ends(void **state)
{
	struct script *s = opened();
	static struct talker t;
	struct talker_how how = {.role = KH_ROLE_SERVER};

	says(s, '>');
	headers(s, 1, 0, POST "/p.S/M");
	message(s, 1, END_STREAM, 5);
	says(s, '<');
	headers(s, 1, 0, OK);
	for (int i = 0; i < 3; i++)
		body(s, 1, 0, 16384);
	headers(s, 1, END_STREAM, "+grpc-status=13");
	says(s, '>');
	headers(s, 3, 0, POST "/p.S/M");
	message(s, 3, END_STREAM, 5);
	says(s, '<');
	headers(s, 3, 0, OK);
	headers(s, 3, END_STREAM, "+grpc-status=13");
	talker_run(&t, &how, s->said, s->n);
	assert_string_equal(
		t.told, "rpc grpc op=p.S/M code=INTERNAL host=shop method=3 status=200 failed\n"
			"rpc grpc op=p.S/M code=INTERNAL host=shop method=3 status=200 failed\n");
	free(s);
}

/* The end of this one was in what is missing: nobody knows whether it was whole. */
static void an_answer_whose_end_was_missed_is_not_told(void **state)
{
	struct script *s = opened();
	static struct talker t;
	struct talker_how how = {.role = KH_ROLE_SERVER};

	says(s, '>');
	headers(s, 1, END_STREAM, GET "/a");
	says(s, '<');
	headers(s, 1, 0, "+:status=200");
	for (int i = 0; i < 3; i++)
		body(s, 1, i == 2 ? END_STREAM : 0, 16000);
	says(s, 'C');
	talker_run(&t, &how, s->said, s->n);
	assert_string_equal(t.told, "");
	assert_int_equal(t.counters.of[PROTOCOL_HTTP2].lost, 1);
	free(s);
}

/* CONTINUATION without end: the table is forgotten, and the connection goes on. */
static void a_flood_of_fields_ends_somewhere(void **state)
{
	struct script *s = opened();
	static struct talker t;
	struct talker_how how = {.role = KH_ROLE_SERVER};
	static const char field[4002] = {0x40, 0x01, 'x', 0x7f, (char)0x9b, 0x1e};

	says(s, '>');
	frame(s, HEADERS, 0, 1, "\x82", 1);
	for (int i = 0; i < 40; i++) {
		if (i % 4 == 0)
			says(s, '>');
		frame(s, CONTINUATION, 0, 1, field, sizeof(field));
	}
	frame(s, CONTINUATION, END_HEADERS, 1, "", 0);
	says(s, '>');
	headers(s, 3, END_STREAM, GET "/a");
	says(s, '<');
	headers(s, 3, END_STREAM, "+:status=200");
	talker_run(&t, &how, s->said, s->n);
	assert_string_equal(t.told, "http http2 target=/a host=shop method=1 status=200\n");
	assert_true(t.counters.of[PROTOCOL_HTTP2].bad_frames > 0);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_told_by_stream),
		cmocka_unit_test(padding_priority_and_continuation_are_no_fields),
		cmocka_unit_test(other_answers_before_the_answer_do_not_count),
		cmocka_unit_test(pushed_streams_only_change_the_table),
		cmocka_unit_test(what_is_reset_has_no_proper_answer),
		cmocka_unit_test(streams_above_the_last_of_goaway_are_refused),
		cmocka_unit_test(what_is_open_at_the_end_is_told_so),
		cmocka_unit_test(an_answer_that_nobody_asked_for_is_passed_over),
		cmocka_unit_test(frames_of_other_types_are_passed_over),
		cmocka_unit_test(long_frames_are_read),
		cmocka_unit_test(calls_are_told_with_their_status),
		cmocka_unit_test(an_answer_may_be_trailers_only),
		cmocka_unit_test(a_proxys_answer_has_a_status_of_its_own),
		cmocka_unit_test(streaming_is_one_call),
		cmocka_unit_test(other_types_of_grpc_are_it_too),
		cmocka_unit_test(a_connection_joined_late_is_counted_from_there),
		cmocka_unit_test(what_is_told_after_losses_is_right),
		cmocka_unit_test(an_answer_longer_than_what_is_captured_ends),
		cmocka_unit_test(an_answer_whose_end_was_missed_is_not_told),
		cmocka_unit_test(a_flood_of_fields_ends_somewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
