/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What BPF was told to ignore, and why, so that it can be told otherwise when the reason is gone:
 * what is ignored sends nothing that could make us think again. A verdict is about a cgroup, or
 * about one process on one port (KH_VERDICT_PROCESS), and rests on the pod as it was described
 * then, and on the process and its parents as they were. Belongs to the intake thread; nothing is
 * allocated after verdicts_init().
 */
#ifndef KEYHOLE_VERDICTS_H
#define KEYHOLE_VERDICTS_H

#include "../bpf/events.h"
#include "identity/known.h"
#include "keyed.h"

#define VERDICTS_MAX KH_VERDICTS           /* BPF has no room for more */
#define VERDICT_FAMILY (1 + KNOWN_PARENTS) /* a process, and the parents that may decide for it */

struct verdict {
	uint64_t key; /* 0: none */
	uint64_t cgroup;
	uint64_t pod; /* version of the pod's description; 0: no pod */
	/* the process, its parent and so on, known or not; 0: no more, or the whole cgroup */
	uint32_t family[VERDICT_FAMILY];
};

/* Tells BPF. Returns 0 or -errno. */
typedef int (*verdict_fn)(void *arg, uint64_t key, enum kh_verdict verdict);

struct verdicts {
	struct keyed table;
	struct verdict *list;
	uint32_t end; /* slots ever used lie below */
	/* verdicts that rest on a process, by its tgid modulo: most processes have none */
	uint16_t resting[VERDICTS_MAX];
	verdict_fn tell;
	void *arg;
};

int verdicts_init(struct verdicts *verdicts, verdict_fn tell, void *arg); /* 0 or -ENOMEM */
void verdicts_free(struct verdicts *verdicts);
size_t verdicts_bytes(const struct verdicts *verdicts);

/* It rests on this process, and on the parents that may decide for it. */
void verdict_family(struct verdict *verdict, struct known *known,
		    const struct known_process *process);

/* Has BPF ignore it. Returns what `tell` does. */
int verdicts_ignore(struct verdicts *verdicts, const struct verdict *verdict);

/* Takes back all that rests on this process; then its next exchange is decided anew, or a child's.
 */
void verdicts_lift_process(struct verdicts *verdicts, uint32_t tgid);

/*
 * The pods changed: takes back what rests on a pod that is described otherwise now. `version` of
 * the pod that a cgroup belongs to: 0 for none, `was` where it cannot be said.
 */
void verdicts_review(struct verdicts *verdicts,
		     uint64_t (*version)(void *arg, uint64_t cgroup, uint64_t was), void *arg);

/* Forgets all; the caller clears BPF's table. */
void verdicts_clear(struct verdicts *verdicts);

#endif
