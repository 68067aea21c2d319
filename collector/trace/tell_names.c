/* SPDX-License-Identifier: Apache-2.0 */
#include "tell_names.h"

#include "../cleanup.h"
#include "../log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#define LOG_MODULE "trace-peers"

struct list {
	size_t n, too_many;
	struct tell_peer peer[TELL_PEERS_MAX];
};

/*
 * What the front and the look-up's thread share: one at a time works with it, `busy` says which.
 * The last of the two to leave frees it, since nobody waits for a look-up.
 */
struct shared {
	_Atomic int holders;
	size_t endpoints;
	struct tell_endpoint endpoint[TELL_ENDPOINTS_MAX];
	int error[TELL_ENDPOINTS_MAX]; /* EAI_*; 0: looked up */
	uint16_t port;
	int done_fd; /* an eventfd, written to when a look-up is done */
	struct list before, now;
};

struct tell_names {
	struct loop *loop;
	struct shared *shared;
	bool busy; /* the thread has shared */
	struct tell_names_stats stats;
	struct list list;
	bool failed[TELL_ENDPOINTS_MAX]; /* said so; not again until it works */
};

static void begin(void *arg);

static void release(struct shared *shared)
{
	if (atomic_fetch_sub(&shared->holders, 1) > 1)
		return;
	cleanup_close(&shared->done_fd);
	free(shared);
}

/* ---- endpoints ---- */

static const char *read_port(const char *text, uint16_t *port)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value < 1 || value > 65535)
		return "after its last colon there is a port from 1 to 65535";
	*port = (uint16_t)value;
	return NULL;
}

const char *tell_endpoint_read(const char *text, struct tell_endpoint *endpoint)
{
	const char *colon = strrchr(text, ':'), *host = text;
	size_t n;

	if (!colon)
		return "it has the form host:port";
	n = (size_t)(colon - text);
	if (*text == '[') {
		if (n < 2 || text[n - 1] != ']')
			return "an IPv6 address is written as [address]:port";
		host++;
		n -= 2;
	} else if (memchr(text, ':', n)) {
		return "an IPv6 address is written as [address]:port";
	}
	if (n >= TELL_HOST_MAX)
		return "the host's name is too long";
	memcpy(endpoint->host, host, n);
	endpoint->host[n] = 0;
	return read_port(colon + 1, &endpoint->port);
}

const char *tell_listen_check(const struct tell_endpoint *endpoint)
{
	struct in6_addr address;

	if (inet_pton(AF_INET, endpoint->host, &address) == 1 ||
	    inet_pton(AF_INET6, endpoint->host, &address) == 1)
		return NULL;
	return "before the port there is an IPv4 address, an IPv6 address in brackets, or nothing";
}

/* ---- the look-up, in its thread ---- */

/*
 * The kernel answers an address of this machine from that very address, so a socket that is
 * connected to it (nothing is sent) tells.
 */
static bool is_own(const struct shared *shared, const struct sockaddr_in6 *address)
{
	_cleanup_close_ int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in6 from;
	socklen_t size = sizeof(from);

	return fd >= 0 && ntohs(address->sin6_port) == shared->port &&
	       connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 &&
	       getsockname(fd, (struct sockaddr *)&from, &size) == 0 &&
	       memcmp(&from.sin6_addr, &address->sin6_addr, sizeof(from.sin6_addr)) == 0;
}

static bool has(const struct list *list, const struct sockaddr_in6 *address)
{
	for (size_t i = 0; i < list->n; i++) {
		if (memcmp(&list->peer[i].address, address, sizeof(*address)) == 0)
			return true;
	}
	return false;
}

static void add(struct list *list, const struct sockaddr_in6 *address, size_t endpoint)
{
	if (has(list, address))
		return;
	if (list->n < TELL_PEERS_MAX)
		list->peer[list->n++] = (struct tell_peer){*address, endpoint};
	else
		list->too_many++;
}

static void keep_before(struct shared *shared, size_t endpoint)
{
	for (size_t i = 0; i < shared->before.n; i++) {
		if (shared->before.peer[i].endpoint == endpoint)
			add(&shared->now, &shared->before.peer[i].address, endpoint);
	}
}

static bool as_ipv6(const struct sockaddr *from, struct sockaddr_in6 *to)
{
	*to = (struct sockaddr_in6){.sin6_family = AF_INET6};
	if (from->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;

		to->sin6_addr = in6->sin6_addr;
		to->sin6_scope_id = in6->sin6_scope_id;
	} else if (from->sa_family == AF_INET) {
		to->sin6_addr.s6_addr[10] = to->sin6_addr.s6_addr[11] = 0xff;
		memcpy(to->sin6_addr.s6_addr + 12, &((const struct sockaddr_in *)from)->sin_addr,
		       4);
	}
	return from->sa_family == AF_INET6 || from->sa_family == AF_INET;
}

