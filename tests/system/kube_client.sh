#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The collector, in its sandbox, and the API server or kubelet that it asks: which requests it
# makes, over which protocol and address, and what it says when it may not. tests/unit/kube has the
# rest. As root, for its users and mounts; without a loader.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/agent.bash"
# shellcheck source-path=SCRIPTDIR source=cluster.bash
. "$(dirname "${BASH_SOURCE[0]}")/cluster.bash"
here=$(dirname "${BASH_SOURCE[0]}")
need_root
need "$collector_bin" curl openssl node "$python"

serve() { # ADDRESS: an API server of its own for that address
	local host=$1
	api_port=$(free_port)
	[[ $host != *:* ]] || host="[$host]"
	api=https://$host:$api_port
	start "$scratch/api.log" "$python" "$here/fake_apiserver.py" --token good --tls "$scratch/tls" \
		--address "$1" --port "$api_port" \
		--pod "namespace=shop,name=web-6d4cf56db6-x2x4z,uid=u1,node=n1,owner=Deployment/web,container=web:c1" \
		--pod "namespace=shop,name=api-7f8b9c6d5-abcde,uid=u2,node=n1,owner=Deployment/api,container=api:c2" \
		--pod "namespace=shop,name=far-5c9f8d7b6-rrrrr,uid=u3,node=n2,owner=Deployment/far,container=far:c3"
	wait_for 20 control GET state
}
control() { # METHOD PATH [JSON]: the stand-in's controls; prints the answer
	curl -sf --noproxy '*' --cacert "$scratch/tls/ca.crt" -X "$1" "$api/control/$2" ${3:+-d "$3"}
}
requests() { # one on each line
	control GET state | "$python" -c 'import json, sys; print("\n".join(json.load(sys.stdin)["requests"]))'
}
synced() {
	[ "$(now_sum keyhole_kube_watch_up)" = 1 ]
}

# A collector as in a pod, that asks ADDRESS:PORT.
ask_from() { # ADDRESS PORT YAML [NAME=VALUE...]
	local address=$1 port=$2
	printf '%s\n' "$3" > "$scratch/config.yml"
	shift 3
	[ "$collector" = 0 ] || stop "$collector"
	: > "$collector_log"
	start "$collector_log" in_cluster "$address" "$port" n1 env KEYHOLE_LISTEN_ADDRESS=127.0.0.1 \
		KEYHOLE_PROMETHEUS_PORT="$metrics_port" KEYHOLE_LOADER_SOCKET="$socket" "$@" \
		"$collector_bin" --config "$scratch/config.yml"
	collector=$started
	wait_for 20 serving
}

kube='attributes: {kubernetes: {enable: true, reconnect_initial_interval: 50ms}}'
serve 127.0.0.1
make_account good

# ---- streams, lists and watches ----

ask_from 127.0.0.1 "$api_port" "$kube"
ok "the node's pods are streamed" wait_for 30 synced
is "only this node's" "$(now_sum keyhole_kube_pods)" 2
is "in one request, which is the watch as well" "$(requests | wc -l)" 1
ok "it asks for its node" grep -q '^/api/v1/pods?fieldSelector=spec.nodeName%3Dn1&watch=1&.*sendInitialEvents=true' <(requests)
control POST pods '{"namespace": "shop", "name": "new", "uid": "u4", "node": "n1"}' > /dev/null
ok "a new pod is seen" wait_for 20 reached 3 keyhole_kube_pods

control POST settings '{"watch_list": "off"}' > /dev/null
ask_from 127.0.0.1 "$api_port" "$kube"
ok "without streams: a list, then a watch" wait_for 30 synced
says "without streams: it is said" "$collector_log" 'info kube: .*no streaming lists'
ok "without streams: the list is one of any version" grep -q '^/api/v1/pods?fieldSelector=[^&]*&limit=250&resourceVersion=0$' <(requests)
is "every request was for the node's pods" "$(requests | grep -cv '^/api/v1/pods?fieldSelector=spec.nodeName%3Dn1&')" 0

# ---- the rule that is missing ----

control POST mode '{"mode": "403"}' > /dev/null
ask_from 127.0.0.1 "$api_port" "$kube"
says "403: one line names the rule for the stream" "$collector_log" \
	'warn kube: .*: forbidden: .*missing rule for this service account: verb "watch" on resource "pods" in API group "" at cluster scope'
control POST mode '{"mode": "ok"}' > /dev/null
ok "403: when the rule is there, so are the pods" wait_for 30 synced
is "403: it was said once" "$(grep -c 'missing rule' "$collector_log")" 1

is "403: it is counted by what it is" "$(($(now_sum keyhole_kube_faults_total 'fault="forbidden"') > 0))" 1

# ---- what is too large ----

