#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What Keyhole adds to a send and to a receive. First by a thread's CPU time, in rounds: without, with
# programs that do nothing, with Keyhole, with these again, without again. What is told is the median
# of differences to the mean of both. Then by the kernel's own run-time statistics, which say it of
# sends and receives by themselves, and of the empty programs likewise.
#
# $BENCH_ROUNDS: how many such rounds (11).
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.bash
. "$(dirname "$0")/lib.bash"
wants bpftool jq taskset
rounds=${BENCH_ROUNDS:-11}
kinds=(plain upload download exchange)

pingpong() { # KIND[,KIND...]
	taskset -c "$work_cpu" "$BENCH_BUILD/tests/bench/bench-pingpong" "$1" 63000
}

# All kinds, a line with the time of each, to $BENCH_WORK/WHAT.
with() { # WHAT
	pingpong "$(IFS=,; echo "${kinds[*]}")" | paste -sd' ' >> "$BENCH_WORK/$1"
}

with_empty() {
	probe_up "$backend"
	with empty
	stop "$probe"
}

column() { # KIND
	local i
	for i in "${!kinds[@]}"; do
		[ "${kinds[i]}" != "$1" ] || echo $((i + 1))
	done
}

# What a round of each turn takes, one for each of Keyhole's: two are made a mean.
each() { # WHAT KIND
	awk -v k="$(column "$2")" -v twice="$([ "$1" = keyhole ] || echo 1)" '
		!twice { print $k; next }
		NR % 2 { was = $k; next }
		{ print (was + $k) / 2 }' "$BENCH_WORK/$1"
}

# Median of what a round takes more with A than with B, by CALLS.
more() { # A B KIND CALLS
	paste <(each "$1" "$3") <(each "$2" "$3") | awk -v n="$4" '{ print ($1 - $2) / n }' | median
}

# Mean run time of the programs on sends, or on receives, while the command runs.
mean_time() { # PID BEFORE tx|rx
	local names='send'
	[ "$3" = tx ] || names='recv'
	run_times "$1" | awk -v names="$names" '
		FNR == NR { was[$1] = $2; runs[$1] = $3; next }
		$1 ~ names { ns += $2 - was[$1]; n += $3 - runs[$1] }
		END { printf "%.1f\n", n ? ns / n : 0 }' "$2" -
}

statistics() { # PID WHAT KIND...
	local kind pid=$1 what=$2
	shift 2
	for kind; do
		run_times "$pid" > "$BENCH_WORK/times"
		pingpong "$kind" > /dev/null
		mean_time "$pid" "$BENCH_WORK/times" tx > "$BENCH_WORK/$what.$kind.send"
		mean_time "$pid" "$BENCH_WORK/times" rx > "$BENCH_WORK/$what.$kind.receive"
	done
}

agent_up # says where it stands
backend=$(backend)
agent_down
for ((i = 0; i < rounds; i++)); do
	with nothing
	with_empty
	agent_up
	with keyhole
	agent_down
	with_empty
	with nothing
done
line path_plain_call_without "$(each nothing plain | median | awk '{ print $1 / 4 }')" ns
line path_empty_call "$(more empty nothing plain 4)" ns
line path_plain_call "$(more keyhole nothing plain 4)" ns
line path_plain_call_above_empty "$(more keyhole empty plain 4)" ns
line path_upload_call "$(more keyhole nothing upload 4)" ns
line path_download_call "$(more keyhole nothing download 4)" ns
line path_exchange_side "$(more keyhole nothing exchange 2)" ns
line path_exchange_round_ratio "$(paste <(each keyhole exchange) <(each nothing exchange) |
	awk '{ print $2 / $1 }' | median)" ratio

probe_up stats
stats=$probe
agent_up
statistics "$loader" keyhole "${kinds[@]}"
agent_down
echo 'discovery: {exclude_instrument: [{exe_path: "*/bench-pingpong"}]}' > "$scratch/ignore.yml"
chmod 644 "$scratch/ignore.yml"
agent_options=(--config "$scratch/ignore.yml")
agent_up
statistics "$loader" ignored exchange
agent_down
probe_up "$backend"
statistics "$probe" empty "${kinds[@]}"
stop "$probe"
stop "$stats"
for kind in "${kinds[@]}"; do
	for call in send receive; do
		line "path_${kind}_${call}_run" "$(paste "$BENCH_WORK/keyhole.$kind.$call" "$BENCH_WORK/empty.$kind.$call" |
			awk '{ print $1 - $2 }')" ns
	done
done
for call in send receive; do
	line "path_ignored_${call}_run" "$(paste "$BENCH_WORK/ignored.exchange.$call" "$BENCH_WORK/empty.exchange.$call" |
		awk '{ print $1 - $2 }')" ns
done
line path_empty_run "$(cat "$BENCH_WORK"/empty.*.send "$BENCH_WORK"/empty.*.receive | median)" ns
