#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
/usr/bin/python3 -B "$(dirname "$0")/pods.py" watch 250 > "$BENCH_WORK/input"
"$BENCH_BUILD/tests/bench/bench-kube" updates < "$BENCH_WORK/input"
