#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The journey of a request on one node: a client → nginx → Python (a thread per connection) → Redis and
# PostgreSQL, 1,000 requests, 16 at a time. Each is one trace, and every span is the child of the right one.
# As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/agent.bash"
here=$(dirname "${BASH_SOURCE[0]}")
programs=(/usr/lib/postgresql/*/bin)
need_root
need "$loader_bin" "$collector_bin" nginx curl protoc redis-server psql runuser "${programs[-1]}/postgres" "$python"
requests=1000

# ---- the services ----

redis_port=$(free_port)
start "$scratch/redis.log" redis-server --port "$redis_port" --bind 127.0.0.1 --save '' --daemonize no
postgresql_port=$(free_port) data=$scratch/data
install -d -o postgres "$data"
runuser -u postgres -- "${programs[-1]}/initdb" -D "$data" -A trust > "$scratch/initdb.log" 2>&1
start "$scratch/postgresql.log" runuser -u postgres -- "${programs[-1]}/postgres" -D "$data" -p "$postgresql_port" \
	-c listen_addresses=127.0.0.1 -c unix_socket_directories="$data"
wait_for 30 listening "$postgresql_port"
url="host=127.0.0.1 port=$postgresql_port user=postgres"
wait_for 20 psql -X -q -d "$url dbname=postgres" -c 'CREATE DATABASE shop'
for table in {0..49}; do echo "CREATE TABLE item_$table (a int);"; done | psql -X -q -d "$url dbname=shop"
app_port=$(free_port)
start "$scratch/app.log" "$python" "$here/traces_app.py" "$app_port" "127.0.0.1:$redis_port" "127.0.0.1:$postgresql_port"
wait_for 20 listening "$app_port"
port=$(free_port)
start_nginx "$scratch/web" "upstream app { server 127.0.0.1:$app_port; keepalive 32; }
	server { listen 127.0.0.1:$port; location / {
		proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ''; } }"
wait_for 10 listening "$port"

# ---- Keyhole ----

receiver_port=$(free_port) spans=$scratch/spans
start_receiver() {
	start "$scratch/receiver.log" "$python" "$here/otlp_receiver.py" "$receiver_port" "$repo/collector/export/proto" "$spans"
	receiver=$started
	wait_for 20 listening "$receiver_port"
}
start_receiver
cat > "$scratch/config.yml" <<YAML
discovery:
  instrument:
    - exe_path: "{*/nginx,*/python3*,*/redis*,*/postgres}"
YAML
chmod 644 "$scratch/config.yml"
start_loader
traced=(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://127.0.0.1:$receiver_port/v1/traces" KEYHOLE_OTLP_TRACES_BATCH_TIMEOUT=200ms)
start_collector "${traced[@]}" --config "$scratch/config.yml"

load() { # FROM TO CONNECTIONS
	"$python" "$here/traces_load.py" 127.0.0.1 "$port" "$@"
}
all_came() { # WANT: of these services; the machine may have others
	"$python" "$here/traces_check.py" "$spans" "$app_port" "$port" "$redis_port" "$postgresql_port" > "$scratch/judged"
	[ "$(awk '$1 == "spans" { print $2 }' "$scratch/judged")" -ge "$1" ]
}
share() { # LINK: "RIGHT OF"
	awk -v link="$1" '$1 == link { print $2, $3 }' "$scratch/judged"
}

scenario "1,000 requests, 16 at a time"
ok "the load ran" load 1 $requests 16
ok "all spans came" wait_for 30 all_came $((8 * requests))
cat "$scratch/judged"
for link in nginx app redis_client redis_server postgresql_client postgresql_server; do
	is "$link: every span is the child of the right one" "$(share $link)" "$requests $requests"
done
is "each request is one trace of eight spans" "$(share whole)" "$requests $requests"
summary
