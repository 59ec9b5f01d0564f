"""The story of tests/e2e/test_clients.py told with PynamoDB; prints what it saw."""

import json
import os
import sys

from pynamodb.attributes import NumberAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.connection import Connection
from pynamodb.exceptions import PutError, TransactWriteError
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

REGION, HOST = os.environ["AWS_REGION"], os.environ["AWS_ENDPOINT_URL"]


class ByCity(GlobalSecondaryIndex):
    class Meta:
        index_name = "by-city"
        projection = AllProjection()

    city = UnicodeAttribute(hash_key=True)


class Visit(Model):
    class Meta:
        table_name = sys.argv[1]
        region = REGION
        host = HOST
        billing_mode = "PAY_PER_REQUEST"
        max_retry_attempts = 0

    who = UnicodeAttribute(hash_key=True)
    at = NumberAttribute(range_key=True)
    city = UnicodeAttribute(null=True)
    visits = NumberAttribute(null=True)
    tags = UnicodeSetAttribute(null=True)
    by_city = ByCity()


seen = {}
Visit.create_table(wait=True)
for at in (1, 2, 10):
    Visit("ana", at, city="lima" if at > 1 else "oslo", tags={"a", "b"}).save()
visit = Visit.get("ana", 2)
visit.update(actions=[Visit.visits.add(1)])
seen["updated"] = {"visits": visit.visits}
try:
    Visit("ana", 2).save(condition=Visit.who.does_not_exist())
except PutError as error:
    seen["refused"] = [error.cause_response_code]  # it keeps no HTTP status
seen["queried"] = [v.at for v in Visit.query("ana", Visit.at > 1, scan_index_forward=False)]
seen["indexed"] = sorted(v.at for v in Visit.by_city.query("lima"))
try:
    with TransactWrite(connection=Connection(region=REGION, host=HOST)) as transaction:
        transaction.save(Visit("ben", 1))
        transaction.condition_check(Visit, "ana", 2, condition=Visit.who.does_not_exist())
except TransactWriteError as error:
    reasons = error.cancellation_reasons
    seen["cancelled"] = ["None" if reason is None else reason.code for reason in reasons]
with Visit.batch_write() as batch:
    batch.save(Visit("cleo", 1))
    batch.delete(Visit("ana", 1))
seen["unprocessed"] = 0
seen["scanned"] = sorted(f"{v.who}/{v.at}" for v in Visit.scan(page_size=1))
seen["tags"] = sorted(Visit.get("ana", 2, consistent_read=True).tags)
Visit.delete_table()
print(json.dumps(seen))
