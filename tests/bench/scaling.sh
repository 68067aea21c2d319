#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What grows with what: points `scaling_WHAT_N value unit`, of which tests/bench/plot draws
# docs/performance-WHAT.svg.
#
#   connections  what Keyhole adds to both calls of an exchange on one side, of N connections in turn
#   cores        the same on one connection each on N CPUs at once, which share the data ring: 1, 2, 4 ...
#                and all that there are
#   series, pods, held
#                what an exchange costs the intake, with N label sets, pods, connections known
#
# and for each WHAT `scaling_WHAT_flatness`, the dearest point by the cheapest: 1 is flat.
#
# $BENCH_ROUNDS: rounds with and without in turn (5).
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.bash
. "$(dirname "$0")/lib.bash"
wants taskset
rounds=${BENCH_ROUNDS:-5}
connections=(10 100 1000 10000 20000) exchanges=42000
lines=$BENCH_WORK/lines
mapfile -t cpus < <($python -c 'import os; print(*sorted(os.sched_getaffinity(0)), sep="\n")')

pingpong() { # CPU CONNECTIONS
	taskset -c "$1" "$BENCH_BUILD/tests/bench/bench-pingpong" exchange "$exchanges" "$2"
}

# 1, 2, 4 ... and all.
counts_of_cpus() {
	local n
	for ((n = 1; n < ${#cpus[@]}; n *= 2)); do
		echo "$n"
	done
	echo "${#cpus[@]}"
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
	for n in $(counts_of_cpus); do
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
done | sort -V | tee "$lines"

points() { # WHAT OF N...
	local what=$1 of=$2 n
	shift 2
	for n; do
		line "scaling_${what}_$n" "$("$BENCH_BUILD/tests/bench/bench-scaling" "$of" "$n")" ns
	done | tee -a "$lines"
}

points series series 10 100 1000 10000 50000
points pods pods 10 100 250 1000
points held connections 10 100 1000 10000 20000

awk '{ split($1, part, "_"); what = part[2] }
	!(what in least) || $2 < least[what] { least[what] = $2 }
	!(what in most) || $2 > most[what] { most[what] = $2 }
	END { for (what in least) if (least[what] > 0)
		printf "scaling_%s_flatness %.3g ratio\n", what, most[what] / least[what] }' "$lines" | sort
