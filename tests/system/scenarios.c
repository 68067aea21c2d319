/* SPDX-License-Identifier: Apache-2.0 */
#include "traffic.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ---- messages: both sides make the same ones ---- */

struct message {
	char *bytes; /* owned */
	size_t len;
	size_t head; /* bytes before the body */
};

#define _cleanup_message_ __attribute__((cleanup(message_drop)))

static void message_drop(struct message *m)
{
	free(m->bytes);
}

void scenario_target(const struct scenario *s, unsigned number, char *buf, size_t size)
{
	if (s->method && strcmp(s->method, "CONNECT") == 0)
		snprintf(buf, size, "%s-%u.test:443", s->name, number);
	else
		snprintf(buf, size, "/%s/%u", s->name, number);
}

static void fill(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = 'a' + i % 23;
}

/* Room for a head of up to 1 KiB, the cookie and the body. */
static FILE *message_open(struct message *m)
{
	FILE *f = open_memstream(&m->bytes, &m->len);

	if (!f)
		die("out of memory");
	return f;
}

static void put_letters(FILE *f, size_t n)
{
	char *text = malloc(n + 1);

	if (!text)
		die("out of memory");
	fill(text, n);
	fwrite(text, 1, n, f);
	free(text);
}

static struct message make_request(const struct scenario *s, unsigned number)
{
	struct message m = {0};
	FILE *f = message_open(&m);
	char target[64];

	scenario_target(s, number, target, sizeof(target));
	fprintf(f, "%s %s HTTP/1.1\r\nHost: traffic.test\r\n", s->method ? s->method : "GET",
		target);
	if (s->cookie) {
		fprintf(f, "Cookie: c=");
		put_letters(f, s->cookie);
		fprintf(f, "\r\n");
	}
	if (s->request_body)
		fprintf(f, "Content-Length: %zu\r\n", s->request_body);
	if (s->flags & EXPECT)
		fprintf(f, "Expect: 100-continue\r\n");
	if (s->flags & UPGRADE)
		fprintf(f, "Connection: Upgrade\r\nUpgrade: noise\r\n");
	fprintf(f, "\r\n");
	m.head = ftell(f);
	put_letters(f, s->request_body);
	fclose(f);
	return m;
}

static void put_chunks(FILE *f, size_t n)
{
	for (; n > 0; n -= n < CHUNK ? n : CHUNK) {
		fprintf(f, "%x\r\n", n < CHUNK ? (unsigned)n : CHUNK);
		put_letters(f, n < CHUNK ? n : CHUNK);
		fprintf(f, "\r\n");
	}
	fprintf(f, "0\r\n\r\n");
}

static unsigned status_of(const struct scenario *s)
{
	return s->status ? s->status : 200;
}

static struct message make_response(const struct scenario *s, unsigned number)
{
	struct message m = {0};
	FILE *f = message_open(&m);

	fprintf(f, "HTTP/1.1 %u Because\r\n", status_of(s));
	if (s->flags & UPGRADE)
		fprintf(f, "Connection: Upgrade\r\nUpgrade: noise\r\n");
	if (s->flags & CHUNKED)
		fprintf(f, "Transfer-Encoding: chunked\r\n");
	else if (s->flags & UNTIL_CLOSE)
		fprintf(f, "Connection: close\r\n");
	else if (s->response_body)
		fprintf(f, "Content-Length: %zu\r\n", s->response_body);
	fprintf(f, "\r\n");
	m.head = ftell(f);
	if (s->flags & CHUNKED)
		put_chunks(f, s->response_body);
	else if (!(s->flags & NO_BODY))
		put_letters(f, s->response_body);
	fclose(f);
	return m;
}

/* ---- counting ---- */

static void add(size_t *to, size_t n)
{
	__atomic_add_fetch(to, n, __ATOMIC_RELAXED);
}

static void count_request(struct conn *c, const struct message *m)
{
	__atomic_add_fetch(&c->tally->requests, 1, __ATOMIC_RELAXED);
	add(&c->tally->request_bytes, m->len);
	add(&c->tally->request_body, m->len - m->head);
}

static void count_response(struct conn *c, const struct message *m)
{
	__atomic_add_fetch(&c->tally->responses, 1, __ATOMIC_RELAXED);
	add(&c->tally->response_bytes, m->len);
	add(&c->tally->response_body, m->len - m->head);
}

