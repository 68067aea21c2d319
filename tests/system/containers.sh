#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Each process belongs to the container in whose cgroup it runs, whatever else it shares or did
# before: containers of every kind, those that are restarted, pods made anew under an old name,
# processes that move, and pods that share the host's namespaces or their containers'. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/agent.bash"
here=$(dirname "${BASH_SOURCE[0]}")
need_root
need "$loader_bin" "$collector_bin" "$traffic_bin" curl unshare nsenter "$python"

uid() { # N: a pod's uid
	printf '0a0b0c0d-%04d-4000-8000-%012d' "$1" "$1"
}
id() { # N: a container's id
	printf '%064x' $((0xabf000 + $1))
}

# The Kubernetes object of a pod; containers are KIND:NAME:ID[:ID-BEFORE-THE-RESTART].
pod() { # N NAME hostNetwork|podNetwork CONTAINER...
	"$python" - "$here" "$(uid "$1")" "${@:2}" <<- 'PY'
		import json, sys
		sys.path.insert(0, sys.argv[1])
		from fake_objects import make_container, make_pod, make_status
		uid, name, network, *containers = sys.argv[2:]
		pod = make_pod("shop", name, uid=uid, node="n1", owner=("StatefulSet", name[:-2]), containers=(),
		               host_network=network == "hostNetwork")
		kinds = {"main": ("containers", "containerStatuses"), "init": ("initContainers", "initContainerStatuses"),
		         "ephemeral": ("ephemeralContainers", "ephemeralContainerStatuses")}
		kinds["sidecar"] = kinds["init"]
		for text in containers:
		    kind, container, now, last = (text + ":").split(":")[:4]
		    spec, status = kinds[kind]
		    one = make_container(container, "registry.example/x:1", {})
		    if kind == "sidecar":
		        one["restartPolicy"] = "Always"
		    pod["spec"].setdefault(spec, []).append(one)
		    pod["status"].setdefault(status, []).append(make_status(container, now, one["image"], int(bool(last)), last))
		print(json.dumps(pod))
	PY
}
put() { # as pod()
	pod "$@" | curl -sf -o /dev/null -d @- "http://127.0.0.1:$api_port/control/pods"
}

api_port=$(free_port)
start "$scratch/api.log" "$python" "$here/fake_apiserver.py" --port "$api_port"
wait_for 30 listening "$api_port"
printf '%s\n' "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:$api_port'}}]" \
	'contexts: [{name: c, context: {cluster: c}}]' 'current-context: c' > "$scratch/kubeconfig"
printf '%s\n' 'attributes: {kubernetes: {enable: true}}' 'keyhole: {waiting_room: {timeout: 20s}}' > "$scratch/c.yml"
put 1 kinds-0 podNetwork "init:setup:$(id 1)" "sidecar:proxy:$(id 2)" "main:app:$(id 3)" "main:helper:$(id 4)" "ephemeral:debug:$(id 5)"
put 2 web-0 podNetwork "main:app:$(id 6)"
put 3 host-0 hostNetwork "main:agent:$(id 7)"
put 4 shared-0 podNetwork "main:one:$(id 8)" "main:two:$(id 9)"
start_loader
start_collector KUBECONFIG="$scratch/kubeconfig" NODE_NAME=n1 --config "$scratch/c.yml"
knows() { # N: pods
	[ "$(now_sum keyhole_kube_pods)" = "$1" ]
}
ok "the pods are known" wait_for 15 knows 4

play() { # POD CONTAINER REQUESTS [COMMAND...]: from within that container, on $port
	port=$(free_port)
	in_cgroup "$(pod_cgroup "$(uid "$1")" "$(id "$2")")" "${@:4}" "$traffic_bin" fresh --port "$port" \
		--requests "$3" > "$scratch/traffic" 2>&1 || fail "traffic of pod $1" "$(cat "$scratch/traffic")"
}
of() { # TEST-NAME REQUESTS POD CONTAINER: all that was served at $port, and all clients
	served "$1" "$2" "$port" "k8s_pod_name=\"$3\"" "k8s_container_name=\"$4\""
	made "$1 (clients)" "$2" "$port" "k8s_pod_name=\"$3\"" "k8s_container_name=\"$4\""
	is "$1 (nobody else)" "$(metric_sum "$metrics" http_server_request_duration_seconds_count "server_port=\"$port\"")" "$2"
}

# ---- kinds ----

