#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Keyhole beside a real control plane: containers of real controllers' pods, made by containerd
# and runc, their traffic's names compared with what `kubectl get pods` says, through a rollout, a
# restart of the API server and a rotation of the token; and what Keyhole asked for, by the audit
# log. Not part of CI: tests/kubernetes/build builds the programs first. As root.
# KEYHOLE_RECORD=DIRECTORY has what the API server answers recorded there (record.py).
# In network and mount namespaces of its own.
# shellcheck disable=SC2119,SC2154 # what start_loader takes may be left out; set by what is sourced
set -euo pipefail
if [ "${1:-}" != --private ]; then
	programs=$("$(dirname "$0")/build") || exit
	export programs
	exec unshare --net --mount --propagation private "$0" --private
fi
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=../system/agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/../system/agent.bash"
# shellcheck source-path=SCRIPTDIR source=../system/cluster.bash
. "$(dirname "${BASH_SOURCE[0]}")/../system/cluster.bash"
here=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")")
# shellcheck source-path=SCRIPTDIR source=cluster.bash
. "$here/cluster.bash"
need_root
need "$loader_bin" "$collector_bin" busybox containerd ctr curl etcd ip jq openssl runc "$python"
ip link set lo up
mount -t tmpfs tmpfs /run # containerd's, the pods' networks and the account

# ---- what is compared ----

counts=$scratch/counts.json objects=()

# Pods come and go: what is known of them is added up.
look() {
	objects+=("$scratch/objects.${#objects[@]}.json")
	kubectl get pods,replicasets,jobs -A -o json > "${objects[-1]}"
}

pods_ready() { # N of this node, CronJobs' aside
	kubectl get pods -A --field-selector spec.nodeName=n1 -o json | jq -e --argjson n "$1" '[.items[] |
		select(.metadata.deletionTimestamp or (.metadata.name | startswith("report-")) | not) |
		select(any(.status.conditions[]?; .type == "Ready" and .status == "True"))] | length == $n'
}

traffic() { # N [--until FILE]
	"$python" "$here/traffic.py" "${kubectl[*]}" "$counts" "$@"
}

agrees() {
	scrape && "$python" "$here/compare.py" "$metrics" "$counts" "${objects[@]}"
}

# Every request so far is in the series of the pod that answered it, with the names of kubectl.
compare() { # TEST-NAME
	look
	wait_for 10 agrees || true
	ok "$1" agrees
}

synced() {
	[ "$(now_sum keyhole_kube_watch_up)" = 1 ]
}

uid_of() { # NAMESPACE POD
	kubectl -n "$1" get pod "$2" -o 'jsonpath={.metadata.uid}'
}

# ---- the cluster ----

ok "etcd, kube-apiserver, kube-controller-manager and containerd start" start_cluster
is "it is the version of Debian's source" "$(kubectl version -o json | jq -r .serverVersion.gitVersion)" v1.20.2
for node in n1 n2; do
	kubectl create -f - > /dev/null <<< "{\"apiVersion\": \"v1\", \"kind\": \"Node\", \"metadata\": {\"name\": \"$node\"}}"
	kubectl taint node $node node.kubernetes.io/not-ready:NoSchedule- > /dev/null
done
for namespace in shop data; do
	kubectl create namespace $namespace > /dev/null
done
ok "the manifests are what this API server takes" kubectl apply -f "$repo/deploy/manifests/keyhole.yaml"
for namespace in shop data default; do
	wait_for 30 kubectl -n $namespace get serviceaccount default
done
ok "one of each kind of workload" kubectl create -f "$here/workloads.yaml"
start_kubelet
# web 4, odd 1, alone 1, store 2, agent 1, import 1, bare, host
ok "its pods run" wait_for 90 pods_ready 12

# ---- Keyhole beside it ----

make_account "$(new_token token-1)"
mkdir -p /run/secrets/kubernetes.io
ln -s "$scratch/account" /run/secrets/kubernetes.io/serviceaccount
cat > "$scratch/config.yml" <<-YAML
	attributes: {kubernetes: {enable: true, reconnect_initial_interval: 200ms}}
	discovery: {default_exclude_services: []}
	prometheus_export: {ttl: 0}
YAML
start_loader
start_collector KUBERNETES_SERVICE_HOST=127.0.0.1 KUBERNETES_SERVICE_PORT="$api_port" NODE_NAME=n1 \
	--config "$scratch/config.yml"
ok "the role and the account of the manifests suffice" wait_for 15 synced
node_pods() {
	[ "$(now_sum keyhole_kube_pods)" = "$(kubectl get pods -A --field-selector spec.nodeName=n1 -o name | wc -l)" ]
}
ok "it knows as many pods as the node has" wait_for 5 node_pods

traffic 7 > /dev/null
compare "every workload: names, owners, containers and start times as kubectl has them"

# ---- pods that come, go and change ----

under_load() { # CMD...: while there is traffic to whoever is ready
	local status=0 asking
	rm -f "$scratch/enough"
	start "$scratch/traffic.log" traffic 3 --until "$scratch/enough"
	asking=$started
	"$@" || status=$?
	sleep 1
	touch "$scratch/enough"
	wait_for 30 stopped "$asking" && return $status
}
requests() {
	jq '[.[].answered] | add' "$counts"
}

