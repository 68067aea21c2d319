/* SPDX-License-Identifier: Apache-2.0 */
#include "make.h"

#include "../service/route_path.h"
#include "../telemetry/call_values.h"
#include "../telemetry/span_name.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define HTTP_PORT 80

/* ---- rules ---- */

static int keep_secrets(struct url_secrets *secrets, const struct span_options *o)
{
	int r = 0;

	url_secrets_init(secrets);
	for (size_t i = 0; i < o->open_n; i++)
		url_secrets_remove(secrets, slice_of(o->open[i]));
	for (size_t i = 0; i < o->secrets_n && !r; i++)
		r = url_secrets_add(secrets, slice_of(o->secret[i]));
	return r;
}

int span_rules_init(struct span_rules *rules, const struct span_options *o)
{
	const struct attribute_rules all = {.routes = true};

	*rules = (struct span_rules){
		.on = select_for(&o->select, &select_spans, &all).on,
		.protocols = o->protocols,
		.semconv = o->semconv,
		.metrics_made = o->metrics_made,
		.namer = o->namer,
	};
	for (unsigned int id = 0; id < ATTR_EXTRA; id++)
		rules->name[id] = semconv_name(o->semconv, attribute_name(NULL, id));
	return keep_secrets(&rules->secrets, o);
}

/* ---- what spans have of each kind; 0 ends them ---- */

#define ATTRS_OF_KIND_MAX 24

#define COMMON                                                                                     \
	ATTR_SERVER_ADDRESS, ATTR_SERVER_PORT, ATTR_CLIENT_ADDRESS, ATTR_PEER_ADDRESS,             \
		ATTR_PEER_PORT, ATTR_ERROR_TYPE, ATTR_PID, ATTR_HOST_PID

static const uint8_t attrs_of[EXCHANGE_KINDS][ATTRS_OF_KIND_MAX + 1] = {
	[EXCHANGE_HTTP] = {ATTR_METHOD, ATTR_STATUS, ATTR_ROUTE, ATTR_SCHEME, ATTR_PATH, ATTR_QUERY,
			   ATTR_URL, ATTR_REQUEST_SIZE, ATTR_RESPONSE_SIZE, ATTR_PROTOCOL_NAME,
			   ATTR_PROTOCOL_VERSION, ATTR_GRAPHQL_TYPE, ATTR_GRAPHQL_NAME,
			   ATTR_RPC_SYSTEM, ATTR_RPC_METHOD, COMMON},
	[EXCHANGE_RPC] = {ATTR_RPC_SYSTEM, ATTR_RPC_METHOD, ATTR_RPC_STATUS, COMMON},
	/* The last two of Elasticsearch and OpenSearch, which are spoken over HTTP. */
	[EXCHANGE_DB] = {ATTR_DB_SYSTEM, ATTR_DB_NAMESPACE, ATTR_DB_OPERATION, ATTR_DB_COLLECTION,
			 ATTR_DB_SUMMARY, ATTR_DB_STATUS, COMMON, ATTR_METHOD, ATTR_URL},
	[EXCHANGE_MESSAGING] = {ATTR_MESSAGING_SYSTEM, ATTR_MESSAGING_OPERATION,
				ATTR_MESSAGING_TYPE, ATTR_MESSAGING_DESTINATION,
				ATTR_MESSAGING_GROUP, COMMON},
	[EXCHANGE_DNS] = {ATTR_DNS_TYPE, ATTR_DNS_NAME, COMMON},
};

/* One span being made. */
struct making {
	struct span *span;
	const struct span_rules *rules;
	const struct attribute_source *source;
	const struct exchange *exchange;
	enum http_side side;
};

static bool is_on(const struct making *m, unsigned int id)
{
	return m->rules->on & ATTR_BIT(id);
}

static void put_text(struct making *m, unsigned int id, struct slice value)
{
	span_put_text(m->span, m->rules->name[id], value);
}

