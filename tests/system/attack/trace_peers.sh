#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Whoever can send datagrams to the port at which collectors tell each other of traces, but does
# not have their secret, or has it and sends nonsense: each datagram is counted, with the reason,
# nothing is answered, and nothing else happens. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../lib.sh"
# shellcheck source-path=SCRIPTDIR source=../agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/../agent.bash"
# shellcheck disable=SC2154 # set by agent.bash
need_root
need "$loader_bin" "$collector_bin" "$python" curl openssl

# shellcheck disable=SC2154 # set by lib.sh
mkdir -m 755 "$scratch/secret"
openssl rand -hex 32 > "$scratch/secret/key"
chmod 644 "$scratch/secret/key"
port=$(free_port) web=$(free_port)
start_loader
# Of this machine's other processes nothing is kept: its memory is looked at below.
start_collector KEYHOLE_OPEN_PORT="$web" OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://127.0.0.1:9 KEYHOLE_SHUTDOWN_TIMEOUT=1s \
	KEYHOLE_TRACES_PEERS_ENDPOINTS="127.0.0.1:$(free_port)" KEYHOLE_TRACES_PEERS_LISTEN=":$port" \
	KEYHOLE_TRACES_PEERS_SECRET_FILE="$scratch/secret/key"

attack() { # NAME
	"$python" "$(dirname "${BASH_SOURCE[0]}")/tell.py" "$port" "$scratch/secret/key" "$1"
}
numbers() { # what was taken, and each reason for which something was not: "taken 0 clock 0 ..."
	scrape
	printf 'taken %s' "$(metric_sum "$metrics" keyhole_trace_peers_datagrams_received_total)"
	sed -n 's/^keyhole_trace_peers_datagrams_refused_total{reason="\([a-z_]*\)"} \([0-9]*\)$/ \1 \2/p' "$metrics" |
		sort | tr -d '\n'
}
total() { # of these numbers
	awk '{ for (i = 2; i <= NF; i += 2) n += $i; print n + 0 }' <<< "$(numbers)"
}
has() { # TOTAL
	[ "$(total)" = "$1" ]
}
of() { # WORD
	numbers | grep -o "\b$1 [0-9]*" | cut -d' ' -f2
}

all=0
expect() { # WHAT ATTACK REASON=N...: so much is added to each, and nothing to others
	local what=$1 name=$2 before after sent added
	shift 2
	before=$(numbers)
	if ! sent=$(attack "$name" 2>&1); then
		fail "$what: nothing is answered" "$sent"
		return
	fi
	all=$((all + sent))
	wait_for 30 has "$all" || true
	after=$(numbers)
	added=$(awk '{ for (i = 1; i < NF; i += 2) if (n[$i]++) { if ($(i + 1) > v[$i]) printf "%s=%d ", $i, $(i + 1) - v[$i] } else v[$i] = $(i + 1) }' \
		<<< "$before $after")
	is "$what" "${added% }" "$*"
}

expect "made from the description, it is taken" good taken=1
expect "another secret" wrong_key mac=100
expect "the same again and again" replay taken=1 replay=100
expect "later than others by more than the window" late taken=1 replay=50
expect "by a clock that differs" clock clock=4
expect "every length but the right one" length length=1211
expect "another version, or somebody else's" version version=5
expect "ids that are none, with the secret" zeroes record=3
served_=$(of taken)
expect "more senders than there may be" senders taken=$((4096 - served_)) senders=$((4200 - 4096 + served_))

# ---- a flood ----

memory() {
	awk '$1 == "VmRSS:" { print $2 }' "/proc/$collector/status"
}
dir=$scratch/web
mkdir -m 755 "$dir"
start "$scratch/web.log" "$python" -m http.server --bind 127.0.0.1 --directory "$dir" "$web"
wait_for 30 listening "$web"
ask 20 "http://127.0.0.1:$web/"
served "before a flood: requests are counted" 20 "$web"
lines=$(wc -l < "$collector_log") before=$(memory)
attack flood > "$scratch/flood" 2>&1 &
remember "$!"
ask 20 "http://127.0.0.1:$web/"
served "in a flood: requests are counted as ever" 40 "$web"
ok "in a flood: scrapes are answered" scrape
ok "in a flood: nothing is answered" wait_for 60 grep -qx '[0-9]*' "$scratch/flood"
all=$((all + $(cat "$scratch/flood")))
ok "a flood: each datagram is counted ($(cat "$scratch/flood"))" wait_for 30 has "$all"
ok "a flood: what was read of it had the wrong MAC" [ "$(of mac)" -gt 1000 ]
ok "a flood: there were pauses" reached 1 keyhole_trace_peers_pauses_total
within "a flood: memory is what it was" "$(memory)" 0 $((before + 4096))
is "nothing of all that is in the log" "$(tail -n +$((lines + 1)) "$collector_log" | grep -c trace-peers || true)" 0
is "the collector lives" "$(stopped "$collector" && echo no || echo yes)" yes
is "nothing was believed: what was taken is what was told with the secret" \
	"$(now_sum keyhole_trace_peers_records_total 'direction="received"')" "$(of taken)"

summary
