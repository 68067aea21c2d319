/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange.h"

enum exchange_kind protocol_kind(enum protocol protocol)
{
	switch (protocol) {
	case PROTOCOL_GRPC:
	case PROTOCOL_JSONRPC:
		return EXCHANGE_RPC;
	case PROTOCOL_POSTGRESQL:
	case PROTOCOL_MYSQL:
	case PROTOCOL_MARIADB:
	case PROTOCOL_MSSQL:
	case PROTOCOL_REDIS:
	case PROTOCOL_MEMCACHED:
	case PROTOCOL_MONGODB:
	case PROTOCOL_CASSANDRA:
	case PROTOCOL_ELASTICSEARCH:
	case PROTOCOL_OPENSEARCH:
		return EXCHANGE_DB;
	case PROTOCOL_KAFKA:
	case PROTOCOL_AMQP:
	case PROTOCOL_AMQP1:
	case PROTOCOL_MQTT:
	case PROTOCOL_NATS:
		return EXCHANGE_MESSAGING;
	case PROTOCOL_DNS:
		return EXCHANGE_DNS;
	case PROTOCOL_HTTP:
	case PROTOCOL_HTTP2:
	case PROTOCOL_FASTCGI:
	case PROTOCOL_GRAPHQL:
	case PROTOCOL_S3:
	case PROTOCOL_SQS:
	case PROTOCOLS:
		break;
	}
	return EXCHANGE_HTTP;
}
