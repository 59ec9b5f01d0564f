"""The operations of DynamoDB Streams, one thin function each, and the iterators they hand out.

An iterator says all there is to know of it: the stream, the shard, the number of the next record
and when it was given out. It is checked by a digest, so that what was typed or cut off is refused.

Sources: the API reference of DynamoDB Streams and botocore's model of 2012-08-10; the wording of
refusals as clients have reported it.
"""

import base64
import binascii
import hashlib
import re
from typing import Any, NamedTuple

import msgspec

from antipodes.regional.dynamodb.errors import not_found, validation
from antipodes.regional.dynamodb.service import DynamoDB
from antipodes.regional.dynamodb.streamrecords import Shard, Stream, number_of, sequence_number
from antipodes.regional.dynamodb.streams import Streams
from antipodes.service.contract import Call, Operations, Service, ServiceError

ITERATOR_S = 15 * 60.0
RECORDS_MAX = 1000
BYTES_MAX = 1 << 20
PAGE_MAX = 100
_ARN = re.compile(
    r"arn:aws[a-z-]*:dynamodb:([a-z0-9-]+):(\d{12}):table/([a-zA-Z0-9_.-]{3,255})/stream/([^/|]+)"
)
_DIGEST_BYTES = 6
_BY_NUMBER = {"AT_SEQUENCE_NUMBER": 0, "AFTER_SEQUENCE_NUMBER": 1}

operations = Operations()


class DynamoDBStreams(Service):
    """The streams of one region's tables, as their readers see them."""

    name = "dynamodbstreams"
    operations = operations

    @property
    def streams(self) -> Streams:
        """The streams of this region's DynamoDB."""
        dynamodb = self.host.service("dynamodb")
        assert isinstance(dynamodb, DynamoDB), "streams without tables"
        return dynamodb.streams

    def stream(self, call: Call, arn: str) -> Stream:
        """The stream of an ARN."""
        parts = _ARN.fullmatch(arn)
        if parts is None:
            raise validation("Invalid StreamArn")
        region, account, table, label = parts.groups()
        found = self.streams.get(account, table, label)
        if found is None or (region, account) != (self.host.place, call.account):
            raise not_found(f"Requested resource not found: Stream: {arn} not found")
        return found


class Position(NamedTuple):
    """Where a reader is in a shard: before the record of a number."""

    shard: str
    number: int
    given_at: float


def iterator(stream: Stream, position: Position) -> str:
    """A position as a shard iterator."""
    body = msgspec.msgpack.encode(position)
    text = base64.b64encode(_digest(stream.arn, body) + body).decode()
    return f"{stream.arn}|1|{text}"


def _position(text: str) -> tuple[str, Position]:
    """The stream's ARN and the position of a shard iterator."""
    arn, _, rest = text.partition("|1|")
    try:
        data = base64.b64decode(rest, validate=True)
        digest, body = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
        if digest == _digest(arn, body):
            return arn, msgspec.msgpack.decode(body, type=Position)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        pass  # typed, cut off, or of something else
    raise validation("Invalid ShardIterator")


def _digest(arn: str, body: bytes) -> bytes:
    return hashlib.blake2b(arn.encode() + body, digest_size=_DIGEST_BYTES).digest()


def _limit(request: dict[str, Any], most: int) -> int:
    limit = request.get("Limit")
    if limit is not None and limit > most:
        raise validation(
            f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy "
            f"constraint: Member must have value less than or equal to {most}"
        )
    return limit or most


def _trimmed() -> ServiceError:
    return ServiceError(
        "TrimmedDataAccessException",
        "The operation attempted to read past the oldest stream record in a shard",
    )


