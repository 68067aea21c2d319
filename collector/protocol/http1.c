/* SPDX-License-Identifier: Apache-2.0 */
#include "http1.h"

#include <strings.h>

#define VERSION "HTTP/1."
#define VERSION_LEN 8 /* with the minor digit */

static const struct slice methods[HTTP_METHODS] = {
	[HTTP_GET] = {"GET", 3},         [HTTP_HEAD] = {"HEAD", 4},
	[HTTP_POST] = {"POST", 4},       [HTTP_PUT] = {"PUT", 3},
	[HTTP_DELETE] = {"DELETE", 6},   [HTTP_CONNECT] = {"CONNECT", 7},
	[HTTP_OPTIONS] = {"OPTIONS", 7}, [HTTP_TRACE] = {"TRACE", 5},
	[HTTP_PATCH] = {"PATCH", 5},     [HTTP_QUERY] = {"QUERY", 5},
};

enum http_method http1_method(struct slice text)
{
	for (int m = HTTP_GET; m < HTTP_METHODS; m++)
		if (slice_same(text, methods[m]))
			return m;
	return HTTP_OTHER;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* OWS, and the line ends that obs-fold leaves within a value. */
static bool is_space(char c)
{
	const uint64_t spaces = 1ull << ' ' | 1ull << '\t' | 1ull << '\r' | 1ull << '\n';

	return (unsigned char)c <= ' ' && spaces >> c & 1;
}

#define EACH_BYTE(c) (0x0101010101010101ull * (c))

static inline uint64_t eight_bytes(const char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

/* tchar of RFC 9110 section 5.6.2 */
static bool is_token_char(unsigned char c)
{
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
		return true;
	return is_digit((char)c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_token_char((unsigned char)s.p[i]))
			return false;
	return s.n > 0;
}

/* `text` is lower-case letters, digits and hyphens, whose bit 0x20 is set. */
static inline bool is_name(struct slice s, const char *text, size_t n)
{
	size_t i = 0;

	if (s.n != n)
		return false;
	for (; i + 8 <= n; i += 8)
		if ((eight_bytes(s.p + i) | EACH_BYTE(0x20)) != eight_bytes(text + i))
			return false;
	for (; i < n; i++)
		if ((s.p[i] | 0x20) != text[i])
			return false;
	return true;
}
#define IS_NAME(s, text) is_name(s, text, sizeof(text) - 1)

static struct slice trim(struct slice s)
{
	while (s.n && is_space(s.p[0]))
		s.p++, s.n--;
	while (s.n && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* Of a target only blanks are trimmed: any other white space in it is refused. */
static struct slice trim_blanks(struct slice s)
{
	while (s.n && s.p[0] == ' ')
		s.p++, s.n--;
	while (s.n && s.p[s.n - 1] == ' ')
		s.n--;
	return s;
}

/* Servers ignore blank lines before a request (RFC 9112 section 2.2). */
static const char *skip_blank_lines(const char *p, const char *end)
{
	while (p < end && (*p == '\r' || *p == '\n'))
		p++;
	return p;
}

/* ---- start lines ---- */

static bool starts_as(struct slice s, const char *text, size_t n)
{
	return strncasecmp(s.p, text, s.n < n ? s.n : n) == 0;
}

/* origin-form or absolute-form, as far as it is there */
static bool target_is_usual(struct slice t)
{
	return t.p[0] == '/' || starts_as(t, "http://", 7) || starts_as(t, "https://", 8) ||
	       starts_as(t, "ws://", 5) || starts_as(t, "wss://", 6);
}

/* None of eight bytes is below ' ' or 0x7f. */
static inline bool are_visible(uint64_t word)
{
	uint64_t delete = word ^ EACH_BYTE(0x7f);
	uint64_t low = (word - EACH_BYTE(' ')) & ~word;

	delete = (delete -EACH_BYTE(1)) & ~delete;
	return ((low | delete) & EACH_BYTE(0x80)) == 0;
}

static bool is_visible(struct slice text)
{
	size_t i = 0;

	for (; i + 8 <= text.n; i += 8)
		if (!are_visible(eight_bytes(text.p + i)))
			return false;
	for (; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c < ' ' || c == 0x7f)
			return false;
	}
	return true;
}

/*
 * A server answers 400 to an odd target, so a known method may carry one. "*" belongs to OPTIONS
 * alone: with other methods it is HTTP/2's preface (PRI) or SSDP (NOTIFY, M-SEARCH).
 */
static bool target_is_possible(const struct http1_request *r)
{
	if (!is_visible(r->target))
		return false;
	if (r->target.n == 0)
		return r->target_cut;
	if (r->target.p[0] == '*')
		return r->method == HTTP_OPTIONS && r->target.n == 1;
	return r->method != HTTP_OTHER || target_is_usual(r->target);
}

static void host_of_target(struct http1_request *r)
{
	const char *slashes, *at, *end;
	struct slice rest = r->target;

	if (r->target_cut || r->target.n == 0 || r->target.p[0] == '/' || r->target.p[0] == '*')
		return;
	if (r->method == HTTP_CONNECT) {
		r->host = rest;
		return;
	}
	slashes = memmem(rest.p, rest.n, "://", 3);
	if (!slashes)
		return;
	rest.n -= (size_t)(slashes + 3 - rest.p);
	rest.p = slashes + 3;
	for (end = rest.p; end < rest.p + rest.n && !strchr("/?#", *end);)
		end++;
	rest.n = (size_t)(end - rest.p);
	at = memrchr(rest.p, '@', rest.n);
	if (at) {
		rest.n -= (size_t)(at + 1 - rest.p);
		rest.p = at + 1;
	}
	r->host = rest;
}

/* How much of "HTTP/1.d" stands at p: all (and the digit is returned), a part (-1), not (-2). */
static int version_at(const char *p, size_t n)
{
	size_t fixed = VERSION_LEN - 1;

	if (memcmp(p, VERSION, n < fixed ? n : fixed) != 0)
		return -2;
	if (n <= fixed)
		return -1;
	return is_digit(p[fixed]) ? p[fixed] - '0' : -2;
}

/*
 * The rest of a request line of which the end was seen. Blanks within the target are passed over
 * as lenient servers do; strict ones answer 400, which is an answer too.
 */
static bool target_and_version(struct http1_request *r, const char *p, const char *lf)
{
	while (lf > p && is_space(lf[-1]))
		lf--;
	if (lf - p < VERSION_LEN + 2 || lf[-VERSION_LEN - 1] != ' ')
		return false;
	r->minor = (int8_t)version_at(lf - VERSION_LEN, VERSION_LEN);
	if (r->minor < 0)
		return false;
	r->target = trim_blanks((struct slice){p, (size_t)(lf - p) - VERSION_LEN - 1});
	return target_is_possible(r);
}

/* Likewise of one of which it was not. */
static bool cut_target(struct http1_request *r, const char *p, const char *end)
{
	const char *sp;
	int minor;

	while (p < end && *p == ' ')
		p++;
	r->target = (struct slice){p, (size_t)(end - p)};
	r->target_cut = true;
	for (sp = p; (sp = memchr(sp, ' ', (size_t)(end - sp)));) {
		while (sp < end && *sp == ' ')
			sp++;
		minor = version_at(sp, (size_t)(end - sp));
		if (minor == -2 || sp == end)
			continue;
		r->minor = (int8_t)minor;
		r->target = trim_blanks((struct slice){p, (size_t)(sp - p)});
		r->target_cut = false;
		break;
	}
	r->target = trim_blanks(r->target);
	return target_is_possible(r);
}

/* Sets *next to where the fields begin. */
static enum http1_result request_line(struct http1_request *r, const char *p, const char *end,
				      const char **next)
{
	size_t n = (size_t)(end - p);
	size_t look = n < HTTP1_METHOD_MAX + 1 ? n : HTTP1_METHOD_MAX + 1;
	const char *sp = look ? memchr(p, ' ', look) : NULL;
	struct slice text = {p, sp ? (size_t)(sp - p) : n};
	const char *lf;

	if (!sp && n > HTTP1_METHOD_MAX)
		return HTTP1_NOT;
	r->method = sp ? http1_method(text) : HTTP_OTHER;
	if (r->method == HTTP_OTHER && n && !is_token(text))
		return HTTP1_NOT;
	if (!sp)
		return HTTP1_CUT;
	r->method_text = text;
	lf = memchr(sp, '\n', (size_t)(end - sp));
	if (!lf)
		return cut_target(r, sp + 1, end) ? HTTP1_CUT : HTTP1_NOT;
	*next = lf + 1;
	return target_and_version(r, sp + 1, lf) ? HTTP1_WHOLE : HTTP1_NOT;
}

static enum http1_result status_line(struct http1_response *r, const char *p, const char *end,
				     const char **next)
{
	size_t n = (size_t)(end - p);
	int minor = version_at(p, n);
	const char *lf;

	if (minor == -2)
		return HTTP1_NOT;
	r->minor = (int8_t)minor;
	if (n > VERSION_LEN && p[VERSION_LEN] != ' ')
		return HTTP1_NOT;
	for (size_t i = VERSION_LEN + 1; i < VERSION_LEN + 4 && i < n; i++)
		if (!is_digit(p[i]) || (i == VERSION_LEN + 1 && (p[i] < '1' || p[i] > '5')))
			return HTTP1_NOT;
	if (n < VERSION_LEN + 4)
		return HTTP1_CUT;
	/* Some servers leave out the blank before an empty reason. */
	if (n > VERSION_LEN + 4 && !is_space(p[VERSION_LEN + 4]))
		return HTTP1_NOT;
	p += VERSION_LEN + 1;
	r->status = (uint16_t)((p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0'));
	lf = memchr(p, '\n', (size_t)(end - p));
	if (!lf)
		return HTTP1_CUT;
	*next = lf + 1;
	return HTTP1_WHOLE;
}

/* ---- fields ---- */

/* The next element of a comma-separated list; false at its end. */
static bool list_next(struct slice *list, struct slice *item)
{
	const char *comma;

	if (list->n == 0)
		return false;
	comma = memchr(list->p, ',', list->n);
	*item = trim((struct slice){list->p, comma ? (size_t)(comma - list->p) : list->n});
	list->n -= comma ? (size_t)(comma + 1 - list->p) : list->n;
	list->p = comma ? comma + 1 : list->p;
	return true;
}

/* One decimal number below 2^62, or -1. */
static int64_t decimal(struct slice s)
{
	int64_t v = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (!is_digit(s.p[i]) || v >= (INT64_C(1) << 58))
			return -1;
		v = v * 10 + (s.p[i] - '0');
	}
	return s.n ? v : -1;
}

/* "5", "5, 5" and repetitions of the same are one length (RFC 9112 section 6.3, rule 5). */
static void content_length(struct http1_framing *f, struct slice value)
{
	struct slice item = {value.p, 0};
	int64_t only = decimal(value);
	bool any = false;

	if (only >= 0 && f->length < 0) { /* as nearly always */
		f->length = only;
		return;
	}

	while (list_next(&value, &item)) {
		int64_t v = decimal(item);

		if (v < 0 || (f->length >= 0 && f->length != v))
			f->bad = true;
		f->length = v;
		any = true;
	}
	if (!any)
		f->bad = true;
}

static void transfer_encoding(struct http1_framing *f, struct slice value)
{
	struct slice item, last = {NULL, 0};

	while (list_next(&value, &item))
		last = item.n ? item : last;
	if (!last.n)
		return;
	f->chunked = IS_NAME(last, "chunked");
	f->other_coding = !f->chunked;
}

static void connection(struct http1_framing *f, bool *keep, struct slice value)
{
	struct slice item;

	while (list_next(&value, &item)) {
		f->close |= IS_NAME(item, "close");
		f->upgrade |= IS_NAME(item, "upgrade");
		*keep |= IS_NAME(item, "keep-alive");
	}
}

/* The first of its name wins; a value folded in the middle cannot be given without copying it. */
static void text_field(struct slice *out, struct slice value)
{
	if (!out->p && !memchr(value.p, '\n', value.n))
		*out = value;
}

static void framing_field(struct http1_framing *f, bool *keep, struct slice name,
			  struct slice value)
{
	if (IS_NAME(name, "content-length"))
		content_length(f, value);
	else if (IS_NAME(name, "transfer-encoding"))
		transfer_encoding(f, value);
	else if (IS_NAME(name, "connection"))
		connection(f, keep, value);
}

static void request_field(struct http1_request *r, bool *keep, struct slice name,
			  struct slice value)
{
	if (IS_NAME(name, "host"))
		text_field(&r->host, value);
	else if (IS_NAME(name, "traceparent"))
		text_field(&r->traceparent, value);
	else if (IS_NAME(name, "tracestate"))
		text_field(&r->tracestate, value);
	else if (IS_NAME(name, "x-amz-target"))
		text_field(&r->amz_target, value);
	else if (IS_NAME(name, "expect"))
		r->framing.expect |= IS_NAME(value, "100-continue");
	else
		framing_field(&r->framing, keep, name, value);
}

#define FOUR(a, b, c, d)                                                                           \
	((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

/* The first four letters of a name, in lower case. */
static inline uint32_t four_letters(const char *p)
{
	const unsigned char *c = (const unsigned char *)p;

	return FOUR(c[0], c[1], c[2], c[3]) | FOUR(0x20, 0x20, 0x20, 0x20);
}

/* May this line be one of the fields above? All others are passed over unread. */
static inline bool interesting(const char *p, size_t n, bool request)
{
	if (n < 5)
		return false;
	switch (four_letters(p)) {
	case FOUR('c', 'o', 'n', 't'): /* not Content-Type */
		return n > 8 && (p[8] | 0x20) == 'l';
	case FOUR('c', 'o', 'n', 'n'):
	case FOUR('t', 'r', 'a', 'n'):
		return true;
	case FOUR('h', 'o', 's', 't'):
	case FOUR('t', 'r', 'a', 'c'):
	case FOUR('x', '-', 'a', 'm'):
	case FOUR('e', 'x', 'p', 'e'):
		return request;
	default:
		return false;
	}
}

/* The '\n' that ends the field whose first line ends at lf: over lines that begin with a blank. */
static const char *unfold(const char *lf, const char *end)
{
	while (lf && lf + 1 < end && (lf[1] == ' ' || lf[1] == '\t'))
		lf = memchr(lf + 1, '\n', (size_t)(end - lf - 1));
	return lf;
}

/* Reads fields into `r` (request) or, if that is NULL, `f`. Returns the head's end, or NULL. */
static const char *fields(const char *p, const char *end, struct http1_request *r,
			  struct http1_framing *f, bool *keep)
{
	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		const char *colon;
		struct slice name;

		if (!lf)
			return NULL;
		if (lf == p || (lf == p + 1 && *p == '\r'))
			return lf + 1;
		if (interesting(p, (size_t)(lf - p), r != NULL)) {
			colon = memchr(p, ':', (size_t)(lf - p));
			lf = unfold(lf, end);
			if (!lf)
				return NULL;
			if (colon) {
				struct slice value =
					trim((struct slice){colon + 1, (size_t)(lf - colon - 1)});

				name = trim((struct slice){p, (size_t)(colon - p)});
				if (r)
					request_field(r, keep, name, value);
				else
					framing_field(f, keep, name, value);
			}
		}
		p = lf + 1;
	}
	return NULL;
}

static void settle(struct http1_framing *f, int minor, bool keep)
{
	if (f->bad)
		f->length = -1;
	if (minor == 0 && !keep)
		f->close = true;
}

enum http1_result http1_parse_request(const char *p, size_t n, struct http1_request *r)
{
	const char *start = p ? skip_blank_lines(p, p + n) : p;
	const char *end = p + n, *next = NULL;
	enum http1_result result;
	bool keep = false;

	*r = (struct http1_request){.minor = -1, .framing.length = -1};
	r->lead = (uint32_t)(start - p);
	if (start == end)
		return HTTP1_CUT;
	result = request_line(r, start, end, &next);
	if (result == HTTP1_NOT)
		return result;
	host_of_target(r);
	if (result == HTTP1_CUT)
		return result;
	next = fields(next, end, r, &r->framing, &keep);
	settle(&r->framing, r->minor, keep);
	r->head_len = next ? (uint32_t)(next - p) : 0;
	r->text = next ? (struct slice){next, (size_t)(end - next)} : (struct slice){"", 0};
	return next ? HTTP1_WHOLE : HTTP1_CUT;
}

enum http1_result http1_parse_response(const char *p, size_t n, struct http1_response *r)
{
	const char *start = p ? skip_blank_lines(p, p + n) : p;
	const char *end = p + n, *next = NULL;
	enum http1_result result;
	bool keep = false;

	*r = (struct http1_response){.minor = -1, .framing.length = -1};
	r->lead = (uint32_t)(start - p);
	if (start == end)
		return HTTP1_CUT;
	result = status_line(r, start, end, &next);
	if (result != HTTP1_WHOLE)
		return result;
	next = fields(next, end, NULL, &r->framing, &keep);
	settle(&r->framing, r->minor, keep);
	r->head_len = next ? (uint32_t)(next - p) : 0;
	return next ? HTTP1_WHOLE : HTTP1_CUT;
}
