/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/http1.h"
#include "protocol/http1_memo.h"
#include "protocol/memo.h"

static const char *const names[HTTP_METHODS] = {
	[HTTP_GET] = "GET",         [HTTP_HEAD] = "HEAD",     [HTTP_POST] = "POST",
	[HTTP_PUT] = "PUT",         [HTTP_DELETE] = "DELETE", [HTTP_CONNECT] = "CONNECT",
	[HTTP_OPTIONS] = "OPTIONS", [HTTP_TRACE] = "TRACE",   [HTTP_PATCH] = "PATCH",
	[HTTP_QUERY] = "QUERY",
};
static const char *const results[] = {"whole", "cut", "not"};

struct vector {
	char kind[16];
	char bytes[1024];
	size_t n;
	char want[1024];
};

static size_t unescape(const char *in, char *out)
{
	char *o = out;
	unsigned int byte;

	for (; *in; in++) {
		if (*in != '\\') {
			*o++ = *in;
		} else if (*++in == 'x') {
			assert_int_equal(sscanf(in + 1, "%2x", &byte), 1);
			*o++ = (char)byte;
			in += 2;
		} else {
			*o++ = *in == 'r' ? '\r' : *in == 'n' ? '\n' : *in == 't' ? '\t' : *in;
		}
	}
	return (size_t)(o - out);
}

/* The next vector of the file; false at its end. */
static bool next_vector(FILE *f, struct vector *v, int *line)
{
	char text[4096];

	while (fgets(text, sizeof(text), f)) {
		char *space = strchr(text, ' ');

		++*line;
		text[strcspn(text, "\n")] = 0;
		if (text[0] == '#' || !space)
			continue;
		if (text[0] == '=') {
			v->want[unescape(space + 1, v->want)] = 0;
			return true;
		}
		*space = 0;
		snprintf(v->kind, sizeof(v->kind), "%.15s", text);
		v->n = unescape(space + 1, v->bytes);
	}
	return false;
}

