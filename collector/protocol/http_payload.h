/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What HTTP carries: GraphQL, Elasticsearch and OpenSearch, JSON-RPC, and AWS' S3 and SQS, told by
 * the request's target, its Host, one field, and what of the body was captured with the head. Off
 * unless the configuration asks for it (ebpf.payload_extraction.http).
 */
#ifndef KEYHOLE_PROTOCOL_HTTP_PAYLOAD_H
#define KEYHOLE_PROTOCOL_HTTP_PAYLOAD_H

#include "http1.h"

/* Bytes of an operation, or of what it is about; a longer one is left out. */
#define HTTP_PAYLOAD_NAME 128

struct http_payload {
	enum protocol protocol;
	/* constants, or slices into the request: db.operation.name, rpc.method, the type of a
	 * GraphQL operation; and the index, the bucket, the queue, or the name of a GraphQL
	 * operation */
	struct slice operation, collection;
};

/* `on`: bits of enum protocol. False: it is plain HTTP, or none of those that are on. */
bool http_payload_find(uint64_t on, const struct http1_request *request, struct http_payload *out);

/* The code of an error, in the beginning of an answer's body; "": none is there. */
struct slice http_payload_error(enum protocol protocol, struct slice body);

/* Makes the exchange one of that protocol, which failed if there is an error or by its status. */
void http_payload_apply(const struct http_payload *payload, struct slice error, struct exchange *x);

#endif
