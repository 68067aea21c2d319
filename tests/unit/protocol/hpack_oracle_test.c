/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HPACK against libnghttp2: random fields, encoded by its deflater under changing table sizes, cut
 * anywhere, with blocks missed and joins. Whatever ours says is what libnghttp2 was given; and
 * nothing is unknown where nothing was missed and the table is of the default size.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <nghttp2/nghttp2.h>

#include "protocol/hpack.h"

#define FIELDS_MAX 24
#define ROUNDS 400
#define BLOCKS 60

static unsigned int seed;

static unsigned int draw(unsigned int n)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % n;
}

/* Those of interest first, in the order of enum hpack_field. */
static const char *const names[] = {
	":method",        ":path",
	":authority",     ":status",
	"host",           "content-type",
	"content-length", "grpc-status",
	"traceparent",    "tracestate",
	"authorization",  "cookie",
	"user-agent",     "x-request-id",
	"grpc-message",   "te",
	"date",           "grpc-statu",
	"grpc-status-",   "a-name-that-is-longer-than-any-of-interest",
};
#define NAMES (sizeof(names) / sizeof(*names))
#define OF_INTEREST 10

static const char *const values[] = {
	"GET",
	"POST",
	"/",
	"/index.html",
	"200",
	"404",
	"503",
	"0",
	"14",
	"application/grpc",
	"/pkg.Service/Method",
	"shop.example.com:8080",
	"trailers",
	"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	"",
};
#define VALUES (sizeof(values) / sizeof(*values))

struct field {
	nghttp2_nv nv;
	uint8_t value[1500];
};

static void draw_field(struct field *f)
{
	unsigned int name = draw(2) ? draw(OF_INTEREST) : draw(NAMES);

	f->nv = (nghttp2_nv){.name = (uint8_t *)names[name],
			     .namelen = strlen(names[name]),
			     .value = f->value,
			     .flags = draw(8) ? 0 : NGHTTP2_NV_FLAG_NO_INDEX};
	if (draw(3)) {
		const char *value = values[draw(VALUES)];

		f->nv.valuelen = strlen(value);
		memcpy(f->value, value, f->nv.valuelen);
		return;
	}
	f->nv.valuelen = draw(20) ? draw(60) : draw(sizeof(f->value));
	for (size_t i = 0; i < f->nv.valuelen; i++)
		f->value[i] = (uint8_t)(draw(3) ? 'a' + draw(16) : draw(256));
}

/* What ours tells, field by field, is held against what was encoded. */
struct check {
	const struct field *fields;
	size_t n, at, unknown, known;
};

static void on_told(void *arg, const struct hpack_value *v)
{
	struct check *c = arg;
	const nghttp2_nv *nv;
	size_t n;

	assert_true(c->at < c->n);
	nv = &c->fields[c->at++].nv;
	if (v->field == HPACK_UNKNOWN) {
		c->unknown++;
		return;
	}
	if (v->field == HPACK_OTHER) {
		for (size_t i = 0; i < OF_INTEREST; i++)
			assert_false(nv->namelen == strlen(names[i]) &&
				     memcmp(nv->name, names[i], nv->namelen) == 0);
		return;
	}
	assert_string_equal(nv->name, names[v->field - HPACK_METHOD]);
	if (!v->known) {
		c->unknown++;
		return;
	}
	n = nv->valuelen > HPACK_VALUE ? HPACK_VALUE : nv->valuelen;
	assert_int_equal(v->cut, nv->valuelen > HPACK_VALUE);
	assert_int_equal(v->text.n, n);
	assert_memory_equal(v->text.p, nv->value, n);
	c->known++;
}

struct path {
	nghttp2_hd_deflater *deflater;
	struct hpack *hpack;
	struct field fields[FIELDS_MAX];
	uint8_t block[65536];
	size_t n; /* fields */
	struct slice b;
};

static void encode(struct path *p)
{
	nghttp2_nv nvs[FIELDS_MAX];
	ssize_t n;

	p->n = 1 + draw(FIELDS_MAX);
	for (size_t i = 0; i < p->n; i++) {
		draw_field(&p->fields[i]);
		nvs[i] = p->fields[i].nv;
	}
	n = nghttp2_hd_deflate_hd(p->deflater, p->block, sizeof(p->block), nvs, p->n);
	assert_true(n >= 0);
	p->b = (struct slice){(char *)p->block, (size_t)n};
}

