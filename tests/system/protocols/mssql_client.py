# SPDX-License-Identifier: Apache-2.0
"""mssql_client.py PORT [FIFO]: connects to database `shop` by pytds, says "ready"; once something can be read from FIFO:
30 INSERT and 5 SELECT that fail (208) by sp_executesql, 20 SELECT and 5 UPDATE that fail as batches, 3 SELECT of 2,000 rows,
4 DELETE. Says "done"."""
import sys

import pytds

connection = pytds.connect("127.0.0.1", port=int(sys.argv[1]), user="me", password="s3cret", database="shop", autocommit=True)
cursor = connection.cursor()
print("ready", flush=True)
if len(sys.argv) > 2:
    open(sys.argv[2]).read()


def fails(*statement):
    try:
        cursor.execute(*statement)
    except pytds.Error:
        return
    raise SystemExit("it did not fail")


for i in range(30):
    cursor.execute("INSERT INTO orders VALUES (%s, %s)", (i, "s3cret'"))
for i in range(20):
    cursor.execute(f"SELECT b FROM orders WHERE b = 's3cret' OR a > {i}")
    assert len(cursor.fetchall()) == 2
for i in range(5):
    fails("SELECT b FROM missing WHERE b = %s", ("s3cret",))
    fails("UPDATE missing SET b = 's3cret'")
for i in range(3):
    cursor.execute("SELECT b FROM many WHERE b <> 's3cret2'")
    assert len(cursor.fetchall()) == 2000
for i in range(4):
    cursor.execute("DELETE FROM dbo.archive WHERE a = 's3cret'")
print("done", flush=True)
if len(sys.argv) > 2:
    open(sys.argv[2]).read()
