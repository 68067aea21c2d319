# SPDX-License-Identifier: Apache-2.0
"""amqp_client.py PORT NAME [FIFO]: by pika, makes queues and consumers and says "ready"; once something can be
read from FIFO:
  to NAME             20 messages without confirms; their consumer acks 16, nacks 3 and rejects 1
  to amq.direct:NAME.c  10 confirmed ones, whose consumer need not ack
  to amq.direct:NAME.nowhere  2 that are confirmed, but returned
  to NAME.full        1 that is confirmed and 2 for which there is no room
  from NAME.get       4 got, of 4 confirmed, and 3 times none left
and a queue that does not exist is got from. Says "done"."""
import sys

import pika

port, name = int(sys.argv[1]), sys.argv[2]
connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", port))
plain, confirmed, acking, careless = (connection.channel() for _ in range(4))
confirmed.confirm_delivery()
for queue in name, name + ".c", name + ".get":
    plain.queue_declare(queue)
plain.queue_declare(name + ".full", arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
plain.queue_bind(name + ".c", "amq.direct", name + ".c")
settled = consumed = 0


def on_message(channel, method, properties, body):
    global settled
    settled += 1
    if settled <= 16:
        channel.basic_ack(method.delivery_tag)
    elif settled <= 19:
        channel.basic_nack(method.delivery_tag, requeue=False)
    else:
        channel.basic_reject(method.delivery_tag, requeue=False)


def on_other(channel, method, properties, body):
    global consumed
    consumed += 1


def publish(exchange, key, failure=None):
    try:
        confirmed.basic_publish(exchange, key, b"a secret body", mandatory=True)
        assert failure is None
    except (pika.exceptions.UnroutableError, pika.exceptions.NackError) as e:
        assert failure is not None and isinstance(e, failure), e


acking.basic_qos(prefetch_count=3)
acking.basic_consume(name, on_message)
careless.basic_consume(name + ".c", on_other, auto_ack=True)
print("ready", flush=True)
if len(sys.argv) > 3:
    open(sys.argv[3]).read()
for i in range(20):
    plain.basic_publish("", name, b"a secret body")
for i in range(10):
    publish("amq.direct", name + ".c")
for i in range(2):
    publish("amq.direct", name + ".nowhere", pika.exceptions.UnroutableError)
publish("", name + ".full")
for i in range(2):
    publish("", name + ".full", pika.exceptions.NackError)
for i in range(4):
    publish("", name + ".get")
while settled < 20 or consumed < 10:
    connection.process_data_events(time_limit=1)
for i in range(7):
    method, _, _ = plain.basic_get(name + ".get", auto_ack=True)
    assert (method is not None) == (i < 4)
try:
    plain.basic_get(name + ".none", auto_ack=True)
    assert False
except pika.exceptions.ChannelClosedByBroker as e:
    assert e.reply_code == 404
connection.close()
print("done", flush=True)
