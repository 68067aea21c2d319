/* SPDX-License-Identifier: Apache-2.0 */
#include "parsers.h"

/*
 * A row per protocol, in the order in which they are asked where ports tell nothing: those whose
 * signature nothing else has come first.
 */
const struct parser *const parsers[] = {
	&http2_parser,
	&nats_parser,
	&amqp_parser,
	&amqp1_parser,
	&postgresql_parser,
	&mongodb_parser,
	&mssql_parser,
	&cassandra_parser,
	&mqtt_parser,
	&fastcgi_parser,
	&redis_parser,
	&mysql_parser,
	&kafka_parser,
	&memcached_parser,
	&dns_parser,
};

const unsigned int parsers_n = sizeof(parsers) / sizeof(*parsers);

static const char *const names[PROTOCOLS] = {
	[PROTOCOL_HTTP] = "http",
	[PROTOCOL_HTTP2] = "http2",
	[PROTOCOL_GRPC] = "grpc",
	[PROTOCOL_FASTCGI] = "fastcgi",
	[PROTOCOL_POSTGRESQL] = "postgresql",
	[PROTOCOL_MYSQL] = "mysql",
	[PROTOCOL_MARIADB] = "mariadb",
	[PROTOCOL_MSSQL] = "mssql",
	[PROTOCOL_REDIS] = "redis",
	[PROTOCOL_MEMCACHED] = "memcached",
	[PROTOCOL_MONGODB] = "mongodb",
	[PROTOCOL_CASSANDRA] = "cassandra",
	[PROTOCOL_KAFKA] = "kafka",
	[PROTOCOL_AMQP] = "amqp",
	[PROTOCOL_AMQP1] = "amqp1",
	[PROTOCOL_MQTT] = "mqtt",
	[PROTOCOL_NATS] = "nats",
	[PROTOCOL_DNS] = "dns",
	[PROTOCOL_GRAPHQL] = "graphql",
	[PROTOCOL_ELASTICSEARCH] = "elasticsearch",
	[PROTOCOL_OPENSEARCH] = "opensearch",
	[PROTOCOL_JSONRPC] = "jsonrpc",
	[PROTOCOL_S3] = "s3",
	[PROTOCOL_SQS] = "sqs",
};

const char *protocol_name(enum protocol protocol)
{
	return names[protocol];
}
