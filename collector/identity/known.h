/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel told about cgroups and processes, by the keys that exchanges carry. Belongs to
 * the intake thread. Both tables have a fixed size. What was touched longest ago makes room, but
 * processes that ended go first: else clients that come and go would push out a server that is
 * seldom asked, and the kernel tells about it only once.
 */
#ifndef KEYHOLE_IDENTITY_KNOWN_H
#define KEYHOLE_IDENTITY_KNOWN_H

#include "../../bpf/events.h"
#include "../keyed.h"
#include "cgroup_name.h"

#define KNOWN_CGROUPS_MAX 4096
#define KNOWN_PROCESSES_MAX 8192
#define KNOWN_PORTS_MAX 8 /* listening ports remembered of one process */
#define KNOWN_PARENTS 4   /* generations of parents that are looked at */
#define KNOWN_EXE_MAX (KH_EXE_LEVELS * KH_EXE_NAME + 1)

struct known_cgroup {
	uint64_t key;
	struct cgroup_identity id;
	bool in_container;
	char own_name[KH_NAME]; /* of the cgroup itself: a systemd unit, a container, "" the root */
};

struct known_process {
	uint32_t tgid, ns_tgid, ppid, uid;
	uint32_t version; /* grows whenever something below changes */
	uint64_t cgroup, start_ns;
	char comm[16];
	char exe[KNOWN_EXE_MAX]; /* path as far as it was told, "" unknown */
	const char *args; /* command line with spaces between, as far as it was told; "" unknown */
	uint16_t ports[KNOWN_PORTS_MAX];
	uint8_t port_count;
	bool listens; /* called listen() itself; else its ports are those of what it served */
	bool exited;  /* late records may still refer to it */
	bool queued;  /* stands in known.ended */
};

struct known {
	struct keyed cgroup_table, process_table;
	struct known_cgroup *cgroups;
	struct known_process *processes;
	char (*args)[KH_ARGS_MAX + 1]; /* by slot of a process; touched where they are told */
	uint32_t args_end;             /* slots touched lie below */
	uint64_t ports_full;           /* times KNOWN_PORTS_MAX was reached */
	uint32_t *ended;               /* slots of processes that ended, a queue */
	uint32_t ended_first, ended_count;
};

int known_init(struct known *known); /* 0 or -ENOMEM */
void known_free(struct known *known);
size_t known_bytes(const struct known *known);

/* Records checked by intake/record.c. */
void known_tell_cgroup(struct known *known, const struct kh_cgroup *record);
void known_tell_process(struct known *known, const struct kh_process *record);
void known_tell_args(struct known *known, const struct kh_args *record);
void known_tell_exit(struct known *known, const struct kh_exit *record);
void known_tell_listen(struct known *known, const struct kh_listen *record);

/*
 * It answered a request on this port: known also of those who listened before Keyhole started, and
 * of workers, whose parent listens. Of a process not told about, nothing is kept. Returns true if
 * that was news.
 */
bool known_tell_served(struct known *known, uint32_t tgid, uint16_t port);

/* NULL: not told (yet), or forgotten. */
const struct known_cgroup *known_cgroup(struct known *known, uint64_t key);
struct known_process *known_process(struct known *known, uint32_t tgid);

/*
 * Its parent, if that was told about, runs in the same cgroup and began no later: a number that
 * was given to somebody else meanwhile is nobody's parent.
 */
const struct known_process *known_parent(struct known *known, const struct known_process *child);

#endif
