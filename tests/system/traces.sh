#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The journey of a request on one node: a client → nginx → Python (a thread per connection) → Redis and
# PostgreSQL, 1,000 requests, 16 at a time. Each is one trace, and every span is the child of the right one. Then
# what a receiver that misbehaves loses (nothing), what a full queue does (counted), and samplers. As root.
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
requests=1000 next=1001

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
wait_for 30 listening "$app_port"
port=$(free_port)
start_nginx "$scratch/web" "upstream app { server 127.0.0.1:$app_port; keepalive 32; }
	server { listen 127.0.0.1:$port; location / {
		proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ''; } }"
wait_for 30 listening "$port"

# ---- Keyhole ----

receiver_port=$(free_port) spans=$scratch/spans
start_receiver() {
	start "$scratch/receiver.log" "$python" "$here/otlp_receiver.py" "$receiver_port" "$repo/collector/export/proto" "$spans"
	receiver=$started
	wait_for 30 listening "$receiver_port"
}
start_receiver
cat > "$scratch/config.yml" <<YAML
discovery:
  instrument:
    - exe_path: "{*/nginx,*/python3*,*/redis*,*/postgres}"
YAML
chmod 644 "$scratch/config.yml"
start_loader
traced=(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://127.0.0.1:$receiver_port/v1/traces" KEYHOLE_OTLP_TRACES_BATCH_TIMEOUT=200ms
	KEYHOLE_BACKOFF_INITIAL_INTERVAL=100ms KEYHOLE_BACKOFF_MAX_INTERVAL=400ms)
start_collector "${traced[@]}" --config "$scratch/config.yml"

load() { # FROM TO CONNECTIONS
	"$python" "$here/traces_load.py" 127.0.0.1 "$port" "$@"
}
all_came() { # WANT: of these services; the machine may have others
	"$python" "$here/traces_check.py" "$spans" "$app_port" "$port" "$redis_port" "$postgresql_port" > "$scratch/judged"
	[ "$(awk '$1 == "spans" { print $2 }' "$scratch/judged")" -ge "$1" ]
}
behave() { # JSON
	curl -sf "http://127.0.0.1:$receiver_port/behave" -d "$1" > /dev/null
}
state() { # PYTHON-EXPRESSION of `s`
	curl -sf "http://127.0.0.1:$receiver_port/state" | "$python" -c "import json, sys; s = json.load(sys.stdin); print($1)"
}
share() { # LINK: "RIGHT OF"
	awk -v link="$1" '$1 == link { print $2, $3 }' "$scratch/judged"
}

scenario "1,000 requests, 16 at a time"
ok "the load ran" load 1 $requests 16
ok "all spans came" wait_for 60 all_came $((8 * requests))
cat "$scratch/judged"
for link in nginx app redis_client redis_server postgresql_client postgresql_server; do
	is "$link: every span is the child of the right one" "$(share $link)" "$requests $requests"
done
is "each request is one trace of eight spans" "$(share whole)" "$requests $requests"
is "what arrives is to the specification" "$(state "s['faults']")" "[]"
is "none came twice" "$(state "max(s['spans'].values())")" 1
scrape
is "how parents were found is counted" "$(metric_sum "$metrics" keyhole_trace_parents_total)" \
	"$(metric_sum "$metrics" keyhole_trace_spans_queued_total)"

# ---- the receiver ----

# Requests, and whether all their spans came: NUMBER of them are judged alone.
journey() { # TEST-NAME NUMBER
	: > "$spans"
	ok "the load ran" load $next $((next + $2 - 1)) 8
	next=$((next + $2))
	wait_for 60 all_came $((8 * $2)) || true
	is "$1" "$(share whole)" "$2 $2"
}
rss() {
	awk '/VmRSS/ { print $2 }' "/proc/$collector/status"
}

scenario "a receiver that misbehaves"
stop "$collector" # what spans may take is less now, and taken at once
start_collector "${traced[@]}" KEYHOLE_TRACES_QUEUE_BYTES=8388608 --config "$scratch/config.yml"
journey "all spans come while nothing is wrong" 1500
before=$(rss)
for how in '{"status": 429, "headers": {"Retry-After": "1"}, "times": 2}' '{"status": 503, "times": 3}' \
	'{"raw": "this is not HTTP\r\n\r\n", "times": 3}' '{"raw": "", "times": 3}' '{"delay": 1, "times": 2}' \
	'{"body": "<html>log in first</html>", "type": "text/html", "times": 2}'; do
	behave "$how"
	journey "all spans come after $how" 100
done
stop "$receiver"
ok "the load ran" load $next $((next + 199)) 8
next=$((next + 200))
: > "$spans"
wait_for 30 reached 1600 keyhole_otlp_queue_spans || true
start_receiver
wait_for 60 all_came 1600 || true
is "all spans come to a receiver that was away" "$(share whole)" "200 200"
is "no span was dropped" "$(now_sum keyhole_otlp_spans_dropped_total)$(now_sum keyhole_trace_spans_dropped_total)" 00
is "memory is flat, but for the queue" "$(($(rss) < before + 12288))" 1
stop "$collector"

scenario "a queue that is full"
stop "$receiver"
start_collector "${traced[@]}" KEYHOLE_OTLP_TRACES_QUEUE_SIZE=500 --config "$scratch/config.yml"
ok "the load ran" load $next $((next + 99)) 8
next=$((next + 100))
all_gone() {
	[ $(($(now_sum keyhole_trace_spans_queued_total) + $(now_sum keyhole_trace_spans_dropped_total))) -ge 800 ]
}
ok "each span is queued, or dropped and counted" wait_for 60 all_gone
ok "some had no place" reached 300 keyhole_trace_spans_dropped_total
stop "$collector"
start_receiver

# ---- samplers ----

scenario "samplers"
start_collector "${traced[@]}" OTEL_TRACES_SAMPLER=parentbased_traceidratio OTEL_TRACES_SAMPLER_ARG=0.3 --config "$scratch/config.yml"
: > "$spans"
ok "the load ran" load $next $((next + 399)) 8
next=$((next + 400))
decided() {
	scrape
	[ $(($(metric_sum "$metrics" keyhole_trace_spans_queued_total) + $(metric_sum "$metrics" keyhole_trace_spans_sampled_out_total))) -ge 3200 ]
}
wait_for 60 decided
all_sent() { # what is kept, and the receiver had it
	scrape
	[ "$(metric_sum "$metrics" keyhole_otlp_items_sent_total 'signal="traces"')" = "$(metric_sum "$metrics" keyhole_trace_spans_queued_total)" ]
}
wait_for 30 all_sent || true
all_came 1 || true
read -r whole kept <<< "$(share whole)"
is "a trace is kept whole or not at all" "$whole" "$kept"
within "about three of ten are kept" "$kept" 80 160
stop "$collector"
cat >> "$scratch/config.yml" <<YAML
    - exe_path: "*/redis*"
      sampler: {name: always_off}
    - exe_path: "*/postgres"
      exports: [metrics]
YAML
start_collector "${traced[@]}" --config "$scratch/config.yml"
: > "$spans"
ok "the load ran" load $next $((next + 99)) 8
wait_for 60 all_came 600 || true
is "an entry's sampler leaves out its spans" "$(share redis_server)" "0 0"
is "so does one that exports metrics only" "$(share postgresql_server)" "0 0"
is "others' are all there" "$(share redis_client) $(share postgresql_client)" "100 100 100 100"
counts "its metrics are there" 100 db_server_operation_duration_seconds_count "server_port=\"$postgresql_port\""
summary
