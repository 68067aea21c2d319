// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * The programs: where Keyhole hooks into the kernel, and which kernel each hook needs. All attach
 * without a perf event; none writes user memory or packets. The loader decides by autoload which
 * of them run (loader/programs.c).
 */
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include "events.h"
#include "maps.h"
#include "source.h"
#include "syscall.h"
#include "iter.h"

/* of tasks found by walking a list, and of any where the kernel lets its memory be read */
#define KH_ID(name) name##_by_probe
#define KH_GET(...) BPF_CORE_READ(__VA_ARGS__)
#include "identity.h"
#undef KH_ID
#undef KH_GET

/* of tasks the kernel vouches for */
#define KH_ID(name) name
#define KH_GET(...) ___arrow(__VA_ARGS__)
#include "identity.h"
#include "current.h"

#include "socket.h"
#include "emit.h"
#include "stream.h"
#include "capture.h"
#include "snapshot.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* ---- what both backends do with a call ---- */

/*
 * Is nothing of the socket wanted any more? Asked first: most calls of a node may be on such.
 * A glance that a call found before it was made says no: nothing becomes unwanted with its first.
 */
static __always_inline bool kh_unwanted(const struct kh_glance *glance, const struct sock *sk)
{
	return glance && glance->quiet &&
	       (glance->class == KH_CLASS_OTHER || sk->sk_protocol == IPPROTO_UDP);
}

/* What is known of the socket: io->st, or else what a glance at it said, or neither. */
static __always_inline struct kh_glance *kh_known(struct sock *sk, struct kh_io *io)
{
	io->st = bpf_sk_storage_get(&kh_sockets, sk, NULL, 0);
	return io->st ? NULL : bpf_sk_storage_get(&kh_glances, sk, NULL, 0);
}

/* Is this a TCP or UDP socket of a process? */
static __always_inline bool kh_of_process(struct sock *sk)
{
	u16 family = sk->__sk_common.skc_family;
	struct socket *socket = sk->sk_socket; /* before the tests: the verifier's search, once */

	if ((family != AF_INET && family != AF_INET6) ||
	    (sk->sk_protocol != IPPROTO_TCP && sk->sk_protocol != IPPROTO_UDP))
		return false;
	if (socket && socket->file)
		return true;
	KH_COUNT(kernel_sockets);
	return false;
}

/*
 * Is the call wanted, on a node where capturing is on? Of a socket that is followed it was; whether
 * it is the collector's by now, kh_own() asks.
 */
static __always_inline bool kh_wanted(struct sock *sk, struct kh_io *io)
{
	io->control = kh_control();
	if (!io->control || !io->control->enabled)
		return false;
	if (io->st)
		return true;
	if (!kh_of_process(sk))
		return false;
	if (kh_self && bpf_get_current_pid_tgid() >> 32 == kh_self) {
		KH_COUNT(self_calls);
		return false;
	}
	return true;
}

/* A receive that moves no byte of the stream: it ends where the call before it did. */
static __always_inline bool kh_only_looks(u32 direction, int flags)
{
	return direction == KH_RX && (flags & (MSG_PEEK | MSG_ERRQUEUE | MSG_OOB));
}

/* Does the call move bytes that nobody saw before, and are they where the caller says? */
static __always_inline bool kh_moves(struct kh_io *io, int flags)
{
	if (io->direction != KH_RX)
		return true;
	if (kh_only_looks(io->direction, flags)) {
		KH_COUNT(peeks);
		return false;
	}
	if (flags & MSG_TRUNC) {
		KH_COUNT(trunc_reads);
		io->src.kind = KH_SRC_NONE;
	}
	return true;
}

static __always_inline struct kh_scratch *kh_room(u32 room)
{
	return bpf_map_lookup_elem(&kh_rooms, &room);
}

