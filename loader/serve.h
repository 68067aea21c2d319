/* SPDX-License-Identifier: Apache-2.0 */
/* The loader's life after it attached: one collector after the other gets the descriptors. */
#ifndef KEYHOLE_LOADER_SERVE_H
#define KEYHOLE_LOADER_SERVE_H

#include <sys/types.h>

#include "ipc/handover.h"

/*
 * Serves until `stop` is set (by a signal handler). `sock` listens. Peers of another uid, with
 * another message or another ABI are refused with one line each. Returns 0 or -errno.
 */
int serve(int sock, uid_t peer, const struct handover_offer *offer, const int fds[HANDOVER_FDS],
	  const volatile int *stop);

/*
 * For systemd (NOTIFY_SOCKET): the socket is opened before the sandbox, and that the service is
 * ready is said once it stands. -1, where there is none, is fine for the second.
 */
int serve_notify_open(void);
void serve_notify(int fd);

#endif
