#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# keyhole.memory_limit: a collector in a cgroup that may have no more. More label sets than fit, half
# requests on many connections, spans for a receiver that is not there and scrapes that are read
# slowly: it lives, answers, and counts what it left out. The same load without the option needs more
# than that. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/agent.bash"
need_root
need "$loader_bin" "$collector_bin" nginx h2load curl "$python"

limit=$((64 << 20)) paths=40000 connections=1000
requests=$((2 * paths)) # h2load's clients take the paths in turn, each all of them

# The memory controller, of either version.
memory=/sys/fs/cgroup/memory
if [ -d "$memory" ]; then
	max=memory.limit_in_bytes kills=memory.oom_control
else
	memory=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)
	max=memory.max kills=memory.events
	grep -qw memory "$memory/cgroup.subtree_control" 2> /dev/null || {
		skip "keyhole.memory_limit in a cgroup" "no memory controller"
		summary
		exit
	}
fi
make_cgroup "$memory" "keyhole-limit-$$"
cgroup=$memory/keyhole-limit-$$
echo "$limit" > "$cgroup/$max"
ours=$(awk -F: '$2 == "memory" || $1 == 0 { print $3 }' "/proc/$$/cgroup" | head -n 1)

port=$(free_port)
start_nginx "$scratch/web" "server { listen 127.0.0.1:$port; location / { return 200 'hello\n'; } }"
wait_for 30 listening "$port"
seq -f "http://127.0.0.1:$port/a/path/that/is/seen/but/once/%.0f" "$paths" > "$scratch/urls"

cat > "$scratch/config.yml" <<YAML
discovery: {instrument: [{exe_path: "{*/h2load,*/nginx,*/python*}"}]}
attributes: {select: {"*": {include: [url.path]}}}
keyhole: {series_limit: 100000, series_memory: 1000000000, traces: {join_wait: 20s, join_spans: 100000}}
shutdown_timeout: 0s
otel_traces_export: {endpoint: "http://127.0.0.1:$(free_port)", queue_size: 1000000}
YAML
chmod 644 "$scratch/config.yml"

# Each a connection that is in the midst of a request to Redis' protocol, which nobody answers.
cat > "$scratch/half.py" <<'PY'
import socket, sys, time
server = socket.create_server(("127.0.0.1", 0), backlog=1024)
held = []
for i in range(int(sys.argv[1])):
    client = socket.create_connection(server.getsockname())
    held += [client, server.accept()[0]]
    client.sendall(b"*2\r\n$3\r\nGET\r\n$5\r\nk%04d\r\n" % i)
    held[-1].recv(65536)
    client.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$60000\r\n" + b"x" * 8000)
    held[-1].recv(65536)
print("held", flush=True)
time.sleep(600)
PY

own() { # bytes of the collector's own memory, at most so far
	awk '/^RssAnon:/ { print $2 * 1024 }' "/proc/$collector/status"
}
most=0
look() {
	local now
	now=$(own)
	[ "$now" -le "$most" ] || most=$now
}
load() {
	local half asks scrapes=() i
	start "$scratch/half" "$python" "$scratch/half.py" "$connections"
	half=$started
	h2load --h1 -t 1 -c 2 -n "$requests" -i "$scratch/urls" > "$scratch/h2load" 2>&1 &
	asks=$!
	for ((i = 0; i < 60; i++)); do
		look
		curl -s --limit-rate 20k --max-time 20 -o /dev/null "http://127.0.0.1:$metrics_port/metrics" &
		scrapes+=("$!")
		sleep 0.2
		kill -0 "$asks" 2> /dev/null || [ "$i" -lt 20 ] || break
	done
	wait "$asks" "${scrapes[@]}" || true
	look
	stop "$half"
}
compressed() {
	curl -sf --compressed --max-time 30 "http://127.0.0.1:$metrics_port/metrics" > "$metrics"
}
killed() {
	awk '$1 == "oom_kill" { print $2 }' "$cgroup/$kills"
}

start_loader --data-ring 16M

# ---- with it ----

echo $$ > "$cgroup/cgroup.procs"
start_collector KEYHOLE_MEMORY_LIMIT="$limit" --config "$scratch/config.yml" || true
echo $$ > "$memory$ours/cgroup.procs"
load
cp "$collector_log" "$scratch/first.log"
is "it lives" "$(kill -0 "$collector" && echo yes)" yes
is "nothing was killed" "$(killed)" 0
ok "it never had more than the limit ($most of $limit)" [ "$most" -lt "$limit" ]
ok "a compressed scrape is answered" wait_for 20 compressed # as soon as those who read slowly are gone
is "the limit is told" "$(metric_sum "$metrics" keyhole_memory_limit_bytes)" "$limit"
ok "and what is in use" [ "$(metric_sum "$metrics" keyhole_memory_used_bytes)" -gt 1000000 ]
ok "label sets that were left out are counted" [ "$(metric_sum "$metrics" keyhole_limit_reached_total 'limit="series"')" -gt 0 ]
ok "spans likewise" [ "$(metric_sum "$metrics" keyhole_trace_spans_dropped_total)" -gt 0 ]
found() {
	compressed || return
	seen=$(metric_sum "$metrics" http_server_request_duration_seconds_count 'url_path="/a/path')
	rest=$(metric_sum "$metrics" http_server_request_duration_seconds_count 'otel_metric_overflow="true"')
	# of either side's, on a machine that leaves the collector too little of its CPUs
	lost=$(metric_sum "$metrics" keyhole_bpf_exchange_drops_total)
	missing=$((requests - seen - rest))
	[ "$missing" -le "$lost" ]
}
wait_for 30 found || true # what is in the ring is on its way
ok "each request is in a series, in the one for the rest, or was lost to a full ring ($seen, $rest and $missing of $lost)" \
	[ "$missing" -ge 0 -a "$missing" -le "$lost" ]
ok "there are both" [ "$seen" -gt 0 -a "$rest" -gt 0 ]
stop "$collector"

# ---- without it ----

most=0
start_collector --config "$scratch/config.yml"
load
ok "without the option the same needs more ($most of $limit)" [ "$most" -gt "$limit" ]
stop "$collector"

summary
