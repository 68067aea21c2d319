#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# memcached: a real server, and clients of its text and binary protocols: one of ours, with exact
# counts of each command, and libmemcached's. Connections opened before Keyhole attached and after.
# As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../lib.sh"
# shellcheck source-path=SCRIPTDIR source=../agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/../agent.bash"
# shellcheck source-path=SCRIPTDIR source=protocol.bash
. "$(dirname "${BASH_SOURCE[0]}")/protocol.bash"
here=$(dirname "${BASH_SOURCE[0]}")
need_root
need "$loader_bin" "$collector_bin" curl memcached memccp memccat "$python"

# One server for each part, so that its port tells them apart.
declare -A port
for part in early-text early-binary late-text late-binary libmemcached; do
	port[$part]=$(free_port)
	start "$scratch/$part.log" memcached -l 127.0.0.1 -p "${port[$part]}" -U 0 -u nobody
	wait_for 60 listening "${port[$part]}"
done
for language in text binary; do
	mkfifo "$scratch/go-$language"
	start "$scratch/client-$language.log" "$python" "$here/memcached_client.py" "$language" \
		"${port[early-$language]}" "$scratch/go-$language"
	wait_for 60 grep -q ready "$scratch/client-$language.log"
done

everything "$scratch/config.yml"
start_loader
start_collector --config "$scratch/config.yml"

both() { # PART WANT OPERATION [REGEX...]: both sides told so many of the operation
	local part=$1 want=$2 operation=$3 side
	shift 3
	for side in client server; do
		told "$part, $side: ${operation:-any} $*" "$want" "db-$side" 'db_system_name="memcached"' \
			"server_port=\"${port[$part]}\"" "${operation:+db_operation_name=\"$operation\"}" "$@"
	done
}

of_text() { # PART
	both "$1" 36 set
	both "$1" 44 get
	both "$1" 7 incr 'error_type="CLIENT_ERROR"'
	both "$1" 6 delete
	both "$1" 1 add
	both "$1" 6 mg
	both "$1" 1 ms
	both "$1" 1 mn
	both "$1" 7 "" 'error_type='
}

of_binary() { # PART
	both "$1" 31 set
	both "$1" 50 get
	both "$1" 7 incr 'error_type="6"'
	both "$1" 1 noop
	both "$1" 7 "" 'error_type='
}

for language in text binary; do
	echo go > "$scratch/go-$language"
	wait_for 60 grep -q "done" "$scratch/client-$language.log"
	"of_$language" "early-$language"
done
for language in text binary; do
	ok "a client of the $language protocol" "$python" "$here/memcached_client.py" "$language" "${port[late-$language]}"
	"of_$language" "late-$language"
	both "late-$language" 1 version
done

echo s3cret > "$scratch/s3cret"
server=127.0.0.1:${port[libmemcached]}
for i in 1 2 3 4 5; do
	memccp --servers="$server" "$scratch/s3cret"
	memccat --servers="$server" s3cret
	memccp --binary --servers="$server" "$scratch/s3cret"
	memccat --binary --servers="$server" s3cret
done > "$scratch/said"
is "libmemcached got what it had put there" "$(grep -c s3cret "$scratch/said")" 10
both libmemcached 10 set
both libmemcached 10 get

all_told "everything was told" memcached
nothing_lost "nothing was lost"
scrape
is "no key and no value came out" "$(grep -c 's3cret\|quiet-' "$metrics" || true)" 0
summary
