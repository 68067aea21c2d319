/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * Who does the I/O: names of the cgroup and of the process, told once per collector.
 *
 * Included twice (keyhole.bpf.c). KH_GET(p, a, b) follows pointers: by plain loads through typed
 * pointers, which also work where lockdown refuses bpf_probe_read_kernel, or by probe reads where
 * a pointer was found by walking a list. KH_ID(name) keeps the two sets of functions apart.
 * Texts are copied by bpf_snprintf("%s"), which lockdown allows.
 */

static __always_inline struct kernfs_node *KH_ID(kh_parent)(struct kernfs_node *kn)
{
	struct kernfs_node___rcu *newer = (void *)kn;

	if (bpf_core_field_exists(kn->parent))
		return KH_GET(kn, parent);
	return KH_GET(newer, __parent);
}

/*
 * The cgroup that names the workload: its place in the v2 tree or, on v1 and hybrid hosts, where
 * that is the root, in a v1 hierarchy that every runtime uses.
 */
static __always_inline struct kernfs_node *KH_ID(kh_cgroup_node)(struct task_struct *task, bool *v1)
{
	struct css_set *set = KH_GET(task, cgroups);
	struct kernfs_node *kn = KH_GET(set, dfl_cgrp, kn);

	*v1 = false;
	if (KH_ID(kh_parent)(kn))
		return kn;
#define TRY(which)                                                                                 \
	if (bpf_core_enum_value_exists(enum cgroup_subsys_id, which)) {                           \
		struct kernfs_node *other = KH_GET(                                                \
			set, subsys[bpf_core_enum_value(enum cgroup_subsys_id, which)], cgroup,    \
			kn);                                                                       \
		if (KH_ID(kh_parent)(other)) {                                                            \
			*v1 = true;                                                                \
			return other;                                                              \
		}                                                                                  \
	}
	TRY(memory_cgrp_id)
	TRY(pids_cgrp_id)
	TRY(cpu_cgrp_id)
#undef TRY
	return kn;
}

static __always_inline u64 KH_ID(kh_cgroup_key)(struct kernfs_node *kn, bool v1)
{
	u64 id = KH_GET(kn, id);

	return v1 ? id | KH_V1_BIT : id;
}

/* Sends the names unless this generation has them. */
static __noinline int KH_ID(kh_tell_cgroup)(struct task_struct *task, u32 generation, u16 flags)
{
	bool v1;
	struct kernfs_node *kn = KH_ID(kh_cgroup_node)(task, &v1);
	u64 key = KH_ID(kh_cgroup_key)(kn, v1);
	u32 *told = bpf_map_lookup_elem(&kh_told_cgroups, &key);
	struct kh_cgroup *rec;
	u32 i;

	if (told && *told == generation)
		return 0;
	KH_COUNT(life);
	rec = bpf_ringbuf_reserve(&kh_life, sizeof(*rec), 0);
	if (!rec) {
		KH_COUNT(life_drops);
		return 0;
	}
	rec->rec.type = KH_CGROUP;
	rec->rec.size = sizeof(*rec);
	rec->cgroup = key;
	rec->pad = 0;
	/* kept in the record, of which the verifier knows nothing: so all turns are alike to it */
	rec->rec.flags = v1 ? flags | KH_F_CGROUP_V1 : flags;
	for (i = 0; i < KH_CGROUP_LEVELS; i++) {
		struct kernfs_node *up = KH_ID(kh_parent)(kn);

		if (!up) /* the root has no name */
			break;
		if (kh_text(rec->names[i], KH_NAME, KH_GET(kn, name)) > KH_NAME)
			rec->rec.flags |= KH_F_NAME_CUT;
		kn = up;
	}
	rec->levels = i;
	if (i == KH_CGROUP_LEVELS && KH_ID(kh_parent)(kn))
		rec->rec.flags |= KH_F_NAME_CUT;
	if (rec->rec.flags & KH_F_NAME_CUT)
		KH_COUNT(names_cut);
	bpf_ringbuf_submit(rec, 0);
	bpf_map_update_elem(&kh_told_cgroups, &key, &generation, BPF_ANY);
	return 0;
}

