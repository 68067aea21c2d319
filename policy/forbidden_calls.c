/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that neither process has any business with, in any library it uses: who makes one has
 * been taken over, and dies.
 */
#include "calls.h"

#define KILL(name, why)                                                                            \
	{                                                                                          \
		(name), POLICY_KILL, (why),                                                        \
		{{0}}                                                                              \
	}

static const char to_bpf[] = "the collector never talks to BPF, the loader is done with it";
static const char to_program[] = "no other program";
static const char to_memory[] = "another process's memory or descriptors";
static const char to_mounts[] = "the file tree of this or another namespace";
static const char to_namespaces[] = "namespaces";
static const char to_kernel[] = "the kernel's code or its state";
static const char to_identity[] = "who this process is";
static const char to_surface[] = "a history of kernel bugs, and no use here";
static const char to_clock[] = "the machine's clock or name";
static const char to_raw[] = "hardware";

static const struct policy_call rows[] = {
	KILL("bpf", to_bpf),
	KILL("perf_event_open", to_bpf),

	KILL("execve", to_program),
	KILL("execveat", to_program),
	KILL("uselib", to_program),
	KILL("vfork", to_program),

	KILL("ptrace", to_memory),
	KILL("process_vm_readv", to_memory),
	KILL("process_vm_writev", to_memory),
	KILL("process_madvise", to_memory),
	KILL("process_mrelease", to_memory),
	KILL("kcmp", to_memory),
	KILL("pidfd_getfd", to_memory),

	KILL("mount", to_mounts),
	KILL("umount", to_mounts),
	KILL("umount2", to_mounts),
	KILL("pivot_root", to_mounts),
	KILL("chroot", to_mounts),
	KILL("fsopen", to_mounts),
	KILL("fsconfig", to_mounts),
	KILL("fsmount", to_mounts),
	KILL("fspick", to_mounts),
	KILL("move_mount", to_mounts),
	KILL("open_tree", to_mounts),
	KILL("mount_setattr", to_mounts),
	KILL("open_by_handle_at", to_mounts),
	KILL("name_to_handle_at", to_mounts),
	KILL("mknod", to_mounts),
	KILL("mknodat", to_mounts),
	KILL("quotactl", to_mounts),
	KILL("quotactl_fd", to_mounts),
	KILL("swapon", to_mounts),
	KILL("swapoff", to_mounts),

	KILL("unshare", to_namespaces),
	KILL("setns", to_namespaces),

	KILL("init_module", to_kernel),
	KILL("finit_module", to_kernel),
	KILL("create_module", to_kernel),
	KILL("delete_module", to_kernel),
	KILL("kexec_load", to_kernel),
	KILL("kexec_file_load", to_kernel),
	KILL("reboot", to_kernel),
	KILL("syslog", to_kernel),
	KILL("acct", to_kernel),
	KILL("lookup_dcookie", to_kernel),
	KILL("nfsservctl", to_kernel),
	KILL("fanotify_init", to_kernel),

	KILL("setuid", to_identity),
	KILL("setgid", to_identity),
	KILL("setreuid", to_identity),
	KILL("setregid", to_identity),
	KILL("setresuid", to_identity),
	KILL("setresgid", to_identity),
	KILL("setfsuid", to_identity),
	KILL("setfsgid", to_identity),
	KILL("setgroups", to_identity),
	KILL("capset", to_identity),

	KILL("keyctl", to_surface),
	KILL("add_key", to_surface),
	KILL("request_key", to_surface),
	KILL("userfaultfd", to_surface),
	KILL("io_uring_setup", to_surface),
	KILL("io_uring_enter", to_surface),
	KILL("io_uring_register", to_surface),
	KILL("vmsplice", to_surface),
	KILL("modify_ldt", to_surface),
	KILL("personality", to_surface),
	KILL("remap_file_pages", to_surface),
	KILL("move_pages", to_surface),
	KILL("migrate_pages", to_surface),
	KILL("mbind", to_surface),
	KILL("set_mempolicy", to_surface),
	KILL("vm86", to_surface),
	KILL("vm86old", to_surface),
	KILL("_sysctl", to_surface),

	KILL("settimeofday", to_clock),
	KILL("stime", to_clock),
	KILL("clock_settime", to_clock),
	KILL("clock_adjtime", to_clock),
	KILL("adjtimex", to_clock),
	KILL("sethostname", to_clock),
	KILL("setdomainname", to_clock),

	KILL("iopl", to_raw),
	KILL("ioperm", to_raw),
	KILL("vhangup", to_raw),
};

const struct policy_table policy_forbidden_calls = {rows, sizeof(rows) / sizeof(rows[0])};
