/* SPDX-License-Identifier: Apache-2.0 */
#include "otlp_post.h"

#include "../curl_loop.h"
#include "body.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define CONNECT_MS 10000L
#define ANSWER_KEPT (64u << 10) /* bytes of an answer that are looked at */
#define USER_AGENT "keyhole/" KEYHOLE_VERSION " OTel-OTLP-Exporter-C/" KEYHOLE_VERSION

struct otlp_post {
	const struct otlp_signal_options *options;
	struct curl_loop *curl;
	otlp_answer_fn done;
	void *arg;
	struct curl_slist *headers;

	CURL *easy; /* the request under way; NULL: none */
	struct body packed;
	bool too_long;
	size_t received, head; /* bytes of its body, and of the rest */
	char error[CURL_ERROR_SIZE];
	char answer[ANSWER_KEPT];
};

static void release(struct otlp_post *post)
{
	if (!post->easy)
		return;
	curl_multi_remove_handle(curl_loop_multi(post->curl), post->easy);
	curl_easy_cleanup(post->easy);
	post->easy = NULL;
	body_free(&post->packed);
}

static bool is_page(CURL *easy)
{
	const char *type = NULL;

	curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
	return type && strncasecmp(type, "text/html", 9) == 0;
}

/* Which statuses are tried again: OTLP's specification, "Retryable Response Codes". */
static enum otlp_result result_of(const struct otlp_post *post, CURLcode code, long status)
{
	if (status == 429 || status == 502 || status == 503 || status == 504)
		return OTLP_LATER;
	if (status >= 300 || (status > 0 && status < 200))
		return OTLP_REFUSED;
	if (!status || (code != CURLE_OK && !post->too_long))
		return OTLP_LATER;
	return is_page(post->easy) ? OTLP_LATER : OTLP_ACCEPTED;
}

static void explain(struct otlp_post *post, CURLcode code, struct otlp_answer *answer)
{
	struct slice body = {post->answer,
			     post->received < ANSWER_KEPT ? post->received : ANSWER_KEPT};
	curl_off_t retry = 0;

	*answer = (struct otlp_answer){0};
	curl_easy_getinfo(post->easy, CURLINFO_RESPONSE_CODE, &answer->status);
	curl_easy_getinfo(post->easy, CURLINFO_RETRY_AFTER, &retry);
	if (retry > 0)
		answer->retry_after_s =
			retry > OTLP_RETRY_AFTER_MAX_S ? OTLP_RETRY_AFTER_MAX_S : (unsigned)retry;
	answer->result = result_of(post, code, answer->status);
	if (answer->result == OTLP_ACCEPTED) {
		answer->garbage = post->received > ANSWER_KEPT ||
				  !otlp_answer_read(answer, body, post->options->json);
	} else if (code != CURLE_OK) {
		snprintf(answer->text, sizeof(answer->text), "%.200s",
			 *post->error ? post->error : curl_easy_strerror(code));
	} else {
		snprintf(answer->text, sizeof(answer->text), "HTTP %ld%s", answer->status,
			 is_page(post->easy) ? " with a web page" : "");
	}
}

static void on_done(void *arg, CURL *easy, CURLcode code)
{
	struct otlp_post *post = arg;
	struct otlp_answer answer;

	if (easy != post->easy)
		return;
	explain(post, code, &answer);
	release(post);
	post->done(post->arg, &answer);
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct otlp_post *post = arg;

	n *= size;
	if (post->received < ANSWER_KEPT) {
		size_t room = ANSWER_KEPT - post->received;

		memcpy(post->answer + post->received, p, n < room ? n : room);
	}
	post->received += n;
	post->too_long = post->received > OTLP_ANSWER_BYTES;
	return post->too_long ? CURL_WRITEFUNC_ERROR : n;
}

/* Also of heads before the last, and of trailers. */
static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct otlp_post *post = arg;

	(void)p;
	if (curl_loop_head_fits(&post->head, size * n))
		return size * n;
	post->too_long = true;
	return 0;
}