@operations("ListStreams")
def list_streams(service: DynamoDBStreams, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    limit = _limit(request, PAGE_MAX)
    table, start = request.get("TableName"), request.get("ExclusiveStartStreamArn")
    if start is not None and _ARN.fullmatch(start) is None:
        raise validation("Invalid StreamArn")
    streams = [s for s in service.streams.of(call.account) if table in {None, s.table}]
    rest = sorted((s for s in streams if start is None or s.arn > start), key=lambda s: s.arn)
    found: dict[str, Any] = {
        "Streams": [
            {"StreamArn": s.arn, "TableName": s.table, "StreamLabel": s.label} for s in rest[:limit]
        ]
    }
    if len(rest) > limit:
        found["LastEvaluatedStreamArn"] = rest[limit - 1].arn
    return found


@operations("DescribeStream")
def describe_stream(
    service: DynamoDBStreams, call: Call, request: dict[str, Any]
) -> dict[str, Any]:
    limit = _limit(request, PAGE_MAX)
    stream = service.stream(call, request["StreamArn"])
    start = request.get("ExclusiveStartShardId") or ""
    shards = [shard for shard in stream.shards if shard.id > start]
    wanted = request.get("ShardFilter") or {}
    if wanted:
        if not wanted.get("ShardId") or not wanted.get("Type"):
            raise validation("ShardFilter needs both Type and ShardId")
        shards = [shard for shard in shards if shard.parent == wanted["ShardId"]]
    description: dict[str, Any] = {
        "StreamArn": stream.arn,
        "StreamLabel": stream.label,
        "StreamStatus": service.streams.status(stream),
        "StreamViewType": stream.view,
        "CreationRequestDateTime": stream.created,
        "TableName": stream.table,
        "KeySchema": [
            {"AttributeName": name, "KeyType": kind}
            for name, kind in zip(stream.key_names, ("HASH", "RANGE"), strict=False)
        ],
        "Shards": [_shown(stream, shard) for shard in shards[:limit]],
    }
    if len(shards) > limit:
        description["LastEvaluatedShardId"] = shards[limit - 1].id
    return {"StreamDescription": description}


def _shown(stream: Stream, shard: Shard) -> dict[str, Any]:
    """A shard as DescribeStream shows it."""
    numbers = {"StartingSequenceNumber": sequence_number(stream.identity, shard.start)}
    if shard.end:
        numbers["EndingSequenceNumber"] = sequence_number(stream.identity, shard.end)
    found: dict[str, Any] = {"ShardId": shard.id, "SequenceNumberRange": numbers}
    if shard.parent:
        found["ParentShardId"] = shard.parent
    return found


@operations("GetShardIterator")
def get_shard_iterator(
    service: DynamoDBStreams, call: Call, request: dict[str, Any]
) -> dict[str, Any]:
    stream = service.stream(call, request["StreamArn"])
    shard = stream.shard(request["ShardId"])
    if shard is None:
        raise not_found("Requested resource not found: Shard does not exist")
    number = _start(service.streams, stream, shard, request)
    now = service.host.runtime.wall()
    return {"ShardIterator": iterator(stream, Position(shard.id, number, now))}


def _start(streams: Streams, stream: Stream, shard: Shard, request: dict[str, Any]) -> int:
    """The number that a new iterator begins at."""
    kind, sequence = request["ShardIteratorType"], request.get("SequenceNumber")
    if sequence is not None and kind not in _BY_NUMBER:
        raise validation(f"SequenceNumber cannot be given with the shard iterator type {kind}")
    oldest = max(shard.start, shard.trimmed + 1)
    if kind == "TRIM_HORIZON":
        return oldest
    if kind == "LATEST":
        return streams.last(stream, shard) + 1
    if kind == "AT_TIMESTAMP":
        if request.get("Timestamp") is None:
            raise validation("Timestamp is required for the shard iterator type AT_TIMESTAMP")
        return streams.first_since(stream, shard, _seconds(request["Timestamp"]))
    if sequence is None:
        raise validation(f"SequenceNumber is required for the shard iterator type {kind}")
    number = number_of(stream.identity, sequence)
    if number is None or not shard.start <= number <= streams.last(stream, shard):
        raise validation("Invalid SequenceNumber")
    number += _BY_NUMBER[kind]
    if number < oldest:
        raise _trimmed()
    return number


def _seconds(timestamp: Any) -> float:
    return float(timestamp if isinstance(timestamp, int | float) else timestamp.timestamp())


@operations("GetRecords")
def get_records(service: DynamoDBStreams, call: Call, request: dict[str, Any]) -> dict[str, Any]:
    limit = _limit(request, RECORDS_MAX)
    arn, position = _position(request["ShardIterator"])
    stream = service.stream(call, arn)
    runtime = service.host.runtime
    if runtime.wall() - position.given_at > runtime.interval(ITERATOR_S):
        raise ServiceError("ExpiredIteratorException", "The shard iterator has expired")
    shard = stream.shard(position.shard)
    if shard is None or position.number <= shard.trimmed:
        raise _trimmed()
    records: list[dict[str, Any]] = []
    number, size = position.number, 0
    for record in service.streams.read(stream, shard, number):
        size += len(record.value)
        if records and size > BYTES_MAX:
            break
        records.append(record.shown(stream))
        number = record.number + 1
        if len(records) >= limit:
            break
    found: dict[str, Any] = {"Records": records}
    if not shard.end or number <= shard.end:
        later = Position(shard.id, number, runtime.wall())
        found["NextShardIterator"] = iterator(stream, later)
    return found
