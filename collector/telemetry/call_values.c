/* SPDX-License-Identifier: Apache-2.0 */
#include "call_values.h"

#define FAILED_SOMEHOW "_OTHER" /* what conventions reserve for it */

/* Values that the conventions have; for mqtt, nats and amqp they have none, Beyla has these. */
static const char *const systems[PROTOCOLS] = {
	[PROTOCOL_GRPC] = "grpc",
	[PROTOCOL_JSONRPC] = "jsonrpc",
	[PROTOCOL_POSTGRESQL] = "postgresql",
	[PROTOCOL_MYSQL] = "mysql",
	[PROTOCOL_MARIADB] = "mariadb",
	[PROTOCOL_MSSQL] = "microsoft.sql_server",
	[PROTOCOL_REDIS] = "redis",
	[PROTOCOL_MEMCACHED] = "memcached",
	[PROTOCOL_MONGODB] = "mongodb",
	[PROTOCOL_CASSANDRA] = "cassandra",
	[PROTOCOL_ELASTICSEARCH] = "elasticsearch",
	[PROTOCOL_OPENSEARCH] = "opensearch",
	[PROTOCOL_KAFKA] = "kafka",
	[PROTOCOL_AMQP] = "rabbitmq",
	[PROTOCOL_AMQP1] = "amqp",
	[PROTOCOL_MQTT] = "mqtt",
	[PROTOCOL_NATS] = "nats",
};

static const char *const actions[] = {
	[MESSAGING_NONE] = "",           [MESSAGING_SEND] = "send",
	[MESSAGING_RECEIVE] = "receive", [MESSAGING_PROCESS] = "process",
	[MESSAGING_SETTLE] = "settle",
};

const char *call_system_name(enum protocol protocol)
{
	return protocol < PROTOCOLS && systems[protocol] ? systems[protocol] : "";
}

const char *call_action_name(enum messaging_action action)
{
	return action < sizeof(actions) / sizeof(*actions) ? actions[action] : "";
}

/* ---- error.type ---- */

/* To a server of gRPC the other codes say that the client was wrong (semantic conventions). */
static bool is_servers_fault(struct slice code)
{
	static const char *const codes[] = {"UNKNOWN",  "DEADLINE_EXCEEDED", "UNIMPLEMENTED",
					    "INTERNAL", "UNAVAILABLE",       "DATA_LOSS"};

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		if (slice_is(code, codes[i]))
			return true;
	}
	return false;
}

struct slice call_error(const struct exchange *exchange)
{
	if (!exchange->failed)
		return slice_of(http_error_name(exchange->error));
	if (exchange->protocol == PROTOCOL_GRPC && exchange->conn.role == KH_ROLE_SERVER &&
	    !is_servers_fault(exchange->code))
		return slice_of("");
	return exchange->code.n > 0 ? exchange->code : slice_of(FAILED_SOMEHOW);
}

/* ---- any of them ---- */

/* The text that an attribute shows as it is, but for cleaning; "" for others. */
static struct slice text_of(unsigned int id, const struct exchange *exchange)
{
	switch (id) {
	case ATTR_RPC_SYSTEM:
	case ATTR_DB_SYSTEM:
	case ATTR_MESSAGING_SYSTEM:
		return slice_of(call_system_name(exchange->protocol));
	case ATTR_RPC_METHOD:
	case ATTR_DB_OPERATION:
	case ATTR_MESSAGING_OPERATION:
	case ATTR_DNS_TYPE:
		return exchange->operation;
	case ATTR_DB_COLLECTION:
	case ATTR_MESSAGING_DESTINATION:
	case ATTR_DNS_NAME:
		return exchange->collection;
	case ATTR_DB_NAMESPACE:
		return exchange->namespace;
	case ATTR_DB_SUMMARY:
		return exchange->summary;
	case ATTR_RPC_STATUS:
		return exchange->code;
	case ATTR_DB_STATUS:
		return exchange->failed ? exchange->code : slice_of("");
	case ATTR_MESSAGING_GROUP:
		return exchange->group;
	case ATTR_MESSAGING_TYPE:
		return slice_of(call_action_name(exchange->action));
	case ATTR_ERROR_TYPE:
		return call_error(exchange);
	case ATTR_SIDE:
		return slice_of(exchange->conn.role == KH_ROLE_CLIENT ? "client" : "server");
	default:
		return slice_of("");
	}
}

size_t call_value(char out[LABEL_VALUE_MAX], unsigned int id, const struct attribute_source *source,
		  const struct peer_namer *namer)
{
	const struct exchange *exchange = source->exchange;
	enum http_side side = exchange->conn.role == KH_ROLE_CLIENT ? HTTP_CLIENT : HTTP_SERVER;

	switch (id) {
	case ATTR_SERVER_ADDRESS:
	case ATTR_SERVER_PORT:
	case ATTR_CLIENT_ADDRESS:
	case ATTR_PID:
	case ATTR_HOST_PID:
		return http_value(out, id, side, source, namer);
	default:
		return http_clean(out, text_of(id, exchange));
	}
}

size_t exchange_value(char out[LABEL_VALUE_MAX], unsigned int id,
		      const struct attribute_source *source, const struct peer_namer *namer)
{
	int owner = attribute_owner_of(source->exchange);

	if (owner < 0 || attribute_presence(id, (enum attribute_owner)owner) == PRESENT_NEVER)
		return 0;
	if (owner != OWNER_HTTP_SERVER && owner != OWNER_HTTP_CLIENT)
		return call_value(out, id, source, namer);
	return http_value(out, id, (enum http_side)http_side_of(source->exchange), source, namer);
}

uint32_t exchange_number(unsigned int id, const struct attribute_source *source)
{
	int owner = attribute_owner_of(source->exchange);

	if (owner < 0 || attribute_presence(id, (enum attribute_owner)owner) == PRESENT_NEVER)
		return 0;
	return http_number(id, (enum http_side)http_side_of(source->exchange), source);
}
