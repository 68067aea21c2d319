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
requests=20000 connections=8 pairs=${2:-2} port=8080

mkdir "$scratch/www"
cat > "$scratch/www/nginx.conf" <<-NGINX
	daemon off; worker_processes 1; pid $scratch/www/pid; error_log $scratch/www/error.log; user root;
	events { worker_connections 1024; }
	http {
		access_log off; keepalive_requests 1000000;
		server { listen 127.0.0.1:$port; location / { return 200 "hello\n"; } }
	}
NGINX
start "$scratch/nginx.log" nginx -c "$scratch/www/nginx.conf"
wait_for 30 listening "$port"

ran() { # PID: what its threads ran, in nanoseconds
	cat "/proc/$1/task"/*/schedstat | awk '{ ns += $1 } END { printf "%.0f\n", ns }'
}

# Nanoseconds that the CPU was busy since boot: the clock runs on while the host reads a file.
busy() {
	awk '/^cpu0 / { print $8 }' /proc/schedstat
}

# Nanoseconds that the requests took, those of the client's start and end included.
load() { # REQUESTS
	local from
	from=$(busy)
	h2load --h1 -t 1 -c "$connections" -n "$1" "http://127.0.0.1:$port/" > "$scratch/h2load"
	echo "$(($(busy) - from))"
	grep -q "^requests: .* $1 succeeded, 0 failed" "$scratch/h2load" || cat "$scratch/h2load" >&2
}

counted() { # client|server
	now_sum "http_$1_request_duration_seconds_count" "server_port=\"$port\""
}

seen_all() { # WANT
	[ "$(counted server)" -ge "$1" ] && [ "$(counted client)" -ge "$1" ]
}

# Sets $without, $empty, $with, $collected: nanoseconds; $lost: of the exchanges, which two sides saw.
pair() {
	local before
	without=$(load "$requests")
	probe_up fexit # programs that do nothing
	empty=$(load "$requests")
	stop "$probe"
	agent_up
	load 400 > /dev/null # names, routes and series are there
	wait_for 10 seen_all 400 || true
	before=$(ran "$collector")
	with=$(load "$requests")
	collected=$(($(ran "$collector") - before))
	wait_for 10 seen_all "$((requests + 400))" || true
	lost=$((2 * (requests + 400) - $(counted server) - $(counted client)))
	[ "$lost" = 0 ] || grep -E '^keyhole_.*(drop|limit_reached|orphan|gap|faults).* [1-9]' "$metrics" >&2
	agent_down
}

load "$requests" > /dev/null # nothing is read from the disk any more
for ((i = 0; i < pairs; i++)); do
	pair
	echo "$without $with $collected $lost $empty"
done > "$scratch/pairs"
cat "$scratch/pairs" >&2
line machine_requests_without "$(awk -v n=$requests '{ print n * 1e9 / $1 }' "$scratch/pairs" | median)" per_second
line machine_requests "$(awk -v n=$requests '{ print n * 1e9 / $2 }' "$scratch/pairs" | median)" per_second
line machine_ratio "$(awk '{ print $1 / $2 }' "$scratch/pairs" | median)" ratio
line machine_empty "$(awk -v n=$requests '{ print ($5 - $1) / n }' "$scratch/pairs" | median)" instructions
line machine_kernel "$(awk -v n=$requests '{ print ($2 - $1 - $3) / n }' "$scratch/pairs" | median)" instructions
line machine_collector "$(awk -v n=$requests '{ print $3 / n }' "$scratch/pairs" | median)" instructions
line machine_lost "$(awk -v n=$requests '{ print 100 * $4 / (2 * n) }' "$scratch/pairs" | sort -g | tail -n 1)" percent
