// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * The snapshot of running processes by the kernel's open-coded task iterator (6.7 and later). An
 * object of its own: where a kernel lacks these functions, libbpf looks for them in the BTF of
 * all modules, which only CAP_SYS_ADMIN may list, and gives up on the whole object. Its maps are
 * those of keyhole.bpf.c (loader/programs.c).
 */
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "events.h"
#include "maps.h"

#define KH_ID(name) name
#define KH_GET(...) ___arrow(__VA_ARGS__)
#include "identity.h"
#undef KH_ID
#undef KH_GET

/* The verifier searches all of BTF, by name, at each load through a typed pointer that it walks. */
#define KH_ID(name) name##_by_probe
#define KH_GET(...) BPF_CORE_READ(__VA_ARGS__)
#include "identity.h"
#include "snapshot.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

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

/* The pointer as a number: what a probe read has written is one to the verifier. 0: it could not. */
static __always_inline u64 kh_address(struct task_struct *task)
{
	u64 address = 0;

	bpf_probe_read_kernel(&address, sizeof(address), &task);
	return address;
}

SEC("tp_btf/task_rename")
int BPF_PROG(kh_rename_iter, struct task_struct *task, const char *comm)
{
	struct kh_control *control = kh_control();
	struct bpf_iter_task it;
	struct task_struct *t;
	u32 seen = 0, told = 0;

	if (!control)
		return 0;
	if (kh_asked(control, comm) != 'w')
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
		if (kh_kernel_reads)
			kh_tell_listed(kh_address(t), control->generation);
		else if (t->mm)
			kh_tell_process(t, control->generation, KH_F_SNAPSHOT, false);
	}
	bpf_iter_task_destroy(&it);
	bpf_rcu_read_unlock();
	kh_walked += told;
	KH_ADD(snapshot_tasks, told);
	return 0;
}
