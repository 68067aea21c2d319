/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * The collector's two requests, made without any privilege: it renames its own thread to the
 * control page's nonce and one letter, and the task_rename tracepoint sees it.
 *
 *   's'  this process is Keyhole: never trace it, and tell where it runs
 *   'w'  tell about KH_SNAPSHOT_STEP more processes of those that already run
 *
 * Iterators would see only the reader's pid namespace; an open-coded walk sees all, so that no
 * hostPID is needed. Two programs listen: kh_rename (keyhole.bpf.c), which also walks on kernels
 * before 6.7, and kh_rename_iter (task_iter.bpf.c) from there on.
 */
#ifndef KEYHOLE_BPF_SNAPSHOT_H
#define KEYHOLE_BPF_SNAPSHOT_H

__u32 kh_walked; /* processes told to this generation of the collector */
__u32 kh_walked_generation;

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

/* Is this the first step for this collector? */
static __always_inline bool kh_walk_begin(struct kh_control *control)
{
	if (kh_walked_generation == control->generation)
		return false;
	kh_walked_generation = control->generation;
	kh_walked = 0;
	return true;
}

/* Not static, and of a number: the verifier looks at it once, not again for each step of the walk. */
__noinline int kh_tell_listed(u64 task, u32 generation)
{
	struct task_struct *t = (struct task_struct *)task;

	if (BPF_CORE_READ(t, mm))
		kh_tell_process_by_probe(t, generation, KH_F_SNAPSHOT, false);
	return 0;
}

#endif
