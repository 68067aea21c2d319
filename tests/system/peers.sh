#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Names for the other end: pods of this node, and where it is asked for pods of others and Services,
# in a network namespace of the test's own, with the addresses of a cluster and kube-proxy's
# translation. An address that goes to another pod, is claimed by two, or is the node's, has none.
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
need "$loader_bin" "$collector_bin" curl openssl ip iptables unshare nsenter "$python"

# ---- the cluster: cart and web are here, far and old are on another node ----

cart=10.77.0.11 web=10.77.0.12 far=10.77.1.13 node=10.77.0.1 cluster_ip=10.96.0.7
# Other uids and ids than another test's: their cgroups would be the same.
uid() { # N: a pod's uid
	printf '0b0e0e05-%04d-4000-8000-%012d' "$1" "$1"
}
id() { # N: a container's id
	printf '%064x' $((0xbee000 + $1))
}
api() { # METHOD PATH [JSON]: the stand-in's controls
	curl -sf --cacert "$scratch/tls/ca.crt" -X "$1" "https://127.0.0.1:$api_port/control/$2" ${3:+-d "$3"} -o /dev/null
}
asked_for() { # BEGINNING-OF-PATH: how often the API was
	curl -sf --cacert "$scratch/tls/ca.crt" "https://127.0.0.1:$api_port/control/state" | grep -cF "\"$1" || true
}
put_pod() { # NAMESPACE NAME N OWNER ADDRESS NODE [AGE]: its container started AGE seconds ago
	"$python" -B - "$@" > "$scratch/pod.json" <<-PYTHON
		import sys, json, time
		sys.path.insert(0, "$here")
		from fake_apiserver import make_pod
		namespace, name, n, owner, address, node = sys.argv[1:7]
		age = int((sys.argv + ["3600"])[7])
		n = int(n)
		pod = make_pod(namespace, name, uid="0b0e0e05-%04d-4000-8000-%012d" % (n, n), node=node,
		               owner=("Deployment", owner), labels={"example.org/app": owner + "-app"}, ip=address, host_network=address == "$node",
		               containers=[("main", "%064x" % (0xbee000 + n))])
		at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - age))
		pod["status"]["containerStatuses"][0]["state"] = {"running": {"startedAt": at}}
		print(json.dumps(pod))
	PYTHON
	api POST pods "@$scratch/pod.json"
}

api_port=$(free_port)
start "$scratch/api.log" "$python" -B "$here/fake_apiserver.py" --token first --tls "$scratch/tls" --port "$api_port" \
	--bookmark-seconds 5
wait_for 30 listening "$api_port"
chmod 755 "$scratch/tls"
write_kubeconfig "$api_port" "$scratch/tls/ca.crt" "token: first"
put_pod shop cart-6d4cf56db6-x2x4z 1 cart $cart n1
put_pod default web-7f8b9c6d5-abcde 2 web $web n1
put_pod default far-5c9f8d7b6-rrrrr 3 far $far n2
put_pod kube-system proxy-zz9pz 4 proxy $node n2
api POST services "{\"namespace\": \"shop\", \"name\": \"basket\", \"ips\": [\"$cluster_ip\"]}"

# ---- its network: all pods' addresses on one lo, the ClusterIP on none ----

hold_net "$scratch/net"
net=$started
in_net() { # CMD...
	become nsenter --net="/proc/$net/ns/net" "$@"
}
(in_net ip link set lo up)
for address in $cart $web $far $node; do
	(in_net ip address add "$address/32" dev lo)
done
(in_net ip route add "$cluster_ip/32" dev lo)
if ! (in_net iptables -w 10 -t nat -A OUTPUT -d $cluster_ip -p tcp --dport 80 -j DNAT --to "$cart:8080"); then
	skip "Services" "this kernel cannot translate addresses"
	summary
	exit
fi
for address in $cart $far $node; do
	start "$scratch/server" in_cgroup "$(pod_cgroup "$(uid 1)" "$(id 1)")" nsenter --net="/proc/$net/ns/net" \
		"$python" "$here/peers_http.py" serve "$address" 8080 "$scratch/go"
done
serves() { # ADDRESS
	(in_net "$python" "$here/peers_http.py" ask $web "$1" 8080 1 /)
}