roll_out() {
	kubectl -n shop set env deployment/web VERSION=2 && kubectl -n shop rollout status deployment/web --timeout=120s
}
before=$(requests)
ok "a Deployment is rolled out under load" under_load roll_out
within "there was traffic all the while" "$(($(requests) - before))" 100 10000000
compare "the rollout: every request is under the pod that answered it"

kubectl -n data label pod store-0 app.kubernetes.io/name=shelf > /dev/null
relabelled() {
	traffic 1 && reached 1 http_server_request_duration_seconds_count 'service_name="shelf"' 'k8s_pod_name="store-0"'
}
ok "a label that is set names the service from then on" wait_for 15 relabelled
compare "and nothing else changes"

before=$(uid_of data store-0)
kubectl -n data delete pod store-0 > /dev/null
ok "a StatefulSet's pod is made again" wait_for 60 pods_ready 12
refused "it is another one by the same name" [ "$(uid_of data store-0)" = "$before" ]
traffic 5 > /dev/null
compare "requests before and after are told apart by the uid"

restarts() {
	[ "$(kubectl get pod bare -o 'jsonpath={.status.containerStatuses[0].restartCount}')" = "$1" ]
}
container=$(kubectl get pod bare -o 'jsonpath={.status.containerStatuses[0].containerID}')
ctr -n k8s.io tasks kill -s KILL "${container#containerd://}"
ok "a container that is killed is started again" wait_for 30 restarts 1
wait_for 30 pods_ready 12 || true
traffic 5 > /dev/null
compare "its new id is its container's, too"

# ---- the API server goes, and the token ----

ok "the API server is restarted under load" under_load restart_api
ok "the watch goes on" wait_for 60 synced
kubectl -n shop scale deployment/web --replicas=6 > /dev/null
ok "pods are added" wait_for 60 pods_ready 14
traffic 5 > /dev/null
compare "they have their names"

# What is bound to a secret is void without it; the server remembers it for 10 s, until restarted.
old=$(< "$scratch/account/token")
answer() { # TOKEN [RESOURCE]: the status of such a request as Keyhole's own
	curl -s -A test -o /dev/null -w '%{http_code}' --cacert "$scratch/tls/ca.crt" -H "Authorization: Bearer $1" \
		"https://127.0.0.1:$api_port/api/v1/${2:-pods}?fieldSelector=spec.nodeName%3Dn1"
}
new=$(new_token token-2)
is "the token is good, and so is a new one" "$(answer "$old") $(answer "$new")" "200 200"
kubectl -n keyhole delete secret token-1 > /dev/null
restart_api
is "the old one is no more" "$(answer "$old") $(answer "$new")" "401 200"
says "the refusal is said" "$collector_log" 'warn kube: .*401'
traffic 5 > /dev/null
compare "what is known goes on to name"
renew_account "$new"
ok "the new token is read" wait_for 60 synced
kubectl -n shop scale deployment/web --replicas=3 > /dev/null
kubectl -n data scale statefulset/store --replicas=3 > /dev/null
ok "pods go and come" wait_for 60 pods_ready 12
traffic 5 > /dev/null
compare "they have their names, by the new token"

# Without the role the watch goes on until it ends; a new one is refused.
kubectl delete clusterrolebinding keyhole-keyhole > /dev/null
restart_api
says "without the role: what is missing is said" "$collector_log" 'warn kube: .*403'
kubectl apply -f "$repo/deploy/manifests/keyhole.yaml" > /dev/null
ok "with it again, all is well" wait_for 60 synced

# ---- the CronJob ----

cron_ready() {
	kubectl -n data get pods -l app=report -o json | jq -e 'any(.items[]; any(.status.conditions[]?;
		.type == "Ready" and .status == "True"))'
}
ok "a CronJob has made its Job" wait_for 90 cron_ready
traffic 5 > /dev/null
compare "the CronJob, too, is who kubectl says"

# A test that can't fail is none: one letter of one name.
scrape
sed 's/k8s_pod_name="store-1"/k8s_pod_name="store-2"/' "$metrics" > "$scratch/wrong"
refused "a wrong name would have been seen" "$python" "$here/compare.py" "$scratch/wrong" "$counts" "${objects[@]}"

# ---- what Keyhole asked for ----

if asked=$("$python" "$here/audit.py" "$scratch/audit.log" n1); then
	pass "Keyhole asked for its own node's pods, and for nothing else"
	printf '# %s\n' "${asked//$'\n'/$'\n# '}"
else
	fail "Keyhole asked for its own node's pods, and for nothing else" "$asked"
fi
is "its account may not do more" "$(answer "$new" secrets)" 403
refused "anything else would have been seen" "$python" "$here/audit.py" "$scratch/audit.log" n1

[ -z "${KEYHOLE_RECORD:-}" ] || ok "answers are recorded" "$python" "$here/record.py" "$api_port" \
	"$scratch/tls/ca.crt" "$new" "${kubectl[*]}" "$KEYHOLE_RECORD"

stop "$collector"
stop "$loader"
stop "$kubelet_pid"
is "no container is left" "$(ctr -n k8s.io containers ls -q)" ""
made=$(jq -r '.items[] | select(.kind == "Pod").metadata.uid' "${objects[@]}" | sort -u)
is "no cgroup is left" "$(find /sys/fs/cgroup -type d -name 'pod*' | grep -F "$made")" ""
summary
