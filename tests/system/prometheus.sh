#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A real Prometheus server scrapes the collector, and its own answers are right; promtool and
# prometheus_client find nothing wrong, also while records pour in. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/agent.bash"
# shellcheck source-path=SCRIPTDIR source=scraped.bash
. "$(dirname "${BASH_SOURCE[0]}")/scraped.bash"
scrapes=$(dirname "${BASH_SOURCE[0]}")/scrapes.py
need_root
need "$loader_bin" "$collector_bin" nginx h2load curl prometheus promtool "$python"

get() { # PATH [CURL-OPTION...]
	curl -s "http://127.0.0.1:$metrics_port$1" "${@:2}"
}
status() { # PATH
	get "$1" -o /dev/null -w '%{http_code}'
}

# ---- health ----

start "$collector_log" run_collector
wait_for 30 serving
is "/healthz before the loader" "$(status /healthz)" 200
is "/readyz before the loader" "$(status /readyz)" 503
is "/metrics before the loader" "$(status /metrics)" 200
start_loader
wait_for 10 grep -q 'connected to loader' "$collector_log"
is "/readyz with the loader" "$(status /readyz)" 200
is "/elsewhere" "$(status /elsewhere)" 404

# ---- the server ----

port=$(free_port)
start_nginx "$scratch/web" "server { listen 127.0.0.1:$port;
	location / { return 200 'hello\n'; } location /broken { return 503; } }"
wait_for 30 listening "$port"

every=3s # a machine that is held for a moment fails no scrape
start_prometheus "$metrics_port"
ok "promtool accepts the server's configuration" promtool check config "$scratch/prometheus.yml"

asks "Prometheus: the target is up" 1 'up{job="keyhole"}'
h2load --h1 -n 3000 -c 4 "http://127.0.0.1:$port/" > "$scratch/h2load" 2>&1
ask 20 "http://127.0.0.1:$port/broken"
asks "Prometheus: requests served" 3000 "sum(http_server_request_duration_seconds_count{server_port=\"$port\",http_response_status_code=\"200\"})"
asks "Prometheus: errors served" 20 "sum(http_server_request_duration_seconds_count{server_port=\"$port\",http_response_status_code=\"503\"})"
asks "Prometheus: requests made" 3000 "sum(http_client_request_duration_seconds_count{server_port=\"$port\",service_name=\"h2load\"})"
asks "Prometheus: the last bucket holds all" 3020 "sum(http_server_request_duration_seconds_bucket{server_port=\"$port\",le=\"+Inf\"})"
asks "Prometheus: quantiles come out" 1 "count(histogram_quantile(0.99, sum by (le) (http_server_request_duration_seconds_bucket{server_port=\"$port\"})) > 0)"
asks "Prometheus: target_info joins by job and instance" 3020 "sum(http_server_request_duration_seconds_count{server_port=\"$port\"} * on (job, instance) group_left(host_name) target_info{service_name=\"nginx\",source=\"keyhole\"})"
asks "Prometheus: nothing was lost" 0 'sum(keyhole_records_dropped_total{reason=~"invalid|ring_full.*|.*_part"})'
# A counter's family is called so in OpenMetrics, and with _total in the older text.
is "Prometheus and the collector agree on OpenMetrics" \
	"$(curl -s "http://127.0.0.1:$server/api/v1/metadata?metric=keyhole_records_seen" | grep -o '"type":"counter"')" '"type":"counter"'

# ---- the text ----

scrape
ok "promtool: check metrics" promtool check metrics < "$metrics"
is "it is text 0.0.4 for who asks for nothing" \
	"$(get /metrics -o /dev/null -w '%{content_type}')" "text/plain; version=0.0.4; charset=utf-8"
is "it is OpenMetrics for who asks for it" \
	"$(get /metrics -o "$scratch/openmetrics" -w '%{content_type}' -H 'Accept: application/openmetrics-text; version=1.0.0')" \
	"application/openmetrics-text; version=1.0.0; charset=utf-8"
is "which ends as it should" "$(tail -n 1 "$scratch/openmetrics")" "# EOF"
get /metrics -H 'Accept-Encoding: gzip' -o "$scratch/gz"
ok "it is compressed for who can read that" grep -q keyhole_build_info <(gzip -dc "$scratch/gz")

# ---- scrapes while records pour in ----

start "$scratch/h2load" h2load --h1 -D 300 -c 8 "http://127.0.0.1:$port/"
load=$started
scraped() { # N: that many more than before
	[ "$(query 'sum(count_over_time(up[10m]))')" -ge $((times + $1)) ]
}
times=$(query 'sum(count_over_time(up[10m]))')
if "$python" -c 'import prometheus_client' 2> /dev/null; then
	said=$("$python" "$scrapes" "http://127.0.0.1:$metrics_port/metrics" 20 2>&1) || true
	is "20 scrapes under load: each parses, no counter goes back" "$(tail -n 1 <<< "$said")" "20 scrapes, growing"
else
	skip "20 scrapes under load" "python3-prometheus-client is not installed"
fi
ok "Prometheus scrapes it under load" wait_for 60 scraped 3
ok "the load went on meanwhile" process_start "$load"
stop "$load"
asks "Prometheus: no scrape of it failed" 1 'min_over_time(up{job="keyhole"}[10m])'
refused "Prometheus has nothing to complain about" grep -E 'level=(warn|error).*scrape' "$scratch/prometheus.log"
summary
