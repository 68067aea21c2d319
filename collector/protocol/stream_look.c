/* SPDX-License-Identifier: Apache-2.0 */
/* Which protocol does a connection speak? Its bytes tell; ports only say whom to ask first. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "stream.h"

#define NO_MAX_START 4   /* turns at which nobody knew it, of a connection seen from its start */
#define NO_MAX_JOINED 16 /* of one that was joined: amidst a long message nobody can */
#define UDP_LOOKS_MAX 32

_Static_assert(STREAMS_LOOKS_MAX <= KH_PROBE_CALLS, "BPF tells as many as are looked at");

/* ---- what was seen ---- */

/* Bytes of one direction from the first segment kept, up to the first that are missing. */
static struct slice seen_of(struct stream *stream, bool sent)
{
	char *text = stream->all->sight[sent];
	struct stream_block *block;
	const struct kh_segment *at = keep_next(&stream->seen, &block, NULL);
	size_t n = 0;

	for (; at; at = keep_next(&stream->seen, &block, at)) {
		size_t take = at->head_len;

		if ((bool)at->sent != sent)
			continue;
		if (take > PARSER_WANT_MAX - n)
			take = PARSER_WANT_MAX - n;
		memcpy(text + n, at + 1, take);
		n += take;
		if (take < at->len || n == PARSER_WANT_MAX)
			break;
	}
	return (struct slice){text, n};
}

static void pass_over(struct slice *b, size_t n)
{
	if (n > b->n)
		n = b->n;
	b->p += n;
	b->n -= n;
}

static struct sight sight_of(struct stream *stream, enum kh_role role)
{
	const struct kh_conn *conn = &stream->conn;
	bool client = role == KH_ROLE_CLIENT;
	struct sight sight = {.start = stream->start, .transport = stream->talk.transport};

	sight.from[FROM_CLIENT] = seen_of(stream, client);
	sight.from[FROM_SERVER] = seen_of(stream, !client);
	for (unsigned int side = 0; side < SIDES; side++) /* only where the role is known */
		pass_over(&sight.from[side], stream->skip[side]);
	sight.port[FROM_CLIENT] = client ? conn->lport : conn->rport;
	sight.port[FROM_SERVER] = client ? conn->rport : conn->lport;
	return sight;
}

/* ---- what is known first ---- */

/* The header of a TLS record, of a type and length that occur. */
static bool tls_record(struct slice b)
{
	const unsigned char *p = (const unsigned char *)b.p;

	return b.n >= 5 && p[0] >= 20 && p[0] <= 23 && p[1] == 3 && p[2] <= 4 &&
	       (p[3] << 8 | p[4]) > 0 && (p[3] << 8 | p[4]) <= 16384 + 256;
}

bool stream_is_hello(struct slice b)
{
	return tls_record(b) && b.n >= 10 && b.p[0] == 22 && (b.p[5] == 1 || b.p[5] == 2) &&
	       b.p[9] == 3;
}

/* A hello says it alone; records amidst a connection must stand on both sides. */
static bool is_tls(struct stream *stream, const struct kh_segment *segment)
{
	struct slice b = {(const char *)(segment + 1), segment->head_len};

	if (!tls_record(b))
		return false;
	stream->records |= (uint8_t)(1 << segment->sent);
	return stream->records == 3 || stream_is_hello(b);
}

static bool is_ssh(const struct sight *sight)
{
	for (unsigned int i = 0; i < SIDES; i++)
		if (sight->from[i].n >= 4 && memcmp(sight->from[i].p, "SSH-", 4) == 0)
			return true;
	return false;
}

/* ---- PROXY protocol (haproxy's proxy-protocol.txt, sections 2.1 and 2.2) ---- */

#define PROXY1_MAX 107
#define PROXY2_HEADER 16
static const char proxy2[12] = "\r\n\r\n\0\r\nQUIT\n";

/* The client that the header names takes the place of the proxy. */
static void proxied(struct stream *stream, int family, const void *addr, uint16_t port)
{
	struct kh_conn *conn = &stream->conn;

	if (stream->role != KH_ROLE_SERVER)
		return; /* the proxy itself: its peer is the server */
	memset(conn->raddr, 0, sizeof(conn->raddr));
	memcpy(conn->raddr, addr, family == AF_INET ? 4 : 16);
	/* one connection has one family; a mixture keeps the proxy's own address */
	conn->rport = port;
}

