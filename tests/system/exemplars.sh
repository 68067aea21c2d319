#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Exemplars lead from a bucket to its trace, in a real Prometheus and by OTLP; exponential histograms have
# what the spans say. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/agent.bash"
# shellcheck source-path=SCRIPTDIR source=scraped.bash
. "$(dirname "${BASH_SOURCE[0]}")/scraped.bash"
here=$(dirname "${BASH_SOURCE[0]}")
need_root
need "$loader_bin" "$collector_bin" nginx h2load curl protoc prometheus "$python"

# ---- who serves, who asks, who listens ----

port=$(free_port)
start_nginx "$scratch/web" "server { listen 127.0.0.1:$port;
	location / { return 200 'hello\n'; } location /broken { return 503; } }"
wait_for 30 listening "$port"

receiver_port=$(free_port) spans=$scratch/spans
start_receiver() {
	rm -f "$spans"
	start "$scratch/receiver.log" "$python" "$here/otlp_receiver.py" "$receiver_port" "$repo/collector/export/proto" "$spans"
	receiver=$started
	wait_for 30 listening "$receiver_port"
}
state() {
	curl -sf "http://127.0.0.1:$receiver_port/state" > "$scratch/state"
}
faults() {
	state && "$python" -c 'import json, sys; print(json.load(sys.stdin)["faults"])' < "$scratch/state"
}

start_prometheus "$metrics_port" --enable-feature=exemplar-storage
start_loader

cat > "$scratch/config.yml" <<YAML
discovery:
  instrument:
    - exe_path: "{*/h2load,*/nginx,*/curl}"
YAML
chmod 644 "$scratch/config.yml"
both=(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:$receiver_port" KEYHOLE_METRICS_INTERVAL=300ms
	KEYHOLE_OTLP_TRACES_BATCH_TIMEOUT=200ms)
traced() { # [NAME=VALUE...]
	start_collector "${both[@]}" "$@" --config "$scratch/config.yml"
}
load() { # REQUESTS
	h2load --h1 -n "$1" -c 4 "http://127.0.0.1:$port/" > "$scratch/h2load" 2>&1
}
openmetrics() { # how many exemplars a scrape has
	curl -sf "http://127.0.0.1:$metrics_port/metrics" -H 'Accept: application/openmetrics-text; version=1.0.0' |
		grep -c ' # {trace_id="' || true
}
by_query() {
	curl -sf "http://127.0.0.1:$server/api/v1/query_exemplars" -G --data-urlencode "start=$began" \
		--data-urlencode "end=$(($(date +%s) + 5))" \
		--data-urlencode "query=http_${1}_request_duration_seconds_bucket{server_port=\"$port\"}" |
		"$python" "$here/exemplars_check.py" prometheus "$spans" "$port"
}
by_otlp() {
	state && "$python" "$here/exemplars_check.py" otlp "$spans" "$port" < "$scratch/state"
}
exponential() {
	state && "$python" "$here/exemplars_check.py" exponential "$spans" "$port" < "$scratch/state"
}
some_right() { # COMMAND...: at least two, none of them wrong
	local said
	said=$("$@") && [ "${said%% *}" -ge 2 ] && [[ $said == *"wrong: none" ]]
}
spans_came() { # WANT
	[ "$(grep -c "\"server.port\": ${port}[,}]" "$spans")" -ge "$1" ]
}

scenario "exemplars of sampled traces"
began=$(date +%s)
start_receiver
traced KEYHOLE_PROMETHEUS_EXEMPLAR_FILTER=trace_based
load 500
ask 20 "http://127.0.0.1:$port/broken"
ok "the spans came" wait_for 20 spans_came 1040
for side in server client; do
	ok "Prometheus has exemplars of the ${side}'s spans" wait_for 20 some_right by_query $side
	echo "$side: $(by_query $side)"
done
ok "OTLP has them, too" wait_for 10 some_right by_otlp
echo "OTLP: $(by_otlp)"
is "what arrives is to the specification" "$(faults)" "[]"
scrape
is "the older text has none" "$(grep -c trace_id "$metrics")" 0
refused "Prometheus has nothing to complain about" grep -E 'level=(warn|error)' "$scratch/prometheus.log"
stop "$collector"

scenario "exemplars that nobody asked for"
stop "$receiver"
start_receiver
traced OTEL_METRICS_EXEMPLAR_FILTER=always_off
load 200
ok "the spans came" wait_for 20 spans_came 400
is "a scrape has none" "$(openmetrics)" 0
is "nor has OTLP" "$(by_otlp)" "0 wrong: none"
stop "$collector"

scenario "traces that are not sampled"
traced OTEL_TRACES_SAMPLER=always_off KEYHOLE_PROMETHEUS_EXEMPLAR_FILTER=always_on
load 200
some_in_scrape() { [ "$(openmetrics)" -ge 2 ]; }
ok "with always_on they have exemplars" wait_for 20 some_in_scrape
is "by OTLP, where it is trace_based, they have none" "$(by_otlp)" "0 wrong: none"
stop "$collector"

scenario "exponential histograms"
stop "$receiver"
start_receiver
traced OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION=base2_exponential_bucket_histogram
load 1000
ask 20 "http://127.0.0.1:$port/broken"
ok "the spans came" wait_for 20 spans_came 2040
all_right() { [ "$(exponential)" = "2040 wrong: none" ]; }
wait_for 10 all_right || true
is "buckets, scales and sums are those of the spans" "$(exponential)" "2040 wrong: none"
ok "they have exemplars" wait_for 10 some_right by_otlp
is "what arrives is to the specification" "$(faults)" "[]"
served "scrapes have buckets with bounds" 1020 "$port"
is "as many as ever" "$(scrape && grep -c "http_server_request_duration_seconds_bucket{.*status_code=\"200\".*server_port=\"$port\"" "$metrics")" 16
stop "$collector"
summary