static int append(struct curl_slist **list, const char *line)
{
	struct curl_slist *more = curl_slist_append(*list, line);

	if (!more)
		return -ENOMEM;
	*list = more;
	return 0;
}

static int make_headers(struct otlp_post *post)
{
	const struct otlp_signal_options *o = post->options;
	/* "Expect": a receiver that knows 100-continue not would cost a second. */
	int r = append(&post->headers, o->json ? "Content-Type: application/json"
					       : "Content-Type: application/x-protobuf");

	if (!r)
		r = append(&post->headers, "Expect:");
	if (!r && o->gzip)
		r = append(&post->headers, "Content-Encoding: gzip");
	for (const struct curl_slist *item = o->headers; item && !r; item = item->next)
		r = append(&post->headers, item->data);
	return r;
}

struct otlp_post *otlp_post_new(struct loop *loop, const struct otlp_signal_options *options,
				otlp_answer_fn done, void *arg)
{
	struct otlp_post *post = calloc(1, sizeof(*post));

	if (!post)
		return NULL;
	post->options = options;
	post->done = done;
	post->arg = arg;
	post->curl = curl_loop_new(loop, on_done, post);
	if (post->curl && !make_headers(post))
		return post;
	otlp_post_free(post);
	return NULL;
}

void otlp_post_free(struct otlp_post *post)
{
	if (!post)
		return;
	release(post);
	curl_loop_free(post->curl);
	for (struct curl_slist *item = post->headers; item; item = item->next)
		explicit_bzero(item->data, strlen(item->data));
	curl_slist_free_all(post->headers);
	free(post);
}

static void set_tls(CURL *easy, const struct otlp_signal_options *o)
{
	if (o->ca)
		curl_easy_setopt(easy, CURLOPT_CAINFO, o->ca);
	if (o->cert)
		curl_easy_setopt(easy, CURLOPT_SSLCERT, o->cert);
	if (o->key)
		curl_easy_setopt(easy, CURLOPT_SSLKEY, o->key);
	if (!o->skip_verify)
		return;
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
}

static void set_behaviour(struct otlp_post *post)
{
	CURL *easy = post->easy;

	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	curl_easy_setopt(easy, CURLOPT_USERAGENT, USER_AGENT);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)post->options->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* never wait for a resolver thread */
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, post->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, post);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, post);
}

/* What is sent: the body, or post->packed. */
static int pack(struct otlp_post *post, struct slice *body)
{
	int r;

	if (!post->options->gzip)
		return 0;
	r = body_init(&post->packed, SIZE_MAX / 2, true);
	if (r)
		return r;
	body_put(&post->packed, body->p, body->n);
	r = body_finish(&post->packed);
	*body = (struct slice){post->packed.p, post->packed.n};
	return r;
}

static int prepare(struct otlp_post *post, struct slice body)
{
	int r = pack(post, &body);

	if (r)
		return r;
	set_behaviour(post);
	set_tls(post->easy, post->options);
	curl_easy_setopt(post->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
	curl_easy_setopt(post->easy, CURLOPT_POSTFIELDS, body.p);
	curl_easy_setopt(post->easy, CURLOPT_HTTPHEADER, post->headers);
	if (curl_easy_setopt(post->easy, CURLOPT_URL, post->options->url) != CURLE_OK)
		return -ENOMEM;
	return curl_multi_add_handle(curl_loop_multi(post->curl), post->easy) == CURLM_OK ? 0
											  : -ENOMEM;
}

int otlp_post_send(struct otlp_post *post, struct slice body)
{
	int r;

	if (post->easy)
		return -EBUSY;
	post->received = post->head = 0;
	post->too_long = false;
	post->error[0] = '\0';
	post->easy = curl_easy_init();
	if (!post->easy)
		return -ENOMEM;
	r = prepare(post, body);
	if (r)
		release(post);
	return r;
}