control POST pods "{\"namespace\": \"shop\", \"name\": \"much\", \"uid\": \"u6\", \"node\": \"n1\",
	\"labels\": {\"app.kubernetes.io/name\": \"$(printf 'x%.0s' {1..1025})\"}, \"containers\": [$(seq -s, 66 | sed 's/[0-9]*/["c&", "i&"]/g')]}" > /dev/null
control POST pods '{"metadata": {"namespace": "shop", "name": "none"}, "spec": {"nodeName": "n1"}, "status": {}}' > /dev/null
ok "a pod without uid: it is counted" wait_for 20 reached 1 keyhole_kube_objects_refused_total
is "containers beyond the limit: they are counted" "$(now_sum keyhole_limit_reached_total 'limit="pod_containers"')" 2
is "a label's value beyond the limit: it is counted" "$(now_sum keyhole_limit_reached_total 'limit="pod_values"')" 1
control DELETE pods/shop/much > /dev/null
control DELETE pods/shop/none > /dev/null
control POST mode '{"mode": "huge"}' > /dev/null
ask_from 127.0.0.1 "$api_port" "$kube"
ok "an object beyond its limit: it is counted" wait_for 20 reached 1 keyhole_limit_reached_total 'limit="object_size"'
control POST mode '{"mode": "ok"}' > /dev/null
ok "an object beyond its limit: then all is well" wait_for 30 synced

# ---- HTTP/2 ----

control POST settings '{"watch_list": "on"}' > /dev/null
front_port=$(free_port)
front() {
	start "$scratch/front" node "$here/http2.js" "$front_port" "$api_port" "$scratch/tls"
	front=$started
	wait_for 30 listening "$front_port"
}
front
ask_from 127.0.0.1 "$front_port" "$kube"
ok "HTTP/2: the pods come" wait_for 30 synced
control POST pods '{"namespace": "shop", "name": "newer", "uid": "u5", "node": "n1"}' > /dev/null
ok "HTTP/2: a new pod is seen" wait_for 20 reached 4 keyhole_kube_pods
is "HTTP/2: one connection" "$(grep -c connection "$scratch/front")" 1
faults=$(now_sum keyhole_kube_requests_total 'result="fault"')
control POST mode '{"mode": "down"}' > /dev/null # ends the watch, not the connection
wait_for 20 reached $((faults + 1)) keyhole_kube_requests_total 'result="fault"'
control POST mode '{"mode": "ok"}' > /dev/null
ok "HTTP/2: after a request that failed, the next" wait_for 30 synced
stop "$front"
front
ok "HTTP/2: after the server was away, it is found again" wait_for 20 grep -q request "$scratch/front"
ok "HTTP/2: and the pods are" wait_for 30 synced

# ---- IPv6, and no proxy ----

serve ::1
renew_account good
ask_from ::1 "$api_port" "$kube" HTTPS_PROXY=http://127.0.0.1:1 https_proxy=http://127.0.0.1:1 ALL_PROXY=http://127.0.0.1:1
ok "IPv6, and proxies in the environment: the pods come" wait_for 30 synced

# ---- the kubelet ----

serve 127.0.0.1
renew_account good
kubelet="keyhole: {kubernetes_source: kubelet, kubelet: {url: 'https://\${HOST_IP}:$api_port', interval: 1s"
kubelet() { # YAML: more of it
	ask_from 127.0.0.1 1 "$kube
$kubelet${1:-}}}" HOST_IP=127.0.0.1
}
kubelet
ok "kubelet: the pods come" wait_for 30 synced
is "kubelet: all that it has" "$(now_sum keyhole_kube_pods)" 3
control POST pods '{"namespace": "shop", "name": "new", "uid": "u4", "node": "n1"}' > /dev/null
ok "kubelet: a new pod is seen at the next list" wait_for 20 reached 4 keyhole_kube_pods
is "kubelet: nothing but its pods is asked for" "$(requests | sort -u)" /pods
control POST mode '{"mode": "403"}' > /dev/null
says "kubelet: 403 names its rule" "$collector_log" 'missing rule for this service account: verb "get" on resource "nodes/pods"'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$scratch/other.key" \
	-out "$scratch/account/other.crt" -days 2 -subj /CN=other 2> /dev/null
chmod 644 "$scratch/account/other.crt"
control POST mode '{"mode": "ok"}' > /dev/null
ca="ca_file: /var/run/secrets/kubernetes.io/serviceaccount/other.crt"
kubelet ", $ca"
says "kubelet: a certificate of another CA is refused" "$collector_log" 'warn kube: .*: tls: '
refused "kubelet: and its pods are not taken" synced
kubelet ", $ca, insecure_skip_verify: true"
ok "kubelet: unless that is asked for in so many words" wait_for 30 synced

summary
