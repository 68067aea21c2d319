/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * The collector's two requests, made without any privilege: it renames its own thread to the
 * control page's nonce and one letter, and the task_rename tracepoint sees it.
 *
 *   's'  this process is Keyhole: never trace it
 *   'w'  tell about KH_SNAPSHOT_STEP more processes of those that already run
 *
 * Iterators would see only the reader's pid namespace; an open-coded walk sees all, so that no
 * hostPID is needed.
 */
#ifndef KEYHOLE_BPF_SNAPSHOT_H
#define KEYHOLE_BPF_SNAPSHOT_H

__u32 kh_walked;            /* processes told in this generation's walk */
__u32 kh_walked_generation;
__u64 kh_cursor;            /* (walk by probes) the task told last */

/* The letter of the request that `comm` makes, or 0. */
static __always_inline char kh_asked(struct kh_control *control, const char *comm)
{
	u64 nonce = control->nonce;
	char name[16] = {};
	u32 i;

	if (!nonce)
		return 0;
	kh_text(name, sizeof(name), comm);
	for (i = 0; i < KH_NONCE_DIGITS; i++) {
		u8 digit = (nonce >> (4 * (KH_NONCE_DIGITS - 1 - i))) & 15;

		if (name[i] != (digit < 10 ? '0' + digit : 'a' + digit - 10))
			return 0;
	}
	return name[KH_NONCE_DIGITS];
}

static __always_inline void kh_walk_begin(struct kh_control *control)
{
	if (kh_walked_generation == control->generation)
		return;
	kh_walked_generation = control->generation;
	kh_walked = 0;
	kh_cursor = 0;
}

/* ---- 6.7 and later: the open-coded task iterator ---- */

struct bpf_iter_task {
	u64 opaque[3];
} __attribute__((aligned(8)));

#define BPF_TASK_ITER_ALL_PROCS 0

extern int bpf_iter_task_new(struct bpf_iter_task *it, struct task_struct *task,
			     unsigned int flags) __ksym __weak;
extern struct task_struct *bpf_iter_task_next(struct bpf_iter_task *it) __ksym __weak;
extern void bpf_iter_task_destroy(struct bpf_iter_task *it) __ksym __weak;
extern void bpf_rcu_read_lock(void) __ksym __weak;
extern void bpf_rcu_read_unlock(void) __ksym __weak;

SEC("tp_btf/task_rename")
int BPF_PROG(kh_rename_iter, struct task_struct *task, const char *comm)
{
	struct kh_control *control = kh_control();
	struct bpf_iter_task it;
	struct task_struct *t;
	u32 seen = 0, told = 0;
	char asked;

	if (!control)
		return 0;
	asked = kh_asked(control, comm);
	if (asked == 's')
		kh_self = bpf_get_current_pid_tgid() >> 32;
	if (asked != 'w')
		return 0;
	kh_walk_begin(control);
	bpf_rcu_read_lock();
	bpf_iter_task_new(&it, NULL, BPF_TASK_ITER_ALL_PROCS);
	while ((t = bpf_iter_task_next(&it))) {
		if (seen++ < kh_walked)
			continue;
		if (told >= KH_SNAPSHOT_STEP)
			break;
		told++;
		if (t->mm)
			kh_tell_process(t, control->generation, KH_F_SNAPSHOT, false);
	}
	bpf_iter_task_destroy(&it);
	bpf_rcu_read_unlock();
	kh_walked += told;
	KH_ADD(snapshot_tasks, told);
	return 0;
}

/* ---- before: the task list, by probe reads ---- */

/*
 * The list is a ring; the walk begins and ends at the asking process itself. No lock is held: a
 * task that ends while the cursor stands on it may end the walk early. What it misses is told at
 * its first I/O.
 */
SEC("tp_btf/task_rename")
int BPF_PROG(kh_rename_walk, struct task_struct *task, const char *comm)
{
	struct kh_control *control = kh_control();
	struct task_struct *t, *self;
	u32 told = 0, i;
	char asked;

	if (!control)
		return 0;
	asked = kh_asked(control, comm);
	if (asked == 's')
		kh_self = bpf_get_current_pid_tgid() >> 32;
	if (asked != 'w' || !kh_kernel_reads)
		return 0;
	kh_walk_begin(control);
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
		if (BPF_CORE_READ(t, mm))
			kh_tell_process_by_probe(t, control->generation, KH_F_SNAPSHOT, false);
	}
	kh_cursor = (u64)t;
	KH_ADD(snapshot_tasks, told);
	return 0;
}

#endif
