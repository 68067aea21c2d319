# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Functions for the measurements that run Keyhole beside a workload; source it first. Programs are
# taken from $BENCH_BUILD. On exit everything that start() started is stopped by its pid.
#
# The workload runs on the first of this process' CPUs, Keyhole on the last; where there is but one,
# on that.
[ "$(id -u)" = 0 ] || {
	echo "$0: needs root: it loads BPF programs" >&2
	exit 1
}
export KEYHOLE_BUILD=$BENCH_BUILD
bench=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$bench/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=../system/agent.bash
. "$bench/../system/agent.bash"

bench_exit() {
	local status=$?
	trap - EXIT
	set +e
	[ "$BASHPID" = "$$" ] || exit "$status"
	[ "$status" = 0 ] || tail -n 5 "$scratch"/*.log >&2 2> /dev/null
	stop_all
	rm -rf "$scratch"
	exit "$status"
}
trap bench_exit EXIT

# shellcheck disable=SC2034 # the scripts'
read -r work_cpu agent_cpu < <($python -c '
import os
cpus = sorted(os.sched_getaffinity(0))
print(cpus[0], cpus[-1])')

line() { # NAME VALUE UNIT
	if [ -z "$2" ]; then
		echo "$1: no value" >&2
		exit 1
	fi
	printf '%s %s %s\n' "$@"
}

lacks() { # WHAT
	echo "$0: no $1: deploy/install-packages build bench installs it" >&2
	exit 1
}

wants() { # PROGRAM...
	local program
	for program; do
		command -v "$program" > /dev/null || lacks "$program"
	done
}

median() { # of the numbers read
	sort -g | awk '{ v[NR] = $1 } END { if (!NR) exit 1; print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

calc() { # EXPRESSION
	awk "BEGIN { printf \"%.6g\n\", $1 }"
}

# ---- Keyhole, or programs that do nothing ----

agent_options=() loader_options=()

agent_up() {
	: > "$loader_log"
	: > "$collector_log"
	if ! start_loader "${loader_options[@]}" || ! start_collector "${agent_options[@]}"; then
		echo "Keyhole does not start:" >&2
		cat "$loader_log" "$collector_log" >&2
		return 1
	fi
	taskset -apc "$agent_cpu" "$collector" > /dev/null
}

agent_down() {
	stop "$collector"
	stop "$loader"
}

backend() { # of the loader that runs now: tracepoint or fexit
	sed -n 's/.*backend \([a-z]*\).*/\1/p' "$collector_log" | head -n 1
}

# shellcheck disable=SC2034 # the scripts'
probe_up() { # WHAT: see bench_probe.c; $probe is its pid
	: > "$scratch/probe.log"
	start "$scratch/probe.log" "$BENCH_BUILD/tests/bench/bench-probe" "$1"
	probe=$started
	wait_for 10 grep -q ready "$scratch/probe.log" || {
		cat "$scratch/probe.log" >&2
		return 1
	}
}

# ---- what the kernel and the collector counted ----

# Run time and runs of all programs that a process holds, by name: `NAME NS RUNS`.
run_times() { # PID
	local id
	for id in $(programs_of "$1"); do
		bpftool -j prog show id "$id"
		echo
	done | jq -r '[.name, .run_time_ns // 0, .run_cnt // 0] | @tsv'
}

cpu_ms() { # PID: user and system time that it used
	awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) * 1000 / hz }' "/proc/$1/stat"
}
