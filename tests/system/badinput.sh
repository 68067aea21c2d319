#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Whatever is wrong with what comes in, from people or from the network: one clear line, no crash,
# and everybody else is served on. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/agent.bash"
hostile=$(dirname "${BASH_SOURCE[0]}")/hostile.py
need_root
need "$loader_bin" "$collector_bin" nginx curl "$python"

# It ends by itself with that status and says so.
refuses() { # TEST-NAME STATUS REGEX CMD...
	local test=$1 want=$2 regex=$3 status=0
	shift 3
	timeout 60 "$@" > "$scratch/out" 2> "$scratch/err" < /dev/null || status=$?
	is "$test: it ends" "$status" "$want"
	if grep -qE -- "$regex" "$scratch/err"; then
		pass "$test: it says why"
	else
		fail "$test: it says why" "want: $regex"$'\n'"$(cat "$scratch/err")"
	fi
}

# shellcheck disable=SC2054 # these commas are setpriv's
loader_as=(setpriv --bounding-set=-all,+bpf,+perfmon --inh-caps=-all,+bpf,+perfmon --ambient-caps=-all,+bpf,+perfmon)
collector_as=(env KEYHOLE_LISTEN_ADDRESS=127.0.0.1 KEYHOLE_LOADER_SOCKET="$socket" KEYHOLE_PROMETHEUS_PORT="$metrics_port")

# ---- options ----

refuses "loader: an unknown option" 2 '^keyhole-loader: --ring: no such option; see --help$' "$loader_bin" --ring 1
refuses "loader: no option at all" 2 '"data": options begin with --' "$loader_bin" data
refuses "loader: a value that is missing" 2 '--socket=: needs a value' "$loader_bin" --socket
refuses "loader: a ring that is no power of two" 2 '--data-ring=3M: must be a power of two' "$loader_bin" --data-ring 3M
refuses "loader: a ring too small" 2 '--data-ring=4K: must be a number from 65536' "$loader_bin" --data-ring 4K
refuses "loader: a head that fits no slot" 2 '--request-head=300: must be a multiple of 64' "$loader_bin" --request-head 300
refuses "loader: a backend nobody knows" 2 '--backend=kprobe: must be auto, tracepoint or fexit' "$loader_bin" --backend kprobe
refuses "loader: no directory for its socket" 1 '--socket=/nonexistent/l.sock: No such file.*directory must exist' \
	"${loader_as[@]}" "$loader_bin" --socket /nonexistent/l.sock
echo precious > "$scratch/file"
refuses "loader: a file where its socket should be" 1 'exists and is no socket; remove it' \
	"${loader_as[@]}" "$loader_bin" --socket "$scratch/file"
is "which is left alone" "$(cat "$scratch/file")" precious

refuses "collector: an unknown option" 2 '^keyhole-collector: --port: no such option; see --help$' "$collector_bin" --port
refuses "collector: a value that is missing" 2 '--config: needs a value' "$collector_bin" --config
refuses "collector: a value where none belongs" 2 '--no-sandbox: takes no value' "$collector_bin" --no-sandbox=1
refuses "collector: no number" 2 '--user=me: must be a uid' "$collector_bin" --user me
refuses "collector: to record what is replayed" 2 'exclude each other' "$collector_bin" --record a --replay b

# ---- configuration ----