/* The thread-group id as the task's own pid namespace counts it; 0 where it cannot be read. */
static __always_inline u32 KH_ID(kh_ns_tgid)(struct task_struct *leader, u32 *pid_ns)
{
	struct pid *pid = KH_GET(leader, thread_pid);
	u32 level = KH_GET(pid, level);

	if (bpf_core_field_size(pid->numbers) == 0) {
#define LEVEL(n)                                                                                   \
	if (level == n) {                                                                          \
		*pid_ns = KH_GET(pid, numbers[n].ns, ns.inum);                                     \
		return KH_GET(pid, numbers[n].nr);                                                 \
	}
		LEVEL(0)
		LEVEL(1)
		LEVEL(2)
		LEVEL(3)
#undef LEVEL
		return 0;
	}
	if (level == 0) {
		struct pid___one *one = (void *)pid;

		*pid_ns = KH_GET(one, numbers[0].ns, ns.inum);
		return KH_GET(one, numbers[0].nr);
	}
	if (kh_kernel_reads && level < 8) {
		struct upid upid = {};
		u32 at = bpf_core_field_offset(struct pid, numbers) +
			 level * bpf_core_type_size(struct upid);

		if (!bpf_probe_read_kernel(&upid, bpf_core_type_size(struct upid),
					   (void *)pid + at)) {
			*pid_ns = BPF_CORE_READ(&upid, ns, ns.inum);
			return BPF_CORE_READ(&upid, nr);
		}
	}
	return 0;
}

static __always_inline void KH_ID(kh_fill_exe)(struct kh_process *rec, struct task_struct *task)
{
	struct mm_struct *mm = KH_GET(task, mm);
	struct file *file;
	struct dentry *d;
	u32 i;

	rec->exe_levels = 0;
	if (!mm)
		return;
	file = KH_GET(mm, exe_file);
	if (!file)
		return;
	d = KH_GET(file, f_path.dentry);
	for (i = 0; i < KH_EXE_LEVELS && d; i++) {
		struct dentry *up = KH_GET(d, d_parent);

		if (up == d)
			break;
		kh_text(rec->exe[i], KH_EXE_NAME, KH_GET(d, d_name.name));
		d = up;
	}
	rec->exe_levels = i;
}

/* Sends the process, and first its cgroup, unless this generation has them. */
static __noinline int KH_ID(kh_tell_process)(struct task_struct *task, u32 generation, u16 flags,
				      bool again)
{
	u32 tgid = KH_GET(task, tgid);
	struct kh_told now = {}, *told;
	struct kh_process *rec;
	bool v1;

	KH_ID(kh_tell_cgroup)(task, generation, flags);
	now.start_ns = KH_GET(task, group_leader, start_boottime);
	now.generation = generation;
	told = bpf_map_lookup_elem(&kh_told_processes, &tgid);
	if (!again && told && told->generation == generation && told->start_ns == now.start_ns)
		return 0;
	KH_COUNT(life);
	rec = bpf_ringbuf_reserve(&kh_life, sizeof(*rec), 0);
	if (!rec) {
		KH_COUNT(life_drops);
		return 0;
	}
	rec->rec.type = KH_PROCESS;
	rec->rec.size = sizeof(*rec);
	rec->cgroup = KH_ID(kh_cgroup_key)(KH_ID(kh_cgroup_node)(task, &v1), v1);
	rec->start_ns = now.start_ns;
	rec->tgid = tgid;
	rec->pid_ns = 0;
	rec->ns_tgid = KH_ID(kh_ns_tgid)(KH_GET(task, group_leader), &rec->pid_ns);
	rec->ppid = KH_GET(task, real_parent, tgid);
	rec->uid = KH_GET(task, real_cred, uid.val);
	rec->mnt_ns = 0;
	rec->net_ns = 0;
	if (KH_GET(task, nsproxy)) {
		rec->mnt_ns = KH_GET(task, nsproxy, mnt_ns, ns.inum);
		rec->net_ns = KH_GET(task, nsproxy, net_ns, ns.inum);
	}
	kh_text(rec->comm, sizeof(rec->comm), task->comm);
	KH_ID(kh_fill_exe)(rec, task);
	if (KH_GET(task, thread_pid) && KH_GET(task, thread_pid, level))
		flags |= KH_F_PIDNS;
	rec->rec.flags = flags;
	bpf_ringbuf_submit(rec, 0);
	bpf_map_update_elem(&kh_told_processes, &tgid, &now, BPF_ANY);
	return 0;
}