/* `room`: of sends; that of receives is the next. */
static __always_inline bool kh_begin(struct kh_io *io, struct sock *sk, int ret, u32 room)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	io->room = kh_room(io->direction == KH_TX ? room : room + 1);
	if (!io->room || !tp)
		return false;
	io->sk = sk;
	io->tp = tp;
	io->src.len = ret;
	io->room->now = bpf_ktime_get_ns();
	if (kh_twins)
		io->room->taker = kh_taker(room >= KH_ROOM_TWINS);
	io->seq = (io->direction == KH_TX ? tp->write_seq : tp->copied_seq) - (u32)ret;
	return true;
}

/* A call that moved nothing: an error or an end. */
static __always_inline void kh_empty(struct sock *sk, u32 direction, int ret, int flags, u32 room)
{
	struct kh_scratch *s = kh_room(direction == KH_TX ? room : room + 1);

	if (s && !kh_only_looks(direction, flags))
		kh_moved_nothing(sk, direction, ret, s);
}

/*
 * Is it for this program to handle the call, and not for its twin? The first of the two to run
 * takes it, and the second finds it taken; unless the first was skipped, or another call took its
 * turn in between. `call` tells this call of the socket and thread from the one before it.
 */
static __always_inline bool kh_my_turn(struct sock *sk, u32 room, u64 call)
{
	struct kh_turn *turn;

	if (!kh_twins)
		return true;
	turn = bpf_map_lookup_elem(&kh_turns, &room);
	if (!turn)
		return true;
	turn->sk = (u64)sk;
	call = turn->sk ^ bpf_get_current_pid_tgid() ^ call << 16;
	if (turn->taken == call) {
		turn->taken = 0;
		return false;
	}
	turn->taken = call;
	return true;
}

/*
 * Which program of a hook runs second, by the room of its first: 1 the one, 2 its twin. That is up to
 * the kernel, and seen when the second finds the note of the very call it is in.
 */
static u8 kh_second[KH_ROOM_TWINS];

/*
 * Was this call, which ends at `end`, taken on by the twin, by the note that it left? The numbers may
 * have moved on since, by another thread's call; but the same is seen if this is the thread's next
 * call, and this program was kept from the one before. The second to run takes the note for this
 * call's: it is wrong only if it was kept from the call before, and the first from this one.
 */
static __always_inline bool kh_taken_on(struct kh_taken *note, u32 taker, u32 room, u32 end)
{
	u8 which = 1 + (taker & 1);

	if (note->taker != (taker ^ 1))
		return false;
	if (kh_second[room] != which) { /* written only when it is news: all CPUs read it */
		if (note->end != end)
			return false;
		kh_second[room] = which;
	}
	note->taker = 0;
	return true;
}

/* Is it for this program to handle the send or receive? See kh_my_turn() for what leaves no note. */
static __always_inline bool kh_my_io(struct sock *sk, const struct kh_io *io, int ret, int flags,
				     u32 room, u32 twin)
{
	struct kh_taken *note = NULL;
	u32 taker = kh_taker(twin), end;
	struct kh_stream *s;
	struct tcp_sock *tp;

	if (!kh_twins)
		return true;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return false;
	end = io->direction == KH_TX ? tp->write_seq : tp->copied_seq;
	room += io->direction == KH_RX;
	if (ret > 0 && !kh_only_looks(io->direction, flags)) {
		s = io->st ? NULL : bpf_sk_storage_get(&kh_streams, sk, NULL, 0);
		if (io->st)
			note = kh_taken_of(io->st->taken, io->direction, taker);
		else if (s)
			note = kh_taken_of(s->taken, io->direction, taker);
		if (note && kh_taken_on(note, taker, room, end)) {
			kh_my_turn(sk, room, end); /* it is not to stand until a later call */
			return false;
		}
	}
	return kh_my_turn(sk, room, end);
}

/* ---- tracepoint backend: kernel 6.3 and later ---- */

