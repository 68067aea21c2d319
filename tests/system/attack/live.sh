#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What a loader and a collector could do that were taken over: the processes themselves, as they
# run with an API server configured, are made to try it (inject.c). What kills is tried in a fork
# of the process, and at last in the process itself; where a filter can't be suspended to fork,
# always in the process, which is started anew. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../lib.sh"
# shellcheck source-path=SCRIPTDIR source=../agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/../agent.bash"
# shellcheck source-path=SCRIPTDIR source=../cluster.bash
. "$(dirname "${BASH_SOURCE[0]}")/../cluster.bash"
inject=$build/tests/system/attack/inject
need_root
need "$loader_bin" "$collector_bin" "$inject" curl openssl "$python"

# ---- the two, with an API server ----

api_port=$(free_port)
start "$scratch/api.log" "$python" "$repo/tests/system/fake_apiserver.py" --token secret --tls "$scratch/tls" --port "$api_port"
wait_for "${KEYHOLE_SLOW:+1}20" listening "$api_port"
chmod 755 "$scratch/tls"
mkdir -m 755 "$scratch/account"
printf secret > "$scratch/account/token"
chmod 644 "$scratch/account/token"
write_kubeconfig "$api_port" "$scratch/tls/ca.crt" "tokenFile: $scratch/account/token"

echo 'attributes: {kubernetes: {enable: true}}' > "$scratch/config.yml"
chmod 644 "$scratch/kubeconfig" "$scratch/config.yml"

exec 200> "$scratch/inherited" # what a careless parent leaves open
begin() { # loader|collector
	if [ "$1" = loader ]; then
		start_loader
		return
	fi
	: > "$collector_log"
	start_collector KUBECONFIG="$scratch/kubeconfig" NODE_NAME=n1 --config "$scratch/config.yml"
}
synced() {
	[ "$(now_sum keyhole_kube_watch_up)" = 1 ]
}
begin loader
begin collector
ok "the collector watches the API server" wait_for "${KEYHOLE_SLOW:+1}20" synced
is "both run as the sandbox wants: filters of the collector and the loader" \
	"$(awk '$1 == "Seccomp:" { print $2 }' "/proc/$loader/status" "/proc/$collector/status" | xargs)" "2 2"
abi=$(sed -n 's/.*sandbox:.* landlock=\([0-9]*\).*/\1/p' "$collector_log" | head -n 1)
abi=${abi:-0}
echo "# Linux $(uname -r), Landlock ABI $abi"

copy=--copy
if ! why=$("$inject" --copy "$loader" 2>&1); then
	copy=
	echo "# what kills is tried in the processes themselves: $why"
fi

# ---- attempts ----

# WANT is how the call must end; where that is by Landlock of a newer kernel, see landlock.
attempt() { # loader|collector WANT TEST-NAME CALL [ARG...]
	local who=$1 want=$2 name=$3 got status=0 how=()
	shift 3
	if [ "$want" = "killed by SIGSYS" ] && [ -n "$copy" ]; then
		how=(--copy)
	fi
	got=$("$inject" "${how[@]}" "${!who}" "$@" 2>&1) || status=$?
	if [ "$status" = 4 ]; then
		skip "$who: $name" "$got"
	elif [ "$got" = "$want" ]; then
		pass "$who: $name: $got"
	else
		fail "$who: $name: $got" "must be: $want"
	fi
	if [[ $got = killed* ]] && [ -z "$copy" ]; then
		wait "${!who}" 2> /dev/null || true
		begin "$who"
	elif stopped "${!who}"; then # must not be: but let the rest be tried
		fail "$who: $name: it ended"
		begin "$who"
	fi
}

both() { # WANT TEST-NAME CALL [ARG...]
	attempt loader "$@"
	attempt collector "$@"
}

dies() { # TEST-NAME CALL [ARG...]
	both "killed by SIGSYS" "$@"
}

# The verdict of Landlock, where the kernel's has that version.
landlock() { # ABI VERDICT OTHERWISE
	if [ "$abi" -ge "$1" ]; then echo "$2"; else echo "$3"; fi
}

# Somebody whom only the sandbox keeps the collector from: a process of the same user.
start "$scratch/victim.log" unprivileged 65532 sleep 10000
victim=$started
mkdir -m 777 "$scratch/open"
echo here > "$scratch/open/file"
chmod 666 "$scratch/open/file"

