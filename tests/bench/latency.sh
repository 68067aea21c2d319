#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# From the start to the first exchange, from an exchange to a scrape, and from a new pod's first
# request to its name. $BENCH_PODS: new pods (20).
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.bash
. "$(dirname "$0")/lib.bash"
wants curl
pods=${BENCH_PODS:-20}

KEYHOLE_LISTEN_ADDRESS=127.0.0.1 KEYHOLE_PROMETHEUS_PORT=$metrics_port KEYHOLE_LOADER_SOCKET=$socket \
	"$python" -B "$bench/latency.py" "$scratch" "${only_two_caps[@]}" "$loader_bin" --socket "$socket" -- "$collector_bin"

# ---- new pods ----

api_port=$(free_port)
start "$scratch/api.log" "$python" -B "$bench/../system/fake_apiserver.py" --token none --port "$api_port" \
	--pod "namespace=shop,name=old,uid=0a0b0c0d-0000-4000-8000-00000000ffff,node=node-1,container=main:$(printf '%064x' 65535)"
wait_for 20 listening "$api_port"
printf '%s\n' "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:$api_port'}}]" \
	'users: [{name: u, user: {token: none}}]' 'contexts: [{name: c, context: {cluster: c, user: u}}]' \
	'current-context: c' > "$scratch/kubeconfig"
agent_options=(KUBECONFIG="$scratch/kubeconfig" NODE_NAME=node-1)
agent_up
wait_for 20 reached 1 keyhole_kube_watch_up

new=()
for ((i = 0; i < pods; i++)); do
	uid=$(printf '0a0b0c0d-%04d-4000-8000-%012d' "$i" "$i") id=$(printf '%064x' $((0xabc000 + i)))
	path=$(pod_cgroup "$uid" "$id")
	new+=("$(free_port)" "$uid" "$id" "$(cgroup_roots | sed "s|\$|$path|" | paste -sd,)")
done
"$python" -B "$bench/new_pods.py" "$metrics_port" "$api_port" "$BENCH_BUILD/tests/bench/bench-pingpong" "${new[@]}"
agent_down