/* A response that broke off after `n` bytes, or an interim one. */
static void count_response_part(struct conn *c, const struct message *m, size_t n)
{
	add(&c->tally->response_bytes, n);
	add(&c->tally->response_body, n > m->head ? n - m->head : 0);
}

/* ---- requests and responses, one after the other ---- */

static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

static void send_request(struct conn *c, unsigned number)
{
	const struct scenario *s = c->scenario;
	_cleanup_message_ struct message m = make_request(s, number);

	if (s->flags & EXPECT) {
		conn_send(c, m.bytes, m.head, 0);
		conn_expect(c, go_on, strlen(go_on));
		add(&c->tally->response_bytes, strlen(go_on));
		conn_send(c, m.bytes + m.head, m.len - m.head, 0);
	} else {
		conn_send(c, m.bytes, m.len, s->request_cut);
	}
	count_request(c, &m);
}

static void expect_request(struct conn *c, unsigned number)
{
	_cleanup_message_ struct message m = make_request(c->scenario, number);

	if (c->scenario->flags & EXPECT) {
		conn_expect(c, m.bytes, m.head);
		conn_send(c, go_on, strlen(go_on), 0);
		add(&c->tally->response_bytes, strlen(go_on));
		conn_expect(c, m.bytes + m.head, m.len - m.head);
	} else {
		conn_expect(c, m.bytes, m.len);
	}
	count_request(c, &m);
}

static void send_response(struct conn *c, unsigned number)
{
	const struct scenario *s = c->scenario;
	_cleanup_message_ struct message m = make_response(s, number);
	size_t head = s->head_alone ? m.head : 0;

	conn_send(c, m.bytes, head, 0);
	if (s->body_call)
		c->call = s->body_call;
	conn_send(c, m.bytes + head, m.len - head, s->response_cut);
	c->call = s->call;
	count_response(c, &m);
}

static void expect_response(struct conn *c, unsigned number)
{
	const struct scenario *s = c->scenario;
	_cleanup_message_ struct message m = make_response(s, number);
	size_t head = 0;

	if (s->client_body_call ==
	    CALL_TRUNC) { /* the head is read for its bytes, and no further */
		char buf[1024];

		head = m.head;
		if (recv(c->fd, buf, head, MSG_WAITALL) != (ssize_t)head ||
		    memcmp(buf, m.bytes, head))
			die("%s: received no head", s->name);
	}
	if (s->client_body_call)
		c->call = s->client_body_call;
	conn_expect(c, m.bytes + head, m.len - head);
	c->call = s->call;
	if (s->flags & UNTIL_CLOSE)
		conn_expect_end(c);
	count_response(c, &m);
}

static void ask_plain(struct conn *c, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++) {
		send_request(c, i);
		expect_response(c, i);
	}
}

static void serve_plain(struct conn *c, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++) {
		expect_request(c, i);
		send_response(c, i);
	}
}

/* ---- pipelining: BATCH messages before the first of the other direction ---- */

typedef struct message (*make_fn)(const struct scenario *s, unsigned number);
typedef void (*count_fn)(struct conn *c, const struct message *m);

static struct message make_batch(struct conn *c, unsigned first, make_fn make, count_fn count)
{
	struct message all = {0};
	FILE *f = message_open(&all);

	for (unsigned i = first; i < first + BATCH; i++) {
		_cleanup_message_ struct message m = make(c->scenario, i);

		fwrite(m.bytes, 1, m.len, f);
		count(c, &m);
	}
	fclose(f);
	return all;
}

static void ask_batches(struct conn *c, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i += BATCH) {
		_cleanup_message_ struct message out =
			make_batch(c, i, make_request, count_request);
		_cleanup_message_ struct message in =
			make_batch(c, i, make_response, count_response);

		conn_send(c, out.bytes, out.len, 0);
		conn_expect(c, in.bytes, in.len);
	}
}

static void serve_batches(struct conn *c, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i += BATCH) {
		_cleanup_message_ struct message in = make_batch(c, i, make_request, count_request);
		_cleanup_message_ struct message out =
			make_batch(c, i, make_response, count_response);

		conn_expect(c, in.bytes, in.len);
		conn_send(c, out.bytes, out.len, out.len / BATCH);
	}
}

static void serve_batches_at_once(struct conn *c, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i += BATCH) {
		_cleanup_message_ struct message in = make_batch(c, i, make_request, count_request);
		_cleanup_message_ struct message out =
			make_batch(c, i, make_response, count_response);

		conn_expect(c, in.bytes, in.len);
		conn_send(c, out.bytes, out.len, 0);
	}
}

