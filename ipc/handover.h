/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hand-over: all that the loader and the collector ever say to each other, over a Unix socket
 * of type SOCK_SEQPACKET. The collector connects and sends one hello; the loader answers with one
 * offer, which carries four descriptors (SCM_RIGHTS) if both were built for the same record
 * layouts. Then the connection only stands for "this collector lives": whoever ends, closes it.
 *
 * Messages have a fixed size and are in host byte order (both ends run on one machine). A message
 * of any other size, type or count of descriptors closes the connection. These sizes, and what
 * magic, abi and status mean, stay the same in every release: else two that do not fit could not
 * tell each other so.
 */
#ifndef KEYHOLE_IPC_HANDOVER_H
#define KEYHOLE_IPC_HANDOVER_H

#include <stdint.h>
#include <sys/types.h>

#define HANDOVER_MAGIC 0x4c48594bu                 /* "KYHL" */
#define HANDOVER_SOCKET "/run/keyhole/loader.sock" /* default path */

/* What the offer carries, in this order. */
enum handover_fd {
	HANDOVER_DATA,     /* ring buffer: exchanges */
	HANDOVER_LIFE,     /* ring buffer: identities */
	HANDOVER_CONTROL,  /* mmapable array of one struct kh_control */
	HANDOVER_COUNTERS, /* mmapable frozen array of struct kh_counters, one per CPU */
	HANDOVER_FDS,
};

enum handover_status {
	HANDOVER_OK = 0,
	HANDOVER_ABI = 1, /* no descriptors: the layouts differ; `abi` says the loader's */
};

/* Collector to loader. */
struct handover_hello {
	uint32_t magic;
	uint32_t abi; /* KH_ABI_VERSION */
	char version[24];
};

/* Loader to collector. */
struct handover_offer {
	uint32_t magic;
	uint32_t abi;
	uint32_t status;               /* enum handover_status */
	uint32_t cpus;                 /* slots in the counters page */
	uint64_t data_size, life_size; /* bytes of the rings, powers of two */
	uint64_t control_size, counters_size;
	uint32_t request_head, response_head; /* captured bytes per message */
	uint32_t pid;                         /* of the loader, in its own pid namespace */
	uint32_t sandbox; /* of the loader: POLICY_BIT()s (policy/report.h) of the parts in force */
	char version[24];
	char kernel[64];   /* uname -r */
	char backend[64];  /* "tracepoint", "fexit" or "tracepoint+fexit" */
	char snapshot[32]; /* how running processes are found, or "unavailable" */
};

_Static_assert(sizeof(struct handover_hello) == 32, "the same in every release");
_Static_assert(sizeof(struct handover_offer) == 248, "the same in every release");

/*
 * Sends one message with `n` descriptors (0..HANDOVER_FDS). Returns 0 or -errno; -EAGAIN when the
 * peer does not read.
 */
int handover_send(int sock, const void *msg, size_t size, const int *fds, size_t n);

/*
 * Receives one message of exactly `size` bytes with exactly 0 or `n` descriptors, which are
 * CLOEXEC and the caller's. Returns 1; 0 at the end of the connection; -EPROTO for any other
 * message (nothing is left open); else -errno. `fds` and `got` are written only for 1.
 */
int handover_recv(int sock, void *msg, size_t size, int *fds, size_t n, size_t *got);

/*
 * A listening socket at `path`, mode 0660; a stale socket file is replaced, another kind of file
 * never is (-EEXIST), nor is a socket on which somebody listens (-EADDRINUSE). Returns a
 * descriptor (CLOEXEC, non-blocking) or -errno.
 */
int handover_listen(const char *path);

/*
 * Connects to `path`, without waiting. Returns a descriptor (CLOEXEC, non-blocking) or -errno;
 * -EAGAIN: somebody listens there, but too many wait already.
 */
int handover_connect(const char *path);

/* The uid at the other end, by SO_PEERCRED. Returns 0 or -errno. */
int handover_peer(int sock, uid_t *uid);

#endif
