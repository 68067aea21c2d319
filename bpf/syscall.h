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
	SYS_sendmmsg = 307, SYS_preadv2 = 327, SYS_pwritev2 = 328, SYS_io_uring_enter = 426,
	SYS_sendfile = 40, SYS_splice = 275, SYS_tee = 276, SYS_vmsplice = 278,
};
#elif defined(__TARGET_ARCH_arm64)
/* include/uapi/asm-generic/unistd.h */
enum {
	SYS_read = 63, SYS_write = 64, SYS_readv = 65, SYS_writev = 66, SYS_sendto = 206,
	SYS_recvfrom = 207, SYS_sendmsg = 211, SYS_recvmsg = 212, SYS_recvmmsg = 243,
	SYS_sendmmsg = 269, SYS_preadv2 = 286, SYS_pwritev2 = 287, SYS_io_uring_enter = 426,
	SYS_sendfile = 71, SYS_splice = 76, SYS_tee = 77, SYS_vmsplice = 75,
};
#else
#error "the tracepoint backend knows the system calls of x86-64 and arm64 only"
#endif

struct kh_call {
	long nr;
	u64 arg1, arg2; /* the second and third argument */
};

/* Returns false for a 32-bit task, whose numbers and layouts are others. */
static __always_inline bool kh_call_get(struct task_struct *task, struct kh_call *call)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

#if defined(__TARGET_ARCH_x86)
	if (task->thread_info.status & TS_COMPAT)
		return false;
	call->nr = (long)regs->orig_ax;
	call->arg1 = regs->si;
	call->arg2 = regs->dx;
#else
	if (task->thread_info.flags & (1 << 22)) /* TIF_32BIT */
		return false;
	call->nr = regs->syscallno;
	call->arg1 = regs->user_regs.regs[1];
	call->arg2 = regs->user_regs.regs[2];
#endif
	return true;
}

/* include/linux/socket.h: struct user_msghdr and struct mmsghdr of 64-bit callers */
#define MSGHDR_IOV 16
#define MSGHDR_IOVLEN 24
#define MMSGHDR_SIZE 64

static __always_inline void kh_source_msghdr(struct kh_source *src, u64 msghdr)
{
	u64 iov[2] = {}; /* msg_iov, msg_iovlen */

	if (bpf_probe_read_user(iov, sizeof(iov), (void *)(msghdr + MSGHDR_IOV))) {
		KH_COUNT(faults);
		return;
	}
	src->kind = KH_SRC_USER;
	src->base = iov[0];
	src->segs = iov[1] > KH_IOV_MAX ? KH_IOV_MAX + 1 : iov[1];
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

static __always_inline bool kh_in_uring(struct task_struct *task)
{
	struct kh_call call;

	if (task->flags & PF_IO_WORKER)
		return true;
	return !(task->flags & PF_KTHREAD) && kh_call_get(task, &call) &&
	       call.nr == SYS_io_uring_enter;
}

static __always_inline void kh_source_syscall(struct kh_source *src)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct kh_call call = {};

	src->kind = KH_SRC_NONE;
	if (task->flags & (PF_IO_WORKER | PF_KTHREAD)) {
		KH_COUNT(no_buffer_uring);
		return;
	}
	if (!kh_call_get(task, &call)) {
		KH_COUNT(compat_calls);
		return;
	}
	switch (call.nr) {
	case SYS_read:
	case SYS_write:
	case SYS_sendto:
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
	case SYS_io_uring_enter:
		KH_COUNT(no_buffer_uring);
		return;
	default:
		KH_COUNT(unknown_calls);
	}
}

#endif
