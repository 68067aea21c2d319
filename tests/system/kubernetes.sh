#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# From a process to its pod's names: an API server's stand-in over TLS, processes in cgroups as
# the kubelet and runc make them, and what happens when the API is late, down, wrong or refuses.
# As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/agent.bash"
# shellcheck source-path=SCRIPTDIR source=cluster.bash
. "$(dirname "${BASH_SOURCE[0]}")/cluster.bash"
here=$(dirname "${BASH_SOURCE[0]}")
need_root
need "$loader_bin" "$collector_bin" "$traffic_bin" curl busybox openssl "$python"

# ---- the cluster ----

uid() { # N: a pod's uid
	printf '0a0b0c0d-%04d-4000-8000-%012d' "$1" "$1"
}
id() { # N: a container's id
	printf '%064x' $((0xabc000 + $1))
}
api() { # METHOD PATH [JSON]: the stand-in's controls
	curl -sf --cacert "$scratch/tls/ca.crt" -X "$1" "https://127.0.0.1:$api_port/control/$2" ${3:+-d "$3"} -o /dev/null
}
mode() { # MODE of the API
	api POST mode "{\"mode\": \"$1\"}"
}

api_port=$(free_port) api_version=1000
static_hash=0123456789abcdef0123456789abcdef
start "$scratch/api.log" "$python" "$here/fake_apiserver.py" --token first --tls "$scratch/tls" --port "$api_port" \
	--pod "namespace=default,name=web-6d4cf56db6-x2x4z,uid=$(uid 1),node=n1,owner=Deployment/web,container=nginx:$(id 1)" \
	--pod "namespace=default,name=api-7f8b9c6d5-abcde,uid=$(uid 2),node=n1,owner=Deployment/api,container=app:$(id 2),container=proxy:$(id 3),label=app.kubernetes.io/version:1.2" \
	--pod "namespace=default,name=agent-zz9pz,uid=$(uid 4),node=n1,owner=DaemonSet/agent,container=agent:$(id 4)" \
	--pod "namespace=default,name=etcd-n1,uid=$(uid 5),node=n1,owner=Node/n1,container=etcd:$(id 5),annotation=kubernetes.io/config.hash:$static_hash,annotation=kubernetes.io/config.mirror:$static_hash" \
	--pod "namespace=shop,name=cart-5c9f8d7b6-qqqqq,uid=$(uid 6),node=n1,owner=Deployment/cart,container=cart:$(id 6)" \
	--pod "namespace=default,name=far-5c9f8d7b6-rrrrr,uid=$(uid 7),node=n2,owner=Deployment/far,container=far:$(id 7)"
api_pid=$started
wait_for 30 listening "$api_port"

make_account first

write_kubeconfig "$api_port" "$scratch/tls/ca.crt" "token: first"
chmod 755 "$scratch/tls"

# The collector, with that cluster and a configuration given as text.
collect() { # YAML in_cluster|kubeconfig [NAME=VALUE...]
	local yaml=$1 how=$2 where=(KUBECONFIG="$scratch/kubeconfig" NODE_NAME=n1)
	shift 2
	[ "$collector" = 0 ] || stop "$collector"
	printf '%s\n' "$yaml" > "$scratch/config.yml"
	: > "$collector_log"
	if [ "$how" = in_cluster ]; then
		start "$collector_log" in_cluster 127.0.0.1 "$api_port" n1 env KEYHOLE_LISTEN_ADDRESS=127.0.0.1 \
			KEYHOLE_PROMETHEUS_PORT="$metrics_port" KEYHOLE_LOADER_SOCKET="$socket" "$@" \
			"$collector_bin" --config "$scratch/config.yml"
	else
		start "$collector_log" run_collector "${where[@]}" "$@" --config "$scratch/config.yml"
	fi
	collector=$started
	wait_for 20 grep -q 'connected to loader' "$collector_log" && wait_for 30 serving
}

synced() {
	[ "$(now_sum keyhole_kube_watch_up)" = 1 ]
}

