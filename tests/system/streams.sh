#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What BPF tells of connections that speak no HTTP/1, and of datagrams: streams.py plays them, and
# says of each what is wrong with what was told. As root.
# KEYHOLE_BUILD: where the programs were built (default: build/). KEYHOLE_BACKEND: of the loader.
# shellcheck disable=SC2154 # set by what is sourced
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/agent.bash"
need_root
need "$loader_bin" "$build/tests/system/segments" "$python"

scenario streams
chgrp 0 "$socket_dir"
mkfifo "$scratch/go"
"$python" "$(dirname "${BASH_SOURCE[0]}")/streams.py" "$build/tests/system/segments" "$socket" "$scratch/go" \
	> "$scratch/said" 2> "$scratch/errors" &
player=$!
remember "$player"
wait_for "${KEYHOLE_SLOW:+1}30" grep -q older "$scratch/said" # it has connections that are
start_loader --backend "${KEYHOLE_BACKEND:-auto}" --peer-uid 0 --streams 64 --data-ring 256K
sed -n 's/.* backend \([a-z+]*\).*/\1/p' "$loader_log" | tail -n 1 > "$scratch/go"
status=0
wait "$player" || status=$?
while IFS=$'\t' read -r result name why; do
	[ "$result" != older ] || continue
	if [ "$result" = ok ]; then pass "$name"; else fail "$name" "$why"; fi
done < "$scratch/said"
is "streams.py came to its end" "$status" 0
[ "$status" = 0 ] || cat "$scratch/errors"
summary