static void look_up(struct shared *shared, size_t i)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
	struct addrinfo *found = NULL;
	int r = getaddrinfo(shared->endpoint[i].host, NULL, &hints, &found);

	shared->error[i] = r;
	if (r && r != EAI_NONAME)
		keep_before(shared, i);
	for (const struct addrinfo *a = found; !r && a; a = a->ai_next) {
		struct sockaddr_in6 address;

		if (!as_ipv6(a->ai_addr, &address))
			continue;
		address.sin6_port = htons(shared->endpoint[i].port);
		if (!is_own(shared, &address))
			add(&shared->now, &address, i);
	}
	if (!r)
		freeaddrinfo(found);
}

static void *look_up_all(void *arg)
{
	struct shared *shared = arg;
	uint64_t one = 1;

	shared->now.n = shared->now.too_many = 0;
	for (size_t i = 0; i < shared->endpoints; i++)
		look_up(shared, i);
	if (write(shared->done_fd, &one, sizeof(one)) < 0) {
		/* It cannot be full. */
	}
	release(shared);
	return NULL;
}

/* ---- the front thread ---- */

static int run_thread(struct shared *shared)
{
	pthread_attr_t detached;
	sigset_t all, before;
	pthread_t thread;
	int r;

	atomic_fetch_add(&shared->holders, 1);
	sigfillset(&all);
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the front's */
	r = pthread_create(&thread, &detached, look_up_all, shared);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&detached);
	if (r)
		release(shared);
	return -r;
}

static void begin(void *arg)
{
	struct tell_names *names = arg;
	int r = 0;

	loop_after(names->loop, TELL_RESOLVE_MS, begin, names);
	if (names->busy)
		return; /* the one before takes longer than that */
	names->shared->before = names->list;
	names->busy = true;
	r = run_thread(names->shared);
	if (r) {
		names->busy = false;
		log_warn("peers cannot be looked up: no thread: %s", strerror(-r));
	}
}

static void say(struct tell_names *names, size_t i)
{
	const struct shared *shared = names->shared;
	int error = shared->error[i];
	char shown[80];

	if (error && !names->failed[i])
		log_warn("peers at %s cannot be looked up: %s; %s",
			 log_text(slice_of(shared->endpoint[i].host), shown, sizeof(shown)),
			 gai_strerror(error),
			 error == EAI_NONAME ? "nobody there is told" : "those known stay");
	names->failed[i] = error;
	if (error)
		atomic_fetch_add(&names->stats.failures, 1);
}

static void on_done(void *arg, int fd, uint32_t events)
{
	struct tell_names *names = arg;
	uint64_t times;

	(void)events;
	if (read(fd, &times, sizeof(times)) < 0)
		return;
	names->busy = false;
	if (names->shared->now.n != names->list.n)
		log_info("%zu peers are told of traces", names->shared->now.n);
	names->list = names->shared->now;
	atomic_store(&names->stats.peers, names->list.n);
	atomic_fetch_add(&names->stats.too_many, names->list.too_many);
	for (size_t i = 0; i < names->shared->endpoints; i++)
		say(names, i);
}

int tell_names_start(struct tell_names **out, struct loop *loop,
		     const struct tell_endpoint *endpoint, size_t n, uint16_t port)
{
	struct tell_names *names = calloc(1, sizeof(*names));
	struct shared *shared = calloc(1, sizeof(*shared));
	int r;

	if (!names || !shared || n > TELL_ENDPOINTS_MAX) {
		r = n > TELL_ENDPOINTS_MAX ? -EINVAL : -ENOMEM;
		free(names);
		free(shared);
		return r;
	}
	*names = (struct tell_names){.loop = loop, .shared = shared};
	atomic_store(&shared->holders, 1);
	shared->endpoints = n;
	memcpy(shared->endpoint, endpoint, n * sizeof(*endpoint));
	shared->port = port;
	shared->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = shared->done_fd < 0 ? -errno
				: loop_watch(loop, shared->done_fd, EPOLLIN, on_done, names);
	if (!r)
		r = loop_after(loop, 0, begin, names);
	if (r) {
		tell_names_stop(names);
		return r;
	}
	*out = names;
	return 0;
}

void tell_names_stop(struct tell_names *names)
{
	if (!names)
		return;
	loop_cancel(names->loop, begin, names);
	loop_forget(names->loop, names->shared->done_fd);
	release(names->shared);
	free(names);
}

const struct tell_peer *tell_names_peers(const struct tell_names *names, size_t *n)
{
	*n = names->list.n;
	return names->list.peer;
}

const struct tell_names_stats *tell_names_stats(const struct tell_names *names)
{
	return &names->stats;
}
