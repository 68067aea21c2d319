/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One exchange: a request and its answer, as a parser understood them. This is what protocol/
 * hands to identity/ and telemetry/. Slices point into the record being handled.
 */
#ifndef KEYHOLE_PROTOCOL_EXCHANGE_H
#define KEYHOLE_PROTOCOL_EXCHANGE_H

#include "../../bpf/events.h"
#include "../slice.h"

/* HTTP methods of RFC 9110, PATCH (RFC 5789) and QUERY; all others are HTTP_OTHER ("_OTHER"). */
enum http_method {
	HTTP_OTHER,
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PUT,
	HTTP_DELETE,
	HTTP_CONNECT,
	HTTP_OPTIONS,
	HTTP_TRACE,
	HTTP_PATCH,
	HTTP_QUERY,
	HTTP_METHODS,
};

/* Why an exchange has no proper answer; the values of error.type beside status codes. */
enum exchange_error {
	EXCHANGE_OK,
	EXCHANGE_RESET,      /* "connection_reset": the connection ended before the answer did */
	EXCHANGE_CLOSED,     /* "connection_closed": closed in order, but before the answer was whole */
	EXCHANGE_BAD_ANSWER, /* "invalid_response": the answer is not of the protocol */
};

struct exchange {
	struct kh_conn conn;
	uint64_t cgroup;
	uint32_t tgid, tid;
	uint32_t req_seq; /* TCP sequence number of the request's first byte; 0 unknown */

	uint64_t start_ns; /* first byte of the request received (server) or sent (client) */
	uint64_t first_ns; /* first byte of the answer; 0: none */
	uint64_t end_ns;   /* last byte of the answer sent (server) or received (client) */

	enum http_method method;
	uint16_t status;       /* 100..599; 0: no answer */
	enum exchange_error error;
	struct slice target;   /* request target as sent, query included; may be cut (target_cut) */
	bool target_cut;
	struct slice host;     /* Host field or authority of the target; "" if absent */
	struct slice traceparent, tracestate;
	uint64_t req_body;     /* bytes of the request's body: counted, else declared */
	uint64_t resp_body;    /* likewise of the response's */
};

#endif
