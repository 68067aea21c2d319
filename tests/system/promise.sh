#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What the loader never does: it is watched by strace from its start to its end, and what it
# loaded is read back from the kernel. See SECURITY.md. As root.
# shellcheck disable=SC2119 # functions whose arguments are optional
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "$0")/agent.bash"
# shellcheck disable=SC2154 # set by agent.bash
need_root
PATH=$PATH:/usr/sbin
need bpftool strace pgrep

calls=$scratch/calls
trace_loader "$calls"
start_collector

# ---- what it loaded ----

mapfile -t programs < <(programs_of "$loader")
ok "it has programs" test "${#programs[@]}" -gt 0
: > "$scratch/types"
: > "$scratch/code"
for id in "${programs[@]}"; do
	bpftool prog show id "$id" | sed -n 's/^[0-9]*: \([a-z_]*\) .*/\1/p' >> "$scratch/types"
	bpftool prog dump xlated id "$id" >> "$scratch/code"
done
is "it loads tracing programs, and no other type" \
	"$(sort -u "$scratch/types" | grep -vxE 'tracing|raw_tracepoint|raw_tracepoint_writable' || true)" ""
ok "their code can be read" grep -q 'call bpf_' "$scratch/code"
is "no program writes to memory of a process, packets, or decides for the kernel" \
	"$(grep -oE 'call bpf_(probe_write_user|override_return|send_signal|skb_|xdp_|msg_|setsockopt|sk_assign|sys_bpf|d_path|task_storage_delete|store_hdr_opt)[a-z_]*' \
		"$scratch/code" | sort | uniq -c)" ""
is "nothing is pinned" "$(bpftool -f prog show 2> /dev/null | grep -A1 -E "^($(IFS='|'; echo "${programs[*]}")):" | grep pinned || true)" ""

# ---- what it called ----

kill "$loader"
wait_for 10 stopped "$loader" || true
wait_for 10 grep -q '+++ exited' "$calls" || true
own=$scratch/own # after it became the loader
sed -n "/execve(.*keyhole-loader.*= 0\$/,\$p" "$calls" | tail -n +2 > "$own"
ok "its calls were seen" grep -q 'bpf(BPF_PROG_LOAD' "$own"
never() { # TEST-NAME REGEX
	is "it never $1" "$(grep -E "^[0-9]+ +($2)" "$own" | head -n 5)" ""
}
never "opens a perf event" 'perf_event_open\('
never "mounts a file system" 'mount\(|fsopen\(|fsmount\(|move_mount\(|open_tree\('
never "makes a socket for a network" 'socket\(AF_(INET|INET6|NETLINK|PACKET)'
never "starts a program" 'execve(at)?\('
never "pins" 'bpf\(BPF_OBJ_PIN'
never "looks at another process" 'ptrace\(|process_vm_|pidfd_getfd\('
never "opens files to write" 'open(at)?\(.*(O_WRONLY|O_RDWR|O_CREAT)'
summary