# ---- the pods' traffic: N requests to a port of its own, all from within the pod ----

in_pod() { # N UID CONTAINER [QOS]
	local n=$1 path
	shift
	path=$(pod_cgroup "$@")
	port=$(free_port)
	start "$scratch/traffic" in_cgroup "$path" "$traffic_bin" write --port "$port" --requests "$n"
}

# Every one of the server's requests at $port has these labels.
named() { # TEST-NAME N LABEL...
	local test=$1 n=$2
	shift 2
	served "$test" "$n" "$port" "$@"
	is "$test (and no other series)" "$(metric_count "$metrics" http_server_request_duration_seconds_count "server_port=\"$port\"")" 1
}

every='attributes: {kubernetes: {enable: true}}
discovery: {default_exclude_services: []}
prometheus_export: {ttl: 0}
keyhole: {waiting_room: {timeout: 12s}}'

start_loader
collect "$every" in_cluster
ok "in a cluster: the pods come by list and watch, over TLS, by the account's token" wait_for 30 synced
is "only this node's pods" "$(now_sum keyhole_kube_pods)" 5

in_pod 11 "$(uid 1)" "$(id 1)"
named "Deployment: namespace, names and node" 11 'k8s_namespace_name="default"' 'k8s_deployment_name="web"' \
	'k8s_pod_name="web-6d4cf56db6-x2x4z"' 'k8s_container_name="nginx"' 'k8s_node_name="n1"' \
	'k8s_replicaset_name="web-6d4cf56db6"' "k8s_pod_uid=\"$(uid 1)\"" 'k8s_owner_name="web"' 'k8s_kind="Deployment"'
named "Deployment: it is the service" 11 'service_name="web"' 'service_namespace="default"'
made "Deployment: its client has its names too" 11 "$port" 'k8s_deployment_name="web"' 'k8s_pod_name="web-6d4cf56db6-x2x4z"'
in_pod 12 "$(uid 2)" "$(id 2)" burstable
named "two containers: the first" 12 'k8s_deployment_name="api"' 'k8s_container_name="app"'
in_pod 13 "$(uid 2)" "$(id 3)" burstable
named "two containers: the second" 13 'k8s_deployment_name="api"' 'k8s_container_name="proxy"'
in_pod 14 "$(uid 4)" "$(id 4)" guaranteed
named "DaemonSet" 14 'k8s_daemonset_name="agent"' 'k8s_pod_name="agent-zz9pz"' 'k8s_kind="DaemonSet"' 'service_name="agent"'
refused "a DaemonSet's pod has no Deployment" grep -q "server_port=\"$port\".*k8s_deployment_name=\"[^\"]" "$metrics"
in_pod 15 "$static_hash" "$(id 5)" burstable
named "static pod: by its configuration's hash" 15 'k8s_pod_name="etcd-n1"' 'k8s_container_name="etcd"'
in_pod 16 "$(uid 6)" "$(id 6)"
named "another namespace" 16 'k8s_namespace_name="shop"' 'k8s_deployment_name="cart"'

# ---- late, never, and not ours ----

in_pod 17 "$(uid 20)" "$(id 20)"
late=$port
in_pod 18 "$(uid 21)" "$(id 21)"
never=$port
wait_for 9 reached 70 keyhole_waiting_records || true
served "nothing is shown of a pod that is not known yet" 0 "$late"
within "its requests wait" "$(now_sum keyhole_waiting_records)" 70 1000
api POST pods "{\"namespace\": \"default\", \"name\": \"late-1\", \"uid\": \"$(uid 20)\", \"node\": \"n1\", \"containers\": [[\"late\", \"$(id 20)\"]]}"
port=$late
named "a pod that the API knows late: its first requests have its names" 17 \
	'k8s_pod_name="late-1"' 'k8s_container_name="late"' 'k8s_namespace_name="default"'
