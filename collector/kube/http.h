/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One GET at a time to the API server, by libcurl's multi interface on the front thread's loop.
 * TLS, token and client certificate as struct kube_options says; files are read anew for each
 * request, so that rotation needs no restart. Redirects, proxies, cookies and all protocols but
 * http and https are off.
 */
#ifndef KEYHOLE_KUBE_HTTP_H
#define KEYHOLE_KUBE_HTTP_H

#include "../loop.h"
#include "event.h"
#include "options.h"

#define KUBE_CONNECT_MS 10000    /* to connect, TLS included */
#define KUBE_FIRST_BYTE_MS 30000 /* from the request to the answer's head */
#define KUBE_RETRY_AFTER_MAX 120 /* seconds; a server that asks for more gets this */
#define KUBE_ERROR_BODY_MAX 4096 /* bytes kept of an answer that is not 200 */
#define KUBE_HTTP_TEXT_MAX 256

/* Why a request, or what came back, was of no use. X(ENUM, word in metrics). */
#define KUBE_FAULTS(X)                                                                             \
	X(NONE, "none")                                                                            \
	X(SECRET, "secret")   /* token, CA or key cannot be read */                                \
	X(CONNECT, "connect") /* no address, refused, unreachable */                               \
	X(TLS, "tls")                                                                              \
	X(TIMEOUT, "timeout")           /* no connection or no byte for too long */                \
	X(BROKEN, "broken")             /* the connection ended in the middle */                   \
	X(UNAUTHORIZED, "unauthorized") /* 401 */                                                  \
	X(FORBIDDEN, "forbidden")       /* 403 */                                                  \
	X(GONE, "gone")                 /* 410: the version is too old */                          \
	X(THROTTLED, "throttled")       /* 429, and 503 with Retry-After */                        \
	X(SERVER, "server")             /* 5xx */                                                  \
	X(STATUS, "status")             /* any other status but 200 */                             \
	X(GARBAGE, "garbage")           /* not what the API sends */                               \
	X(MEMORY, "memory")

enum kube_fault {
#define KUBE_X(e, word) KUBE_FAULT_##e,
	KUBE_FAULTS(KUBE_X)
#undef KUBE_X
		KUBE_FAULT_COUNT,
};

extern const char *const kube_fault_word[KUBE_FAULT_COUNT];

/* How a request ended. Text is hostile. */
struct kube_http_answer {
	enum kube_fault fault; /* NONE: status 200 and the whole body was handed over */
	long status;           /* 0: no answer */
	unsigned retry_after_s;
	char text[KUBE_HTTP_TEXT_MAX]; /* why, in the words of libcurl, the system or the server */
};

/*
 * `begun`: the head of a 200 answer is complete.
 * `body`: the next bytes of a 200 answer; not 0 stops the request (fault GARBAGE).
 * `done`: exactly once for each kube_http_get() that returned 0 and was not cancelled; the next
 * request may be made from it.
 */
struct kube_http_handler {
	void (*begun)(void *arg);
	int (*body)(void *arg, struct slice bytes);
	void (*done)(void *arg, const struct kube_http_answer *answer);
	void *arg;
};

struct kube_http;

/*
 * curl_global_init() belongs before the sandbox and is done here: make this object first. NULL:
 * out of memory.
 */
struct kube_http *kube_http_new(struct loop *loop, const struct kube_options *options,
				const struct kube_http_handler *handler);
void kube_http_free(struct kube_http *http);

/*
 * Asks for `path` ("/api/v1/..."); `accept`: NULL for "application/json". `idle_ms`: longest time
 * without a byte once the answer has begun; `total_ms`: longest time in all, 0 without limit.
 * Returns 0, -EBUSY (one is running), or -errno with `answer` saying why nothing was sent (`done`
 * is not called).
 */
int kube_http_get(struct kube_http *http, const char *path, const char *accept, uint64_t idle_ms,
		  uint64_t total_ms, struct kube_http_answer *answer);
void kube_http_cancel(struct kube_http *http);

#endif
