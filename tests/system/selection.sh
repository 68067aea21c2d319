#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Selection and what it costs: which processes of which pods are shown, that BPF sends nothing more
# of the others once that is decided, and that a decision is taken back when the pod or the process
# changes. What comes from the kernel is counted on a tape. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/agent.bash"
here=$(dirname "${BASH_SOURCE[0]}")
need_root
need "$loader_bin" "$collector_bin" "$traffic_bin" curl nginx "$python"

uid() { # N: a pod's uid
	printf '0a0b0c0d-%04d-4000-8000-%012d' "$1" "$1"
}
id() { # N: a container's id
	printf '%064x' $((0xabd000 + $1))
}
pod() { # N NAME [LABEL VALUE]: as the API server is told of it
	local labels='{}'
	[ $# -lt 4 ] || labels="{\"$3\": \"$4\"}"
	printf '{"namespace": "shop", "name": "%s-0", "uid": "%s", "node": "n1", "owner": ["StatefulSet", "%s"], "containers": [["app", "%s"]], "labels": %s}' \
		"$2" "$(uid "$1")" "$2" "$(id "$1")" "$labels"
}
put_pod() { # N NAME [LABEL VALUE]
	curl -sf -o /dev/null -d "$(pod "$@")" "http://127.0.0.1:$api_port/control/pods"
}

printf '[%s, %s, %s]\n' "$(pod 1 light trace yes)" "$(pod 2 dark)" "$(pod 3 other)" > "$scratch/pods.json"
api_port=$(free_port)
start "$scratch/api.log" "$python" "$here/fake_apiserver.py" --port "$api_port" --pods "$scratch/pods.json"
wait_for 30 listening "$api_port"
printf '%s\n' "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:$api_port'}}]" \
	'contexts: [{name: c, context: {cluster: c}}]' 'current-context: c' > "$scratch/kubeconfig"

tapes=0
collect() { # YAML
	[ "$collector" = 0 ] || stop "$collector"
	tape=$scratch/tape$((++tapes))
	printf '%s\n' 'attributes: {kubernetes: {enable: true}}' "$1" > "$scratch/c.yml"
	: > "$collector_log"
	start_collector KUBECONFIG="$scratch/kubeconfig" NODE_NAME=n1 --config "$scratch/c.yml" --record "$tape"
	wait_for 30 synced
}
synced() {
	[ "$(now_sum keyhole_kube_watch_up)" = 1 ]
}

# What the kernel sent of a server, but for its clients; to be asked when the collector has ended.
sent() { # PORT
	"$python" "$here/tape_ids.py" "$tape" "$1" 1 | sed 's/.*exchanges=\([0-9]*\) .*/\1/'
}

serve() { # N [OPTION-OF-PYTHON...]: a server in that pod, on $port
	local path
	path=$(pod_cgroup "$(uid "$1")" "$(id "$1")")
	port=$(free_port)
	start "$scratch/server.$port" in_cgroup "$path" "$python" "${@:2}" "$here/handlers.py" "$port"
	wait_for 30 listening "$port"
}
hit() { # N PORT: that many requests on one connection, from a cgroup that nobody selects
	ask "$1" "http://127.0.0.1:$2/"
}
none_of() { # PORT...: nobody sees them
	local at
	scrape
	for at; do
		metric_sum "$metrics" http_server_request_duration_seconds_count "server_port=\"$at\""
	done | paste -sd' '
}
# The kernel has begun to ignore that server: of twenty requests it tells nothing, whatever it tells of those who ask.
# Some hundred milliseconds are the collector's to find out.
asked=0
quiet() { # PORT
	local told
	told=$(now_sum keyhole_bpf_exchanges_total)
	hit 20 "$1"
	asked=$((asked + 20))
	! reached $((told + 21)) keyhole_bpf_exchanges_total
}
# Asks until it is counted; the requests that were not are less than what comes after.
noticed() { # PORT
	for _ in {1..400}; do
		hit 1 "$1"
		sleep 0.02
		reached 1 http_server_request_duration_seconds_count "server_port=\"$1\"" && return
	done
	return 1
}

start_loader
serve 1
light=$port
serve 2
dark=$port
serve 3
other=$port

# ---- by pod ----

collect 'discovery: {instrument: [{k8s_pod_labels: {trace: "yes"}}]}'
hit 5 "$light"
hit 5 "$dark"
hit 5 "$other"
served "the label is there: all requests" 5 "$light" 'k8s_pod_name="light-0"'
is "it is not: none" "$(none_of "$dark" "$other")" "0 0"
within "they are counted" "$(now_sum keyhole_records_dropped_total 'reason="not_selected"')" 1 1000000
wait_for 10 quiet "$dark" || true
asked=0
wait_for 10 quiet "$other" || true
ignored=$(now_sum keyhole_bpf_ignored_total)
hit 300 "$dark"
hit 300 "$other"
wait_for 20 reached $((ignored + 1200)) keyhole_bpf_ignored_total || true
within "then the kernel ignores them" "$(now_sum keyhole_bpf_ignored_total)" $((ignored + 1200)) 1000000000
put_pod 2 dark trace yes
ok "the pod gets the label: its requests are counted" noticed "$dark"
before=$(settled_sum http_server_request_duration_seconds_count "server_port=\"$dark\"")
hit 50 "$dark"
served "and from then on each" $((before + 50)) "$dark" 'k8s_pod_name="dark-0"'
hit 100 "$other"
is "what was decided about others holds" "$(none_of "$other")" 0
put_pod 2 dark
lost() { # what comes before it in the ring was read with what is selected
	local was light_was
	was=$(now_sum http_server_request_duration_seconds_count "server_port=\"$dark\"")
	light_was=$(metric_sum "$metrics" http_server_request_duration_seconds_count "server_port=\"$light\"")
	hit 50 "$dark"
	hit 1 "$light"
	wait_for 20 reached $((light_was + 1)) http_server_request_duration_seconds_count "server_port=\"$light\"" || return
	[ "$(settled_sum http_server_request_duration_seconds_count "server_port=\"$dark\"")" = "$was" ]
}
ok "it loses the label: that is seen" wait_for 20 lost
before=$(now_sum http_server_request_duration_seconds_count "server_port=\"$dark\"")
hit 50 "$dark"
served "it loses the label: they are not any more" "$before" "$dark"
stop "$collector"
within "of $((405 + asked)) requests to a pod that was never selected the kernel sent the first few" "$(sent "$other")" 1 $((asked + 10))

# ---- by process ----

serve 3 -X role=a
role_a=$port # began before the collector did, and so before anybody wanted command lines
collect 'discovery: {instrument: [{cmd_args: "*/python3 -X role=a */handlers.py *"}]}'
serve 3 -X role=b
role_b=$port
hit 5 "$role_a"
asked=0
wait_for 10 quiet "$role_b" || true
hit 200 "$role_b"
served "cmd_args: who has this argument, also if it ran before" 5 "$role_a" 'k8s_pod_name="other-0"'
is "cmd_args: not who has another, in the same container" "$(none_of "$role_b" "$other")" "0 0"
serve 3 -X "role=$(printf 'x%.0s' {1..300})"
hit 1 "$port"
wait_for 20 reached 1 keyhole_bpf_args_cut_total || true
within "a command line that is too long is counted" "$(now_sum keyhole_bpf_args_cut_total)" 1 1000
stop "$collector"
within "cmd_args: of $((200 + asked)) requests to the other process the kernel sent the first few" "$(sent "$role_b")" 1 $((asked + 20))

collect 'discovery: {instrument: [{languages: python, k8s_namespace: shop}, {exe_path: "*/nginx"}]}'
nginx_port=$(free_port)
start_nginx "$scratch/nginx" "server { listen 127.0.0.1:$nginx_port; location / { return 200 ok; } }" \
	in_cgroup "$(pod_cgroup "$(uid 3)" "$(id 3)")"
wait_for 30 listening "$nginx_port"
hit 3 "$light"
served "languages: by the name of the executable" 3 "$light" 'k8s_pod_name="light-0"'
hit 4 "$nginx_port"
served "exe_path: nginx, whose workers are its children" 4 "$nginx_port"

# ---- parents ----

# Listens on a port, as a server does; its child, another program, does the traffic.
cat > "$scratch/parent.py" << 'PY'
import socket, subprocess, sys
listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
subprocess.run(sys.argv[2:], check=True)
PY
parent() { # N: requests by a child of a Python that runs in pod 3; to $port
	port=$(free_port)
	in_cgroup "$(pod_cgroup "$(uid 3)" "$(id 3)")" "$python" "$scratch/parent.py" "$(free_port)" \
		"$traffic_bin" fresh --port "$port" --requests "$1" > "$scratch/traffic" 2>&1
}
collect 'discovery: {instrument: [{exe_path: "*/python3*"}]}'
parent 3
served "a child matches by its parent" 3 "$port"
collect 'discovery: {instrument: [{exe_path: "*/python3*"}], exclude_instrument: [{exe_path: "*/traffic"}]}'
parent 3
is "unless it is excluded itself" "$(none_of "$port")" 0

# ---- a process that changes ----

cat > "$scratch/later.py" << 'PY'
"""Serves one port; once asked for /listen, a second one as well."""
import sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args): pass
    def do_GET(self):
        if self.path.startswith("/listen"):
            second = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler)
            threading.Thread(target=second.serve_forever, daemon=True).start()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
PY
first=$(free_port) second=$(free_port)
collect "discovery: {instrument: [{open_ports: $second}]}"
start "$scratch/later.log" "$python" "$scratch/later.py" "$first" "$second"
wait_for 30 listening "$first"
hit 50 "$first"
hit 50 "$first"
is "open_ports: a process without this port" "$(none_of "$first")" 0
curl -sf -o /dev/null "http://127.0.0.1:$first/listen"
wait_for 30 listening "$second"
hit 5 "$second"
served "it begins to listen there: its requests are counted" 5 "$second"
ok "and so are those to its other port, which the kernel ignored" noticed "$first"

# ---- what an entry says beside ----

collect 'discovery:
  instrument:
    - {k8s_pod_name: "light-*", routes: {incoming: ["/in/:id"]}}
    - {k8s_pod_name: "dark-*", exports: []}
    - {k8s_pod_name: "other-*", metrics: {features: [network]}}'
hit 20 "$dark"
hit 20 "$other"
ask 4 "http://127.0.0.1:$light/in/7"
served "routes of an entry" 4 "$light" 'http_route="/in/:id"'
is "exports: [], and features without application: nothing is exported" "$(none_of "$dark" "$other")" "0 0"
stop "$collector"
stop "$loader"
summary