wait_for 30 reached 18 http_server_request_duration_seconds_count "server_port=\"$never\""
port=$never
named "a pod that nobody knows: shown after the time-out" 18
refused "a pod that nobody knows: without a name" grep -q "server_port=\"$never\".*k8s_pod_name=\"[^\"]" "$metrics"
is "nothing waits any more" "$(now_sum keyhole_waiting_records)" 0
within "that limit is counted" "$(now_sum keyhole_limit_reached_total 'limit="waiting_time"')" 1 10

# ---- the token is renewed, the API refuses or talks nonsense ----

trouble() { # TEST-NAME MODE LOG-REGEX
	local before
	before=$(now_sum keyhole_kube_requests_total 'result="fault"')
	mode down # ends the watch, which would not notice some of these
	wait_for 20 reached $((before + 1)) keyhole_kube_requests_total 'result="fault"'
	mode "$2"
	ok "$1: it is counted" wait_for 20 reached $((before + 2)) keyhole_kube_requests_total 'result="fault"'
	says "$1: it is said" "$collector_log" "$3"
	in_pod 5 "$(uid 1)" "$(id 1)"
	named "$1: what is known goes on to name" 5 'k8s_deployment_name="web"'
	mode ok
	ok "$1: then all is well again" wait_for 40 synced
}
short='attributes: {kubernetes: {enable: true, reconnect_initial_interval: 200ms}}
discovery: {default_exclude_services: []}'
collect "$short" in_cluster
wait_for 30 synced
trouble "500" 500 'warn kube: .*500'
trouble "garbage" garbage 'warn kube: .*: garbage: '
trouble "429" 429 'warn kube: .*429'

for refusal in 401 403 garbage; do
	mode $refusal
	collect "$short" in_cluster
	says "$refusal at the start: it is said" "$collector_log" 'warn kube: '
	is "$refusal at the start: not ready, but alive" \
		"$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$metrics_port/readyz")" 503
	mode ok
	ok "$refusal at the start: then it is well" wait_for 30 synced
done
in_pod 6 "$(uid 1)" "$(id 1)"
named "after all that: names" 6 'k8s_deployment_name="web"'

# The server takes only the new token, on the same port.
restart_api() { # TOKEN
	stop "$api_pid"
	# of a version that is newer than what a collector saw: an etcd does not go back either
	start "$scratch/api.log" "$python" "$here/fake_apiserver.py" --token "$1" --tls "$scratch/tls" --port "$api_port" \
		--version $((api_version += 1000)) --pod "namespace=default,name=web-6d4cf56db6-x2x4z,uid=$(uid 1),node=n1,owner=Deployment/web,container=nginx:$(id 1)"
	api_pid=$started
	wait_for 30 listening "$api_port"
}

before=$(now_sum keyhole_kube_requests_total 'result="fault"')
restart_api second
ok "a token that ran out: the API refuses" wait_for 20 reached $((before + 1)) keyhole_kube_requests_total 'result="fault"'
renew_account second
ok "token and CA are read anew" wait_for 40 synced
in_pod 7 "$(uid 1)" "$(id 1)"
named "with the new token: names" 7 'k8s_deployment_name="web"'
ok "with the new token: the pods are listed anew" wait_for 10 reached 2 keyhole_kube_requests_total 'result="list"'

# ---- the API is down when the collector starts ----

stop "$api_pid"
sed -i 's/token: first/token: third/' "$scratch/kubeconfig"
collect "$short"'
keyhole: {waiting_room: {timeout: 1s}}' kubeconfig
in_pod 8 "$(uid 1)" "$(id 1)"
says "no API at the start: it is said" "$collector_log" 'warn kube: .*what is known so far is kept'
wait_for 25 reached 8 http_server_request_duration_seconds_count "server_port=\"$port\""
named "no API at the start: exports go on, without names" 8
refused "no API at the start: no names" grep -q "server_port=\"$port\".*k8s_pod_name=\"[^\"]" "$metrics"
restart_api third
ok "with a kubeconfig: then the API is there" wait_for 40 synced
in_pod 9 "$(uid 1)" "$(id 1)"
named "and the names with it" 9 'k8s_deployment_name="web"' 'k8s_pod_name="web-6d4cf56db6-x2x4z"'

