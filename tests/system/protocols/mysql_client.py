# SPDX-License-Identifier: Apache-2.0
"""mysql_client.py PORT NAME [FIFO]: connects to database `shop`, says "ready"; once something can be read from FIFO works
on table NAME: 10 INSERT, 20 SELECT, 3 UPDATE, 2 SELECT that fail (1146), a SELECT of 5,000 rows, 4 pings. Says "done"."""
import sys

import pymysql

connection = pymysql.connect(host="127.0.0.1", port=int(sys.argv[1]), user="root", database="shop", autocommit=True)
cursor = connection.cursor()
table = sys.argv[2]
print("ready", flush=True)
if len(sys.argv) > 3:
    open(sys.argv[3]).read()
for i in range(10):
    cursor.execute(f"INSERT INTO {table} VALUES (%s, %s)", (i, "s3cret'\"\\"))
for i in range(20):
    cursor.execute(f"SELECT b FROM {table} WHERE b = 's3cret' OR a > {i}")
    cursor.fetchall()
for i in range(3):
    cursor.execute(f'UPDATE {table} SET b = concat("s3cret", a) WHERE a = {i}')
for i in range(2):
    try:
        cursor.execute(f"SELECT s3cret FROM {table}_missing")
        raise SystemExit("it did not fail")
    except pymysql.Error as error:
        assert error.args[0] == 1146, error
cursor.execute(f"SELECT seq, 's3cret' FROM seq_1_to_5000 JOIN {table} ON a = 1")
assert len(cursor.fetchall()) == 5000
for i in range(4):
    connection.ping()
print("done", flush=True)
if len(sys.argv) > 3:
    open(sys.argv[3]).read()
