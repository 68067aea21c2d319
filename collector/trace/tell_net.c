/* SPDX-License-Identifier: Apache-2.0 */
#include "tell_net.h"

#include "../cleanup.h"
#include "../log.h"
#include "tell_secret.h"
#include "tell_senders.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#define LOG_MODULE "trace-peers"

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

struct tell_net {
	struct loop *loop;
	struct tell *tell;
	int fd;
	bool ipv4_only; /* the socket: the kernel has no IPv6, or the address is IPv4's */
	uint16_t port;
	const char *secret_file;
	uint8_t secret[TELL_SECRET_LEN];
	struct tell_key *key;
	struct tell_names *names;
	uint64_t counter;   /* of datagrams made */
	uint64_t rate;      /* bytes a second */
	int64_t may_send;   /* bytes; below zero: too many have been sent */
	uint64_t sent_ns;   /* when may_send was worked out last */
	unsigned int read;  /* datagrams, in this tick */
	bool paused;        /* not read until the next tick */
	bool secret_failed; /* said so; not again until it works */
	struct tell_net_stats stats;
	struct tell_senders senders;
};

static void count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static uint64_t wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- sending ---- */

static socklen_t address_of(const struct tell_net *net, const struct sockaddr_in6 *peer,
			    union address *address)
{
	if (!net->ipv4_only) {
		address->in6 = *peer;
		return sizeof(address->in6);
	}
	address->in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = peer->sin6_port};
	memcpy(&address->in.sin_addr, peer->sin6_addr.s6_addr + 12, 4);
	return IN6_IS_ADDR_V4MAPPED(&peer->sin6_addr) ? sizeof(address->in) : 0;
}

static void send_to(struct tell_net *net, const struct sockaddr_in6 *peer, const uint8_t *datagram,
		    size_t length)
{
	union address address;
	socklen_t size = address_of(net, peer, &address);

	count(&net->stats.sent, 1);
	if (!size || sendto(net->fd, datagram, length, MSG_DONTWAIT, &address.sa, size) < 0)
		count(&net->stats.send_failures, 1);
}

static void send_batch(struct tell_net *net, const struct tell_record *record, size_t n)
{
	struct tell_head head = {net->senders.own, net->counter + 1, wall_ms()};
	uint8_t datagram[TELL_DATAGRAM_MAX];
	size_t peers, length;
	const struct tell_peer *peer = tell_names_peers(net->names, &peers);

	if (!peers) {
		count(&net->stats.no_peers, n);
		return;
	}
	if (net->may_send <= 0) {
		count(&net->stats.rate_dropped, n);
		return;
	}
	length = tell_seal(net->key, &head, record, n, datagram);
	if (!length)
		return;
	net->counter++;
	net->may_send -= (int64_t)(length * peers);
	for (size_t i = 0; i < peers; i++)
		send_to(net, &peer[i].address, datagram, length);
	count(&net->stats.records_sent, n);
}

/* A second's bytes may leave at once. */
static void refill(struct tell_net *net)
{
	uint64_t now = loop_now_ns(), ns = now - net->sent_ns;

	if (ns > 1000000000)
		ns = 1000000000;
	net->sent_ns = now;
	net->may_send += (int64_t)(net->rate * (ns / 1000) / 1000000);
	if (net->may_send > (int64_t)net->rate)
		net->may_send = (int64_t)net->rate;
}

static void send_all(struct tell_net *net)
{
	struct tell_record record[TELL_RECORDS_MAX];
	size_t n;

	refill(net);
	for (unsigned int i = 0; i < TELL_SEND_TICK_MAX; i++) {
		n = tell_take(net->tell, record, TELL_RECORDS_MAX);
		if (!n)
			return;
		send_batch(net, record, n);
	}
}

/* ---- receiving ---- */

static void handle(struct tell_net *net, const uint8_t *datagram, size_t length)
{
	struct tell_record record[TELL_RECORDS_MAX];
	struct tell_head head;
	size_t n;
	enum tell_refusal refusal = tell_open(net->key, datagram, length, &head, record, &n);

	if (!refusal)
		refusal = tell_senders_check(&net->senders, &head, wall_ms());
	count(&net->stats.received[refusal], 1);
	if (!refusal)
		tell_give(net->tell, record, n);
}