/* In fragments: `cut` of all bytes are borders. Each in memory of its own, for sanitizers. */
static void decode(struct path *p, struct check *check, bool cut)
{
	size_t at = 0;

	do {
		size_t n = p->b.n - at;
		char *own;

		if (cut && draw(4))
			n = draw((unsigned int)n + 1);
		own = malloc(n + 1);
		memcpy(own, p->b.p + at, n);
		at += n;
		assert_true(
			hpack_read(p->hpack, (struct slice){own, n}, at == p->b.n, on_told, check));
		free(own);
	} while (at < p->b.n);
	assert_int_equal(check->at, check->n);
}

static struct path *path_new(size_t size)
{
	struct path *p = malloc(sizeof(*p));

	p->hpack = calloc(1, sizeof(*p->hpack));
	assert_int_equal(nghttp2_hd_deflate_new(&p->deflater, size), 0);
	return p;
}

static void path_free(struct path *p)
{
	nghttp2_hd_deflate_del(p->deflater);
	free(p->hpack);
	free(p);
}

/* Every block is seen, in one piece: a table of the default size is known, to its last entry. */
static void all_is_known_of_a_table_of_the_default_size(void **state)
{
	size_t known = 0;

	for (unsigned int round = 1; round <= ROUNDS; round++) {
		struct path *p = path_new(4096);

		seed = round;
		for (unsigned int i = 0; i < BLOCKS; i++) {
			struct check check = {.fields = p->fields};

			if (!draw(10))
				nghttp2_hd_deflate_change_table_size(p->deflater, draw(4097));
			encode(p);
			check.n = p->n;
			decode(p, &check, false);
			assert_int_equal(check.unknown, 0);
			known += check.known;
		}
		path_free(p);
	}
	assert_true(known > 100000);
}

static void nothing_told_is_wrong(void **state)
{
	size_t known = 0, unknown = 0;

	for (unsigned int round = 1; round <= ROUNDS; round++) {
		struct path *p = path_new(round % 2 ? 4096 : 65536);
		unsigned int join = round % 10;

		seed = round * 77;
		for (unsigned int i = 0; i < BLOCKS; i++) {
			struct check check = {.fields = p->fields};

			if (!draw(10))
				nghttp2_hd_deflate_change_table_size(p->deflater, draw(65537));
			encode(p);
			check.n = p->n;
			if (i < join)
				continue;
			if (!draw(15)) { /* missed: all of it, or from somewhere */
				size_t seen = draw((unsigned int)p->b.n + 1);

				hpack_read(p->hpack, (struct slice){p->b.p, seen}, false, on_told,
					   &check);
				hpack_forget(p->hpack);
				continue;
			}
			decode(p, &check, round % 3);
			known += check.known;
			unknown += check.unknown;
		}
		path_free(p);
	}
	assert_true(known > 100000 && unknown > 1000);
	print_message("%zu values known, %zu unknown\n", known, unknown);
}

/* Each byte value, alone and among others: the whole table of codes. */
static void every_symbol_has_its_code(void **state)
{
	for (unsigned int symbol = 0; symbol < 256; symbol++) {
		for (unsigned int before = 0; before < 16; before++) {
			struct path *p = path_new(4096);
			struct check check = {.fields = p->fields, .n = 1};
			struct field *f = &p->fields[0];
			ssize_t n;

			f->nv = (nghttp2_nv){.name = (uint8_t *)":path",
					     .namelen = 5,
					     .value = f->value,
					     .valuelen = before + 101};
			memset(f->value, 'a', before + 101);
			f->value[before] = (uint8_t)symbol;
			n = nghttp2_hd_deflate_hd(p->deflater, p->block, sizeof(p->block), &f->nv,
						  1);
			assert_true(n > 0 && n < 101); /* it was coded */
			p->b = (struct slice){(char *)p->block, (size_t)n};
			decode(p, &check, false);
			assert_int_equal(check.known, 1);
			path_free(p);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_known_of_a_table_of_the_default_size),
		cmocka_unit_test(nothing_told_is_wrong),
		cmocka_unit_test(every_symbol_has_its_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
