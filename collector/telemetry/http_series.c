/* SPDX-License-Identifier: Apache-2.0 */
#include "http_series.h"

/* http_fields.flags */
enum { HAS_SCHEME = 1, IS_FASTCGI = 2, IS_HTTP2 = 4, IS_AWS = 8, IS_GRAPHQL = 16 };

static bool has(attribute_set set, enum attribute_id id)
{
	return set & ATTR_BIT(id);
}

/* Of what HTTP carries, where that is read. */
static size_t put_operation(struct http_fields *f, char *p, const struct exchange *exchange,
			    attribute_set set)
{
	bool graphql = exchange->protocol == PROTOCOL_GRAPHQL;

	if (graphql)
		f->flags |= IS_GRAPHQL;
	if (has(set, graphql ? ATTR_GRAPHQL_TYPE : ATTR_RPC_METHOD))
		f->operation_n =
			graphql ? http_clean(p, exchange->operation) : http_aws_method(p, exchange);
	if (graphql && has(set, ATTR_GRAPHQL_NAME))
		f->name_n = http_clean(p + f->operation_n, exchange->collection);
	if (!graphql && has(set, ATTR_RPC_SYSTEM))
		f->flags |= IS_AWS;
	return f->operation_n + f->name_n;
}

static void put_texts(struct series_key *key, enum http_side side,
		      const struct attribute_source *source, attribute_set set,
		      const struct peer_namer *namer)
{
	struct http_fields *f = &key->http;
	char *begin = key->bytes + sizeof(*f), *p = begin;

	if (has(set, ATTR_ROUTE))
		f->route_n = http_clean(p, source->route);
	p += f->route_n;
	if (has(set, ATTR_SERVER_ADDRESS))
		f->host_n = http_server_address(p, side, source->exchange, namer);
	p += f->host_n;
	if (has(set, ATTR_PATH))
		f->path_n = http_path(p, source->exchange);
	p += f->path_n;
	if (has(set, ATTR_CLIENT_ADDRESS))
		f->client_n = http_client_address(p, source->exchange, namer);
	p += f->client_n;
	if (source->exchange->operation.n > 0)
		p += put_operation(f, p, source->exchange, set);
	key->n = (uint16_t)(sizeof(*f) + (size_t)(p - begin));
}

static uint8_t flags_of(const struct exchange *exchange, attribute_set set)
{
	uint8_t flags = has(set, ATTR_SCHEME) ? HAS_SCHEME : 0;

	if (has(set, ATTR_PROTOCOL_NAME) && exchange->protocol == PROTOCOL_FASTCGI)
		flags |= IS_FASTCGI;
	if (has(set, ATTR_PROTOCOL_VERSION) && exchange->protocol == PROTOCOL_HTTP2)
		flags |= IS_HTTP2;
	return flags;
}

void http_series_key(struct series_key *key, enum http_side side, struct target *target,
		     const struct attribute_source *source, attribute_set set,
		     const struct peer_namer *namer)
{
	const struct exchange *exchange = source->exchange;
	struct http_fields *f = &key->http;

	memset(f, 0, sizeof(*f));
	f->target = target;
	if (has(set, ATTR_METHOD))
		f->method = (uint8_t)(exchange->method + 1);
	if (has(set, ATTR_STATUS))
		f->status = exchange->status;
	f->flags = flags_of(exchange, set);
	if (has(set, ATTR_ERROR_TYPE) && exchange->error != EXCHANGE_OK)
		f->error = (uint16_t)exchange->error;
	else if (has(set, ATTR_ERROR_TYPE))
		f->error = http_error_status(side, exchange);
	if (has(set, ATTR_SERVER_PORT))
		f->port = http_server_port(side, exchange, has(set, ATTR_SERVER_ADDRESS));
	if (has(set, ATTR_PID))
		f->pid = source->pid;
	if (has(set, ATTR_HOST_PID))
		f->host_pid = exchange->tgid;
	put_texts(key, side, source, set, namer);
}

/* ---- labels ---- */

static void put_text(struct labels *labels, enum attribute_id id, const char **text, size_t n)
{
	labels_put(labels, attribute_label(NULL, id), (struct slice){*text, n});
	*text += n;
}

static void put_number(struct labels *labels, enum attribute_id id, uint32_t number)
{
	if (number)
		labels_put_number(labels, attribute_label(NULL, id), number);
}

static void put_error(struct labels *labels, const struct http_fields *f)
{
	const char *name = http_error_name(f->error);

	if (f->error && *name)
		labels_put(labels, attribute_label(NULL, ATTR_ERROR_TYPE), slice_of(name));
	else
		put_number(labels, ATTR_ERROR_TYPE, f->error);
}

/* What put_operation() put. */
static void put_carried(struct labels *labels, const struct http_fields *f, const char *text,
			enum semconv version)
{
	struct slice operation = {text, f->operation_n}, name = {text + operation.n, f->name_n};

	if (f->flags & IS_AWS)
		labels_put(labels, semconv_name(version, attribute_label(NULL, ATTR_RPC_SYSTEM)),
			   slice_of(HTTP_AWS));
	labels_put(
		labels,
		attribute_label(NULL, f->flags & IS_GRAPHQL ? ATTR_GRAPHQL_TYPE : ATTR_RPC_METHOD),
		operation);
	labels_put(labels, attribute_label(NULL, ATTR_GRAPHQL_NAME), name);
}

void http_series_labels(struct labels *labels, const struct series_key *key, enum semconv version)
{
	const struct http_fields *f = &key->http;
	const char *text = key->bytes + sizeof(*f);

	labels_init(labels);
	if (f->method)
		labels_put(labels, attribute_label(NULL, ATTR_METHOD),
			   slice_of(http_method_name(f->method - 1u)));
	put_number(labels, ATTR_STATUS, f->status);
	put_text(labels, ATTR_ROUTE, &text, f->route_n);
	if (f->flags & HAS_SCHEME)
		labels_put(labels, attribute_label(NULL, ATTR_SCHEME), slice_of(HTTP_SCHEME));
	put_text(labels, ATTR_SERVER_ADDRESS, &text, f->host_n);
	put_number(labels, ATTR_SERVER_PORT, f->port);
	put_error(labels, f);
	put_text(labels, ATTR_PATH, &text, f->path_n);
	if (f->flags & IS_FASTCGI)
		labels_put(labels, attribute_label(NULL, ATTR_PROTOCOL_NAME), slice_of("fastcgi"));
	if (f->flags & IS_HTTP2)
		labels_put(labels, attribute_label(NULL, ATTR_PROTOCOL_VERSION), slice_of("2"));
	put_text(labels, ATTR_CLIENT_ADDRESS, &text, f->client_n);
	put_carried(labels, f, text, version);
	put_number(labels, ATTR_PID, f->pid);
	put_number(labels, ATTR_HOST_PID, f->host_pid);
}