static void proxy1_address(struct stream *stream, struct slice line)
{
	char text[PROXY1_MAX + 1], source[64];
	unsigned char addr[16];
	unsigned int port;
	int family;

	memcpy(text, line.p, line.n);
	text[line.n] = '\0';
	if (sscanf(text, "PROXY TCP%*1[46] %63s %*63s %5u", source, &port) != 2 || port > 65535)
		return;
	family = text[9] == '6' ? AF_INET6 : AF_INET;
	if (family == stream->conn.family && inet_pton(family, source, addr) == 1)
		proxied(stream, family, addr, (uint16_t)port);
}

/* Bytes of the header; 0: none, -1: more are needed. */
static long proxy1(struct stream *stream, struct slice b)
{
	const char *lf;

	if (memcmp(b.p, "PROXY ", b.n < 6 ? b.n : 6) != 0)
		return 0;
	lf = memchr(b.p, '\n', b.n < PROXY1_MAX ? b.n : PROXY1_MAX);
	if (!lf)
		return b.n < PROXY1_MAX ? -1 : 0;
	proxy1_address(stream, (struct slice){b.p, (size_t)(lf - b.p)});
	return lf + 1 - b.p;
}

static long proxy2_header(struct stream *stream, struct slice b)
{
	const unsigned char *p = (const unsigned char *)b.p;
	long size;

	if (memcmp(b.p, proxy2, b.n < sizeof(proxy2) ? b.n : sizeof(proxy2)) != 0)
		return 0;
	if (b.n < PROXY2_HEADER)
		return -1;
	size = PROXY2_HEADER + (p[14] << 8 | p[15]);
	if (p[12] >> 4 != 2 || size > PARSER_WANT_MAX)
		return 0;
	if (b.n < (size_t)size)
		return -1;
	if (p[12] == 0x21 && p[13] == 0x11 && size >= PROXY2_HEADER + 12 &&
	    stream->conn.family == AF_INET)
		proxied(stream, AF_INET, p + 16, (uint16_t)(p[24] << 8 | p[25]));
	if (p[12] == 0x21 && p[13] == 0x21 && size >= PROXY2_HEADER + 36 &&
	    stream->conn.family == AF_INET6)
		proxied(stream, AF_INET6, p + 16, (uint16_t)(p[48] << 8 | p[49]));
	return size;
}

/* False: the header has begun, and its end is awaited. */
static bool pass_proxy(struct stream *stream, struct sight *sight)
{
	struct slice *b = &sight->from[FROM_CLIENT];
	long n;

	if (!stream->start || stream->skip[FROM_CLIENT] || stream->role == KH_ROLE_UNKNOWN || !b->n)
		return true;
	n = b->p[0] == 'P' ? proxy1(stream, *b) : b->p[0] == '\r' ? proxy2_header(stream, *b) : 0;
	if (n <= 0)
		return n == 0;
	stream->all->counters.proxied++;
	stream->skip[FROM_CLIENT] = (uint16_t)n;
	pass_over(b, (size_t)n);
	return true;
}

/* ---- an answer of HTTP/1: 101, or 2xx to CONNECT (bpf/capture.h: kh_become_stream) ---- */

#define STATUS_ENDS 12 /* "HTTP/1.1 101" */

static bool leaves_http1(struct slice b)
{
	if (memcmp(b.p, "HTTP/1.", b.n < 7 ? b.n : 7) != 0)
		return false;
	return b.n < STATUS_ENDS || memcmp(b.p + 9, "101", 3) == 0 || b.p[9] == '2';
}

/* False: its head has begun, and its end is awaited; or nothing else was said yet. */
static bool pass_answer(struct stream *stream, struct sight *sight)
{
	struct slice *b = &sight->from[FROM_SERVER];
	const char *end;

	if (!stream->start || stream->role == KH_ROLE_UNKNOWN)
		return true;
	if (b->n && !stream->skip[FROM_SERVER] && leaves_http1(*b)) {
		end = memmem(b->p, b->n, "\r\n\r\n", 4);
		if (!end)
			return b->n >= PARSER_WANT_MAX;
		stream->skip[FROM_SERVER] = (uint16_t)(end + 4 - b->p);
		pass_over(b, stream->skip[FROM_SERVER]);
	}
	return !stream->skip[FROM_SERVER] || b->n || sight->from[FROM_CLIENT].n;
}

