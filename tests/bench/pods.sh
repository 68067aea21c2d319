#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Whether a node's memory follows the cluster is for a real client to show.
set -euo pipefail
cd "$(dirname "$0")"
server=
trap '[ -z "$server" ] || kill "$server"' EXIT
bench=$BENCH_BUILD/tests/bench/bench-kube

in_cluster() { # PODS OF_NODE
	: > "$BENCH_WORK/port"
	/usr/bin/python3 -B ./pods.py serve "$@" > "$BENCH_WORK/port" &
	server=$!
	until [ -s "$BENCH_WORK/port" ]; do sleep 0.1; done
	"$bench" client "http://127.0.0.1:$(cat "$BENCH_WORK/port")" 2> "$BENCH_WORK/log" |
		sed "s/^/cluster_of_$1_/" || cat "$BENCH_WORK/log" >&2
	kill "$server"
	server=
}

/usr/bin/python3 -B ./pods.py list 250 | "$bench" list
in_cluster 250 250
in_cluster 100000 250
