/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checked views of what came through the rings. BPF wrote them, but a collector that was taken
 * over may have scribbled on the ring's consumer page before us, and a replay file may hold
 * anything: every length is checked against the record before it is used.
 */
#ifndef KEYHOLE_INTAKE_RECORD_H
#define KEYHOLE_INTAKE_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "../../bpf/events.h"

/* Bytes of the longest record there can be: two heads and two tails, and up to a word of slack. */
#define RECORD_SIZE_MAX (sizeof(struct kh_exchange) + 2 * (KH_HEAD_MAX + KH_TAIL) + 8)

/* One captured message: what BPF says of it, and where its bytes are. */
struct record_message {
	struct kh_message info;
	const uint8_t *head, *tail; /* info.head_len and info.tail_len bytes */
};

struct record {
	uint16_t type;  /* enum kh_type */
	uint16_t flags; /* enum kh_flag */
	union {
		const struct kh_exchange *exchange; /* the role is known: server or client */
		const struct kh_part *part;
		/* head_len + tail_len bytes stand behind it and are not more than len; no bytes:
		 * the reason is CLOSE or RESET, else MORE */
		const struct kh_segment *segment;
		const struct kh_cgroup *cgroup;   /* names are NUL-terminated, levels in range */
		const struct kh_process *process; /* likewise comm and exe */
		const struct kh_exit *exit;
		const struct kh_listen *listen;
		const struct kh_args *args; /* len in range */
		const struct kh_self *self; /* levels in range */
	};
	struct record_message req, resp; /* exchange: both; part, finish: resp or req by its flag */
};

/*
 * Fills `out` from `size` bytes at `p` (8-byte aligned). Returns 0, or -EBADMSG for a record whose
 * size, type, counts or texts do not hold together.
 */
int record_read(const void *p, size_t size, struct record *out);

#endif
