#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Which metrics there are and what they are called: instrumentations, names for older dashboards,
# and connections that are encrypted. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../lib.sh"
# shellcheck source-path=SCRIPTDIR source=../agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/../agent.bash"
# shellcheck source-path=SCRIPTDIR source=protocol.bash
. "$(dirname "${BASH_SOURCE[0]}")/protocol.bash"
need_root
need "$loader_bin" "$collector_bin" curl openssl nats-server promtool redis-cli redis-server "$python"
here=$(dirname "${BASH_SOURCE[0]}")

configure() { # INSTRUMENTATIONS SEMCONV
	cat > "$scratch/config.yml" <<-YAML
		discovery: {instrument: [{open_ports: 1-65535}, {exe_path: "*"}]}
		prometheus_export: {instrumentations: $1}
		keyhole: {semconv: $2}
	YAML
	chmod 644 "$scratch/config.yml"
}
families() { # how many families of histograms there are with that prefix
	scrape
	grep -cE "^# TYPE $1[a-z_]* histogram" "$metrics" || true
}
exposed() { # TEST-NAME: what promtool thinks of the scrape
	scrape
	is "$1" "$(promtool check metrics < "$metrics" 2>&1)" ""
}

mkdir -m 755 "$scratch/web"
port=$(free_port)
start "$scratch/web.log" "$python" -m http.server --bind 127.0.0.1 --directory "$scratch/web" "$port"
wait_for 60 listening "$port"
redis=$(free_port)
start "$scratch/redis.log" redis-server --port "$redis" --bind 127.0.0.1 --save '' --dir "$scratch"
wait_for 60 listening "$redis"
tls=$(free_port)
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 1 \
	-keyout "$scratch/key.pem" -out "$scratch/cert.pem" 2> /dev/null
start "$scratch/tls.log" openssl s_server -quiet -accept "127.0.0.1:$tls" -www \
	-key "$scratch/key.pem" -cert "$scratch/cert.pem"
wait_for 60 listening "$tls"
nats=$(free_port)
start "$scratch/nats.log" nats-server -a 127.0.0.1 -p "$nats"
wait_for 60 listening "$nats"

# ---- Redis alone ----

configure "[redis]" current
start_loader
start_collector --config "$scratch/config.yml"
for i in 1 2 3 4 5; do
	redis-cli -p "$redis" set "key$i" value > /dev/null
done
redis-cli -p "$redis" lpush key1 x > /dev/null # of another type
ask 4 "http://127.0.0.1:$port/"
for _ in 1 2 3; do
	curl -sk -o /dev/null "https://127.0.0.1:$tls/"
done
for side in client server; do
	told "redis: what was asked for, $side" 5 "db-$side" 'db_system_name="redis"' 'db_operation_name="SET"'
	told "redis: what failed, $side" 1 "db-$side" 'db_operation_name="LPUSH"' 'error_type="WRONGTYPE"' \
		'db_response_status_code="WRONGTYPE"'
	counts "encrypted connections, $side" 3 keyhole_encrypted_connections_total "keyhole_side=\"$side\""
done
# Four by each side, and what other processes do.
ok "what is switched off is counted as such" reached 8 keyhole_records_dropped_total 'reason="switched_off"'
is "there are metrics of databases" "$(families db_)" 2
is "and of nothing else" "$(families '(http|rpc|messaging|dns|keyhole_messaging|keyhole_dns)_')" 0
is "buckets are those of databases" "$(grep -oE '^db_client_.*_bucket.*SET.*le="[^"]*"' "$metrics" | grep -o 'le=.*' | paste -sd ' ')" \
	'le="0.001" le="0.005" le="0.01" le="0.05" le="0.1" le="0.5" le="1" le="5" le="10" le="+Inf"'
exposed "the exposition is well-formed"
stop "$collector"

# ---- names for dashboards made for Beyla ----

configure "[nats, grpc]" beyla-3.20
start_collector --config "$scratch/config.yml"
ok "a client of NATS" "$python" "$here/nats_client.py" "$nats" late
counts "an attribute has its older name" 30 messaging_client_operation_duration_seconds_count \
	'messaging_system="nats"' 'messaging_operation_name="publish"' 'destination_name="late\.new"'
is "and not the newer one" "$(grep -c 'messaging_system_name=' "$metrics" || true)" 0
ok "a metric has its older name" grep -q '^# TYPE rpc_server_duration_seconds histogram' "$metrics"
is "and not the newer one" "$(families rpc_server_call_)" 0
is "databases are not read" "$(families db_)" 0
exposed "the exposition is well-formed"
nothing_lost "nothing was lost"
summary
