#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/vm/capture.sh BUILD: the capture tests inside an emulated machine, with patience, and with
# the fexit backend, which does not run everywhere natively.
set -euo pipefail
export KEYHOLE_SLOW=1 KEYHOLE_BACKEND=fexit KEYHOLE_BUILD=$1
exec "$(dirname "$0")/../system/capture.sh"
