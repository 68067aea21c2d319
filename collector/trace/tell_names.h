/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which addresses the peers have: every address of every endpoint, looked up again and again. The
 * look-up may take long and runs in a thread of its own; the front thread only takes its result.
 * A name that cannot be looked up keeps the addresses that it had; one that is not there any more
 * has none. Addresses of this machine at the port that the collector itself listens at are left
 * out.
 */
#ifndef KEYHOLE_TRACE_TELL_NAMES_H
#define KEYHOLE_TRACE_TELL_NAMES_H

#include "../loop.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <stddef.h>

#define TELL_PEERS_MAX 1024   /* addresses of all endpoints */
#define TELL_ENDPOINTS_MAX 16 /* keyhole.traces.peers.endpoints */
#define TELL_HOST_MAX 256     /* bytes of a host's name, with its NUL */
#define TELL_RESOLVE_MS 30000

struct tell_endpoint {
	char host[TELL_HOST_MAX]; /* "": any address; only to listen at */
	uint16_t port;
};

struct tell_peer {
	struct sockaddr_in6 address; /* IPv4 as ::ffff:a.b.c.d */
	size_t endpoint;             /* whose it is */
};

struct tell_names_stats {
	_Atomic uint64_t failures; /* look-ups of a name that failed */
	_Atomic uint64_t too_many; /* addresses left out of a list for TELL_PEERS_MAX */
	_Atomic uint64_t peers;    /* addresses now */
};

/* "host:port", "1.2.3.4:port", "[::1]:port" or ":port". NULL, or what is wrong with it. */
const char *tell_endpoint_read(const char *text, struct tell_endpoint *endpoint);

/* Is the host an address, as it must be to listen there? NULL, or what is wrong. */
const char *tell_listen_check(const struct tell_endpoint *endpoint);

struct tell_names;

/*
 * The first look-up begins when the loop runs. `port` is what the collector listens at. Returns 0,
 * -errno; endpoints are copied.
 */
int tell_names_start(struct tell_names **names, struct loop *loop,
		     const struct tell_endpoint *endpoint, size_t n, uint16_t port);
void tell_names_stop(struct tell_names *names); /* waits for nobody; NULL is fine */

/* The peers, until the loop goes on. */
const struct tell_peer *tell_names_peers(const struct tell_names *names, size_t *n);
const struct tell_names_stats *tell_names_stats(const struct tell_names *names);

#endif
