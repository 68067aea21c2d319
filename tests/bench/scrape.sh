#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
for series in 10000 100000; do
	"$BENCH_BUILD/tests/bench/bench-scrape" "$series"
done
