#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A receiver of OTLP that attacks the collector: bodies, heads and trailers without end, bombs,
# drips, redirects to others, floods of 100-continue. Its memory stays bounded, it answers scrapes
# meanwhile, connects to nobody else, and exports again once the receiver is good. In its whole sandbox,
# unprivileged.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../lib.sh"
# shellcheck source-path=SCRIPTDIR source=../agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/../agent.bash"
need "$collector_bin" curl "$python"
here=$(dirname "${BASH_SOURCE[0]}")

port=$(free_port) beside=$(free_port)
attacks=$("$python" "$here/otlp_hostile.py" "$port" "$beside" names)
start "$scratch/hostile.log" "$python" "$here/otlp_hostile.py" "$port" "$beside"
wait_for 30 listening "$port"
be() { # NAME
	curl -sf "http://127.0.0.1:$port/be/$1" > /dev/null
}
state() { # PYTHON-EXPRESSION of `s`
	curl -sf "http://127.0.0.1:$port/state" | "$python" -c "import json, sys; s = json.load(sys.stdin); print($1)"
}
at_least() { # WANT PYTHON-EXPRESSION
	[ "$(state "$2")" -ge "$1" ]
}
kib() { # FIELD of /proc/PID/status
	awk -v field="$1:" '$1 == field { print $2 }' "/proc/$collector/status"
}
sockets() { # of the collector that lead to the port beside
	ss -Htnp "dport = :$beside" 2> /dev/null | grep -c "pid=$collector," || true
}

start "$collector_log" run_collector OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:$port" OTEL_TRACES_EXPORTER=none \
	OTEL_EXPORTER_OTLP_TIMEOUT=2000 KEYHOLE_METRICS_INTERVAL=200ms KEYHOLE_BACKOFF_INITIAL_INTERVAL=100ms \
	KEYHOLE_BACKOFF_MAX_INTERVAL=200ms KEYHOLE_SHUTDOWN_TIMEOUT=2s \
	--replay "$repo/tests/replay/keep-alive.tape"
collector=$started
wait_for 20 serving
ok "a good receiver gets what there is" wait_for 20 at_least 3 "s['got'].get('good', 0)"
before=$(kib VmRSS)

for attack in $attacks; do
	[ "$attack" != wait_for_ever ] || continue
	be "$attack"
	ok "$attack: it is met" wait_for 30 at_least 2 "s['got'].get('$attack', 0)"
	ok "$attack: scrapes are answered meanwhile" curl -sf --max-time 10 -o /dev/null "http://127.0.0.1:$metrics_port/metrics"
	be good
	good=$(state "s['got']['good']")
	ok "$attack: good again, it gets what there is" wait_for 30 at_least $((good + 2)) "s['got']['good']"
done
is "nobody else was connected to" "$(state "s['beside']") $(sockets)" "0 0"
is "no cookie was kept, no credential sent" "$(state "s['got'].get('told_a_secret', 0)")" 0
peak=$(kib VmHWM)
within "memory stayed within 12 MiB of what it was, in KiB" $((peak - before)) 0 12288
is "what it says to people has no control characters" "$(LC_ALL=C grep -c '[^[:print:][:space:]]' "$collector_log" || true)" 0
refused "and says it seldom" test "$(grep -c 'not taken by the receiver' "$collector_log")" -gt 10

be wait_for_ever
wait_for 20 at_least 1 "s['got'].get('wait_for_ever', 0)" || true
ok "a pause without end does not keep it from scrapes" curl -sf --max-time 10 -o /dev/null "http://127.0.0.1:$metrics_port/metrics"
kill "$collector"
ok "nor from its end" wait_for 30 stopped "$collector"
summary
