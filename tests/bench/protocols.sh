#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
"$BENCH_BUILD/tests/bench/bench-protocols"
