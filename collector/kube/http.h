/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One GET at a time to the API server, by libcurl's multi interface on the front thread's loop.
 * TLS, token and client certificate as struct kube_options says; files are read anew for each
 * request, so that rotation needs no restart. HTTP/2 and gzip are used if the server offers them.
 * Redirects, proxies (also those of the environment), cookies and all protocols but http and https
 * are off.
 */
#ifndef KEYHOLE_KUBE_HTTP_H
#define KEYHOLE_KUBE_HTTP_H

#include "../loop.h"
#include "fault.h"
#include "options.h"

#define KUBE_CONNECT_MS 10000    /* to connect, TLS included */
#define KUBE_FIRST_BYTE_MS 30000 /* from the request to the answer's head */
#define KUBE_RETRY_AFTER_MAX 120 /* seconds; a server that asks for more gets this */
#define KUBE_ERROR_BODY_MAX 4096 /* bytes kept of an answer that is not 200 */
#define KUBE_HTTP_TEXT_MAX 256
/* A connection whose other end is gone without a word is given up after 60 seconds. */
#define KUBE_KEEPALIVE_IDLE_S 30 /* quiet, then it is asked */
#define KUBE_KEEPALIVE_INTERVAL_S 10
#define KUBE_KEEPALIVE_COUNT 3
#define KUBE_UNACKED_MS 60000 /* sent and not acknowledged */

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

struct kube_http_request {
	const char *path;   /* "/api/v1/..." */
	const char *accept; /* NULL: "application/json" */
	uint64_t idle_ms;   /* longest time without a byte once the answer has begun */
	uint64_t total_ms;  /* longest time in all; 0: without limit */
	/* Bytes of the body, after decompression; 0: without limit, and no gzip is asked for. */
	uint64_t body_max;
};

/*
 * Returns 0, -EBUSY (a request is running), or -errno with `answer` saying why nothing was sent
 * (`done` is not called).
 */
int kube_http_get(struct kube_http *http, const struct kube_http_request *request,
		  struct kube_http_answer *answer);
void kube_http_idle(struct kube_http *http, uint64_t idle_ms); /* of the running one, from now on */
void kube_http_cancel(struct kube_http *http);

#endif
