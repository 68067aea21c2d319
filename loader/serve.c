/* SPDX-License-Identifier: Apache-2.0 */
#include "serve.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bpf/events.h"
#include "say.h"

#define HELLO_WAIT_MS 2000 /* a peer that says nothing for so long is not a collector */
#define REFUSALS_SAID 20   /* lines about refused peers; the rest is only counted */

static unsigned int refused;

static int refuse(int peer, const char *why, unsigned int detail)
{
	if (++refused <= REFUSALS_SAID)
		say("refused a peer: %s (%u)%s", why, detail,
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
	size_t got;
	uid_t who;

	if (handover_peer(peer, &who) || who != uid)
		return refuse(peer, "its uid is not the collector's; see --peer-uid", who);
	if (poll(&wait, 1, HELLO_WAIT_MS) <= 0)
		return refuse(peer, "it said nothing", HELLO_WAIT_MS);
	if (handover_recv(peer, &hello, sizeof(hello), NULL, 0, &got) != 1 ||
	    hello.magic != HANDOVER_MAGIC)
		return refuse(peer, "its message is not a collector's hello", 0);
	hello.version[sizeof(hello.version) - 1] = 0;
	if (hello.abi != KH_ABI_VERSION) {
		answer.status = HANDOVER_ABI;
		handover_send(peer, &answer, sizeof(answer), NULL, 0);
		say("the collector speaks ABI %u, this loader (version %s) ABI %u: install both from "
		    "one release",
		    hello.abi, KEYHOLE_VERSION, KH_ABI_VERSION);
		return refuse(peer, "other ABI", hello.abi);
	}
	if (handover_send(peer, &answer, sizeof(answer), fds, HANDOVER_FDS))
		return refuse(peer, "it does not read", 0);
	say("a collector took over");
	return peer;
}

/* Waits until the collector is gone. It has nothing more to say: a word is its end. */
static void stay(int peer, const volatile int *stop)
{
	struct pollfd wait = {.fd = peer, .events = POLLIN | POLLRDHUP};

	while (!*stop) {
		int n = poll(&wait, 1, -1);

		if (n > 0)
			break;
	}
	if (!*stop)
		say("the collector is gone; the rings keep what comes in");
	close(peer);
}

int serve(int sock, uid_t peer_uid, const struct handover_offer *offer, const int fds[HANDOVER_FDS],
	  const volatile int *stop)
{
	while (!*stop) {
		struct pollfd wait = {.fd = sock, .events = POLLIN};
		int peer;

		if (poll(&wait, 1, -1) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		peer = accept4(sock, NULL, NULL, SOCK_CLOEXEC);
		if (peer < 0) {
			if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
				continue;
			return -errno;
		}
		peer = greet(peer, peer_uid, offer, fds);
		if (peer >= 0)
			stay(peer, stop);
	}
	return 0;
}

void serve_ready(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	size_t n = path ? strlen(path) : 0;
	int fd;

	if (n < 2 || n >= sizeof(addr.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(addr.sun_path, path, n);
	if (path[0] == '@')
		addr.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, "READY=1", 7, MSG_NOSIGNAL, (struct sockaddr *)&addr,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0)
		say("NOTIFY_SOCKET=%s: %s; systemd will not learn that we are ready", path,
		    strerror(errno));
	close(fd);
}
