#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# PostgreSQL: a real server with psql, pgbench (simple, extended, prepared, pipelined) and psycopg2,
# on connections opened before Keyhole attached and after; no literal is told. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../lib.sh"
# shellcheck source-path=SCRIPTDIR source=../agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/../agent.bash"
# shellcheck source-path=SCRIPTDIR source=protocol.bash
. "$(dirname "${BASH_SOURCE[0]}")/protocol.bash"
here=$(dirname "${BASH_SOURCE[0]}")
programs=(/usr/lib/postgresql/*/bin)
need_root
need "$loader_bin" "$collector_bin" curl psql pgbench runuser "${programs[-1]}/postgres" "$python"

port=$(free_port)
data=$scratch/data
install -d -o postgres "$data"
runuser -u postgres -- "${programs[-1]}/initdb" -D "$data" -A trust > "$scratch/initdb.log" 2>&1
start "$scratch/server.log" runuser -u postgres -- "${programs[-1]}/postgres" -D "$data" -p "$port" -c listen_addresses=127.0.0.1 \
	-c unix_socket_directories="$data"
wait_for 30 listening "$port"
url="host=127.0.0.1 port=$port user=postgres dbname=shop"
sql() { # STATEMENT...
	local command=()
	for statement; do command+=(-c "$statement"); done
	psql -X -q -v ON_ERROR_STOP=1 -d "$url" "${command[@]}" > /dev/null
}
wait_for 20 psql -X -q -d "host=127.0.0.1 port=$port user=postgres dbname=postgres" -c 'CREATE DATABASE shop'
sql 'CREATE TABLE early (a int, b text)' 'CREATE TABLE late (a int, b text)' 'CREATE TABLE bench (a int, b text)' \
	'CREATE TABLE pipe (a int)' "INSERT INTO bench VALUES (1, 's3cret')" 'INSERT INTO pipe VALUES (1)'

mkfifo "$scratch/go"
start "$scratch/early.log" "$python" "$here/postgresql_client.py" "$port" early "$scratch/go"
wait_for 30 grep -q ready "$scratch/early.log"

everything "$scratch/config.yml"
start_loader
start_collector --config "$scratch/config.yml"
echo go > "$scratch/go"
wait_for 60 grep -q "done" "$scratch/early.log"
ok "psycopg2" "$python" "$here/postgresql_client.py" "$port" late

echo "SELECT b FROM bench WHERE a = :secret AND b <> 's3cret';" > "$scratch/select.sql"
cat > "$scratch/pipe.sql" <<-'SQL'
	\startpipeline
	UPDATE pipe SET a = a + :secret;
	SELECT a FROM pipe;
	SELECT a FROM pipe WHERE a = :secret;
	\endpipeline
SQL
for mode in simple extended prepared; do
	ok "pgbench, $mode" pgbench -n -t 25 -M "$mode" -D secret=31337 -f "$scratch/select.sql" "$url"
done
for mode in extended prepared; do
	ok "pgbench, pipeline, $mode" pgbench -n -t 10 -M "$mode" -D secret=31337 -f "$scratch/pipe.sql" "$url"
done
ok "psql: several statements at once" sql "BEGIN; DELETE FROM bench WHERE b = 's3cret2'; COMMIT"
refused "psql: an error" sql "CREATE TABLE bench (a int)"

for when in early late; do
	for side in client server; do
		on() { # OPERATION WANT TABLE [REGEX...]
			local operation=$1 want=$2 table=$3
			shift 3
			told "$when, $side: $operation of $table $*" "$want" "db-$side" 'db_system_name="postgresql"' \
				"db_operation_name=\"$operation\"" "db_collection_name=\"$table\"" "$@"
		}
		told "$when, $side: INSERT" 10 "db-$side" 'db_system_name="postgresql"' "db_query_summary=\"INSERT $when\""
		on SELECT 22 $when # 20, and two that fail
		on SELECT 1 $when 'error_type="22P02"'
		on SELECT 1 $when 'error_type="22012"'
		on SELECT 2 ${when}_missing 'error_type="42P01"'
		on UPDATE 3 $when
		on COPY 2 $when
		on DELETE 1 $when
	done
done
for side in client server; do
	when=late
	on SELECT 75 bench 'db_namespace="shop"'
	on SELECT 40 pipe
	on UPDATE 20 pipe
	on BEGIN 1 bench
	on CREATE 1 bench 'error_type="42P07"'
done
# Of COPY and long results a part of each call is captured: gaps, but nothing is lost by them.
scrape
is "everything was understood" "$(grep -E '^keyhole_protocol_(lost|unheld|bad_frames|given_up)_total\{.*"postgresql"' "$metrics" | grep -v ' 0$')" ""
nothing_lost "nothing was lost"
scrape
refused "no literal in the metrics" grep -E 's3cret|31337' "$metrics"
refused "no literal in the logs" grep -E 's3cret|31337' "$loader_log" "$collector_log"
summary
