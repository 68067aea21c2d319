#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# How many exchanges a second may come until one is lost; and that beyond it each one is accounted
# for: what the traffic's own count says is what was delivered and what the reasons of loss say.
# Both ends of each exchange are on this machine, so each comes twice. Fails if a count differs.
#
# $BENCH_SECONDS: each attempt (2).
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.bash
. "$(dirname "$0")/lib.bash"
wants curl taskset
seconds=${BENCH_SECONDS:-2} connections=64 top=400000
port=$(free_port)

traffic() { # ROUNDS RATE: `ROUNDS PER_SECOND`, as it came about
	taskset -c "$work_cpu" "$BENCH_BUILD/tests/bench/bench-pingpong" exchange "$1" "$connections" "$2" "$port"
}

sample() { # NAME [REGEX...]
	metric_sum "$metrics" "$@"
}

both() { # exchanges in series, of servers and of clients
	echo $(($(sample http_server_request_duration_seconds_count) + $(sample http_client_request_duration_seconds_count)))
}

delivered() { # of the traffic, which alone asks for this host
	echo $(($(sample http_server_request_duration_seconds_count "server_port=\"$port\"") +
		$(sample http_client_request_duration_seconds_count 'server_address="shop.example"')))
}

dropped() { sample keyhole_bpf_exchange_drops_total; }

# Scrapes until none of the traffic comes any more. What others on this machine do goes on.
settle() {
	local was='' now i
	for ((i = 0; i < 50; i++)); do
		sleep 0.2
		scrape
		now=$(delivered)
		[ "$now" != "$was" ] || return 0
		was=$now
	done
	echo "loss: exchanges come 10 s after the traffic's end" >&2
	return 1
}

# What others on this machine do shall not fill the ring.
printf 'discovery: {instrument: [{exe_path: "*/bench-pingpong"}]}\n' > "$scratch/traffic.yml"
chmod 644 "$scratch/traffic.yml"
agent_options=(--config "$scratch/traffic.yml")

# ---- without loss ----

# Sets $rate, exchanges a second of both ends, and $losses, of it.
attempt() { # RATE (of rounds)
	local before rounds
	settle
	before=$(dropped)
	read -r rounds rate < <(traffic $(($1 * seconds)) "$1")
	settle
	losses=$(($(dropped) - before))
	rate=$((2 * rate))
	echo "loss: $rate/s: $losses of $((2 * rounds)) lost" >&2
}

agent_up
most=0 fastest=0
for ((try = 10000; try <= top; try = try * 5 / 4)); do
	attempt "$try"
	[ "$losses" = 0 ] || attempt "$try" # the machine's other work may have been it
	[ "$losses" = 0 ] || break
	[ "$rate" -le "$most" ] || most=$rate
	[ "$rate" -gt "$fastest" ] || break # more does not come of one thread
	fastest=$rate
done
line loss_none_up_to "$most" per_second
line loss_none_limited_by_traffic "$((losses == 0))" bool
agent_down

# ---- beyond it ----

# Each sum is of what one side counted by itself. Says which of them differ.
equal() { # WHAT GOT WANT
	[ "$2" = "$3" ] || {
		echo "loss: $1: $2, not $3" >&2
		return 1
	}
}

# A small ring and a collector that has to ask for its turn. Sets $rounds, $lost and $unaccounted.
beyond() {
	local offered others status=0
	agent_up
	renice -n 19 -p "$collector" > /dev/null
	taskset -apc "$work_cpu" "$collector" > /dev/null
	read -r rounds rate < <(traffic 100000 0)
	settle
	offered=$(sample keyhole_bpf_exchanges_total) lost=$(dropped)
	# what others on this machine had, these scrapes too, until the collector said that it wants none of it
	others=$(($(both) - $(delivered) +
		$(sample keyhole_records_dropped_total 'reason="(not_selected|ignored_route|filtered|switched_off|answer_not_seen)"')))
	unaccounted=$((2 * rounds - $(delivered) - lost))
	echo "loss: $((2 * rounds)) seen, $(delivered) delivered, $lost lost; $others of others" >&2
	[ "$lost" -gt 0 ] || { echo "loss: nothing was lost" >&2; status=1; }
	equal "delivered and lost, of what the traffic counted" $(($(delivered) + lost)) $((2 * rounds)) || status=1
	# of others not each exchange was a record of this kind: only without them it is a sum
	[ "$others" -gt 0 ] || equal "offered to the ring" "$offered" $((2 * rounds)) || status=1
	equal "records handled and dropped" $(($(sample keyhole_records_handled_total) + lost +
		$(sample keyhole_bpf_part_drops_total) + $(sample keyhole_bpf_segment_drops_total))) \
		$((offered + $(sample keyhole_bpf_parts_total) + $(sample keyhole_bpf_finishes_total) +
			$(sample keyhole_bpf_segments_total))) || status=1
	agent_down
	return "$status"
}

loader_options=(--data-ring 64K)
status=1
for ((try = 0; try < 3 && status; try++)); do # others may have lost one meanwhile
	status=0
	beyond || status=1
done
line loss_beyond_exchanges $((2 * rounds)) exchanges
line loss_beyond_lost "$(calc "100 * $lost / (2 * $rounds)")" percent
line loss_unaccounted "$unaccounted" exchanges
exit "$status"
