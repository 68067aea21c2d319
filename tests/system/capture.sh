#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What the traffic program did is what the metrics say: for each of its scenarios, on both sides
# of each connection (played.py compares). As root.
#
# KEYHOLE_BUILD: where the programs were built (default: build/). KEYHOLE_BACKEND: of the loader.
# KEYHOLE_SLOW=1: in an emulated machine; longer waits, and what only repeats is left out.
# KEYHOLE_ANSWERS: a file for what the metrics said (played.py --answers).
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/agent.bash"
need_root
need "$loader_bin" "$collector_bin" "$traffic_bin" "$python" unshare setpriv

played=$(dirname "${BASH_SOURCE[0]}")/played.py
slow=${KEYHOLE_SLOW:-}
backend=${KEYHOLE_BACKEND:-auto}
answers=() # what the metrics said, to be compared with another backend's
[ -z "${KEYHOLE_ANSWERS:-}" ] || answers=(--answers "$KEYHOLE_ANSWERS")
patience=2
[ -z "$slow" ] || patience=20

# played.py's results become ours; what else it says is a failure.
results_of() { # PREFIX
	local line ok=ok name='' why=''
	while IFS= read -r line; do
		case $line in
		"  # "*) why+=${line#  \# }$'\n'; continue ;;
		esac
		result_is "$1" "$ok" "$name" "$why"
		name='' why=''
		case $line in
		"ok - "*) ok=ok name=${line#ok - } ;;
		"not ok - "*) ok='' name=${line#not ok - } ;;
		*) ok='' name='played.py says nothing else' why=$line ;;
		esac
	done
	result_is "$1" "$ok" "$name" "$why"
}

result_is() { # PREFIX OK NAME WHY
	[ -n "$3" ] || return 0
	if [[ $3 = *' # skipped: '* ]]; then
		skip "$1: ${3%% # skipped: *}" "${3#* # skipped: }"
	elif [ -n "$2" ]; then
		pass "$1: $3"
	else
		fail "$1: $3" "$4"
	fi
}

# As the loader said: what "auto" has led to.
running_backend() {
	sed -n 's/.*, backend \([a-z+]*\)[,;].*/\1/p' "$loader_log"
}

# Plays scenarios while loader and collector run.
plays() { # PREFIX PLAYED-ARGUMENT...
	local prefix=$1
	shift
	results_of "$prefix" < <(
		"$python" "$played" --patience "$patience" --backend "$(running_backend)" "$@" 2>&1 || true
	)
}

url=http://127.0.0.1:$metrics_port/metrics

start_both() { # [LOADER-OPTION...]
	: > "$loader_log"
	: > "$collector_log"
	# shellcheck disable=SC2119 # no options for the collector
	if ! start_loader --backend "$backend" "$@" || ! start_collector; then
		fail "loader and collector start" "$(cat "$loader_log" "$collector_log")"
		summary
		exit 1
	fi
}

# Plays what is open before Keyhole starts, by the command given.
plays_held() { # PREFIX START-COMMAND SCENARIO...
	local prefix=$1 begin=$2 holder
	shift 2
	rm -f "$scratch/go"
	mkfifo "$scratch/go"
	# shellcheck disable=SC2016 # expanded by that shell
	start "$scratch/held" bash -c 'exec "$@" < "$0"' "$scratch/go" \
		"$python" "$played" --patience "$patience" --hold "$traffic_bin" "$url" "$@"
	holder=$started
	exec 9> "$scratch/go"
	ok "$prefix: open before" wait_for 60 grep -q '^held' "$scratch/held"
	"$begin"
	running_backend >&9
	exec 9>&-
	wait_for 240 stopped "$holder" || true
	results_of "$prefix" < <(grep -v '^held' "$scratch/held")
}

stop_both() { # WHEN
	ok "$1: the collector is still the same" process_start "$collector"
	ok "$1: the loader is still the same" process_start "$loader"
	stop "$collector"
	stop "$loader"
}

# ---- connections and servers older than Keyhole ----

scenario older
held=(write sendmsg-3 cookie-2000 body-10m keep-alive fresh pipeline expect upgrade reset-middle
	client-closes until-close threads prefork short-lived bad-answer)
[ -z "$slow" ] || held=(write fresh threads bad-answer)

plays_held "older than Keyhole" start_both "${held[@]}"

# ---- each scenario ----

# What is hard to see is told apart, for the table of kernels.
mapfile -t hard < <("$traffic_bin" --list | cut -d' ' -f1 |
	grep -E '^(uring|zerocopy|not-resident|segments-40|many)')

scenario HTTP
plays "IPv4" "${answers[@]}" --except "$(IFS=,; echo "${hard[*]}")" "$traffic_bin" "$url"
if [ -z "$slow" ]; then
	plays "IPv6 and v4-mapped" --families ipv6,mapped "$traffic_bin" "$url"
else
	plays "IPv6 and v4-mapped" --families ipv6,mapped "$traffic_bin" "$url" write chunked reset-middle
fi

# ---- hard to see: io_uring, memory that is gone, very many connections, 32-bit callers ----

scenario hard
[ -z "$slow" ] || hard=("${hard[@]/#many/many:400}")
plays "hard" "${answers[@]}" "$traffic_bin" "$url" "${hard[@]}"
if [ -x "$traffic32_bin" ]; then
	plays "32-bit" "${answers[@]}" "$traffic32_bin" "$url" write writev-5 sendto sendmsg-3 sendmmsg fresh
else
	skip "32-bit callers" "no $traffic32_bin: it is built on x86-64 with gcc-multilib and libc6-dev-i386"
fi

# ---- a process in a pid namespace of its own ----

scenario namespaces
plays "in a new pid namespace" --prefix "unshare --pid --fork --kill-child" \
	"$traffic_bin" "$url" write short-lived
stop_both "after all scenarios"

# ---- loader and collector in a pid namespace of their own, as without hostPID; larger heads ----

start_in_namespace() {
	: > "$loader_log"
	: > "$collector_log"
	start "$loader_log" unshare --pid --fork --mount-proc --kill-child \
		setpriv --bounding-set=-all,+bpf,+perfmon --inh-caps=-all,+bpf,+perfmon \
		--ambient-caps=-all,+bpf,+perfmon "$loader_bin" --socket "$socket" --backend "$backend" \
		--request-head 4096 --response-head 1024
	wait_for 130 grep -q 'sandbox:' "$loader_log" || true
	loader=$(pgrep -P "$started")
	start "$collector_log" nsenter --pid="/proc/$loader/ns/pid" \
		env KEYHOLE_LISTEN_ADDRESS=127.0.0.1 KEYHOLE_PROMETHEUS_PORT="$metrics_port" \
		KEYHOLE_LOADER_SOCKET="$socket" "$collector_bin"
	wait_for 130 serving || fail "loader and collector start in it" "$(cat "$loader_log" "$collector_log")"
	wait_for 130 grep -q 'connected to loader' "$collector_log" || true
	collector=$(pgrep -P "$started")
}

plays_held "Keyhole in a pid namespace, processes older and outside" start_in_namespace write threads
plays "Keyhole in a pid namespace, heads of 4096 and 1024 bytes" --response-head 1024 \
	"$traffic_bin" "$url" short-lived cookie-2000 cookie-6000 pipeline pipeline-8 post body-10m
stop_both "in a pid namespace"
summary
