#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Each recorded tape says the same as it did when it was recorded and read by a person. The
# collector reads it in its whole sandbox.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
here=$(dirname "${BASH_SOURCE[0]}")

for tape in "$here"/*.tape; do
	name=$(basename "$tape" .tape)
	is "$name" "$("$here/say" "$tape" 2>&1)" "$(cat "$here/$name.expected")"
done

# shellcheck disable=SC2154 # lib.sh's
head -c 5000 "$here/keep-alive.tape" > "$scratch/cut"
is "a tape that ends in a record: what came before counts" \
	"$("$here/say" "$scratch/cut" | grep -c duration_seconds_count)" 2

# of a tape whose bytes are changed here and there, no byte is believed
for seed in 1 2 3 4 5 6 7 8; do
	/usr/bin/python3 - "$here/pipeline.tape" "$scratch/bent" "$seed" <<-'PYTHON'
		import random, sys
		data = bytearray(open(sys.argv[1], "rb").read())
		dice = random.Random(int(sys.argv[3]))
		for _ in range(60):
		    data[dice.randrange(16, len(data))] = dice.randrange(256)
		open(sys.argv[2], "wb").write(data)
	PYTHON
	status=0
	"$here/say" "$scratch/bent" > /dev/null 2>&1 || status=$?
	ok "bent by seed $seed: the collector ends in order" test "$status" -le 1
done
summary
