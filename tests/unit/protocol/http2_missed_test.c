/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 and gRPC joined late, with bytes missing, or longer than what is captured. */
#include "http2_script.h"

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
		headers(s, stream, 0, ANSWER);
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

/* The same on a server's socket: who asks is told by fields. */
static void a_server_joined_late_is_known_as_one(void **state)
{
	struct script *s = many_calls(10);
	static struct talker t;
	char want[4096];

	for (size_t i = 0; i < s->n; i++) /* what talker.c takes for the client's is the server's */
		s->said[i].who = s->said[i].who == '>' ? '<' : '>';
	for (size_t join = 0; join < 18; join++) {
		struct talker_how how = {.join = join + 4, .swapped = true};

		talker_run(&t, &how, s->said, s->n);
		expect(want, "rpc grpc op=_OTHER method=3 status=200\n",
		       "http http2 method=1 status=404\n", 9 - (unsigned int)join / 2);
		if (join)
			assert_string_equal(t.told, want);
		assert_int_equal(t.exchanges, 2 * (9 - join / 2));
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
	headers(s, 1, 0, ANSWER);
	for (int i = 0; i < 3; i++)
		body(s, 1, 0, 16384);
	headers(s, 1, END_STREAM, "+grpc-status=13");
	says(s, '>');
	headers(s, 3, 0, POST "/p.S/M");
	message(s, 3, END_STREAM, 5);
	says(s, '<');
	headers(s, 3, 0, ANSWER);
	headers(s, 3, END_STREAM, "+grpc-status=13");
	talker_run(&t, &how, s->said, s->n);
	assert_string_equal(
		t.told, "rpc grpc op=p.S/M code=INTERNAL host=shop method=3 status=200 failed\n"
			"rpc grpc op=p.S/M code=INTERNAL host=shop method=3 status=200 failed\n");
	free(s);
}

/* What follows a hole begins amidst a frame, but the next frame is of a stream that is awaited. */
static void a_frame_of_an_awaited_stream_is_found_anywhere(void **state)
{
	struct script *s = opened();
	static struct talker t;
	struct talker_how how = {.role = KH_ROLE_SERVER};
	size_t cut;

	says(s, '>');
	headers(s, 1, END_STREAM, GET "/a");
	says(s, '<');
	headers(s, 1, 0, "+:status=200");
	for (int i = 0; i < 5; i++)
		body(s, 1, 0, 8000);
	cut = 1000; /* bytes of the last one are in the next call */
	s->said[s->n - 1].n -= cut;
	s->said[s->n++] = (struct said){'<', s->bytes + s->used - cut, cut};
	body(s, 1, END_STREAM, 16000);
	talker_run(&t, &how, s->said, s->n);
	assert_string_equal(t.told, "http http2 target=/a host=shop method=1 status=200\n");
	assert_int_equal(t.counters.of[PROTOCOL_HTTP2].gaps, 1);
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

/* Where it said how long it is, and nothing else was awaited, the bytes that passed tell its end.
 */
static void a_declared_length_tells_where_an_answer_ends(void **state)
{
	static const struct {
		const char *length;
		size_t told;
	} rows[] = {{"144000", 1}, {"144001", 0}, {"143999", 0}, {"160000", 0}, {"x", 0}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct script *s = opened();
		static struct talker t;
		struct talker_how how = {.role = KH_ROLE_SERVER};
		char fields[128];

		says(s, '>');
		headers(s, 1, END_STREAM, GET "/a");
		says(s, '<');
		snprintf(fields, sizeof(fields), "+:status=200 content-length=%s", rows[i].length);
		headers(s, 1, 0, fields);
		for (int n = 1; n <= 9; n++) { /* of each call, all but the first frame */
			body(s, 1, n == 9 ? END_STREAM : 0, 16000);
			if (n % 3 == 0 && n < 9)
				says(s, '<');
		}
		talker_run(&t, &how, s->said, s->n);
		assert_int_equal(t.exchanges, rows[i].told);
		free(s);
	}
}

/* Calls that begin and end amidst frames, of which only so much is captured that none is found. */
static void long_downloads_do_not_end_a_connection(void **state)
{
	struct script *s = opened();
	static struct talker t;
	struct talker_how how = {.role = KH_ROLE_SERVER, .capture = 1000};
	size_t from;

	says(s, '>');
	headers(s, 1, END_STREAM, GET "/a");
	says(s, '<');
	headers(s, 1, 0, "+:status=200");
	for (int i = 0; i < 15; i++)
		body(s, 1, i == 14 ? END_STREAM : 0, 15500);
	from = (size_t)(s->said[s->n - 1].p - s->bytes);
	for (; s->used - from > 8192; from += 8192) {
		s->said[s->n - 1].n = 8192;
		s->said[s->n++] = (struct said){'<', s->bytes + from + 8192, 0};
	}
	s->said[s->n - 1].n = s->used - from;
	says(s, '>');
	headers(s, 3, END_STREAM, GET "/b");
	says(s, '<');
	headers(s, 3, END_STREAM, "+:status=200");
	talker_run(&t, &how, s->said, s->n);
	assert_non_null(strstr(t.told, "target=/b host=shop method=1 status=200\n"));
	assert_int_equal(t.counters.of[PROTOCOL_HTTP2].given_up, 0);
	free(s);
}

/* What went before in HTTP/1 is not seen here, nor what stood behind the answer to the upgrade. */
static void an_upgraded_connection_goes_on(void **state)
{
	static struct talker t;

	for (int role = KH_ROLE_SERVER; role <= KH_ROLE_CLIENT; role++) {
		struct script *s = script_new();
		struct talker_how how = {.role = (enum kh_role)role, .join = 2};

		says(s, '>');
		put(s, "GET /a HTTP/1.1\r\nUpgrade: h2c\r\n\r\n", 34);
		says(s, '<');
		put(s, "HTTP/1.1 101 Switching Protocols\r\n\r\n", 36);
		frame(s, SETTINGS, 0, 0, "", 0);
		says(s, '>');
		put(s, PREFACE, 24);
		frame(s, SETTINGS, 0, 0, "\0\3\0\0\0\144", 6);
		frame(s, SETTINGS, ACK, 0, "", 0);
		headers(s, 13, END_STREAM, GET "/b");
		says(s, '<');
		frame(s, SETTINGS, ACK, 0, "", 0);
		says(s, '<');
		headers(s, 1, 0, "+:status=200");
		body(s, 1, END_STREAM, 6);
		headers(s, 13, 0, "+:status=200");
		body(s, 13, END_STREAM, 6);
		says(s, '>');
		frame(s, GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0", 8);
		says(s, 'C');
		talker_run(&t, &how, s->said, s->n);
		assert_string_equal(t.told, "http http2 target=/b host=shop method=1 status=200\n");
		free(s);
	}
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
		cmocka_unit_test(a_connection_joined_late_is_counted_from_there),
		cmocka_unit_test(a_server_joined_late_is_known_as_one),
		cmocka_unit_test(what_is_told_after_losses_is_right),
		cmocka_unit_test(an_answer_longer_than_what_is_captured_ends),
		cmocka_unit_test(a_frame_of_an_awaited_stream_is_found_anywhere),
		cmocka_unit_test(an_answer_whose_end_was_missed_is_not_told),
		cmocka_unit_test(a_declared_length_tells_where_an_answer_ends),
		cmocka_unit_test(long_downloads_do_not_end_a_connection),
		cmocka_unit_test(an_upgraded_connection_goes_on),
		cmocka_unit_test(a_flood_of_fields_ends_somewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
