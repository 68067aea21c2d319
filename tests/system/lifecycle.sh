#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# From start to end: what each process may do, who may talk to whom, and that whoever dies, and
# whenever, no record that was in a ring is lost and nothing stays behind. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/agent.bash"
peer=$(dirname "${BASH_SOURCE[0]}")/peer.py
need_root
need "$loader_bin" "$collector_bin" nginx h2load curl bpftool "$python"

with_caps() { # +CAP,+CAP CMD...
	setpriv --bounding-set="-all,$1" --inh-caps="-all,$1" --ambient-caps="-all,$1" "${@:2}"
}

status_of() { # PID FIELD
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}

ends_in_order() { # TEST-NAME PID: told to, it ends with status 0
	local status=0
	kill "$2"
	wait_for 30 stopped "$2" || true
	if stopped "$2"; then
		wait "$2" || status=$?
		is "$1" "$status" 0
	else
		fail "$1" "it still runs after thirty seconds"
	fi
}

# Until all its threads are gone, and with them its sockets.
slay() { # PID
	kill -KILL "$1"
	wait "$1" 2> /dev/null || true
}

collects() { # PID
	grep -q 'connected to loader' "$collector_log"
}

http_status() { # PATH
	curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$metrics_port$1" || true
}

http_status_is() { # PATH STATUS
	[ "$(http_status "$1")" = "$2" ]
}

# ---- the loader and its two capabilities ----

ok "--check: 0 where it would run" two_caps "$loader_bin" --check
two_caps "$loader_bin" --check > "$scratch/check"
says "--check: names the backend" "$scratch/check" '^result +would run with backend (tracepoint|fexit)'
refused "--check: 1 where it would not" with_caps +perfmon "$loader_bin" --check
with_caps +perfmon "$loader_bin" --check > "$scratch/check" 2>&1 || true
says "--check: says why" "$scratch/check" '^result +would not run: CAP_BPF missing'

refusal() { # TEST-NAME CAPS REGEX
	local status=0
	with_caps "$2" timeout 60 "$loader_bin" --socket "$socket" > "$scratch/refusal" 2>&1 || status=$?
	is "$1: it refuses" "$status" 1
	is "$1: in one line" "$(wc -l < "$scratch/refusal")" 1
	says "$1: which is named" "$scratch/refusal" "$3"
}
refusal "without CAP_BPF" +perfmon ' CAP_BPF missing from .*: run with'
refusal "without CAP_PERFMON" +bpf ' CAP_PERFMON missing from .*: run with'
refusal "without any capability" -all ' CAP_PERFMON CAP_BPF missing from .*: run with'
is "a loader that refused leaves nothing" "$(ls "$socket_dir")" ""

start "$scratch/notify" "$python" "$peer" notify "$scratch/notify.sock"
notify=$started
wait_for 30 test -S "$scratch/notify.sock"
start "$loader_log" env NOTIFY_SOCKET="$scratch/notify.sock" setpriv \
	--bounding-set=-all,+bpf,+perfmon,+net_admin,+sys_ptrace "$loader_bin" --socket "$socket"
loader=$started
says "capabilities too many are dropped, loudly" "$loader_log" \
	'dropped capabilities .*: .*CAP_NET_ADMIN.*CAP_SYS_PTRACE'
says "what it took is said" "$loader_log" 'version .*, Linux .*, backend (tracepoint|fexit)'
wait_for 30 grep -q sandbox: "$loader_log"
wait_for 10 stopped "$notify" || true
is "the service manager is told when it is ready" "$(cat "$scratch/notify")" READY=1
for field in CapEff CapPrm CapInh CapAmb; do
	is "the loader, once attached: $field" "$(status_of "$loader" $field)" 0000000000000000
done
is "the loader: no new privileges" "$(status_of "$loader" NoNewPrivs)" 1
is "the loader: a seccomp filter" "$(status_of "$loader" Seccomp)" 2
ok "it has programs" test -n "$(programs_of "$loader")"

# ---- who may ask ----

as() { # UID CMD...: of the collector's group, so that the directory does not keep it out
	setpriv --reuid="$1" --regid=65532 --clear-groups "${@:2}"
}
is "another uid gets nothing" "$(as 1234 "$python" "$peer" hello "$socket" 1)" closed
says "another uid is named" "$loader_log" 'refused a peer: its uid is 1234, .*--peer-uid'
is "what is no hello gets nothing" "$(as 65532 "$python" "$peer" noise "$socket" 32)" closed
is "nor what is too long" "$(as 65532 "$python" "$peer" noise "$socket" 5000)" closed
says "what is no hello is said" "$loader_log" 'refused a peer: .*not a collector'
abi=$("$collector_bin" --version | sed 's/.*(ABI \([0-9]*\)).*/\1/')
is "another ABI gets the loader's, and no descriptor" \
	"$(as 65532 "$python" "$peer" hello "$socket" 99)" "status 1 abi $abi descriptors 0"