scenario calls
dies "bpf(2): make a map" bpf 0 zero:128 128
dies "bpf(2): load a program" bpf 5 zero:128 128
dies "bpf(2): a map by its id" bpf 14 zero:128 128
dies "perf_event_open" perf_event_open zero:128 0 -1 -1 0
dies "ptrace another process" ptrace 16 "$victim" 0 0
dies "process_vm_readv" process_vm_readv "$victim" zero:16 1 zero:16 1 0
dies "process_vm_writev" process_vm_writev "$victim" zero:16 1 zero:16 1 0
dies "pidfd_getfd" pidfd_getfd 3 0 0
dies "kcmp" kcmp "$victim" "$victim" 0 0 0
dies "execve /bin/sh" execve str:/bin/sh 0 0
dies "execveat /bin/sh" execveat -100 str:/bin/sh 0 0 0
dies "mount a tmpfs" mount str:none str:/tmp str:tmpfs 0 0
dies "umount2" umount2 str:/proc 2
dies "fsopen" fsopen str:tmpfs 0
dies "open_tree" open_tree -100 str:/ 0
dies "move_mount" move_mount -1 str: -1 str:/tmp 0
dies "pivot_root" pivot_root str:/ str:/
dies "chroot" chroot str:/tmp
dies "open_by_handle_at" open_by_handle_at 3 zero:128 0
dies "unshare: a user namespace" unshare 0x10000000
dies "unshare: a mount namespace" unshare 0x20000
dies "setns" setns 3 0
dies "keyctl" keyctl 0 -3 0
dies "add_key" add_key str:user str:k str:v 1 -3
dies "request_key" request_key str:user str:k 0 -3
dies "userfaultfd" userfaultfd 0
dies "io_uring_setup" io_uring_setup 8 zero:128
dies "io_uring_enter" io_uring_enter 3 1 0 0 0 0
dies "init_module" init_module zero:64 64 str:
dies "kexec_load" kexec_load 0 0 0 0
dies "personality" personality 0x40000
both EPERM "clone: a process" clone 17 0 0 0 0
both EPERM "clone: with a user namespace" clone 0x10000011 0 0 0 0
both EPERM "clone: with pid, network and mount namespaces" clone 0x60020011 0 0 0 0
both ENOSYS "clone3: with namespaces" clone3 zero:88 88
both ENOSYS "openat2" openat2 -100 str:/etc/hosts zero:24 24
both EPERM "mmap: writable code" mmap 0 4096 7 0x22 -1 0
both EPERM "mmap: code" mmap 0 4096 5 0x22 -1 0
both EPERM "a call that no table lists (memfd_create)" memfd_create str:x 0
both EPERM "a call that does not exist (999)" 999

scenario identity
for call in setuid setgid setfsuid setfsgid; do
	dies "$call(0)" $call 0
done
for call in setreuid setregid; do
	dies "$call(0, 0)" $call 0 0
done
for call in setresuid setresgid; do
	dies "$call(0, 0, 0)" $call 0 0 0
done
dies "setgroups(0)" setgroups 1 zero:4
dies "capset" capset zero:8 zero:24
both EPERM "prctl: raise an ambient capability" prctl 47 2 39 0 0
both EPERM "prctl: drop one of the bounding set" prctl 24 39 0 0 0
both EPERM "prctl: secure bits" prctl 28 0 0 0 0
both EPERM "prctl: keep capabilities" prctl 8 1 0 0 0
both EPERM "prctl: become dumpable" prctl 4 1 0 0 0
both EPERM "prctl: another filter" prctl 22 2 zero:16 0 0
both EPERM "seccomp: another filter" seccomp 1 0 zero:16
both EPERM "prlimit64: core files again" prlimit64 0 4 zero:16 0
both EPERM "prlimit64: another process's" prlimit64 "$victim" 7 zero:16 0

scenario signals
for pid in "$victim" 1 -1; do
	both EPERM "kill $([ "$pid" = "$victim" ] && echo "a process of the collector's user" || echo "$pid")" kill "$pid" 0
done
both EPERM "kill itself" kill 0 0
both EPERM "tgkill another process" tgkill "$victim" "$victim" 0
both EPERM "tkill another process" tkill "$victim" 0
both EPERM "rt_sigqueueinfo to another process" rt_sigqueueinfo "$victim" 0 zero:128
both EPERM "rt_tgsigqueueinfo to another process" rt_tgsigqueueinfo "$victim" "$victim" 0 zero:128
both EPERM "pidfd_open another process" pidfd_open "$victim" 0
both EPERM "pidfd_send_signal" pidfd_send_signal 3 0 0 0
both EPERM "setpriority of another process" setpriority 0 "$victim" 19
both EPERM "fcntl: signals to another process (F_SETOWN)" fcntl 0 8 "$victim"
attempt collector EPERM "tgkill the loader" tgkill "$loader" "$loader" 0
attempt loader EPERM "tgkill the collector" tgkill "$collector" "$collector" 0