play 1 1 2
of "an init container" 2 kinds-0 setup
play 1 2 3
of "a sidecar (an init container that is restarted)" 3 kinds-0 proxy
play 1 3 4
of "a container" 4 kinds-0 app
play 1 4 5
of "another of its pod" 5 kinds-0 helper
play 1 5 6
of "an ephemeral container" 6 kinds-0 debug

# ---- restarts ----

play 2 16 3 # the kubelet has not told the API its id
sleep 0.5
is "a restarted container whose id the API does not know: its requests wait" \
	"$(now_sum http_server_request_duration_seconds_count "server_port=\"$port\"")" 0
put 2 web-0 podNetwork "main:app:$(id 16):$(id 6)"
of "then they are the container's" 3 web-0 app
play 2 6 2
of "what the one before it did late is the container's too" 2 web-0 app

# ---- a pod made anew under the same name ----

old_path=$(pod_cgroup "$(uid 2)" "$(id 16)")
old_port=$(free_port)
start "$scratch/old.log" in_cgroup "$old_path" "$python" "$here/handlers.py" "$old_port"
wait_for 30 listening "$old_port"
curl -sf -X DELETE -o /dev/null "http://127.0.0.1:$api_port/control/pods/shop/web-0"
put 5 web-0 podNetwork "main:app:$(id 17)"
play 5 17 4
served "a pod made anew under the old name" 4 "$port" 'k8s_pod_name="web-0"' "k8s_pod_uid=\"$(uid 5)\""
ask 3 "http://127.0.0.1:$old_port/"
served "the old one, while it ends" 3 "$old_port" 'k8s_pod_name="web-0"' "k8s_pod_uid=\"$(uid 2)\""

# ---- processes that move ----

cat > "$scratch/mover.py" << 'PY'
"""Asks N times on one connection, moves to another cgroup, asks M times more on it."""
import http.client, os, sys
port, n, m, *files = sys.argv[1:]
connection = http.client.HTTPConnection("127.0.0.1", int(port))
def ask(times):
    for _ in range(int(times)):
        connection.request("GET", "/")
        connection.getresponse().read()
ask(n)
for file in files:
    with open(file, "w") as procs:
        procs.write(str(os.getpid()))
ask(m)
PY
files=()
to=$(pod_cgroup "$(uid 4)" "$(id 8)")
for root in $(cgroup_roots); do
	files+=("$root$to/cgroup.procs")
done
in_cgroup "$(pod_cgroup "$(uid 1)" "$(id 3)")" "$python" "$scratch/mover.py" "$old_port" 2 5 "${files[@]}"
made "a process that moves: before" 2 "$old_port" 'k8s_pod_name="kinds-0"' 'k8s_container_name="app"'
made "afterwards, on the connection that it had" 5 "$old_port" 'k8s_pod_name="shared-0"' 'k8s_container_name="one"'
# docker exec: the process comes from elsewhere, joins the cgroup, executes
# shellcheck disable=SC2016 # for the inner shell
play 1 4 3 sh -c '"$0" "$@"'
of "a process that joined the container" 3 kinds-0 helper
# systemd in a container: its services have cgroups below the container's
below=$(pod_cgroup "$(uid 1)" "$(id 3)")/system.slice/app.service
for root in $(cgroup_roots); do
	make_cgroup "$root" "$below"
done
port=$(free_port)
in_cgroup "$below" "$traffic_bin" fresh --port "$port" --requests 4 > "$scratch/traffic" 2>&1
of "a cgroup below the container's" 4 kinds-0 app

# ---- what pods may share ----

play 3 7 3
of "hostNetwork: two pods and the host have one address" 3 host-0 agent
start "$scratch/pause.log" in_cgroup "$(pod_cgroup "$(uid 4)" "$(id 10)")" unshare --pid --fork --mount-proc --kill-child \
	sh -c 'trap exit TERM; sleep 1000 & wait'
wait_for 20 pgrep -x -P "$started" sh
pause=$(pgrep -x -P "$started" sh)
remember "$pause"
play 4 8 4 nsenter --pid="/proc/$pause/ns/pid"
of "shareProcessNamespace: the first container" 4 shared-0 one
play 4 9 5 nsenter --pid="/proc/$pause/ns/pid"
of "shareProcessNamespace: the second" 5 shared-0 two
play 1 3 6
of "hostPID: that of all others here" 6 kinds-0 app
nothing_lost "nothing was lost"
summary
