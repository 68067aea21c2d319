#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What the configuration makes of requests between a real nginx and a real curl: their routes, the
# labels of each metric, which requests count at all, and how long series stay. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/agent.bash"
need_root
need "$loader_bin" "$collector_bin" nginx curl unshare "$python"

port=$(free_port)
url=http://127.0.0.1:$port
start_nginx "$scratch/web" "server { listen 127.0.0.1:$port;
	location / { return 200 'hello\n'; } location /broken { return 503; } }"
nginx=$started
wait_for 30 listening "$port"
start_loader

# A collector with this configuration, whose numbers begin at zero.
collect() { # YAML
	if [ "$collector" != 0 ]; then
		kill -KILL "$collector"
		wait "$collector" 2> /dev/null || true
	fi
	printf '%s\n' "$1" > "$scratch/c.yml"
	start_collector --config "$scratch/c.yml"
}

# Of both sides, for each was seen twice.
dropped() { # TEST-NAME WANT REASON
	counts "$1" "$2" keyhole_records_dropped_total "reason=\"$3\""
}

# Sorted names of the labels that a metric has on the series of nginx, but for le.
labels_of() { # METRIC
	grep "^$1_count{.*server_port=\"$port\"" "$metrics" | grep -o '[{,][a-z_0-9]*="' | tr -d '{,="' | sort -u |
		paste -sd ' '
}

# ---- routes ----

declare -A route=(
	[path]='http_route="/shop/item-4711"'
	[wildcard]='http_route="/\*\*"'
	[heuristic]='http_route="/shop/\*"'
	[low-cardinality]='http_route="/shop/\*"'
)
for mode in unset path wildcard heuristic low-cardinality; do
	collect "routes: {patterns: ['/users/:id', /users/me], ignored_patterns: [/health/*], unmatched: $mode}"
	ask 3 "$url/users/7"
	ask 2 "$url/users/me"
	ask 4 "$url/health/deep/below"
	ask 5 "$url/shop/item-4711"
	served "unmatched: $mode: a pattern goes first" 3 "$port" 'http_route="/users/:id"'
	served "unmatched: $mode: a literal goes before a name" 2 "$port" 'http_route="/users/me"'
	if [ "$mode" = unset ]; then
		served "unmatched: $mode: the rest has no route" 10 "$port"
		is "unmatched: $mode: no route but those" "$(metric_sum "$metrics" http_server_request_duration_seconds_count \
			"server_port=\"$port\"" http_route=)" 5
	else
		served "unmatched: $mode: the route of the rest" 5 "$port" "${route[$mode]}"
	fi
	dropped "unmatched: $mode: what is ignored is counted as such, on both sides" 8 ignored_route
done

collect 'routes: {ignored_patterns: [/health/*], ignore_mode: traces, unmatched: heuristic, wildcard_char: "#"}'
ask 4 "$url/health/1"
served "ignore_mode: traces: metrics have it; wildcard_char stands for the segment" 4 "$port" 'http_route="/health/#"'

collect 'routes: {unmatched: low-cardinality, max_path_segment_cardinality: 2}'
for name in anna ben; do
	ask 1 "$url/people/$name"
done
served "low-cardinality: a few names are told apart" 1 "$port" 'http_route="/people/ben"'
ask 1 "$url/people/carla"
served "low-cardinality: more are not" 1 "$port" 'http_route="/people/\*"'

# ---- labels ----

collect "attributes:
  select:
    http_*: {exclude: [url.scheme, job]}
    http.server.request.duration: {include: [url.path, client_address, process.pid, '*.host_pid']}
    http_server_request_body_size: {include: ['*'], exclude: ['*_pid', '*.address', host.*]}
    resource: {include: [job, instance, service.name]}"
ask 3 "$url/shop/cart"
workers=$(pgrep -P "$nginx" | paste -sd'|')
served "labels that were asked for have their values" 3 "$port" 'url_path="/shop/cart"' 'client_address="127.0.0.1"' \
	"process_pid=\"($workers)\"" "keyhole_process_host_pid=\"($workers)\""
is "it has these labels, and no other" "$(labels_of http_server_request_duration_seconds)" \
	"client_address http_request_method http_response_status_code instance keyhole_process_host_pid process_pid server_port service_name url_path"
is "another metric of that side has its own" "$(labels_of http_server_request_body_size_bytes)" \
	"http_request_method http_response_status_code instance job server_port service_name url_path url_scheme"
is "a third has those of all" "$(labels_of http_server_response_body_size_bytes)" \
	"http_request_method http_response_status_code instance server_port service_name"
