/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* What is asked of any socket, whatever it speaks: its two ends, and whose thread uses it. */
#ifndef KEYHOLE_BPF_SOCKET_H
#define KEYHOLE_BPF_SOCKET_H

enum kh_direction {
	KH_RX,
	KH_TX,
};

/* One send or receive that moved bytes. */
struct kh_io {
	struct sock *sk;
	struct tcp_sock *tp;
	struct kh_scratch *room;
	struct kh_control *control;
	struct kh_socket *st; /* where the socket is followed for HTTP */
	u32 seq;	      /* of its first byte */
	u32 direction;
	struct kh_source src;
};

/* Where twins are attached: this thread, in the one program of the two. */
static __always_inline u32 kh_taker(u32 twin)
{
	return (u32)bpf_get_current_pid_tgid() << 1 | (twin != 0);
}

/* The place of its last call; it may be that of another thread's, too. */
static __always_inline struct kh_taken *kh_taken_of(struct kh_taken (*taken)[KH_TAKEN],
						    u32 direction, u32 taker)
{
	return &taken[direction & 1][taker >> 1 & (KH_TAKEN - 1)];
}

/* Notes that this program took it on. */
static __always_inline void kh_take(struct kh_taken (*taken)[KH_TAKEN], const struct kh_io *io)
{
	struct kh_taken *mine = kh_taken_of(taken, io->direction, io->room->taker);

	mine->taker = io->room->taker;
	mine->end = io->seq + (u32)io->src.len;
}

/* ---- the connection ---- */

/* All but the role and the initial sequence numbers, as the socket has it now. */
static __always_inline void kh_fill_addresses(struct kh_conn *conn, struct sock *sk)
{
	struct sock_common *c = &sk->__sk_common;

	conn->cookie = bpf_get_socket_cookie(sk);
	conn->lport = c->skc_num;
	conn->rport = bpf_ntohs(c->skc_dport);
	conn->family = c->skc_family;
	if (c->skc_family == AF_INET6 && c->skc_v6_daddr.in6_u.u6_addr32[0] == 0 &&
	    c->skc_v6_daddr.in6_u.u6_addr32[1] == 0 &&
	    c->skc_v6_daddr.in6_u.u6_addr32[2] == bpf_htonl(0xffff))
		conn->family = AF_INET; /* v4-mapped */
	if (conn->family == AF_INET) {
		*(u32 *)conn->laddr = c->skc_rcv_saddr;
		*(u32 *)conn->raddr = c->skc_daddr;
		if (c->skc_family == AF_INET6) {
			*(u32 *)conn->laddr = c->skc_v6_rcv_saddr.in6_u.u6_addr32[3];
			*(u32 *)conn->raddr = c->skc_v6_daddr.in6_u.u6_addr32[3];
		}
	} else {
		u32 i;

		for (i = 0; i < 4; i++) {
			((u32 *)conn->laddr)[i] = c->skc_v6_rcv_saddr.in6_u.u6_addr32[i];
			((u32 *)conn->raddr)[i] = c->skc_v6_daddr.in6_u.u6_addr32[i];
		}
	}
}

/*
 * Did this side open the connection? Of one that is older than Keyhole (opener unknown) what the
 * kernel keeps says it: an accepted socket is a copy of the listening one, backlog included. That
 * is 0 after listen(fd, 0), too; then what was sent tells if the SYN is among what was acknowledged
 * (`first`, if it is not, is the number of the first byte of data).
 */
static __always_inline bool kh_opened_here(struct sock *sk, struct tcp_sock *tp, u32 first,
					   u8 opener)
{
	u32 sent = tp->bytes_sent - tp->bytes_retrans;

	if (opener)
		return opener == KH_ROLE_CLIENT;
	if (sk->sk_max_ack_backlog)
		return false;
	return (sk->sk_shutdown & SEND_SHUTDOWN) || tp->snd_nxt - sent != first;
}

/*
 * The active side's bytes_acked counts its SYN; one added, both ends hold the same pair. Who is the
 * client (role) does not matter for it: it may be the side that accepted.
 */
static __always_inline void kh_fill_conn(struct kh_conn *conn, struct sock *sk, struct tcp_sock *tp,
					 u8 role, u8 opener)
{
	u32 first = tp->snd_una - (u32)tp->bytes_acked;

	kh_fill_addresses(conn, sk);
	conn->role = role;
	conn->isn_local = first + kh_opened_here(sk, tp, first, opener);
	conn->isn_remote = tp->rcv_nxt - (u32)tp->bytes_received;
}

/* ---- the owner ---- */

