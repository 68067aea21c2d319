/* SPDX-License-Identifier: Apache-2.0 */
#include "traffic.h"

#include <stdlib.h>
#include <string.h>

void message_drop(struct message *m)
{
	free(m->bytes);
}

static void fill(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = 'a' + i % 23;
}

FILE *message_open(struct message *m)
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

struct message make_request(const struct scenario *s, unsigned number)
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

struct message make_response(const struct scenario *s, unsigned number)
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

void count_bytes(size_t *to, size_t n)
{
	__atomic_add_fetch(to, n, __ATOMIC_RELAXED);
}

void count_request(struct conn *c, const struct message *m)
{
	__atomic_add_fetch(&c->tally->requests, 1, __ATOMIC_RELAXED);
	count_bytes(&c->tally->request_bytes, m->len);
	count_bytes(&c->tally->request_body, m->len - m->head);
}

void count_response(struct conn *c, const struct message *m)
{
	__atomic_add_fetch(&c->tally->responses, 1, __ATOMIC_RELAXED);
	count_bytes(&c->tally->response_bytes, m->len);
	count_bytes(&c->tally->response_body, m->len - m->head);
}

void count_response_part(struct conn *c, const struct message *m, size_t n)
{
	count_bytes(&c->tally->response_bytes, n);
	count_bytes(&c->tally->response_body, n > m->head ? n - m->head : 0);
}
