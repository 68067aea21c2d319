#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A chain of three services over two "nodes": network namespaces joined by a veth pair, Services' addresses
# translated by DNAT, a loader and a collector for each, which sees nothing but its own node's processes.
# h2load and nginx (a) → Python (b) → Redis (a). One trace where the collectors tell each other; where they do
# not, each server's span is the child of its client's span all the same, and links lead on. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/agent.bash"
here=$(dirname "${BASH_SOURCE[0]}")
need_root
need "$loader_bin" "$collector_bin" nginx h2load curl protoc redis-server ip iptables unshare nsenter openssl "$python"
requests=100

# ---- two nodes ----

declare -A ns address=([a]=10.77.0.1 [b]=10.77.0.2)
app_service=10.96.0.10 redis_service=10.96.0.20
on() { # NODE CMD...
	become nsenter --net="/proc/${ns[$1]}/ns/net" "${@:2}"
}
for node in a b; do
	hold_net "$scratch/$node.ns"
	ns[$node]=$started
done
(on a ip link add eth0 type veth peer name eth0 netns "${ns[b]}")
for node in a b; do
	(on $node sh -ec "ip link set lo up; ip address add ${address[$node]}/24 dev eth0; ip link set eth0 up
		ip route add 10.96.0.0/16 dev eth0 src ${address[$node]}")
done
if ! (on a iptables -w 10 -t nat -A OUTPUT -d $app_service -p tcp --dport 80 -j DNAT --to "${address[b]}:8080"); then
	skip "traces over two nodes" "this kernel cannot translate addresses"
	summary
	exit
fi
(on b iptables -w 10 -t nat -A OUTPUT -d $redis_service -p tcp --dport 6379 -j DNAT --to "${address[a]}:7000")
start "$scratch/redis.log" on a redis-server --port 7000 --bind "${address[a]}" --protected-mode no --save '' --daemonize no
start "$scratch/app.log" on b "$python" "$here/traces_app.py" 8080 "$redis_service:6379"
start_nginx "$scratch/web" "upstream app { server $app_service:80; keepalive 32; }
	server { listen 127.0.0.1:8000; location / {
		proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ''; } }" on a
answers() {
	(on a curl -sf http://127.0.0.1:8000/item/1 > "$scratch/answer")
}
wait_for 20 answers

# ---- a Keyhole for each ----

receiver_port=$(free_port) spans=$scratch/spans
start "$scratch/receiver.log" "$python" "$here/otlp_receiver.py" "$receiver_port" "$repo/collector/export/proto" "$spans"
wait_for 30 listening "$receiver_port"
mkdir -m 755 "$scratch/secret"
openssl rand -hex 32 > "$scratch/secret/key"
chmod 644 "$scratch/secret/key"
declare -A peer_port=([a]=$(free_port) [b]=$(free_port)) scrape_port=([a]=$(free_port) [b]=$(free_port)) pid
shown() { # NODE GLOB
	printf 'discovery:\n  instrument:\n    - exe_path: "%s"\n' "$2" > "$scratch/$1.yml"
	chmod 644 "$scratch/$1.yml"
}
shown a '{*/h2load,*/nginx,*/redis*}'
shown b '*/python3*'
for node in a b; do
	mkdir "$scratch/$node"
	chgrp 65532 "$scratch/$node"
	chmod 2770 "$scratch/$node"
	start "$scratch/loader-$node.log" two_caps "$loader_bin" --socket "$scratch/$node/sock"
	wait_for 60 grep -q 'sandbox:' "$scratch/loader-$node.log"
done
start_node() { # NODE [NAME=VALUE...]
	local node=$1
	start "$scratch/collector-$node.log" run_collector KEYHOLE_LOADER_SOCKET="$scratch/$node/sock" \
		KEYHOLE_PROMETHEUS_PORT="${scrape_port[$node]}" KEYHOLE_OTLP_TRACES_BATCH_TIMEOUT=200ms \
		OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://127.0.0.1:$receiver_port/v1/traces" \
		KEYHOLE_TRACES_REMOTE_PARENTS=always "${@:2}" --config "$scratch/$node.yml"
	pid[$node]=$started
	wait_for 30 grep -q 'connected to loader' "$scratch/collector-$node.log"
}
load() { # FROM
	seq -f "http://127.0.0.1:8000/item/%g" "$1" $(($1 + requests - 1)) > "$scratch/urls"
	(on a h2load --h1 -n $requests -c 4 -i "$scratch/urls") > "$scratch/h2load" 2>&1
	grep -q "$requests succeeded" "$scratch/h2load"
}
judge() { # PYTHON-EXPRESSION of `traces`, `spans`, `names`
	"$python" - "$spans" "$1" <<-'PYTHON'
		import json, sys
		from collections import Counter, defaultdict
		ours = {8000, 8080, 80, 7000, 6379}  # the machine may have other services
		spans = [s for s in map(json.loads, (line for line in open(sys.argv[1]) if line.endswith("\n"))) if s["attributes"].get("server.port") in ours]
		by_id = {s["id"]: s for s in spans}
		def name(s):
		    return f'{s["resource"]["service.name"].rstrip("0123456789.")} {"server" if s["kind"] == 2 else "client"}'
		names = Counter(name(s) for s in spans)
		traces = defaultdict(list)
		for s in spans:
		    traces[s["trace"]].append(s)
		def chain(s):
		    up = [name(s)]
		    while s["parent"] in by_id:
		        s = by_id[s["parent"]]
		        up.append(name(s))
		    return up
		print(eval(sys.argv[2]))
	PYTHON
}
came() { # WANT
	[ "$(judge 'len(spans)')" -ge "$1" ]
}
redis=$(basename "$(readlink "/proc/$(pgrep -f "redis-server ${address[a]}:7000" | head -n 1)/exe")")
whole="['$redis server', 'python client', 'python server', 'nginx client', 'nginx server', 'h2load client']"

scenario "collectors that tell each other"
tells=(KEYHOLE_TRACES_PEERS_SECRET_FILE="$scratch/secret/key")
start_node a "${tells[@]}" KEYHOLE_TRACES_PEERS_LISTEN="127.0.0.1:${peer_port[a]}" KEYHOLE_TRACES_PEERS_ENDPOINTS="127.0.0.1:${peer_port[b]}"
start_node b "${tells[@]}" KEYHOLE_TRACES_PEERS_LISTEN="127.0.0.1:${peer_port[b]}" KEYHOLE_TRACES_PEERS_ENDPOINTS="127.0.0.1:${peer_port[a]}"
knows_its_peer() { # NODE
	[ "$(metric_sum <(curl -sf "http://127.0.0.1:${scrape_port[$1]}/metrics") keyhole_trace_peers)" = 1 ]
}
for node in a b; do
	ok "$node knows whom to tell" wait_for 30 knows_its_peer $node
done
ok "the load ran" load 1
ok "all spans came" wait_for 60 came $((6 * requests))
is "each request is one trace" "$(judge 'len(traces)')" "$requests"
is "of six spans" "$(judge 'Counter(len(t) for t in traces.values())')" "Counter({6: $requests})"
is "each redis span leads back to the user" \
	"$(judge "sum(chain(s) == $whole for s in spans if name(s) == '$redis server')")" "$requests"
for node in a b; do
	stop "${pid[$node]}"
done

scenario "collectors that do not"
: > "$spans"
for node in a b; do
	start_node $node
done
ok "the load ran" load 1001
ok "all spans came" wait_for 60 came $((6 * requests))
is "three traces each: a's, b's, and a's again" "$(judge 'len(traces)')" $((3 * requests))
is "each server's parent is its client's span all the same" \
	"$(judge "sum(chain(s) == $whole for s in spans if name(s) == '$redis server')")" "$requests"
is "a link leads from the call to the server's trace" \
	"$(judge "sum(s['links'] == [[t['trace'], t['id']]] for t in spans if name(t) in ('python server', '$redis server') for s in [by_id[t['parent']]])")" \
	$((2 * requests))
summary
