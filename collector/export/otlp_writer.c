/* SPDX-License-Identifier: Apache-2.0 */
#include "otlp_writer.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_SIZE (16u << 10)
#define VARINT_MAX 10

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

void otlp_free(struct otlp_writer *w)
{
	free(w->p);
	w->p = NULL;
	w->n = w->size = 0;
}

void otlp_clear(struct otlp_writer *w)
{
	w->n = 0;
	w->depth = 0;
	w->comma = false;
	w->error = 0;
}

/* Room for n more bytes, or the error is set. */
static bool reserve(struct otlp_writer *w, size_t n)
{
	size_t size = w->size ? w->size : FIRST_SIZE;
	char *p;

	if (w->error)
		return false;
	if (n <= w->size - w->n)
		return true;
	if (n > w->max - w->n) {
		w->error = -EFBIG;
		return false;
	}
	while (size - w->n < n)
		size *= 2;
	p = realloc(w->p, size);
	if (!p) {
		w->error = -ENOMEM;
		return false;
	}
	w->p = p;
	w->size = size;
	return true;
}

static void put(struct otlp_writer *w, const void *p, size_t n)
{
	if (n == 0 || !reserve(w, n))
		return;
	memcpy(w->p + w->n, p, n);
	w->n += n;
}

static void put_text(struct otlp_writer *w, const char *text)
{
	put(w, text, strlen(text));
}

/* ---- protobuf ---- */

static size_t varint(uint64_t value, uint8_t out[VARINT_MAX])
{
	size_t n = 0;

	for (; value >= 0x80; value >>= 7)
		out[n++] = (uint8_t)(value | 0x80);
	out[n++] = (uint8_t)value;
	return n;
}

static void put_varint(struct otlp_writer *w, uint64_t value)
{
	uint8_t bytes[VARINT_MAX];

	put(w, bytes, varint(value, bytes));
}

static void put_tag(struct otlp_writer *w, struct otlp_field field, enum wire wire)
{
	put_varint(w, field.number << 3 | wire);
}

/* Little-endian, as protobuf has it. */
static void put_fixed(struct otlp_writer *w, uint64_t value, size_t n)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
	put(w, bytes, n);
}

static uint64_t bits_of(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

/* ---- JSON ---- */

static void json_comma(struct otlp_writer *w)
{
	if (w->comma)
		put(w, ",", 1);
	w->comma = true;
}

static void json_key(struct otlp_writer *w, struct otlp_field field)
{
	json_comma(w);
	put(w, "\"", 1);
	put_text(w, field.json);
	put(w, "\":", 2);
}

static void json_text(struct otlp_writer *w, struct slice text)
{
	char escape[8];
	size_t from = 0;

	put(w, "\"", 1);
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		put(w, text.p + from, i - from);
		snprintf(escape, sizeof(escape), c < 0x20 ? "\\u%04x" : "\\%c", c);
		put_text(w, escape);
		from = i + 1;
	}
	put(w, text.p + from, text.n - from);
	put(w, "\"", 1);
}

static void json_double(struct otlp_writer *w, double value)
{
	char text[32];

	/* protobuf's JSON writes these as strings */
	if (!isfinite(value))
		snprintf(text, sizeof(text), "\"%s\"",
			 isnan(value) ? "NaN"
			 : value > 0  ? "Infinity"
				      : "-Infinity");
	else
		snprintf(text, sizeof(text), "%.17g", value);
	put_text(w, text);
}

static void json_u64(struct otlp_writer *w, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "\"%" PRIu64 "\"", value);
	put_text(w, text);
}

/* ---- messages ---- */

static void push(struct otlp_writer *w)
{
	if (w->depth == OTLP_DEPTH_MAX) {
		w->error = -EFBIG;
		return;
	}
	w->begun[w->depth++] = w->n;
	if (w->json)
		put(w, "{", 1);
	w->comma = false;
}

void otlp_begin(struct otlp_writer *w)
{
	if (w->json)
		put(w, "{", 1);
	w->comma = false;
}

void otlp_end(struct otlp_writer *w)
{
	if (w->json)
		put(w, "}", 1);
}

void otlp_open(struct otlp_writer *w, struct otlp_field field)
{
	if (w->json)
		json_key(w, field);
	else
		put_tag(w, field, WIRE_BYTES);
	push(w);
}

void otlp_open_item(struct otlp_writer *w, struct otlp_field field)
{
	if (w->json)
		json_comma(w);
	else
		put_tag(w, field, WIRE_BYTES);
	push(w);
}

void otlp_close(struct otlp_writer *w)
{
	uint8_t length[VARINT_MAX];
	size_t at, n;

	if (w->error)
		return;
	at = w->begun[--w->depth];
	if (w->json) {
		put(w, "}", 1);
		w->comma = true;
		return;
	}
	n = varint(w->n - at, length);
	if (!reserve(w, n))
		return;
	memmove(w->p + at + n, w->p + at, w->n - at);
	memcpy(w->p + at, length, n);
	w->n += n;
}

void otlp_list(struct otlp_writer *w, struct otlp_field field)
{
	if (!w->json)
		return;
	json_key(w, field);
	put(w, "[", 1);
	w->comma = false;
}

