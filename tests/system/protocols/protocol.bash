# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Functions for the tests of protocols, which run real servers and their stock clients and count
# what is told of both sides. Source it after tests/lib.sh and agent.bash.

# Histograms' counts by the kind of exchange and the side (`semconv` of docs/metrics.md).
declare -A metric=(
	[db-client]=db_client_operation_duration_seconds_count
	[db-server]=db_server_operation_duration_seconds_count
	[rpc-client]=rpc_client_call_duration_seconds_count
	[rpc-server]=rpc_server_call_duration_seconds_count
	[http-client]=http_client_request_duration_seconds_count
	[http-server]=http_server_request_duration_seconds_count
	[messaging-client]=messaging_client_operation_duration_seconds_count
	[messaging-process]=messaging_process_duration_seconds_count
	[messaging-server]=keyhole_messaging_server_operation_duration_seconds_count
	[dns-client]=dns_lookup_duration_seconds_count
	[dns-server]=keyhole_dns_server_lookup_duration_seconds_count
)

# A configuration that shows every process, with all attributes of the new kinds.
everything() { # FILE
	cat > "$1" <<-'YAML'
		discovery:
		  instrument:
		    - open_ports: 1-65535
		    - exe_path: "*"
		prometheus_export:
		  instrumentations: ["*"]
		attributes:
		  select:
		    db_*:
		      include: ["*"]
		    messaging_*:
		      include: ["*"]
		    keyhole_messaging_*:
		      include: ["*"]
		    dns_*:
		      include: ["*"]
		    keyhole_dns_*:
		      include: ["*"]
		    rpc_*:
		      include: ["*"]
	YAML
	chmod 644 "$1"
}

# The sum becomes exactly that, and stays so. KIND: of `metric`; REGEX: labels.
told() { # TEST-NAME WANT KIND [REGEX...]
	local test=$1 want=$2 kind=$3
	shift 3
	counts "$test" "$want" "${metric[$kind]}" "$@"
}

# No request was lost by a parser, and no byte was out of place.
all_understood() { # TEST-NAME PROTOCOL
	local found
	scrape
	found=$(grep -E "^keyhole_protocol_(lost|unheld|bad_frames|gaps|given_up)_total\{.*protocol=\"$2\"" "$metrics" | grep -v ' 0$') || true
	is "$1" "$found" ""
}

# Likewise where long messages are cut off by design: bytes may be missing, no request is.
all_told() { # TEST-NAME PROTOCOL
	local found
	scrape
	found=$(grep -E "^keyhole_protocol_(lost|unheld|bad_frames|given_up)_total\{.*protocol=\"$2\"" "$metrics" | grep -v ' 0$') || true
	is "$1" "$found" ""
}