static void say(char *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(char *out, const char *format, ...)
{
	size_t used = strlen(out);
	va_list args;

	va_start(args, format);
	vsnprintf(out + used, 1024 - used, format, args);
	va_end(args);
}

static void say_slice(char *out, const char *name, struct slice s)
{
	if (s.n)
		say(out, " %s=%.*s", name, (int)s.n, s.p);
}

static void say_framing(char *out, const struct http1_framing *f, uint32_t head)
{
	if (f->length >= 0)
		say(out, " length=%lld", (long long)f->length);
	say(out, "%s%s%s%s%s%s", f->chunked ? " chunked" : "", f->other_coding ? " coding" : "",
	    f->bad ? " bad" : "", f->close ? " close" : "", f->upgrade ? " upgrade" : "",
	    f->expect ? " expect" : "");
	if (head)
		say(out, " head=%u", head);
}

/* Where it is set, heads are remembered, and what is told is what the second look at one gave. */
static struct http1_memo *memo;

static enum http1_result read_request(const char *p, size_t n, struct http1_request *r)
{
	static const struct http1_memo_owner owner = {1, 2, 3, KH_ROLE_SERVER};
	enum http1_result result = http1_parse_request(p, n, r);
	const struct http1_request *again;
	uint64_t first, second;
	char *copy;

	if (!memo || n == 0)
		return result;
	copy = malloc(n);
	memcpy(copy, p, n);
	again = http1_memo_request(memo, copy, n, &owner, r, &first);
	memset(copy, 'x', n); /* what it remembers is its own */
	free(copy);
	assert_int_equal(again != NULL, result == HTTP1_WHOLE);
	again = http1_memo_request(memo, p, n, &owner, r, &second);
	assert_int_equal(again != NULL, result == HTTP1_WHOLE);
	if (again) {
		assert_int_equal(first, second);
		assert_int_equal(first != 0,
				 again->traceparent.n == 0 && again->head_len <= HTTP1_MEMO_BYTES);
		assert_ptr_equal(again->text.p, p + again->head_len);
		assert_int_equal(again->text.n, n - again->head_len);
		*r = *again;
	}
	return result;
}

static enum http1_result read_response(const char *p, size_t n, struct http1_response *r)
{
	enum http1_result result = http1_parse_response(p, n, r);

	for (int i = 0; memo && n && i < 2; i++) {
		struct http1_response room;
		const struct http1_response *again = http1_memo_response(memo, p, n, i ? 0 : 7, &room);

		assert_int_equal(again != NULL, result == HTTP1_WHOLE);
		if (again)
			*r = *again;
	}
	return result;
}

static enum http1_result tell_request(const char *p, size_t n, char *out)
{
	struct http1_request r;
	enum http1_result result = read_request(p, n, &r);

	say(out, "%s", results[result]);
	if (result == HTTP1_NOT)
		return result;
	if (r.method != HTTP_OTHER)
		say(out, " %s", names[r.method]);
	else if (r.method_text.n)
		say(out, " other:%.*s", (int)r.method_text.n, r.method_text.p);
	if (r.target.n)
		say(out, " %.*s%s", (int)r.target.n, r.target.p, r.target_cut ? "+" : "");
	if (r.minor >= 0)
		say(out, " %d", r.minor);
	say_slice(out, "host", r.host);
	say_slice(out, "traceparent", r.traceparent);
	say_slice(out, "tracestate", r.tracestate);
	say_framing(out, &r.framing, r.head_len);
	return result;
}

static enum http1_result tell_response(const char *p, size_t n, char *out)
{
	struct http1_response r;
	enum http1_result result = read_response(p, n, &r);

	say(out, "%s", results[result]);
	if (result == HTTP1_NOT)
		return result;
	if (r.status)
		say(out, " %d", r.status);
	if (r.minor >= 0)
		say(out, " %d", r.minor);
	say_framing(out, &r.framing, r.head_len);
	return result;
}

/* The bytes end at the end of their own allocation, so that a sanitizer sees a read beyond it. */
static enum http1_result tell(const struct vector *v, size_t n, char *out)
{
	char *exact = malloc(n ? n : 1);
	enum http1_result result;

	memcpy(exact, v->bytes, n);
	out[0] = 0;
	result = strcmp(v->kind, "request") == 0 ? tell_request(exact, n, out)
						 : tell_response(exact, n, out);
	free(exact);
	return result;
}

static FILE *open_vectors(void)
{
	FILE *f = fopen(VECTORS, "r");

	assert_non_null(f);
	return f;
}

static void every_head_says_what_its_vector_says(void **state)
{
	struct vector v;
	char got[1024];
	FILE *f = open_vectors();
	int line = 0, count = 0, wrong = 0;

	while (next_vector(f, &v, &line)) {
		count++;
		tell(&v, v.n, got);
		if (strcmp(got, v.want) == 0)
			continue;
		wrong++;
		print_error("%s:%d: want %s\n  got %s\n", VECTORS, line, v.want, got);
	}
	fclose(f);
	assert_int_equal(wrong, 0);
	assert_true(count >= 80);
}

static void every_head_says_so_again_when_it_is_remembered(void **state)
{
	memo = http1_memo_new();
	assert_non_null(memo);
	every_head_says_what_its_vector_says(state);
	http1_memo_free(memo);
	memo = NULL;
}

static uint64_t alike(const char *head, const struct http1_memo_owner *owner)
{
	struct http1_request room;
	uint64_t number;

	assert_non_null(http1_memo_request(memo, head, strlen(head), owner, &room, &number));
	return number;
}

static void only_the_same_head_of_the_same_process_is_alike(void **state)
{
	static const char head[] = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
	static const struct http1_memo_owner owners[] = {{1, 2, 3, KH_ROLE_SERVER},
							 {1, 2, 3, KH_ROLE_CLIENT},
							 {1, 2, 4, KH_ROLE_SERVER},
							 {1, 3, 3, KH_ROLE_SERVER},
							 {2, 2, 3, KH_ROLE_SERVER}};
	uint64_t numbers[5];

	memo = http1_memo_new();
	for (int i = 0; i < 5; i++) {
		numbers[i] = alike(head, &owners[i]);
		assert_int_not_equal(numbers[i], 0);
		for (int j = 0; j < i; j++)
			assert_int_not_equal(numbers[i], numbers[j]);
	}
	assert_int_equal(alike(head, &owners[4]), numbers[4]);
	/* a body behind it is no part of it */
	assert_int_not_equal(alike("GET /b HTTP/1.1\r\nHost: a\r\n\r\n", &owners[4]), numbers[4]);
	assert_int_equal(alike("GET /a HTTP/1.1\r\ntraceparent: 1\r\n\r\n", &owners[4]), 0);
	http1_memo_free(memo);
	memo = NULL;
}

/* Heads that are new each time are not looked for long; then it is tried again. */
static void a_memo_that_finds_nothing_rests(void **state)
{
	static const struct http1_memo_owner owner = {1, 2, 3, KH_ROLE_SERVER};
	char head[64];
	unsigned int kept = 0, i;

	memo = http1_memo_new();
	for (i = 0; i < 2 * (MEMO_TRIAL + MEMO_REST); i++) {
		snprintf(head, sizeof(head), "GET /%u HTTP/1.1\r\n\r\n", i);
		kept += alike(head, &owner) != 0;
	}
	assert_int_equal(kept, 2 * MEMO_TRIAL);
	for (i = 0; i < MEMO_TRIAL + MEMO_REST; i++)
		alike("GET / HTTP/1.1\r\n\r\n", &owner);
	for (kept = i = 0; i < 3 * MEMO_TRIAL; i++)
		kept += alike("GET / HTTP/1.1\r\n\r\n", &owner) != 0;
	assert_int_equal(kept, 3 * MEMO_TRIAL);
	http1_memo_free(memo);
	memo = NULL;
}

static void a_prefix_of_a_head_that_is_taken_is_never_refused(void **state)
{
	struct vector v;
	char got[1024];
	FILE *f = open_vectors();
	int line = 0;

	while (next_vector(f, &v, &line)) {
		if (tell(&v, v.n, got) == HTTP1_NOT)
			continue;
		for (size_t n = 0; n < v.n; n++)
			if (tell(&v, n, got) == HTTP1_NOT)
				fail_msg("%s:%d: refused at %zu bytes", VECTORS, line, n);
	}
	fclose(f);
}

static void more_bytes_after_a_whole_head_change_nothing(void **state)
{
	struct vector v;
	char before[1024], after[1024];
	FILE *f = open_vectors();
	int line = 0;

	while (next_vector(f, &v, &line)) {
		if (tell(&v, v.n, before) != HTTP1_WHOLE)
			continue;
		memset(v.bytes + v.n, 'x', 100);
		v.n += 100;
		assert_int_equal(tell(&v, v.n, after), HTTP1_WHOLE);
		assert_string_equal(before, after);
	}
	fclose(f);
}

static void a_status_is_known_after_twelve_bytes(void **state)
{
	struct http1_response r;

	assert_int_equal(http1_parse_response("HTTP/1.1 503", 12, &r), HTTP1_CUT);
	assert_int_equal(r.status, 503);
}

static void no_input_at_all_is_cut(void **state)
{
	struct http1_request r;
	struct http1_response a;

	assert_int_equal(http1_parse_request(NULL, 0, &r), HTTP1_CUT);
	assert_int_equal(http1_parse_response(NULL, 0, &a), HTTP1_CUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_head_says_what_its_vector_says),
		cmocka_unit_test(every_head_says_so_again_when_it_is_remembered),
		cmocka_unit_test(only_the_same_head_of_the_same_process_is_alike),
		cmocka_unit_test(a_memo_that_finds_nothing_rests),
		cmocka_unit_test(a_prefix_of_a_head_that_is_taken_is_never_refused),
		cmocka_unit_test(more_bytes_after_a_whole_head_change_nothing),
		cmocka_unit_test(a_status_is_known_after_twelve_bytes),
		cmocka_unit_test(no_input_at_all_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
