#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""GETs URL/item/FROM to URL/item/TO, each once, CONNECTIONS at a time: traces_load.py ADDRESS PORT FROM TO CONNECTIONS."""
import http.client
import sys
import threading

address, port, first, last, connections = sys.argv[1], *(int(a) for a in sys.argv[2:])
numbers, failed = iter(range(first, last + 1)), []


def work():
    connection = http.client.HTTPConnection(address, port)
    for number in numbers:  # next() of range's iterator is atomic under the GIL
        connection.request("GET", f"/item/{number}")
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            failed.append(number)


threads = [threading.Thread(target=work) for _ in range(connections)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
sys.exit(bool(failed))
