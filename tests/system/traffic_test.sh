#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# traffic_test.sh [TRAFFIC]: the program which plays the traffic does what it says, in every
# scenario. It checks itself (each side compares every byte, and the counts with the other's).
set -euo pipefail

traffic=${1:-${KEYHOLE_BUILD:-$(dirname "$0")/../../build}/tests/system/traffic}
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
out=$scratch

plays() { # NAME PYTHON-CONDITION on `r` TRAFFIC-ARGUMENT...
	local name=$1 condition=$2
	shift 2
	if timeout 60 "$traffic" "$@" > "$out/json" 2> "$out/err" &&
		python3 -c 'import json, sys
r = json.loads(open(sys.argv[1]).readlines()[-1])
assert r["requests"] == sum(r["methods"].values()) == len(set(r["paths"])), r
assert '"$condition"', r' "$out/json" 2>> "$out/err"; then
		pass "$name"
	else
		fail "$name" "$(tail -n 1 "$out/err")"
	fi
}

for scenario in $("$traffic" --list | cut -d' ' -f1); do
	for family in '' --ipv6 --mapped; do
		# shellcheck disable=SC2086 # no word for IPv4
		plays "$scenario $family" 'True' "$scenario" $family
	done
done

plays "the number of requests is as asked for" 'r["requests"] == 7 and r["responses"] == 7' \
	write --requests 7
plays "a reset response is no whole response" 'r["requests"] == 4 and r["responses"] == 0' reset-middle
plays "noise has no request" 'r["requests"] == 0 and r["other_bytes"] == 6000' noise
plays "a non-blocking side meets EAGAIN" 'r["eagain"] > 0' nonblock-10m
plays "a HEAD has no body" 'r["response_body_bytes"] == 0' head
plays "held, it waits for a line and then goes on" 'r["requests"] == 4' write --hold < <(echo)

port=$(free_port)
start "$out/server" "$traffic" fresh --role server --port "$port"
plays "the client's side alone" 'r["responses"] == 4' fresh --role client --port "$port"
wait_for 5 stopped "$started"
ok "the server's side counts alike" \
	grep -q '"role":"server".*"requests":4,"responses":4' "$out/server"
summary
