#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
command -v valgrind > /dev/null || {
	echo "$0: no valgrind: deploy/install-packages build bench installs it" >&2
	exit 1
}
bench=$BENCH_BUILD/tests/bench/bench-collector exchanges=4000

"$bench" rate
for name in $("$bench" names); do
	valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect=measured_batch \
		"$bench" drain "$name" "$exchanges" 2>&1 |
		awk -v n="$exchanges" -v name="$name" '/Collected :/ { printf "collector_%s_instructions %.0f instructions\n", name, $4 / n }'
done
