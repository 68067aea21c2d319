/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP server, small enough to be replaced: it runs in the front loop, knows no endpoint and
 * calls one handler. Requests have no body; one that announces a body is answered 413.
 */
#ifndef KEYHOLE_EXPORT_HTTP_H
#define KEYHOLE_EXPORT_HTTP_H

#include "../loop.h"

#include <stdbool.h>
#include <stddef.h>

#define HTTP_CONNECTIONS_MAX 64        /* open at once; more wait in the kernel's backlog */
#define HTTP_CONNECTIONS_PER_IP_MAX 16 /* so that one peer can't take them all */
#define HTTP_CONNECTIONS_FREE 8        /* of them kept free: the oldest one is closed for it */
#define HTTP_REQUEST_MAX (16 << 10) /* bytes of a request's head, and of buffers per connection */
/*
 * Without a byte in either direction. libmicrohttpd 0.9.75 also needs it to notice a peer that
 * closed in the same instant in which it sent half a request.
 */
#define HTTP_TIMEOUT_SECONDS 15

struct http_server;

/* Strings are valid during the handler's call; header fields are NULL where absent. */
struct http_request {
	const char *method;
	const char *path; /* decoded, without the query */
	const char *accept;
	const char *accept_encoding;
};

/* Filled by the handler; zero where nothing applies. */
struct http_response {
	unsigned int status;
	const char *content_type;
	const char *allow;       /* for 405 */
	const char *retry_after; /* for 503, seconds */
	bool gzip;               /* the body is */
	char *body;              /* malloc()ed, the server's from now on */
	size_t n;
	/* Called once, when the body was sent or its connection ended. */
	void (*done)(void *arg, size_t n); /* the body's */
	void *done_arg;
};

typedef void (*http_handler)(void *arg, const struct http_request *request,
			     struct http_response *response);

/* Takes over the listening socket. Returns 0 or -errno. */
int http_start(struct http_server **server, struct loop *loop, int listener, http_handler handler,
	       void *arg);
/* Closes all connections. */
void http_stop(struct http_server *server);

#endif