# ---- files ----

scenario files
at=-100 write=1 create=0101 # AT_FDCWD, O_WRONLY, O_WRONLY | O_CREAT
for path in /etc/shadow /etc/hosts /proc/1/environ "/proc/$victim/environ" "/proc/$victim/maps" /proc/self/mem /proc/kcore \
	/sys/kernel/btf/vmlinux /dev/mem /usr/bin/env "$socket" "$scratch/account/token"; do
	attempt loader EPERM "open $path" openat $at "str:$path" 0
done
# The directory /etc may be read; what is secret there is so by its permissions.
attempt collector EACCES "open /etc/shadow" openat $at str:/etc/shadow 0
for path in /proc/1/environ "/proc/$victim/environ"; do
	attempt collector EACCES "open $path" openat $at "str:$path" 0
done
for path in "/proc/$victim/cmdline" "/proc/$loader/status" /proc/self/mem /sys/kernel/btf/vmlinux /usr/bin/env \
	"$scratch/open/file" /var/log /tmp /; do
	attempt collector "$(landlock 1 EACCES allowed)" "open $path" openat $at "str:$path" 0
done
attempt collector allowed "open its token" openat $at "str:$scratch/account/token" 0 + close @
attempt collector allowed "open /etc/hosts" openat $at str:/etc/hosts 0 + close @

for path in "$scratch/open/file" /dev/null; do # everybody may
	attempt collector "$(landlock 1 EACCES allowed)" "write $path" openat $at "str:$path" $write + close @
	attempt loader EPERM "write $path" openat $at "str:$path" $write
done
for dir in /tmp /var/tmp /dev/shm "$scratch/open" "$socket_dir"; do
	[ -d "$dir" ] || continue
	attempt collector "$(landlock 1 EACCES allowed)" "create a file in ${dir/$scratch/the test\'s directory}" \
		openat $at "str:$dir/keyhole-attack.$$" $create 0600 + close @
	attempt loader EPERM "create a file in ${dir/$scratch/the test\'s directory}" \
		openat $at "str:$dir/keyhole-attack.$$" $create 0600
	ok "none was created" test ! -e "$dir/keyhole-attack.$$"
done
attempt collector EACCES "create a file in /etc" openat $at str:/etc/keyhole-attack $create 0600
attempt loader EPERM "create a file in /etc" openat $at str:/etc/keyhole-attack $create 0600
attempt collector EACCES "write its token" openat $at "str:$scratch/account/token" $write
file=str:$scratch/open/file
both EPERM "truncate" truncate "$file" 0
both EPERM "unlinkat" unlinkat $at "$file" 0
both EPERM "unlinkat: the loader's socket" unlinkat $at "str:$socket" 0
both EPERM "renameat2" renameat2 $at "$file" $at "$file.new" 0
both EPERM "linkat" linkat $at "$file" $at "$file.new" 0
both EPERM "symlinkat" symlinkat "$file" $at "$file.new"
both EPERM "mkdirat" mkdirat $at "$file.new" 0700
both EPERM "fchmodat" fchmodat $at "$file" 0777
both EPERM "fchownat" fchownat $at "$file" 65532 65532 0
both EPERM "setxattr" setxattr "$file" str:user.x str:v 1 0
both EPERM "utimensat" utimensat $at "$file" 0 0
both EPERM "copy_file_range" copy_file_range 0 0 1 0 1 0
dies "mknodat: a device" mknodat $at "$file.new" 020666 0x103
is "the file is as it was" "$(cat "$scratch/open/file")" here

# ---- networks ----

scenario networks
for family in {0..45}; do # AF_MAX is 46
	attempt loader EPERM "a socket of family $family" socket "$family" 2 0
	case $family in
	2 | 10) attempt collector allowed "a socket of family $family" socket "$family" 2 0 + close @ ;;
	*) attempt collector EPERM "a socket of family $family" socket "$family" 2 0 ;;
	esac
