/* SPDX-License-Identifier: Apache-2.0 */
#include "serve.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bpf/events.h"
#include "say.h"

#define HELLO_WAIT_MS 2000   /* a peer that says nothing for so long is not a collector */
#define SHORTAGE_WAIT_MS 100 /* until accept(2) is tried again when descriptors or memory lack */
#define REFUSALS_SAID 20     /* lines about refused peers; the rest is only counted */

static unsigned int refused;

static __attribute__((format(printf, 2, 3))) int refuse(int peer, const char *why, ...)
{
	char text[160];
	va_list args;

	va_start(args, why);
	vsnprintf(text, sizeof(text), why, args);
	va_end(args);
	if (++refused <= REFUSALS_SAID)
		say("refused a peer: %s%s", text,
		    refused == REFUSALS_SAID ? "; further ones are not reported" : "");
	close(peer);
	return -1;
}

/* One hello, one offer. Returns the connection, or -1. */
static int greet(int peer, uid_t uid, const struct handover_offer *offer, const int *fds)
{
	struct pollfd wait = {.fd = peer, .events = POLLIN};
	struct handover_offer answer = *offer;
	struct handover_hello hello;
	uid_t who = (uid_t)-1;
	size_t got;

	if (handover_peer(peer, &who) || who != uid)
		return refuse(peer, "its uid is %u, the collector's is %u; see --peer-uid", who,
			      uid);
	if (poll(&wait, 1, HELLO_WAIT_MS) <= 0)
		return refuse(peer, "it said nothing for %d ms", HELLO_WAIT_MS);
	if (handover_recv(peer, &hello, sizeof(hello), NULL, 0, &got) != 1 ||
	    hello.magic != HANDOVER_MAGIC)
		return refuse(peer, "its message is not a collector's hello");
	if (hello.abi != KH_ABI_VERSION) {
		answer.status = HANDOVER_ABI;
		handover_send(peer, &answer, sizeof(answer), NULL, 0);
		return refuse(peer,
			      "the collector speaks ABI %u, this loader (version %s) ABI %u: "
			      "install both from one release",
			      hello.abi, KEYHOLE_VERSION, KH_ABI_VERSION);
	}
	if (handover_send(peer, &answer, sizeof(answer), fds, HANDOVER_FDS))
		return refuse(peer, "it does not read");
	say("a collector took over");
	return peer;
}

/*
 * Waits for an event of `fd` for as long as it takes. Signals come in only here, so that none can
 * slip in between a look at `stop` and the wait. Returns 0, -EINTR or another -errno.
 */
static int wait_for(int fd, short events, const sigset_t *signals)
{
	struct pollfd wait = {.fd = fd, .events = events};

	return ppoll(&wait, 1, NULL, signals) < 0 ? -errno : 0;
}

/* Waits until the collector is gone. It has nothing more to say: a word is its end. */
static void stay(int peer, const volatile int *stop, const sigset_t *signals)
{
	while (!*stop && wait_for(peer, POLLIN | POLLRDHUP, signals) == -EINTR)
		;
	if (!*stop)
		say("the collector is gone; the rings keep what comes in");
	close(peer);
}

/* What accept(2) fails with while the machine is short of something: no reason to end. */
static bool passes(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static int serve_peers(int sock, uid_t uid, const struct handover_offer *offer, const int *fds,
		       const volatile int *stop, const sigset_t *signals)
{
	while (!*stop) {
		int r = wait_for(sock, POLLIN, signals), peer;

		if (r == -EINTR)
			continue;
		if (r)
			return r;
		peer = accept4(sock, NULL, NULL, SOCK_CLOEXEC);
		if (peer < 0 && passes(errno))
			poll(NULL, 0, SHORTAGE_WAIT_MS);
		else if (peer < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			return -errno;
		if (peer < 0)
			continue;
		peer = greet(peer, uid, offer, fds);
		if (peer >= 0)
			stay(peer, stop, signals);
	}
	return 0;
}

int serve(int sock, uid_t peer, const struct handover_offer *offer, const int fds[HANDOVER_FDS],
	  const volatile int *stop)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	r = serve_peers(sock, peer, offer, fds, stop, &before);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

int serve_notify_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	size_t n = path ? strlen(path) : 0;
	int fd;

	if (n < 2 || n >= sizeof(addr.sun_path) || (path[0] != '/' && path[0] != '@'))
		return -1;
	memcpy(addr.sun_path, path, n);
	if (path[0] == '@')
		addr.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (!connect(fd, (struct sockaddr *)&addr,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)))
		return fd;
	say("NOTIFY_SOCKET=%s: %s; systemd will not learn that we are ready", path,
	    strerror(errno));
	close(fd);
	return -1;
}

void serve_notify(int fd)
{
	if (fd < 0)
		return;
	if (write(fd, "READY=1", 7) < 0)
		say("NOTIFY_SOCKET: %s; systemd will not learn that we are ready", strerror(errno));
	close(fd);
}
