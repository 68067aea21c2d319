#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A trace context that stock clients put into their messages' headers is honoured, of both sides of
# each connection: kcat (Kafka), mosquitto_pub (MQTT 5), pika (AMQP 0-9-1, with real RabbitMQ) and NATS.
# As root.
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
need "$loader_bin" "$collector_bin" curl cc kcat mosquitto mosquitto_pub mosquitto_sub nats-server epmd "$rabbitmq" protoc "$python"

# ---- servers ----

kafka=$(free_port)
cc -D_GNU_SOURCE -o "$scratch/kafka_broker" "$here/kafka_broker.c" -lrdkafka
mkfifo "$scratch/commands"
# shellcheck disable=SC2016 # expanded by that shell
start "$scratch/broker.log" bash -c 'exec "$@" < "$0"' "$scratch/commands" "$scratch/kafka_broker" "$kafka"
exec 8> "$scratch/commands"
mqtt=$(free_port)
printf 'listener %s 127.0.0.1\nallow_anonymous true\nuser root\n' "$mqtt" > "$scratch/mosquitto.conf"
start "$scratch/mosquitto.log" mosquitto -c "$scratch/mosquitto.conf"
nats=$(free_port)
start "$scratch/nats.log" nats-server -a 127.0.0.1 -p "$nats"
amqp=$(free_port) names=$(free_port) nodes=$(free_port)
mkdir "$scratch/rabbit"
echo "listeners.tcp.1 = 127.0.0.1:$amqp" > "$scratch/rabbit/rabbitmq.conf"
start "$scratch/epmd.log" epmd -address 127.0.0.1 -port "$names" # else the server leaves one behind
start "$scratch/rabbit.log" env HOME="$scratch/rabbit" ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT="$names" \
	RABBITMQ_NODENAME="t$amqp@localhost" RABBITMQ_MNESIA_BASE="$scratch/rabbit/m" RABBITMQ_LOG_BASE="$scratch/rabbit/l" \
	RABBITMQ_CONFIG_FILE="$scratch/rabbit/rabbitmq.conf" RABBITMQ_DIST_PORT="$nodes" \
	RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}' "$rabbitmq"
for port in "$kafka" "$mqtt" "$nats" "$amqp"; do
	wait_for 90 listening "$port"
done
echo "topic orders" >&8
wait_for 30 grep -qxF "topic orders" "$scratch/broker.log"
receiver_port=$(free_port) spans=$scratch/spans
start "$scratch/receiver.log" "$python" "$here/../otlp_receiver.py" "$receiver_port" "$repo/collector/export/proto" "$spans"
wait_for 60 listening "$receiver_port"

everything "$scratch/config.yml"
start_loader
start_collector OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://127.0.0.1:$receiver_port/v1/traces" \
	KEYHOLE_OTLP_TRACES_BATCH_TIMEOUT=200ms --config "$scratch/config.yml"

# ---- each a trace of its own: 16 times its digit ----

parent() { # DIGIT
	printf '00-%s-00f067aa0ba902b7-01' "$(printf "$1%.0s" {1..32})"
}
# How many spans of that name, or all, are in the trace.
in_trace() { # DIGIT REGEX
	"$python" - "$spans" "$1" "$2" <<-'PYTHON'
		import json, re, sys
		found = [json.loads(line) for line in open(sys.argv[1])]
		print(sum(s["trace"] == sys.argv[2] * 32 and s["state"] == "rojo=1" and bool(re.search(sys.argv[3], s["name"]))
		          for s in found))
	PYTHON
}
at_least() { # N DIGIT REGEX
	[ "$(in_trace "$2" "$3")" -ge "$1" ]
}
traced() { # TEST-NAME N DIGIT REGEX
	ok "$1" wait_for 20 at_least "$2" "$3" "$4"
}

kcat -P -q -b "127.0.0.1:$kafka" -t orders -p 0 -H "traceparent=$(parent 1)" -H tracestate=rojo=1 <<< order
kcat -C -q -e -b "127.0.0.1:$kafka" -t orders -p 0 -o beginning > "$scratch/consumed"
is "kcat had its message" "$(cat "$scratch/consumed")" order
traced "Kafka: what was produced, on both sides" 2 1 publish
traced "Kafka: what was fetched, on both sides" 2 1 poll

start "$scratch/subscriber.log" stdbuf -oL mosquitto_sub -d -V 5 -h 127.0.0.1 -p "$mqtt" -t orders -q 1 -C 1
wait_for 30 grep -q Subscribed "$scratch/subscriber.log"
mosquitto_pub -V 5 -h 127.0.0.1 -p "$mqtt" -t orders -q 1 -m order \
	-D publish user-property traceparent "$(parent 2)" -D publish user-property tracestate rojo=1
traced "MQTT 5: what was published, on both sides" 2 2 publish
traced "MQTT 5: what was handed on, on both sides" 2 2 process

PARENT=$(parent 3) "$python" - "$amqp" <<'PYTHON'
import os, sys
import pika
connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", int(sys.argv[1])))
channel = connection.channel()
channel.queue_declare("orders")
properties = pika.BasicProperties(content_type="text/plain", headers={
    "n": 7, "table": {"traceparent": "no"}, "traceparent": os.environ["PARENT"], "tracestate": "rojo=1"})
channel.basic_publish("", "orders", b"order", properties)
for method, _, body in channel.consume("orders", inactivity_timeout=20):
    assert body == b"order"
    channel.basic_ack(method.delivery_tag)
    break
channel.cancel()
channel.basic_publish("", "orders", b"order", properties)
method = None
while method is None:
    method, _, body = channel.basic_get("orders", auto_ack=True)
connection.close()
PYTHON
traced "AMQP: what was published, on both sides" 4 3 publish
traced "AMQP: what was delivered, on both sides" 2 3 deliver
traced "AMQP: what was got, on both sides" 2 3 get

PARENT=$(parent 4) "$python" - "$nats" <<'PYTHON'
import os, socket, sys
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
file, say = connection.makefile("rb"), connection.sendall  # not byte by byte, before the protocol is known
say(b'CONNECT {"verbose":false,"headers":true}\r\nSUB orders 1\r\nPING\r\n')
while not file.readline().startswith(b"PONG"):
    pass
head = f"NATS/1.0\r\nTraceparent: {os.environ['PARENT']}\r\nTracestate: rojo=1\r\n\r\n".encode()
say(b"HPUB orders %d %d\r\n" % (len(head), len(head) + 5) + head + b"order\r\n")
while not file.readline().startswith(b"order"):
    pass
PYTHON
traced "NATS: what was published, on both sides" 2 4 publish
traced "NATS: what was handed on, on both sides" 2 4 process
summary
