/* SPDX-License-Identifier: Apache-2.0 */
#include "url.h"

#include "../service/route_path.h"

#include <errno.h>

#define REDACTED "REDACTED"

struct writer {
	char *p;
	size_t n, size;
};

static void put(struct writer *w, struct slice text)
{
	size_t n = text.n < w->size - w->n ? text.n : w->size - w->n;

	if (n > 0)
		memcpy(w->p + w->n, text.p, n);
	w->n += n;
}

/* As far as the first byte that is one of `ends`. */
static struct slice until(struct slice text, const char *ends)
{
	size_t n = 0;

	while (n < text.n && !(text.p[n] && strchr(ends, text.p[n])))
		n++;
	return (struct slice){text.p, n};
}

static struct slice from(struct slice text, size_t n)
{
	return (struct slice){text.p + n, text.n - n};
}

/* ---- secrets ---- */

void url_secrets_init(struct url_secrets *secrets)
{
	static const char *const names[URL_SECRETS_DEFAULT] = {
		"AWSAccessKeyId",   "Signature",        "sig",
		"X-Goog-Signature", "X-Amz-Credential", "X-Amz-Security-Token",
		"X-Amz-Signature",
	};

	secrets->n = 0;
	for (size_t i = 0; i < URL_SECRETS_DEFAULT; i++)
		url_secrets_add(secrets, slice_of(names[i]));
}

int url_secrets_add(struct url_secrets *secrets, struct slice name)
{
	url_secrets_remove(secrets, name);
	if (secrets->n == URL_SECRETS_MAX)
		return -ENOSPC;
	secrets->name[secrets->n++] = name;
	return 0;
}

void url_secrets_remove(struct url_secrets *secrets, struct slice name)
{
	size_t n = 0;

	for (size_t i = 0; i < secrets->n; i++) {
		if (!slice_same(secrets->name[i], name))
			secrets->name[n++] = secrets->name[i];
	}
	secrets->n = n;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Takes a byte, percent-encoded or not, off a text that has one. */
static char take_byte(struct slice *text)
{
	char c = text->p[0];

	if (c == '%' && text->n >= 3 && hex(text->p[1]) >= 0 && hex(text->p[2]) >= 0) {
		c = (char)(hex(text->p[1]) << 4 | hex(text->p[2]));
		*text = from(*text, 3);
	} else {
		*text = from(*text, 1);
	}
	return c;
}

static bool is_encoded(struct slice key, struct slice name)
{
	size_t i = 0;

	while (key.n > 0 && i < name.n) {
		if (take_byte(&key) != name.p[i++])
			return false;
	}
	return key.n == 0 && i == name.n;
}

static bool is_secret(struct slice key, const struct url_secrets *secrets)
{
	for (size_t i = 0; i < secrets->n; i++) {
		if (is_encoded(key, secrets->name[i]))
			return true;
	}
	return false;
}

/* ---- queries ---- */

static void put_query(struct writer *w, struct slice query, const struct url_secrets *secrets)
{
	while (query.n > 0) {
		struct slice key = until(query, "=&;");
		bool has_value = key.n < query.n && query.p[key.n] == '=';
		bool secret = has_value && is_secret(key, secrets);
		struct slice whole = until(query, secret ? "&" : "&;");

		if (secret) {
			put(w, (struct slice){key.p, key.n + 1});
			put(w, slice_of(REDACTED));
		} else {
			put(w, whole);
		}
		query = from(query, whole.n);
		if (query.n > 0) {
			put(w, (struct slice){query.p, 1});
			query = from(query, 1);
		}
	}
}

/* What stands behind the first '?', and before '#', which no target should have. */
static struct slice query_of(struct slice target)
{
	struct slice before = until(target, "?#");

	if (before.n == target.n || target.p[before.n] != '?')
		return (struct slice){"", 0};
	return until(from(target, before.n + 1), "#");
}

size_t url_query(char *out, size_t size, struct slice target, const struct url_secrets *secrets)
{
	struct writer w = {out, 0, size};

	put_query(&w, query_of(target), secrets);
	return w.n;
}

/* ---- URLs ---- */

static void put_authority(struct writer *w, struct slice authority)
{
	struct slice host = authority;

	for (size_t i = 0; i < authority.n; i++) {
		if (authority.p[i] == '@')
			host = from(authority, i + 1);
	}
	if (host.n < authority.n)
		put(w, slice_of(REDACTED ":" REDACTED "@"));
	put(w, host);
}

size_t url_full(char *out, size_t size, const char *scheme, struct slice authority,
		struct slice target, const struct url_secrets *secrets)
{
	bool cut = false;
	struct slice path = route_path_of(target, &cut), query = query_of(target);
	struct writer w = {out, 0, size};

	authority = until(authority, "/?#\\");
	if (path.n == 0 || authority.n == 0)
		return 0;
	put(&w, slice_of(scheme));
	put(&w, slice_of("://"));
	put_authority(&w, authority);
	put(&w, path);
	if (secrets && query.n > 0) {
		put(&w, slice_of("?"));
		put_query(&w, query, secrets);
	}
	return w.n;
}
