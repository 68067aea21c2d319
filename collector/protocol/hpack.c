/* SPDX-License-Identifier: Apache-2.0 */
#include "hpack.h"

#define STATIC_N 61 /* entries of the static table, RFC 7541 appendix A */
#define NAME_MAX 16 /* bytes of a name that are decoded: one longer than any of interest */

static const struct slice names[HPACK_FIELDS] = {
	[HPACK_METHOD] = {":method", 7},
	[HPACK_PATH] = {":path", 5},
	[HPACK_AUTHORITY] = {":authority", 10},
	[HPACK_STATUS] = {":status", 7},
	[HPACK_HOST] = {"host", 4},
	[HPACK_CONTENT_TYPE] = {"content-type", 12},
	[HPACK_CONTENT_LENGTH] = {"content-length", 14},
	[HPACK_GRPC_STATUS] = {"grpc-status", 11},
	[HPACK_TRACEPARENT] = {"traceparent", 11},
	[HPACK_TRACESTATE] = {"tracestate", 10},
};

static const struct {
	uint8_t field;
	struct slice value;
} statics[STATIC_N + 1] = {
	[1] = {HPACK_AUTHORITY, {"", 0}},
	[2] = {HPACK_METHOD, {"GET", 3}},
	[3] = {HPACK_METHOD, {"POST", 4}},
	[4] = {HPACK_PATH, {"/", 1}},
	[5] = {HPACK_PATH, {"/index.html", 11}},
	[8] = {HPACK_STATUS, {"200", 3}},
	[9] = {HPACK_STATUS, {"204", 3}},
	[10] = {HPACK_STATUS, {"206", 3}},
	[11] = {HPACK_STATUS, {"304", 3}},
	[12] = {HPACK_STATUS, {"400", 3}},
	[13] = {HPACK_STATUS, {"404", 3}},
	[14] = {HPACK_STATUS, {"500", 3}},
	[28] = {HPACK_CONTENT_LENGTH, {"", 0}},
	[31] = {HPACK_CONTENT_TYPE, {"", 0}},
	[38] = {HPACK_HOST, {"", 0}},
};

void hpack_forget(struct hpack *h)
{
	h->inserted = 0;
	h->written = 0;
	h->skip = 0;
	h->carried = 0;
}

/* ---- the dynamic table ---- */

/* The entry with that index, NULL: unknown. */
static const struct hpack_entry *entry_of(const struct hpack *h, uint32_t index)
{
	uint32_t age = index - STATIC_N - 1;

	if (age >= h->inserted || age >= HPACK_ENTRIES)
		return NULL;
	return &h->entry[(h->inserted - 1 - age) % HPACK_ENTRIES];
}

/* Returns where it is. The oldest texts make room. */
static uint32_t keep_text(struct hpack *h, struct slice text)
{
	uint32_t n = (uint32_t)text.n, at = h->written % HPACK_TEXT;

	if (at + n > HPACK_TEXT) {
		h->written += HPACK_TEXT - at;
		at = 0;
	}
	memcpy(h->text + at, text.p, n);
	h->written += n;
	return h->written - n;
}

static void insert(struct hpack *h, const struct hpack_value *value)
{
	struct hpack_entry *entry;

	if (h->written > UINT32_MAX - 2 * HPACK_TEXT) {
		h->inserted = 0; /* what was before 4 GiB of texts is not counted any more */
		h->written = 0;
	}
	entry = &h->entry[h->inserted++ % HPACK_ENTRIES];
	*entry = (struct hpack_entry){.field = (uint8_t)value->field};
	if (value->field <= HPACK_UNKNOWN || !value->known)
		return;
	entry->known = true;
	entry->cut = value->cut;
	entry->n = (uint16_t)value->text.n;
	entry->at = keep_text(h, value->text);
}

static struct hpack_value value_of(const struct hpack *h, uint32_t index)
{
	const struct hpack_entry *entry;
	struct hpack_value value = {.field = HPACK_UNKNOWN, .text = {"", 0}};

