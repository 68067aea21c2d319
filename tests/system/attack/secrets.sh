#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What is secret stays so: what requests and responses hold comes out nowhere, even at log level
# debug; neither process can be dumped or read by another one of its user; the token of the
# service account is read by the collector only, and again when it is renewed. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../lib.sh"
# shellcheck source-path=SCRIPTDIR source=../agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/../agent.bash"
# shellcheck source-path=SCRIPTDIR source=../cluster.bash
. "$(dirname "${BASH_SOURCE[0]}")/../cluster.bash"
here=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")")
need_root
need "$loader_bin" "$collector_bin" nginx curl openssl pgrep strace "$python"

# ---- a cluster whose tokens are known ----

token=TOKEN-first-$RANDOM$RANDOM next_token=TOKEN-second-$RANDOM$RANDOM
api_port=$(free_port)
run_api() { # TOKEN VERSION
	start "$scratch/api.log" "$python" "$here/../fake_apiserver.py" --token "$1" --tls "$scratch/tls" --port "$api_port" \
		--version "$2" --pod "namespace=default,name=web-6d4cf56db6-x2x4z,uid=u,node=n1,owner=Deployment/web,container=nginx:c"
	api_pid=$started
	wait_for 30 listening "$api_port"
}
run_api "$token" 1000
chmod 755 "$scratch/tls"
make_account "$token"
write_kubeconfig "$api_port" "$scratch/account/ca.crt" "tokenFile: $scratch/account/token"
cat > "$scratch/config.yml" <<-YAML
	log_level: debug
	attributes: {kubernetes: {enable: true}}
	discovery: {default_exclude_services: []}
	keyhole: {waiting_room: {timeout: 100ms}, server_address_from_host: false}
YAML
as_in_a_pod=(KUBECONFIG="$scratch/kubeconfig" NODE_NAME=n1)

synced() {
	[ "$(now_sum keyhole_kube_watch_up)" = 1 ]
}

# ---- captured bytes ----

trace_loader "$scratch/loader.strace" -e trace=%file,%network
start_collector "${as_in_a_pod[@]}" --config "$scratch/config.yml" --record "$scratch/tape"
ok "with the token the pods are had" wait_for 30 synced

mark=S3CR3T$RANDOM
port=$(free_port)
start_nginx "$scratch/web" "server { listen 127.0.0.1:$port;
	location / { add_header Set-Cookie 'id=${mark}set-cookie'; add_header X-Reason ${mark}reason; return 200 '${mark}answer'; }
	location /moved { return 302 /${mark}location; } }"
wait_for 30 listening "$port"
"$python" "$here/asks.py" "$port" "$mark" > "$scratch/secrets"
curl -s -o /dev/null "http://127.0.0.1:$port/moved"
wait_for 30 reached 15 http_server_request_duration_seconds_count "server_port=\"$port\""
settled_sum http_server_request_duration_seconds_count "server_port=\"$port\"" > /dev/null # the last ones, too
within "requests were measured" "$(now_sum http_server_request_duration_seconds_count "server_port=\"$port\"")" 15 1000
# that which is looked for was there to be found
out=$scratch/out
mkdir "$out"
collect_outputs() { # NAME
	scrape "$out/$1.text"
	curl -sf -H 'Accept: application/openmetrics-text; version=1.0.0' "http://127.0.0.1:$metrics_port/metrics" > "$out/$1.openmetrics"
	curl -s "http://127.0.0.1:$metrics_port/readyz" > "$out/$1.readyz"
	cp "$collector_log" "$out/$1.log"
	cp "$loader_log" "$out/$1.loader.log"
	cat "/proc/$collector/task/"*/comm "/proc/$collector/cmdline" | tr '\0' '\n' > "$out/$1.names"
}
found_in() { # TEXT DIRECTORY
	grep -rlaF -- "$1" "$2" || true
}
collect_outputs default
stop "$collector"
chown 65532 "$scratch/tape"
lost=$(while read -r text; do grep -qaF -- "$text" "$scratch/tape" || echo "$text"; done < "$scratch/secrets" | tr '\n' ' ')
is "and what is secret was captured, to be hidden" "$lost" ""
"$collector_bin" --config "$scratch/config.yml" --replay "$scratch/tape" --print-metrics > "$out/printed" 2> "$out/printed.log" || true
ok "--print-metrics has them too" grep -q "server_port=\"$port\"" "$out/printed"
while read -r text; do
	is "nowhere: ${text#"$mark"}" "$(found_in "$text" "$out")" ""
