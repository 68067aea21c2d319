#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The service graph of a small cluster: load → web (nginx) → app (Python) → Redis, PostgreSQL, and from app to
# a pod of another node, to one that no selector shows, and to an address of nobody. Two collectors, of two
# nodes, are scraped by Prometheus, where each request counts once on its edge, whoever saw it. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/agent.bash"
# shellcheck source-path=SCRIPTDIR source=scraped.bash
. "$(dirname "${BASH_SOURCE[0]}")/scraped.bash"
# shellcheck source-path=SCRIPTDIR source=cluster.bash
. "$(dirname "${BASH_SOURCE[0]}")/cluster.bash"
here=$(dirname "${BASH_SOURCE[0]}")
programs=(/usr/lib/postgresql/*/bin)
need_root
need "$loader_bin" "$collector_bin" nginx h2load curl ip unshare nsenter redis-server redis-cli psql runuser prometheus promtool \
	"${programs[-1]}/postgres" "$python"

# ---- the cluster: far is on another node, tool is left out, and nobody is at `out` ----

load=10.77.0.11 web=10.77.0.12 app=10.77.0.13 redis=10.77.0.14 sql=10.77.0.15 tool=10.77.0.16 far=10.77.1.17 out=10.99.0.9
# Other uids and ids than another test's: their cgroups would be the same.
uid() { # N: a pod's uid
	printf '0b0e0e07-%04d-4000-8000-%012d' "$1" "$1"
}
id() { # N: a container's id
	printf '%064x' $((0xbee700 + $1))
}
put_pod() { # NAMESPACE OWNER N ADDRESS NODE
	"$python" -B - "$@" "$(uid "$3")" "$(id "$3")" > "$scratch/pod.json" <<-PYTHON
		import sys, json, time
		sys.path.insert(0, "$here")
		from fake_apiserver import make_pod
		namespace, owner, n, address, node, uid, container = sys.argv[1:]
		pod = make_pod(namespace, owner + "-5c9f8d7b6-x%s" % n, uid=uid, node=node, owner=("Deployment", owner), ip=address,
		               containers=[("main", container)])
		at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))
		pod["status"]["containerStatuses"][0]["state"] = {"running": {"startedAt": at}}
		print(json.dumps(pod))
	PYTHON
	curl -sf --cacert "$scratch/tls/ca.crt" -X POST "https://127.0.0.1:$api_port/control/pods" -d "@$scratch/pod.json" -o /dev/null
}
api_port=$(free_port)
start "$scratch/api.log" "$python" -B "$here/fake_apiserver.py" --token first --tls "$scratch/tls" --port "$api_port"
wait_for 30 listening "$api_port"
chmod 755 "$scratch/tls"
write_kubeconfig "$api_port" "$scratch/tls/ca.crt" "token: first"
put_pod shop load 1 $load n1
put_pod shop web 2 $web n1
put_pod shop app 3 $app n1
put_pod data redis 4 $redis n1
put_pod data sql 5 $sql n1
put_pod tools tool 6 $tool n1
put_pod shop far 7 $far n2

# ---- its network: a namespace for each pod, and a bridge between them ----

new_net() { # sets $net, a process in it
	hold_net "$scratch/net"
	net=$started
}
in_net() { # PID CMD...
	local pid=$1
	shift
	become nsenter --net="/proc/$pid/ns/net" "$@"
}
new_net
hub=$net
(in_net "$hub" ip link add name hub0 type bridge)
(in_net "$hub" ip link set hub0 up)
declare -A net_of
for address in $load $web $app $redis $sql $tool $far $out; do
	new_net
	net_of[$address]=$net
	(in_net "$hub" ip link add name "v$net" type veth peer name eth0 netns "$net")
	(in_net "$hub" ip link set "v$net" master hub0 up)
	(in_net "$net" ip address add "$address/8" dev eth0)
	(in_net "$net" ip link set eth0 up)
	(in_net "$net" ip link set lo up)
done
pod() { # N ADDRESS CMD...: becomes a process of that pod
	local n=$1 address=$2
	shift 2
	in_cgroup "$(pod_cgroup "$(uid "$n")" "$(id "$n")")" nsenter --net="/proc/${net_of[$address]}/ns/net" "$@"
}

# ---- its services ----

start "$scratch/redis.log" pod 4 $redis redis-server --bind $redis --protected-mode no --save '' --daemonize no
data=$scratch/data
install -d -o postgres "$data"
runuser -u postgres -- "${programs[-1]}/initdb" -D "$data" -A trust > "$scratch/initdb.log" 2>&1
echo "host all all 10.0.0.0/8 trust" >> "$data/pg_hba.conf"
start "$scratch/sql.log" pod 5 $sql runuser -u postgres -- "${programs[-1]}/postgres" -D "$data" -c listen_addresses=$sql \
	-c unix_socket_directories="$data"
start "$scratch/app.log" pod 3 $app "$python" "$here/graph_app.py" $app $redis $sql $far $tool $out
start "$scratch/tool.log" pod 6 $tool "$python" "$here/peers_http.py" serve $tool 8080 "$scratch/go"
start "$scratch/far.log" pod 7 $far "$python" "$here/peers_http.py" serve $far 8080 "$scratch/go"
start "$scratch/out.log" in_net "${net_of[$out]}" "$python" "$here/peers_http.py" serve $out 8080 "$scratch/go"
start_nginx "$scratch/web" "upstream app { server $app:8080; keepalive 16; }
	server { listen $web:80; location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ''; } }" \
	pod 2 $web
up() { # ADDRESS PORT
	(in_net "${net_of[$load]}" bash -c "exec 3<> /dev/tcp/$1/$2") 2> /dev/null
}
for at in "$redis 6379" "$sql 5432" "$app 8080" "$tool 8080" "$far 8080" "$out 8080" "$web 80"; do
	# shellcheck disable=SC2086 # two words
	ok "$at is there" wait_for 30 up $at
done
(in_net "${net_of[$load]}" redis-cli -h $redis LPUSH list one) > "$scratch/redis-cli"

# ---- Keyhole, on either node: what is in no pod of its own is not shown ----

cat > "$scratch/config.yml" <<-YAML
	attributes: {kubernetes: {enable: true}, metric_span_names_limit: 4}
	routes: {patterns: [/item/:id, /ask/:who, "/name/:a"], unmatched: path}
	metrics: {features: [application, application_span, application_span_otel, application_span_sizes, application_service_graph, application_host]}
	discovery:
	  default_exclude_services: []
	  instrument: [{k8s_namespace: "*"}]
	  exclude_instrument: [{k8s_namespace: tools}]
	keyhole: {peers: [pods]}
YAML
chmod 644 "$scratch/config.yml"
start_loader
start_collector KUBECONFIG="$scratch/kubeconfig" NODE_NAME=n1 --config "$scratch/config.yml"
here_port=$metrics_port here_metrics=$metrics
mkdir "$scratch/run2"
chgrp 65532 "$scratch/run2"
chmod 2770 "$scratch/run2"
socket=$scratch/run2/loader.sock loader_log=$scratch/loader2.log collector_log=$scratch/collector2.log
metrics_port=$(free_port) metrics=$scratch/metrics2
start_loader
start_collector KUBECONFIG="$scratch/kubeconfig" NODE_NAME=n2 --config "$scratch/config.yml"
there_port=$metrics_port
metrics_port=$here_port metrics=$here_metrics
peers_known() { # PORT
	curl -sf "http://127.0.0.1:$1/metrics" | grep -q '^keyhole_peer_watch_up{source="pods"} 1' &&
		curl -sf "http://127.0.0.1:$1/metrics" | grep -q '^keyhole_kube_watch_up 1'
}
for at in "$here_port" "$there_port"; do
	ok "names are there" wait_for 30 peers_known "$at"
done

start_prometheus "$here_port,$there_port"
edge() { # CLIENT SERVER WHAT TOTAL FAILED TYPE
	local of="client=\"$1\",server=\"$2\""
	asks "$3: its total" "$4" "sum(traces_service_graph_request_total{$of})"
	asks "$3: its failures" "$5" "sum(traces_service_graph_request_failed_total{$of}) or vector(-1)"
	asks "$3: it is one edge of one type" 1 "count(count by (client, client_service_namespace, client_k8s_namespace_name, server,
		server_service_namespace, server_k8s_namespace_name, connection_type, source) (traces_service_graph_request_total{$of,$6,source=\"keyhole\"}))"
}
ends() { # CLIENT SERVER WHAT BY-CLIENT BY-SERVER
	local of="client=\"$1\",server=\"$2\""
	asks "$3: as its client saw it" "$4" "sum(traces_service_graph_request_client_seconds_count{$of}) or vector(0)"
	asks "$3: as its server saw it" "$5" "sum(traces_service_graph_request_server_seconds_count{$of}) or vector(0)"
}

# ---- requests ----

asking() { # N PATH CONNECTIONS
	(pod 1 $load h2load --h1 -n "$1" -c "$3" "http://$web$2") > "$scratch/h2load" 2>&1
}
confirmed() { # names are given: the intake was told that they are current
	asking 1 /confirm 1
	wait_for 5 query_is 1 'count(traces_service_graph_request_server_seconds_count{client="load",server="web"})'
}
scenario "the first names"
ok "a request is on its edge" wait_for 30 confirmed
stop_count() { # what was there before the measurement, by name
	query "sum(traces_service_graph_request_total{client=\"$1\",server=\"$2\"}) or vector(0)"
}
settled() { # more than one may have been asked for, and be on its way
	local was
	was=$(stop_count load web)
	sleep 4
	first=$(stop_count load web)
	[ "$was" = "$first" ]
}
wait_for 60 settled

scenario "requests"
asking 200 /item/1 8
asking 5 /wrong 1
asking 7 /broken 1
asking 11 /ask/0 1
asking 13 /ask/1 1
asking 17 /ask/2 1
all=$((first + 253))
edge load web "load → web" $all 7 'connection_type=""'
ends load web "load → web" $all $all
edge web app "web → app" $all 7 'connection_type=""'
edge app redis "app → redis" 205 5 'connection_type="database"'
ends app redis "app → redis" 205 205
edge app sql "app → sql" 200 0 'connection_type="database"'
edge app far "app → far, another node" 11 0 'connection_type=""'
ends app far "app → far, another node" 11 11
edge app tool "app → tool, which nobody looks at" 13 0 'connection_type="virtual_node"'
ends app tool "app → tool, which nobody looks at" 13 0
ends app outgoing "app → an address of nobody" 17 0
asks "an address of nobody has no total" nothing 'sum(traces_service_graph_request_total{server="outgoing"})'
for _ in {1..3}; do
	(in_net "${net_of[$out]}" curl -s -o /dev/null "http://$web/in")
done
edge incoming web "a client of nobody → web" 3 0 'connection_type=""'
asks "far's is counted on its own node" 11 "sum(traces_service_graph_request_total{client=\"app\",server=\"far\",instance=\"127.0.0.1:$there_port\"})"
asks "and on no other" 1 'count(traces_service_graph_request_total{client="app",server="far"})'
asks "no edge has an address" nothing 'sum(traces_service_graph_request_total{client=~"[0-9.]+"} or traces_service_graph_request_total{server=~"[0-9.]+"})'
asks "namespaces are those of the ends" 205 'sum(traces_service_graph_request_total{client_service_namespace="shop",
	client_k8s_namespace_name="shop",server_service_namespace="data",server_k8s_namespace_name="data",server="redis"})'

scenario "spans as metrics"
asks "web's spans of items" 200 'sum(traces_spanmetrics_calls_total{service_name="web",span_name="GET /item/:id",span_kind="SPAN_KIND_SERVER"})'
asks "of them, those that failed" 7 'sum(traces_spanmetrics_calls_total{service_name="web",span_kind="SPAN_KIND_SERVER",status_code="STATUS_CODE_ERROR"})'
asks "the later names count the same" 200 'sum(traces_span_metrics_calls_total{service_name="web",span_name="GET /item/:id",span_kind="SPAN_KIND_SERVER"})'
asks "latency has them all" 200 'sum(traces_spanmetrics_latency_count{service_name="web",span_name="GET /item/:id",span_kind="SPAN_KIND_SERVER"})'
asks "so has the duration" 200 'sum(traces_span_metrics_duration_seconds_count{service_name="web",span_name="GET /item/:id",span_kind="SPAN_KIND_SERVER"})'
asks "bytes of answers" 600 'sum(traces_spanmetrics_response_size_total{service_name="app",span_name="GET /item/:id",span_kind="SPAN_KIND_SERVER"})'
asks "Redis as its client sees it" 205 'sum(traces_spanmetrics_calls_total{service_name="app",span_name="GET",span_kind="SPAN_KIND_CLIENT"} or
	traces_spanmetrics_calls_total{service_name="app",span_name="GET list",span_kind="SPAN_KIND_CLIENT"})'
asks "labels of the resource" 1 'count(traces_spanmetrics_calls_total{service_name="redis",span_name="GET",status_code="STATUS_CODE_UNSET",job="data/redis",
	instance=~"data.redis.*",k8s_namespace_name="data",k8s_node_name="n1",source="keyhole"})'
asks "traces_target_info joins by job and instance" 200 'sum(traces_spanmetrics_calls_total{service_name="web",span_name="GET /item/:id",
	span_kind="SPAN_KIND_SERVER"} * on (job, instance) group_left(k8s_deployment_name) traces_target_info{k8s_deployment_name="web",source="keyhole"})'
asks "hosts are counted" 2 'count(count by (grafana_host_id) (traces_host_info))'

scenario "a service of many names"
for n in {1..8}; do
	asking 1 "/other-$n" 1
done
asks "the later ones are AGGREGATED" 2 'count(count by (span_name) (traces_spanmetrics_calls_total{service_name="web",span_name="AGGREGATED"})) +
	count(count by (service_name) (traces_spanmetrics_calls_total{service_name="app",span_name="AGGREGATED"}))'
asks "web has as many names as it may" 5 'count(count by (span_name) (traces_spanmetrics_calls_total{service_name="web"}))'
asks "no request of it is missing" $((all + 3 + 8)) 'sum(traces_spanmetrics_calls_total{service_name="web",span_kind="SPAN_KIND_SERVER"})'
asks "it was counted" 1 'max(keyhole_limit_reached_total{limit="span_names"} > bool 0)'

scenario "the text"
scrape
ok "promtool: check metrics" promtool check metrics < <(grep -v '^traces_spanmetrics_latency\|spanmetrics_latency ' "$metrics")
refused "Prometheus has nothing to complain about" grep -E 'level=(warn|error).*scrape' "$scratch/prometheus.log"
summary