/* ---- asking the protocols ---- */

static bool port_fits(const struct parser *parser, uint16_t port)
{
	for (unsigned int i = 0; i < PARSER_PORTS && parser->ports[i]; i++)
		if (parser->ports[i] == port)
			return true;
	return false;
}

/* Those whose port it is, then the others. NULL: none is sure; *maybe: one may be, later. */
static const struct parser *ask(const struct stream *stream, const struct sight *sight, bool *maybe)
{
	for (unsigned int pass = 0; pass < 2; pass++) {
		for (unsigned int i = 0; i < stream->all->o.parsers_n; i++) {
			const struct parser *parser = stream->all->o.parsers[i];
			enum guess guess;

			if (!(parser->transports & sight->transport) ||
			    !(stream->all->o.protocols >> parser->protocol & 1) ||
			    port_fits(parser, sight->port[FROM_SERVER]) == (pass == 1))
				continue;
			guess = parser->detect(sight);
			if (guess == GUESS_YES)
				return parser;
			*maybe |= guess == GUESS_MORE;
		}
	}
	return NULL;
}

/* What was seen is of no use: the next segment begins a new sight. */
static void look_anew(struct stream *stream)
{
	keep_clear(&stream->all->memory, &stream->seen);
	if (!stream_is_udp(stream))
		stream->start = false;
	memset(stream->skip, 0, sizeof(stream->skip));
}

static void nobody_knows(struct stream *stream, const struct kh_segment *segment)
{
	bool turned = stream->looked != 1 + segment->sent;
	bool start = stream->start;

	stream->looked = (uint8_t)(1 + segment->sent);
	look_anew(stream);
	stream->looks_no += turned && !stream_is_udp(stream);
	if (stream->looks < (stream_is_udp(stream) ? UDP_LOOKS_MAX : STREAMS_LOOKS_MAX) &&
	    stream->looks_no < (start ? NO_MAX_START : NO_MAX_JOINED))
		return;
	stream->all->counters.other++;
	stream_over(stream);
}

/* Of a connection older than Keyhole: clients' ports are the higher ones. */
static enum kh_role guessed_role(const struct stream *stream)
{
	return stream->conn.lport > stream->conn.rport ? KH_ROLE_CLIENT : KH_ROLE_SERVER;
}

void stream_look(struct stream *stream, const struct kh_segment *segment)
{
	/* where a protocol's bytes say the same of either side, the ports decide */
	enum kh_role roles[2] = {guessed_role(stream), KH_ROLE_CLIENT};
	unsigned int n = 2;
	bool maybe = false;

	stream->looks++;
	if (!keep_add(&stream->all->memory, &stream->seen, segment, STREAMS_CONN_MAX)) {
		look_anew(stream);
		if (!keep_add(&stream->all->memory, &stream->seen, segment, STREAMS_CONN_MAX)) {
			stream->all->counters.no_memory++;
			return;
		}
	}
	if (!stream_is_udp(stream) && is_tls(stream, segment)) {
		stream_encrypted(stream, segment, guessed_role(stream));
		return;
	}
	if (roles[0] == KH_ROLE_CLIENT)
		roles[1] = KH_ROLE_SERVER;
	if (stream->role != KH_ROLE_UNKNOWN) {
		roles[0] = (enum kh_role)stream->role;
		n = 1;
	}
	for (unsigned int i = 0; i < n; i++) {
		struct sight sight = sight_of(stream, roles[i]);
		const struct parser *parser;

		if (!pass_proxy(stream, &sight) || !pass_answer(stream, &sight))
			return;
		if (!stream_is_udp(stream) && is_ssh(&sight)) {
			stream->all->counters.ssh++;
			stream_over(stream);
			return;
		}
		parser = ask(stream, &sight, &maybe);
		if (parser) {
			stream_take(stream, parser, roles[i]);
			return;
		}
	}
	if (!maybe)
		nobody_knows(stream, segment);
	else if (stream->looks >= STREAMS_LOOKS_MAX ||
		 (stream_is_udp(stream) && stream->looks >= UDP_LOOKS_MAX)) {
		stream->all->counters.other++;
		stream_over(stream);
	}
}
