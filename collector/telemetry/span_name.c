/* SPDX-License-Identifier: Apache-2.0 */
#include "span_name.h"

#include "call_values.h"

struct text {
	char *p; /* LABEL_VALUE_MAX bytes */
	size_t n;
};

static void add(struct text *text, struct slice more)
{
	size_t room = LABEL_VALUE_MAX - text->n, n = more.n < room ? more.n : room;

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

static void add_http(struct text *text, const struct attribute_source *source)
{
	const struct exchange *exchange = source->exchange;
	struct slice operation = exchange->operation;

	if (exchange->protocol == PROTOCOL_GRAPHQL && exchange->conn.role == KH_ROLE_SERVER)
		add_two(text, slice_of("GraphQL"), " ",
			operation.n > 0 ? operation : slice_of("Operation"));
	else if (exchange->protocol == PROTOCOL_S3 && operation.n > 0)
		add_two(text, slice_of("S3"), ".", operation);
	else if (exchange->protocol == PROTOCOL_SQS && operation.n > 0)
		add_two(text, slice_of("SQS"), ".", operation);
	else
		add_two(text,
			slice_of(exchange->method == HTTP_OTHER
					 ? "HTTP"
					 : http_method_name(exchange->method)),
			" ", source->route);
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

size_t span_name(char out[LABEL_VALUE_MAX], const struct attribute_source *source)
{
	char raw[LABEL_VALUE_MAX];
	struct text text = {raw, 0};

	if (source->exchange->kind == EXCHANGE_HTTP)
		add_http(&text, source);
	else
		add_call(&text, source->exchange);
	return http_clean(out, (struct slice){text.p, text.n});
}

static enum span_role role_of_message(enum messaging_action action)
{
	switch (action) {
	case MESSAGING_SEND:
		return SPAN_ROLE_PRODUCER;
	case MESSAGING_PROCESS:
		return SPAN_ROLE_CONSUMER;
	case MESSAGING_NONE:
	case MESSAGING_RECEIVE:
	case MESSAGING_SETTLE:
		break;
	}
	return SPAN_ROLE_CLIENT;
}

enum span_role span_role(const struct exchange *exchange)
{
	if (exchange->conn.role == KH_ROLE_SERVER)
		return SPAN_ROLE_SERVER;
	if (exchange->kind == EXCHANGE_MESSAGING)
		return role_of_message(exchange->action);
	return SPAN_ROLE_CLIENT;
}

bool span_failed(const struct exchange *exchange)
{
	bool client = exchange->conn.role == KH_ROLE_CLIENT;

	if (exchange->error == EXCHANGE_CANCELLED && !exchange->failed)
		return false;
	if (exchange->kind != EXCHANGE_HTTP)
		return call_error(exchange).n > 0;
	return exchange->error != EXCHANGE_OK ||
	       http_error_status(client ? HTTP_CLIENT : HTTP_SERVER, exchange) > 0;
}
