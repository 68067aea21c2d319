/* SPDX-License-Identifier: Apache-2.0 */
#include "listener.h"

#include "../cleanup.h"
#include "../log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define LOG_MODULE "export"
#define LISTEN_BACKLOG 64

/* Zeroed, it is the any-address of either family. */
union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static socklen_t address_size(const union address *address)
{
	return address->sa.sa_family == AF_INET6 ? sizeof(address->in6) : sizeof(address->in);
}

static int parse_address(const char *text, uint16_t port, union address *address)
{
	*address = (union address){0};
	if (!text || !text[0] || inet_pton(AF_INET6, text, &address->in6.sin6_addr) == 1) {
		address->in6.sin6_family = AF_INET6;
		address->in6.sin6_port = htons(port);
		return 0;
	}
	*address = (union address){0};
	if (inet_pton(AF_INET, text, &address->in.sin_addr) != 1)
		return -EINVAL;
	address->in.sin_family = AF_INET;
	address->in.sin_port = htons(port);
	return 0;
}

static int try_listen(const union address *address)
{
	_cleanup_close_ int fd =
		socket(address->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1, off = 0;

	if (fd < 0)
		return -errno;
	/* A collector that starts again must not wait for the old connections to time out. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (address->sa.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, &address->sa, address_size(address)) < 0 || listen(fd, LISTEN_BACKLOG) < 0)
		return -errno;
	return take_fd(&fd);
}

static void complain(const char *text, uint16_t port, int err)
{
	char shown[80];
	const char *what = "choose another address or port";

	if (err == -EINVAL)
		what = "give a numeric IPv4 or IPv6 address";
	else if (err == -EADDRINUSE)
		what = "another process listens there: stop it or set prometheus_export.port";
	else if (err == -EACCES)
		what = "choose a port above 1023, or one the sandbox allows";
	errno = -err;
	log_error("cannot listen on %s port %u: %m; %s",
		  text && text[0] ? log_text(slice_of(text), shown, sizeof(shown)) : "any address",
		  port, what);
}

int listener_open(const char *text, uint16_t port)
{
	union address address;
	int fd = parse_address(text, port, &address);

	if (fd == 0)
		fd = try_listen(&address);
	if ((fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL) && (!text || !text[0])) {
		parse_address("0.0.0.0", port, &address);
		fd = try_listen(&address);
	}
	if (fd < 0)
		complain(text, port, fd);
	return fd;
}

uint16_t listener_port(int fd)
{
	union address address = {0};
	socklen_t size = sizeof(address);

	if (getsockname(fd, &address.sa, &size) < 0)
		return 0;
	/* The port stands at the same place in both. */
	return ntohs(address.in.sin_port);
}
