#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What is left of servers' throughput with Keyhole: ratios within rounds, in turn without it, with it
# on the server, whose clients stand for others' nodes and are not selected, and with it on both.
# Server and client share the first CPU, which limits them; the agent has the last one. Their CPU
# time for each request is told, too, as a ratio likewise (without by with): other work on the
# machine disturbs that less.
#
# $BENCH_PAIRS: how many such rounds (7). $BENCH_SECONDS: each measurement (2).
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.bash
. "$(dirname "$0")/lib.bash"
wants bpftool jq curl nginx wrk h2load redis-server redis-benchmark pgbench psql runuser taskset findmnt
"$python" -c 'import grpc' 2> /dev/null || lacks "grpc of $python"
pairs=${BENCH_PAIRS:-7} seconds=${BENCH_SECONDS:-2}
names=(nginx_1 nginx_16 nginx_256 redis redis_pipelined pgbench grpc grpc_python)

# All of the workload is in one cgroup, which knows its CPU time: of v2, in whatever way it is mounted.
root=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)
make_cgroup "$root" "keyhole-bench-$$"
cgroup=$root/keyhole-bench-$$

on_work_cpu() {
	if [ "$BASHPID" = "$$" ]; then
		(on_work_cpu "$@")
		return
	fi
	echo "$BASHPID" > "$cgroup/cgroup.procs"
	exec taskset -c "$work_cpu" "$@"
}

cpu_us() { awk '/^usage_usec/ { print $2 }' "$cgroup/cpu.stat"; }

# ---- servers ----

http=$(free_port) h2c=$(free_port) redis=$(free_port) postgres=$(free_port) grpc=$(free_port)

mkdir "$scratch/www"
cat > "$scratch/www/nginx.conf" <<-NGINX
	daemon off; worker_processes 1; pid $scratch/www/pid; error_log $scratch/www/error.log; user root;
	events { worker_connections 1024; }
	http {
		access_log off; keepalive_requests 100000000; 
		server { listen 127.0.0.1:$http backlog=1024; location / { return 200 "hello\n"; } }
		server {
			listen 127.0.0.1:$h2c http2; default_type application/grpc;
			location / { add_header grpc-status 0; return 200 "\0\0\0\0\0"; }
		}
	}
NGINX
start "$scratch/nginx.log" on_work_cpu nginx -c "$scratch/www/nginx.conf"

start "$scratch/redis.log" on_work_cpu redis-server --bind 127.0.0.1 --port "$redis" --save '' --dir "$scratch"

programs=(/usr/lib/postgresql/*/bin)
install -d -o postgres "$scratch/pg"
runuser -u postgres -- "${programs[-1]}/initdb" -D "$scratch/pg" -A trust > "$scratch/initdb.log" 2>&1
start "$scratch/postgres.log" on_work_cpu runuser -u postgres -- "${programs[-1]}/postgres" -D "$scratch/pg" \
	-p "$postgres" -c listen_addresses=127.0.0.1 -c unix_socket_directories="$scratch/pg" -c fsync=off
url="host=127.0.0.1 port=$postgres user=postgres dbname=postgres"
wait_for 60 listening "$postgres"
wait_for 60 psql -X -q -d "$url" -c 'SELECT 1'
pgbench -q -i -s 1 "$url" > "$scratch/pgbench.log" 2>&1
# its client has a name of its own, by which it is not selected
cp "$(readlink -f "$python")" "$scratch/grpc-client"
start "$scratch/grpc.log" on_work_cpu "$python" -B "$bench/grpc_peer.py" server "$grpc"
wait_for 30 listening "$grpc"
wait_for 30 listening "$http"
wait_for 30 listening "$redis"

# ---- clients: `REQUESTS_A_SECOND REQUESTS` ----

wrk_rate() { # CONNECTIONS
	on_work_cpu wrk -t1 -c"$1" -d"$seconds" "http://127.0.0.1:$http/" |
		awk '/requests in/ { n = $1 } /^Requests\/sec/ { print $2, n }'
}

redis_rate() { # REQUESTS [OPTION...]
	on_work_cpu redis-benchmark -p "$redis" -t get -c 50 -n "$1" --csv "${@:2}" |
		awk -F'"' -v n="$1" '/GET/ { print $4, n }'
}

grpc_rate() { # REQUESTS
	on_work_cpu h2load -t 1 -c 8 -m 10 -n "$1" -H 'content-type: application/grpc' -H 'te: trailers' \
		"http://127.0.0.1:$h2c/shop.Cart/Get" | awk '/^finished in/ { r = $4 } /^requests:/ { print r, $8 }'
}

rate() { # NAME
	case $1 in
	nginx_*) wrk_rate "${1#nginx_}" ;;
	redis) redis_rate $((60000 * seconds)) ;;
	redis_pipelined) redis_rate $((400000 * seconds)) -P 16 ;;
	pgbench)
		on_work_cpu pgbench -n -S -c 4 -T "$seconds" "$url" 2> /dev/null |
			awk '/actually processed/ { n = $NF } /^tps/ { print $3, n }'
		;;
	grpc) grpc_rate $((20000 * seconds)) ;;
	grpc_python) on_work_cpu "$scratch/grpc-client" -B "$bench/grpc_peer.py" client "$grpc" "$seconds" ;;
	esac
}

all() { # WITH: to $BENCH_WORK/NAME.WITH, with the CPU time of a request
	local name before did
	for name in "${names[@]}"; do
		before=$(cpu_us)
		did=$(rate "$name")
		calc "$(cpu_us) - $before" | awk -v did="$did" '{ split(did, d); print d[1], $1 / d[2] }' >> "$BENCH_WORK/$name.$1"
	done
}

# Of what the agent saw: the share of calls that it did not take in.
lost() {
	scrape
	calc "100 * $(metric_sum "$metrics" keyhole_records_dropped_total 'reason="ring_full') / ($(metric_sum "$metrics" \
		keyhole_records_seen_total 'ring="data"') + $(metric_sum "$metrics" keyhole_records_dropped_total 'reason="ring_full') + 1)"
}

{
	echo "discovery: {exclude_instrument: ["
	printf '{exe_path: "*/%s"},\n' wrk redis-benchmark pgbench h2load grpc-client
	echo "]}"
} > "$scratch/server.yml"
chmod 644 "$scratch/server.yml"

