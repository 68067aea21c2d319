/* SPDX-License-Identifier: Apache-2.0 */
#include "context.h"

#define KEY_MAX 256
#define VALUE_MAX 256
#define TENANT_MAX 241 /* of a key tenant@system */
#define SYSTEM_MAX 14

/* ---- traceparent ---- */

/* version "-" trace-id "-" parent-id "-" trace-flags */
#define VERSION_AT 0
#define TRACE_AT 3
#define PARENT_AT 36
#define FLAGS_AT 53
#define VERSION_00_LEN 55

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hex(const char *p, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int high = digit(p[2 * i]), low = digit(p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool any(const uint8_t *p, size_t n)
{
	uint8_t all = 0;

	for (size_t i = 0; i < n; i++)
		all |= p[i];
	return all;
}

bool context_parse(struct slice s, uint8_t trace_id[SPAN_TRACE_ID_LEN],
		   uint8_t parent_id[SPAN_ID_LEN], uint8_t *flags)
{
	uint8_t version, trace[SPAN_TRACE_ID_LEN], parent[SPAN_ID_LEN], f;

	if (s.n < VERSION_00_LEN || s.p[TRACE_AT - 1] != '-' || s.p[PARENT_AT - 1] != '-' ||
	    s.p[FLAGS_AT - 1] != '-')
		return false;
	if (!hex(s.p + VERSION_AT, &version, 1) || !hex(s.p + TRACE_AT, trace, sizeof(trace)) ||
	    !hex(s.p + PARENT_AT, parent, sizeof(parent)) || !hex(s.p + FLAGS_AT, &f, 1))
		return false;
	if (version == 0xff || !any(trace, sizeof(trace)) || !any(parent, sizeof(parent)))
		return false;
	if (s.n > VERSION_00_LEN && (version == 0 || s.p[VERSION_00_LEN] != '-'))
		return false;
	memcpy(trace_id, trace, sizeof(trace));
	memcpy(parent_id, parent, sizeof(parent));
	/* of later versions only this bit is known */
	*flags = version ? f & 1 : f;
	return true;
}

/* ---- tracestate ---- */

static bool is_key_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
	       c == '*' || c == '/';
}

static bool is_simple_key(const char *p, size_t n, size_t max, bool digit_first)
{
	if (!n || n > max ||
	    !((p[0] >= 'a' && p[0] <= 'z') || (digit_first && p[0] >= '0' && p[0] <= '9')))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!is_key_char(p[i]))
			return false;
	}
	return true;
}

static bool is_key(const char *p, size_t n)
{
	const char *at = memchr(p, '@', n);
	size_t tenant = at ? (size_t)(at - p) : 0;

	if (!at)
		return is_simple_key(p, n, KEY_MAX, false);
	return is_simple_key(p, tenant, TENANT_MAX, true) &&
	       is_simple_key(at + 1, n - tenant - 1, SYSTEM_MAX, false);
}

static bool is_value(const char *p, size_t n)
{
	if (!n || n > VALUE_MAX || p[n - 1] == ' ')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (p[i] < 0x20 || p[i] > 0x7e || p[i] == ',' || p[i] == '=')
			return false;
	}
	return true;
}

static bool is_member(const char *p, size_t n)
{
	const char *equals = memchr(p, '=', n);

	return equals && is_key(p, (size_t)(equals - p)) &&
	       is_value(equals + 1, n - (size_t)(equals + 1 - p));
}

bool context_state(struct slice s)
{
	unsigned int members = 0;

	for (size_t at = 0; at < s.n;) {
		const char *comma = memchr(s.p + at, ',', s.n - at);
		size_t end = comma ? (size_t)(comma - s.p) : s.n, next = end + 1;

		while (at < end && (s.p[at] == ' ' || s.p[at] == '\t'))
			at++;
		while (end > at && (s.p[end - 1] == ' ' || s.p[end - 1] == '\t'))
			end--;
		/* empty members are allowed */
		if (end > at &&
		    (++members > CONTEXT_STATE_MEMBERS_MAX || !is_member(s.p + at, end - at)))
			return false;
		at = next;
	}
	return members > 0;
}
