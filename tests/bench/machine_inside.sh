#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# machine_inside.sh BUILD [PAIRS]: run by tests/bench/machine.sh in a machine that counts instructions:
# one CPU, whose clock goes on by 1 ns with each. nginx (`return 200`), a client with 8 connections that
# are kept and the agent share it, so times are numbers of instructions.
set -euo pipefail
export BENCH_BUILD=$1 KEYHOLE_SLOW=1
# shellcheck source-path=SCRIPTDIR source=lib.bash
. "$(dirname "$0")/lib.bash"
# shellcheck source-path=SCRIPTDIR source=machine.bash
. "$(dirname "$0")/machine.bash"
requests=20000 pairs=${2:-2}

# As in throughput.sh: the client stands for those on other nodes, which are not followed.
printf 'discovery: {exclude_instrument: [{exe_path: "*/h2load"}]}\n' > "$scratch/server.yml"
chmod 644 "$scratch/server.yml"

ran() { # PID: what its threads ran, in nanoseconds
	cat "/proc/$1/task"/*/schedstat | awk '{ ns += $1 } END { printf "%.0f\n", ns }'
}

counted() { # client|server
	now_sum "http_$1_request_duration_seconds_count" "server_port=\"$port\""
}

seen_all() { # WANT SIDE...: so many on each side
	local want=$1 side
	shift
	for side; do
		[ "$(counted "$side")" -ge "$want" ] || return
	done
}

# Sets $with and $collected, nanoseconds, and $lost, of the exchanges that these sides saw.
observed() { # SIDE...
	local before side
	agent_up
	load 400 > /dev/null # names, routes and series are there
	wait_for 10 seen_all 400 "$@" || true
	before=$(ran "$collector")
	with=$(load "$requests")
	collected=$(($(ran "$collector") - before))
	wait_for 10 seen_all "$((requests + 400))" "$@" || true
	lost=$(($# * (requests + 400)))
	for side; do
		lost=$((lost - $(counted "$side")))
	done
	[ "$lost" = 0 ] || grep -E '^keyhole_.*(drop|limit_reached|orphan|gap|faults).* [1-9]' "$metrics" >&2
	agent_down
}

load "$requests" > /dev/null # nothing is read from the disk any more
for ((i = 0; i < pairs; i++)); do
	without=$(load "$requests")
	probe_up fexit # programs that do nothing
	empty=$(load "$requests")
	stop "$probe"
	agent_options=()
	observed server client
	echo "$without $with $collected $lost $empty" >> "$scratch/both"
	agent_options=(--config "$scratch/server.yml")
	observed server
	echo "$without $with $collected $lost" >> "$scratch/server"
done

# shellcheck disable=SC2016 # awk's
columns='{ without = $1; with = $2; collected = $3; lost = $4; empty = $5 }'
figure() { # NAME UNIT FILE EXPRESSION [OF]: of the pairs' columns; their median, or OF them
	line "$1" "$(awk -v n=$requests "$columns { print $4 }" "$scratch/$3" | ${5:-median})" "$2"
}
highest() {
	sort -g | tail -n 1
}
cat "$scratch/both" "$scratch/server" >&2
figure machine_requests_without per_second both 'n * 1e9 / without'
figure machine_empty instructions both '(empty - without) / n'
for side in both server; do
	name=machine_$side
	name=${name%_both}
	figure "${name}_requests" per_second $side 'n * 1e9 / with'
	figure "${name}_ratio" ratio $side 'without / with'
	figure "${name}_kernel" instructions $side '(with - without - collected) / n'
	figure "${name}_collector" instructions $side 'collected / n'
done
figure machine_lost percent both '100 * lost / (2 * n)' highest
figure machine_server_lost percent server '100 * lost / n' highest
