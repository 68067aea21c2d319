#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Go: a request that a server received and what its handler asked Redis meanwhile carry the same
# goroutine, at a concurrency of 16, while goroutines go from thread to thread. Nothing that is not
# Go has one. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../lib.sh"
# shellcheck source-path=SCRIPTDIR source=../agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/../agent.bash"
here=$(dirname "${BASH_SOURCE[0]}")
go=/usr/lib/go-1.19/bin/go
need_root
need "$loader_bin" "$build/tests/system/exchanges" redis-server "$go"
scenario goroutines

ok "the Go program is built" env HOME="$scratch" GOCACHE="$scratch/cache" GO111MODULE=off \
	"$go" build -o "$scratch/goroutines" "$here/goroutines.go"
n=2000
redis=$(free_port)
start "$scratch/redis.log" redis-server --bind 127.0.0.1 --port "$redis" --save '' --dir "$scratch"
wait_for 20 listening "$redis"
port=$(free_port)
start "$scratch/said" "$scratch/goroutines" serve "$port" "$redis"
wait_for 20 grep -q ready "$scratch/said"

start_loader --backend "${KEYHOLE_BACKEND:-auto}" --peer-uid 0
mkfifo "$scratch/in"
# shellcheck disable=SC2016 # a background command's own standard input is /dev/null
start "$scratch/exchanges" bash -c 'exec "$@" < "$0" 2>&1' "$scratch/in" "$build/tests/system/exchanges" "$socket"
listener=$started
exec 9> "$scratch/in"
wait_for 60 grep -q ready "$scratch/exchanges"
ok "the requests are answered" timeout 120 "$scratch/goroutines" ask "$port" "$n"
exec 9>&-
ended() { # PID
	! kill -0 "$1" 2> /dev/null
}
wait_for 20 ended "$listener"

# Lines of exchanges (tests/system/exchanges.c) against what the server printed.
awk -v port="$port" -v redis="$redis" '
	FNR == NR && NF == 3 { calls[$2, $3] = $1; next }
	FNR == NR { next }
	$1 == "http" && $2 == "server" && $3 == port { served[$11] = $7; thread[$11] = $6 }
	$1 == "redis" && $2 == "client" && $4 == redis {
		target = calls[$3, ++number[$3]]
		asked[target] = $7
		by[target] = $6
	}
	$1 == "redis" && $2 == "server" && $3 == redis { answered++; strange += $7 != "0" }
	END {
		for (target in served) {
			requests++
			if (served[target] == "0") none++
			else if (served[target] == asked[target]) same++
			moved += thread[target] != by[target]
		}
		printf "requests=%d same=%d none=%d\n", requests, same, none
		printf "answered=%d strange=%d\n", answered, strange
		printf "%d\n", moved
	}' "$scratch/said" "$scratch/exchanges" > "$scratch/sums"
is "each request and what its handler asked have one goroutine" "$(sed -n 1p "$scratch/sums")" \
	"requests=$n same=$n none=0"
is "redis-server has none" "$(sed -n 2p "$scratch/sums")" "answered=$n strange=0"
moved=$(sed -n 3p "$scratch/sums")
echo "# of $n handlers $moved asked from another thread than received the request"
ok "threads alone would not have told it" test "$moved" -gt 0
stop "$loader"
summary
