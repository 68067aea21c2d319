#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What an exchange costs with metrics of spans and the service graph.
set -euo pipefail
"$BENCH_BUILD/tests/bench/bench-spans"
