/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector's end of the hand-over: connects to the loader, maps what it gives, and asks BPF
 * for what only a renamed thread can ask (bpf/events.h, struct kh_control). All of it belongs to
 * the intake thread.
 */
#ifndef KEYHOLE_INTAKE_LINK_H
#define KEYHOLE_INTAKE_LINK_H

#include "../../ipc/handover.h"
#include "ring.h"
#include "record.h"

struct link {
	int sock; /* stands for the loader's life; -1: not connected */
	int fds[HANDOVER_FDS];
	struct handover_offer offer;
	struct ring data, life;
	struct kh_control *control;
	const struct kh_counters *counters;
	bool walking;  /* the snapshot of running processes is not done */
	bool unplaced; /* where the collector runs is to be told, and was not yet */
};

/* What BPF shall do for this collector from the first record on. */
struct link_wishes {
	uint32_t want; /* KH_WANT_ARGS, KH_WANT_ROUTINE */
	bool own_pod;  /* trace nothing until link_scope() says what */
};

/*
 * Asks the loader at `path`. Returns 0; -EPROTONOSUPPORT: it speaks another ABI; -EPROTO: what
 * it said or gave is not what a loader gives; else -errno of connect(2) or mmap(2). `why` gets
 * one sentence. A refused connection leaves nothing open. Waits some seconds for an answer, or
 * until `give_up` is readable (-1: no such descriptor).
 */
int link_open(struct link *link, const char *path, const struct link_wishes *wishes, int give_up,
	      char *why, size_t why_size);
void link_close(struct link *link);

/* Has the loader gone? Asks the socket, does not wait. */
bool link_lost(const struct link *link);

/* One step of the walk through running processes. Their records come by the life ring. */
void link_walk(struct link *link);

/*
 * Asks once more where this process runs (KH_SELF) if link_scope() did not follow from it yet: the
 * answer is lost where the life ring is full. False: no need.
 */
bool link_ask_self(struct link *link);

/* Sum over all CPUs. */
uint64_t link_counter(const struct link *link, unsigned int counter);

/*
 * What BPF shall do from now on with a cgroup's sockets, or with a process' (KH_VERDICT_PROCESS).
 * KH_TRACE takes a verdict back, and frees its place. Returns 0, or -ENOSPC when all
 * KH_VERDICT_PROBES places for the key are taken: it is traced then. -ENOTCONN, or -EINVAL for
 * what is no key.
 */
int link_verdict(struct link *link, uint64_t key, enum kh_verdict verdict);

/*
 * What BPF shall tell of a stream from its next call on: `capture` bytes of each call, or 0: nothing
 * more, for good. The decision takes the place of another stream's with the same hash, which is of
 * no harm: sockets keep what they were told last.
 */
void link_stream(struct link *link, uint64_t cookie, uint32_t capture, enum kh_role role);

/* Takes all verdicts back: everything is traced until decided again. Not what was said of streams. */
void link_verdicts_clear(struct link *link);

/* Only what runs in this cgroup or below it is traced from now on; 0: everything. */
void link_scope(struct link *link, uint64_t cgroup);

#endif
