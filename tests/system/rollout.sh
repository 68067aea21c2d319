#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A rollout under load: 50 pods are replaced by 50 others while clients go on asking. Every request
# is shown under the pod that answered it, as the servers themselves counted. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/agent.bash"
here=$(dirname "${BASH_SOURCE[0]}")
need_root
need "$loader_bin" "$collector_bin" curl "$python"
replicas=${KEYHOLE_SLOW:+5}
replicas=${replicas:-50}

api_port=$(free_port)
start "$scratch/api.log" "$python" "$here/fake_apiserver.py" --port "$api_port"
wait_for 30 listening "$api_port"
printf '%s\n' "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:$api_port'}}]" \
	'contexts: [{name: c, context: {cluster: c}}]' 'current-context: c' > "$scratch/kubeconfig"
printf '%s\n' 'attributes: {kubernetes: {enable: true}}' 'discovery: {instrument: [{k8s_namespace: shop}]}' \
	'keyhole: {waiting_room: {timeout: 20s}}' > "$scratch/c.yml"
start_loader
start_collector KUBECONFIG="$scratch/kubeconfig" NODE_NAME=n1 --config "$scratch/c.yml"

cgroups=
for root in $(cgroup_roots); do
	make_cgroup "$root" /kubepods/besteffort
	cgroups+=,$root/kubepods/besteffort
done
status=0
timeout 300 "$python" "$here/rollout.py" "$api_port" "${cgroups#,}" "$replicas" "$scratch/report" > "$scratch/wrong" || status=$?
is "no client saw anything of it" "$status $(cat "$scratch/wrong")" "0 "
is "each pod has lived" "$(wc -l < "$scratch/report")" "$((2 * replicas))"
total=$(awk '{ n += $3 } END { print n }' "$scratch/report")
echo "# $total requests to $((2 * replicas)) pods"
within "they were asked all the time" "$total" "$((20 * replicas))" 10000000
counts "every request is shown" "$total" http_server_request_duration_seconds_count
# What is shown, as the report has it: no request is without a pod, and none is under another one.
sed -n 's/^http_server_request_duration_seconds_count{\(.*\)} \([0-9]*\)$/\1 \2/p' "$metrics" |
	awk '{ uid = name = "-" }
		match($0, /k8s_pod_uid="[^"]*"/) { uid = substr($0, RSTART + 13, RLENGTH - 14) }
		match($0, /k8s_pod_name="[^"]*"/) { name = substr($0, RSTART + 14, RLENGTH - 15) }
		{ n[uid " " name] += $NF } END { for (pod in n) print pod, n[pod] }' | sort > "$scratch/shown"
awk '$3 > 0' "$scratch/report" | sort > "$scratch/counted"
ok "each under the pod that answered it" diff "$scratch/counted" "$scratch/shown"
is "each has the container's and the Deployment's names" \
	"$(grep '^http_server_request_duration_seconds_count' "$metrics" | grep -cv 'k8s_container_name="app".*k8s_deployment_name="web"' || true)" 0
is "each has its own ReplicaSet's" "$(grep -o 'k8s_replicaset_name="[^"]*"' "$metrics" | sort -u | tr -d '\n')" \
	'k8s_replicaset_name="web-6d4cf56db6"k8s_replicaset_name="web-7f8b9c6d5"'
summary
