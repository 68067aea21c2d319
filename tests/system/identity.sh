#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Whose request it was, on each kernel and with each way to mount cgroups (v2, hybrid, v1): pods in
# the host's network and namespaces or in their own, cgroups that are gone in no time, and names
# longer than a record holds. Short, since it also runs in emulated machines; kubernetes.sh has
# the rest. As root.
#
# KEYHOLE_BUILD, KEYHOLE_BACKEND, KEYHOLE_SLOW: see plays.bash.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/agent.bash"
need_root
need "$loader_bin" "$collector_bin" "$traffic_bin" "$python" unshare ip
scenario identity

uid=0a0b0c0d-0001-4000-8000-000000000001
id() { # N: a container's id
	printf '%064x' $((0xabc000 + $1))
}

start "$scratch/api.log" "$python" "$(dirname "${BASH_SOURCE[0]}")/fake_apiserver.py" \
	--port-file "$scratch/api.port" \
	--pod "namespace=default,name=web-6d4cf56db6-x2x4z,uid=$uid,node=n1,owner=Deployment/web,container=nginx:$(id 1),container=job:$(id 2)" \
	--pod "namespace=default,name=other-0,uid=${uid%1}2,node=n1,owner=StatefulSet/other,container=nginx:$(id 9)"
wait_for "${KEYHOLE_SLOW:+1}60" test -s "$scratch/api.port"
printf '%s\n' "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:$(cat "$scratch/api.port")'}}]" \
	'contexts: [{name: c, context: {cluster: c}}]' 'current-context: c' > "$scratch/kubeconfig"
printf '%s\n' 'attributes: {kubernetes: {enable: true}}' > "$scratch/c.yml"

start_loader --backend "${KEYHOLE_BACKEND:-auto}"
start_collector KUBECONFIG="$scratch/kubeconfig" NODE_NAME=n1 --config "$scratch/c.yml"
synced() {
	[ "$(now_sum keyhole_kube_watch_up)" = 1 ]
}
ok "the pods are known ($(cgroup_shape) cgroups)" wait_for "${KEYHOLE_SLOW:+1}20" synced

pod=(k8s_pod_name=\"web-6d4cf56db6-x2x4z\" k8s_deployment_name=\"web\" k8s_namespace_name=\"default\")
path=$(pod_cgroup "$uid" "$(id 1)")

play() { # PATH N [COMMAND...]: N requests from within that cgroup, to $port
	port=$(free_port)
	in_cgroup "$1" "${@:3}" "$traffic_bin" fresh --port "$port" --requests "$2" > "$scratch/traffic" 2>&1 ||
		fail "traffic in $1" "$(cat "$scratch/traffic")"
}

# ---- namespaces ----

play "$path" 5
served "hostNetwork: the pod's server" 5 "$port" "${pod[@]}" 'k8s_container_name="nginx"'
made "hostNetwork: the pod's client" 5 "$port" "${pod[@]}" 'k8s_container_name="nginx"'
# shellcheck disable=SC2016 # for the inner shell
play "$path" 6 unshare --net --pid --fork --kill-child --mount-proc --uts --ipc \
	sh -c 'ip link set lo up && "$0" "$@"'
served "own network, pids and mounts: the pod's server" 6 "$port" "${pod[@]}" 'k8s_container_name="nginx"'
made "own network, pids and mounts: the pod's client" 6 "$port" "${pod[@]}"
if unshare --user --map-root-user true 2> /dev/null; then
	# shellcheck disable=SC2016
	play "$path" 7 unshare --user --map-root-user --net sh -c 'ip link set lo up && "$0" "$@"'
	served "own users: the pod's server" 7 "$port" "${pod[@]}"
else
	skip "own users" "this kernel does not let us make a user namespace"
fi

# ---- cgroups that come and go ----

ports=()
for _ in {1..5}; do
	fleeting=$(pod_cgroup "$uid" "$(id 2)") # each time another cgroup, of the same name
	play "$fleeting" 1
	ports+=("$port")
	for root in $(cgroup_roots); do
		wait_for 10 rmdir "$root$fleeting"
	done
done
wait_for "${KEYHOLE_SLOW:+1}20" reached 5 http_server_request_duration_seconds_count "server_port=\"($(IFS='|'; echo "${ports[*]}"))\"" "${pod[@]}" || true
is "five cgroups that are gone at once: each request is the pod's" \
	"$(now_sum http_server_request_duration_seconds_count "server_port=\"($(IFS='|'; echo "${ports[*]}"))\"" "${pod[@]}" 'k8s_container_name="job"')" 5

# ---- more than a record holds ----

below() { # PATH NAME...: makes cgroups below that path, prints the last
	local at=$1 name root
	shift
	for name; do
		at+=/$name
		for root in $(cgroup_roots); do
			make_cgroup "$root" "$at"
		done
	done
	echo "$at"
}

cut_before=$(now_sum keyhole_bpf_names_cut_total)
play "$(below "$path" "$(printf '%0200d' 7)")" 3
served "a cgroup's name of 200 bytes: it is still the pod's" 3 "$port" "${pod[@]}"
within "it is counted" "$(now_sum keyhole_bpf_names_cut_total)" $((cut_before + 1)) 1000000
play "$(below "$path" a b c d e f g h)" 4
served "eight cgroups below the container: the requests are counted" 4 "$port"
is "eight cgroups below the container: no other pod's name" \
	"$(metric_sum "$metrics" http_server_request_duration_seconds_count "server_port=\"$port\"" 'k8s_pod_name="[^w"]')" 0
within "that is counted too" "$(now_sum keyhole_bpf_names_cut_total)" $((cut_before + 2)) 1000000
nothing_lost "nothing was lost"
summary