static __always_inline int kh_tracepoint_udp(struct kh_io *io, struct sock *sk, u32 direction,
					     int ret, int flags, u32 twin)
{
	struct kh_glance *glance;
	struct kh_stream *s;

	if (kh_udp_by_fexit)
		return 0;
	if (ret < 0) {
		kh_mmsg_reset();
		return 0;
	}
	s = kh_datagram_turn(sk, &glance, direction, twin != 0);
	io->room = kh_room((direction == KH_TX ? KH_ROOM_SEND : KH_ROOM_RECV) + twin);
	if (!s || !io->room)
		return 0;
	io->sk = sk;
	io->src.len = ret;
	io->room->now = bpf_ktime_get_ns();
	kh_source_syscall(&io->src);
	if (direction == KH_RX)
		io->src.name = 0; /* not written yet */
	if (ret && kh_moves(io, flags))
		kh_datagram(io, glance, s, true);
	if (glance->quiet)
		kh_mmsg_reset(); /* it counts no messages any more */
	return 0;
}

static __always_inline int kh_tracepoint(struct sock *sk, u32 direction, int ret, int flags,
					 u32 twin)
{
	struct kh_io io = {.direction = direction};
	struct kh_glance *glance = kh_known(sk, &io);

	if (kh_unwanted(glance, sk) || !kh_wanted(sk, &io))
		return 0;
	if (!io.st && sk->sk_protocol == IPPROTO_UDP)
		return kh_tracepoint_udp(&io, sk, direction, ret, flags, twin);
	if (kh_opaque_by_fexit && kh_opaque())
		return 0;
	if (!kh_my_io(sk, &io, ret, flags, KH_ROOM_SEND, twin))
		return 0;
	if (ret <= 0) {
		kh_mmsg_reset();
		kh_empty(sk, direction, ret, flags, KH_ROOM_SEND + twin);
		return 0;
	}
	if (!kh_begin(&io, sk, ret, KH_ROOM_SEND + twin))
		return 0;
	kh_source_syscall(&io.src);
	if (kh_moves(&io, flags))
		kh_moved(&io);
	if (kh_unwanted(glance, sk))
		kh_mmsg_reset(); /* it counts no messages any more */
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(kh_tp_send, struct sock *sk, int ret, int flags)
{
	return kh_tracepoint(sk, KH_TX, ret, flags, 0);
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(kh_tp_send_twin, struct sock *sk, int ret, int flags)
{
	return kh_tracepoint(sk, KH_TX, ret, flags, KH_ROOM_TWINS);
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(kh_tp_recv, struct sock *sk, int ret, int flags)
{
	return kh_tracepoint(sk, KH_RX, ret, flags, 0);
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(kh_tp_recv_twin, struct sock *sk, int ret, int flags)
{
	return kh_tracepoint(sk, KH_RX, ret, flags, KH_ROOM_TWINS);
}

/* ---- fexit backend: BTF and trampolines (x86-64 from 5.8, arm64 from 6.4) ---- */

static __always_inline int kh_fexit(struct sock *sk, struct msghdr *msg, u32 direction, int ret,
				    int flags, u32 twin)
{
	u32 room = kh_opaque_by_fexit ? KH_ROOM_FX_SEND : KH_ROOM_SEND;
	struct kh_io io = {.direction = direction};

	if (ret == -EAGAIN || (kh_opaque_by_fexit && !kh_opaque()))
		return 0; /* most calls */
	if (kh_unwanted(kh_known(sk, &io), sk) || !kh_wanted(sk, &io))
		return 0;
	if (!kh_my_io(sk, &io, ret, flags, room, twin))
		return 0;
	room += twin;
	if (ret <= 0) {
		kh_empty(sk, direction, ret, flags, room);
		return 0;
	}
	if (!kh_begin(&io, sk, ret, room))
		return 0;
	if (msg)
		kh_source_iter(&io.src, io.room, &msg->msg_iter, ret);
	else
		KH_COUNT(no_buffer);
	if (kh_moves(&io, flags) && kh_not_seen_early(&io))
		kh_moved(&io);
	return 0;
}

SEC("fexit/tcp_sendmsg")
int BPF_PROG(kh_fx_send, struct sock *sk, struct msghdr *msg, u64 size, int ret)
{
	return kh_fexit(sk, msg, KH_TX, ret, 0, 0);
}

SEC("fexit/tcp_sendmsg")
int BPF_PROG(kh_fx_send_twin, struct sock *sk, struct msghdr *msg, u64 size, int ret)
{
	return kh_fexit(sk, msg, KH_TX, ret, 0, KH_ROOM_TWINS);
}

/* sendfile and splice up to 6.4; later they go through tcp_sendmsg with kernel pages */
SEC("fexit/tcp_sendpage")
int BPF_PROG(kh_fx_sendpage, struct sock *sk, void *page, int offset, u64 size, int flags, int ret)
{
	return kh_fexit(sk, NULL, KH_TX, ret, 0, 0);
}

/* tcp_recvmsg lost an argument in 5.19 (nonblock) and another in 7.x (addr_len) */
SEC("fexit/tcp_recvmsg")
int BPF_PROG(kh_fx_recv6, struct sock *sk, struct msghdr *msg, u64 len, int nonblock, int flags,
	     int *addr_len, int ret)
{
	return kh_fexit(sk, msg, KH_RX, ret, flags, 0);
}

SEC("fexit/tcp_recvmsg")
int BPF_PROG(kh_fx_recv5, struct sock *sk, struct msghdr *msg, u64 len, int flags, int *addr_len,
	     int ret)
{
	return kh_fexit(sk, msg, KH_RX, ret, flags, 0);
}

SEC("fexit/tcp_recvmsg")
int BPF_PROG(kh_fx_recv4, struct sock *sk, struct msghdr *msg, u64 len, int flags, int ret)
{
	return kh_fexit(sk, msg, KH_RX, ret, flags, 0);
}

SEC("fexit/tcp_recvmsg")
int BPF_PROG(kh_fx_recv5_twin, struct sock *sk, struct msghdr *msg, u64 len, int flags,
	     int *addr_len, int ret)
{
	return kh_fexit(sk, msg, KH_RX, ret, flags, KH_ROOM_TWINS);
}

SEC("fexit/tcp_recvmsg")
int BPF_PROG(kh_fx_recv4_twin, struct sock *sk, struct msghdr *msg, u64 len, int flags, int ret)
{
	return kh_fexit(sk, msg, KH_RX, ret, flags, KH_ROOM_TWINS);
}

/*
 * Datagrams. A send to an IPv4 address on a socket of both families passes through both functions,
 * and is told by the one within.
 */
static __always_inline int kh_fexit_udp(struct sock *sk, struct msghdr *msg, u32 direction, int ret,
					int flags, u32 room, u32 twin)
{
	struct kh_io io = {.direction = direction};
	u32 tid = bpf_get_current_pid_tgid();
	struct kh_glance *glance;
	struct kh_stream *s;

	if (ret <= 0 || kh_unwanted(bpf_sk_storage_get(&kh_glances, sk, NULL, 0), sk) ||
	    !kh_wanted(sk, &io))
		return 0;
	if (room == KH_ROOM_UDP6_SEND) {
		s = bpf_sk_storage_get(&kh_streams, sk, NULL, 0);
		if (s && s->inner == tid) {
			if (--s->outer == 0)
				s->inner = 0;
			return 0;
		}
	}
	s = kh_datagram_turn(sk, &glance, direction, twin != 0);
	io.room = kh_room(room + twin);
	if (!s || !io.room)
		return 0;
	if (room == KH_ROOM_UDP_SEND && sk->__sk_common.skc_family == AF_INET6) {
		s->inner = tid;
		s->outer = kh_twins ? 2 : 1;
	}
	io.sk = sk;
	io.src.len = ret;
	io.room->now = bpf_ktime_get_ns();
	kh_source_iter(&io.src, io.room, &msg->msg_iter, ret);
	io.src.name = kh_number(io.room, (u64)msg->msg_name);
	if (kh_moves(&io, flags))
		kh_datagram(&io, glance, s, false);
	return 0;
}

#define KH_UDP(name, function, room, direction, twin, flags, ...)                                  \
	SEC("fexit/" #function)                                                                    \
	int BPF_PROG(name, struct sock *sk, struct msghdr *msg, u64 len, ##__VA_ARGS__)            \
	{                                                                                          \
		return kh_fexit_udp(sk, msg, direction, ret, flags, room, twin);                   \
	}
#define KH_UDP_SEND(name, function, room, twin)                                                    \
	KH_UDP(name, function, room, KH_TX, twin, 0, int ret)
#define KH_UDP_RECV6(name, function, room, twin)                                                   \
	KH_UDP(name, function, room, KH_RX, twin, flags, int nonblock, int flags, int *addr_len,   \
	       int ret)
#define KH_UDP_RECV5(name, function, room, twin)                                                   \
	KH_UDP(name, function, room, KH_RX, twin, flags, int flags, int *addr_len, int ret)
#define KH_UDP_RECV4(name, function, room, twin)                                                   \
	KH_UDP(name, function, room, KH_RX, twin, flags, int flags, int ret)

KH_UDP_SEND(kh_fx_udp_send, udp_sendmsg, KH_ROOM_UDP_SEND, 0)
KH_UDP_SEND(kh_fx_udp6_send, udpv6_sendmsg, KH_ROOM_UDP6_SEND, 0)
KH_UDP_RECV6(kh_fx_udp_recv6, udp_recvmsg, KH_ROOM_UDP_RECV, 0)
KH_UDP_RECV6(kh_fx_udp6_recv6, udpv6_recvmsg, KH_ROOM_UDP6_RECV, 0)
KH_UDP_RECV5(kh_fx_udp_recv5, udp_recvmsg, KH_ROOM_UDP_RECV, 0)
KH_UDP_RECV5(kh_fx_udp6_recv5, udpv6_recvmsg, KH_ROOM_UDP6_RECV, 0)
KH_UDP_RECV4(kh_fx_udp_recv4, udp_recvmsg, KH_ROOM_UDP_RECV, 0)
KH_UDP_RECV4(kh_fx_udp6_recv4, udpv6_recvmsg, KH_ROOM_UDP6_RECV, 0)
KH_UDP_SEND(kh_fx_udp_send_twin, udp_sendmsg, KH_ROOM_UDP_SEND, KH_ROOM_TWINS)
KH_UDP_SEND(kh_fx_udp6_send_twin, udpv6_sendmsg, KH_ROOM_UDP6_SEND, KH_ROOM_TWINS)
KH_UDP_RECV5(kh_fx_udp_recv5_twin, udp_recvmsg, KH_ROOM_UDP_RECV, KH_ROOM_TWINS)
KH_UDP_RECV5(kh_fx_udp6_recv5_twin, udpv6_recvmsg, KH_ROOM_UDP6_RECV, KH_ROOM_TWINS)
KH_UDP_RECV4(kh_fx_udp_recv4_twin, udp_recvmsg, KH_ROOM_UDP_RECV, KH_ROOM_TWINS)
KH_UDP_RECV4(kh_fx_udp6_recv4_twin, udpv6_recvmsg, KH_ROOM_UDP6_RECV, KH_ROOM_TWINS)

/*
 * A receive that had begun before the programs were attached returns past fexit: on a connection
 * whose server was waiting for it already, the first request would be missed. This tracepoint lies
 * inside the receive, behind each copy. It looks at sockets of which nothing is known yet, once;
 * the bytes are found as the tracepoint backend does, their number by the segment they came from.
 */
SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(kh_fx_early, struct sock *sk)
{
	struct kh_io io = {.direction = KH_RX};
	struct kh_socket *st;
	struct kh_stream *s;
	u32 seq;

	if (sk->sk_protocol != IPPROTO_TCP || bpf_sk_storage_get(&kh_glances, sk, NULL, 0) ||
	    !kh_wanted(sk, &io))
		return 0;
	if (bpf_probe_read_kernel(&seq, sizeof(seq), &sk->sk_receive_queue.next->cb))
		return 0;
	/* where twins are, the rooms of fexit beside the tracepoints are there, and free */
	if (!kh_begin(&io, sk, 0, kh_twins ? KH_ROOM_FX_SEND : KH_ROOM_SEND))
		return 0;
	io.room->taker = 0;
	io.src.len = kh_number(io.room, io.seq - seq); /* with a length of 0, seq is copied_seq */
	io.seq = seq;
	if (!io.src.len || io.src.len > KH_EARLY_MAX || !kh_call_keeps(io.src.len))
		return 0;
	kh_source_syscall(&io.src);
	kh_moved(&io);
	st = bpf_sk_storage_get(&kh_sockets, sk, NULL, 0);
	s = bpf_sk_storage_get(&kh_streams, sk, NULL, 0);
	if (st)
		st->early = true;
	else if (s)
		s->early = true;
	if (st || s)
		__sync_fetch_and_add(&kh_earlies, 1);
	return 0;
}

/* ---- life of sockets: any kernel with BTF ---- */

static __always_inline void kh_opened(struct sock *sk, u8 role)
{
	struct kh_glance *glance =
		bpf_sk_storage_get(&kh_glances, sk, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (glance)
		glance->role = role;
	else
		KH_COUNT(storage_failed);
}

static __always_inline void kh_listening(struct sock *sk, struct kh_control *control)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct kh_listen *rec;
	bool v1;

	if (kh_outside(task, control->scope))
		return;
	kh_tell_current(task, control, false);
	KH_COUNT(life);
	rec = bpf_ringbuf_reserve(&kh_life, sizeof(*rec), 0);
	if (!rec) {
		KH_COUNT(life_drops);
		return;
	}
	rec->rec.type = KH_LISTEN;
	rec->rec.flags = 0;
	rec->rec.size = sizeof(*rec);
	rec->cgroup = kh_key_of(kh_cgroup_of(task, &v1), v1);
	rec->tgid = task->tgid;
	rec->port = sk->__sk_common.skc_num;
	rec->pad = 0;
	bpf_ringbuf_submit(rec, 0);
}

static __always_inline int kh_state(struct sock *sk, int old, int new, u32 twin)
{
	struct kh_control *control = kh_control();
	struct kh_scratch *scratch;
	struct kh_socket *st;
	struct kh_stream *s;

	if (!control || !control->enabled || sk->sk_protocol != IPPROTO_TCP ||
	    !kh_my_turn(sk, KH_ROOM_STATE, new))
		return 0;
	switch (new) {
	case TCP_SYN_SENT:
		kh_opened(sk, KH_ROLE_CLIENT);
		return 0;
	case TCP_ESTABLISHED:
		if (old == TCP_SYN_RECV) {
			kh_opened(sk, KH_ROLE_SERVER);
			KH_COUNT(accepts);
		} else {
			KH_COUNT(connects);
		}
		return 0;
	case TCP_LISTEN:
		kh_listening(sk, control);
		return 0;
	case TCP_CLOSE:
		if (old == TCP_SYN_SENT)
			KH_COUNT(connect_failures);
		st = bpf_sk_storage_get(&kh_sockets, sk, NULL, 0);
		if (st && !st->error)
			st->error = sk->sk_err; /* the process' next call clears it */
		s = bpf_sk_storage_get(&kh_streams, sk, NULL, 0);
		if (s && !s->error)
			s->error = sk->sk_err;
		return 0;
	case TCP_FIN_WAIT1:
	case TCP_LAST_ACK:
		/* our side says no more: what a server has not sent by now, it never will */
		st = bpf_sk_storage_get(&kh_sockets, sk, NULL, 0);
		scratch = kh_room(KH_ROOM_STATE + twin);
		if (st && scratch && st->conn.role == KH_ROLE_SERVER && st->phase == KH_RESPONSE)
			kh_end(scratch, st);
	}
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(kh_set_state, struct sock *sk, int old, int new)
{
	return kh_state(sk, old, new, 0);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(kh_set_state_twin, struct sock *sk, int old, int new)
{
	return kh_state(sk, old, new, KH_ROOM_TWINS);
}

/*
 * The socket is about to be freed: no call can follow. TCP_CLOSE alone does not say so, since
 * what came before the FIN or RST may still be read.
 */
static __always_inline int kh_freed(struct sock *sk, u32 twin)
{
	struct kh_socket *st = bpf_sk_storage_get(&kh_sockets, sk, NULL, 0);
	struct kh_scratch *scratch = kh_room(KH_ROOM_DESTROY + twin);

	if (!st) {
		kh_stream_freed(sk, scratch);
		return 0;
	}
	if (!st->error)
		st->error = sk->sk_err; /* our own reset (SO_LINGER 0) is noted after TCP_CLOSE */
	if (scratch) {
		kh_unseen_at_end(scratch, sk, st);
		kh_end(scratch, st);
	}
	__sync_fetch_and_add(&kh_sockets_open, -1);
	bpf_sk_storage_delete(&kh_sockets, sk);
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(kh_destroy, struct sock *sk)
{
	return kh_freed(sk, 0);
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(kh_destroy_twin, struct sock *sk)
{
	return kh_freed(sk, KH_ROOM_TWINS);
}

/* ---- life of processes: any kernel with BTF ---- */

SEC("tp_btf/sched_process_exec")
int BPF_PROG(kh_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct kh_control *control = kh_control();
	u32 tgid = task->tgid;

	/* only processes that were told about already: the others are, at their first I/O */
	if (control && control->enabled && bpf_map_lookup_elem(&kh_told_processes, &tgid))
		kh_tell_current(bpf_get_current_task_btf(), control, true);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(kh_exit, struct task_struct *task)
{
	u32 tgid = task->tgid;
	struct kh_exit *rec;

	if (task->signal->live.counter != 0) /* other threads go on */
		return 0;
	if (!bpf_map_lookup_elem(&kh_told_processes, &tgid))
		return 0;
	bpf_map_delete_elem(&kh_told_processes, &tgid);
	KH_COUNT(life);
	rec = bpf_ringbuf_reserve(&kh_life, sizeof(*rec), 0);
	if (!rec) {
		KH_COUNT(life_drops);
		return 0;
	}
	rec->rec.type = KH_EXIT;
	rec->rec.flags = 0;
	rec->rec.size = sizeof(*rec);
	rec->tgid = tgid;
	rec->pad = 0;
	bpf_ringbuf_submit(rec, 0);
	return 0;
}

/* ---- requests of the collector ---- */

__u64 kh_cursor; /* the task told last */

/*
 * Before 6.7 the walk follows the task list by probe reads. The list is a ring; the walk begins
 * and ends at the asking process itself. No lock is held: a task that ends while the cursor
 * stands on it may end the walk early. What it misses is told at its first I/O.
 */
SEC("tp_btf/task_rename")
int BPF_PROG(kh_rename, struct task_struct *task, const char *comm)
{
	struct kh_control *control = kh_control();
	struct task_struct *t, *self;
	u32 told = 0, i;
	char asked;

	if (!control)
		return 0;
	asked = kh_asked(control, comm);
	if (asked == 's') {
		kh_self = bpf_get_current_pid_tgid() >> 32;
		kh_tell_self(bpf_get_current_task_btf(), control->generation);
	}
	if (asked != 'w' || !kh_walk_list)
		return 0;
	if (kh_walk_begin(control))
		kh_cursor = 0;
	self = BPF_CORE_READ(bpf_get_current_task_btf(), group_leader);
	t = kh_cursor ? (struct task_struct *)kh_cursor : self;
	for (i = 0; i < KH_SNAPSHOT_STEP; i++) {
		struct list_head *next = BPF_CORE_READ(t, tasks.next);

		if (!next)
			break;
		t = (void *)next - bpf_core_field_offset(struct task_struct, tasks);
		if (t == self)
			break;
		told++;
		kh_tell_listed((u64)t, control->generation);
	}
	kh_cursor = (u64)t;
	KH_ADD(snapshot_tasks, told);
	return 0;
}