static void on_datagrams(void *arg, int fd, uint32_t events)
{
	struct tell_net *net = arg;
	uint8_t datagram[TELL_DATAGRAM_MAX];

	(void)events;
	for (unsigned int i = 0; i < TELL_READ_MAX; i++) {
		/* its whole length, even of what was too long */
		ssize_t n = recvfrom(fd, datagram, sizeof(datagram), MSG_DONTWAIT | MSG_TRUNC, NULL,
				     NULL);

		if (n < 0)
			return;
		handle(net, datagram, (size_t)n);
		if (++net->read < TELL_READ_TICK_MAX)
			continue;
		net->paused = true;
		count(&net->stats.pauses, 1);
		loop_change(net->loop, fd, 0);
		return;
	}
}

static void on_tick(void *arg)
{
	struct tell_net *net = arg;

	loop_after(net->loop, TELL_TICK_MS, on_tick, net);
	net->read = 0;
	if (net->paused)
		loop_change(net->loop, net->fd, EPOLLIN);
	net->paused = false;
	send_all(net);
}

/* ---- the secret ---- */

static int take_secret(struct tell_net *net, const uint8_t secret[TELL_SECRET_LEN])
{
	struct tell_key *key;
	int r = tell_key_new(&key, secret);

	if (r)
		return r;
	tell_key_free(net->key);
	net->key = key;
	memcpy(net->secret, secret, TELL_SECRET_LEN);
	return 0;
}

static int read_secret(struct tell_net *net)
{
	uint8_t secret[TELL_SECRET_LEN];
	int r = tell_secret_read(net->secret_file, secret);

	if (!r && (!net->key || memcmp(secret, net->secret, sizeof(secret)) != 0)) {
		if (net->key)
			log_info("%s: another secret is in it, and used", net->secret_file);
		r = take_secret(net, secret);
	}
	explicit_bzero(secret, sizeof(secret));
	return r;
}

static const char *secret_fault(int r)
{
	return r == -EINVAL ? "it holds neither 32 bytes nor 64 hex digits, or only zeroes; make "
			      "one by: openssl rand -hex 32"
			    : strerror(-r);
}

/* It may have been replaced, as the kubelet does when a Secret changes. */
static void again(void *arg)
{
	struct tell_net *net = arg;
	int r = read_secret(net);

	loop_after(net->loop, TELL_RESOLVE_MS, again, net);
	if (r && !net->secret_failed)
		log_warn("keyhole.traces.peers.secret_file %s: %s; the secret read before stays",
			 net->secret_file, secret_fault(r));
	net->secret_failed = r != 0;
	if (r)
		count(&net->stats.secret_failures, 1);
}

/* ---- start and end ---- */

static int parse_listen(struct tell_net *net, const char *text, union address *address)
{
	struct tell_endpoint endpoint;
	const char *wrong = tell_endpoint_read(text, &endpoint);

	*address = (union address){0};
	if (!wrong && (!endpoint.host[0] ||
		       inet_pton(AF_INET6, endpoint.host, &address->in6.sin6_addr) == 1)) {
		address->in6.sin6_family = AF_INET6;
		address->in6.sin6_port = htons(endpoint.port);
	} else if (!wrong && inet_pton(AF_INET, endpoint.host, &address->in.sin_addr) == 1) {
		address->in.sin_family = AF_INET;
		address->in.sin_port = htons(endpoint.port);
		net->ipv4_only = true;
	} else {
		log_error("keyhole.traces.peers.listen %s: %s", text,
			  wrong ? wrong : tell_listen_check(&endpoint));
		return -EINVAL;
	}
	net->port = endpoint.port;
	return 0;
}

static int try_bind(const union address *address)
{
	_cleanup_close_ int fd =
		socket(address->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int off = 0, size = TELL_RCVBUF;

	if (fd < 0)
		return -errno;
	if (address->sa.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)); /* or what is allowed */
	if (bind(fd, &address->sa,
		 address->sa.sa_family == AF_INET6 ? sizeof(address->in6) : sizeof(address->in)))
		return -errno;
	return take_fd(&fd);
}

