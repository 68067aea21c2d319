/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_MODULE "kube"
#include "http.h"

#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "../cleanup.h"
#include "../curl_loop.h"
#include "../log.h"
#include "credentials.h"
#include "event.h"

struct kube_http {
	struct loop *loop;
	const struct kube_options *options;
	struct kube_http_handler handler;
	struct curl_loop *curl;

	/* The request under way; easy is NULL if there is none. */
	CURL *easy;
	struct curl_slist *headers, *connect_to;
	uint64_t idle_ms;
	size_t head;                 /* bytes of heads and trailers */
	uint64_t received, body_max; /* bytes of a 200 answer */
	bool answered, cut;
	bool fresh;          /* the last one ended badly: its connection is not to be trusted */
	bool starved;        /* we stopped for want of memory */
	const char *stopped; /* why we did; NULL: we did not */
	char error[CURL_ERROR_SIZE];
	char body[KUBE_ERROR_BODY_MAX]; /* of an answer that is not 200 */
	size_t body_n;
};

static void on_idle(void *arg);

static void release_request(struct kube_http *http)
{
	loop_cancel(http->loop, on_idle, http);
	if (!http->easy)
		return;
	curl_multi_remove_handle(curl_loop_multi(http->curl), http->easy);
	curl_easy_cleanup(http->easy);
	for (struct curl_slist *item = http->headers; item; item = item->next)
		explicit_bzero(item->data, strlen(item->data)); /* the token is among them */
	curl_slist_free_all(http->headers);
	curl_slist_free_all(http->connect_to);
	http->easy = NULL;
	http->headers = http->connect_to = NULL;
}

static enum kube_fault fault_of_curl(CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_URL_MALFORMAT:
		return KUBE_FAULT_CONNECT;
	case CURLE_OPERATION_TIMEDOUT:
		return KUBE_FAULT_TIMEOUT;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
		return KUBE_FAULT_TLS;
	case CURLE_UNSUPPORTED_PROTOCOL: /* an answer without a head (HTTP/0.9) */
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_WRITE_ERROR: /* the receiver of the body stopped */
		return KUBE_FAULT_GARBAGE;
	case CURLE_OUT_OF_MEMORY:
		return KUBE_FAULT_MEMORY;
	default:
		return KUBE_FAULT_BROKEN;
	}
}

static enum kube_fault fault_of_status(long status, unsigned retry_after_s)
{
	if (status == 200)
		return KUBE_FAULT_NONE;
	if (status == 401)
		return KUBE_FAULT_UNAUTHORIZED;
	if (status == 403)
		return KUBE_FAULT_FORBIDDEN;
	if (status == 410)
		return KUBE_FAULT_GONE;
	if (status == 429 || (status == 503 && retry_after_s))
		return KUBE_FAULT_THROTTLED;
	return status >= 500 ? KUBE_FAULT_SERVER : KUBE_FAULT_STATUS;
}

static unsigned clamp_retry(curl_off_t seconds)
{
	if (seconds < 0)
		return 0;
	return seconds > KUBE_RETRY_AFTER_MAX ? KUBE_RETRY_AFTER_MAX : seconds;
}

static void explain_status(struct kube_http *http, struct kube_http_answer *answer)
{
	struct kube_status status;

	kube_status_decode((struct slice){http->body, http->body_n}, &status);
	if (!answer->retry_after_s)
		answer->retry_after_s = clamp_retry(status.retry_after_s);
	answer->fault = fault_of_status(answer->status, answer->retry_after_s);
	snprintf(answer->text, sizeof(answer->text), "HTTP %ld%s%.200s", answer->status,
		 *status.message ? ": " : "", status.message);
}

static void explain_stop(struct kube_http *http, struct kube_http_answer *answer)
{
	const char *type = NULL;

	curl_easy_getinfo(http->easy, CURLINFO_CONTENT_TYPE, &type);
	snprintf(answer->text, sizeof(answer->text), "%s (%.100s)", http->stopped,
		 type ? type : "no content type");
}

static void explain(struct kube_http *http, CURLcode code, struct kube_http_answer *answer)
{
	curl_off_t retry = 0;

	*answer = (struct kube_http_answer){0};
	curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &answer->status);
	curl_easy_getinfo(http->easy, CURLINFO_RETRY_AFTER, &retry);
	answer->retry_after_s = clamp_retry(retry);
	if (answer->status != 200 && (code == CURLE_OK || http->cut)) {
		explain_status(http, answer);
	} else if (http->starved) {
		answer->fault = KUBE_FAULT_MEMORY;
		snprintf(answer->text, sizeof(answer->text), "out of memory");
	} else if (http->stopped) {
		answer->fault = KUBE_FAULT_GARBAGE;
		explain_stop(http, answer);
	} else if (code != CURLE_OK) {
		answer->fault = fault_of_curl(code);
		snprintf(answer->text, sizeof(answer->text), "%.200s",
			 *http->error ? http->error : curl_easy_strerror(code));
	}
}

