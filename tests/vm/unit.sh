#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/vm/unit.sh BUILD: the unit tests of a cross build inside the machine for which they were
# built. BUILD/unit-tests has one command per line (tests/vm/arm64 writes it).
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$1"
while read -ra command; do
	ok "unit: ${command[*]##*/}" timeout 120 "${command[@]}" < /dev/null
done < unit-tests
summary
