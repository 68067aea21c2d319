#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What grows with what: points `scaling_WHAT_N value unit`, of which tests/bench/plot draws
# docs/performance-WHAT.svg.
#
#   connections  what Keyhole adds to both calls of an exchange on one side, of N connections in turn
#   cores        the same on one connection each on N CPUs at once, which share the data ring
#   series, pods, held
#                what an exchange costs the intake, with N label sets, pods, connections known
#
# $BENCH_ROUNDS: rounds with and without in turn (3).
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.bash
. "$(dirname "$0")/lib.bash"
wants taskset
rounds=${BENCH_ROUNDS:-3}
connections=(10 100 1000 10000 20000) exchanges=42000
mapfile -t cpus < <($python -c 'import os; print(*sorted(os.sched_getaffinity(0)), sep="\n")')

pingpong() { # CPU CONNECTIONS
	taskset -c "$1" "$BENCH_BUILD/tests/bench/bench-pingpong" exchange "$exchanges" "$2"
}

# CPU time of a round on each of the first N CPUs at once; their mean.
at_once() { # N
	local i running=()
	for ((i = 0; i < $1; i++)); do
		pingpong "${cpus[i]}" 1 > "$BENCH_WORK/at.$i" &
		running+=($!)
	done
	wait "${running[@]}"
	cat "$BENCH_WORK"/at.* | awk '{ s += $1 } END { print s / NR }'
	rm "$BENCH_WORK"/at.*
}

all() { # WITH: to $BENCH_WORK/WHAT.N.WITH
	local n
	for n in "${connections[@]}"; do
		pingpong "$work_cpu" "$n" >> "$BENCH_WORK/connections.$n.$1"
	done
	for ((n = 1; n <= ${#cpus[@]}; n *= 2)); do
		at_once "$n" >> "$BENCH_WORK/cores.$n.$1"
	done
}

for ((i = 0; i < rounds; i++)); do
	all without
	agent_up
	all with
	agent_down
done
for file in "$BENCH_WORK"/*.without; do
	name=$(basename "$file" .without)
	line "scaling_${name/./_}" "$(paste "${file%out}" "$file" | awk '{ print ($1 - $2) / 2 }' | median)" ns
done

points() { # WHAT OF N...
	local what=$1 of=$2 n
	shift 2
	for n; do
		line "scaling_${what}_$n" "$("$BENCH_BUILD/tests/bench/bench-scaling" "$of" "$n")" ns
	done
}

points series series 10 100 1000 10000 50000
points pods pods 10 100 250 1000
points held connections 10 100 1000 10000 20000
