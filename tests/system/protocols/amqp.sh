#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# AMQP 0-9-1: RabbitMQ and pika, on connections opened before Keyhole attached and after. As root.
# shellcheck disable=SC2119 # what start_loader and its like take may be left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../lib.sh"
# shellcheck source-path=SCRIPTDIR source=../agent.bash
. "$(dirname "${BASH_SOURCE[0]}")/../agent.bash"
# shellcheck source-path=SCRIPTDIR source=protocol.bash
. "$(dirname "${BASH_SOURCE[0]}")/protocol.bash"
here=$(dirname "${BASH_SOURCE[0]}")
rabbitmq=/usr/lib/rabbitmq/bin/rabbitmq-server
need_root
need "$loader_bin" "$collector_bin" curl epmd "$rabbitmq" "$python"

port=$(free_port) names=$(free_port) nodes=$(free_port)
mkdir "$scratch/rabbit"
echo "listeners.tcp.1 = 127.0.0.1:$port" > "$scratch/rabbit/rabbitmq.conf"
start "$scratch/epmd.log" epmd -address 127.0.0.1 -port "$names" # else the server leaves one behind
start "$scratch/rabbit.log" env HOME="$scratch/rabbit" ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT="$names" \
	RABBITMQ_NODENAME="t$port@localhost" RABBITMQ_MNESIA_BASE="$scratch/rabbit/m" RABBITMQ_LOG_BASE="$scratch/rabbit/l" \
	RABBITMQ_CONFIG_FILE="$scratch/rabbit/rabbitmq.conf" RABBITMQ_DIST_PORT="$nodes" \
	RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}' "$rabbitmq"
wait_for 90 listening "$port"

mkfifo "$scratch/go"
start "$scratch/early.log" "$python" "$here/amqp_client.py" "$port" early "$scratch/go"
wait_for 60 grep -q ready "$scratch/early.log"

everything "$scratch/config.yml"
start_loader
start_collector --config "$scratch/config.yml"
echo go > "$scratch/go"
ok "a client that was there before" wait_for 60 grep -q "done" "$scratch/early.log"
ok "a client that comes later" "$python" "$here/amqp_client.py" "$port" late

# SIDE FAILED OPERATION DESTINATION ERROR ALL: exactly so many in all, and so many with that error, if any.
many() {
	local side=$1 failed=$2 operation=$3 destination=$4 error=$5 all=$6
	local labels=("messaging_operation_name=\"$operation\"" "destination_name=\"$destination\"" 'messaging_system_name="rabbitmq"')
	told "$when, $side: $operation $destination" "$all" "messaging-$side" "${labels[@]}"
	[ -z "$error" ] ||
		told "$when, $side: $operation $destination: $error" "$failed" "messaging-$side" "${labels[@]}" "error_type=\"$error\""
}

for when in early late; do
	for side in client server; do
		published() { # DESTINATION ALL [ERROR FAILED]
			many "$side" "${4:-0}" publish "$1" "${3:-}" "$2"
		}
		published "$when" 20
		published "amq.direct:$when\\.c" 10
		published "amq.direct:$when\\.nowhere" 2 312 2
		published "$when\\.full" 3 nack 2
		published "$when\\.get" 4
		many "$side" 0 get "$when\\.get" "" 7
		many "$side" 1 get "$when\\.none" 404 1
	done
	for side in process server; do
		many "$side" 3 deliver "$when" nack 20
		many "$side" 1 deliver "$when" reject 20
		many "$side" 0 deliver "amq.direct:$when\\.c" "" 10
	done
done
scrape
refused "no body is told" grep -q 'a secret body' "$metrics"
all_understood "everything was understood" amqp
nothing_lost "nothing was lost"
summary
