#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Both ends of the hand-over against whoever may stand at the other: the loader's peers, which it
# serves or not, and after each of which it is as it was and serves a right one; and loaders whose
# gifts are none, which the collector outlives, and says so in a line. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../lib.sh"
# shellcheck source-path=SCRIPTDIR source=../agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/../agent.bash"
peers=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/peers.py")
need_root
need "$loader_bin" "$collector_bin" curl "$python"

as() { # UID CMD...: of the collector's group, so that the directory does not keep it out
	setpriv --reuid="$1" --regid=65532 --clear-groups "${@:2}"
}

descriptors() { # PID
	find "/proc/$1/fd" -mindepth 1 -printf '%f %l\n' 2> /dev/null | sort
}

memory() { # PID: resident KiB
	awk '$1 == "VmRSS:" { print $2 }' "/proc/$1/status"
}

# ---- the loader ----

start_loader
peer() { # WHAT [UID]
	as "${2:-65532}" timeout 60 "$python" "$peers" peer "$socket" "$1" 2>&1 || true
}

is "a right peer, to begin with" "$(peer right)" "status 0 descriptors 4"
settled() { # the loader has closed what a peer left
	[ "$(descriptors "$loader")" = "$loader_fds" ]
}
loader_fds=$(descriptors "$loader") loader_memory=

# Afterwards the loader is as it was: the same descriptors, and the next peer is served.
attack() { # NAME WHAT ANSWER [UID]
	local got
	got=$(peer "$2" "${4:-65532}")
	is "$1: ${3:-it}" "$got" "$3"
	if wait_for 20 settled && [ "$(peer right)" = "status 0 descriptors 4" ]; then
		pass "$1: the loader has the same descriptors, and serves the next one"
	else
		fail "$1: the loader has the same descriptors, and serves the next one" \
			"$(diff <(echo "$loader_fds") <(descriptors "$loader"))"
	fi
	# the first ones may touch pages that nobody had touched
	[ -n "$loader_memory" ] || loader_memory=$(memory "$loader")
}

attack "another uid" right closed 1234
attack "root" right closed 0
for size in 0 1 31 33 4096; do
	attack "a message of $size bytes" "size-$size" closed
done
attack "a hello in two halves" two-halves closed
attack "another magic" magic closed
attack "another ABI" abi "status 1 descriptors 0"
attack "a version that would do things to a terminal" text "status 0 descriptors 4"
attack "a socket of another type" stream closed
attack "a hello with a descriptor" descriptors-1 closed
attack "a hello with four descriptors" descriptors-4 closed
attack "a hello with 250 descriptors" descriptors-250 closed
attack "nothing but descriptors" only-descriptors closed
attack "a peer that says it will say no more" half-closed gone
attack "a peer that never says anything" silent closed
attack "a peer that never reads the offer" unread gone
attack "10,000 messages too many, and 1,000 connections of noise" flood "status 0 descriptors 4"
attack "1,000 connections at once" crowd gone
attack "1,000 connections at once, of another uid" crowd gone 1234
ok "the loader lives" process_start "$loader"
# a leak of a page for each of the thousands of peers would be megabytes
within "its memory did not grow, in KiB (it was $loader_memory)" "$(memory "$loader")" 0 $((loader_memory + 512))
within "its log stays short" "$(grep -c 'refused a peer' "$loader_log")" 1 20
refused "nothing in its log but text" grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$loader_log"

# ---- the collector ----

stop "$loader"
rm -f "$socket"
start "$collector_log" run_collector
collector=$started
wait_for "${KEYHOLE_SLOW:+1}20" serving
says "a collector without a loader says so" "$collector_log" 'no captures yet'
sleep 1 # until the connection that asked is closed
collector_fds=$(descriptors "$collector" | wc -l) collector_memory=

same_descriptors() {
	[ "$(descriptors "$collector" | wc -l)" -le "$collector_fds" ]
}

answered() { # N FILE
	[ "$(grep -c answered "$2")" -ge "$1" ]
}

# The collector came at least that often. Slow ones only once.
hostile() { # WHAT
	local rounds=3 log=$scratch/hostile.log
	case $1 in
	silent | garbage-rings | shortened) rounds=1 ;;
	directory | socket | pipe | zero | eventfd | empty-file) rounds=4 ;; # each place in turn
	esac
	start "$log" "$python" "$peers" loader "$socket" "$1"
	local pid=$started
	if wait_for 30 answered "$rounds" "$log" && process_start "$collector" > /dev/null; then
		pass "a loader: $1: the collector lives, and comes again"
	else
		fail "a loader: $1: the collector lives, and comes again" "$(cat "$log"; tail -n 5 "$collector_log")"
	fi
	stop "$pid"
	rm -f "$socket"
	ok "a loader: $1: nothing of it is left open" wait_for 10 same_descriptors
	[ -n "$collector_memory" ] || collector_memory=$(memory "$collector")
}

# One line per failed connection at first, then each minute: said by a collector of its own.
complains() { # WHAT REGEX
	local log=$scratch/complains.log port pid
	port=$(free_port)
	start "$scratch/hostile.log" "$python" "$peers" loader "$socket" "$1"
	pid=$started
	wait_for 30 test -S "$socket"
	start "$log" run_collector KEYHOLE_PROMETHEUS_PORT="$port"
	wait_for 30 answered 3 "$scratch/hostile.log" || true
	is "a loader: $1: one line" "$(grep -c 'no captures yet' "$log")" 1
	says "a loader: $1: which says what" "$log" "$2"
	stop "$started"
	stop "$pid"
	rm -f "$socket"
}

# In an emulated machine one of each sort.
whats=$("$python" "$peers" loaders)
[ -z "${KEYHOLE_SLOW:-}" ] || whats="hangs-up cut five-descriptors ring-2^63 control-huge swapped regular-files zero eventfd shortened garbage-rings"
# Rings of garbage first, and once more at the end: what they make it touch is not growth.
for what in garbage-rings $whats; do
	hostile "$what"
done
within "its memory did not grow, in KiB (it was $collector_memory)" "$(memory "$collector")" 0 $((collector_memory + 2048))
if [ -z "${KEYHOLE_SLOW:-}" ]; then
	complains cut "the answer is not a loader's"
	complains hangs-up 'the loader refused uid 65532'
	complains regular-files 'the descriptors cannot be mapped'
	complains abi-said 'install both from one release'
fi
refused "nothing in its log but text" grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$collector_log"

start_loader
port=$(free_port)
start "$scratch/server.log" "$python" -m http.server --bind 127.0.0.1 --directory "$socket_dir" "$port"
wait_for 30 listening "$port"
ok "then a real loader is found" wait_for "${KEYHOLE_SLOW:+1}20" reached 1 keyhole_loader_connected
ask 20 "http://127.0.0.1:$port/"
served "and requests are counted" 20 "$port"
summary