	if (index <= STATIC_N)
		return (struct hpack_value){
			.field = statics[index].field, .known = true, .text = statics[index].value};
	entry = entry_of(h, index);
	if (!entry)
		return value;
	value.field = entry->field;
	if (entry->known && h->written - entry->at <= HPACK_TEXT) {
		value.known = true;
		value.cut = entry->cut;
		value.text = (struct slice){h->text + entry->at % HPACK_TEXT, entry->n};
	}
	return value;
}

/* ---- fields ---- */

enum step {
	STEP_OK,
	STEP_MORE, /* the field goes on in the next fragment */
	STEP_BAD,
};

struct cursor {
	const unsigned char *p, *end;
	const unsigned char *start; /* of the field */
};

/* Section 5.1; `bits` of the byte at hand belong to it. */
static enum step read_integer(struct cursor *c, unsigned int bits, uint32_t *v)
{
	uint32_t max = (1u << bits) - 1;
	uint64_t sum;

	if (c->p == c->end)
		return STEP_MORE;
	sum = *c->p++ & max;
	for (unsigned int shift = 0; sum >= max || shift; shift += 7) {
		if (c->p == c->end)
			return STEP_MORE;
		if (shift > 21) /* 268,435,455 is enough for any index or length */
			return STEP_BAD;
		sum += (uint64_t)(*c->p & 0x7f) << shift;
		if (!(*c->p++ & 0x80))
			break;
	}
	*v = (uint32_t)sum;
	return STEP_OK;
}

struct string {
	bool huffman;
	uint32_t n; /* as coded */
};

static enum step read_length(struct cursor *c, struct string *s)
{
	if (c->p == c->end)
		return STEP_MORE;
	s->huffman = *c->p & 0x80;
	return read_integer(c, 7, &s->n);
}

/* Decodes what fits `room`; false: it cannot be. The text is there or in the coded bytes. */
static bool decode(struct slice coded, bool huffman, char *room, size_t room_n, struct slice *text,
		   bool *cut)
{
	long n = (long)coded.n;

	*text = coded;
	if (huffman) {
		n = hpack_huffman(coded, room, room_n);
		if (n < 0)
			return false;
		text->p = room;
	}
	*cut = (size_t)n > room_n;
	text->n = *cut ? room_n : (size_t)n;
	return true;
}

static enum hpack_field field_named(struct slice name)
{
	for (unsigned int i = HPACK_UNKNOWN + 1; i < HPACK_FIELDS; i++)
		if (slice_same(name, names[i]))
			return (enum hpack_field)i;
	return HPACK_OTHER;
}

static enum step read_name(struct cursor *c, enum hpack_field *field)
{
	char room[NAME_MAX];
	struct string s;
	struct slice text;
	bool cut;
	enum step step = read_length(c, &s);

	if (step != STEP_OK)
		return step;
	if (s.n > (size_t)(c->end - c->p))
		return STEP_MORE;
	if (!decode((struct slice){(const char *)c->p, s.n}, s.huffman, room, sizeof(room), &text,
		    &cut))
		return STEP_BAD;
	c->p += s.n;
	*field = cut ? HPACK_OTHER : field_named(text);
	return STEP_OK;
}

/* A value that is not there as a whole, and is not waited for. */
static void pass_over(struct hpack *h, struct cursor *c, uint32_t n)
{
	h->skip = n - (uint64_t)(c->end - c->p);
	c->p = c->end;
}

static enum step read_value(struct hpack *h, struct cursor *c, struct hpack_value *value,
			    char room[HPACK_VALUE])
{
	struct string s;
	enum step step = read_length(c, &s);
	bool of_interest = value->field > HPACK_UNKNOWN;

	if (step != STEP_OK)
		return step;
	if (s.n > (size_t)(c->end - c->p)) {
		if (of_interest && c->end - c->start <= HPACK_CARRY)
			return STEP_MORE;
		pass_over(h, c, s.n);
		return STEP_OK;
	}
	if (of_interest) {
		if (!decode((struct slice){(const char *)c->p, s.n}, s.huffman, room, HPACK_VALUE,
			    &value->text, &value->cut))
			return STEP_BAD;
		value->known = true;
	}
	c->p += s.n;
	return STEP_OK;
}

