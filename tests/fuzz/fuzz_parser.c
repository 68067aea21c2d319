/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One parser (PARSER, the name of its row) behind streams.c. Input: a byte of flags (bit 0: the
 * server's socket, else the client's; bit 1: Keyhole did not see it opened), then calls:
 *   byte: bit 0  from the server (else from the client)
 *         bit 1  so many bytes before it were not seen: one more byte, times 16
 *         bit 2  only the beginning was captured: one more byte, times 16
 *   two bytes, little endian: its length, then so many bytes.
 * Nothing may be read beyond what was given, told without having been asked, or told with an end
 * before its beginning.
 */
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "protocol/parsers.h"
#include "protocol/streams.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile char sink;

struct input {
	const uint8_t *p;
	size_t n;
};

static unsigned int next(struct input *in)
{
	if (!in->n)
		return 0;
	in->n--;
	return *in->p++;
}

static void read_all(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		sink = s.p[i];
}

static void emit(void *arg, const struct exchange *x)
{
	const struct slice texts[] = {x->operation,   x->collection, x->namespace, x->summary,
				      x->code,        x->group,      x->target,    x->host,
				      x->traceparent, x->tracestate};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		read_all(texts[i]);
	if (x->end_ns < x->start_ns || x->kind > EXCHANGE_ENCRYPTED || x->protocol >= PROTOCOLS)
		abort();
}

static void decide(void *arg, uint64_t cookie, uint32_t capture, enum kh_role role)
{
	if (capture > KH_SEGMENT_CALL)
		abort();
}

static const struct parser *find(void)
{
	for (unsigned int i = 0; i < parsers_n; i++)
		if (strcmp(parsers[i]->name, PARSER) == 0)
			return parsers[i];
	abort();
}

static void call(struct streams *s, const struct kh_segment *like, const uint8_t *p, size_t n,
		 size_t head)
{
	size_t tail = n - head < KH_TAIL ? n - head : KH_TAIL;
	/* its own memory, so that a sanitizer sees a read beyond its end */
	struct kh_segment *seg = malloc(sizeof(*seg) + head + tail);

	*seg = *like;
	seg->rec.size = (uint32_t)(sizeof(*seg) + head + tail);
	seg->len = (uint32_t)n;
	seg->head_len = (uint16_t)head;
	seg->tail_len = (uint16_t)tail;
	memcpy(seg + 1, p, head);
	memcpy((char *)(seg + 1) + head, p + n - tail, tail);
	streams_segment(s, seg);
	free(seg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct parser *row = find();
	const struct parser *rows[] = {row};
	struct streams_options o = {.connections = 2,
				    .bytes_max = 1 << 20,
				    .protocols = ~0ull,
				    .parsers = rows,
				    .parsers_n = 1,
				    .emit = emit,
				    .decide = decide};
	struct input in = {data, size};
	unsigned int flags = next(&in);
	bool server = flags & 1;
	struct kh_segment like = {
		.rec.type = KH_SEGMENT,
		.conn = {.cookie = 1, .family = AF_INET, .isn_local = 1, .isn_remote = 1},
		.tgid = 1,
		.ns = 1,
		.reason = KH_WHY_MORE,
		.transport = row->transports & OVER_TCP ? IPPROTO_TCP : IPPROTO_UDP,
	};
	struct streams *s = streams_new(&o);
	const struct streams_protocol_counters *c;
	uint32_t seq[2] = {1, 1};

	if (!(flags & 2))
		like.conn.role = server ? KH_ROLE_SERVER : KH_ROLE_CLIENT;
	like.conn.lport = server ? row->ports[0] : 50000;
	like.conn.rport = server ? 50000 : row->ports[0];
	while (in.n) {
		unsigned int how = next(&in);
		bool sent = (how & 1) == server;
		size_t unseen = how & 2 ? next(&in) * 16 : 0;
		size_t head = how & 4 ? next(&in) * 16 : KH_HEAD_MAX;
		size_t n = next(&in);

		n |= (size_t)next(&in) << 8;
		if (n > in.n)
			n = in.n;
		if (!n)
			continue;
		like.ns += 1000;
		like.sent = sent;
		seq[sent] += (uint32_t)unseen;
		like.seq = seq[sent];
		like.other = seq[!sent];
		call(s, &like, in.p, n, n < head ? n : head);
		seq[sent] += (uint32_t)n;
		in.p += n;
		in.n -= n;
	}
	for (int i = 0; i < 2; i++) /* what waits is given up by the tick behind its time */
		streams_tick(s, like.ns + STREAMS_HOLD_NS + 1);
	c = &streams_counters(s)->of[row->protocol];
	if (c->answered + c->lost + c->expired + c->unheld > c->asked)
		abort();
	streams_free(s);
	return 0;
}