/* ---- endings ---- */

static void serve_reset(struct conn *c, unsigned first, unsigned n)
{
	expect_request(c, first);
	conn_reset(c);
}

static void ask_reset(struct conn *c, unsigned first, unsigned n)
{
	send_request(c, first);
	conn_expect_reset(c);
}

static void serve_half(struct conn *c, unsigned first, unsigned n)
{
	_cleanup_message_ struct message m = make_response(c->scenario, first);

	expect_request(c, first);
	conn_send(c, m.bytes, m.len / 2, 0);
	count_response_part(c, &m, m.len / 2);
	if (c->scenario->flags & SERVER_ENDS) {
		conn_wait_acked(c);
		conn_reset(c);
	}
}

static void ask_half(struct conn *c, unsigned first, unsigned n)
{
	_cleanup_message_ struct message m = make_response(c->scenario, first);

	send_request(c, first);
	conn_expect(c, m.bytes, m.len / 2);
	count_response_part(c, &m, m.len / 2);
	if (c->scenario->flags & SERVER_ENDS)
		conn_expect_reset(c);
}

/* The last bytes and FIN in one segment: MSG_MORE holds them back until the shutdown. */
static void serve_with_fin(struct conn *c, unsigned first, unsigned n)
{
	_cleanup_message_ struct message m = make_response(c->scenario, first);

	expect_request(c, first);
	if (send(c->fd, m.bytes, m.len, MSG_MORE) != (ssize_t)m.len || shutdown(c->fd, SHUT_WR))
		die("%s: send: %m", c->scenario->name);
	count_response(c, &m);
}

static void ask_with_fin(struct conn *c, unsigned first, unsigned n)
{
	struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};

	send_request(c, first);
	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	expect_response(c, first);
}

/* ---- bytes that are not HTTP ---- */

#define NOISE 3000 /* bytes of one direction */

static void make_noise(char *p, size_t n, uint32_t seed)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525 + 1013904223;
		p[i] = seed >> 24;
	}
}

struct talk {
	const char *client, *server;
};

static const struct talk text_talk[] = {
	{"EHLO there\r\n", "250 traffic.test\r\n"},
	{"MAIL FROM:<a@traffic.test>\r\n", "250 2.1.0 Ok\r\n"},
	{"QUIT\r\n", "221 Bye\r\n"},
	{0},
};
/* Each begins like a request or a response, and none is one. */
static const struct talk look_alikes[] = {
	{"GET /look-alike/1 HTTQ/1.1\r\nHost: a\r\n\r\n", "HTTQ/1.1 200 OK\r\n\r\n"},
	{"PUT tube 12\r\nhello world!\r\n", "INSERTED 1\r\n"},
	{"OPTIONS rtsp://traffic.test/ RTSP/1.0\r\nCSeq: 1\r\n\r\n",
	 "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"},
	{"INVITE sip:a@traffic.test SIP/2.0\r\n\r\n", "SIP/2.0 180 Ringing\r\n\r\n"},
	{"POST", "OK\r\n"},
	{"HTTP", "HTTP"},
	{0},
};

/* One turn each; `mine` is sent by the client. */
static void say(struct conn *c, bool client, const char *from_client, size_t n,
		const char *from_server, size_t m)
{
	if (client)
		conn_send(c, from_client, n, 0);
	else
		conn_expect(c, from_client, n);
	if (client)
		conn_expect(c, from_server, m);
	else
		conn_send(c, from_server, m, 0);
	add(&c->tally->other_bytes, n + m);
}

static void say_all(struct conn *c, bool client, const struct talk *talk)
{
	for (; talk->client; talk++)
		say(c, client, talk->client, strlen(talk->client), talk->server,
		    strlen(talk->server));
}

static void say_noise(struct conn *c, bool client, const char *start, size_t start_len)
{
	char out[NOISE], in[NOISE];

	make_noise(out, sizeof(out), 1);
	make_noise(in, sizeof(in), 2);
	memcpy(out, start, start_len);
	memcpy(in, start, start_len);
	say(c, client, out, sizeof(out), in, sizeof(in));
}

#define PLAY(name, says)                                                                           \
	static void ask_##name(struct conn *c, unsigned first, unsigned n)                         \
	{                                                                                          \
		const bool client = true;                                                          \
		says;                                                                              \
	}                                                                                          \
	static void serve_##name(struct conn *c, unsigned first, unsigned n)                       \
	{                                                                                          \
		const bool client = false;                                                         \
		says;                                                                              \
	}

