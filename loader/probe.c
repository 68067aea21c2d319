/* SPDX-License-Identifier: Apache-2.0 */
/* What this kernel offers, found out without attaching anything that stays. */
#include "backend.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "say.h"

#define LOWEST "Linux 5.14" /* the first kernel with all that the core needs */

#define INSN(c, d, s, o, i) \
	((struct bpf_insn){.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)})
#define RETURN_ZERO INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0), INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

static void because(char *to, const char *what, int err)
{
	snprintf(to, BACKEND_REASON, "%s: %s", what, strerror(err));
}

/* Loads a program of `n` instructions; -errno if the kernel refuses. */
static int load(enum bpf_prog_type type, enum bpf_attach_type attach, int btf_id,
		const struct bpf_insn *insns, size_t n)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = attach,
		    .attach_btf_id = (__u32)btf_id);
	int fd = bpf_prog_load(type, "kh_probe", "Dual BSD/GPL", insns, n, &opts);

	return fd < 0 ? -errno : fd;
}

static bool has_tracepoint(const struct btf *btf, const char *name)
{
	char type[64];

	snprintf(type, sizeof(type), "btf_trace_%s", name);
	return btf__find_by_name_kind(btf, type, BTF_KIND_TYPEDEF) > 0;
}

static int has_function(const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_FUNC);

	return id > 0 ? id : 0;
}

static int arguments(const struct btf *btf, int func)
{
	const struct btf_type *t = btf__type_by_id(btf, (__u32)func);

	t = t ? btf__type_by_id(btf, t->type) : NULL;
	return t ? btf_vlen(t) : 0;
}

static void probe_tracepoint(struct kernel *k, const struct btf *btf)
{
	if (!has_tracepoint(btf, "sock_send_length") || !has_tracepoint(btf, "sock_recv_length"))
		snprintf(k->no_tracepoint, BACKEND_REASON,
			 "this kernel has no tracepoint sock_send_length (Linux 6.3 has)");
}

/*
 * From 7.0 on tracepoints call their programs with preemption enabled. The one thing that is known
 * by the version: neither BTF nor a trial shows it.
 */
static void probe_preempts(struct kernel *k)
{
	k->preempts = strtoul(k->release, NULL, 10) >= 7;
}

#define ENOTSUPP 524 /* the kernel's own, which strerror does not know */

/* Trampolines may be missing (arm64 before 6.4) or forbidden: only trying tells. */
static void probe_fexit(struct kernel *k, const struct btf *btf)
{
	const struct bpf_insn insns[] = {RETURN_ZERO};
	int func = has_function(btf, "tcp_recvmsg"), prog, link;

	k->recv_args = func ? arguments(btf, func) : 0;
	k->sendpage = has_function(btf, "tcp_sendpage");
	k->udp = has_function(btf, "udp_sendmsg") && has_function(btf, "udp_recvmsg");
	k->udp6 = has_function(btf, "udpv6_sendmsg") && has_function(btf, "udpv6_recvmsg");
	k->early = k->kernel_reads && has_tracepoint(btf, "tcp_rcv_space_adjust") &&
		   has_function(btf, "bpf_task_pt_regs");
	if (!func || !has_function(btf, "tcp_sendmsg")) {
		snprintf(k->no_fexit, BACKEND_REASON,
			 "tcp_sendmsg or tcp_recvmsg is not in the kernel's BTF");
		return;
	}
	if (!k->kernel_reads) { /* where a call's bytes lie is in the kernel's memory */
		snprintf(k->no_fexit, BACKEND_REASON,
			 "lockdown=confidentiality refuses reads of the kernel's memory");
		return;
	}
	if (k->recv_args < 4 || k->recv_args > 6) {
		snprintf(k->no_fexit, BACKEND_REASON,
			 "tcp_recvmsg has %d arguments on this kernel; 4, 5 and 6 are known",
			 k->recv_args);
		return;
	}
	prog = load(BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, func, insns, 2);
	if (prog < 0) {
		because(k->no_fexit, "the kernel refuses fexit programs", -prog);
		return;
	}
	link = bpf_raw_tracepoint_open(NULL, prog);
	if (link < 0 && errno == ENOTSUPP)
		snprintf(k->no_fexit, BACKEND_REASON,
			 "this kernel has no trampolines for its functions (arm64 has from Linux 6.4 on)");
	else if (link < 0)
		because(k->no_fexit, "the kernel refuses to attach fexit programs", errno);
	else
		close(link);
	close(prog);
}