/*
 * What Go's thread runs now (KH_ROUTINE). The saved base of FS is the current one: it is stored
 * with arch_prctl and clone, by which alone Go's threads get it, not only when they are scheduled
 * out.
 */
__noinline u64 kh_routine(struct kh_control *control)
{
	struct task_struct *task;
	u64 g = 0;

	if (!control || !(control->want & KH_WANT_ROUTINE))
		return 0;
	task = bpf_get_current_task_btf();
	if (task->flags & (PF_IO_WORKER | PF_KTHREAD))
		return 0;
#if defined(__TARGET_ARCH_x86)
	if (bpf_probe_read_user(&g, sizeof(g), (void *)(task->thread.fsbase - sizeof(g))))
		return 0;
#else
	g = ((struct pt_regs *)bpf_task_pt_regs(task))->user_regs.regs[28];
#endif
	return KH_ROUTINE(g) ? g : 0;
}

__noinline int kh_ignored(struct kh_control *control, u64 key)
{
	u32 at = KH_VERDICT_HASH(key);
	u32 i;

	if (!control)
		return false;
	for (i = 0; i < KH_VERDICT_PROBES; i++) {
		struct kh_verdict_slot *slot = &control->verdicts[(at + i) & (KH_VERDICTS - 1)];

		if (slot->key == key)
			return slot->verdict == KH_IGNORE;
		if (slot->key == 0)
			return false;
	}
	return false;
}

/* Asked again rather than kept: the stack is short. */
static __always_inline u32 kh_tgid(void)
{
	return bpf_get_current_pid_tgid() >> 32;
}

/*
 * Is it for nobody to see what this process does with the socket? KH_IGNORE or KH_TRACE. Not inlined:
 * the stack is short.
 */
__noinline int kh_verdict_on(struct kh_control *control, const struct kh_conn *conn, u64 cgroup)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 start = kh_kernel_reads ? BPF_CORE_READ(task, group_leader, start_boottime)
				    : task->group_leader->start_boottime;
	u16 port;

	if (!conn)
		return KH_IGNORE;
	port = conn->role == KH_ROLE_SERVER ? conn->lport : 0;
	if (kh_ignored(control, cgroup) ||
	    kh_ignored(control, KH_VERDICT_PROCESS(kh_tgid(), start, port)))
		return KH_IGNORE;
	return KH_TRACE;
}

/* What is stored before it is seen by others before what is stored behind it. */
static __always_inline void kh_barrier(u32 *any)
{
	u32 was = __sync_fetch_and_add(any, 0);

	asm volatile("" : : "r"(was) : "memory"); /* wanted, or it orders nothing */
}

/*
 * Notes whose thread does the I/O, and returns the verdict on it. Sockets move between processes, and
 * processes between cgroups, so this runs for each call; that nothing changed must cost little.
 *
 * Threads that share the socket come here at once, on other CPUs. While one looks, the note is of no
 * cgroup, and the others look for themselves; what was decided is noted with what it rests on, of
 * which the epoch was read first. The verdict is returned, since another one's may follow.
 *
 * A global function: the verifier looks at it once, not on each path that leads here.
 */
__noinline int kh_own(struct kh_control *control, const struct kh_conn *conn,
		      struct kh_owner *owner)
{
	u64 id = bpf_get_current_pid_tgid(), set, cgroup, decided, noted;
	struct task_struct *task;
	bool v1;

	if (!control || !conn || !owner)
		return KH_IGNORE;
	task = bpf_get_current_task_btf();
	set = (u64)task->cgroups;
	decided = KH_DECISION(id >> 32, *(volatile u32 *)&control->verdict_epoch);
	owner->tid = task->flags & PF_IO_WORKER ? 0 : id;
	noted = *(volatile u64 *)&owner->decided;
	if (owner->set == set && noted - decided <= 1 && owner->generation == control->generation &&
	    id >> 32 != kh_self)
		return KH_VERDICT(noted);
	*(volatile u64 *)&owner->set = 0;
	kh_barrier(&owner->tid);
	owner->generation = control->generation;
	cgroup = kh_key_of(kh_cgroup_of(task, &v1), v1);
	if (kh_tgid() == kh_self) { /* the socket is older than its request */
		KH_COUNT(self_calls);
		decided |= KH_IGNORE;
	} else if (kh_outside(task, control->scope)) {
		decided |= KH_IGNORE;
	} else {
		kh_tell_current(task, control, false);
		decided |= kh_verdict_on(control, conn, cgroup);
	}
	owner->tgid = kh_tgid();
	owner->cgroup = cgroup;
	*(volatile u64 *)&owner->decided = decided;
	kh_barrier(&owner->tid);
	*(volatile u64 *)&owner->set = set;
	return KH_VERDICT(decided);
}

#endif
