# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# A real Prometheus that scrapes collectors, and what it says of them. Source it after tests/lib.sh
# and agent.bash.

# shellcheck disable=SC2154,SC2034 # what is lib.sh's and agent.bash's, and what the tests use
server= # its port

start_prometheus() { # TARGET-PORT[,TARGET-PORT...] [OPTION...]: returns when it is ready; scrapes each second
	local targets=\"127.0.0.1:${1//,/\", \"127.0.0.1:}\"
	shift
	server=$(free_port)
	cat > "$scratch/prometheus.yml" <<-YAML
		global: {scrape_interval: 1s}
		scrape_configs:
		  - job_name: keyhole
		    honor_labels: true
		    static_configs: [{targets: [$targets]}]
	YAML
	start "$scratch/prometheus.log" prometheus --config.file="$scratch/prometheus.yml" --storage.tsdb.path="$scratch/tsdb" \
		--web.listen-address="127.0.0.1:$server" --storage.tsdb.retention.time=1h "$@"
	wait_for 30 curl -sf "http://127.0.0.1:$server/-/ready"
}

query() { # PROMQL: the values of the answer, or "nothing"
	curl -sf "http://127.0.0.1:$server/api/v1/query" --data-urlencode "query=$1" | "$python" -c '
import json, sys
result = json.load(sys.stdin)["data"]["result"]
print(" ".join(r["value"][1] for r in result) or "nothing")'
}

query_is() { # WANT PROMQL
	[ "$(query "$2")" = "$1" ]
}

asks() { # TEST-NAME WANT PROMQL: it becomes that
	wait_for 15 query_is "$2" "$3" || true
	is "$1" "$(query "$3")" "$2"
}