/* Socket storage for tracing programs came with 5.11, bpf_snprintf with 5.13. */
static void probe_core(struct kernel *k, const struct btf *btf)
{
	const struct bpf_insn plain[] = {RETURN_ZERO};
	const struct bpf_insn reads[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 1, 10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 1, 0, 0, -8),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, 8),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_probe_read_kernel),
		RETURN_ZERO,
	};
	int fd = load(BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 0, plain, 2);

	if (fd < 0) {
		because(k->no_bpf, "the kernel refuses to load a BPF program", -fd);
		return;
	}
	close(fd);
	if (!has_function(btf, "bpf_sk_storage_get_tracing") || !has_function(btf, "bpf_snprintf"))
		snprintf(k->no_bpf, BACKEND_REASON,
			 "this kernel lacks socket storage for tracing programs or bpf_snprintf; "
			 "the lowest that will do is " LOWEST);
	fd = load(BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 0, reads, sizeof(reads) / sizeof(reads[0]));
	k->kernel_reads = fd >= 0;
	if (fd >= 0)
		close(fd);
}

static void probe_snapshot(struct kernel *k, const struct btf *btf)
{
	k->task_iter = has_function(btf, "bpf_iter_task_new");
	if (!has_tracepoint(btf, "task_rename"))
		snprintf(k->no_snapshot, BACKEND_REASON, "no tracepoint task_rename");
	else if (!k->task_iter && !k->kernel_reads)
		snprintf(k->no_snapshot, BACKEND_REASON,
			 "no open-coded task iterators (Linux 6.7 has), and lockdown refuses kernel reads");
}

void backend_probe(struct kernel *k)
{
	struct utsname uts;
	struct btf *btf;

	memset(k, 0, sizeof(*k));
	if (uname(&uts) == 0)
		snprintf(k->release, sizeof(k->release), "%.63s", uts.release);
	btf = btf__load_vmlinux_btf();
	if (!btf) {
		snprintf(k->no_btf, BACKEND_REASON,
			 "/sys/kernel/btf/vmlinux: %s; the kernel must be built with "
			 "CONFIG_DEBUG_INFO_BTF and be at least " LOWEST,
			 strerror(errno));
		return;
	}
	probe_core(k, btf);
	probe_tracepoint(k, btf);
	probe_fexit(k, btf);
	probe_snapshot(k, btf);
	probe_preempts(k);
	btf__free(btf);
}

bool backend_choose(const struct kernel *k, enum backend_choice want, char *choice, size_t choice_size,
		    char *reason, size_t reason_size)
{
	bool tp = !k->no_tracepoint[0] && want != BACKEND_FEXIT;
	bool fx = !k->no_fexit[0] && want != BACKEND_TRACEPOINT;

	*choice = *reason = 0;
	if (k->no_btf[0] || k->no_bpf[0]) {
		snprintf(reason, reason_size, "%s", k->no_btf[0] ? k->no_btf : k->no_bpf);
		return false;
	}
	if (!tp && !fx) {
		snprintf(reason, reason_size, "tracepoint: %s; fexit: %s",
			 want == BACKEND_FEXIT ? "not asked for" : k->no_tracepoint,
			 want == BACKEND_TRACEPOINT ? "not asked for" : k->no_fexit);
		return false;
	}
	snprintf(choice, choice_size, "%s", tp && fx ? "tracepoint+fexit" : tp ? "tracepoint" : "fexit");
	if (tp && !fx)
		snprintf(reason, reason_size, "fexit: %s",
			 want == BACKEND_TRACEPOINT ? "not asked for" : k->no_fexit);
	else if (fx && !tp)
		snprintf(reason, reason_size, "tracepoint: %s",
			 want == BACKEND_FEXIT ? "not asked for" : k->no_tracepoint);
	return true;
}
