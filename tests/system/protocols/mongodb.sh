#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# MongoDB: pymongo, and a server of ours that speaks as much of the protocol as that needs, on
# connections opened before Keyhole attached and after. As root.
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
need "$loader_bin" "$collector_bin" curl "$python"

declare -A port
for part in early late; do
	port[$part]=$(free_port)
	start "$scratch/$part.log" "$python" "$here/mongodb_server.py" "${port[$part]}"
	wait_for 60 listening "${port[$part]}"
done
mkfifo "$scratch/go"
start "$scratch/client.log" "$python" "$here/mongodb_client.py" "${port[early]}" "$scratch/go"
wait_for 60 grep -q ready "$scratch/client.log"

everything "$scratch/config.yml"
start_loader
start_collector --config "$scratch/config.yml"

both() { # PART WANT OPERATION [REGEX...]: both sides told so many of the operation
	local part=$1 want=$2 operation=$3 side
	shift 3
	for side in client server; do
		told "$part, $side: ${operation:-none that is known} $*" "$want" "db-$side" 'db_system_name="mongodb"' \
			"server_port=\"${port[$part]}\"" "${operation:+db_operation_name=\"$operation\"}" "$@"
	done
}

of_the_client() { # PART
	both "$1" 31 insert 'collection_name="orders"' 'db_namespace="shop"'
	both "$1" 23 find 'collection_name="orders"' 'db_namespace="shop"'
	both "$1" 6 getMore 'collection_name="orders"'
	both "$1" 7 find 'collection_name="nothing"' 'error_type="26"'
	both "$1" 6 insert 'collection_name="twice"' 'error_type="11000"'
	both "$1" 5 "" 'error_type="59"'
	both "$1" 4 update 'collection_name="orders"'
	both "$1" 1 aggregate 'collection_name="orders"'
	both "$1" 3 delete 'collection_name="orders"'
	both "$1" 18 "" 'error_type='
}

echo go > "$scratch/go"
wait_for 60 grep -q "done" "$scratch/client.log"
of_the_client early
both early 1 ping
ok "a client of Python's" "$python" "$here/mongodb_client.py" "${port[late]}"
of_the_client late
both late 2 ping

all_understood "everything was understood" mongodb
nothing_lost "nothing was lost"
scrape
is "no value came out" "$(grep -c s3cret "$metrics" || true)" 0
summary