says "another ABI is one sentence" "$loader_log" \
	"the collector speaks ABI 99, this loader .* ABI $abi: install both from one release"
is "the right peer is served afterwards" \
	"$(as 65532 "$python" "$peer" hello "$socket" "$abi")" "status 0 abi $abi descriptors 4"
start_collector
ok "and so is a collector" collects

# ---- the collector and its sandbox ----

for field in CapEff CapPrm CapInh CapBnd CapAmb; do
	is "the collector: $field" "$(status_of "$collector" $field)" 0000000000000000
done
is "the collector: no new privileges" "$(status_of "$collector" NoNewPrivs)" 1
is "the collector: a seccomp filter" "$(status_of "$collector" Seccomp)" 2
is "the collector: uid" "$(status_of "$collector" Uid)" $'65532\t65532\t65532\t65532'
is "the same of its threads" "$(cat "/proc/$collector/task/"*/status | grep -c '^Seccomp:.2')" \
	"$(find "/proc/$collector/task" -mindepth 1 -maxdepth 1 | wc -l)"
scrape
is "the metrics say that it is on" "$(metric_sum "$metrics" keyhole_sandbox 'part="seccomp"')" 1

metrics_port2=$(free_port)
start "$scratch/second.log" run_collector KEYHOLE_PROMETHEUS_PORT="$metrics_port2"
second=$started
says "a second collector is told that there is one" "$scratch/second.log" 'another collector may be connected'
stop "$second"
is "the first did not notice" "$(now_sum keyhole_loader_connected)" 1

ends_in_order "SIGTERM ends the collector in order" "$collector"
says "the loader notices" "$loader_log" 'the collector is gone; the rings keep'
start_collector --no-sandbox --user 65532
says "--no-sandbox: a warning" "$collector_log" 'warn.*--no-sandbox'
scrape
is "--no-sandbox: in the metrics" "$(metric_sum "$metrics" keyhole_sandbox 'part="(seccomp|landlock)"')" 0
is "--no-sandbox: no filter" "$(status_of "$collector" Seccomp)" 0
is "--no-sandbox: still no capability" "$(status_of "$collector" CapEff)" 0000000000000000
stop "$collector"
programs=$(programs_of "$loader")
ends_in_order "SIGTERM ends the loader in order" "$loader"
# shellcheck disable=SC2086 # numbers
ok "its programs are gone" wait_for 20 no_programs $programs
is "nothing but perhaps a socket stays" "$(find "$socket_dir" ! -type s -mindepth 1)" ""

# ---- apart from each other ----

start "$collector_log" run_collector
collector=$started
says "a collector without a loader says so" "$collector_log" 'no captures yet: .*is keyhole-loader running\?.*retrying'
wait_for 30 serving
is "it lives" "$(http_status /healthz)" 200
is "it is not ready" "$(http_status /readyz)" 503
says "and says why" <(curl -s "http://127.0.0.1:$metrics_port/readyz") 'not connected to keyhole-loader'
start_loader --data-ring 64M
ok "it connects when there is one" wait_for 10 collects
ok "and is ready" wait_for 20 http_status_is /readyz 200

port=$(free_port)
start_nginx "$scratch/web" "server { listen 127.0.0.1:$port; location / { return 200 'hello\n'; } }"
wait_for 30 listening "$port"
ask 100 "http://127.0.0.1:$port/"
served "a loader that came late captures" 100 "$port"

programs=$(programs_of "$loader")
maps=$(cat "/proc/$loader/fdinfo/"* | awk '$1 == "map_id:" { print $2 }' | sort -u)
gone() { # map|prog ID...
	local kind=$1 id
	shift
	for id in "$@"; do
		! bpftool "$kind" show id "$id" > /dev/null 2>&1 || return 1
	done
}
ok "while it runs there are maps" test -n "$maps"
slay "$loader"
# shellcheck disable=SC2086
ok "SIGKILL of the loader takes its programs along" wait_for 20 gone prog $programs
says "the collector notices" "$collector_log" 'the loader is gone; waiting for the next one'
# shellcheck disable=SC2086
ok "and lets go of the maps" wait_for 20 gone map $maps
ok "it is not ready any more" wait_for 10 http_status_is /readyz 503
ask 10 "http://127.0.0.1:$port/"
start_loader --data-ring 64M
ok "the next loader is found" wait_for 10 http_status_is /readyz 200
ask 50 "http://127.0.0.1:$port/"
served "counting goes on where it was" 150 "$port"

