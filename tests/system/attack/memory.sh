#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A collector that was taken over writes at random to all that it may write to, for
# KEYHOLE_SCRIBBLE_SECONDS (60), under traffic; and what it may not write to is refused. Then the
# kernel is whole, the loader lives, its programs are attached, and the next collector begins as if
# nothing had been: it counts each request, and under the right name. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../lib.sh"
# shellcheck source-path=SCRIPTDIR source=../agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/../agent.bash"
need_root
need "$loader_bin" "$collector_bin" "$build/tests/system/scribble" "$traffic_bin" nginx curl bpftool "$python"
install -m 755 "$build/tests/system/scribble" "$scratch/scribble" # the way to the other may be closed
seconds=${KEYHOLE_SCRIBBLE_SECONDS:-${KEYHOLE_SLOW:+15}}
seconds=${seconds:-60}

# Lines of the kernel's log that tell of something broken.
broken() {
	dmesg 2> /dev/null | grep -E 'BUG|WARNING|Oops|Call Trace|general protection|KASAN|UBSAN|stall|blocked for more' || true
}

attached() {
	local id
	for id in $programs; do
		bpftool prog show id "$id" > /dev/null 2>&1 || return 1
	done
	[ "$(programs_of "$loader")" = "$programs" ]
}

start_loader
programs=$(programs_of "$loader")
port=$(free_port)
start_nginx "$scratch/web" "server { listen 127.0.0.1:$port; location / { return 200 'hello\n'; } }"
wait_for 30 listening "$port"
before=$(broken)

traffic() {
	while :; do
		curl -s -o /dev/null "http://127.0.0.1:$port/[1-200]" || true
		"$traffic_bin" write --port "$(free_port)" --requests 20 > /dev/null 2>&1 || true
	done
}
start "$scratch/traffic.log" traffic
traffic=$started

for round in 1 2; do # one that is followed by another of its kind
	status=0
	# as the collector: its user, and nothing else
	(unprivileged 65532 timeout $((seconds + 60)) "$scratch/scribble" "$socket" $((seconds / 2 + 1))) \
		> "$scratch/scribble.$round" 2>&1 || status=$?
	is "round $round: it wrote as long as it liked" "$status" 0
	ok "round $round: to what it may" grep -q 'words written' "$scratch/scribble.$round"
	ok "round $round: the loader lives" process_start "$loader"
	ok "round $round: its programs are attached" attached
done
while IFS= read -r line; do
	is "${line%: *}" "${line##*: }" ok
done < <(grep -E ': (ok|WRONG)$' "$scratch/scribble.1")
kill "$traffic"
wait_for 10 stopped "$traffic" || true
if dmesg > /dev/null 2>&1; then
	is "the kernel has nothing to complain of" "$(broken)" "$before"
else
	skip "the kernel has nothing to complain of" "its log cannot be read here"
fi

start_collector
ok "the next collector captures" process_start "$collector"
says "and says what it skipped, or that nothing was there to skip" "$collector_log" 'connected to loader'
scrape
served_before=$(metric_sum "$metrics" http_server_request_duration_seconds_count "server_port=\"$port\"")
n=300
ask $n "http://127.0.0.1:$port/"
served "it counts each request" $((served_before + n)) "$port" 'service_name="nginx"'
new_port=$(free_port)
start "$scratch/pod.log" "$traffic_bin" write --port "$new_port" --requests 40
served "of those who came since, too" 40 "$new_port"
served "and by their names" 40 "$new_port" 'service_name="traffic"'
within "the walk found processes" "$(metric_sum "$metrics" keyhole_bpf_snapshot_tasks_total)" 1 1e9
# The kernel's counters are looked at a moment after what was handled.
no_more() {
	local handled offered
	handled=$(now_sum keyhole_records_handled_total)
	sleep 0.3
	scrape
	offered=$(awk '$1 ~ /^keyhole_bpf_(exchanges|parts|finishes|segments)_total$/ { n += $2 } END { print n }' "$metrics")
	[ "$handled" -le "$offered" ]
}
ok "no more was handled than there was" no_more

# The one after that has nothing of it left.
stop "$collector"
start_collector
ask $n "http://127.0.0.1:$port/"
served "the one after that counts each request" $n "$port"
nothing_lost_now=$(awk '$1 ~ /^keyhole_records_dropped_total.*invalid/ && $2 > 0' "$metrics")
is "and finds its ring in order" "$nothing_lost_now" ""
ok "the loader lives to the end" process_start "$loader"
summary
