/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * The tracepoint backend's way to the bytes: sock_send_length and sock_recv_length fire inside the
 * system call, whose number and arguments still stand in the task's saved registers.
 */
#ifndef KEYHOLE_BPF_SYSCALL_H
#define KEYHOLE_BPF_SYSCALL_H

#if defined(__TARGET_ARCH_x86)
#define TS_COMPAT 0x0002
/* arch/x86/entry/syscalls/syscall_64.tbl */
enum {
	SYS_read = 0, SYS_write = 1, SYS_readv = 19, SYS_writev = 20, SYS_sendto = 44,
	SYS_recvfrom = 45, SYS_sendmsg = 46, SYS_recvmsg = 47, SYS_recvmmsg = 299,
	SYS_sendmmsg = 307, SYS_preadv2 = 327, SYS_pwritev2 = 328,
	SYS_sendfile = 40, SYS_splice = 275, SYS_tee = 276, SYS_vmsplice = 278,
};
#elif defined(__TARGET_ARCH_arm64)
/* include/uapi/asm-generic/unistd.h */
enum {
	SYS_read = 63, SYS_write = 64, SYS_readv = 65, SYS_writev = 66, SYS_sendto = 206,
	SYS_recvfrom = 207, SYS_sendmsg = 211, SYS_recvmsg = 212, SYS_recvmmsg = 243,
	SYS_sendmmsg = 269, SYS_preadv2 = 286, SYS_pwritev2 = 287,
	SYS_sendfile = 71, SYS_splice = 76, SYS_tee = 77, SYS_vmsplice = 75,
};
#else
#error "the tracepoint backend knows the system calls of x86-64 and arm64 only"
#endif
#define SYS_io_uring_enter 426 /* everywhere, for 32-bit tasks too */

struct kh_call {
	long nr;
	u64 arg1, arg2, arg3, arg4; /* the second to fifth argument */
};

enum kh_caller {
	KH_CALLER_NATIVE, /* the registers say where the bytes are */
	KH_CALLER_URING,  /* io_uring moves them: the registers are of any call, or of none */
	KH_CALLER_COMPAT, /* a 32-bit task, whose numbers and layouts are others */
	KH_CALLER_KERNEL, /* a kernel thread has no registers */
};

/*
 * Whose call is this? io_uring works in threads of its own (PF_IO_WORKER, also for SQPOLL), inside
 * io_uring_enter, and in "task work" when its task leaves the kernel after any other system call
 * or interrupt. In the body of a system call, and only there, the register for the result still
 * holds what the entry code put there: on x86-64 -ENOSYS, on arm64 the first argument. On arm64
 * this register may hold it after the body too, for the call to be made again, or by chance; but
 * then, as after an interrupt, there is no number (forget_syscall in do_signal).
 */
static __always_inline enum kh_caller kh_caller(struct task_struct *task, struct kh_call *call)
{
	struct pt_regs *regs;

	if (task->flags & PF_IO_WORKER)
		return KH_CALLER_URING;
	if (task->flags & PF_KTHREAD)
		return KH_CALLER_KERNEL;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
#if defined(__TARGET_ARCH_x86)
	if ((long)regs->ax != -ENOSYS)
		return KH_CALLER_URING;
	if (task->thread_info.status & TS_COMPAT)
		return (s32)regs->orig_ax == SYS_io_uring_enter ? KH_CALLER_URING : KH_CALLER_COMPAT;
	call->nr = (long)regs->orig_ax;
	call->arg1 = regs->si;
	call->arg2 = regs->dx;
	call->arg3 = regs->r10;
	call->arg4 = regs->r8;
#else
	if (regs->syscallno < 0 || regs->user_regs.regs[0] != regs->orig_x0)
		return KH_CALLER_URING;
	if (task->thread_info.flags & (1 << 22)) /* TIF_32BIT */
		return regs->syscallno == SYS_io_uring_enter ? KH_CALLER_URING : KH_CALLER_COMPAT;
	call->nr = regs->syscallno;
	call->arg1 = regs->user_regs.regs[1];
	call->arg2 = regs->user_regs.regs[2];
	call->arg3 = regs->user_regs.regs[3];
	call->arg4 = regs->user_regs.regs[4];
#endif
	return call->nr == SYS_io_uring_enter ? KH_CALLER_URING : KH_CALLER_NATIVE;
}

/* Do the registers not tell where the bytes are, though they are in user memory? */
static __always_inline bool kh_opaque(void)
{
	struct kh_call call;
	enum kh_caller caller = kh_caller(bpf_get_current_task_btf(), &call);

	return caller == KH_CALLER_URING || caller == KH_CALLER_COMPAT;
}