# ---- kills of the collector ----

# All that BPF put into the data ring was handled, by whichever collector.
balanced() {
	scrape || return
	local offered
	offered=$(($(metric_sum "$metrics" keyhole_bpf_exchanges_total) +
		$(metric_sum "$metrics" keyhole_bpf_parts_total) + $(metric_sum "$metrics" keyhole_bpf_finishes_total) +
		$(metric_sum "$metrics" keyhole_bpf_segments_total)))
	echo "offered $offered, handled $(metric_sum "$metrics" keyhole_records_handled_total)"
	[ "$offered" = "$(metric_sum "$metrics" keyhole_records_handled_total)" ]
}

# At a quiet moment, everything is exact: what came while there was no collector is the next one's.
for round in 1 2 3; do
	ok "round $round: all was handled" wait_for 20 balanced
	slay "$collector"
	h2load --h1 -n $((400 * round)) -c 4 "http://127.0.0.1:$port/" > "$scratch/h2load" 2>&1
	start_collector
	served "round $round: the next one counts what it did not see happen" $((400 * round)) "$port"
	made "round $round: on both sides" $((400 * round)) "$port"
	ok "round $round: all was handled again" wait_for 20 balanced
done

# Where a process must be known to be shown, what waited waits for the walk through all of them.
printf 'discovery: {instrument: [{exe_path: "*/nginx"}]}\n' > "$scratch/nginx.yml"
chmod 644 "$scratch/nginx.yml"
slay "$collector"
ask 100 "http://127.0.0.1:$port/"
start_collector --config "$scratch/nginx.yml"
served "shown by their executable: the next one counts them, too" 100 "$port"
ok "shown by their executable: all was handled" wait_for 20 balanced
slay "$collector"
start_collector

# Under load, at any moment. A batch that was not given back is read again by the next collector;
# how many were given back is kept by the kernel, so that a gap in what was read would show.
before=$(now_sum keyhole_bpf_exchanges_total)
loads() { # one after the other, until it is told to end; each says how many were answered
	until [ -e "$scratch/enough" ]; do
		h2load --h1 -n 4000 -c 8 --rps=500 "http://127.0.0.1:$port/"
	done
}
start "$scratch/h2load" loads
load=$started
for round in {1..10}; do
	sleep "0.$((RANDOM % 8 + 1))"
	slay "$collector"
	start_collector
done
ok "the load went on during all ten kills" process_start "$load"
touch "$scratch/enough"
wait_for 60 stopped "$load"
asked=$((4000 * $(grep -c '^requests:' "$scratch/h2load")))
within "the load was one" "$asked" 4000 10000000
is "all of its requests were answered" "$((4000 * $(grep -c ' 4000 succeeded, 0 failed' "$scratch/h2load")))" "$asked"
ok "ten kills under load: all that BPF offered was handled" wait_for 20 balanced
within "ten kills under load: BPF saw both sides of all of them" \
	"$(($(metric_sum "$metrics" keyhole_bpf_exchanges_total) - before))" $((2 * asked)) $((2 * asked + 10000))
is "ten kills under load: the ring was never full" "$(metric_sum "$metrics" keyhole_bpf_exchange_drops_total)" 0
nothing_lost "ten kills under load: nothing was dropped otherwise"
is "ten kills under load: the loader gave its descriptors to each" \
	"$(grep -c 'a collector took over' "$loader_log")" 16

# ---- the end ----

programs=$(programs_of "$loader")
stop "$collector"
slay "$loader"
# shellcheck disable=SC2086
ok "with both gone no program is left" wait_for 20 no_programs $programs
is "and nothing but a socket" "$(find "$socket_dir" ! -type s -mindepth 1)" ""

# ---- those who do not fit together ----

start_loader --peer-uid 4242
start "$collector_log" run_collector
collector=$started
says "a refused collector says so" "$collector_log" 'the loader refused uid 65532; see its --peer-uid'
says "and the loader" "$loader_log" 'refused a peer: .*uid.*65532'
stop "$collector"
stop "$loader"
rm -f "$socket"
start "$scratch/other.log" "$python" "$peer" loader "$socket" 99
wait_for 30 test -S "$socket"
start "$collector_log" run_collector
collector=$started
says "a loader of another ABI is one sentence" "$collector_log" \
	"the loader speaks ABI 99, this collector .* ABI $abi: install both from one release"
ok "and no reason to die" process_start "$collector"
summary
