/* SPDX-License-Identifier: Apache-2.0 */
/* HPACK for an observer: RFC 7541's own examples (appendix C), joins, gaps and nonsense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/hpack.h"

static const char *const names[HPACK_FIELDS] = {
	"-",           "?",          ":method",      ":path",          ":authority",
	":status",     "host",       "content-type", "content-length", "grpc-status",
	"traceparent", "tracestate",
};

struct told {
	char text[4096];
};

static void on_told(void *arg, const struct hpack_value *value)
{
	struct told *told = arg;
	size_t used = strlen(told->text);

	if (value->field == HPACK_OTHER)
		return;
	snprintf(told->text + used, sizeof(told->text) - used, "%s%s=%s%.*s%s", used ? " " : "",
		 names[value->field], value->known ? "" : "?", (int)value->text.n, value->text.p,
		 value->cut ? "..." : "");
}

/* Two hex digits each; blanks between do not count. Returns the bytes, in memory of their own. */
static struct slice bytes_of(const char *hex)
{
	char *bytes = malloc(strlen(hex) / 2 + 1);
	size_t n = 0;
	unsigned int byte;

	while (*hex) {
		if (*hex == ' ') {
			hex++;
			continue;
		}
		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		bytes[n++] = (char)byte;
		hex += 2;
	}
	return (struct slice){bytes, n};
}

/* A block, cut into two fragments at `cut` (0: not). */
static bool read_cut(struct hpack *hpack, struct slice b, size_t cut, struct told *told)
{
	told->text[0] = '\0';
	if (cut && !hpack_read(hpack, (struct slice){b.p, cut}, false, on_told, told))
		return false;
	return hpack_read(hpack, (struct slice){b.p + cut, b.n - cut}, true, on_told, told);
}

static void blocks(const char *const *hex, const char *const *want, size_t n)
{
	for (size_t cut = 0; cut < 40; cut++) {
		struct hpack *hpack = calloc(1, sizeof(*hpack));

		for (size_t i = 0; i < n; i++) {
			struct slice b = bytes_of(hex[i]);
			struct told told;

			assert_true(read_cut(hpack, b, cut < b.n ? cut : 0, &told));
			assert_string_equal(told.text, want[i]);
			free((char *)b.p);
		}
		free(hpack);
	}
}

static void the_rfcs_requests_are_read(void **state)
{
	static const char *const plain[] = {
		"8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
		"8286 84be 5808 6e6f 2d63 6163 6865",
		"8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
	};
	static const char *const huffman[] = {
		"8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
		"8286 84be 5886 a8eb 1064 9cbf",
		"8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
	};
	static const char *const want[] = {
		":method=GET :path=/ :authority=www.example.com",
		":method=GET :path=/ :authority=www.example.com",
		":method=GET :path=/index.html :authority=www.example.com",
	};

	blocks(plain, want, 3);
	blocks(huffman, want, 3);
}

/* Appendix C.6: a table of 256 bytes, from which entries are evicted. */
static void the_rfcs_responses_are_read(void **state)
{
	static const char *const huffman[] = {
		"4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 "
		"2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
		"4883 640e ff c1c0 bf",
		"88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab "
		"77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f "
		"9587 3160 65c0 03ed 4ee5 b106 3d50 07",
	};
	static const char *const want[] = {":status=302", ":status=307", ":status=200"};

	blocks(huffman, want, 3);
}

/* One block into a table that has seen `before`, or nothing. */
static void one(const char *before, const char *hex, const char *want)
{
	struct hpack *hpack = calloc(1, sizeof(*hpack));
	struct slice b = bytes_of(hex);
	struct told told;

	if (before) {
		struct slice first = bytes_of(before);

		assert_true(read_cut(hpack, first, 0, &told));
		free((char *)first.p);
	}
	if (want) {
		assert_true(read_cut(hpack, b, 0, &told));
		assert_string_equal(told.text, want);
	} else {
		assert_false(read_cut(hpack, b, 0, &told));
		assert_int_equal(hpack->inserted, 0);
	}
	free((char *)b.p);
	free(hpack);
}

static void what_was_inserted_before_is_unknown(void **state)
{
	one(NULL, "82 be", ":method=GET ?=?");
	/* a name that was: the new entry has it, too; the entry after it is known */
	one(NULL, "7e 01 78 44 02 2f61 be bf c0", "?=? :path=/a :path=/a ?=? ?=?");
	/* the newest entries keep their index */
	one("44 02 2f61", "44 02 2f62 bf be c0", ":path=/b :path=/a :path=/b ?=?");
	/* a size of the table says nothing about them: what it evicts is not named */
	one("44 02 2f61", "3f e1 1f be", ":path=/a");
}

static void nonsense_is_refused_and_forgets(void **state)
{
	one("44 02 2f61", "80", NULL);                   /* index 0 */
	one("44 02 2f61", "ff ff ff ff ff ff 01", NULL); /* an index beyond all measure */
	one("44 02 2f61", "44 05 2f61", NULL);           /* a value that is not there */
	one("44 02 2f61", "44", NULL);
	one("44 02 2f61", "44 84 ff ff ff ff", NULL); /* EOS */
	one("44 02 2f61", "44 81 1f", ":path=a");     /* 'a' and its padding */
	one("44 02 2f61", "44 81 18", NULL);          /* padding of zeros */
	one("44 02 2f61", "44 82 1f ff", NULL);       /* a byte of padding */
}