configured() { # TEST-NAME STATUS REGEX YAML
	printf '%s\n' "$4" > "$scratch/c.yml"
	refuses "$1" "$2" "$3" "$collector_bin" --check-config --config "$scratch/c.yml"
}
refuses "no such file" 1 '/nonexistent.yml: .*No such file' "$collector_bin" --config /nonexistent.yml
configured "broken YAML: where" 1 'c\.yml:2:[0-9]+: ' 'log_level: info
  port: [1'
configured "an unknown key: where, and what was meant" 1 'c\.yml:2:3: unknown key .*prot.*did you mean .*port' 'prometheus_export:
  prot: 9090'
configured "a number out of range" 1 'c\.yml:1:29: .*65535' 'prometheus_export: {port:   99999}'
configured "text for a number" 1 'c\.yml:1:29: ' 'prometheus_export: {port:   many}'
configured "a key given twice" 1 'c\.yml:2:1: .*log_level' 'log_level: info
log_level: warn'
configured "a pattern that is none" 1 'c\.yml:1:35: .*missing closing parenthesis' 'discovery: {services: [{exe_path: "(("}]}'
configured "a count that RE2 refuses" 1 'c\.yml:1:35: .*it repeats something more than 1000 times' 'discovery: {services: [{exe_path: "a{1001}"}]}'
configured "a word nobody knows" 1 'c\.yml:1:12: .*error, warn, info, debug' 'log_level: loud'
configured "an alias bomb" 1 'c\.yml:1:[0-9]+: ' 'routes: &a {patterns: [*a, *a]}'
head -c 3000 /dev/urandom > "$scratch/c.yml"
refuses "no YAML at all" 1 'c\.yml' "$collector_bin" --check-config --config "$scratch/c.yml"
printf 'log_level: info\n' > "$scratch/c.yml"
ok "a configuration that is fine" "$collector_bin" --check-config --config "$scratch/c.yml"

taken=$(free_port)
start "$scratch/taken.log" "$python" -m http.server --bind 127.0.0.1 "$taken"
wait_for 30 listening "$taken"
refuses "a port that is taken" 1 "port $taken: Address already in use; another process listens there" \
	"${collector_as[@]}" KEYHOLE_PROMETHEUS_PORT="$taken" "$collector_bin"

# ---- the cluster's files ----

cat > "$scratch/kubeconfig" <<-YAML
	apiVersion: v1
	current-context: t
	contexts: [{name: t, context: {cluster: t, user: t}}]
	clusters: [{name: t, cluster: {server: "https://127.0.0.1:1"}}]
	users: [{name: t, user: {tokenFile: $scratch/secret/token}}]
YAML
mkdir -m 700 "$scratch/secret"
echo token > "$scratch/secret/token"
start "$collector_log" run_collector KUBECONFIG="$scratch/kubeconfig" NODE_NAME=n1
collector=$started
says "a token that cannot be read is said" "$collector_log" '(warn|error) kube: .*secret/token.*Permission denied'
ok "the collector goes on without" wait_for 20 serving
stop "$collector"
refuses "no kubeconfig where one is named" 1 'nonexistent.*No such file' "${collector_as[@]}" KUBECONFIG=/nonexistent "$collector_bin"
ln -s / "$scratch/broad" # /token would do, but a test leaves the root alone
printf '%s\n' "$(sed "s|$scratch/secret/token|$scratch/broad/token|" "$scratch/kubeconfig")" > "$scratch/broad.kubeconfig"
refuses "a token in a directory that is too broad" 1 'Landlock: all of / would be readable.*of its own' \
	"${collector_as[@]}" KUBECONFIG="$scratch/broad.kubeconfig" "$collector_bin"
echo '{' > "$scratch/kubeconfig"
refuses "a kubeconfig that is none" 1 'kubeconfig' "${collector_as[@]}" KUBECONFIG="$scratch/kubeconfig" "$collector_bin"
printf 'attributes: {kubernetes: {enable: true}}\n' > "$scratch/c.yml"
refuses "a cluster that is asked for and not there" 1 'there is no cluster' "${collector_as[@]}" "$collector_bin" --config "$scratch/c.yml"

# ---- tapes ----

refuses "--record onto a file that is no tape" 1 '--record .*file: exists and is no tape' "${collector_as[@]}" "$collector_bin" --record "$scratch/file"
is "which is left alone too" "$(cat "$scratch/file")" precious
refuses "--record where nothing can be" 1 '--record /nonexistent/t: No such file' "${collector_as[@]}" "$collector_bin" --record /nonexistent/t
replays() { # TEST-NAME REGEX FILE
	timeout 60 "$collector_bin" --replay "$3" --print-metrics > "$scratch/out" 2> "$scratch/err" || true
	says "$1" "$scratch/err" "$2"
	ok "$1: its metrics come all the same" grep -q '^keyhole_build_info' "$scratch/out"
}
: > "$scratch/empty"
head -c 5000 /dev/urandom > "$scratch/noise"
chmod 644 "$scratch/noise" "$scratch/empty"
replays "--replay of noise" '--replay .*noise: not a tape' "$scratch/noise"
replays "--replay of nothing" '--replay .*empty: not a tape' "$scratch/empty"
{
	printf 'KHTAPE\n\0\004\0\0\0\004\003\002\001'
	head -c 4000 /dev/zero
	head -c 4000 /dev/urandom
} > "$scratch/tape"
replays "--replay of a tape that is damaged" '--replay .*tape: damaged after' "$scratch/tape"

# ---- the wire ----

start_loader
start_collector
port=$(free_port) raw=$(free_port)
start_nginx "$scratch/web" "server { listen 127.0.0.1:$port; location / { return 200 'hello\n'; } }"
start "$scratch/raw.log" "$python" "$hostile" server "$raw"
wait_for 30 listening "$port"
wait_for 30 listening "$raw"

scrape
io=$(metric_sum "$metrics" keyhole_bpf_rx_bytes_total)
ok "noise on connections, in both directions" timeout 60 "$python" "$hostile" client "$raw" 300
ok "nonsense to an HTTP server" timeout 60 "$python" "$hostile" http "$port" 300
ok "the collector lives" process_start "$collector"
ok "the loader lives" process_start "$loader"
within "what was sent was looked at" "$(now_sum keyhole_bpf_rx_bytes_total)" $((io + 100000)) 1e12
ok "what it sent to scrapes is still right" "$python" - "$metrics" <<-'PYTHON'
	import sys
	text = open(sys.argv[1], "rb").read().decode()
	assert all(c >= " " or c == "\n" for c in text), "control characters"
PYTHON
before=$(metric_sum "$metrics" http_server_request_duration_seconds_count "server_port=\"$port\"" 'status_code="200"')
ask 25 "http://127.0.0.1:$port/after"
served "requests are counted as before" $((before + 25)) "$port" 'status_code="200"'

# ---- scrapes ----

ok "garbage and huge heads on the scrape port" timeout 60 "$python" "$hostile" scrape "$metrics_port"
start "$scratch/slow.log" "$python" "$hostile" slow "$metrics_port" 3
slow=$started
wait_for 30 grep -q waiting "$scratch/slow.log"
ok "who asks and never reads leaves room for others" scrape
stop "$slow"
start "$scratch/slow.log" "$python" "$hostile" slow "$metrics_port" 6
slow=$started
wait_for 30 grep -q waiting "$scratch/slow.log"
is "too many of these: others are told to come back" \
	"$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$metrics_port/metrics")" 503
ok "too many of these: it is healthy all the same" serving
stop "$slow"
ok "then everybody is served again" wait_for 20 scrape
within "and the refusal was counted" "$(metric_sum "$metrics" keyhole_limit_reached_total 'limit="scrapes"')" 1 1000
ok "the collector lives through that" process_start "$collector"
ok "and answers others" scrape
is "a method that is not for this" \
	"$(curl -s -o /dev/null -w '%{http_code}' -X DELETE "http://127.0.0.1:$metrics_port/metrics")" 405
ask 25 "http://127.0.0.1:$port/after"
served "and counts" $((before + 50)) "$port" 'status_code="200"'
refused "nothing of all this is an error to it" grep -E ' error ' "$collector_log"
summary
