#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The configuration is read again, within the sandbox: a link that moves as the kubelet moves a
# ConfigMap's, a file that is renamed or written over, SIGHUP. What is selected then reaches the
# kernel; a bad file changes nothing; no request is lost. As root.
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
need "$loader_bin" "$collector_bin" curl nginx "$python"

# ---- two pods, each with an nginx ----

uid() { # N: a pod's uid
	printf '0c0f1e9d-%04d-4000-8000-%012d' "$1" "$1"
}
id() { # N: a container's id
	printf '%064x' $((0xfed000 + $1))
}

api_port=$(free_port)
start "$scratch/api.log" "$python" "$here/fake_apiserver.py" --token first --tls "$scratch/tls" --port "$api_port" \
	--pod "namespace=shop,name=cart-5c9f8d7b6-qqqqq,uid=$(uid 1),node=n1,owner=Deployment/cart,container=cart:$(id 1),label=tier:front" \
	--pod "namespace=default,name=web-6d4cf56db6-x2x4z,uid=$(uid 2),node=n1,owner=Deployment/web,container=web:$(id 2)"
wait_for 30 listening "$api_port"
chmod 755 "$scratch/tls"
write_kubeconfig "$api_port" "$scratch/tls/ca.crt" "token: first"

cart=$(free_port) web=$(free_port)
start_nginx "$scratch/cart" "server { listen 127.0.0.1:$cart; location / { return 200 'hello\n'; } }" \
	in_cgroup "$(pod_cgroup "$(uid 1)" "$(id 1)")"
servers=("$started")
start_nginx "$scratch/web" "server { listen 127.0.0.1:$web; location / { return 200 'hello\n'; } }" \
	in_cgroup "$(pod_cgroup "$(uid 2)" "$(id 2)")"
servers+=("$started")
wait_for 30 listening "$cart"
wait_for 30 listening "$web"

# ---- a ConfigMap's directory ----

mkdir -m 755 "$scratch/conf"
ln -s ..data/keyhole.yml "$scratch/conf/keyhole.yml"

# As the kubelet does it: all files in a new directory, then one rename of a link.
swap() { # YAML
	local dir
	dir=$(mktemp -d "$scratch/conf/..XXXX")
	chmod 755 "$dir"
	printf '%s\n' "$1" > "$dir/keyhole.yml"
	ln -sfn "$(basename "$dir")" "$scratch/conf/..data_tmp"
	mv -T "$scratch/conf/..data_tmp" "$scratch/conf/..data"
}

selecting() { # WHAT [MORE-YAML]
	printf '%s\n' "attributes: {kubernetes: {enable: true}}" \
		"discovery: {instrument: [{$1}], default_exclude_instrument: []}" "${2:-}"
}

reloads() { # ok|failed
	now_sum keyhole_config_reloads_total "result=\"$1\""
}
has_reloaded() { # ok|failed TIMES
	[ "$(reloads "$1")" = "$2" ]
}
not_listening() { # PORT
	! listening "$1"
}
# The kernel itself ignores what the server at PORT does.
is_ignored() { # PORT
	local before
	before=$(now_sum keyhole_bpf_ignored_total)
	ask 3 "http://127.0.0.1:$1/"
	sleep 0.2
	[ "$(now_sum keyhole_bpf_ignored_total)" -ge $((before + 3)) ]
}

swap "$(selecting 'k8s_namespace: shop' 'routes: {patterns: [/old]}')"
start_loader
start_collector KUBECONFIG="$scratch/kubeconfig" NODE_NAME=n1 --config "$scratch/conf/keyhole.yml"
says "the sandbox is on" "$collector_log" 'sandbox: on: .*seccomp'
loaded=$(now_sum keyhole_config_last_reload_success_timestamp_seconds)
within "when the configuration was read is a metric" "$(($(date +%s) - loaded))" 0 60

ask 5 "http://127.0.0.1:$cart/old"
ask 6 "http://127.0.0.1:$web/old"
served "what is selected is shown" 5 "$cart" 'k8s_deployment_name="cart"' 'http_route="/old"'
served "what is not selected is not" 0 "$web"
ok "the kernel ignores what is not selected" wait_for 10 is_ignored "$web"

# ---- the link moves ----

swap "$(selecting 'k8s_namespace: default' 'routes: {patterns: [/old]}')"
ok "a ConfigMap's link that moves is seen" wait_for 20 has_reloaded ok 1
says "it says how much changed" "$collector_log" 'config: configuration read again: 1 option changed'
ask 7 "http://127.0.0.1:$web/old"
ask 8 "http://127.0.0.1:$cart/old"
served "what is selected now is shown: the kernel traces it again" 7 "$web" 'k8s_deployment_name="web"'
served "what is not selected any more has stopped" 5 "$cart"
ok "and the kernel ignores it" wait_for 10 is_ignored "$cart"

# ---- SIGHUP ----

swap "$(selecting 'k8s_namespace: default' 'routes: {patterns: ["/:any"]}')"
kill -HUP "$collector"
ok "SIGHUP reads it again" wait_for 20 has_reloaded ok 2
ask 4 "http://127.0.0.1:$web/old"
served "routes are the new ones" 4 "$web" 'http_route="/:any"'

# ---- names; labels that were not kept before ----

swap "$(selecting 'k8s_pod_labels: {tier: front}' 'routes: {patterns: ["/:any"]}')
service_name: ignored-in-pods
log_level: debug"
ok "a selector may look at labels that nobody asked for before" wait_for 20 has_reloaded ok 3
says "the pods are listed again for that" "$collector_log" 'main: other labels of pods are asked for'
front_shows() {
	ask 1 "http://127.0.0.1:$cart/old"
	reached 6 http_server_request_duration_seconds_count "server_port=\"$cart\""
}
ok "and it finds them" wait_for 20 front_shows
before=$(now_sum http_server_request_duration_seconds_count "server_port=\"$web\"")
ask 3 "http://127.0.0.1:$web/old"
served "what has no such label is not shown" "$before" "$web"

