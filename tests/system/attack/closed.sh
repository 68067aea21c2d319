#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What a kernel or a container takes away from the sandbox ends loader and collector, with one line
# that says what it is; unless --allow-missing gives that part up, which the metrics show. deny.c
# makes single calls fail, as they would there. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../lib.sh"
# shellcheck source-path=SCRIPTDIR source=../agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/../agent.bash"
deny=$build/tests/system/attack/deny
need_root
need "$loader_bin" "$collector_bin" "$deny" curl

as() { # loader|collector DENIED [OPTION...]: becomes it
	local who=$1 denied=$2
	shift 2
	if [ "$who" = loader ]; then
		two_caps "$deny" "$denied" "$loader_bin" --socket "$socket" "$@"
	else
		become env KEYHOLE_LISTEN_ADDRESS=127.0.0.1 KEYHOLE_PROMETHEUS_PORT="$metrics_port" \
			KEYHOLE_LOADER_SOCKET="$socket" "$deny" "$denied" "$collector_bin" "$@"
	fi
}

ends() { # WHO PART DENIED REGEX [OPTION...]
	local who=$1 part=$2 denied=$3 regex=$4 status=0
	shift 4
	as "$who" "$denied" "$@" > "$scratch/said" 2>&1 < /dev/null &
	local pid=$!
	remember "$pid"
	wait_for "${KEYHOLE_SLOW:+1}30" stopped "$pid" || kill -KILL "$pid"
	wait "$pid" || status=$?
	is "$who without $part: it ends" "$status" 1
	says "$who without $part: it says what is missing" "$scratch/said" "$regex"
}

for who in loader collector; do
	ends $who "Landlock in the kernel" landlock_create_ruleset=ENOSYS 'no Landlock: the kernel has no Landlock.*--allow-missing=landlock'
	ends $who "seccomp" seccomp=EINVAL 'no seccomp filter.*--allow-missing=seccomp'
	ends $who "leave to drop capabilities" capset=EPERM 'cannot drop capabilities'
	[ -z "${KEYHOLE_SLOW:-}" ] || continue # a loader takes its time there
	ends $who "Landlock among the LSMs" landlock_create_ruleset=EOPNOTSUPP 'no Landlock: .*lsm=.*--allow-missing=landlock'
	ends $who "Landlock's last step" landlock_restrict_self=E2BIG 'Landlock: cannot restrict this process'
	ends $who "leave to drop capabilities, whatever is given up" capset=EPERM 'cannot drop capabilities' \
		--allow-missing=landlock,seccomp
	ends $who "the end of core dumps" prctl:4=EPERM 'cannot switch core dumps off'
	ends $who "Landlock, another part given up" landlock_create_ruleset=ENOSYS 'no Landlock' --allow-missing=seccomp
done
ends collector "another user" setresuid=EPERM 'cannot become uid 65532'
# 22: BPF_MAP_FREEZE
ends loader "a frozen page of counters" bpf:22=EPERM 'no backend runs on|does not run on'

# ---- given up ----

start "$loader_log" as loader landlock_create_ruleset=ENOSYS --allow-missing=landlock
loader=$started
wait_for "${KEYHOLE_SLOW:+1}30" grep -q sandbox: "$loader_log" || true
says "the loader without Landlock, given up: it runs" "$loader_log" 'sandbox: on: .*seccomp.*unavailable: .*landlock landlock_net; .*no Landlock: the kernel has no Landlock [^;]*$'
start "$collector_log" as collector landlock_create_ruleset=ENOSYS --allow-missing=landlock
collector=$started
wait_for "${KEYHOLE_SLOW:+1}30" grep -q sandbox: "$collector_log" || true
says "the collector likewise" "$collector_log" 'sandbox: on: .*seccomp.*unavailable: .*landlock landlock_net; .*no Landlock: the kernel has no Landlock [^;]*$'
says "it collects" "$collector_log" 'connected to loader'
for metric in keyhole_sandbox keyhole_loader_sandbox; do
	is "given up: the metrics say so: $metric" "$(now_sum $metric 'part="landlock"')" 0
	is "given up with it: $metric" "$(now_sum $metric 'part="landlock_net"')" 0
	is "what is not given up is on: $metric" "$(now_sum $metric 'part="seccomp"')" 1
done
stop "$collector"
stop "$loader"
rm -f "$socket"
start_loader
start_collector
for metric in keyhole_sandbox keyhole_loader_sandbox; do
	is "with nothing taken away it is on: $metric" "$(now_sum $metric 'part="landlock"')" 1
done
summary
