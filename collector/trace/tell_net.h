/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket by which collectors tell each other of traces, on the front thread's loop: what the
 * intake thread put into struct tell leaves in batches, to each peer; what peers tell is verified
 * and handed to it. Both directions are bounded in their rate.
 */
#ifndef KEYHOLE_TRACE_TELL_NET_H
#define KEYHOLE_TRACE_TELL_NET_H

#include "../loop.h"
#include "tell_datagram.h"
#include "tell_names.h"

#define TELL_TICK_MS 50           /* between two looks at what is to be sent */
#define TELL_SEND_TICK_MAX 64     /* datagrams made in a tick: a receiver's socket holds so many */
#define TELL_READ_MAX 64          /* datagrams read before other descriptors have their turn */
#define TELL_READ_TICK_MAX 1024   /* read in a tick; others wait in the kernel or are lost */
#define TELL_RCVBUF 1048576       /* bytes asked of the kernel for datagrams that wait */
#define TELL_RATE_DEFAULT 1048576 /* keyhole.traces.peers.bytes_per_second */
#define TELL_RATE_MIN 1200
#define TELL_RATE_MAX 1073741824

struct tell_net_options {
	const char *listen; /* "address:port" or ":port" */
	const char *const *endpoints;
	size_t endpoints_n;
	const char *secret_file;
	uint64_t bytes_per_second; /* sent, in UDP's payload, to all peers together */
};

struct tell_net_stats {
	_Atomic uint64_t sent;                    /* datagrams, each peer's counted */
	_Atomic uint64_t send_failures;           /* of these, the kernel did not take */
	_Atomic uint64_t records_sent;            /* records, however many peers were told */
	_Atomic uint64_t rate_dropped;            /* records not sent for bytes_per_second */
	_Atomic uint64_t no_peers;                /* records not sent because there was no peer */
	_Atomic uint64_t received[TELL_REFUSALS]; /* datagrams, by what became of them */
	_Atomic uint64_t pauses;          /* ticks in which TELL_READ_TICK_MAX was reached */
	_Atomic uint64_t secret_failures; /* times that the file could not be read again */
};

struct tell_net;

/*
 * What is wrong with the options is said in one line. Before the sandbox: the secret's file and
 * the port are opened; later on, the file is read again with each look-up of names. Returns 0 or
 * -errno.
 */
int tell_net_start(struct tell_net **net, struct loop *loop, struct tell *tell,
		   const struct tell_net_options *options);
void tell_net_stop(struct tell_net *net); /* NULL is fine */

uint16_t tell_net_port(const struct tell_net *net);
const struct tell_net_stats *tell_net_stats(const struct tell_net *net);
const struct tell_names_stats *tell_net_names(const struct tell_net *net);
uint64_t tell_net_lost(const struct tell_net *net); /* datagrams for which the socket was full */

#endif
