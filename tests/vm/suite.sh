#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/vm/suite.sh BUILD BACKEND RESULT: in an emulated machine, the part of the system tests that
# depends on the kernel, with one backend of the loader (auto, tracepoint, fexit), and with
# patience. RESULT is what `keyhole-loader --check` must say at its end on this kernel. Where it
# must say that it would not run, nothing else is tried but that it does not.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
export KEYHOLE_SLOW=1 KEYHOLE_BACKEND=$2 KEYHOLE_BUILD=$1
result=$3
system=$(dirname "${BASH_SOURCE[0]}")/../system
loader=$KEYHOLE_BUILD/loader/keyhole-loader

scenario check
status=0
# shellcheck disable=SC2154 # set by lib.sh
two_caps "$loader" --check --backend "$2" > "$scratch/check" 2>&1 || status=$?
sed 's/^/# /' "$scratch/check"
is "--check names the kernel" "$(sed -n 's/^kernel  *Linux /Linux /p' "$scratch/check")" "Linux $(uname -r)"
ok "--check: result: $result" grep -qE "^result +$result" "$scratch/check"

# Each backend that this kernel has not is named with its reason.
for backend in tracepoint fexit; do
	line=$(sed -n "s/^$backend  *//p" "$scratch/check")
	case $result in
	"would not run"*) continue ;;
	*"backend $backend"* | *"\+$backend"*) is "--check: $backend" "${line%% *}" yes ;;
	*) [ "$2" != auto ] || ok "--check: why not $backend" test "${line%% *}" != yes -a -n "$line" ;;
	esac
done

if [[ $result = "would not run"* ]]; then
	is "--check ends with 1" "$status" 1
	status=0
	two_caps "$loader" --socket "$scratch/socket" > "$scratch/log" 2>&1 || status=$?
	is "the loader ends with 1" "$status" 1
	is "with one sentence" "$(wc -l < "$scratch/log")" 1
	ok "that names the lowest kernel" grep -q 'the lowest that will do is Linux 5\.14' "$scratch/log"
	summary
	exit
fi
is "--check ends with 0" "$status" 0
shape=$(tr ' ' '\n' < /proc/cmdline | sed -n 's/^cgroups=//p')
is "cgroups are mounted as this run is to have them" "$(cgroup_shape)" "${shape:-v2}"
summary || exit 1

# What really runs is what the check said: service.sh compares.
KEYHOLE_RUNS=$(sed -n 's/^result .*backend \([a-z+]*\).*/\1/p' "$scratch/check")
export KEYHOLE_RUNS

# What does not depend on the backend is tried once on a kernel.
scripts=(service capture streams)
[ "$KEYHOLE_BACKEND" != auto ] || scripts+=(identity namespaces quiet ../verifier/budget)
failed=0
for script in "${scripts[@]}"; do
	echo "# $script after $(cut -d' ' -f1 /proc/uptime) s"
	"$system/$script.sh" || failed=1
done
echo "# the end after $(cut -d' ' -f1 /proc/uptime) s"
exit "$failed"
