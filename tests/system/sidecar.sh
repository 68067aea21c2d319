#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Keyhole as a sidecar: loader and collector as two containers of a workload's pod, without hostPID,
# with and without shareProcessNamespace, and without a Kubernetes API. With `keyhole.scope: pod`
# that pod alone is traced, and the kernel sends nothing of others. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/agent.bash"
here=$(dirname "${BASH_SOURCE[0]}")
need_root
need "$loader_bin" "$collector_bin" "$traffic_bin" unshare nsenter "$python"

ours=0a0b0c0d-0001-4000-8000-00000000000a theirs=0a0b0c0d-0002-4000-8000-00000000000b
container() { # POD_UID N: a cgroup, as containerd makes it
	pod_cgroup "$1" "$(printf '%064x' $((0xabe000 + $2)))"
}
app=$(container "$ours" 1) second_app=$(container "$ours" 2) neighbour=$(container "$theirs" 1)

# A container's process: in its cgroup and in a pid namespace, its own or the pod's.
pause=0
contain() { # CGROUP CMD...
	if [ "$pause" = 0 ]; then
		become in_cgroup "$1" unshare --pid --fork --mount-proc --kill-child "${@:2}"
	else
		become in_cgroup "$1" nsenter --pid="/proc/$pause/ns/pid" "${@:2}"
	fi
}

start_sidecar() { # SCOPE [CGROUP-OF-THE-COLLECTOR]
	tape=$scratch/tape.$RANDOM
	: > "$collector_log"
	start "$collector_log" contain "${2:-$(container "$ours" 8)}" env KEYHOLE_LISTEN_ADDRESS=127.0.0.1 \
		KEYHOLE_PROMETHEUS_PORT="$metrics_port" KEYHOLE_LOADER_SOCKET="$socket" KEYHOLE_SCOPE="$1" \
		"$collector_bin" --record "$tape"
	collector=$started
	wait_for 20 grep -q 'connected to loader' "$collector_log"
	wait_for 20 serving
}
stop_sidecar() {
	pkill_child "$collector"
	wait_for 10 stopped "$collector"
}
pkill_child() { # PID: the container's process, whose end is that of unshare or nsenter
	local child
	for child in $(pgrep -P "$1"); do
		stop "$child"
	done
}
play() { # CGROUP N: requests from and to that container, on $port
	port=$(free_port)
	contain "$1" "$traffic_bin" fresh --port "$port" --requests "$2" > "$scratch/traffic" 2>&1 ||
		fail "traffic in $1" "$(cat "$scratch/traffic")"
}
sent() { # PORT: exchanges that the kernel sent of it
	"$python" "$here/tape_ids.py" "$tape" "$1" | sed 's/.*exchanges=\([0-9]*\) .*/\1/'
}
of_port() { # PORT
	now_sum http_server_request_duration_seconds_count "server_port=\"$1\""
}

try() { # WHAT
	local before host
	start "$loader_log" contain "$(container "$ours" 9)" "${only_two_caps[@]}" "$loader_bin" --socket "$socket"
	loader=$started
	wait_for 30 grep -q 'sandbox:' "$loader_log"
	play "$neighbour" 3 # the loader traces the node until a collector says otherwise
	before=$port
	start_sidecar pod
	says "$1: Keyhole says which pod is its own" "$collector_log" "only pod $ours is traced"
	play "$app" 5
	served "$1: a container of its pod" 5 "$port"
	play "$second_app" 4
	served "$1: another one" 4 "$port"
	play "$neighbour" 7
	local neighbour_port=$port
	port=$(free_port)
	"$traffic_bin" fresh --port "$port" --requests 7 > "$scratch/traffic" 2>&1
	host=$port
	play "$app" 1
	served "$1: the pod still" 1 "$port"
	is "$1: nothing of another pod, of the host, nor of what came before" \
		"$(of_port "$before") $(of_port "$neighbour_port") $(of_port "$host")" "0 0 0"
	stop_sidecar
	is "$1: the kernel sent nothing of them" "$(sent "$neighbour_port") $(sent "$host")" "0 0"
	within "$1: and all of the pod's, by both ends" "$(sent "$port")" 2 2
}

try "own pid namespaces"

start_sidecar node
play "$neighbour" 6
served "scope node: the next collector of the same loader sees the node" 6 "$port"
stop_sidecar

for root in $(cgroup_roots); do
	make_cgroup "$root" "/keyhole-test-$$"
done
start_sidecar pod "/keyhole-test-$$"
says "scope pod outside of any: one line says so" "$collector_log" 'scope is pod, but Keyhole.s own cgroup "[^"]*" is no pod.s'
play "$app" 2
sleep 0.3
is "scope pod outside of any: nothing is traced" "$(of_port "$port")" 0
stop_sidecar
pkill_child "$loader"
wait_for 10 stopped "$loader"

start "$scratch/pause.log" in_cgroup "$(container "$ours" 7)" unshare --pid --fork --mount-proc --kill-child \
	sh -c 'trap exit TERM; sleep 1000 & wait'
wait_for 20 pgrep -x -P "$started" sh
pause=$(pgrep -x -P "$started" sh)
remember "$pause"
try "shareProcessNamespace"
summary
