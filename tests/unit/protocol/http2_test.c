/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 and gRPC: conversations are told as they are, however they were cut. */
#include "http2_script.h"

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

/* As text, by index, and in Huffman's code; of gRPC as of HTTP. */
static void contexts_are_told(void **state)
{
	static const char huffman[] =
		"\0\x0btraceparent\xa7"
		"\x00\x16\x6a\x39\x5f\x14\xac\xb6\xeb\xb1\xb2\xd4\x83\x70\x6c\x90\xaf\x89\xf9\x00"
		"\x50\x15\xa7\x59\x71\x60\x02\x50\x38\xe8\xc6\x08\xc6\xf8\x05\x1b\xab\x00\x3f";
	struct script *s = opened();
	char b[1024];
	size_t n;

	says(s, '>');
	headers(s, 1, END_STREAM, GET "/a +traceparent=" TALKER_PARENT " tracestate=rojo=1");
	n = block(s, b, GET "/b");
	memcpy(b + n, huffman, sizeof(huffman) - 1);
	frame(s, HEADERS, END_STREAM | END_HEADERS, 3, b, n + sizeof(huffman) - 1);
	headers(s, 5, 0, POST "/shop.Cart/Add +traceparent=" TALKER_PARENT);
	message(s, 5, END_STREAM, 10);
	says(s, '<');
	headers(s, 1, END_STREAM, "+:status=404");
	headers(s, 3, END_STREAM, "+:status=404");
	headers(s, 5, 0, ANSWER);
	message(s, 5, 0, 5);
	headers(s, 5, END_STREAM, "+grpc-status=0 +traceparent=of-the-answer");
	tells(s, "http http2 target=/a host=shop parent=" TALKER_PARENT
		 " state=rojo=1 method=1 status=404\n"
		 "http http2 target=/b host=shop parent=" TALKER_PARENT " method=1 status=404\n"
		 "rpc grpc op=shop.Cart/Add code=OK host=shop parent=" TALKER_PARENT
		 " method=3 status=200\n");
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

static void an_answer_that_never_came_has_no_status(void **state)
{
	struct script *s = opened();

	says(s, '>');
	headers(s, 1, 0, "+:method=POST :path=/up :authority=h");
	says(s, '<');
	headers(s, 1, 0, ":status=100");
	frame(s, RST, 0, 1, "\0\0\0\2", 4);
	tells(s, "http http2 target=/up host=h method=3 error=1\n");
}

static void bodies_are_counted_without_padding(void **state)
{
	struct script *s = opened();
	static struct talker t;
	struct talker_how how = {.role = KH_ROLE_SERVER};

	says(s, '>');
	headers(s, 1, 0, "+:method=POST :path=/up :authority=h");
	body(s, 1, 0, 1000);
	frame(s, DATA, PADDED | END_STREAM, 1, "\2xyz\0\0", 6);
	says(s, '<');
	headers(s, 1, 0, "+:status=200");
	body(s, 1, 0, 5000);
	body(s, 1, END_STREAM, 5000);
	talker_run(&t, &how, s->said, s->n);
	assert_int_equal(t.exchanges, 1);
	assert_int_equal(t.req_body, 1003);
	assert_int_equal(t.resp_body, 10000);
	free(s);
}

static void pushed_streams_only_change_the_table(void **state)
{
	struct script *s = opened();
	char b[512] = {0, 0, 0, 2};
	size_t n;

	says(s, '>');
	headers(s, 1, END_STREAM, GET "/a");
	headers(s, 3, END_STREAM, POST "/p.S/M");
	says(s, '<');
	n = 4 + block(s, b + 4, GET "/pushed");
	frame(s, PUSH, END_HEADERS, 3, b, n);
	headers(s, 2, 0, "+:status=500");
	headers(s, 1, 0, "+:status=503");
	body(s, 2, END_STREAM, 100);
	body(s, 1, END_STREAM, 100);
	headers(s, 3, END_STREAM, ANSWER);
	tells(s, "http http2 target=/a host=shop method=1 status=503\n"
		 "rpc grpc op=p.S/M code=UNKNOWN host=shop method=3 status=200 failed\n");
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
		headers(s, 1, 0, ANSWER);
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
	headers(s, 3, END_STREAM, ANSWER " +grpc-status=12");
	headers(s, 1, END_STREAM, ANSWER " +grpc-status=7");
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
			headers(s, 1, 0, ANSWER);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_told_by_stream),
		cmocka_unit_test(contexts_are_told),
		cmocka_unit_test(padding_priority_and_continuation_are_no_fields),
		cmocka_unit_test(other_answers_before_the_answer_do_not_count),
		cmocka_unit_test(an_answer_that_never_came_has_no_status),
		cmocka_unit_test(bodies_are_counted_without_padding),
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
