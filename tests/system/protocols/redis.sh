#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Redis: a real redis-server, with redis-cli (RESP2 and RESP3), redis-benchmark and python3-redis,
# on connections opened before Keyhole attached and after. As root.
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
need "$loader_bin" "$collector_bin" curl redis-server redis-cli redis-benchmark "$python"

# One server for each part, so that its port tells them apart.
declare -A port
for part in early late cli benchmark; do
	port[$part]=$(free_port)
	start "$scratch/$part.log" redis-server --bind 127.0.0.1 --port "${port[$part]}" --save '' --dir "$scratch"
	wait_for 60 listening "${port[$part]}"
done
mkfifo "$scratch/go"
start "$scratch/client.log" "$python" "$here/redis_client.py" "${port[early]}" "$scratch/go"
wait_for 60 grep -q ready "$scratch/client.log"

everything "$scratch/config.yml"
start_loader
start_collector --config "$scratch/config.yml"

both() { # PART WANT OPERATION [REGEX...]: both sides told so many of the operation
	local part=$1 want=$2 operation=$3 side
	shift 3
	for side in client server; do
		told "$part, $side: ${operation:-any} $*" "$want" "db-$side" 'db_system_name="redis"' \
			"server_port=\"${port[$part]}\"" "${operation:+db_operation_name=\"$operation\"}" "$@"
	done
}

of_the_client() { # PART GETS
	both "$1" 41 SET
	both "$1" "$2" GET
	both "$1" 1 MGET
	both "$1" 8 LPUSH
	both "$1" 7 LPUSH 'error_type="WRONGTYPE"'
	both "$1" 6 "" 'error_type="ERR"' # five of them unknown commands
	both "$1" 5 BLPOP
	both "$1" 6 "CONFIG GET"
	both "$1" 1 MULTI
	both "$1" 2 INCRBY
	both "$1" 1 EXEC 'error_type="WRONGTYPE"'
	both "$1" 20 HSET
	both "$1" 3 STRLEN
	both "$1" 1 STRLEN 'error_type="ERR"'
	both "$1" 14 "" 'error_type='
}

echo go > "$scratch/go"
wait_for 60 grep -q "done" "$scratch/client.log"
of_the_client early 23
both early 0 SET 'db_namespace=' # nobody saw which one was selected
ok "a client of Python's" "$python" "$here/redis_client.py" "${port[late]}"
of_the_client late 24
both late 41 SET 'db_namespace="0"'

for version in 2 3; do
	for i in 1 2 3 4 5 6 7 8 9 10; do
		redis-cli -p "${port[cli]}" -n 3 "-$version" SADD "set$version" "s3cret-$i"
	done
	redis-cli -p "${port[cli]}" -n 3 "-$version" SCARD "s3cret-wrong$version"
	redis-cli -p "${port[cli]}" -n 3 "-$version" INCR "set$version"
done > /dev/null
both cli 20 SADD 'db_namespace="3"'
both cli 2 SCARD 'db_namespace="3"'
both cli 2 INCR 'error_type="WRONGTYPE"'
both cli 12 HELLO
both cli 24 SELECT 'db_namespace="0"'

ok "redis-benchmark, pipelined" redis-benchmark -p "${port[benchmark]}" -n 3200 -P 16 -c 2 -t lpop,sadd -q
both benchmark 3200 LPOP
both benchmark 3200 SADD
# What they send at once, 16 commands of 330 bytes, is longer than a connection's first KiB; and
# nothing is decided before they have ended, as on a machine whose CPUs are all busy
kill -STOP "$collector"
ok "redis-benchmark, long pipelines" redis-benchmark -p "${port[benchmark]}" -n 640 -P 16 -c 5 -t mset -q
kill -CONT "$collector"
both benchmark 640 MSET
ok "redis-benchmark, values of 10,000 bytes" redis-benchmark -p "${port[benchmark]}" -n 200 -d 10000 -c 2 -t set -q
both benchmark 200 SET

all_told "everything was told" redis
nothing_lost "nothing was lost"
scrape
is "no key and no value came out" "$(grep -c -i 's3cret\|vvvv' "$metrics" || true)" 0
summary