/* Section 6.2 */
static enum step read_literal(struct hpack *h, struct cursor *c, unsigned int bits, bool kept,
			      hpack_told *told, void *arg)
{
	char room[HPACK_VALUE];
	struct hpack_value value = {.text = {"", 0}};
	uint32_t index;
	enum step step = read_integer(c, bits, &index);

	if (step == STEP_OK && index)
		value.field = value_of(h, index).field;
	else if (step == STEP_OK)
		step = read_name(c, &value.field);
	if (step == STEP_OK)
		step = read_value(h, c, &value, room);
	if (step != STEP_OK)
		return step;
	told(arg, &value);
	if (kept)
		insert(h, &value);
	return STEP_OK;
}

static enum step read_indexed(const struct hpack *h, struct cursor *c, hpack_told *told, void *arg)
{
	uint32_t index;
	enum step step = read_integer(c, 7, &index);
	struct hpack_value value;

	if (step != STEP_OK)
		return step;
	if (!index)
		return STEP_BAD;
	value = value_of(h, index);
	told(arg, &value);
	return STEP_OK;
}

/* One field, or a change of the table's size. c->p is behind it if that is STEP_OK. */
static enum step read_field(struct hpack *h, struct cursor *c, hpack_told *told, void *arg)
{
	uint32_t size;
	enum step step;

	c->start = c->p;
	if (*c->p & 0x80)
		step = read_indexed(h, c, told, arg);
	else if (*c->p & 0x40)
		step = read_literal(h, c, 6, true, told, arg);
	else if (*c->p & 0x20)
		step = read_integer(c, 5, &size);
	else
		step = read_literal(h, c, 4, false, told, arg);
	if (step == STEP_MORE && c->end - c->start > HPACK_CARRY)
		return STEP_BAD;
	return step;
}

/* ---- fragments ---- */

/* The field that began in the fragment before. Takes its bytes off *b. */
static enum step go_on(struct hpack *h, struct slice *b, hpack_told *told, void *arg)
{
	unsigned char joined[2 * HPACK_CARRY];
	uint32_t carried = h->carried;
	size_t n = b->n < HPACK_CARRY ? b->n : HPACK_CARRY;
	struct cursor c = {joined, joined + carried + n, joined};
	enum step step;

	memcpy(joined, h->carry, carried);
	memcpy(joined + carried, b->p, n);
	step = read_field(h, &c, told, arg);
	if (step == STEP_OK) {
		size_t used = (size_t)(c.p - joined) - carried;

		h->carried = 0;
		b->p += used;
		b->n -= used;
	} else if (step == STEP_MORE) { /* not longer than HPACK_CARRY, so *b was all used */
		memcpy(h->carry, joined, carried + n);
		h->carried = carried + (uint32_t)n;
		b->n = 0;
	}
	return step;
}

/* Passes over the rest of a value. */
static void skip(struct hpack *h, struct slice *b)
{
	size_t n = h->skip < b->n ? (size_t)h->skip : b->n;

	h->skip -= n;
	b->p += n;
	b->n -= n;
}

static enum step read_fields(struct hpack *h, struct slice b, hpack_told *told, void *arg)
{
	struct cursor c = {(const unsigned char *)b.p, (const unsigned char *)b.p + b.n, NULL};
	enum step step = STEP_OK;

	while (c.p < c.end && step == STEP_OK)
		step = read_field(h, &c, told, arg);
	if (step == STEP_MORE) {
		h->carried = (uint32_t)(c.end - c.start);
		memcpy(h->carry, c.start, h->carried);
	}
	return step;
}

bool hpack_read(struct hpack *h, struct slice b, bool ends, hpack_told *told, void *arg)
{
	enum step step = STEP_OK;

	skip(h, &b);
	if (h->carried && b.n)
		step = go_on(h, &b, told, arg);
	if (step == STEP_OK) {
		skip(h, &b);
		step = read_fields(h, b, told, arg);
	}
	if (step != STEP_BAD && !(ends && (h->carried || h->skip)))
		return true;
	hpack_forget(h);
	return false;
}