is "target_info has its own" "$(grep '^target_info{.*service_name="nginx"' "$metrics" | grep -o '[{,][a-z_]*="' | tr -d '{,="' | paste -sd ' ')" \
	"service_name instance job"
is "all of them counted the same" "$(for metric in request_duration_seconds request_body_size_bytes response_body_size_bytes; do
	metric_sum "$metrics" "http_server_${metric}_count" "server_port=\"$port\""
done | paste -sd ' ')" "3 3 3"

own=$(free_port)
mkdir -m 755 "$scratch/root"
start "$scratch/own.log" unshare --pid --fork --kill-child "$python" -m http.server --bind 127.0.0.1 --directory "$scratch/root" "$own"
wait_for 30 listening "$own"
ask 2 "http://127.0.0.1:$own/"
served "process.pid is the one that the process sees, the host's is beside it" 2 "$own" 'process_pid="1"' \
	"keyhole_process_host_pid=\"$(pgrep -P "$started")\""

# ---- filters ----

collect "filter:
  application:
    url_path: {not_match: '{/health,/metrics}*'}
    http.response.status_code: {greater_equals: 400, not_equals: 404}"
ask 3 "$url/broken"
ask 4 "$url/health/1"
ask 5 "$url/"
served "what passes the filter" 3 "$port" 'status_code="503"'
served "and nothing else" 3 "$port"
made "likewise of the client" 3 "$port"
# The scrapes are made by curl, too: there may be more.
ok "the rest is counted as filtered, on both sides" wait_for 20 reached 18 keyhole_records_dropped_total 'reason="filtered"'
is "nothing is missing in the sum" "$(metric_sum "$metrics" keyhole_exchanges_total)" \
	"$(($(metric_sum "$metrics" keyhole_records_delivered_total) + $(metric_sum "$metrics" keyhole_waiting_records) + \
		$(metric_sum "$metrics" keyhole_records_dropped_total 'reason="(not_selected|ignored_route|filtered)"')))"

again() { # YAML: the same collector reads that
	: > "$collector_log"
	printf '%s\n' "$1" > "$scratch/c.yml"
	kill -HUP "$collector"
	wait_for 20 grep -q 'read again\|not taken over' "$collector_log"
}
again 'filter: {application: {http.response.status_code: {equals: 200}, server.port: {less_equals: 65535}}}'
ask 2 "$url/broken"
ask 6 "$url/"
served "another filter, while it runs" 6 "$port" 'status_code="200"'
served "what the last one let pass is stopped now" 3 "$port" 'status_code="503"'
again 'prometheus_export: {extra_resource_attributes: [team]}
filter: {application: {team: {match: blue}}}'
says "a filter by an attribute that is there from the next start on" "$collector_log" \
	'filter.application: team is an attribute only from the next start on'
ask 4 "$url/"
served "is refused, and the one before stays" 10 "$port" 'status_code="200"'

# ---- what only Beyla has ----

collect 'attributes: {select: {http_server_*: {include: [server.port, gen_ai.request.model]}}}
filter: {application: {process.command: {match: "none*"}, url.path: {match: /kept}}}'
ask 3 "$url/kept"
ask 4 "$url/other"
served "attributes that only Beyla has are left out, and so are tests of them" 3 "$port"
says "a line says so of a label" "$collector_log" 'c.yml:1:62: not supported by Keyhole yet: attributes.select: "gen_ai.request.model", because'
says "and of a test" "$collector_log" 'c.yml:2:24: not supported by Keyhole: filter.application: "process.command", because'

# ---- how long series stay ----

gone() {
	[ "$(now_sum http_server_request_duration_seconds_count "server_port=\"$port\"")" = 0 ]
}
collect 'prometheus_export: {ttl: 5s}'
ask 3 "$url/"
served "a scrape sees the series" 3 "$port"
ok "nobody updates it: it leaves" wait_for 40 gone
ok "and is counted" wait_for 10 reached 1 keyhole_series_expired_total
ask 2 "$url/"
served "it comes back from zero" 2 "$port"

# ---- what is wrong ----

refuses() { # TEST-NAME YAML MESSAGE
	printf '%s\n' "$2" > "$scratch/bad.yml"
	run_collector --config "$scratch/bad.yml" > "$scratch/bad.log" 2>&1 && fail "$1" "it started"
	says "$1" "$scratch/bad.log" "$3"
}
refuses "an attribute that no metric has" 'attributes: {select: {http_*: {include: [http.rout]}}}' \
	'bad.yml:1:42: attributes.select: no attribute is called "http.rout"; did you mean "http.route"\?'
refuses "a filter on no attribute" 'filter: {application: {http.rute: {match: a}}}' \
	'bad.yml:1:24: filter.application: no attribute is called "http.rute"; did you mean "http.route"\?'
refuses "buckets that do not ascend" 'prometheus_export: {buckets: {duration_histogram: [1, 1]}}' \
	'bad.yml:1:55: prometheus_export.buckets.duration_histogram: expected a list of 1 to 64 ascending numbers'
summary
