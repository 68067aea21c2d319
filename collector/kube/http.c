/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_MODULE "kube"
#include "http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "../cleanup.h"
#include "../log.h"

const char *const kube_fault_word[KUBE_FAULT_COUNT] = {
#define KUBE_X(e, word) [KUBE_FAULT_##e] = word,
	KUBE_FAULTS(KUBE_X)
#undef KUBE_X
};

struct kube_http {
	struct loop *loop;
	const struct kube_options *options;
	struct kube_http_handler handler;
	CURLM *multi;

	/* The request under way; easy is NULL if there is none. */
	CURL *easy;
	struct curl_slist *headers, *connect_to;
	uint64_t idle_ms;
	bool answered, stopped, cut;
	char error[CURL_ERROR_SIZE];
	char body[KUBE_ERROR_BODY_MAX]; /* of an answer that is not 200 */
	size_t body_n;
};

static void on_timeout(void *arg);
static void on_idle(void *arg);

static void release_request(struct kube_http *http)
{
	loop_cancel(http->loop, on_idle, http);
	if (!http->easy)
		return;
	curl_multi_remove_handle(http->multi, http->easy);
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

static void explain(struct kube_http *http, CURLcode code, struct kube_http_answer *answer)
{
	curl_off_t retry = 0;

	*answer = (struct kube_http_answer){0};
	curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &answer->status);
	curl_easy_getinfo(http->easy, CURLINFO_RETRY_AFTER, &retry);
	answer->retry_after_s = clamp_retry(retry);
	if (answer->status != 200 && (code == CURLE_OK || http->cut)) {
		explain_status(http, answer);
	} else if (code != CURLE_OK) {
		answer->fault = fault_of_curl(code);
		snprintf(answer->text, sizeof(answer->text), "%.200s",
			 http->stopped  ? "the answer is not JSON of the shape asked for"
			 : *http->error ? http->error
					: curl_easy_strerror(code));
	}
}

/* The only place where requests end by themselves; never inside one of libcurl's callbacks. */
static void collect(struct kube_http *http)
{
	struct kube_http_answer answer;
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left))) {
		if (message->msg != CURLMSG_DONE || message->easy_handle != http->easy)
			continue;
		explain(http, message->data.result, &answer);
		release_request(http);
		http->handler.done(http->handler.arg, &answer);
	}
}

static void on_socket(void *arg, int fd, uint32_t events)
{
	struct kube_http *http = arg;
	int flags = 0, running;

	if (events & EPOLLIN)
		flags |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		flags |= CURL_CSELECT_OUT;
	if (events & (EPOLLERR | EPOLLHUP))
		flags |= CURL_CSELECT_ERR;
	curl_multi_socket_action(http->multi, fd, flags, &running);
	collect(http);
}

static void on_timeout(void *arg)
{
	struct kube_http *http = arg;
	int running;

	curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(http);
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
	release_request(http);
	http->handler.done(http->handler.arg, &answer);
}

static int curl_wants_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *watched)
{
	struct kube_http *http = arg;
	uint32_t events = 0;
	int ret;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (watched)
			loop_forget(http->loop, fd);
		return 0;
	}
	if (what & CURL_POLL_IN)
		events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		events |= EPOLLOUT;
	if (watched)
		ret = loop_change(http->loop, fd, events);
	else
		ret = loop_watch(http->loop, fd, events, on_socket, http);
	if (ret)
		return -1;
	curl_multi_assign(http->multi, fd, http);
	return 0;
}

static int curl_wants_timer(CURLM *multi, long ms, void *arg)
{
	struct kube_http *http = arg;

	(void)multi;
	if (ms < 0)
		loop_cancel(http->loop, on_timeout, http);
	else if (loop_after(http->loop, ms, on_timeout, http))
		return -1;
	return 0;
}

static void rearm_idle(struct kube_http *http)
{
	loop_after(http->loop, silence_ms(http), on_idle, http);
}

static size_t curl_has_header(char *p, size_t size, size_t n, void *arg)
{
	struct kube_http *http = arg;

	long status = 0;

	http->answered = true;
	rearm_idle(http);
	n *= size;
	curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200 && n <= 2 && *p != '\0' && strchr("\r\n", *p)) /* the head's end */
		http->handler.begun(http->handler.arg);
	return n;
}

static size_t curl_has_body(char *p, size_t size, size_t n, void *arg)
{
	struct kube_http *http = arg;
	size_t room = sizeof(http->body) - http->body_n, fits;
	long status = 0;

	n *= size;
	rearm_idle(http);
	curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200) {
		fits = n < room ? n : room;
		memcpy(http->body + http->body_n, p, fits);
		http->body_n += fits;
		http->cut = fits < n; /* what we need to know is in the first bytes */
		return http->cut ? CURL_WRITEFUNC_ERROR : n;
	}
	if (http->handler.body(http->handler.arg, (struct slice){p, n}) == 0)
		return n;
	http->stopped = true;
	return CURL_WRITEFUNC_ERROR;
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
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		http->multi = curl_multi_init();
	if (!http->multi) {
		free(http);
		return NULL;
	}
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, curl_wants_socket);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, curl_wants_timer);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, 2L);
	return http;
}

void kube_http_free(struct kube_http *http)
{
	if (!http)
		return;
	release_request(http);
	curl_multi_cleanup(http->multi);
	loop_cancel(http->loop, on_timeout, http);
	curl_global_cleanup();
	free(http);
}

