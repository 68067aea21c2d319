#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# machine_inside.sh BUILD [PAIRS]: run by tests/bench/machine.sh in a machine that counts instructions: one
# CPU, whose clock goes on by 1 ns with each. nginx (`return 200`), a client with 8 connections that
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

# Sets $without, $with, $collected: nanoseconds; $lost: of the exchanges, which two sides saw.
pair() {
	local before
	without=$(load "$requests")
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


load "$requests"
load "$requests"
load "$requests"
probe_up stats
agent_up
load 400
load "$requests"
load "$requests"
run_times "$loader" > $scratch/a; c0=$(ran "$collector")
load "$requests"
run_times "$loader" > $scratch/b
echo collector $(( $(ran "$collector") - c0 ))
paste $scratch/a $scratch/b | awk '{ n = $6 - $3; print $1, n, n ? ($5 - $2) / n : 0 }'
scrape
grep -E '^keyhole_(bpf|rec|ring)' $metrics | grep -v ' 0$'
for kind in plain upload download exchange; do
run_times "$loader" > $scratch/a
$BENCH_BUILD/tests/bench/bench-pingpong $kind 2100
run_times "$loader" > $scratch/b
paste $scratch/a $scratch/b | awk '{ n = $6 - $3; print $1, n, n ? ($5 - $2) / n : 0 }'
done