# ---- a bad file ----

swap "$(selecting 'k8s_namespace: shop')
prometheus_export: {prot: 9}"
ok "a bad file is counted" wait_for 20 has_reloaded failed 1
says "it says what is wrong, and where" "$collector_log" \
	'error config: .*/conf/keyhole.yml:[0-9]*:[0-9]*: unknown key "prot"; did you mean "port"\?'
says "it says that nothing changed" "$collector_log" \
	'/conf/keyhole.yml is not taken over, see above: the configuration before it stays in effect'
is "a bad file is read once, not at every look" "$(sleep 3 && reloads failed)" 1
before=$(now_sum http_server_request_duration_seconds_count "server_port=\"$cart\"")
ask 9 "http://127.0.0.1:$cart/old"
served "the configuration before it stays in effect" $((before + 9)) "$cart"
rm "$scratch/conf/..data"
ok "no file is a bad file" wait_for 20 has_reloaded failed 2
swap "$(selecting "k8s_namespace: '[a'")"
ok "so is a pattern that is none" wait_for 20 has_reloaded failed 3

# ---- what takes a new start ----

swap "$(selecting 'k8s_namespace: "*"')
prometheus_export: {ttl: 7m}
keyhole: {series_limit: 77}
ebpf: {bpf_debug: true}"
ok "a good file after a bad one" wait_for 20 has_reloaded ok 4
says "an option that takes a new start says so" "$collector_log" 'warn config: prometheus_export.ttl changed; it takes effect at the next start'
says "and so does another" "$collector_log" 'warn config: keyhole.series_limit changed; it takes effect at the next start'
says "a section routes that is gone says what that means" "$collector_log" 'routes is no section any more; the label http_route follows at the next start'
says "what is not supported is answered as at the start" "$collector_log" 'not supported by Keyhole: ebpf.bpf_debug, because '
within "the time of the last good file moves on" "$(now_sum keyhole_config_last_reload_success_timestamp_seconds)" "$loaded" 99999999999

# ---- under load: every request is counted, whichever configuration it meets ----

total() {
	now_sum http_server_request_duration_seconds_count "server_port=\"$web\""
}
before=$(total) files=0
start "$scratch/load" ask 6000 "http://127.0.0.1:$web/load" --rate 60000/m
load=$started
for name in a b c d; do
	swap "attributes: {kubernetes: {enable: true, cluster_name: $name}}"
	kill -HUP "$collector"
	files=$((files + 1))
	wait_for 20 has_reloaded ok $((4 + files)) || true
done
wait "$load" || true
served "no request is lost by reloads" $((before + 6000)) "$web"
ok "names changed on the way" grep -q 'k8s_cluster_name="d"' "$metrics"
nothing_lost "and no record"

# ---- a plain file, without a cluster ----

stop "$collector"
mkdir -m 755 "$scratch/plain"
rename_to() { # FILE YAML
	printf '%s\n' "$2" > "$scratch/plain/new"
	mv "$scratch/plain/new" "$1"
}
plain=$scratch/plain/keyhole.yml
echo "open_port: $cart" > "$plain"
start_collector --config "$plain"
echo "open_port: $cart,$web" > "$plain"
ok "a file that is written over is seen" wait_for 20 has_reloaded ok 1
ask 3 "http://127.0.0.1:$web/x"
ask 4 "http://127.0.0.1:$cart/x"
served "both are in effect: one" 3 "$web"
served "both are in effect: the other" 4 "$cart"
rename_to "$plain" "open_port: $web"
ok "another file in its place is out of the sandbox's reach" wait_for 20 has_reloaded failed 1
says "and that is said, with what to do" "$collector_log" 'plain/keyhole.yml is not taken over, .*the sandbox lets a file be replaced only below /etc or behind a link'
stop "$collector"
ln -s keyhole.yml "$scratch/plain/link.yml"
start_collector --config "$scratch/plain/link.yml"
rename_to "$plain" "open_port: $cart"
ok "behind a link it is not" wait_for 20 has_reloaded ok 1

# All of /tmp is not opened for that.
stop "$collector"
ln -s "$plain" "$scratch.yml"
start_collector --config "$scratch.yml"
rm "$scratch.yml"
echo "open_port: $cart" > "$scratch.yml"
chmod 644 "$scratch.yml"
ok "a link in a directory such as /tmp does not open it" wait_for 20 has_reloaded failed 1
rm "$scratch.yml"

stop "$collector"
mkfifo "$scratch/pipe"
echo "open_port: $cart" > "$scratch/pipe" &
start_collector --config "$scratch/pipe"
kill -HUP "$collector"
says "a pipe is not read again: it would be empty" "$collector_log" 'SIGHUP: there is no configuration file that could be read again'
ask 2 "http://127.0.0.1:$cart/x"
served "what came from it stays in effect" 2 "$cart"

stop "$collector"
start_collector
kill -HUP "$collector"
says "without a file SIGHUP says so, and nothing ends" "$collector_log" 'SIGHUP: there is no configuration file that could be read again'
ok "it goes on" serving

# Their cgroups can be removed when the workers have gone, too.
for server in "${servers[@]}"; do
	stop "$server"
done
wait_for 10 not_listening "$cart" || true
wait_for 10 not_listening "$web" || true

summary
