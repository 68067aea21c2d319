/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an HTTP exchange's attributes are worth, as series and filters want it. No allocation. The
 * rules for addresses and errors stand in telemetry.h.
 */
#ifndef KEYHOLE_TELEMETRY_HTTP_VALUES_H
#define KEYHOLE_TELEMETRY_HTTP_VALUES_H

#include "attributes.h"
#include "labels.h"

#define HTTP_AWS "aws-api" /* rpc.system.name of S3 and SQS */
#define HTTP_SCHEME "http" /* what is captured today is plaintext */

enum http_side { HTTP_SERVER, HTTP_CLIENT, HTTP_SIDES };

/* -EINVAL: the exchange's role is not known. */
int http_side_of(const struct exchange *exchange);

/*
 * Who is at the other end, if that is certain. Writes at most `size` bytes of any text; returns how
 * many, 0 where nobody knows, which makes it the address.
 */
struct peer_namer {
	size_t (*name)(void *arg, const struct exchange *exchange, char *buf, size_t size);
	void *arg;
};

const char *http_method_name(unsigned int method);
const char *http_error_name(unsigned int error); /* "" for EXCHANGE_OK */

/* The status if it makes error.type, else 0. */
uint16_t http_error_status(enum http_side side, const struct exchange *exchange);

/* On the server's side the local port, unless the Host field is to be believed. */
uint16_t http_server_port(enum http_side side, const struct exchange *exchange, bool from_host);

/* "" for HTTP itself, and where the version is not known. */
const char *http_protocol_name(const struct exchange *exchange);
const char *http_protocol_version(const struct exchange *exchange);

/* Clean text of at most LABEL_VALUE_MAX bytes; each returns how many. */
size_t http_clean(char *out, struct slice text);

/* AWS' service and operation: "S3/GetObject". */
size_t http_aws_method(char *out, const struct exchange *exchange);
size_t http_path(char *out, const struct exchange *exchange);
size_t http_server_address(char *out, enum http_side side, const struct exchange *exchange,
			   const struct peer_namer *namer);
size_t http_client_address(char *out, const struct exchange *exchange,
			   const struct peer_namer *namer);

/* The value of any attribute of an HTTP request as text in `out`; a number as text too. */
size_t http_value(char out[LABEL_VALUE_MAX], unsigned int id, enum http_side side,
		  const struct attribute_source *source, const struct peer_namer *namer);
uint32_t http_number(unsigned int id, enum http_side side, const struct attribute_source *source);

#endif
