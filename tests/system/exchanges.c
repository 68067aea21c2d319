/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exchanges SOCKET: a collector of nothing but exchanges. Each one becomes a line on standard
 * output,
 *   PROTOCOL SIDE LOCAL-PORT REMOTE-PORT TGID TID ROUTINE CLIENT-ISN SERVER-ISN SEQ TARGET
 * TID and ROUTINE are those of the request; the two ISNs and SEQ are what both ends of a connection
 * can compute; TARGET is HTTP's, else "-". Ends with standard input, after what waits in the rings
 * was read. `ready` on standard error: it is connected.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "collector/intake/link.h"
#include "collector/protocol/conns.h"
#include "collector/protocol/streams.h"

static struct link loader;
static struct conns *conns;
static struct streams *streams;

static void on_exchange(void *arg, const struct exchange *x)
{
	const struct kh_conn *conn = &x->conn;
	bool client = conn->role == KH_ROLE_CLIENT;

	(void)arg;
	if (x->kind == EXCHANGE_ENCRYPTED)
		return;
	printf("%s %s %u %u %u %u %" PRIx64 " %u %u %u %.*s\n", protocol_name(x->protocol),
	       client ? "client" : "server", conn->lport, conn->rport, x->tgid, x->req_tid,
	       x->routine, client ? conn->isn_local : conn->isn_remote,
	       client ? conn->isn_remote : conn->isn_local, x->req_seq,
	       x->target.n ? (int)x->target.n : 1, x->target.n ? x->target.p : "-");
}

static void on_decide(void *arg, uint64_t cookie, uint32_t capture, enum kh_role role)
{
	(void)arg;
	link_stream(&loader, cookie, capture, role);
}

static void drain(struct ring *ring)
{
	const uint64_t head = ring_head(ring);
	struct record record;
	const void *p;
	size_t size;

	while ((p = ring_next(ring, head, &size))) {
		if (record_read(p, size, &record))
			fprintf(stderr, "exchanges: a record of %zu bytes is invalid\n", size);
		else if (record.type == KH_SEGMENT)
			streams_segment(streams, record.segment);
		else if (record.type == KH_EXCHANGE)
			conns_exchange(conns, record.exchange);
		else if (record.type == KH_PART || record.type == KH_FINISH)
			conns_part(conns, record.part);
	}
	ring_release(ring);
	fflush(stdout);
}

static void read_all(void)
{
	struct timespec now;

	drain(&loader.life);
	drain(&loader.data);
	clock_gettime(CLOCK_MONOTONIC, &now);
	streams_tick(streams, (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec);
}

int main(int argc, char **argv)
{
	const struct link_wishes wishes = {.want = KH_WANT_ROUTINE};
	const struct streams_options options = {.connections = STREAMS_DEFAULT,
						.bytes_max = STREAMS_BYTES_DEFAULT,
						.protocols = ~0ull,
						.emit = on_exchange,
						.decide = on_decide};
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	char why[256], c;

	conns = conns_new(CONNS_DEFAULT, on_exchange, NULL);
	streams = streams_new(&options);
	if (!conns || !streams || argc != 2) {
		fprintf(stderr, "usage: exchanges SOCKET\n");
		return 1;
	}
	if (link_open(&loader, argv[1], &wishes, -1, why, sizeof(why))) {
		fprintf(stderr, "exchanges: %s\n", why);
		return 1;
	}
	while (loader.walking)
		link_walk(&loader);
	fprintf(stderr, "ready\n");
	do {
		read_all();
	} while (poll(&in, 1, 10) <= 0 || read(STDIN_FILENO, &c, 1) > 0);
	read_all();
	link_close(&loader);
	streams_free(streams);
	conns_free(conns);
	return 0;
}
