#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The units: systemd understands them, how exposed it says they are, that their filter is the one of
# policy/, and that both run so: under a systemd in the emulated machine, on Debian's 6.12.
# TESTS_WITHOUT_VM=1 leaves out the machine.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/lib.sh
. tests/lib.sh

build=${KEYHOLE_BUILD:-$PWD/build}

# `u NAME ID` of sysusers.d makes the user whom the loader answers to.
mkdir "$scratch/etc"
ok "sysusers.d: systemd makes the user" systemd-sysusers --root="$scratch" \
	"$PWD/deploy/systemd/keyhole.sysusers"
is "sysusers.d: the user is the one that the loader answers to" \
	"$(awk -F: '$1 == "keyhole" { print $3 }' "$scratch/etc/passwd")" \
	"$("$build/loader/keyhole-loader" --help | sed -n 's/.*--peer-uid.*\[\([0-9]*\)\]$/\1/p')"

# In tenths, of 100. What 252 says stands in the docs; a later systemd may ask for more.
declare -A highest=([loader]=10 [collector]=15)
mkdir "$scratch/units"
for role in loader collector; do
	unit=$scratch/units/keyhole-$role.service
	sed "s|^ExecStart=|&$build/$role/|" "deploy/systemd/keyhole-$role.service" > "$unit"
done
for role in loader collector; do
	unit=$scratch/units/keyhole-$role.service
	# It ends with 0 in spite of what it does not understand, so what it says counts too.
	is "$role: systemd understands all of the unit" "$(systemd-analyze verify "$unit" 2>&1; echo $?)" 0
	exposure=$(systemd-analyze security --offline=true --no-pager "$unit" |
		sed -n 's/.*exposure level for .*: \([0-9.]*\) .*/\1/p')
	echo "# $role: systemd-analyze security: $exposure"
	ok "$role: exposure of at most ${highest[$role]} tenths: $exposure" \
		systemd-analyze security --offline=true --no-pager --threshold="${highest[$role]}" "$unit"
	if [[ $(systemctl --version) == "systemd 252"* ]]; then
		is "$role: that is what docs/systemd.md says" "$exposure" \
			"$(sed -n "s/.*level for keyhole-$role.service: \([0-9.]*\) .*/\1/p" docs/systemd.md)"
	fi
	# systemd does not know every name; the newest is a spare of libc's (glibc 2.39).
	is "$role: the calls that the unit permits are those of policy/" \
		"$(sed -n 's/^SystemCallFilter=//p' "$unit" | tr ' ' '\n' | sort)" \
		"$("$build/policy/keyhole-seccomp-profile" "$role" | jq -r '.syscalls[] |
			select(.action == "SCMP_ACT_ALLOW").names[]' | grep -vx fchmodat2 | sort -u)"
done

if [ -n "${TESTS_WITHOUT_VM:-}" ]; then
	skip "both run under systemd" "TESTS_WITHOUT_VM"
else
	mkdir "$scratch/out"
	status=0
	tests/vm/run -k 6.12 -t 600 -o "$scratch/out" tests/deploy/systemd/guest.sh "$build" \
		> "$scratch/guest.log" 2>&1 || status=$?
	grep -E '^(ok|not ok|# |  # )' "$scratch/guest.log" || true
	while read -r line; do
		case $line in
		"ok "*) result ok ;;
		"not ok "*) result not ;;
		esac
	done < "$scratch/guest.log"
	is "the machine ran to its end" "$status $(grep -c 'passed, 0 failed' "$scratch/guest.log")" "0 1"
	# Its own messages are on the console.
	ok "it was systemd that ran there" grep -q 'systemd .* running in system mode' "$scratch/out/serial.log"
	is "systemd complained of nothing in the units" \
		"$(grep -E 'keyhole-(loader|collector)' "$scratch/out/serial.log" |
			grep -E 'ignoring|not supported|Unknown|Failed to' || true)" ""
fi
summary
