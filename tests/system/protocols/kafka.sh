#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Kafka: librdkafka's mock cluster as the broker, kcat and kafka-python as clients, on connections
# opened before Keyhole attached and after. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../lib.sh"
# shellcheck source-path=SCRIPTDIR source=../agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/../agent.bash"
# shellcheck source-path=SCRIPTDIR source=protocol.bash
. "$(dirname "${BASH_SOURCE[0]}")/protocol.bash"
here=$(dirname "${BASH_SOURCE[0]}")
need_root
need "$loader_bin" "$collector_bin" curl cc kcat "$python"

port=$(free_port)
cc -D_GNU_SOURCE -o "$scratch/kafka_broker" "$here/kafka_broker.c" -lrdkafka
mkfifo "$scratch/commands" "$scratch/go"
# shellcheck disable=SC2016 # expanded by that shell
start "$scratch/broker.log" bash -c 'exec "$@" < "$0"' "$scratch/commands" "$scratch/kafka_broker" "$port"
exec 8> "$scratch/commands"
wait_for 60 listening "$port"

broker() { # COMMAND: returns when it is done
	echo "$*" >&8
	wait_for 30 grep -qxF "$*" "$scratch/broker.log"
}

# Each message in a request of its own.
kcat_produce() { # TOPIC [OPTION...]
	local topic=$1
	shift
	kcat -P -q -b "127.0.0.1:$port" -t "$topic" -p 0 -X batch.num.messages=1 -X linger.ms=0 "$@"
}

for topic in early late shop denied; do
	broker topic "$topic"
done
start "$scratch/early.log" "$python" "$here/kafka_client.py" "$port" early "$scratch/go"
wait_for 30 grep -q ready "$scratch/early.log"

everything "$scratch/config.yml"
start_loader
start_collector --config "$scratch/config.yml"
echo go > "$scratch/go"
ok "a client that was there before" wait_for 60 grep -q "done" "$scratch/early.log"
ok "a client that comes later" "$python" "$here/kafka_client.py" "$port" late

nowhere=0
for when in early late; do
	nowhere=$((nowhere + 3))
	for side in client server; do
		told "$when, $side: records produced, with and without an answer" 25 "messaging-$side" \
			'messaging_system_name="kafka"' 'messaging_operation_name="publish"' \
			'messaging_operation_type="send"' "destination_name=\"$when\""
		told "$when, $side: records asked for" 10 "messaging-$side" 'messaging_operation_name="poll"' \
			'messaging_operation_type="receive"' "destination_name=\"$when\""
		told "$when, $side: none of them failed" 0 "messaging-$side" "destination_name=\"$when\"" error_type=
	done
done
for side in client server; do
	told "$side: to a topic that is not there" "$nowhere" "messaging-$side" 'messaging_operation_name="publish"' \
		'destination_name="nowhere"' 'error_type="UNKNOWN_TOPIC_OR_PARTITION"'
done

# ---- kcat ----

ok "kcat produces" kcat_produce shop < <(seq 15)
broker fail 0 29 1
refused "kcat is not allowed to" kcat_produce denied < <(echo 1)
kcat -C -q -e -b "127.0.0.1:$port" -t shop > "$scratch/consumed"
is "kcat consumes all of them" "$(wc -l < "$scratch/consumed")" 15
for side in client server; do
	told "kcat, $side: what it produced" 15 "messaging-$side" 'messaging_operation_name="publish"' \
		'destination_name="shop"'
	told "kcat, $side: the broker's error" 1 "messaging-$side" 'messaging_operation_name="publish"' \
		'destination_name="denied"' 'error_type="TOPIC_AUTHORIZATION_FAILED"'
done
scrape
ok "kcat: it polled" [ "$(metric_sum "$metrics" "${metric[messaging-client]}" \
	'messaging_operation_name="poll"' 'destination_name="shop"')" -gt 0 ]
refused "no value of a record is told" grep -q 'a secret value' "$metrics"
all_understood "everything was understood" kafka
nothing_lost "nothing was lost"
summary
