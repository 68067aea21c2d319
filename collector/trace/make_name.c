/* SPDX-License-Identifier: Apache-2.0 */
#include "make_name.h"

#include "../telemetry/call_values.h"

/* ---- names ---- */

struct text {
	char p[SPAN_NAME_MAX];
	size_t n;
};

static void add(struct text *text, struct slice more)
{
	size_t n = more.n < sizeof(text->p) - text->n ? more.n : sizeof(text->p) - text->n;

	if (n > 0)
		memcpy(text->p + text->n, more.p, n);
	text->n += n;
}

/* With what stands between them only where both are there. */
static void add_two(struct text *text, struct slice first, const char *between, struct slice second)
{
	add(text, first);
	if (first.n > 0 && second.n > 0)
		add(text, slice_of(between));
	add(text, second);
}

static void add_graphql(struct text *text, struct slice type)
{
	add_two(text, slice_of("GraphQL"), " ", type.n > 0 ? type : slice_of("Operation"));
}

static void add_http(struct text *text, const struct attribute_source *source)
{
	const struct exchange *exchange = source->exchange;
	const char *method = http_method_name(exchange->method);

	if (exchange->protocol == PROTOCOL_GRAPHQL && exchange->conn.role == KH_ROLE_SERVER)
		add_graphql(text, exchange->operation);
	else if (exchange->protocol == PROTOCOL_S3 && exchange->operation.n > 0)
		add_two(text, slice_of("S3"), ".", exchange->operation);
	else if (exchange->protocol == PROTOCOL_SQS && exchange->operation.n > 0)
		add_two(text, slice_of("SQS"), ".", exchange->operation);
	else
		add_two(text, slice_of(exchange->method == HTTP_OTHER ? "HTTP" : method), " ",
			source->route);
}

static void add_call(struct text *text, const struct exchange *exchange)
{
	switch (exchange->kind) {
	case EXCHANGE_RPC:
		add(text, exchange->operation);
		break;
	case EXCHANGE_DB:
		if (exchange->summary.n > 0)
			add(text, exchange->summary);
		else
			add_two(text, exchange->operation, " ", exchange->collection);
		break;
	case EXCHANGE_MESSAGING:
		add_two(text, exchange->operation, " ", exchange->collection);
		break;
	case EXCHANGE_DNS:
		add_two(text, slice_of("DNS"), " ", exchange->operation);
		break;
	case EXCHANGE_HTTP:
	case EXCHANGE_ENCRYPTED:
		break;
	}
	if (text->n == 0)
		add(text, slice_of(call_system_name(exchange->protocol)));
}

void make_name(struct span *span, const struct attribute_source *source)
{
	struct text text = {.n = 0};

	if (source->exchange->kind == EXCHANGE_HTTP)
		add_http(&text, source);
	else
		add_call(&text, source->exchange);
	span_set_name(span, (struct slice){text.p, text.n});
}

/* ---- kinds ---- */

static enum span_kind kind_of_message(enum messaging_action action)
{
	switch (action) {
	case MESSAGING_SEND:
		return SPAN_PRODUCER;
	case MESSAGING_PROCESS:
		return SPAN_CONSUMER;
	case MESSAGING_NONE:
	case MESSAGING_RECEIVE:
	case MESSAGING_SETTLE:
		break;
	}
	return SPAN_CLIENT;
}

enum span_kind make_kind(const struct exchange *exchange)
{
	if (exchange->conn.role == KH_ROLE_SERVER)
		return SPAN_SERVER;
	if (exchange->kind == EXCHANGE_MESSAGING)
		return kind_of_message(exchange->action);
	return SPAN_CLIENT;
}
