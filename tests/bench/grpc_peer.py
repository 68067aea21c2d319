# SPDX-License-Identifier: Apache-2.0
"""gRPC at both ends, by its own library:
grpc_peer.py server PORT              answers unary calls of 32 bytes with 64
grpc_peer.py client PORT SECONDS      calls, CALLERS at once on one connection; prints `CALLS_A_SECOND CALLS`"""
import sys
import threading
import time
from concurrent import futures

import grpc

CALLERS = 4


class Handlers(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda request, context: request + request)


def serve(port):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=CALLERS), handlers=(Handlers(),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


def ask(port, seconds):
    done = [0] * CALLERS
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        grpc.channel_ready_future(channel).result(timeout=20)
        call = channel.unary_unary("/shop.Cart/Get")
        begun = time.monotonic()

        def caller(i):
            while time.monotonic() - begun < float(seconds):
                call(b"x" * 32)
                done[i] += 1

        threads = [threading.Thread(target=caller, args=(i,)) for i in range(CALLERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.monotonic() - begun
    print(f"{sum(done) / took:.1f} {sum(done)}")


serve(*sys.argv[2:]) if sys.argv[1] == "server" else ask(*sys.argv[2:])