/* The only place where requests end by themselves. */
static void on_done(void *arg, CURL *easy, CURLcode code)
{
	struct kube_http *http = arg;
	struct kube_http_answer answer;

	if (easy != http->easy)
		return;
	explain(http, code, &answer);
	http->fresh = answer.status == 0 || code != CURLE_OK;
	release_request(http);
	http->handler.done(http->handler.arg, &answer);
}

/* A server that does not even begin to answer is given up sooner than a quiet watch. */
static uint64_t silence_ms(const struct kube_http *http)
{
	if (http->answered || http->idle_ms < KUBE_FIRST_BYTE_MS)
		return http->idle_ms;
	return KUBE_FIRST_BYTE_MS;
}

static void on_idle(void *arg)
{
	struct kube_http *http = arg;
	struct kube_http_answer answer = {.fault = KUBE_FAULT_TIMEOUT};

	curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &answer.status);
	snprintf(answer.text, sizeof(answer.text), "no byte for %llu ms",
		 (unsigned long long)silence_ms(http));
	http->fresh = true;
	release_request(http);
	http->handler.done(http->handler.arg, &answer);
}

static void rearm_idle(struct kube_http *http)
{
	loop_after(http->loop, silence_ms(http), on_idle, http);
}

static size_t stop(struct kube_http *http, const char *why)
{
	http->stopped = why;
	return CURL_WRITEFUNC_ERROR;
}

/* A portal of a hotel, or a proxy, also answers 200. */
static bool is_json(struct kube_http *http)
{
	const char *type = NULL;

	curl_easy_getinfo(http->easy, CURLINFO_CONTENT_TYPE, &type);
	return !type || strncasecmp(type, "application/json", 16) == 0;
}

static size_t curl_has_header(char *p, size_t size, size_t n, void *arg)
{
	struct kube_http *http = arg;
	long status = 0;

	http->answered = true;
	rearm_idle(http);
	n *= size;
	if (!curl_loop_head_fits(&http->head, n))
		return stop(http, "the answer's head or trailers are longer than any real ones");
	curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200 || n > 2 || *p == '\0' || !strchr("\r\n", *p)) /* not the head's end */
		return n;
	if (!is_json(http))
		return stop(http, "the answer is not JSON");
	http->handler.begun(http->handler.arg);
	return n;
}

/* Of an answer that is not 200: what we need to know is in the first bytes. */
static size_t keep_error(struct kube_http *http, const char *p, size_t n)
{
	size_t room = sizeof(http->body) - http->body_n, fits = n < room ? n : room;

	memcpy(http->body + http->body_n, p, fits);
	http->body_n += fits;
	http->cut = fits < n;
	return http->cut ? CURL_WRITEFUNC_ERROR : n;
}

static size_t curl_has_body(char *p, size_t size, size_t n, void *arg)
{
	struct kube_http *http = arg;
	long status = 0;
	int ret;

	n *= size;
	rearm_idle(http);
	curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		return keep_error(http, p, n);
	http->received += n;
	if (http->body_max && http->received > http->body_max)
		return stop(http, "the answer is longer than any real one");
	ret = http->handler.body(http->handler.arg, (struct slice){p, n});
	if (ret == 0)
		return n;
	http->starved = ret == -ENOMEM;
	return stop(http, "the answer is not JSON of the shape asked for");
}

/* libcurl sets the times of the keepalive, but not these. */
static int curl_has_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	int count = KUBE_KEEPALIVE_COUNT, unacked = KUBE_UNACKED_MS;

	(void)arg;
	(void)purpose;
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacked, sizeof(unacked));
	return CURL_SOCKOPT_OK;
}

struct kube_http *kube_http_new(struct loop *loop, const struct kube_options *options,
				const struct kube_http_handler *handler)
{
	struct kube_http *http = calloc(1, sizeof(*http));

	if (!http)
		return NULL;
	http->loop = loop;
	http->options = options;
	http->handler = *handler;
	http->curl = curl_loop_new(loop, on_done, http);
	if (!http->curl) {
		free(http);
		return NULL;
	}
	return http;
}

void kube_http_free(struct kube_http *http)
{
	if (!http)
		return;
	release_request(http);
	curl_loop_free(http->curl);
	free(http);
}