PLAY(text, say_all(c, client, text_talk))
PLAY(look_alikes, say_all(c, client, look_alikes))
PLAY(noise, say_noise(c, client, "", 0))
PLAY(tls, say_noise(c, client, "\x16\x03\x01\x0b\xb3\x01", 6)) /* handshake record, 2,995 bytes */

/* One request, and after its answer the connection belongs to somebody else. */
static void ask_tunnel(struct conn *c, unsigned first, unsigned n)
{
	ask_plain(c, first, 1);
	ask_noise(c, first, n);
}

static void serve_tunnel(struct conn *c, unsigned first, unsigned n)
{
	serve_plain(c, first, 1);
	serve_noise(c, first, n);
}

/* A request that something answers which does not speak HTTP. */
static const char greeting[] = "220 traffic.test ready\r\n";

static void ask_wrong_door(struct conn *c, unsigned first, unsigned n)
{
	send_request(c, first);
	conn_expect(c, greeting, strlen(greeting));
	add(&c->tally->other_bytes, strlen(greeting));
}

static void serve_wrong_door(struct conn *c, unsigned first, unsigned n)
{
	expect_request(c, first);
	conn_send(c, greeting, strlen(greeting), 0);
	add(&c->tally->other_bytes, strlen(greeting));
}

/* ---- the table ---- */

#define S(NAME, ABOUT, ...) {.name = NAME, .about = ABOUT, .response_body = 30, __VA_ARGS__}

