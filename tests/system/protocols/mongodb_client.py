# SPDX-License-Identifier: Apache-2.0
"""mongodb_client.py PORT [FIFO]: connects with pymongo and says "ready"; once something can be read from
FIFO sends a fixed number of each of the commands that mongodb.sh counts. Says "done"."""
import sys

import pymongo

client = pymongo.MongoClient("127.0.0.1", int(sys.argv[1]), retryWrites=False, retryReads=False)
shop = client.shop
shop.command("ping")
print("ready", flush=True)
if len(sys.argv) > 2:
    open(sys.argv[2]).read()


def fails(code, call, *args, **more):
    try:
        call(*args, **more)
    except pymongo.errors.OperationFailure as error:
        assert error.code == code, error
        return
    raise AssertionError("no error")


for i in range(30):
    shop.orders.insert_one({"v": "s3cret-%d" % i})
for i in range(20):
    assert len(list(shop.orders.find({"v": "s3cret-%d" % i}, limit=2))) == 2
for i in range(3):  # three batches each
    assert len(list(shop.orders.find({}, limit=8))) == 8
for i in range(7):
    fails(26, list, shop.nothing.find({"v": "s3cret"}))
for i in range(6):
    fails(11000, shop.twice.insert_one, {"v": "s3cret"})
for i in range(5):
    fails(59, shop.command, "s3cretCommand", 1)
for i in range(4):
    shop.orders.update_one({"v": "s3cret"}, {"$set": {"w": "s3cret"}})
shop.orders.insert_many([{"v": "s3cret" * 1000} for i in range(100)])
list(shop.orders.aggregate([{"$match": {"v": "s3cret"}}]))
unheard = shop.orders.with_options(write_concern=pymongo.WriteConcern(w=0))
for i in range(3):
    unheard.delete_one({"v": "s3cret"})
shop.command("ping")
print("done", flush=True)