void otlp_list_end(struct otlp_writer *w)
{
	if (!w->json)
		return;
	put(w, "]", 1);
	w->comma = true;
}

void otlp_items(struct otlp_writer *w, struct slice bytes)
{
	if (w->json)
		json_comma(w);
	put(w, bytes.p, bytes.n);
}

/* ---- values ---- */

void otlp_text(struct otlp_writer *w, struct otlp_field field, struct slice text)
{
	if (w->json) {
		json_key(w, field);
		json_text(w, text);
		return;
	}
	put_tag(w, field, WIRE_BYTES);
	put_varint(w, text.n);
	put(w, text.p, text.n);
}

void otlp_id(struct otlp_writer *w, struct otlp_field field, const uint8_t *id, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	if (!w->json) {
		otlp_text(w, field, (struct slice){(const char *)id, n});
		return;
	}
	json_key(w, field);
	put(w, "\"", 1);
	for (size_t i = 0; i < n; i++)
		put(w, (char[]){digits[id[i] >> 4], digits[id[i] & 15]}, 2);
	put(w, "\"", 1);
}

void otlp_small(struct otlp_writer *w, struct otlp_field field, uint32_t value)
{
	char text[16];

	if (w->json) {
		json_key(w, field);
		snprintf(text, sizeof(text), "%" PRIu32, value);
		put_text(w, text);
		return;
	}
	put_tag(w, field, WIRE_VARINT);
	put_varint(w, value);
}

void otlp_bool(struct otlp_writer *w, struct otlp_field field, bool value)
{
	if (!w->json) {
		otlp_small(w, field, value);
		return;
	}
	json_key(w, field);
	put_text(w, value ? "true" : "false");
}

void otlp_int64(struct otlp_writer *w, struct otlp_field field, int64_t value)
{
	char text[32];

	if (w->json) {
		json_key(w, field);
		snprintf(text, sizeof(text), "\"%" PRId64 "\"", value);
		put_text(w, text);
		return;
	}
	put_tag(w, field, WIRE_VARINT);
	put_varint(w, (uint64_t)value);
}

void otlp_sint32(struct otlp_writer *w, struct otlp_field field, int32_t value)
{
	char text[16];

	if (w->json) {
		json_key(w, field);
		snprintf(text, sizeof(text), "%" PRId32, value);
		put_text(w, text);
		return;
	}
	put_tag(w, field, WIRE_VARINT);
	/* zigzag: 0, -1, 1, -2 ... */
	put_varint(w, (uint32_t)value << 1 ^ (value < 0 ? UINT32_MAX : 0));
}

void otlp_fixed32(struct otlp_writer *w, struct otlp_field field, uint32_t value)
{
	if (w->json) {
		otlp_small(w, field, value);
		return;
	}
	put_tag(w, field, WIRE_32);
	put_fixed(w, value, 4);
}

void otlp_fixed64(struct otlp_writer *w, struct otlp_field field, uint64_t value)
{
	if (w->json) {
		json_key(w, field);
		json_u64(w, value);
		return;
	}
	put_tag(w, field, WIRE_64);
	put_fixed(w, value, 8);
}

void otlp_double(struct otlp_writer *w, struct otlp_field field, double value)
{
	if (w->json) {
		json_key(w, field);
		json_double(w, value);
		return;
	}
	put_tag(w, field, WIRE_64);
	put_fixed(w, bits_of(value), 8);
}

static void put_packed(struct otlp_writer *w, struct otlp_field field, size_t n)
{
	put_tag(w, field, WIRE_BYTES);
	put_varint(w, 8 * n);
}

void otlp_packed_fixed64(struct otlp_writer *w, struct otlp_field field, const uint64_t *v,
			 size_t n)
{
	otlp_list(w, field);
	if (!w->json)
		put_packed(w, field, n);
	for (size_t i = 0; i < n; i++) {
		if (!w->json) {
			put_fixed(w, v[i], 8);
			continue;
		}
		json_comma(w);
		json_u64(w, v[i]);
	}
	otlp_list_end(w);
}

void otlp_packed_uint64(struct otlp_writer *w, struct otlp_field field, const uint64_t *v, size_t n)
{
	uint8_t bytes[VARINT_MAX];
	size_t size = 0;

	otlp_list(w, field);
	for (size_t i = 0; i < n; i++)
		size += varint(v[i], bytes);
	if (!w->json) {
		put_tag(w, field, WIRE_BYTES);
		put_varint(w, size);
	}
	for (size_t i = 0; i < n; i++) {
		if (!w->json) {
			put_varint(w, v[i]);
			continue;
		}
		json_comma(w);
		json_u64(w, v[i]);
	}
	otlp_list_end(w);
}

void otlp_packed_double(struct otlp_writer *w, struct otlp_field field, const double *v, size_t n)
{
	otlp_list(w, field);
	if (!w->json)
		put_packed(w, field, n);
	for (size_t i = 0; i < n; i++) {
		if (!w->json) {
			put_fixed(w, bits_of(v[i]), 8);
			continue;
		}
		json_comma(w);
		json_double(w, v[i]);
	}
	otlp_list_end(w);
}
