#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# OTLP by TLS: an authority of one's own, client certificates; and one clear line for a receiver
# that is not who it should be, or not any more. In its whole sandbox, unprivileged.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source-path=SCRIPTDIR source=agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/agent.bash"
need "$collector_bin" curl openssl "$python"
here=$(dirname "${BASH_SOURCE[0]}")

# ---- who is who ----

tls=$scratch/tls
mkdir -m 755 "$tls"
key() { # NAME
	openssl ecparam -genkey -name prime256v1 -noout -out "$tls/$1.key"
	chmod 644 "$tls/$1.key"
}
authority() { # NAME
	key "$1"
	openssl req -x509 -new -key "$tls/$1.key" -subj "/CN=$1" -days 10 -out "$tls/$1.pem"
}
signed() { # NAME AUTHORITY DAYS SUBJECT-ALTERNATIVE-NAME
	key "$1"
	openssl req -new -key "$tls/$1.key" -subj "/CN=$1" -out "$tls/$1.csr"
	openssl x509 -req -in "$tls/$1.csr" -CA "$tls/$2.pem" -CAkey "$tls/$2.key" -CAcreateserial -days "$3" \
		-extfile <(echo "subjectAltName=$4") -out "$tls/$1.pem" 2> /dev/null
}
authority ours
authority theirs
signed receiver ours 10 IP:127.0.0.1,DNS:localhost
signed elsewhere ours 10 DNS:elsewhere.example
signed expired ours -1 IP:127.0.0.1
signed keyhole ours 10 DNS:keyhole

# ---- a receiver, and a collector with something to send ----

receive() { # CERTIFICATE [CLIENTS-AUTHORITY]
	receiver_port=$(free_port)
	start "$scratch/receiver.log" "$python" "$here/otlp_tls.py" "$receiver_port" "$tls/$1.pem" "$tls/$1.key" \
		${2:+"$tls/$2.pem"}
	receiver=$started
	wait_for 30 listening "$receiver_port"
}
export_to() { # HOST [NAME=VALUE...]
	local host=$1
	shift
	: > "$collector_log"
	start "$collector_log" run_collector OTEL_EXPORTER_OTLP_ENDPOINT="https://$host:$receiver_port" \
		OTEL_TRACES_EXPORTER=none KEYHOLE_METRICS_INTERVAL=200ms KEYHOLE_BACKOFF_INITIAL_INTERVAL=100ms \
		KEYHOLE_BACKOFF_MAX_INTERVAL=200ms KEYHOLE_SHUTDOWN_TIMEOUT=1s "$@" \
		--replay "$repo/tests/replay/keep-alive.tape"
	collector=$started
}
arrived() { # [WHO]
	grep -qx "${1:-nobody}" "$scratch/receiver.log"
}
tried() { # N
	[ "$(metric_sum <(curl -sf "http://127.0.0.1:$metrics_port/metrics") keyhole_otlp_failures_total)" -ge "$1" ]
}
over() {
	stop "$collector"
	stop "$receiver"
}
# One line says why, however often it is tried; nothing arrives.
refuses() { # NAME REGEX
	wait_for 20 tried 4 || true
	is "$1: one line says so" "$(grep -c "not taken by the receiver.*\($2\)" "$collector_log" || true)" 1
	is "$1: and no other" "$(grep -c 'not taken' "$collector_log" || true)" 1
	is "$1: nothing arrives" "$(wc -l < "$scratch/receiver.log")" 0
	over
}

scenario "certificates of receivers"
receive receiver
export_to 127.0.0.1 OTEL_EXPORTER_OTLP_CERTIFICATE="$tls/ours.pem"
ok "one of the authority that is named is trusted" wait_for 20 arrived
over
receive receiver
export_to localhost OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE="$tls/ours.pem"
ok "by its name, too; the authority may be the signal's" wait_for 20 arrived
over
receive receiver
export_to 127.0.0.1
refuses "an authority that is not known" "certificate"
receive receiver
export_to 127.0.0.1 OTEL_EXPORTER_OTLP_CERTIFICATE="$tls/theirs.pem"
refuses "another authority" "certificate"
receive elsewhere
export_to 127.0.0.1 OTEL_EXPORTER_OTLP_CERTIFICATE="$tls/ours.pem"
refuses "another's certificate" "subject name.*127.0.0.1\|does not match"
receive expired
export_to 127.0.0.1 OTEL_EXPORTER_OTLP_CERTIFICATE="$tls/ours.pem"
refuses "an expired certificate" "certificate has expired"
receive receiver
export_to 127.0.0.1 OTEL_EXPORTER_OTLP_CERTIFICATE="$tls/none.pem"
refuses "a file that is not there" "$tls/none.pem"

scenario "certificates of Keyhole"
receive receiver ours
export_to 127.0.0.1 OTEL_EXPORTER_OTLP_CERTIFICATE="$tls/ours.pem" \
	OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE="$tls/keyhole.pem" OTEL_EXPORTER_OTLP_CLIENT_KEY="$tls/keyhole.key"
ok "it shows its own where it is asked to" wait_for 20 arrived keyhole
over
receive receiver ours
export_to 127.0.0.1 OTEL_EXPORTER_OTLP_CERTIFICATE="$tls/ours.pem"
# in TLS 1.3 who refuses may be gone before the alert is read: the words differ
refuses "without one" .
receive receiver theirs
export_to 127.0.0.1 OTEL_EXPORTER_OTLP_CERTIFICATE="$tls/ours.pem" \
	OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE="$tls/keyhole.pem" OTEL_EXPORTER_OTLP_CLIENT_KEY="$tls/keyhole.key"
refuses "one of another authority" .
summary