static int open_socket(struct tell_net *net, const char *text)
{
	union address address;
	int r = parse_listen(net, text, &address);

	if (r)
		return r;
	net->fd = try_bind(&address);
	if ((net->fd == -EAFNOSUPPORT || net->fd == -EADDRNOTAVAIL) && *text == ':') {
		net->ipv4_only = true;
		address.in =
			(struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(net->port)};
		net->fd = try_bind(&address);
	}
	if (net->fd >= 0)
		return 0;
	r = net->fd;
	log_error("keyhole.traces.peers.listen %s: %s", text, strerror(-r));
	return r;
}

static int look_up(struct tell_net *net, const struct tell_net_options *o)
{
	struct tell_endpoint endpoint[TELL_ENDPOINTS_MAX];

	if (!o->endpoints_n || o->endpoints_n > TELL_ENDPOINTS_MAX) {
		log_error("keyhole.traces.peers.endpoints: from 1 to %d of them",
			  TELL_ENDPOINTS_MAX);
		return -EINVAL;
	}
	for (size_t i = 0; i < o->endpoints_n; i++) {
		const char *wrong = tell_endpoint_read(o->endpoints[i], &endpoint[i]);

		if (!wrong && !endpoint[i].host[0])
			wrong = "it has the form host:port";
		if (!wrong)
			continue;
		log_error("keyhole.traces.peers.endpoints %s: %s", o->endpoints[i], wrong);
		return -EINVAL;
	}
	return tell_names_start(&net->names, net->loop, endpoint, o->endpoints_n, net->port);
}

static int prepare(struct tell_net *net, const struct tell_net_options *o)
{
	int r = read_secret(net);

	if (r) {
		log_error("keyhole.traces.peers.secret_file %s: %s", o->secret_file,
			  secret_fault(r));
		return r;
	}
	if (getrandom(&net->senders.own, sizeof(net->senders.own), 0) !=
	    (ssize_t)sizeof(net->senders.own))
		return -EIO;
	r = open_socket(net, o->listen);
	if (!r)
		r = look_up(net, o);
	if (!r)
		r = loop_watch(net->loop, net->fd, EPOLLIN, on_datagrams, net);
	if (!r)
		r = loop_after(net->loop, TELL_TICK_MS, on_tick, net);
	return r ? r : loop_after(net->loop, TELL_RESOLVE_MS, again, net);
}

int tell_net_start(struct tell_net **out, struct loop *loop, struct tell *tell,
		   const struct tell_net_options *options)
{
	struct tell_net *net = calloc(1, sizeof(*net));
	int r;

	*out = NULL;
	if (!net)
		return -ENOMEM;
	net->loop = loop;
	net->tell = tell;
	net->fd = -1;
	net->secret_file = options->secret_file;
	net->rate = options->bytes_per_second;
	net->sent_ns = loop_now_ns();
	net->may_send = (int64_t)net->rate;
	r = prepare(net, options);
	if (r) {
		tell_net_stop(net);
		return r;
	}
	*out = net;
	return 0;
}

void tell_net_stop(struct tell_net *net)
{
	if (!net)
		return;
	tell_names_stop(net->names);
	loop_cancel(net->loop, on_tick, net);
	loop_cancel(net->loop, again, net);
	loop_forget(net->loop, net->fd);
	cleanup_close(&net->fd);
	tell_key_free(net->key);
	explicit_bzero(net->secret, sizeof(net->secret));
	free(net);
}

uint16_t tell_net_port(const struct tell_net *net)
{
	return net->port;
}

const struct tell_net_stats *tell_net_stats(const struct tell_net *net)
{
	return &net->stats;
}

const struct tell_names_stats *tell_net_names(const struct tell_net *net)
{
	return tell_names_stats(net->names);
}

uint64_t tell_net_lost(const struct tell_net *net)
{
	uint32_t memory[SK_MEMINFO_VARS] = {0};
	socklen_t size = sizeof(memory);

	if (getsockopt(net->fd, SOL_SOCKET, SO_MEMINFO, memory, &size))
		return 0;
	return memory[SK_MEMINFO_DROPS];
}