void kube_http_cancel(struct kube_http *http)
{
	release_request(http);
}

/*
 * libcurl verifies the certificate against the URL's host. For tls-server-name the URL names that,
 * and the connection is sent to where the server really is.
 */
static int set_url(struct kube_http *http, const char *path)
{
	const struct kube_options *options = http->options;
	bool v6 = strchr(options->host, ':');
	_cleanup_free_ char *url = NULL, *to = NULL;
	const char *prefix;

	if (!options->tls_server_name) {
		if (asprintf(&url, "%s%s", options->base, path) < 0)
			return -ENOMEM;
		return curl_easy_setopt(http->easy, CURLOPT_URL, url) == CURLE_OK ? 0 : -ENOMEM;
	}
	prefix = strchr(strstr(options->base, "://") + 3, '/');
	if (asprintf(&url, "https://%s:%u%s%s", options->tls_server_name, options->port,
		     prefix ? prefix : "", path) < 0 ||
	    asprintf(&to, v6 ? "::[%s]:%u" : "::%s:%u", options->host, options->port) < 0)
		return -ENOMEM;
	http->connect_to = curl_slist_append(NULL, to);
	if (!http->connect_to)
		return -ENOMEM;
	curl_easy_setopt(http->easy, CURLOPT_CONNECT_TO, http->connect_to);
	return curl_easy_setopt(http->easy, CURLOPT_URL, url) == CURLE_OK ? 0 : -ENOMEM;
}

static void set_connection(CURL *easy, bool fresh)
{
	/* A connection of HTTP/2 outlives a request that was given up on it. */
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, fresh ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)KUBE_CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KUBE_KEEPALIVE_IDLE_S);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KUBE_KEEPALIVE_INTERVAL_S);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, curl_has_socket);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
}

static void set_behaviour(struct kube_http *http, const struct kube_http_request *request)
{
	CURL *easy = http->easy;

	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	if (request->body_max)
		curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	/* Not "curl/...": the API server indents its JSON for that, which doubles it. */
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "keyhole/" KEYHOLE_VERSION);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->total_ms);
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* never wait for a resolver thread */
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, http->error);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, curl_has_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, http);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, curl_has_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, http);
}

static int set_accept(struct kube_http *http, const char *accept)
{
	_cleanup_free_ char *line = NULL;

	if (asprintf(&line, "Accept: %s", accept ? accept : "application/json") < 0)
		return -ENOMEM;
	http->headers = curl_slist_append(NULL, line);
	return http->headers ? 0 : -ENOMEM;
}

static int prepare(struct kube_http *http, const struct kube_http_request *request,
		   struct kube_http_answer *answer)
{
	int ret;

	if (!http->options->host) {
		answer->fault = KUBE_FAULT_CONNECT;
		snprintf(answer->text, sizeof(answer->text), "no address is known");
		return -EDESTADDRREQ;
	}
	ret = set_accept(http, request->accept);
	if (ret)
		return ret;
	set_behaviour(http, request);
	set_connection(http->easy, http->fresh);
	ret = set_url(http, request->path);
	if (!ret)
		ret = kube_credentials_set(http->easy, http->options, &http->headers, answer);
	if (ret)
		return ret;
	curl_easy_setopt(http->easy, CURLOPT_HTTPHEADER, http->headers);
	return curl_multi_add_handle(curl_loop_multi(http->curl), http->easy) == CURLM_OK ? 0
											  : -ENOMEM;
}

int kube_http_get(struct kube_http *http, const struct kube_http_request *request,
		  struct kube_http_answer *answer)
{
	int ret;

	*answer = (struct kube_http_answer){0};
	if (http->easy)
		return -EBUSY;
	http->idle_ms = request->idle_ms;
	http->body_max = request->body_max;
	http->received = http->head = 0;
	http->answered = http->cut = http->starved = false;
	http->stopped = NULL;
	http->body_n = 0;
	http->error[0] = 0;
	http->easy = curl_easy_init();
	ret = http->easy ? prepare(http, request, answer) : -ENOMEM;
	if (!ret) {
		rearm_idle(http);
		return 0;
	}
	if (answer->fault == KUBE_FAULT_NONE) {
		answer->fault = KUBE_FAULT_MEMORY;
		snprintf(answer->text, sizeof(answer->text), "out of memory");
	}
	release_request(http);
	return ret;
}

void kube_http_idle(struct kube_http *http, uint64_t idle_ms)
{
	http->idle_ms = idle_ms;
	if (http->easy)
		rearm_idle(http);
}
