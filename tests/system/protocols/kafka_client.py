# SPDX-License-Identifier: Apache-2.0
"""kafka_client.py PORT TOPIC [FIFO]: connects by kafka-python's connection, which sends exactly the requests
it is given, and says "ready"; once something can be read from FIFO, produces 20 times to TOPIC and asks
for its records 10 times, and 3 times to "nowhere", which fails; on another connection it produces 5 times
without wanting an answer. Says "done"."""
import socket
import sys

from kafka.conn import BrokerConnection
from kafka.protocol.fetch import FetchRequest
from kafka.protocol.metadata import MetadataRequest
from kafka.protocol.produce import ProduceRequest
from kafka.record.default_records import DefaultRecordBatchBuilder


def connect():
    connection = BrokerConnection("127.0.0.1", port, socket.AF_INET, api_version=(1, 1, 0), client_id="shop")
    assert connection.connect_blocking(timeout=10)
    ask(connection, MetadataRequest[1]([topic]))
    return connection


def ask(connection, request):
    future = connection.send(request)
    while request.expect_response() and not future.is_done:
        for answer, its_future in connection.recv():
            its_future.success(answer)
    assert not request.expect_response() or future.succeeded(), future.exception
    return future.value


def produce(connection, topic, acks=1):
    batch = DefaultRecordBatchBuilder(
        magic=2, compression_type=0, is_transactional=False, producer_id=-1, producer_epoch=-1, base_sequence=-1,
        batch_size=4096)
    batch.append(0, timestamp=None, key=None, value=b"a secret value", headers=[])
    return ask(connection, ProduceRequest[7](transactional_id=None, required_acks=acks, timeout=1000,
                                             topics=[(topic, [(0, bytes(batch.build()))])]))


def error_of(answer):
    return answer.topics[0][1][0][1]


port, topic = int(sys.argv[1]), sys.argv[2]
connection, careless = connect(), connect()
print("ready", flush=True)
if len(sys.argv) > 3:
    open(sys.argv[3]).read()
for i in range(20):
    assert error_of(produce(connection, topic)) == 0
for i in range(10):
    answer = ask(connection, FetchRequest[4](-1, 10, 0, 1 << 20, 0, [(topic, [(0, i, 1 << 20)])]))
    assert answer.topics[0][1][0][1] == 0, answer
for i in range(3):
    assert error_of(produce(connection, "nowhere")) == 3
ask(careless, MetadataRequest[1]([topic]))  # as it does from time to time: else nothing is ever answered
for i in range(5):
    produce(careless, topic, acks=0)
connection.close()
careless._sock.setblocking(True)  # the broker has read them all once it ends, too
careless._sock.shutdown(socket.SHUT_WR)
while careless._sock.recv(4096):  # the mock cluster answers nevertheless
    pass
careless.close()
print("done", flush=True)
