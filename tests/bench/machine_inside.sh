#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Run by tests/bench/machine.sh in an instruction-counted machine: one CPU, 1 ns per instruction.
# nginx (`return 200`), a client with 8 keep-alive connections and the agent share it.
set -euo pipefail
export BENCH_BUILD=$1
. "$(dirname "$0")/lib.bash"
requests=20000 connections=8 pairs=${BENCH_PAIRS:-3} port=8080

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

# Time that the CPU was not idle while the requests were answered, and seconds: `BUSY_MS SECONDS`.
load() { # [REQUESTS]
	local before after from to
	before=$(awk '/^cpu / { print $2 + $3 + $4 + $6 + $7 + $8 }' /proc/stat)
	from=$(date +%s%N)
	ab -q -k -c "$connections" -n "${1:-$requests}" "http://127.0.0.1:$port/" > "$scratch/ab"
	to=$(date +%s%N)
	after=$(awk '/^cpu / { print $2 + $3 + $4 + $6 + $7 + $8 }' /proc/stat)
	grep -q '^Failed requests: *0$' "$scratch/ab"
	echo "$(((after - before) * 10)) $(calc "($to - $from) / 1e9")"
}

grep . /sys/devices/system/clocksource/clocksource0/current_clocksource >&2
load 2000 > /dev/null
for client in 1 2; do load; cat "$scratch/ab" >&2; done
wrk -t1 -c8 -d2 http://127.0.0.1:$port/ >&2
h2load --h1 -n 20000 -c 8 -t1 http://127.0.0.1:$port/ >&2
