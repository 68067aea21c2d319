#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/vm/attack.sh BUILD: in an emulated machine, all scripts of tests/system/attack, with
# patience; and how many tests passed in all.
set -uo pipefail
export KEYHOLE_BUILD=$1 KEYHOLE_SLOW=1 KEYHOLE_RESULTS=/run/attack-results
: > "$KEYHOLE_RESULTS"
died=0
for script in "$(dirname "${BASH_SOURCE[0]}")"/../system/attack/*.sh; do
	[ -x "$script" ] || continue
	echo "# ${script##*/} after $(cut -d' ' -f1 /proc/uptime) s"
	failed=$(grep -c '^not' "$KEYHOLE_RESULTS")
	# the counts of each would be taken for those of all
	if ! "$script" 2>&1 | sed -uE 's/^[0-9]+ passed, [0-9]+ failed/# &/' &&
		[ "$(grep -c '^not' "$KEYHOLE_RESULTS")" = "$failed" ]; then
		echo "not ok - ${script##*/} ended badly"
		died=$((died + 1))
	fi
done
echo "# the end after $(cut -d' ' -f1 /proc/uptime) s"
count() {
	grep -c "^$1 " "$KEYHOLE_RESULTS"
}
failed=$(($(count not) + died)) skipped=$(count skip)
echo "$(count ok) passed, $failed failed$([ "$skipped" = 0 ] || echo ", $skipped skipped")"
[ "$failed" = 0 ] && [ "$(count ok)" -gt 0 ]
