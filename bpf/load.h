/* SPDX-License-Identifier: (Apache-2.0 OR BSD-2-Clause OR GPL-2.0-only) */
/* What the loader decides about the programs, beside the load-time constants of maps.h. */
#ifndef KEYHOLE_BPF_LOAD_H
#define KEYHOLE_BPF_LOAD_H

/*
 * Room to build a record; one per program, since each may be interrupted by another. Behind the
 * room of a hook on sends is that of its twin on receives.
 *
 * Twins: the kernel skips a run of a tracing program that preempts a run of the same program on
 * the same CPU. Tracepoints' programs are preemptible since Linux 7, and there a kernel that works
 * for others meanwhile is the default. So each hook gets a second program (…_twin), which does
 * what the first was kept from; it has a room of its own.
 */
enum kh_room {
	KH_ROOM_STATE,
	KH_ROOM_DESTROY,
	KH_ROOM_SEND,
	KH_ROOM_RECV,
	KH_ROOM_UDP_SEND, /* of fexit */
	KH_ROOM_UDP_RECV,
	KH_ROOM_UDP6_SEND,
	KH_ROOM_UDP6_RECV,
	KH_ROOM_FX_SEND, /* of fexit beside the tracepoints */
	KH_ROOM_FX_RECV,
	KH_ROOM_TWINS, /* the same again */
	KH_ROOMS = 2 * KH_ROOM_TWINS,
};
/* Of one backend without twins: tracepoints, fexit. */
#define KH_ROOMS_TP KH_ROOM_UDP_SEND
#define KH_ROOMS_FX KH_ROOM_FX_SEND

#endif
