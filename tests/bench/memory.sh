#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# As root: programs are loaded. $BENCH_SOAK: cycles of the soak, of 10 s of the node's time each.
# $BENCH_IMAGE: what deploy/image/build made, whose programs are measured too.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.bash
. "$(dirname "$0")/lib.bash"
wants curl
memory=$BENCH_BUILD/tests/bench/bench-memory

SETTLED=12 # seconds: after ten the collector gives back what its start needed

resident() { # NAME PID
	awk -v name="$1" '/^VmRSS/ { printf "%s_resident %d bytes\n", name, $2 * 1024 }
		/^RssAnon/ { printf "%s_anonymous %d bytes\n", name, $2 * 1024 }' "/proc/$2/status"
}

# As after a boot: the kernel reads it from the disk when it is run. What was written in one piece may
# lie in the page cache in large ones, of which Linux 6.18 maps each whole.
read_afresh() { # FILE...
	local file
	for file; do
		sync "$file"
		dd if="$file" iflag=nocache count=0 status=none
	done
}

# ---- the loader, and what it made in the kernel ----

measure_loader() { # NAME
	start_loader
	sleep 1
	resident "$1" "$loader"
}

measure_maps() {
	cat "/proc/$loader/fdinfo/"* 2> /dev/null | awk '
		/^memlock:/ { bytes = $2 }
		/^map_id:/ && !seen[$2]++ { sum += bytes }
		END { print "maps_all", sum, "bytes" }'
}

# ---- the collector: 250 pods of a real list, 1,000 series of a tape ----

prepare_collector() {
	"$memory" tape "$scratch/tape"
	chmod 644 "$scratch/tape"
	start "$scratch/api.port" "$python" -B "$bench/pods.py" serve 250 250
	wait_for 20 test -s "$scratch/api.port"
	printf '%s\n' "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:$(cat "$scratch/api.port")'}}]" \
		'contexts: [{name: c, context: {cluster: c}}]' 'current-context: c' > "$scratch/kubeconfig"
}

# Twice: with what the start left, and as it stays. A scrape is part of both.
measure_collector() { # NAME
	start "$collector_log" run_collector KUBECONFIG="$scratch/kubeconfig" NODE_NAME=node-1 --replay "$scratch/tape"
	collector=$started
	wait_for 20 reached 1000 http_server_request_duration_seconds_count 'k8s_pod_name="app-'
	resident "$1_at_first" "$collector" | grep _resident
	sleep "$SETTLED"
	scrape
	resident "$1" "$collector"
}

read_afresh "$loader_bin" "$collector_bin"
measure_loader loader
measure_maps
prepare_collector
measure_collector collector
echo "collector_series $(metric_count "$metrics" http_server_request_duration_seconds_count 'k8s_pod_name="app-') series"
if [ -n "${BENCH_IMAGE:-}" ]; then
	stop "$collector"
	stop "$loader"
	loader_bin=$BENCH_IMAGE/loader/keyhole-loader collector_bin=$BENCH_IMAGE/collector/keyhole-collector
	read_afresh "$loader_bin" "$collector_bin"
	measure_loader image_loader
	measure_collector image_collector
	stop "$collector"
	strip -o "$scratch/collector" "$collector_bin" # which writes it in one piece
	collector_bin=$scratch/collector
	measure_collector image_collector_written | grep written_resident
fi
"$memory" parts
"$memory" soak "${BENCH_SOAK:-180}"