void kube_http_cancel(struct kube_http *http)
{
	release_request(http);
}

/* Reads a secret; a clear line in `answer` if that fails. Not set at all is no failure: *out NULL.
 */
static int read_secret(const struct kube_secret *secret, const char *what, const char *fix,
		       char **out, size_t *n, struct kube_http_answer *answer)
{
	int ret = 0;

	*out = NULL;
	if (secret->path || secret->data)
		ret = kube_secret_read(secret, out, n);
	if (!ret)
		return 0;
	answer->fault = ret == -ENOMEM ? KUBE_FAULT_MEMORY : KUBE_FAULT_SECRET;
	snprintf(answer->text, sizeof(answer->text), "cannot read the %s %s: %s; %s", what,
		 secret->path ? secret->path : "given", strerror(-ret), fix);
	return ret;
}

static int set_token(struct kube_http *http, struct kube_http_answer *answer)
{
	const struct kube_secret *secret = &http->options->token;
	_cleanup_free_ char *token = NULL, *line = NULL;
	struct curl_slist *headers;
	size_t n = 0;
	int ret = read_secret(secret, "token",
			      "mount the service account's token (automountServiceAccountToken) "
			      "readable for this user",
			      &token, &n, answer);

	if (ret || !token)
		return ret;
	while (n && (token[n - 1] == '\n' || token[n - 1] == '\r' || token[n - 1] == ' '))
		n--;
	token[n] = 0;
	for (size_t i = 0; i < n && !ret; i++)
		if (token[i] <= ' ' || token[i] > '~')
			ret = -EBADMSG;
	if (ret || n == 0) {
		answer->fault = KUBE_FAULT_SECRET;
		snprintf(answer->text, sizeof(answer->text),
			 "the token %s is %s; write one token on one line",
			 secret->path ? secret->path : "given", n ? "not plain text" : "empty");
		return -EBADMSG;
	}
	if (asprintf(&line, "Authorization: Bearer %s", token) < 0)
		return -ENOMEM;
	headers = curl_slist_append(http->headers, line);
	explicit_bzero(token, n);
	explicit_bzero(line, strlen(line));
	if (!headers)
		return -ENOMEM;
	http->headers = headers;
	return 0;
}

static int set_blob(struct kube_http *http, CURLoption option, const struct kube_secret *secret,
		    const char *what, struct kube_http_answer *answer)
{
	struct curl_blob blob = {.flags = CURL_BLOB_COPY};
	_cleanup_free_ char *data = NULL;
	size_t n = 0;
	int ret = read_secret(secret, what, "check the path and its mode", &data, &n, answer);

	if (ret || !data)
		return ret;
	blob.data = data;
	blob.len = n;
	ret = curl_easy_setopt(http->easy, option, &blob) == CURLE_OK ? 0 : -ENOMEM;
	explicit_bzero(data, n);
	return ret;
}

static int set_tls(struct kube_http *http, struct kube_http_answer *answer)
{
	const struct kube_options *options = http->options;
	CURL *easy = http->easy;
	int ret;

	if (!options->tls)
		return 0;
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, options->insecure ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, options->insecure ? 0L : 2L);
	if (options->ca.path || options->ca.data) {
		/* Only this CA may vouch for the API server, not those of the system. */
		curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
	ret = options->insecure ? 0
				: set_blob(http, CURLOPT_CAINFO_BLOB, &options->ca, "CA", answer);
	if (!ret)
		ret = set_blob(http, CURLOPT_SSLCERT_BLOB, &options->cert, "client certificate",
			       answer);
	if (!ret)
		ret = set_blob(http, CURLOPT_SSLKEY_BLOB, &options->key, "client key", answer);
	return ret;
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

static void set_behaviour(struct kube_http *http, uint64_t total_ms)
{
	CURL *easy = http->easy;

	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	/* Not "curl/...": the API server indents its JSON for that, which doubles it. */
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "keyhole/" KEYHOLE_VERSION);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)KUBE_CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)total_ms);
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* never wait for a resolver thread */
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 30L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 10L);
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

static int prepare(struct kube_http *http, const char *path, const char *accept, uint64_t total_ms,
		   struct kube_http_answer *answer)
{
	int ret = set_accept(http, accept);

	if (ret)
		return ret;
	set_behaviour(http, total_ms);
	ret = set_url(http, path);
	if (!ret)
		ret = set_tls(http, answer);
	if (!ret)
		ret = set_token(http, answer);
	if (ret)
		return ret;
	curl_easy_setopt(http->easy, CURLOPT_HTTPHEADER, http->headers);
	return curl_multi_add_handle(http->multi, http->easy) == CURLM_OK ? 0 : -ENOMEM;
}

int kube_http_get(struct kube_http *http, const char *path, const char *accept, uint64_t idle_ms,
		  uint64_t total_ms, struct kube_http_answer *answer)
{
	int ret;

	*answer = (struct kube_http_answer){0};
	if (http->easy)
		return -EBUSY;
	http->idle_ms = idle_ms;
	http->answered = http->stopped = http->cut = false;
	http->body_n = 0;
	http->error[0] = 0;
	http->easy = curl_easy_init();
	ret = http->easy ? prepare(http, path, accept, total_ms, answer) : -ENOMEM;
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