# web asks: N requests, of which the client's series are looked for by the port that is told.
asks() { # N ADDRESS PORT [HOST]
	(in_cgroup "$(pod_cgroup "$(uid 2)" "$(id 2)")" nsenter --net="/proc/$net/ns/net" \
		"$python" "$here/peers_http.py" ask $web "$2" "$3" "$1" / ${4:+"$4"})
}
# They are seen under this name, and of these requests none under another.
is_called() { # TEST-NAME NAME ADDRESS PORT [HOST]
	local before all
	before=$(now_sum http_client_request_duration_seconds_count 'k8s_deployment_name="web"' "server_address=\"$2\"")
	all=$(now_sum http_client_request_duration_seconds_count 'k8s_deployment_name="web"')
	asks 3 "$3" "$4" "${@:5}"
	wait_for 20 reached $((all + 3)) http_client_request_duration_seconds_count 'k8s_deployment_name="web"' || true
	is "$1" "$(now_sum http_client_request_duration_seconds_count 'k8s_deployment_name="web"' "server_address=\"$2\"")" $((before + 3))
}

collect() { # YAML [NAME=VALUE...]
	[ "$collector" = 0 ] || stop "$collector"
	printf '%s\n' "$1" > "$scratch/config.yml"
	: > "$collector_log"
	start_collector KUBECONFIG="$scratch/kubeconfig" NODE_NAME=n1 "${@:2}" --config "$scratch/config.yml"
	wait_for 30 confirmed
}
# Names are given: the watches are current, and the intake was told.
confirmed() {
	local before
	before=$(now_sum keyhole_peer_lookups_total 'result="named"')
	asks 1 $cart 8080
	wait_for 4 reached $((before + 1)) keyhole_peer_lookups_total 'result="named"' || return 1
	[ "$(now_sum keyhole_peer_watch_up)" = "$(metric_count "$metrics" keyhole_peer_watch_up)" ]
}
lookups() { # RESULT
	now_sum keyhole_peer_lookups_total "result=\"$1\""
}

start_loader
for address in $cart $far $node; do
	ok "a server at $address answers" wait_for 10 serves "$address"
done

# ---- without the option: this node's pods alone ----

kube='attributes: {kubernetes: {enable: true}}
discovery: {default_exclude_services: []}'
collect "$kube"
is_called "by default: a pod of this node" cart.shop $cart 8080
is_called "by default: a pod of another node is its address" $far $far 8080
is_called "by default: a Service is its address" $cluster_ip $cluster_ip 80
is_called "the Host field goes before the address" shop.example $cart 8080 shop.example
is_called "a Host field that is but the address does not" cart.shop $cart 8080 $cart:8080
is_called "a Host field that is another address does" 192.0.2.9 $cart 8080 192.0.2.9
is "by default: nobody asked for Services" "$(asked_for /api/v1/services)" 0
is "by default: nobody asked for pods of other nodes" "$(asked_for '/api/v1/pods?fieldSelector=spec.nodeName%21')" 0

# ---- with it: both sides of the translation have names ----

collect "$kube
keyhole: {peers: [services, pods]}"
is_called "a Service, by the address that was connected to" basket.shop $cluster_ip 80
is_called "a pod of another node" far.default $far 8080
is_called "a pod of this node" cart.shop $cart 8080
is_called "an address of the host's network is nobody's" $node $node 8080
is "the peers that are known" "$(now_sum keyhole_peers 'source="pods"') $(now_sum keyhole_peers 'source="services"')" "1 1"

collect 'attributes:
  kubernetes: {enable: true}
  select: {http_server_request_duration: {include: [client.address, k8s.deployment.name]}}
discovery: {default_exclude_services: []}
filter: {application: {server.address: {not_match: "far.*"}}}
keyhole: {peers: [services, pods]}'
behind() {
	now_sum http_server_request_duration_seconds_count 'client_address="web.default"' 'k8s_deployment_name="cart"'
}
before=$(behind)
is_called "a Service, with the clients' names asked for" basket.shop $cluster_ip 80
wait_for 20 reached $((before + 3)) http_server_request_duration_seconds_count 'client_address="web.default"' 'k8s_deployment_name="cart"' || true
is "the server behind it sees the client's pod by its name" "$(behind)" $((before + 3))
asks 1 $far 8080
is_called "requests after one that a filter takes away" cart.shop $cart 8080
is "a filter takes peers away by their names" \
	"$(now_sum http_client_request_duration_seconds_count 'server_address="far.default"')" 0
collect "$kube
keyhole: {peers: [services, pods]}"

# ---- an address goes on ----

called() { # NAME ADDRESS [PORT]: one request is seen under that name
	local before
	before=$(now_sum http_client_request_duration_seconds_count "server_address=\"$1\"")
	asks 1 "$2" "${3:-8080}"
	wait_for 3 reached $((before + 1)) http_client_request_duration_seconds_count "server_address=\"$1\""
}
under_old_name() {
	now_sum http_client_request_duration_seconds_count 'server_address="far.default"'
}

