/* SPDX-License-Identifier: Apache-2.0 */
#include "traffic.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* ---- requests and responses, one after the other ---- */

static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

void send_request(struct conn *c, unsigned number)
{
	const struct scenario *s = c->scenario;
	_cleanup_message_ struct message m = make_request(s, number);

	if (s->flags & EXPECT) {
		conn_send(c, m.bytes, m.head, 0);
		conn_expect(c, go_on, strlen(go_on));
		count_bytes(&c->tally->response_bytes, strlen(go_on));
		conn_send(c, m.bytes + m.head, m.len - m.head, 0);
	} else {
		conn_send(c, m.bytes, m.len, s->request_cut);
	}
	count_request(c, &m);
}

void expect_request(struct conn *c, unsigned number)
{
	_cleanup_message_ struct message m = make_request(c->scenario, number);

	if (c->scenario->flags & EXPECT) {
		conn_expect(c, m.bytes, m.head);
		conn_send(c, go_on, strlen(go_on), 0);
		count_bytes(&c->tally->response_bytes, strlen(go_on));
		conn_expect(c, m.bytes + m.head, m.len - m.head);
	} else {
		conn_expect(c, m.bytes, m.len);
	}
	count_request(c, &m);
}

void send_response(struct conn *c, unsigned number)
{
	const struct scenario *s = c->scenario;
	_cleanup_message_ struct message m = make_response(s, number);
	size_t head = s->head_alone ? m.head : 0;
	enum call call = c->call;

	conn_send(c, m.bytes, head, 0);
	if (s->body_call)
		c->call = s->body_call;
	conn_send(c, m.bytes + head, m.len - head, s->response_cut);
	c->call = call;
	count_response(c, &m);
}

void expect_response(struct conn *c, unsigned number)
{
	const struct scenario *s = c->scenario;
	_cleanup_message_ struct message m = make_response(s, number);
	size_t head = 0;
	enum call call = c->call;

	if (s->client_head_alone) { /* it is read for its bytes, and no further */
		char buf[1024];

		head = m.head;
		if (recv(c->fd, buf, head, MSG_WAITALL) != (ssize_t)head ||
		    memcmp(buf, m.bytes, head))
			die("%s: received no head", s->name);
	}
	if (s->client_body_call)
		c->call = s->client_body_call;
	conn_expect(c, m.bytes + head, m.len - head);
	c->call = call;
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
	count_bytes(&c->tally->other_bytes, n + m);
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
	count_bytes(&c->tally->other_bytes, strlen(greeting));
}

static void serve_wrong_door(struct conn *c, unsigned first, unsigned n)
{
	expect_request(c, first);
	conn_send(c, greeting, strlen(greeting), 0);
	count_bytes(&c->tally->other_bytes, strlen(greeting));
}

const struct play play_plain = {ask_plain, serve_plain};
const struct play play_batches = {ask_batches, serve_batches};
const struct play play_batches_at_once = {ask_batches, serve_batches_at_once};
const struct play play_reset = {ask_reset, serve_reset};
const struct play play_half = {ask_half, serve_half};
const struct play play_fin = {ask_with_fin, serve_with_fin};
const struct play play_tunnel = {ask_tunnel, serve_tunnel};
const struct play play_wrong_door = {ask_wrong_door, serve_wrong_door};
const struct play play_text = {ask_text, serve_text};
const struct play play_look_alikes = {ask_look_alikes, serve_look_alikes};
const struct play play_noise = {ask_noise, serve_noise};
const struct play play_tls = {ask_tls, serve_tls};
