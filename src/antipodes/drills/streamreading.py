"""The application's table's stream in a region, read whole at the end of a drill.

A conversation, not a client: it says what to ask next and is told the answer, so the same steps
read a world of processes (by boto3) and one inside a simulation (by call). A shard is read after
its parent. What cannot be read whole is not judged: a stream that began anew, one older than its
records last, or one without new images.
"""

from collections.abc import Generator
from typing import Any

from antipodes.drills.history import StreamRecord
from antipodes.drills.model import Drill

RETENTION_S = 24 * 3600.0
_WITH_NEW_IMAGES = {"NEW_IMAGE", "NEW_AND_OLD_IMAGES"}
Question = tuple[str, dict[str, Any]]  # an operation of dynamodbstreams, and its request
Reading = Generator[Question, Any, list[StreamRecord] | None]


def reading(drill: Drill, region: str, whole_since: float) -> Reading:
    """Read a region's stream; None where it is not whole.

    Streams made after `whole_since` (Unix seconds) have lost nothing to age.
    """
    table = drill.application.table
    listed = yield "ListStreams", {"TableName": table.name}
    if len(listed["Streams"]) != 1:
        return None
    arn = listed["Streams"][0]["StreamArn"]
    shards: list[dict[str, Any]] = []
    request: dict[str, Any] = {"StreamArn": arn}
    while True:
        stream = (yield "DescribeStream", request)["StreamDescription"]
        shards += stream["Shards"]
        if "LastEvaluatedShardId" not in stream:
            break
        request = {"StreamArn": arn, "ExclusiveStartShardId": stream["LastEvaluatedShardId"]}
    if stream["StreamViewType"] not in _WITH_NEW_IMAGES or _seconds(stream) < whole_since:
        return None
    found: list[StreamRecord] = []
    for shard in sorted(shards, key=_start):
        for record in (yield from _records(arn, shard["ShardId"])):
            change = record["dynamodb"]
            value = change.get("NewImage", {}).get(table.value, {}).get("S")
            key = change["Keys"][table.key]["S"]
            told = StreamRecord(region, change["SequenceNumber"], record["eventName"], key, value)
            found.append(told)
    return found


def _records(arn: str, shard: str) -> Generator[Question, Any, list[dict[str, Any]]]:
    """A shard's records, up to the first page without any."""
    asked = {"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
    at = (yield "GetShardIterator", asked)["ShardIterator"]
    found: list[dict[str, Any]] = []
    while at is not None:
        page = yield "GetRecords", {"ShardIterator": at}
        found += page["Records"]
        at = page.get("NextShardIterator") if page["Records"] else None
    return found


def _start(shard: dict[str, Any]) -> int:
    """Where a shard begins: its parent began before."""
    return int(shard["SequenceNumberRange"]["StartingSequenceNumber"])


def _seconds(stream: dict[str, Any]) -> float:
    made = stream["CreationRequestDateTime"]
    return float(made if isinstance(made, int | float) else made.timestamp())