rate nginx_16 > /dev/null # awake
for ((i = 0; i < pairs; i++)); do
	all without
	agent_options=(--config "$scratch/server.yml")
	agent_up
	all with
	lost >> "$BENCH_WORK/lost"
	agent_down
	agent_options=()
	agent_up
	all both
	lost >> "$BENCH_WORK/lost_both"
	agent_down
done
declare -A suffix=([with]="" [both]=_both)
for name in "${names[@]}"; do
	line "throughput_${name}_without" "$(median < "$BENCH_WORK/$name.without")" per_second
	for side in with both; do
		paste "$BENCH_WORK/$name.$side" "$BENCH_WORK/$name.without" > "$BENCH_WORK/pairs"
		line "throughput_${name}${suffix[$side]}_ratio" "$(awk '{ print $1 / $3 }' "$BENCH_WORK/pairs" | median)" ratio
		line "throughput_${name}${suffix[$side]}_cpu_ratio" "$(awk '{ print $4 / $2 }' "$BENCH_WORK/pairs" | median)" ratio
	done
done
# What any work on the agent's CPU takes of the other one, without an agent: they may be one core's.
for ((i = 0; i < pairs; i++)); do
	rate nginx_16 > "$BENCH_WORK/alone"
	start "$scratch/neighbour.log" taskset -c "$agent_cpu" bash -c 'while :; do :; done'
	rate nginx_16 > "$BENCH_WORK/beside"
	stop "$started"
	paste "$BENCH_WORK/beside" "$BENCH_WORK/alone" | awk '{ print $1 / $3 }' >> "$BENCH_WORK/neighbour"
done
# Run time of Keyhole's programs in a request's calls, by the kernel's statistics; what an empty program
# has there (path_empty_run) is in it, for each of the calls.
programs() {
	local requests
	agent_up
	rate nginx_16 > /dev/null
	run_times "$loader" > "$BENCH_WORK/times"
	read -r _ requests < <(rate nginx_16)
	run_times "$loader" | awk -v n="$requests" 'FNR == NR { was[$1] = $2; next }
		{ ns += $2 - was[$1] } END { print ns / n }' "$BENCH_WORK/times" -
	agent_down
}
probe_up stats
line throughput_nginx_16_both_programs "$(programs)" ns
agent_options=(--config "$scratch/server.yml")
line throughput_nginx_16_programs "$(programs)" ns
stop "$probe"
line throughput_nginx_16_neighbour_ratio "$(median < "$BENCH_WORK/neighbour")" ratio
line throughput_records_lost "$(median < "$BENCH_WORK/lost")" percent
line throughput_both_records_lost "$(median < "$BENCH_WORK/lost_both")" percent
