#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Loader and collector in a pid namespace of their own, as without hostPID: what the metrics say is
# what the traffic program did outside of it and in a third. As root. plays.bash says what may be set in the environment.
# shellcheck disable=SC2154 # set by what is sourced
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/agent.bash"
# shellcheck source-path=SCRIPTDIR source=plays.bash
. "$(dirname "${BASH_SOURCE[0]}")/plays.bash"

# ---- loader and collector in a pid namespace of their own, as without hostPID; larger heads ----

scenario namespaces
start_in_namespace() {
	: > "$loader_log"
	: > "$collector_log"
	start "$loader_log" unshare --pid --fork --mount-proc --kill-child \
		setpriv --bounding-set=-all,+bpf,+perfmon --inh-caps=-all,+bpf,+perfmon \
		--ambient-caps=-all,+bpf,+perfmon "$loader_bin" --socket "$socket" --backend "$backend" \
		--request-head 4096 --response-head 1024
	wait_for 130 grep -q 'sandbox:' "$loader_log" || true
	loader=$(pgrep -P "$started")
	start "$collector_log" nsenter --pid="/proc/$loader/ns/pid" \
		env KEYHOLE_LISTEN_ADDRESS=127.0.0.1 KEYHOLE_PROMETHEUS_PORT="$metrics_port" \
		KEYHOLE_LOADER_SOCKET="$socket" "$collector_bin"
	wait_for 130 serving || fail "loader and collector start in it" "$(cat "$loader_log" "$collector_log")"
	wait_for 130 grep -q 'connected to loader' "$collector_log" || true
	collector=$(pgrep -P "$started")
}

plays_held "Keyhole in a pid namespace, processes older and outside" start_in_namespace write threads
plays "Keyhole in a pid namespace, heads of 4096 and 1024 bytes" --response-head 1024 \
	"$traffic_bin" "$url" short-lived cookie-2000 cookie-6000 pipeline pipeline-8 post body-10m
plays "Keyhole in a pid namespace, traffic in another" --prefix "unshare --pid --fork --kill-child" \
	--response-head 1024 "$traffic_bin" "$url" write short-lived
stop_both "in a pid namespace"
summary