done
attempt loader EPERM "a Unix stream" socket 1 1 0
both EPERM "a raw socket" socket 2 3 1
both EPERM "a packet socket" socket 17 3 0x300
both EPERM "netlink to netfilter" socket 16 3 12
both EPERM "netlink to audit" socket 16 3 9
both EPERM "MPTCP" socket 2 1 262
both EPERM "SCTP" socket 2 1 132
both EPERM "ICMP without privilege" socket 2 2 1
attempt collector allowed "netlink to routing: which addresses there are" socket 16 3 0 + close @
attempt collector EPERM "a packet filter on a socket (SO_ATTACH_FILTER)" socket 2 1 0 + setsockopt @ 1 26 zero:16 16 + close @
attempt collector EPERM "TLS in the kernel (TCP_ULP)" socket 2 1 0 + setsockopt @ 6 31 str:tls 3 + close @

tcp() { # WANT TEST-NAME ADDRESS
	attempt collector "$1" "$2" socket 2 1 0 + connect @ "$3" 16 + close @
}
other_port=$(free_port)
start "$scratch/other.log" "$python" -m http.server --bind 127.0.0.1 "$other_port"
wait_for "${KEYHOLE_SLOW:+1}20" listening "$other_port"
tcp allowed "connect to the API server" "inet:127.0.0.1:$api_port"
tcp "$(landlock 4 EACCES allowed)" "connect to another port that listens" "inet:127.0.0.1:$other_port"
tcp "$(landlock 4 EACCES allowed)" "connect to its own scrape port" "inet:127.0.0.1:$metrics_port"
for port in 22 80 443 2379 6443 10250; do
	[ "$port" != "$api_port" ] || continue
	listening "$port" && otherwise=allowed || otherwise=ECONNREFUSED
	tcp "$(landlock 4 EACCES "$otherwise")" "connect to port $port" "inet:127.0.0.1:$port"
done
listening 53 && dns=allowed || dns=ECONNREFUSED
tcp "$dns" "connect to DNS, port 53: nothing but the server's absence refuses" inet:127.0.0.1:53
both EBADF "write to a descriptor that a parent left open" write 200 str:x 1
for family in 2 10; do
	attempt collector EPERM "listen on a port that the kernel chooses (family $family)" socket $family 1 0 + listen @ 5 + close @
	attempt collector EPERM "connect by sending, with MSG_FASTOPEN (family $family)" \
		socket $family 1 0 + sendto @ str:xxxx 4 0x20000000 "inet:127.0.0.1:$other_port" 16 + close @
done
attempt collector "$(landlock 4 EACCES allowed)" "listen on a port of its own" \
	socket 2 1 0 + bind @ inet:127.0.0.1:0 16 + close @
# Landlock's rules are of TCP ports: what it can't restrict is said here as it is. A NetworkPolicy does.
tcp ECONNREFUSED "limit: another address on the API server's port is reachable" "inet:127.0.0.2:$api_port"
attempt collector allowed "limit: UDP to any port" \
	socket 2 2 0 + sendto @ str:x 1 0 "inet:127.0.0.1:$other_port" 16 + close @
start "$scratch/abstract.log" "$python" -c 'import os, socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind(b"\0" + sys.argv[1].encode().ljust(107, b"\0")); s.listen()
t = socket.socket(socket.AF_UNIX); t.bind(sys.argv[2]); t.listen(); os.chmod(sys.argv[2], 0o777)
print("bound", flush=True); time.sleep(10000)' "keyhole-attack.$$" "$scratch/foreign.sock"
wait_for "${KEYHOLE_SLOW:+1}20" grep -q bound "$scratch/abstract.log"
attempt collector "$(landlock 6 EPERM allowed)" "an abstract Unix socket" \
	socket 1 1 0 + connect @ "abstract:keyhole-attack.$$" 110 + close @
both EPERM "a Unix socket for datagrams" socket 1 2 0
chmod 755 "$scratch"
attempt collector allowed "limit: another's Unix socket that is open to all" \
	socket 1 1 0 + connect @ "unix:$scratch/foreign.sock" 110 + close @

# ---- they live, and die if it is the process itself ----

scenario after
ok "after all that the collector serves" serving
is "the loader is the one that began" "$(stopped "$loader" && echo gone || echo there)" there
for who in collector loader; do
	got=$("$inject" "${!who}" bpf 0 zero:128 128)
	is "$who: bpf(2), by the process itself and no fork of it: $got" "$got" "killed by SIGSYS"
	status=0
	wait "${!who}" 2> /dev/null || status=$?
	is "$who: it is gone by that signal" "$status" "$((128 + 31))"
done
summary