/* A later initializer of the same field replaces the default given by S(): that is wanted. */
#pragma GCC diagnostic ignored "-Woverride-init"
const struct scenario scenarios[] = {
	S("write", "write and read", .call = CALL_WRITE),
	S("writev-2", "writev and readv, 2 segments", .call = CALL_WRITEV, .segments = 2),
	S("writev-5", "writev and readv, 5 segments", .call = CALL_WRITEV, .segments = 5),
	S("writev-16", "writev and readv, 16 segments", .call = CALL_WRITEV, .segments = 16,
	  .cookie = 400, .response_body = 400),
	S("sendto", "sendto and recvfrom", .call = CALL_SENDTO),
	S("sendmsg", "sendmsg and recvmsg, 1 segment", .call = CALL_SENDMSG),
	S("sendmsg-3", "sendmsg and recvmsg, 3 segments", .call = CALL_SENDMSG, .segments = 3),
	S("sendmmsg", "sendmmsg and recvmmsg, several messages per call", .call = CALL_SENDMMSG),
	S("pwritev2", "pwritev2 and preadv2, offset -1", .call = CALL_PWRITEV2),
	S("pwritev2-3", "pwritev2 and preadv2, 3 segments", .call = CALL_PWRITEV2, .segments = 3),
	S("nonblock", "O_NONBLOCK, poll after EAGAIN", .call = CALL_SENDTO, .flags = NONBLOCK),
	S("nonblock-10m", "likewise, 10 MB body: EAGAIN on writes too", .flags = NONBLOCK,
	  .response_body = 10000000, .requests = 1),
	S("peek", "MSG_PEEK before each read", .call = CALL_SENDTO, .flags = PEEK),
	S("trunc", "the client drops the body with MSG_TRUNC", .client_body_call = CALL_TRUNC,
	  .response_body = 5000),
	S("request-bytes", "the request by writes of 1 byte", .request_cut = 1),
	S("response-bytes", "the response by writes of 1 byte", .response_cut = 1),
	S("cookie-2000", "request head of more than 512 bytes", .cookie = 2000),
	S("cookie-6000", "request head of more than 4,096 bytes", .cookie = 6000),
	S("post", "a request body in the same call as its head", .method = "POST",
	  .request_body = 300, .status = 201),
	S("upload-1m", "a request body of 1 MB by 64 KiB writes", .method = "PUT",
	  .request_body = 1000000, .request_cut = 65536),
	S("body-10m", "a response body of 10 MB by 64 KiB writes", .response_body = 10000000,
	  .head_alone = true, .response_cut = 65536, .requests = 1),
	S("chunked", "a chunked response, one write per chunk", .flags = CHUNKED,
	  .head_alone = true, .response_body = 5 * CHUNK, .response_cut = CHUNK + 6),
	S("sendfile", "response head by write, body by sendfile", .head_alone = true,
	  .body_call = CALL_SENDFILE, .response_body = 20000),
	S("splice", "response head by write, body by splice from a pipe", .head_alone = true,
	  .body_call = CALL_SPLICE, .response_body = 20000),
	S("splice-client", "the client receives by splice to a pipe",
	  .client_body_call = CALL_SPLICE),
	S("keep-alive", "100 requests on one connection", .requests = 100),
	S("fresh", "a connection for each request", .flags = FRESH),
	S("pipeline", "8 requests in one write, 8 responses in one", .requests = 2 * BATCH,
	  .flags = BATCHED, .ask = ask_batches, .serve = serve_batches_at_once),
	S("pipeline-8", "8 requests in one write, 8 responses in 8", .requests = 2 * BATCH,
	  .flags = BATCHED, .ask = ask_batches, .serve = serve_batches),
	S("expect", "Expect: 100-continue, the body after it", .method = "POST", .flags = EXPECT,
	  .request_body = 300),
	S("head", "HEAD: a length, no body", .method = "HEAD", .flags = NO_BODY),
	S("status-204", "204 without a body", .method = "DELETE", .status = 204,
	  .response_body = 0),
	S("status-304", "304: a length, no body", .status = 304, .flags = NO_BODY),
	S("status-404", "404", .status = 404),
	S("status-500", "500", .status = 500),
	S("upgrade", "101, then noise both ways", .status = 101, .flags = UPGRADE | FRESH,
	  .response_body = 0, .requests = 1, .ask = ask_tunnel, .serve = serve_tunnel),
	S("connect", "CONNECT, then noise both ways", .method = "CONNECT", .flags = FRESH,
	  .response_body = 0, .requests = 1, .ask = ask_tunnel, .serve = serve_tunnel),
	S("reset-middle", "the server resets in the middle of the response",
	  .flags = FRESH | SERVER_ENDS, .response_body = 2000, .ask = ask_half,
	  .serve = serve_half),
	S("reset-before", "the server resets before any response", .flags = FRESH | SERVER_ENDS,
	  .ask = ask_reset, .serve = serve_reset),
	S("client-closes", "the client closes in the middle of the response", .flags = FRESH,
	  .response_body = 2000, .ask = ask_half, .serve = serve_half),
	S("until-close", "a response that ends with the connection",
	  .flags = FRESH | UNTIL_CLOSE | SERVER_ENDS, .response_body = 3000, .response_cut = 1000),
	S("fin", "response and FIN in one segment, read by one call", .call = CALL_SENDTO,
	  .flags = FRESH | SERVER_ENDS, .ask = ask_with_fin, .serve = serve_with_fin),
	S("threads", "two threads, a connection each, on both sides", .model = THREADS),
	S("passed", "accepted by one process, passed to another by SCM_RIGHTS", .model = PASSED,
	  .flags = FRESH),
	S("prefork", "four processes accept on one listener", .model = PREFORK, .flags = FRESH,
	  .requests = 12),
	S("short-lived", "a process per connection on both sides, gone after it",
	  .model = SHORT_LIVED, .flags = FRESH),
	S("noise", "random bytes both ways", .flags = NOT_HTTP, .ask = ask_noise,
	  .serve = serve_noise),
	S("tls", "a record as TLS has it, both ways", .flags = NOT_HTTP, .ask = ask_tls,
	  .serve = serve_tls),
	S("text", "a text protocol that is not HTTP", .flags = NOT_HTTP, .ask = ask_text,
	  .serve = serve_text),
	S("look-alikes", "what begins like HTTP and is not", .flags = NOT_HTTP,
	  .ask = ask_look_alikes, .serve = serve_look_alikes),
	S("bad-answer", "a request, answered by something else", .flags = FRESH,
	  .ask = ask_wrong_door, .serve = serve_wrong_door),
	{0},
};

const struct scenario *scenario_find(const char *name)
{
	for (const struct scenario *s = scenarios; s->name; s++)
		if (strcmp(s->name, name) == 0)
			return s;
	return NULL;
}

void scenario_ask(struct conn *c, unsigned first, unsigned n)
{
	play_fn play = c->scenario->ask ? c->scenario->ask : ask_plain;

	play(c, first, n);
}

void scenario_serve(struct conn *c, unsigned first, unsigned n)
{
	play_fn play = c->scenario->serve ? c->scenario->serve : serve_plain;

	play(c, first, n);
}
