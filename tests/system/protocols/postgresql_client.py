# SPDX-License-Identifier: Apache-2.0
"""postgresql_client.py PORT NAME [FIFO]: connects to database `shop`, says "ready"; once something can be read from
FIFO works on table NAME: 20 SELECT, 10 INSERT, 3 UPDATE, 2 SELECT that fail at once (42P01) and one after 2,000 rows (22012),
one with a secret in the error's text (22P02), COPY in and out. Literals and data hold "s3cret". Says "done"."""
import io
import sys

import psycopg2

connection = psycopg2.connect(host="127.0.0.1", port=int(sys.argv[1]), user="postgres", dbname="shop", sslmode="prefer")
connection.autocommit = True
cursor = connection.cursor()
table = sys.argv[2]
print("ready", flush=True)
if len(sys.argv) > 3:
    open(sys.argv[3]).read()


def fails(text):
    try:
        cursor.execute(text)
        cursor.fetchall()
    except psycopg2.Error as error:
        return error.pgcode
    raise AssertionError(text)


for i in range(10):
    cursor.execute(f"INSERT INTO {table} VALUES (%s, %s)", (i, "s3cret'\"\\"))
for i in range(20):
    cursor.execute(f"SELECT b FROM {table} WHERE b = 's3cret' OR a > {i}")
    cursor.fetchall()
for i in range(3):
    cursor.execute(f"UPDATE {table} SET b = 's3cret' || a WHERE a = {i}")
for i in range(2):
    assert fails(f"SELECT s3cret FROM {table}_missing") == "42P01"
assert fails(f"SELECT repeat('s3cret', 10), 1 / (2000 - g) FROM {table}, generate_series(1, 3000) g WHERE a = 1") == "22012"
assert fails(f"SELECT 's3cret'::int FROM {table}") == "22P02"
cursor.copy_expert(f"COPY {table} FROM STDIN", io.StringIO("".join(f"{i}\ts3cret {'x' * 90}\n" for i in range(5000))))
out = io.StringIO()
cursor.copy_expert(f"COPY {table} TO STDOUT", out)
assert out.getvalue().count("\n") == 5010
cursor.execute(f"DELETE FROM {table}")
print("done", flush=True)
if len(sys.argv) > 3:
    open(sys.argv[3]).read()
