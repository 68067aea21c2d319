#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Metrics of real traffic arrive at a receiver of OTLP, with exact counts, whatever the receiver did
# meanwhile: absent, slow, answering 429, 503, garbage or web pages. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/agent.bash"
need_root
need "$loader_bin" "$collector_bin" nginx h2load curl protoc "$python"

receiver_port=$(free_port)
start_receiver() {
	start "$scratch/receiver.log" "$python" "$(dirname "${BASH_SOURCE[0]}")/otlp_receiver.py" "$receiver_port" \
		"$repo/collector/export/proto"
	wait_for 30 listening "$receiver_port"
}
behave() { # JSON
	curl -sf "http://127.0.0.1:$receiver_port/behave" -d "$1" > /dev/null
}
state() { # PYTHON-EXPRESSION of `s`
	curl -sf "http://127.0.0.1:$receiver_port/state" | "$python" -c "
import json, sys
s = json.load(sys.stdin)
def served(port, status=None):
    return sum(p['value'] for p in s['points'].values() if p['name'] == 'http.server.request.duration'
               and p['labels'].get('server.port') == port
               and status in (None, p['labels'].get('http.response.status_code')))
print($1)"
}
state_is() { # WANT EXPRESSION
	[ "$(state "$2")" = "$1" ]
}
arrives() { # TEST-NAME WANT EXPRESSION
	wait_for 20 state_is "$2" "$3" || true
	is "$1" "$(state "$3")" "$2"
}
rss() {
	awk '/VmRSS/ { print $2 }' "/proc/$(pgrep -f "^$collector_bin" | head -n 1)/status"
}
load() { # REQUESTS
	h2load --h1 -n "$1" -c 4 "http://127.0.0.1:$port/" > "$scratch/h2load" 2>&1
}

port=$(free_port)
start_nginx "$scratch/web" "server { listen 127.0.0.1:$port;
	location / { return 200 'hello\n'; } location /broken { return 503; } }"
wait_for 30 listening "$port"
start_loader
# no spans: they would take answers that are meant for metrics, and fill their queue
fast=(OTEL_TRACES_EXPORTER=none OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:$receiver_port" KEYHOLE_METRICS_INTERVAL=300ms
	KEYHOLE_BACKOFF_INITIAL_INTERVAL=100ms KEYHOLE_BACKOFF_MAX_INTERVAL=400ms)

scenario "a receiver that comes late"
start_collector "${fast[@]}" OTEL_EXPORTER_OTLP_HEADERS="x-key=a%20b,x-other=c"
load 1000
ask 20 "http://127.0.0.1:$port/broken"
wait_for 10 reached 2 keyhole_otlp_failures_total 'signal="metrics"' || true
start_receiver
arrives "requests served" 1000 "served($port, 200)"
arrives "errors served" 20 "served($port, 503)"
is "what arrives is to the specification" "$(state "s['faults']")" "[]"
is "the headers are those given" "$(state "s['headers']['x-key'], s['headers']['x-other']")" "a b c"
is "it is compressed protobuf" "$(state "s['headers']['Content-Encoding'], list(s['types'])")" \
	"gzip ['application/x-protobuf']"
is "resources are complete" "$(state "sorted(k for k in s['resources']['nginx'] if not k.startswith('telemetry'))")" \
	"['host.name', 'os.type', 'service.instance.id', 'service.name', 'source']"
is "no point was dropped" "$(now_sum keyhole_otlp_points_dropped_total)" 0

scenario "a receiver that misbehaves"
before=$(rss)
total=1000
for how in '{"status": 429, "headers": {"Retry-After": "1"}, "times": 2}' '{"status": 503, "times": 3}' \
	'{"raw": "this is not HTTP\r\n\r\n", "times": 3}' '{"raw": "", "times": 3}' \
	'{"body": "<html>log in first</html>", "type": "text/html", "times": 3}' \
	'{"body": "\u0007\u0001garbage", "times": 2}' '{"delay": 1, "times": 2}' '{"status": 400, "times": 1}'; do
	behave "$how"
	load 500
	total=$((total + 500))
	arrives "exact counts after $how" $total "served($port, 200)"
done
is "what arrives is to the specification still" "$(state "s['faults']")" "[]"
ok "garbage is counted" reached 1 keyhole_otlp_garbage_answers_total
ok "requests sent again are counted" reached 10 keyhole_otlp_retries_total
ok "what was refused is counted" reached 1 keyhole_otlp_points_dropped_total 'reason="refused"'
is "memory is flat" "$(($(rss) < before + 4096))" 1

