#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Every rule of the seccomp tables, tried from within and from just outside (rules.c), in children
# that enter the sandbox as the real processes do; and that the real processes' filters are the
# same, instruction by instruction. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../lib.sh"
# shellcheck source-path=SCRIPTDIR source=../agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/../agent.bash"
inject=$build/tests/system/attack/inject rules=$build/tests/system/attack/rules
need_root
need "$loader_bin" "$collector_bin" "$inject" "$rules"

for role in loader collector; do
	status=0
	"$rules" "$role" > "$scratch/rules.$role" 2>&1 || status=$?
	while read -r line; do
		case $line in
		"ok - "*) pass "${line#ok - }" ;;
		"not ok - "*) fail "${line#not ok - }" ;;
		*) echo "# ${line#\# }" ;;
		esac
	done < "$scratch/rules.$role"
	is "$role: every rule was tried" "$status" 0
done

start_loader
start_collector
mkfifo "$scratch/stay"
sleep 10000 > "$scratch/stay" &
remember $!
for role in loader collector; do
	name="$role: its filter is that of the rules, but for its own pid"
	"$rules" --stay "$role" < "$scratch/stay" > "$scratch/in" 2>&1 &
	child=$!
	remember "$child"
	wait_for "${KEYHOLE_SLOW:+1}10" grep -q in "$scratch/in"
	if ! "$inject" --filter "${!role}" > "$scratch/live" 2> "$scratch/why"; then
		skip "$name" "$(cat "$scratch/why")"
		continue
	fi
	"$inject" --filter "$child" > "$scratch/child"
	ok "$name ($(wc -l < "$scratch/live") instructions)" diff "$scratch/live" "$scratch/child"
done
summary
