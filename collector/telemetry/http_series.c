/* SPDX-License-Identifier: Apache-2.0 */
#include "http_series.h"

#include "../service/utf8.h"

#include <arpa/inet.h>

static const char *const method_names[HTTP_METHODS] = {
	[HTTP_OTHER] = "_OTHER",    [HTTP_GET] = "GET",         [HTTP_HEAD] = "HEAD",
	[HTTP_POST] = "POST",       [HTTP_PUT] = "PUT",         [HTTP_DELETE] = "DELETE",
	[HTTP_CONNECT] = "CONNECT", [HTTP_OPTIONS] = "OPTIONS", [HTTP_TRACE] = "TRACE",
	[HTTP_PATCH] = "PATCH",     [HTTP_QUERY] = "QUERY",
};

static const char *const error_names[] = {
	[EXCHANGE_OK] = "",
	[EXCHANGE_RESET] = "connection_reset",
	[EXCHANGE_CLOSED] = "connection_closed",
	[EXCHANGE_BAD_ANSWER] = "invalid_response",
};

/* Clean text is taken as it is; other text is cleaned: equal labels must have equal keys. */
static size_t put_clean(char *out, struct slice text)
{
	if (!utf8_is_clean(text, LABEL_VALUE_MAX))
		return utf8_clean(text, out, LABEL_VALUE_MAX);
	if (text.n > 0)
		memcpy(out, text.p, text.n);
	return text.n;
}

/* A decimal port of at most five digits; 0 if it is none. */
static uint16_t parse_port(struct slice text)
{
	uint32_t port = 0;

	if (text.n < 1 || text.n > 5)
		return 0;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return 0;
		port = port * 10 + (uint32_t)(text.p[i] - '0');
	}
	return port <= UINT16_MAX ? (uint16_t)port : 0;
}

static size_t find_byte(struct slice s, char c)
{
	const char *p = s.n > 0 ? memchr(s.p, c, s.n) : NULL;

	return p ? (size_t)(p - s.p) : s.n;
}

static struct slice slice_from(struct slice s, size_t i)
{
	return i < s.n ? (struct slice){s.p + i, s.n - i} : (struct slice){s.p, 0};
}

/*
 * RFC 3986, 3.2: [userinfo@]host[:port], where an IPv6 address stands in brackets. Credentials
 * must not become a label. Changes `port` only if there is one.
 */
static struct slice split_authority(struct slice authority, uint16_t *port)
{
	size_t at, end;
	uint16_t own;
	struct slice host;

	while ((at = find_byte(authority, '@')) < authority.n)
		authority = slice_from(authority, at + 1);
	if (authority.n > 0 && authority.p[0] == '[') {
		end = find_byte(authority, ']');
		host = (struct slice){authority.p + 1, end - 1};
		end++;
	} else {
		end = find_byte(authority, ':');
		host = (struct slice){authority.p, end};
	}
	own = parse_port(slice_from(authority, end + 1));
	if (own)
		*port = own;
	return host;
}

/* Host names are compared without case (RFC 9110, 4.2.3). */
static void lower(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] + 'a' - 'A');
	}
}

static size_t put_peer(char *out, const struct kh_conn *conn)
{
	if (conn->family != AF_INET && conn->family != AF_INET6)
		return 0;
	if (!inet_ntop(conn->family, conn->raddr, out, INET6_ADDRSTRLEN))
		return 0;
	return strlen(out);
}

static void put_address(struct series_key *key, enum http_side side,
			const struct exchange *exchange, const struct telemetry_options *options)
{
	char *out = key->text + key->fields.route_n;
	size_t n = 0;

	key->fields.port = side == HTTP_SERVER ? exchange->conn.lport : exchange->conn.rport;
	if (side == HTTP_SERVER && !options->server_address_from_host)
		return;
	n = put_clean(out, split_authority(exchange->host, &key->fields.port));
	lower(out, n);
	if (n == 0 && side == HTTP_CLIENT)
		n = put_peer(out, &exchange->conn);
	key->fields.host_n = (uint16_t)n;
}

void http_series_key(struct series_key *key, enum http_side side, struct target *target,
		     const struct exchange *exchange, struct slice route,
		     const struct telemetry_options *options)
{
	memset(&key->fields, 0, sizeof(key->fields));
	key->fields.target = target;
	key->fields.method = (uint8_t)exchange->method;
	key->fields.status = exchange->status;
	key->fields.error = (uint8_t)exchange->error;
	if (options->routes)
		key->fields.route_n = (uint16_t)put_clean(key->text, route);
	put_address(key, side, exchange, options);
}

static void put_error(struct labels *labels, enum http_side side, const struct series_fields *f)
{
	if (f->error != EXCHANGE_OK && f->error < sizeof(error_names) / sizeof(*error_names))
		labels_put(labels, "error_type", slice_of(error_names[f->error]));
	else if (f->status >= (side == HTTP_SERVER ? 500 : 400))
		labels_put_number(labels, "error_type", f->status);
}

void http_series_labels(struct labels *labels, enum http_side side, const struct series_key *key)
{
	const struct series_fields *f = &key->fields;
	const char *method = method_names[f->method < HTTP_METHODS ? f->method : HTTP_OTHER];

	labels_init(labels);
	labels_put(labels, "http_request_method", slice_of(method));
	if (f->status)
		labels_put_number(labels, "http_response_status_code", f->status);
	labels_put(labels, "http_route", (struct slice){key->text, f->route_n});
	/* What is captured today is plaintext. */
	labels_put(labels, "url_scheme", slice_of("http"));
	labels_put(labels, "server_address", (struct slice){key->text + f->route_n, f->host_n});
	if (f->port)
		labels_put_number(labels, "server_port", f->port);
	put_error(labels, side, f);
}
