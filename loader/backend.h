/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backends: which of the BPF programs run on this kernel. What the kernel has is found out by
 * asking its BTF and by loading two-instruction programs, never by its version number.
 */
#ifndef KEYHOLE_LOADER_BACKEND_H
#define KEYHOLE_LOADER_BACKEND_H

#include <stdbool.h>
#include <stddef.h>

#include "ipc/handover.h"
#include "options.h"

#define BACKEND_REASON 160

/* What this kernel offers. An empty reason means yes; else it says what is missing. */
struct kernel {
	char release[64];
	char no_btf[BACKEND_REASON];
	char no_bpf[BACKEND_REASON];        /* programs or socket storage cannot be had at all */
	char no_tracepoint[BACKEND_REASON];
	char no_fexit[BACKEND_REASON];
	char no_snapshot[BACKEND_REASON];
	bool kernel_reads; /* bpf_probe_read_kernel is allowed */
	bool task_iter;    /* open-coded task iterators (6.7) */
	bool sendpage;     /* tcp_sendpage exists (up to 6.4) */
	bool early;        /* what fexit needs for receives that began before it (5.15) */
	bool preempts;     /* programs of tracepoints can be preempted (7.0) */
	bool udp, udp6;    /* udp_sendmsg and udpv6_sendmsg are not in a module */
	int recv_args;     /* arguments of tcp_recvmsg, and of UDP's: 4, 5 or 6 */
};

/* Looks without attaching anything. */
void backend_probe(struct kernel *k);

/* Would backend_start() have a backend to try? Writes the choice and the reason. */
bool backend_choose(const struct kernel *k, enum backend_choice want, char *choice, size_t choice_size,
		    char *reason, size_t reason_size);

struct backend;

/*
 * Loads and attaches the best backend that works, and says why better ones were not taken.
 * NULL: none does; the reasons were said. The programs live until backend_stop() or the end of
 * the process.
 */
struct backend *backend_start(const struct kernel *k, const struct options *o);
void backend_stop(struct backend *b);

/*
 * Once nothing more is loaded: forgets all but the descriptors of `b`, so that the process holds no
 * more memory than it takes to wait. Allowed in the sandbox.
 */
void backend_settle(struct backend *b);

/* The offer for a collector, and the descriptors that go with it (owned by `b`). */
void backend_offer(const struct backend *b, struct handover_offer *offer, int fds[HANDOVER_FDS]);

#endif
