#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Both ends of a connection compute the same id for the same exchange: the initial sequence
# numbers and the sequence number of the request's first byte. Also when a FIN was read with the
# last bytes (the kernel counts it), for messages in pieces, for IPv6, and for connections that
# are older than Keyhole. As root.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/agent.bash"
need_root
# shellcheck disable=SC2154 # set by agent.bash
need "$loader_bin" "$collector_bin" "$traffic_bin" "$python"

# shellcheck disable=SC2154 # set by lib.sh
tape=$scratch/tape
ids() { # PORT
	"$python" "$(dirname "${BASH_SOURCE[0]}")/tape_ids.py" "$tape" "$1"
}

# one connection is there before Keyhole is; it speaks afterwards
old=$(free_port)
mkfifo "$scratch/go"
# shellcheck disable=SC2016 # a background command's own standard input is /dev/null
start "$scratch/old.log" bash -c 'exec "$@" < "$0"' "$scratch/go" \
	"$traffic_bin" keep-alive --port "$old" --requests 5 --hold
exec 9> "$scratch/go"
wait_for 10 grep -q ready "$scratch/old.log"

start_loader
start_collector --record "$tape"

echo go >&9
exec 9>&-
wait_for 10 grep -q '"scenario"' "$scratch/old.log"

declare -A ports
for scenario in keep-alive fresh fin request-bytes response-bytes upload-1m sendfile expect until-close; do
	ports[$scenario]=$(free_port)
	"$traffic_bin" "$scenario" --port "${ports[$scenario]}" --requests 4 > /dev/null
done
ports[ipv6]=$(free_port)
"$traffic_bin" keep-alive --port "${ports[ipv6]}" --requests 4 --ipv6 > /dev/null
for port in "$old" "${ports[@]}"; do
	for side in client server; do
		wait_for 20 reached 4 "http_${side}_request_duration_seconds_count" "server_port=\"$port\"" || true
	done
done
sleep 0.3 # longer than a record waits at most

# shellcheck disable=SC2154 # set by agent.bash
stop "$collector" # what is buffered is written now

for scenario in keep-alive fresh fin request-bytes response-bytes upload-1m sendfile until-close ipv6; do
	is "$scenario: each exchange has one id at both ends" "$(ids "${ports[$scenario]}")" \
		"${ports[$scenario]}: exchanges=8 paired=4 adopted=0"
done
# the body that follows 100 Continue is a record of its own
is "expect: head and body agree, each" "$(ids "${ports[expect]}")" \
	"${ports[expect]}: exchanges=16 paired=8 adopted=0"
is "a connection older than Keyhole is marked, and agrees as well" "$(ids "$old")" \
	"$old: exchanges=10 paired=5 adopted=10"

summary
