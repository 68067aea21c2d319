#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The same in a machine that counts instructions (Debian's 6.1, so fexit; one CPU): see
# machine_inside.sh. Takes some minutes, and says the same whatever else this machine does.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec tests/vm/run -k 6.1 -i -t 3000 tests/bench/machine_inside.sh "$BENCH_BUILD"