start "$scratch/long" in_cgroup "$(pod_cgroup "$(uid 2)" "$(id 2)")" nsenter --net="/proc/$net/ns/net" \
	"$python" "$here/peers_http.py" ask $web $far 8080 1 /wait
long=$started
connected() {
	nsenter --net="/proc/$net/ns/net" cat /proc/net/tcp | grep -q ' 0D014D0A:1F90 0C004D0A:.* 01 '
}
ok "a long request is under way" wait_for 20 connected
sleep 2 # and was sent, more than the second before the new pod that its start, in whole seconds, may seem earlier
api DELETE pods/default/far-5c9f8d7b6-rrrrr
ok "a deleted pod's address has no name" wait_for 30 called $far $far
before=$(settled_sum http_client_request_duration_seconds_count 'server_address="far.default"') # until this was known
put_pod shop order-5d8f8d7b6-sssss 5 order $far n2 0
ok "a new pod with that address gives it its name" wait_for 30 called order.shop $far
touch "$scratch/go"
ok "the long request ends" wait_for 20 stopped "$long"
wait_for 20 reached $((before + 1)) http_client_request_duration_seconds_count 'server_address="far.default"' || true
is "the one that began before has the old name, no other has" "$(under_old_name)" $((before + 1))
is_called "all others have the new one" order.shop $far 8080
within "lookups for another time were counted" "$(lookups other_time)" 1 1000

put_pod shop twin-5d8f8d7b6-ttttt 6 twin $far n2
ok "an address that two claim has no name" wait_for 30 called $far $far
within "they were counted" "$(lookups ambiguous)" 1 1000
api DELETE pods/shop/twin-5d8f8d7b6-ttttt
ok "once one of them is gone it is the other's again" wait_for 30 called order.shop $far

# ---- the watch is lost ----

api POST mode '{"mode": "down"}'
ok "without a watch, nothing that is new has a name" wait_for 40 called $far $far
within "that was counted" "$(lookups stale)" 1 10000
api POST mode '{"mode": "ok"}'
# once the API has said something: a bookmark, if nothing happens
ok "with it again, it has" wait_for 60 called order.shop $far

# ---- the right is missing ----

api POST mode '{"mode": "403"}'
stop "$collector"
: > "$collector_log"
start_collector KUBECONFIG="$scratch/kubeconfig" NODE_NAME=n1 --config "$scratch/config.yml"
says "403: the rule for Services is named" "$collector_log" 'Services: forbidden: .*missing rule .* on resource "services"'
says "403: and that for pods" "$collector_log" 'pods not of n1: forbidden: .*missing rule .* on resource "pods"'
api POST mode '{"mode": "ok"}'
ok "403: with the right, there are names" wait_for 60 called order.shop $far
# each watch tries again in a time of its own
ok "403: and those of Services" wait_for 60 called basket.shop $cluster_ip 80

# ---- other labels give names, from a reload on ----

printf '%s\n' 'attributes: {kubernetes: {enable: true, resource_labels: {service.name: [example.org/app]}}}' \
	'discovery: {default_exclude_services: []}' 'keyhole: {peers: [services, pods]}' > "$scratch/config.yml"
kill -HUP "$collector"
ok "a reload: a pod of another node has its name by another label" wait_for 20 called order-app.shop $far
ok "a reload: and one of this node" wait_for 20 called cart-app.shop $cart
is_called "a reload: a Service is what it was" basket.shop $cluster_ip 80

# ---- Beyla's keys take away what was asked for ----

stop "$collector"
collector=0
services_before=$(asked_for /api/v1/services)
elsewhere_before=$(asked_for '/api/v1/pods?fieldSelector=spec.nodeName%21')
within "that the API was asked shows here" "$services_before" 2 1000
within "that the API was asked shows here: for pods" "$elsewhere_before" 2 1000
collect 'attributes: {kubernetes: {enable: true, disable_informers: [service, node], meta_restrict_local_node: true}}
discovery: {default_exclude_services: []}
keyhole: {peers: [services, pods]}'
is_called "disable_informers: a Service is its address" $cluster_ip $cluster_ip 80
is_called "meta_restrict_local_node: a pod of another node is its address" $far $far 8080
is_called "and this node's pods are named" cart.shop $cart 8080
is "disable_informers: nobody asked for Services" "$(asked_for /api/v1/services)" "$services_before"
is "meta_restrict_local_node: nobody asked for pods of other nodes" \
	"$(asked_for '/api/v1/pods?fieldSelector=spec.nodeName%21')" "$elsewhere_before"

is "no exchange was lost in the kernel" "$(now_sum keyhole_bpf_exchange_drops_total)" 0
summary
