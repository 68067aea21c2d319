/* SPDX-License-Identifier: Apache-2.0 */
#include "http_values.h"

#include "../service/route_path.h"
#include "../service/utf8.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

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
	[EXCHANGE_TIMEOUT] = "timeout",
	[EXCHANGE_CANCELLED] = "cancelled",
};

int http_side_of(const struct exchange *exchange)
{
	if (exchange->conn.role == KH_ROLE_SERVER)
		return HTTP_SERVER;
	return exchange->conn.role == KH_ROLE_CLIENT ? HTTP_CLIENT : -EINVAL;
}

const char *http_method_name(unsigned int method)
{
	return method_names[method < HTTP_METHODS ? method : HTTP_OTHER];
}

const char *http_error_name(unsigned int error)
{
	return error < sizeof(error_names) / sizeof(*error_names) ? error_names[error] : "";
}

uint16_t http_error_status(enum http_side side, const struct exchange *exchange)
{
	uint16_t from = side == HTTP_SERVER ? 500 : 400;

	return exchange->error == EXCHANGE_OK && exchange->status >= from ? exchange->status : 0;
}

/* ---- addresses and paths ---- */

/* Clean text is taken as it is; other text is cleaned: equal labels must have equal keys. */
static size_t clean(char *out, struct slice text, size_t max)
{
	if (!utf8_is_clean(text, max))
		return utf8_clean(text, out, max);
	if (text.n > 0)
		memcpy(out, text.p, text.n);
	return text.n;
}

size_t http_clean(char *out, struct slice text)
{
	return clean(out, text, LABEL_VALUE_MAX);
}

