#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# MySQL's protocol: a real MariaDB server with its own client, pymysql and mysqli, on connections opened
# before Keyhole attached and after; no literal is told. As root.
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
need "$loader_bin" "$collector_bin" curl mariadbd mariadb mariadb-install-db php "$python"

port=$(free_port)
data=$scratch/data
install -d -o mysql "$data"
mariadb-install-db --no-defaults --user=mysql --datadir="$data" --auth-root-authentication-method=normal > "$scratch/install.log" 2>&1
start "$scratch/server.log" mariadbd --no-defaults --user=mysql --datadir="$data" --bind-address=127.0.0.1 --port="$port" \
	--socket="$data/socket" --skip-name-resolve --local-infile=1
wait_for 30 listening "$port"
sql() { # STATEMENTS [OPTION...]
	local text=$1
	shift
	mariadb --no-defaults -h 127.0.0.1 -P "$port" -u root --skip-ssl "$@" -e "$text" > /dev/null
}
ok "tables" sql 'CREATE DATABASE shop; USE shop; CREATE TABLE early (a int, b text); CREATE TABLE late (a int, b text);
	CREATE TABLE file (a text); CREATE TABLE bound (a int PRIMARY KEY, b text)'

mkfifo "$scratch/go"
start "$scratch/early.log" "$python" "$here/mysql_client.py" "$port" early "$scratch/go"
wait_for 30 grep -q ready "$scratch/early.log"

everything "$scratch/config.yml"
start_loader
start_collector --config "$scratch/config.yml"
echo go > "$scratch/go"
wait_for 60 grep -q "done" "$scratch/early.log"
ok "pymysql" "$python" "$here/mysql_client.py" "$port" late

for i in {1..3000}; do echo "s3cret $i"; done > "$scratch/file.txt"
ok "mariadb: a file" sql "LOAD DATA LOCAL INFILE '$scratch/file.txt' INTO TABLE file" --local-infile=1 -D shop
ok "mariadb: prepared in SQL" sql "PREPARE s FROM 'DELETE FROM file WHERE a = ?'; SET @a = 's3cret'; EXECUTE s USING @a" -D shop
ok "mysqli: prepared by the server, several results" php "$here/mysql_prepared.php" "$port"
refused "mariadb: an error" sql "INSERT INTO late VALUES ('s3cret', 's3cret', 3)" -D shop

for when in early late; do
	system=mysql inserts=10 # a server older than Keyhole does not say which it is
	[ "$when" = early ] || { system=mariadb inserts=11; } # one of them fails
	for side in client server; do
		on() { # OPERATION WANT [REGEX...]
			local operation=$1 want=$2
			shift 2
			told "$when, $side: $operation $*" "$want" "db-$side" "db_system_name=\"$system\"" \
				"db_operation_name=\"$operation\"" "$@"
		}
		on INSERT "$inserts" "db_query_summary=\"INSERT $when\""
		on INSERT $((inserts - 10)) "db_query_summary=\"INSERT $when\"" 'error_type='
		on SELECT 20 "db_collection_name=\"$when\""
		on SELECT 1 "db_query_summary=\"SELECT seq_1_to_5000 $when\""
		on SELECT 2 "db_collection_name=\"${when}_missing\"" 'error_type="1146"'
		on UPDATE 3 "db_query_summary=\"UPDATE $when\""
		on PING 4
	done
done
for side in client server; do
	on LOAD 1 'db_collection_name="file"' 'db_namespace="shop"'
	on PREPARE 1 'db_query_summary="PREPARE[^"]*"'
	on PREPARE 1 'db_query_summary="INSERT bound"'
	on PREPARE 1 'error_type="1146"'
	on INSERT 10 'db_query_summary="INSERT bound"'
	on INSERT 3 'error_type="1062"'
	on SELECT 5 'db_query_summary="SELECT bound; UPDATE bound; DELETE bound"'
	on CALL 3 'db_query_summary="CALL two"'
	on EXECUTE 1
	on INSERT 1 'error_type="1136"'
done
scrape
is "everything was understood" "$(grep -E '^keyhole_protocol_(lost|unheld|bad_frames|given_up)_total\{.*"mysql"' "$metrics" | grep -v ' 0$')" ""
nothing_lost "nothing was lost"
refused "no literal in the metrics" grep s3cret "$metrics"
refused "no literal in the logs" grep s3cret "$loader_log" "$collector_log"
summary
