#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Options of the process itself do what the reference says: the log, the configuration that is
# shown, a health check at a port of its own, what is left out; and --check-config gives what it
# was given. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/agent.bash"
need_root
need "$loader_bin" "$collector_bin" curl jq nginx "$python"

port=$(free_port) health=$(free_port)
start_nginx "$scratch/web" "server { listen 127.0.0.1:$port; location / { return 200 'hello\n'; } }"
nginx=$started
wait_for 30 listening "$port"

answers() { # STATUS URL
	is "$1: $2" "$(curl -s -o /dev/null -w '%{http_code}' "$2")" "$1"
}

# ---- what is written to the log ----

start_loader
cat > "$scratch/c.yml" <<-YAML
	log_format: json
	log_config: json
	health_check: {port: $health}
	prometheus_export: {disable_build_info: true}
	ebpf: {context_propagation: all}
YAML
start_collector --config "$scratch/c.yml"
says "log_config: what is in effect is in the log" "$collector_log" '^\{"log_level":"info",.*"log_format":"json"'
sed -n '/^{"time"/p' "$collector_log" > "$scratch/lines"
is "log_format: from then on each line is an object" "$(jq -r 'keys_unsorted | join(" ")' "$scratch/lines" | sort -u)" "time level module message"
is "only what was said of the file itself came before" "$(grep -v '^{' "$collector_log" | grep -c -v 'config: ')" 0

# ---- probes ----

answers 200 "http://127.0.0.1:$health/healthz"
wait_for 10 curl -sf -o /dev/null "http://127.0.0.1:$health/readyz" || true
answers 200 "http://127.0.0.1:$health/readyz"
answers 404 "http://127.0.0.1:$health/metrics"
scrape
is "disable_build_info: it is not there" "$(grep -c '^keyhole_build_info' "$metrics")" 0
ok "all else is" grep -q '^keyhole_records_seen_total' "$metrics"

# ---- what is left out ----

ask 3 "http://127.0.0.1:$port/"
served "a program below /usr/sbin is shown" 3 "$port"
stop "$collector"
echo 'discovery: {excluded_linux_system_paths: [/usr/sbin/, /sbin/]}' > "$scratch/c.yml"
start_collector --config "$scratch/c.yml"
ask 4 "http://127.0.0.1:$port/"
made "excluded_linux_system_paths: others are" 4 "$port"
served "but no program there" 0 "$port"
stop "$collector"
start_collector KEYHOLE_TARGET_PID="$(pgrep -d , -P "$nginx")"
ask 5 "http://127.0.0.1:$port/"
served "TARGET_PID: these processes are shown" 5 "$port"
made "and no other" 0 "$port"

# ---- --check-config and its like ----

check() { # FILE: without the environment that tests set
	env -i "$collector_bin" --check-config "$1"
}
check "$scratch/c.yml" > "$scratch/once.yml" 2> "$scratch/said"
check "$scratch/once.yml" > "$scratch/twice.yml" 2>> "$scratch/said"
ok "--check-config: what it prints gives the same again" diff "$scratch/once.yml" "$scratch/twice.yml"
ok "it is what was given" grep -qx '  excluded_linux_system_paths: \[/usr/sbin/, /sbin/\]' "$scratch/once.yml"
is "and nothing was to be said" "$(cat "$scratch/said")" ""
ok "--help-config KEY" grep -q 'Path of the metrics' <("$collector_bin" --help-config prometheus_export.path)
refused "--help-config of a key that there is not" "$collector_bin" --help-config prometheus_export.pth

summary
