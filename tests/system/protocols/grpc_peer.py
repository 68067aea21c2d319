# SPDX-License-Identifier: Apache-2.0
"""grpc_peer.py server PORT: answers every method of any service, by the method's name.
grpc_peer.py client PORT NAME [WARM FIFO]: connects, makes each call of CALLS once if WARM is "warm", says
"ready", and once something can be read from FIFO makes them as often as CALLS says, of the service
NAME.Shop. Says "done"."""
import sys
from concurrent import futures

import grpc

CALLS = {"Buy": 20, "Fail": 5, "NoSuch": 4, "List": 6, "Chat": 3, "Big": 3, "Late": 2}


def buy(request, context):
    return b"bought " + request


def fail(request, context):
    context.abort(grpc.StatusCode.UNAVAILABLE, "come back later")


def listing(request, context):
    for i in range(3):
        yield b"item %d" % i


def chat(requests, context):
    for request in requests:
        yield request


def big(request, context):
    return b"x" * 100000


def late(request, context):
    context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "too late")


class Handlers(grpc.GenericRpcHandler):
    def service(self, details):
        method = details.method.rsplit("/", 1)[1]
        return {
            "Buy": grpc.unary_unary_rpc_method_handler(buy),
            "Fail": grpc.unary_unary_rpc_method_handler(fail),
            "List": grpc.unary_stream_rpc_method_handler(listing),
            "Chat": grpc.stream_stream_rpc_method_handler(chat),
            "Big": grpc.unary_unary_rpc_method_handler(big),
            "Late": grpc.unary_unary_rpc_method_handler(late),
        }.get(method)


def serve(port):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), handlers=(Handlers(),))
    server.add_insecure_port("127.0.0.1:%s" % port)
    server.start()
    print("ready", flush=True)
    server.wait_for_termination()


def call(channel, name, method):
    path = "/%s.Shop/%s" % (name, method)
    try:
        if method == "List":
            assert len(list(channel.unary_stream(path)(b"all"))) == 3
        elif method == "Chat":
            assert len(list(channel.stream_stream(path)(iter([b"one", b"two", b"three"])))) == 3
        else:
            channel.unary_unary(path)(b"a thing")
        assert method in ("Buy", "List", "Chat", "Big")
    except grpc.RpcError as error:
        want = {"Fail": "UNAVAILABLE", "NoSuch": "UNIMPLEMENTED", "Late": "DEADLINE_EXCEEDED"}
        assert error.code().name == want.get(method), error


def ask(port, name, warm=None, fifo=None):
    with grpc.insecure_channel("127.0.0.1:%s" % port) as channel:
        grpc.channel_ready_future(channel).result(timeout=20)
        for method in CALLS if warm == "warm" else ():
            call(channel, name, method)
        print("ready", flush=True)
        if fifo:
            open(fifo).read()
        for method, n in CALLS.items():
            for _ in range(n):
                call(channel, name, method)
    print("done", flush=True)


if sys.argv[1] == "server":
    serve(sys.argv[2])
else:
    ask(*sys.argv[2:])