static void forgetting_ends_a_block(void **state)
{
	struct hpack *hpack = calloc(1, sizeof(*hpack));
	struct told told = {""};
	struct slice begun = bytes_of("44 02 2f"), next = bytes_of("82 be");

	assert_true(hpack_read(hpack, begun, false, on_told, &told));
	hpack_forget(hpack);
	assert_true(hpack_read(hpack, next, true, on_told, &told));
	assert_string_equal(told.text, ":method=GET ?=?");
	free((char *)begun.p);
	free((char *)next.p);
	free(hpack);
}

/* A literal, inserted, of `name` and a value of n times 'x'. Returns its size. */
static size_t literal(char *b, const char *name, size_t n)
{
	size_t at = 0, l = strlen(name);

	b[at++] = 0x40;
	b[at++] = (char)l;
	memcpy(b + at, name, l);
	at += l;
	b[at++] = 0x7f;
	for (n -= 127; n >= 128; n >>= 7)
		b[at++] = (char)(0x80 | (n & 0x7f));
	b[at++] = (char)n;
	return at;
}

/* Values longer than what is kept are cut, those that nobody wants are passed over, in pieces. */
static void long_values_are_cut_or_passed_over(void **state)
{
	static const struct {
		const char *name;
		size_t n, piece;
		const char *want; /* how the text begins and ends */
	} rows[] = {
		{":path", 3000, 5000, ":path=xxx...xxx... :method=GET :path=xxx"},
		{":path", 600, 5000, ":path=xxx"},
		{":path", 3000, 100, ":path=? :method=GET :path=?"}, /* does not fit HPACK_CARRY */
		{":path", 300, 100, ":path=xxx"},
		{"cookie", 3000, 100, ":method=GET"},
		{"cookie", 3000, 5000, ":method=GET"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct hpack *hpack = calloc(1, sizeof(*hpack));
		struct told told = {""};
		char *b = malloc(4096);
		size_t n = literal(b, rows[i].name, rows[i].n);

		memset(b + n, 'x', rows[i].n);
		n += rows[i].n;
		b[n++] = (char)0x82;
		b[n++] = (char)0xbe;
		for (size_t at = 0; at < n; at += rows[i].piece) {
			size_t take = n - at < rows[i].piece ? n - at : rows[i].piece;

			assert_true(hpack_read(hpack, (struct slice){b + at, take}, at + take == n,
					       on_told, &told));
		}
		if (strstr(rows[i].want, "=xxx")) {
			assert_memory_equal(told.text, rows[i].want, 9);
			assert_int_equal(strstr(told.text, "...") != NULL, rows[i].n > HPACK_VALUE);
			assert_int_equal(strspn(told.text + 6, "x"),
					 rows[i].n > HPACK_VALUE ? HPACK_VALUE : rows[i].n);
			assert_non_null(strstr(told.text, " :method=GET :path=xxx"));
		} else {
			assert_string_equal(told.text, rows[i].want);
		}
		free(b);
		free(hpack);
	}
}

/* Beyond HPACK_ENTRIES insertions, and beyond HPACK_TEXT bytes of texts, the oldest are unknown. */
static void old_entries_make_room(void **state)
{
	struct hpack *hpack = calloc(1, sizeof(*hpack));
	struct told told;
	char b[400];

	for (unsigned int i = 0; i < 1000; i++) {
		size_t n = literal(b, ":path", 200);

		memset(b + n, 'a' + (int)(i % 26), 200);
		told.text[0] = '\0';
		assert_true(hpack_read(hpack, (struct slice){b, n + 200}, true, on_told, &told));
		for (unsigned int age = 0; age < 65; age++) {
			const char index[] = {(char)(0x80 | (62 + age))};
			char want = (char)('a' + (i - age) % 26);

			told.text[0] = '\0';
			assert_true(
				hpack_read(hpack, (struct slice){index, 1}, true, on_told, &told));
			if (age > i)
				assert_string_equal(told.text, "?=?");
			else if (age * 200 > HPACK_TEXT)
				assert_string_equal(told.text, ":path=?");
			else if ((age + 2) * 200 < 4096)
				assert_int_equal(told.text[6], want);
		}
	}
	free(hpack);
}

static void huffman_says_how_long_the_text_is(void **state)
{
	struct slice b = bytes_of("f1e3 c2e5 f23a 6ba0 ab90 f4ff");
	char room[4];

	assert_int_equal(hpack_huffman(b, room, sizeof(room)), 15);
	assert_memory_equal(room, "www.", 4);
	assert_int_equal(hpack_huffman((struct slice){"", 0}, room, 0), 0);
	free((char *)b.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rfcs_requests_are_read),
		cmocka_unit_test(the_rfcs_responses_are_read),
		cmocka_unit_test(what_was_inserted_before_is_unknown),
		cmocka_unit_test(nonsense_is_refused_and_forgets),
		cmocka_unit_test(forgetting_ends_a_block),
		cmocka_unit_test(long_values_are_cut_or_passed_over),
		cmocka_unit_test(old_entries_make_room),
		cmocka_unit_test(huffman_says_how_long_the_text_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
