#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
bench=$BENCH_BUILD/tests/bench/bench-collector exchanges=4000

"$bench" rate
if ! command -v valgrind > /dev/null; then
	echo "collector: no instructions without valgrind" >&2
	exit
fi
for name in $("$bench" names); do
	valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect=measured_batch \
		"$bench" drain "$name" "$exchanges" 2>&1 |
		awk -v n="$exchanges" -v name="$name" '/Collected :/ { printf "collector_%s_instructions %.0f instructions\n", name, $4 / n }'
done
