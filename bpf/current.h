/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* What can be told only of the task that is running: its command line, and if it is in scope. */
#ifndef KEYHOLE_BPF_CURRENT_H
#define KEYHOLE_BPF_CURRENT_H

/*
 * The task's cgroup, by probe reads where the kernel has them: for each load of a pointer through a
 * pointer that it vouches for, the verifier searches all of the kernel's types by name.
 */
static __always_inline struct kernfs_node *kh_cgroup_of(struct task_struct *task, bool *v1)
{
	return kh_kernel_reads ? kh_cgroup_node_by_probe(task, v1) : kh_cgroup_node(task, v1);
}

/* Of the node that kh_cgroup_of() or kh_up() found. */
static __always_inline u64 kh_key_of(struct kernfs_node *kn, bool v1)
{
	return kh_kernel_reads ? kh_cgroup_key_by_probe(kn, v1) : kh_cgroup_key(kn, v1);
}

/* Not inlined: in a loop the compiler may move the read of a field before the test that it exists. */
static __noinline struct kernfs_node *kh_up(struct kernfs_node *kn)
{
	return kh_kernel_reads ? kh_parent_by_probe(kn) : kh_parent(kn);
}

/* Does it run outside of the cgroup that the collector restricted itself to? */
static __noinline int kh_outside(struct task_struct *task, u64 scope)
{
	struct kernfs_node *kn;
	bool v1;
	u32 i;

	if (!scope)
		return false;
	kn = kh_cgroup_of(task, &v1);
	for (i = 0; i < KH_CGROUP_LEVELS; i++) {
		if (kh_key_of(kn, v1) == scope)
			return false;
		kn = kh_up(kn);
		if (!kn)
			break;
	}
	return true;
}

/*
 * The process may write its command line over, but nobody else can. A page that is not resident
 * is not waited for: then there is none.
 */
static __noinline int kh_tell_args(struct task_struct *task)
{
	struct mm_struct *mm = task->mm;
	struct kh_args *rec;
	u64 from, len;

	if (!mm)
		return 0;
	from = mm->arg_start;
	len = mm->arg_end - from;
	if (!from || !len)
		return 0;
	KH_COUNT(life);
	rec = bpf_ringbuf_reserve(&kh_life, sizeof(*rec), 0);
	if (!rec) {
		KH_COUNT(life_drops);
		return 0;
	}
	if (len > KH_ARGS_MAX) {
		KH_COUNT(args_cut);
		len = KH_ARGS_MAX;
	}
	rec->rec.type = KH_ARGS;
	rec->rec.flags = 0;
	rec->rec.size = sizeof(*rec);
	rec->tgid = task->tgid;
	rec->len = len;
	if (bpf_probe_read_user(rec->text, len, (void *)from)) {
		KH_COUNT(faults);
		rec->len = 0;
	}
	bpf_ringbuf_submit(rec, 0);
	return 0;
}

/* Sends the process, its cgroup and, if it is wanted, its command line, as far as not sent yet. */
static __always_inline void kh_tell_current(struct task_struct *task, struct kh_control *control,
					    bool again)
{
	u32 tgid = task->tgid;
	struct kh_told *told;

	if (kh_kernel_reads)
		kh_tell_process_by_probe(task, control->generation, 0, again);
	else
		kh_tell_process(task, control->generation, 0, again);
	if (!(control->want & KH_WANT_ARGS))
		return;
	told = bpf_map_lookup_elem(&kh_told_processes, &tgid);
	if (!told || told->args)
		return;
	told->args = 1;
	kh_tell_args(task);
}

/* Where the collector runs: the answer to its request. */
static __noinline int kh_tell_self(struct task_struct *task, u32 generation)
{
	struct kernfs_node *kn;
	struct kh_self *rec;
	bool v1;
	u32 i;

	if (kh_kernel_reads)
		kh_tell_cgroup_by_probe(task, generation, 0);
	else
		kh_tell_cgroup(task, generation, 0);
	kn = kh_cgroup_of(task, &v1);
	KH_COUNT(life);
	rec = bpf_ringbuf_reserve(&kh_life, sizeof(*rec), 0);
	if (!rec) {
		KH_COUNT(life_drops);
		return 0;
	}
	rec->rec.type = KH_SELF;
	rec->rec.flags = 0;
	rec->rec.size = sizeof(*rec);
	rec->cgroup = kh_key_of(kn, v1);
	rec->tgid = task->tgid;
	for (i = 0; i < KH_CGROUP_LEVELS; i++) {
		struct kernfs_node *up = kh_up(kn);

		if (!up)
			break;
		rec->ids[i] = kh_key_of(kn, v1);
		kn = up;
	}
	rec->levels = i;
	bpf_ringbuf_submit(rec, 0);
	return 0;
}

#endif