static void put_int(struct making *m, unsigned int id, uint64_t value)
{
	span_put_int(m->span, m->rules->name[id], value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

/* 0 is none. */
static void put_known(struct making *m, unsigned int id, uint32_t value)
{
	if (value)
		put_int(m, id, value);
}

/* ---- URLs ---- */

static void put_path(struct making *m)
{
	bool cut = m->exchange->target_cut;

	if (m->side == HTTP_SERVER)
		put_text(m, ATTR_PATH, route_path_of(m->exchange->target, &cut));
}

static void put_query(struct making *m)
{
	char query[SPAN_VALUE_MAX];

	if (m->side == HTTP_SERVER)
		put_text(m, ATTR_QUERY,
			 (struct slice){query, url_query(query, sizeof(query), m->exchange->target,
							 &m->rules->secrets)});
}

/* Without a Host: whom the connection goes to, as server.address and server.port have it. */
static struct slice authority_of(const struct making *m, char *buf, size_t size)
{
	uint16_t port = m->exchange->conn.rport;
	char address[LABEL_VALUE_MAX], suffix[8] = "";
	size_t n;
	bool is_ipv6;

	if (m->exchange->host.n > 0)
		return m->exchange->host;
	n = http_server_address(address, m->side, m->exchange, &m->rules->namer);
	is_ipv6 = n > 0 && memchr(address, ':', n);
	if (port != HTTP_PORT)
		snprintf(suffix, sizeof(suffix), ":%u", port);
	snprintf(buf, size, is_ipv6 ? "[%.*s]%s" : "%.*s%s", (int)n, address, suffix);
	return slice_of(n > 0 ? buf : "");
}

/* The query of a search holds what is searched for: it is a query of a database. */
static void put_url(struct making *m)
{
	bool with_query = m->exchange->kind == EXCHANGE_HTTP && is_on(m, ATTR_QUERY);
	char url[SPAN_VALUE_MAX], buf[LABEL_VALUE_MAX + 16];
	size_t n;

	if (m->side != HTTP_CLIENT || m->exchange->method == HTTP_CONNECT)
		return;
	n = url_full(url, sizeof(url), HTTP_SCHEME, authority_of(m, buf, sizeof(buf)),
		     m->exchange->target, with_query ? &m->rules->secrets : NULL);
	put_text(m, ATTR_URL, (struct slice){url, n});
}

/* ---- others ---- */

static void put_sizes(struct making *m, unsigned int id)
{
	if (id == ATTR_REQUEST_SIZE)
		put_int(m, id, m->exchange->req_body);
	else if (m->exchange->status) /* an answer */
		put_int(m, id, m->exchange->resp_body);
}

static void put_peer_address(struct making *m)
{
	const struct kh_conn *conn = &m->exchange->conn;
	char text[INET6_ADDRSTRLEN];

	if (inet_ntop(conn->family == AF_INET6 ? AF_INET6 : AF_INET, conn->raddr, text,
		      sizeof(text)))
		put_text(m, ATTR_PEER_ADDRESS, slice_of(text));
}

/* Where a version has the number of a gRPC status for its name, it is a number. */
static void put_rpc_status(struct making *m)
{
	struct slice name = m->exchange->code, code = name;

	if (m->exchange->protocol == PROTOCOL_GRPC)
		code = semconv_grpc_status(m->rules->semconv, name);
	if (code.p != name.p)
		put_int(m, ATTR_RPC_STATUS, strtoul(code.p, NULL, 10));
	else
		put_text(m, ATTR_RPC_STATUS, code);
}

/* As the metrics have it. */
static void put_value(struct making *m, unsigned int id)
{
	char value[LABEL_VALUE_MAX];
	size_t n;

	if (m->exchange->kind == EXCHANGE_HTTP || id == ATTR_METHOD)
		n = http_value(value, id, m->side, m->source, &m->rules->namer);
	else
		n = call_value(value, id, m->source, &m->rules->namer);
	put_text(m, id, (struct slice){value, n});
}

/* A server's peer is a client; a client's own address nobody asked for. */
static void put_client(struct making *m)
{
	if (m->side == HTTP_SERVER)
		put_value(m, ATTR_CLIENT_ADDRESS);
}

static bool is_over_http(const struct exchange *exchange)
{
	return exchange->kind == EXCHANGE_HTTP || exchange->protocol == PROTOCOL_ELASTICSEARCH ||
	       exchange->protocol == PROTOCOL_OPENSEARCH;
}

static void put(struct making *m, unsigned int id)
{
	switch (id) {
	case ATTR_PATH:
		put_path(m);
		break;
	case ATTR_QUERY:
		put_query(m);
		break;
	case ATTR_URL:
		if (is_over_http(m->exchange))
			put_url(m);
		break;
	case ATTR_METHOD:
		if (is_over_http(m->exchange))
			put_value(m, id);
		break;
	case ATTR_REQUEST_SIZE:
	case ATTR_RESPONSE_SIZE:
		put_sizes(m, id);
		break;
	case ATTR_SERVER_PORT:
		put_known(m, id,
			  http_server_port(m->side, m->exchange, is_on(m, ATTR_SERVER_ADDRESS)));
		break;
	case ATTR_STATUS:
	case ATTR_PID:
	case ATTR_HOST_PID:
		put_known(m, id, http_number(id, m->side, m->source));
		break;
	case ATTR_CLIENT_ADDRESS:
		put_client(m);
		break;
	case ATTR_PEER_ADDRESS:
		put_peer_address(m);
		break;
	case ATTR_PEER_PORT:
		put_known(m, id, m->exchange->conn.rport);
		break;
	case ATTR_RPC_STATUS:
		put_rpc_status(m);
		break;
	default:
		put_value(m, id);
	}
}

/* ---- name, kind, status: those of the metrics of spans ---- */

_Static_assert(SPAN_NAME_MAX >= LABEL_VALUE_MAX, "a name is kept whole");
_Static_assert((int)SPAN_SERVER == SPAN_ROLE_SERVER && (int)SPAN_CLIENT == SPAN_ROLE_CLIENT &&
		       (int)SPAN_PRODUCER == SPAN_ROLE_PRODUCER &&
		       (int)SPAN_CONSUMER == SPAN_ROLE_CONSUMER,
	       "both are OTLP's numbers");

static void put_name(struct span *span, const struct attribute_source *source)
{
	char name[LABEL_VALUE_MAX];

	span_set_name(span, (struct slice){name, span_name(name, source)});
}

void span_make(struct span *span, const struct span_rules *rules,
	       const struct attribute_source *source)
{
	const struct exchange *exchange = source->exchange;
	struct making m = {span, rules, source, exchange,
			   exchange->conn.role == KH_ROLE_CLIENT ? HTTP_CLIENT : HTTP_SERVER};

	if (exchange->kind >= EXCHANGE_KINDS)
		return;
	put_name(span, source);
	span->kind = (uint8_t)span_role(exchange);
	span->status = span_failed(exchange) ? SPAN_ERROR : SPAN_UNSET;
	span->resource = source->resource;
	span->start_ns = exchange->start_ns;
	span->end_ns =
		exchange->end_ns > exchange->start_ns ? exchange->end_ns : exchange->start_ns;
	for (const uint8_t *id = attrs_of[exchange->kind]; *id; id++) {
		if (is_on(&m, *id))
			put(&m, *id);
	}
	if (rules->metrics_made)
		span_put_true(span, SPAN_METRICS_SKIP);
}
