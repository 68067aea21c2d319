# SPDX-License-Identifier: Apache-2.0
"""resolve.py NAME [FIFO]: asks the C library's resolver ten times for an address of NAME, that is
for A and for AAAA each, once something can be read from FIFO. Says "done"."""
import socket
import sys

if len(sys.argv) > 2:
    open(sys.argv[2]).read()
for i in range(10):
    try:
        socket.getaddrinfo(sys.argv[1], 80, proto=socket.IPPROTO_TCP)
    except socket.gaierror:
        pass
print("done", flush=True)