done < "$scratch/secrets"

# With routes, a path may come out as the route that is guessed from it, and nothing else may.
printf 'routes: {unmatched: heuristic}\n' >> "$scratch/config.yml"
rm -rf "${out:?}"/*
start_collector "${as_in_a_pod[@]}" --config "$scratch/config.yml"
"$python" "$here/asks.py" "$port" "$mark" > "$scratch/secrets"
curl -s -o /dev/null "http://127.0.0.1:$port/moved"
wait_for 30 reached 15 http_server_request_duration_seconds_count "server_port=\"$port\""
collect_outputs routes
ok "with routes: there are some" grep -q 'http_route="/' "$out/routes.text"
while read -r text; do
	is "with routes: nowhere: ${text#"$mark"}" "$(found_in "$text" "$out")" ""
done < <(grep -vxE "$mark(path|parameter|location)" "$scratch/secrets")

# ---- the token ----

is "the token is not in any output" "$(found_in "$token" "$out")" ""
before=$(now_sum keyhole_kube_requests_total 'result="fault"')
stop "$api_pid"
run_api "$next_token" 2000
ok "a token that is no longer good is refused" wait_for 30 reached $((before + 1)) keyhole_kube_requests_total 'result="fault"'
refused "and gives no pods" synced
renew_account "$next_token"
ok "the new one is read, in the sandbox" wait_for 45 synced
collect_outputs rotated
is "neither is in any output" "$(found_in TOKEN- "$out")" ""
cp "/proc/$collector/cmdline" "$out/cmdline"
ok "the loader's files are known" grep -q 'openat(' "$scratch/loader.strace"
refused "and it opened no token, and no other of that directory" grep -E 'serviceaccount|/account|token|kubeconfig' "$scratch/loader.strace"
is "it made no network socket" "$(grep -c 'socket(AF_INET' "$scratch/loader.strace" || true)" 0

# ---- memory ----

# As in Kubernetes: of its user from the start, so that no change of user closes its memory for it.
stop "$collector"
install -m 755 "$collector_bin" "$scratch/collector" # the way to the other may be closed to it
as_the_user=(setpriv --reuid=65532 --regid=65532 --clear-groups env KEYHOLE_LISTEN_ADDRESS=127.0.0.1
	KEYHOLE_PROMETHEUS_PORT="$metrics_port" KEYHOLE_LOADER_SOCKET="$socket" "$scratch/collector")
start "$collector_log" "${as_the_user[@]}"
collector=$started
wait_for "${KEYHOLE_SLOW:+1}20" grep -q 'connected to loader' "$collector_log"
pry() { # PID UID
	setpriv --reuid="$2" --regid="$2" --clear-groups "$python" "$here/pry.py" "$1" 2>&1 | grep -c open || true
}
start "$scratch/sleep.log" setpriv --reuid=65532 --regid=65532 --clear-groups sleep 600
within "a process of that user that does nothing for it is an open book" "$(pry "$started" 65532)" 4 7
is "the collector's memory is closed to its own user" "$(pry "$collector" 65532)" 0
is "no core may be made of it" "$(awk '/^Max core/ { print $5, $6 }' "/proc/$collector/limits")" "0 0"
is "root owns what stands for it in /proc" "$(stat -c %u "/proc/$collector/environ")" 0
stop "$collector"

# ---- core dumps: with the limit raised before, and a signal that makes one ----

dump() { # TEXT CMD...
	mkdir -p "$scratch/cores"
	chmod 777 "$scratch/cores"
	"$python" "$here/dumps.py" "$scratch/cores/log" "$@"
}
is "a signal that dumps a process dumps others" "$(dump '' setpriv --reuid=65532 --regid=65532 --clear-groups sleep 60)" "signal 11 core"
is "but not the collector" "$(dump sandbox: "${as_the_user[@]}")" "signal 11 no core"
is "nor the loader" "$(dump sandbox: "${only_two_caps[@]}" "$loader_bin" --socket "$socket_dir/other.sock")" "signal 11 no core"
summary
