# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# A real Prometheus that scrapes collectors, and what it says of them. Source it after tests/lib.sh
# and agent.bash.

# shellcheck disable=SC2154,SC2034 # what is lib.sh's and agent.bash's, and what the tests use
server= # its port
every=1s

# A scrape may take as long as it is until the next one.
start_prometheus() { # TARGET-PORT[,TARGET-PORT...] [OPTION...]: returns when it is ready; scrapes each $every
	local targets=\"127.0.0.1:${1//,/\", \"127.0.0.1:}\"
	shift
	server=$(free_port)
	cat > "$scratch/prometheus.yml" <<-YAML
		global: {scrape_interval: $every, scrape_timeout: $every}
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

# What was answered last stays in $answered: between two questions a scrape may have failed.
query_is() { # WANT PROMQL
	answered=$(query "$2")
	[ "$answered" = "$1" ]
}

asks() { # TEST-NAME WANT PROMQL: it becomes that
	answered=nothing
	wait_for 30 query_is "$2" "$3" || true
	is "$1" "$answered" "$2"
}
