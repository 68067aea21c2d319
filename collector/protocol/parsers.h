/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the table in parsers.c: one per protocol, each in the file of its name. */
#ifndef KEYHOLE_PROTOCOL_PARSERS_H
#define KEYHOLE_PROTOCOL_PARSERS_H

#include "parser.h"

extern const struct parser amqp1_parser;
extern const struct parser amqp_parser;
extern const struct parser cassandra_parser;
extern const struct parser dns_parser;
extern const struct parser fastcgi_parser;
extern const struct parser http2_parser;
extern const struct parser kafka_parser;
extern const struct parser memcached_parser;
extern const struct parser mongodb_parser;
extern const struct parser mqtt_parser;
extern const struct parser mssql_parser;
extern const struct parser mysql_parser;
extern const struct parser nats_parser;
extern const struct parser postgresql_parser;
extern const struct parser redis_parser;

#endif
