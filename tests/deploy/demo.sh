#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The README's first command: deploy/demo --once builds, starts, measures, compares its counts with
# those of its clients, and leaves nothing running. As root.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
repo=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../..")

ok "deploy/demo --once: all counts are those of the clients" timeout 500 "$repo/deploy/demo" --once
refused "nothing of it still runs" pgrep -f "^$repo/build-release/"
summary
