/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KEYHOLE_EXPORT_LISTENER_H
#define KEYHOLE_EXPORT_LISTENER_H

#include <stdint.h>

/*
 * A listening, non-blocking TCP socket. `address` is a numeric IPv4 or IPv6 address; NULL or ""
 * is every address of both families (IPv4 alone where the kernel has no IPv6). Port 0: the
 * kernel chooses. Returns the descriptor, or -errno after one line in the log that says why.
 */
int listener_open(const char *address, uint16_t port);

/* The port it is bound to, or 0. */
uint16_t listener_port(int fd);

#endif