# ---- who is shown ----

for pod in "default agent-zz9pz 4 DaemonSet agent" "shop cart-5c9f8d7b6-qqqqq 6 Deployment cart"; do
	read -r space name n kind owner <<< "$pod"
	api POST pods "{\"namespace\": \"$space\", \"name\": \"$name\", \"uid\": \"$(uid "$n")\", \"node\": \"n1\",
		\"owner\": [\"$kind\", \"$owner\"], \"containers\": [[\"$owner\", \"$(id "$n")\"]]}"
done
cp "$traffic_bin" "$scratch/plain-traffic"
web_port=$(free_port)

# Of four ports: which have been seen.
seen_of() { # PORT...
	local names=(web agent cart plain) said=
	scrape || return
	for port; do
		[ "$(metric_sum "$metrics" http_server_request_duration_seconds_count "server_port=\"$port\"")" = 0 ] ||
			said+=" ${names[0]}"
		names=("${names[@]:1}")
	done
	shown_ones=${said# }
}
become_seen() { # WHO PORT...
	seen_of "${@:2}" && [ "$shown_ones" = "$1" ]
}

# Four servers answer one request each; sets shown_ones to those which are seen: WHO, and nobody later.
shown() { # WHO YAML [NAME=VALUE...]
	local ports=() players=() who=$1
	shift
	collect "$1" kubeconfig "${@:2}" || { echo "no collector"; return; }
	wait_for 30 synced || true
	in_pod 1 "$(uid 4)" "$(id 4)"
	ports[1]=$port players+=("$started")
	in_pod 1 "$(uid 6)" "$(id 6)"
	ports[2]=$port players+=("$started")
	ports[3]=$(free_port)
	start "$scratch/traffic" "$scratch/plain-traffic" write --port "${ports[3]}" --requests 1
	players+=("$started")
	ports[0]=$web_port
	start "$scratch/traffic" in_cgroup "$(pod_cgroup "$(uid 1)" "$(id 1)")" "$traffic_bin" write --port "$web_port" --requests 1
	for started in "${players[@]}" "$started"; do
		wait_for 30 stopped "$started"
	done
	wait_for 20 become_seen "$who" "${ports[@]}" || true
	sleep 0.7
	seen_of "${ports[@]}"
}
shows() { # TEST-NAME WHO YAML [NAME=VALUE...]
	local shown_ones=
	shown "${@:2}"
	is "$1" "$shown_ones" "$2"
}

kube='attributes: {kubernetes: {enable: true}}'
shows "without discovery: all" "web agent cart plain" "$kube"
shows "services: k8s_namespace" "web agent" "$kube
discovery: {services: [{k8s_namespace: ^default\$}]}"
shows "services: k8s_deployment_name" "cart" "$kube
discovery: {services: [{k8s_deployment_name: ca.t}]}"
shows "services: k8s_daemonset_name" "agent" "$kube
discovery: {services: [{k8s_daemonset_name: .}]}"
shows "services: both fields of an entry have to match" "" "$kube
discovery: {services: [{k8s_namespace: shop, k8s_daemonset_name: .}]}"
shows "instrument: globs" "web cart" "$kube
discovery: {instrument: [{k8s_deployment_name: '{web,c*}'}]}"
shows "services: exe_path" "plain" "$kube
discovery: {services: [{exe_path: plain-}]}"
open_port=$(free_port)
shows "services: open_ports: none of these" "" "$kube
discovery: {services: [{open_ports: '80,$open_port'}]}"
start "$scratch/server.log" in_cgroup "$(pod_cgroup "$(uid 1)" "$(id 1)")" "$python" "$here/handlers.py" "$open_port"
wait_for 30 listening "$open_port"
ask 4 "http://127.0.0.1:$open_port/"
served "services: open_ports: but who listens there" 4 "$open_port" 'k8s_deployment_name="web"'
shows "services: open_ports: who listened before, and whose parent did" "web" "$kube
discovery: {services: [{open_ports: $web_port}]}"
within "what is not shown is counted" "$(now_sum keyhole_records_dropped_total 'reason="not_selected"')" 3 1000000
shows "exclude_services: what is left" "web plain" "$kube
discovery: {exclude_services: [{k8s_daemonset_name: .}, {k8s_namespace: shop}]}"

# ---- the talk's example, word for word ----

values='config:
  data:
    attributes:
      kubernetes:
        enable: true
    prometheus_export:
      port: 9090
      path: /metrics
    discovery:
      services:
        - k8s_namespace: default
          k8s_deployment_name: .
        - k8s_namespace: default
          k8s_daemonset_name: .'
if listening 9090; then
	skip "values.yml" "something listens on port 9090"
else
	usual_port=$metrics_port metrics_port=9090
	shows "values.yml, as it is: default's Deployments and DaemonSets, at :9090/metrics" "web agent" \
		"$values" KEYHOLE_PROMETHEUS_PORT=
	shows "values.yml, only what stands in config.data" "web agent" \
		"$(sed -n 's/^    //p' <<< "$values")" KEYHOLE_PROMETHEUS_PORT=
	refused "values.yml: no warning is due" grep -q warn "$collector_log"
	metrics_port=$usual_port
fi

# ---- attributes of the pod's own ----

collect 'attributes:
  kubernetes: {enable: true, resource_labels: {tier: [no.such, example.org/tier]}}
  extra_group_attributes: {k8s_app_meta: [team, tier]}
  select: {http_server_request_body_size: {exclude: [k8s.pod.*, instance]}}
prometheus_export: {extra_resource_attributes: [deployment.environment]}
filter: {application: {k8s_pod_name: {match: "noted-*"}}}' kubeconfig
wait_for 30 synced
api POST pods "{\"namespace\": \"shop\", \"name\": \"noted-1\", \"uid\": \"$(uid 30)\", \"node\": \"n1\",
	\"owner\": [\"Deployment\", \"noted\"], \"containers\": [[\"noted\", \"$(id 30)\"]],
	\"labels\": {\"example.org/tier\": \"front\"}, \"annotations\":
	{\"resource.opentelemetry.io/deployment.environment\": \"staging\", \"resource.opentelemetry.io/team\": \"blue\"}}"
in_pod 7 "$(uid 30)" "$(id 30)"
named "an annotation that was asked for is a label" 7 'team="blue"' 'k8s_pod_name="noted-1"'
named "a label that resource_labels names is one" 7 'tier="front"' 'k8s_pod_name="noted-1"'
is "and on target_info, with what was asked for there" "$(metric_count "$metrics" target_info 'team="blue"' 'deployment_environment="staging"' \
	'k8s_pod_name="noted-1"')" 1
is "which is nowhere else" "$(grep -c '^http.*deployment_environment' "$metrics" || true)" 0
is "labels that a metric shall not have" "$(metric_count "$metrics" http_server_request_body_size_bytes_count 'k8s_deployment_name="noted"' k8s_pod_)" 0
is "labels that it has" "$(metric_sum "$metrics" http_server_request_body_size_bytes_count 'k8s_deployment_name="noted"' 'team="blue"')" 7
in_pod 8 "$(uid 1)" "$(id 1)"
served "filter.application knows pods" 0 "$port"
wait "$started" || true # what it sends is the next collector's, else
ok "and counts what it stops" wait_for 20 reached 8 keyhole_records_dropped_total 'reason="filtered"'
sleep 0.15 # what the scrape itself sends is this collector's too, not the next one's

# ---- routes ----

collect "$kube
routes: {patterns: ['/write/:number'], ignored_patterns: [/fresh/*], unmatched: heuristic}" kubeconfig
wait_for 30 synced
in_pod 6 "$(uid 1)" "$(id 1)"
named "routes: a pattern stands for all its paths" 6 'http_route="/write/:number"' 'k8s_deployment_name="web"'

# ---- a container made by a real runtime ----

if command -v runc > /dev/null && [ "$(cgroup_shape)" != v1 ]; then
	mkdir -p "$scratch/bundle/rootfs/bin" "$scratch/bundle/rootfs/www" "$scratch/bundle/rootfs/"{proc,dev,sys}
	cp "$(command -v busybox)" "$scratch/bundle/rootfs/bin/busybox"
	echo hello > "$scratch/bundle/rootfs/www/index.html"
	port=$(free_port)
	for root in $(cgroup_roots); do
		make_cgroup "$root" "/kubepods/besteffort/pod$(uid 9)"
	done
	(cd "$scratch/bundle" && runc spec && "$python" - "$port" "/kubepods/besteffort/pod$(uid 9)/$(id 9)" <<-'PYTHON'
		import json, sys
		spec = json.load(open("config.json"))
		spec["process"]["terminal"] = False
		# it ends by itself, whatever becomes of this test
		spec["process"]["args"] = ["/bin/busybox", "timeout", "60", "/bin/busybox", "httpd", "-f", "-p", sys.argv[1], "-h", "/www"]
		spec["linux"]["cgroupsPath"] = sys.argv[2]
		spec["linux"]["namespaces"] = [n for n in spec["linux"]["namespaces"] if n["type"] not in ("network", "cgroup")]
		json.dump(spec, open("config.json", "w"))
	PYTHON
	)
	api POST pods "{\"namespace\": \"default\", \"name\": \"real-1\", \"uid\": \"$(uid 9)\", \"node\": \"n1\",
		\"owner\": [\"StatefulSet\", \"real\"], \"containers\": [[\"httpd\", \"$(id 9)\"]]}"
	start "$scratch/runc.log" runc --root "$scratch/runc" run --bundle "$scratch/bundle" "$(id 9)"
	if wait_for 30 listening "$port"; then
		curl -s -o /dev/null "http://127.0.0.1:$port/?[1-10]"
		named "runc's container: its pod and container" 10 'k8s_statefulset_name="real"' 'k8s_pod_name="real-1"' \
			'k8s_container_name="httpd"'
	else
		fail "runc's container starts" "$(cat "$scratch/runc.log")"
	fi
	runc --root "$scratch/runc" delete --force "$(id 9)"
else
	skip "runc's container" "runc is not installed"
fi

# ---- the cluster's name, which only the node's labels say ----

api POST nodes '{"name": "n2", "labels": {"alpha.eksctl.io/cluster-name": "elsewhere"}}'
api POST nodes '{"name": "n1"}'
collect "$every" kubeconfig KEYHOLE_CLUSTER_NAME_FROM_NODE=true
ok "the pods are had again" wait_for 30 synced
in_pod 21 "$(uid 1)" "$(id 1)"
named "as long as no label says it: without a cluster's name" 21 'k8s_deployment_name="web"'
refused "as long as no label says it: no other node's" grep -q 'k8s_cluster_name=' "$metrics"
api POST nodes '{"name": "n1", "labels": {"alpha.eksctl.io/cluster-name": "prod-eu"}}'
says "the node's label is found" "$collector_log" "the node's labels name the cluster: .prod-eu"
in_pod 22 "$(uid 1)" "$(id 1)"
named "and names the cluster" 22 'k8s_deployment_name="web"' 'k8s_cluster_name="prod-eu"'
is "the node is asked for, alone, and its metadata only" \
	"$(curl -s --cacert "$scratch/tls/ca.crt" "https://127.0.0.1:$api_port/control/state" | grep -o '/api/v1/nodes?[^" ]*' | grep -vc 'fieldSelector=metadata.name%3Dn1' || true)" 0
collect "$every" kubeconfig
ok "without the option: pods only" wait_for 30 synced
api POST mode '{"mode": "ok"}'

nothing_lost "nothing was lost in all this"
summary
