#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Microsoft SQL Server: pytds and FreeTDS with a server of ours that speaks as much of TDS 7.4 as they need, on
# connections opened before Keyhole attached and after; no literal is told. As root.
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
need "$loader_bin" "$collector_bin" curl tsql bsqldb "$python"

declare -A port
for part in early late freetds; do
	port[$part]=$(free_port)
	start "$scratch/$part.log" "$python" "$here/mssql_server.py" "${port[$part]}"
	wait_for 60 listening "${port[$part]}"
done
mkfifo "$scratch/go"
start "$scratch/client.log" "$python" "$here/mssql_client.py" "${port[early]}" "$scratch/go"
wait_for 60 grep -q ready "$scratch/client.log"

everything "$scratch/config.yml"
start_loader
start_collector --config "$scratch/config.yml"

both() { # PART WANT OPERATION [REGEX...]: both sides told so many of the operation
	local part=$1 want=$2 operation=$3 side
	shift 3
	for side in client server; do
		told "$part, $side: $operation $*" "$want" "db-$side" 'db_system_name="microsoft.sql_server"' \
			"server_port=\"${port[$part]}\"" "db_operation_name=\"$operation\"" "$@"
	done
}

of_the_client() { # PART
	both "$1" 30 INSERT 'collection_name="orders"' 'query_summary="INSERT orders"'
	both "$1" 20 SELECT 'collection_name="orders"'
	both "$1" 5 SELECT 'collection_name="missing"' 'error_type="208"'
	both "$1" 5 UPDATE 'collection_name="missing"' 'error_type="208"'
	both "$1" 3 SELECT 'collection_name="many"'
	both "$1" 0 INSERT 'error_type='
	both "$1" 5 SELECT 'error_type='
	both "$1" 4 DELETE 'collection_name="dbo.archive"'
}

echo go > "$scratch/go"
wait_for 60 grep -q "done" "$scratch/client.log"
of_the_client early
ok "pytds" "$python" "$here/mssql_client.py" "${port[late]}"
of_the_client late
both late 20 SELECT 'collection_name="orders"' 'db_namespace="shop"'

by_tsql() {
	printf "%s\ngo\n" "SELECT b FROM orders WHERE b = 's3cret'" "SELECT b FROM missing" "INSERT INTO orders VALUES ('s3cret')" |
		TDSVER=7.4 tsql -H 127.0.0.1 -p "${port[freetds]}" -U me -P s3cret > "$scratch/tsql.log" 2>&1
}
ok "tsql" by_tsql
both freetds 1 SELECT 'collection_name="orders"'
both freetds 1 SELECT 'collection_name="missing"' 'error_type="208"'
both freetds 1 INSERT 'collection_name="orders"'

all_told "everything was understood" mssql
nothing_lost "nothing was lost"
scrape
refused "no literal in the metrics" grep s3cret "$metrics"
refused "no literal in the logs" grep s3cret "$loader_log" "$collector_log"
summary