size_t http_aws_method(char *out, const struct exchange *exchange)
{
	struct slice service = slice_of(exchange->protocol == PROTOCOL_S3 ? "S3/" : "SQS/");

	memcpy(out, service.p, service.n);
	return service.n + clean(out + service.n, exchange->operation, LABEL_VALUE_MAX - service.n);
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

static size_t put_byte(char *out, unsigned int byte)
{
	size_t n = 0;

	if (byte >= 100)
		out[n++] = (char)('0' + byte / 100);
	if (byte >= 10)
		out[n++] = (char)('0' + byte / 10 % 10);
	out[n++] = (char)('0' + byte % 10);
	return n;
}

/* The peer of every call without a host: inet_ntop() would cost more than all the rest. */
static size_t put_ipv4(char *out, const uint8_t address[4])
{
	size_t n = put_byte(out, address[0]);

	for (int i = 1; i < 4; i++) {
		out[n++] = '.';
		n += put_byte(out + n, address[i]);
	}
	return n;
}

static size_t put_address(char *out, const struct kh_conn *conn)
{
	if (conn->family == AF_INET)
		return put_ipv4(out, conn->raddr);
	if (conn->family != AF_INET6 || !inet_ntop(AF_INET6, conn->raddr, out, INET6_ADDRSTRLEN))
		return 0;
	return strlen(out);
}

static size_t put_peer(char *out, const struct exchange *exchange, const struct peer_namer *namer)
{
	char name[LABEL_VALUE_MAX];
	size_t n = namer->name ? namer->name(namer->arg, exchange, name, sizeof(name)) : 0;

	return n > 0 ? http_clean(out, (struct slice){name, n}) : put_address(out, &exchange->conn);
}

/* Names of hosts have no ':' and, but for few, do not begin with a digit. */
static bool is_remote_address(const char *text, size_t n, const struct kh_conn *conn)
{
	char address[INET6_ADDRSTRLEN];

	if (!(text[0] >= '0' && text[0] <= '9') && !memchr(text, ':', n))
		return false;
	return put_address(address, conn) == n && memcmp(address, text, n) == 0;
}

size_t http_server_address(char *out, enum http_side side, const struct exchange *exchange,
			   const struct peer_namer *namer)
{
	uint16_t port;
	size_t n = http_clean(out, split_authority(exchange->host, &port));

	lower(out, n);
	/* A Host that is the address connected to says nothing that the address does not. */
	if (side == HTTP_CLIENT && (n == 0 || is_remote_address(out, n, &exchange->conn)))
		return put_peer(out, exchange, namer);
	return n;
}

uint16_t http_server_port(enum http_side side, const struct exchange *exchange, bool from_host)
{
	uint16_t port = conn_server_port(&exchange->conn);

	if (side == HTTP_CLIENT || from_host)
		split_authority(exchange->host, &port);
	return port;
}

size_t http_client_address(char *out, const struct exchange *exchange,
			   const struct peer_namer *namer)
{
	return put_peer(out, exchange, namer);
}

const char *http_protocol_name(const struct exchange *exchange)
{
	return exchange->protocol == PROTOCOL_FASTCGI ? "fastcgi" : "";
}

const char *http_protocol_version(const struct exchange *exchange)
{
	return exchange->protocol == PROTOCOL_HTTP2 ? "2" : "";
}

size_t http_path(char *out, const struct exchange *exchange)
{
	bool cut = exchange->target_cut;

	return http_clean(out, route_path_of(exchange->target, &cut));
}

/* ---- any of them ---- */

uint32_t http_number(unsigned int id, enum http_side side, const struct attribute_source *source)
{
	const struct exchange *exchange = source->exchange;

	switch (id) {
	case ATTR_STATUS:
		return exchange->status;
	case ATTR_SERVER_PORT:
		return http_server_port(side, exchange, false);
	case ATTR_PID:
		return source->pid;
	case ATTR_HOST_PID:
		return exchange->tgid;
	default:
		return 0;
	}
}

static size_t put_text(char *out, const char *text)
{
	size_t n = strlen(text);

	memcpy(out, text, n);
	return n;
}

static size_t put_number(char *out, uint32_t number)
{
	return number ? (size_t)snprintf(out, LABEL_VALUE_MAX, "%u", number) : 0;
}

static bool is_graphql(const struct exchange *exchange)
{
	return exchange->protocol == PROTOCOL_GRAPHQL;
}

size_t http_value(char out[LABEL_VALUE_MAX], unsigned int id, enum http_side side,
		  const struct attribute_source *source, const struct peer_namer *namer)
{
	const struct exchange *exchange = source->exchange;

	switch (id) {
	case ATTR_METHOD:
		return put_text(out, http_method_name(exchange->method));
	case ATTR_ROUTE:
		return http_clean(out, source->route);
	case ATTR_SCHEME:
		return put_text(out, HTTP_SCHEME);
	case ATTR_SERVER_ADDRESS:
		return http_server_address(out, side, exchange, namer);
	case ATTR_ERROR_TYPE:
		if (exchange->error != EXCHANGE_OK)
			return put_text(out, http_error_name(exchange->error));
		return put_number(out, http_error_status(side, exchange));
	case ATTR_PATH:
		return http_path(out, exchange);
	case ATTR_PROTOCOL_NAME:
		return put_text(out, http_protocol_name(exchange));
	case ATTR_PROTOCOL_VERSION:
		return put_text(out, http_protocol_version(exchange));
	case ATTR_GRAPHQL_TYPE:
		return is_graphql(exchange) ? http_clean(out, exchange->operation) : 0;
	case ATTR_GRAPHQL_NAME:
		return is_graphql(exchange) ? http_clean(out, exchange->collection) : 0;
	case ATTR_RPC_METHOD:
		return is_graphql(exchange) || !exchange->operation.n
			       ? 0
			       : http_aws_method(out, exchange);
	case ATTR_RPC_SYSTEM:
		return is_graphql(exchange) || !exchange->operation.n ? 0 : put_text(out, HTTP_AWS);
	case ATTR_CLIENT_ADDRESS:
		return side == HTTP_SERVER ? http_client_address(out, exchange, namer) : 0;
	default:
		return put_number(out, http_number(id, side, source));
	}
}
