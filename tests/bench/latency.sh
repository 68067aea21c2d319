#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# As root: programs are loaded.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export KEYHOLE_BUILD=$BENCH_BUILD
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$here/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=../system/agent.bash
. "$here/../system/agent.bash"
: > "$scratch/.summary" # nothing is counted here
# shellcheck disable=SC2154 # set by agent.bash
KEYHOLE_LISTEN_ADDRESS=127.0.0.1 KEYHOLE_PROMETHEUS_PORT=$metrics_port KEYHOLE_LOADER_SOCKET=$socket \
	"$python" -B "$here/latency.py" "$scratch" "${only_two_caps[@]}" "$loader_bin" --socket "$socket" -- "$collector_bin"