/* include/linux/socket.h: struct user_msghdr and struct mmsghdr of 64-bit callers */
#define MMSGHDR_SIZE 64

static __always_inline void kh_source_msghdr(struct kh_source *src, u64 msghdr)
{
	u64 m[4] = {}; /* msg_name, its length, msg_iov, msg_iovlen */

	if (bpf_probe_read_user(m, sizeof(m), (void *)msghdr)) {
		KH_COUNT(faults);
		return;
	}
	src->kind = KH_SRC_USER;
	src->base = m[2];
	src->segs = m[3] > KH_IOV_MAX ? KH_IOV_MAX + 1 : m[3];
	src->name = m[0];
}

/*
 * The tracepoint does not say which message of the vector this is, so the thread counts. Each
 * way in which the loop of sendmmsg and recvmmsg ends early shows: an error or EAGAIN fires the
 * tracepoint too (kh_mmsg_reset), a full vector wraps, another vector has another address.
 */
static __always_inline u64 kh_mmsg_next(struct task_struct *task, u64 vector, u32 count)
{
	struct kh_mmsg *m = bpf_task_storage_get(&kh_mmsgs, task, NULL,
						 BPF_LOCAL_STORAGE_GET_F_CREATE);
	u32 i;

	if (!m)
		return vector;
	if (m->vector != vector || m->count != count || m->next >= count) {
		m->vector = vector;
		m->count = count;
		m->next = 0;
	}
	i = m->next++;
	return vector + (u64)i * MMSGHDR_SIZE;
}

static __always_inline void kh_mmsg_reset(void)
{
	struct kh_mmsg *m = bpf_task_storage_get(&kh_mmsgs, bpf_get_current_task_btf(), NULL, 0);

	if (m)
		m->vector = 0;
}

/*
 * Does the receive leave `n` bytes with the caller, as far as its arguments say? Not if it drops
 * them (MSG_TRUNC), only looks at them, or has not asked for so many. For where no hook says it.
 */
static __always_inline bool kh_call_keeps(u64 n)
{
	struct kh_call call = {};
	u64 flags = 0;

	if (kh_caller(bpf_get_current_task_btf(), &call) != KH_CALLER_NATIVE)
		return true;
	if (call.nr == SYS_read || call.nr == SYS_recvfrom) {
		if (call.arg2 < n)
			return false;
	}
	if (call.nr == SYS_recvfrom || call.nr == SYS_recvmmsg)
		flags = call.arg3;
	else if (call.nr == SYS_recvmsg)
		flags = call.arg2;
	return !(flags & (MSG_TRUNC | MSG_PEEK | MSG_OOB | MSG_ERRQUEUE));
}

static __always_inline void kh_source_syscall(struct kh_source *src)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct kh_call call = {};

	src->kind = KH_SRC_NONE;
	switch (kh_caller(task, &call)) {
	case KH_CALLER_NATIVE:
		break;
	case KH_CALLER_URING:
		KH_COUNT(no_buffer_uring);
		return;
	case KH_CALLER_COMPAT:
		KH_COUNT(compat_calls);
		return;
	case KH_CALLER_KERNEL:
		KH_COUNT(no_buffer);
		return;
	}
	switch (call.nr) {
	case SYS_sendto:
		src->name = call.arg4;
		src->kind = KH_SRC_ONE;
		src->base = call.arg1;
		return;
	case SYS_read:
	case SYS_write:
	case SYS_recvfrom:
		src->kind = KH_SRC_ONE;
		src->base = call.arg1;
		return;
	case SYS_readv:
	case SYS_writev:
	case SYS_preadv2:
	case SYS_pwritev2:
		src->kind = KH_SRC_USER;
		src->base = call.arg1;
		src->segs = call.arg2 > KH_IOV_MAX ? KH_IOV_MAX + 1 : call.arg2;
		return;
	case SYS_sendmsg:
	case SYS_recvmsg:
		kh_source_msghdr(src, call.arg1);
		return;
	case SYS_sendmmsg:
	case SYS_recvmmsg:
		kh_source_msghdr(src, kh_mmsg_next(task, call.arg1, call.arg2));
		return;
	case SYS_sendfile:
	case SYS_splice:
	case SYS_tee:
	case SYS_vmsplice:
		KH_COUNT(no_buffer);
		return;
	default:
		KH_COUNT(unknown_calls);
	}
}

#endif
