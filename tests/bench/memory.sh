#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# As root: programs are loaded. $BENCH_SOAK: cycles of the soak, of 10 s of the node's time each.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.bash
. "$(dirname "$0")/lib.bash"
wants curl
memory=$BENCH_BUILD/tests/bench/bench-memory

resident() { # NAME PID
	awk -v name="$1" '/^VmRSS/ { printf "%s_resident %d bytes\n", name, $2 * 1024 }
		/^RssAnon/ { printf "%s_anonymous %d bytes\n", name, $2 * 1024 }' "/proc/$2/status"
}

# ---- the loader, and what it made in the kernel ----

start_loader
cat "/proc/$loader/fdinfo/"* 2> /dev/null | awk '
	/^memlock:/ { bytes = $2 }
	/^map_id:/ && !seen[$2]++ { sum += bytes }
	END { print "maps_all", sum, "bytes" }'
resident loader "$loader"

# ---- the collector: 250 pods of a real list, 1,000 series of a tape ----

"$memory" tape "$scratch/tape"
chmod 644 "$scratch/tape"
start "$scratch/api.port" "$python" -B "$bench/pods.py" serve 250 250
wait_for 20 test -s "$scratch/api.port"
printf '%s\n' "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:$(cat "$scratch/api.port")'}}]" \
	'contexts: [{name: c, context: {cluster: c}}]' 'current-context: c' > "$scratch/kubeconfig"
start "$collector_log" run_collector KUBECONFIG="$scratch/kubeconfig" NODE_NAME=node-1 --replay "$scratch/tape"
collector=$started
wait_for 20 reached 1000 http_server_request_duration_seconds_count 'k8s_pod_name="app-'
echo "collector_series $(metric_count "$metrics" http_server_request_duration_seconds_count 'k8s_pod_name="app-') series"
resident collector "$collector"
"$memory" parts
"$memory" soak "${BENCH_SOAK:-180}"
