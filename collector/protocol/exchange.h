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

/* What was spoken. Names: protocol_name(), the instrumentations of the configuration. */
enum protocol {
	PROTOCOL_HTTP, /* HTTP/1 */
	PROTOCOL_HTTP2,
	PROTOCOL_GRPC,
	PROTOCOL_FASTCGI,
	PROTOCOL_POSTGRESQL,
	PROTOCOL_MYSQL,
	PROTOCOL_MARIADB, /* MySQL's protocol, from a server that says so */
	PROTOCOL_MSSQL,
	PROTOCOL_REDIS,
	PROTOCOL_MEMCACHED,
	PROTOCOL_MONGODB,
	PROTOCOL_CASSANDRA,
	PROTOCOL_KAFKA,
	PROTOCOL_AMQP, /* 0-9-1 */
	PROTOCOL_AMQP1,
	PROTOCOL_MQTT,
	PROTOCOL_NATS,
	PROTOCOL_DNS,
	/* over HTTP, told by path, head or body */
	PROTOCOL_GRAPHQL,
	PROTOCOL_ELASTICSEARCH,
	PROTOCOL_OPENSEARCH,
	PROTOCOL_JSONRPC,
	PROTOCOL_S3,
	PROTOCOL_SQS,
	PROTOCOLS,
};

/* Which metrics an exchange is counted in, and which of its fields mean something. */
enum exchange_kind {
	EXCHANGE_HTTP,      /* method, status, target, host. Of GraphQL operation: its type, and
			       collection: its name; of S3 and SQS operation: the API's */
	EXCHANGE_RPC,       /* operation: package.Service/Method; code: name of the status */
	EXCHANGE_DB,        /* operation, collection, namespace, summary; code: of a failure */
	EXCHANGE_MESSAGING, /* operation, collection: the destination; action */
	EXCHANGE_DNS,       /* operation: type of the question; collection: its name; code: rcode */
	EXCHANGE_KINDS,
	/* none: a connection whose bytes tell nothing; only whose it is */
	EXCHANGE_ENCRYPTED = EXCHANGE_KINDS,
};

/* Of the exchanges of a protocol (kind.c). */
enum exchange_kind protocol_kind(enum protocol protocol);

/* messaging.operation.type */
enum messaging_action {
	MESSAGING_NONE, /* of none of these types: connect, subscribe */
	MESSAGING_SEND,
	MESSAGING_RECEIVE, /* asked for by the consumer */
	MESSAGING_PROCESS, /* handed to the consumer */
	MESSAGING_SETTLE,
};

/* Why an exchange has no proper answer; the values of error.type beside status codes. */
enum exchange_error {
	EXCHANGE_OK,
	EXCHANGE_RESET,  /* "connection_reset": the connection ended before the answer did */
	EXCHANGE_CLOSED, /* "connection_closed": closed in order, but before the answer was whole */
	EXCHANGE_BAD_ANSWER, /* "invalid_response": the answer is not of the protocol */
	EXCHANGE_TIMEOUT,    /* "timeout": none came in the time that the protocol allows */
	EXCHANGE_CANCELLED,  /* "cancelled": the side that asked took it back */
};

/* The server's of a connection's two ports. */
static inline uint16_t conn_server_port(const struct kh_conn *conn)
{
	return conn->role == KH_ROLE_SERVER ? conn->lport : conn->rport;
}

/*
 * Numbers of exchanges that are alike: modulo this they tell a place in a table of all that may be
 * remembered of late. The first half is http1_memo.h's, the second call_memo.h's.
 */
#define ALIKE_PLACES 4096

struct exchange {
	struct kh_conn conn;
	uint64_t cgroup;
	uint32_t tgid, tid; /* who moved the answer: sent (server) or received it (client) */
	uint32_t req_tid;   /* the thread that received (server) or sent the request; 0 unknown */
	uint32_t req_seq;   /* TCP sequence number of the request's first byte; 0 unknown */
	uint64_t alike;     /* others with this number, if not 0, have the same process, side,
			       server's port and: HTTP/1 the same head of the request; others all
			       the same but for addresses, threads, times and sizes */
	uint64_t routine;   /* Go: address of the goroutine that did so; 0 unknown, or no Go */

	uint64_t start_ns; /* first byte of the request received (server) or sent (client) */
	uint64_t first_ns; /* first byte of the answer; 0: none */
	uint64_t end_ns;   /* last byte of the answer sent (server) or received (client) */

	enum http_method method;
	uint16_t status; /* 100..599; 0: no answer */
	enum exchange_error error;
	struct slice target; /* request target as sent, query included; may be cut (target_cut) */
	bool target_cut;
	struct slice host; /* Host field or authority of the target; "" if absent */
	struct slice traceparent, tracestate;
	uint64_t req_body;  /* bytes of the request's body: counted, else declared */
	uint64_t resp_body; /* likewise of the response's */

	enum exchange_kind kind;
	enum protocol protocol;
	/* of the kinds other than HTTP; "" where the protocol does not say or it was not seen */
	enum messaging_action action;
	bool failed; /* the answer says so; then code, if any, says how */
	bool waits;  /* it asked to be kept waiting (BLPOP, Fetch): its duration is no latency */
	struct slice operation;  /* db.operation.name, rpc.method, messaging.operation.name */
	struct slice collection; /* db.collection.name, messaging.destination.name */
	struct slice namespace;  /* db.namespace */
	struct slice summary;    /* db.query.summary: never a literal */
	struct slice code;       /* db.response.status_code, rpc.status_code, rcode */
	struct slice group;      /* messaging.consumer.group.name */
};

/* Those with its number have the same texts, too: not only the same head. */
static inline bool alike_in_all(const struct exchange *exchange)
{
	return exchange->alike % ALIKE_PLACES >= ALIKE_PLACES / 2;
}

#endif