scenario "the end"
stop "$collector"
start_collector "${fast[@]}" KEYHOLE_METRICS_INTERVAL=1h
load 700
counts "all is counted" 700 http_server_request_duration_seconds_count "server_port=\"$port\""
is "nothing left before the interval was over" "$(state "served($port, 200)")" "$total"
stop "$collector"
arrives "what was counted leaves at the end" 700 "served($port, 200)"
start_collector "${fast[@]}" KEYHOLE_METRICS_INTERVAL=1h
load 20
counts "it is there" 20 http_server_request_duration_seconds_count "server_port=\"$port\""
load 500
stop "$collector"
arrives "so does what came just before it" 520 "served($port, 200)"
start_collector "${fast[@]}" KEYHOLE_METRICS_INTERVAL=1h KEYHOLE_SHUTDOWN_TIMEOUT=1s
behave '{"delay": 30}'
kill "$collector"
ok "a receiver that says nothing does not hold it up" wait_for 20 stopped "$collector"
behave '{}'

scenario "a workload that exports by itself"
# A web server in Python that sends OTLP's bytes, as an SDK would, whenever it is asked for /export
own_port=$(free_port)
start "$scratch/own.log" "$python" "$(dirname "${BASH_SOURCE[0]}")/otlp_workload.py" "$own_port" "$receiver_port" \
	"$repo/collector/export/proto"
wait_for 30 listening "$own_port"
start_collector "${fast[@]}"
ask_own() { # PATH
	curl -sf "http://127.0.0.1:$own_port$1" > /dev/null
}
ask 10 "http://127.0.0.1:$own_port/"
arrives "it is told while it does not export" 10 "served($own_port, 200)"
ask_own "/export/traces"
ask 10 "http://127.0.0.1:$own_port/"
arrives "who sends traces has metrics" 21 "served($own_port, 200)"
ask_own "/export/metrics"
ask 30 "http://127.0.0.1:$own_port/"
load 50
arrives "others are told as before" 50 "served($port, 200)"
is "who sends metrics has no more" "$(state "served($own_port, 200)")" 21
ok "what is left out is counted" reached 30 keyhole_records_dropped_total 'reason="exports_itself"'
is "what the workload sent is there, once" "$(state "s['points'] and sum(p['name'] == 'own' for p in s['points'].values())")" 1
is "what arrives is to the specification with it" "$(state "s['faults']")" "[]"
stop "$collector"
start_collector "${fast[@]}" KEYHOLE_EXCLUDE_OTEL_INSTRUMENTED_SERVICES=false
ask_own "/export/metrics"
ask 10 "http://127.0.0.1:$own_port/"
counts "told twice where it is asked for" 11 http_server_request_duration_seconds_count "server_port=\"$own_port\""
stop "$collector"

scenario "spans and the service graph as metrics"
echo 'metrics: {features: ["*"]}' > "$scratch/features.yml"
chmod 644 "$scratch/features.yml"
start_collector "${fast[@]}" --config "$scratch/features.yml"
load 100
told() { # NAME SERVICE LABEL-VALUE: the sum of such points
	state "sum(p['value'] for p in s['points'].values() if p['name'] == '$1' and p['service'] == '$2' and $3 in p['labels'].values())"
}
told_is() { # WANT NAME SERVICE LABEL-VALUE
	[ "$(told "${@:2}")" = "$1" ]
}
for name in traces_spanmetrics_latency traces_spanmetrics_calls_total traces_span_metrics_duration \
	traces_span_metrics_calls; do
	wait_for 20 told_is 100 "$name" nginx "'SPAN_KIND_SERVER'" || true
	is "$name" "$(told "$name" nginx "'SPAN_KIND_SERVER'")" 100
done
is "traces_target_info is a gauge" "$(state "[p['value'] for p in s['points'].values() if p['name'] == 'traces_target_info' and p['service'] == 'nginx'][:1]")" "[1]"
is "what arrives is to the specification with them" "$(state "s['faults']")" "[]"
stop "$collector"

scenario "JSON"
start_collector "${fast[@]}" OTEL_EXPORTER_OTLP_PROTOCOL=http/json OTEL_EXPORTER_OTLP_COMPRESSION=none
load 300
wait_for 10 state_is True "'application/json' in s['types']" || true
arrives "counts in JSON" 300 "served($port, 200)"
is "JSON is to the specification" "$(state "s['faults']")" "[]"
stop "$collector"
summary
