"""Streams as values: a stream, its shards, and a record of a change as bytes and as AWS shows it.

Every record of a stream has a number, counted over all of its shards, so a record of a child shard
has a greater one than every record of its parent. AWS's sequence numbers grow by 10**20 and a bit
from one record to the next, and so do these; the bit tells numbers of different streams apart.

A record is written with every put of a table that has a stream, so it is packed from the bytes at
hand: a flag, the time, the key only where no image has it, and the images as the wire's JSON. They
are parsed when they are read.

Sources: the API reference of DynamoDB Streams (its samples show the forms of numbers and names) and
"Change data capture for DynamoDB Streams" in the Developer Guide.
"""

import hashlib
import struct
from typing import Any, NamedTuple

import msgspec
import orjson

from antipodes.regional.dynamodb.attributes import Item, item_size, outward_item

EVENTS = ("INSERT", "MODIFY", "REMOVE")
_INSERT, _MODIFY, _REMOVE = range(3)
_BY_TTL = 4
_HEAD = struct.Struct(">BdII")  # event, Unix seconds, lengths of the key and of the old image
_STEP = 10**20
_NEW = {"NEW_IMAGE", "NEW_AND_OLD_IMAGES"}
_OLD = {"OLD_IMAGE", "NEW_AND_OLD_IMAGES"}
SERVICE = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}


class Shard(msgspec.Struct, frozen=True):
    """A part of a stream, for some time and some of the partition keys.

    Its records have numbers from `start` to `end` (0: still open); those up to `trimmed` are gone.
    """

    id: str
    number: int
    slot: int
    start: int
    opened: float
    parent: str = ""
    end: int = 0
    closed: float = 0.0
    trimmed: int = 0


class Stream(msgspec.Struct, frozen=True):
    """A table's stream, for as long as anything of it can be read."""

    account: str
    region: str
    table: str
    label: str
    identity: bytes
    table_identity: bytes
    view: str
    key_names: tuple[str, ...]
    created: float
    shards: tuple[Shard, ...]
    ended: float = 0.0

    @property
    def arn(self) -> str:
        """The stream's ARN."""
        table = f"arn:aws:dynamodb:{self.region}:{self.account}:table/{self.table}"
        return f"{table}/stream/{self.label}"

    @property
    def name(self) -> str:
        """The stream's name among the records of its account."""
        return f"{self.table}/{self.label}"

    @property
    def open_shards(self) -> list[Shard]:
        """The shards that are written to, by slot."""
        return sorted((s for s in self.shards if not s.end), key=lambda shard: shard.slot)

    def shard(self, shard_id: str) -> Shard | None:
        """A shard by its id."""
        return next((shard for shard in self.shards if shard.id == shard_id), None)

    def with_shards(self, *changed: Shard) -> "Stream":
        """The stream with shards added or replaced."""
        by_id = {shard.id: shard for shard in (*self.shards, *changed)}
        return msgspec.structs.replace(self, shards=tuple(by_id[key] for key in sorted(by_id)))


def stream_identity(account: str, table: str, label: str) -> bytes:
    """What the keys of a stream's records begin with."""
    return hashlib.blake2b(f"{account}/{table}/{label}".encode(), digest_size=8).digest()


def shard_id(identity: bytes, number: int, opened: float) -> str:
    """A shard's id: when it was opened, in milliseconds, and what tells it from its siblings."""
    tail = hashlib.blake2b(identity + number.to_bytes(4, "big"), digest_size=4).hexdigest()
    return f"shardId-{int(opened * 1000):020d}-{tail}"


def sequence_number(identity: bytes, number: int) -> str:
    """The sequence number of a stream's n-th record."""
    return str(number * _STEP + _salt(identity) + number)


def number_of(identity: bytes, sequence: str) -> int | None:
    """The n of a sequence number; None for what is none of this stream."""
    if not (sequence.isascii() and sequence.isdigit()):
        return None
    number = int(sequence) // _STEP
    return number if number and sequence_number(identity, number) == sequence else None


def _salt(identity: bytes) -> int:
    return 100_000 + int.from_bytes(identity[:4], "big") % 900_000


def pack(  # noqa: PLR0913 - what a record is made of
    view: str, at: float, key: Item, old: bytes | None, new: bytes | None, *, ttl: bool
) -> bytes:
    """A record's bytes, with the images that a view has."""
    event = _INSERT if old is None else _REMOVE if new is None else _MODIFY
    before = old if old is not None and view in _OLD else b""
    after = new if new is not None and view in _NEW else b""
    keys = b"" if before or after else orjson.dumps(key)
    flags = event | _BY_TTL if ttl else event
    return b"".join((_HEAD.pack(flags, at, len(keys), len(before)), keys, before, after))


def time_of(value: bytes) -> float:
    """When a record was written, in Unix seconds."""
    at: float = _HEAD.unpack_from(value)[1]
    return at


class Record(NamedTuple):
    """A record as it is stored."""

    number: int
    value: bytes

    def shown(self, stream: Stream) -> dict[str, Any]:
        """The record as GetRecords shows it."""
        flags, at, keys_end, old_length = _HEAD.unpack_from(self.value)
        keys_end += _HEAD.size
        old_end = keys_end + old_length
        keys, old, new = (
            orjson.loads(part) if part else None
            for part in (
                self.value[_HEAD.size : keys_end],
                self.value[keys_end:old_end],
                self.value[old_end:],
            )
        )
        if keys is None:
            image = new if new is not None else old
            assert image is not None, "a record has its key or an image"
            keys = {name: image[name] for name in stream.key_names}
        images = {"NewImage": new, "OldImage": old}
        there = {name: image for name, image in images.items() if image is not None}
        record: dict[str, Any] = {
            "eventID": hashlib.blake2b(
                stream.identity + self.number.to_bytes(8, "big"), digest_size=16
            ).hexdigest(),
            "eventName": EVENTS[flags & 3],
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": stream.region,
            "dynamodb": {
                "ApproximateCreationDateTime": float(int(at)),
                "Keys": outward_item(keys),
                **{name: outward_item(image) for name, image in there.items()},
                "SequenceNumber": sequence_number(stream.identity, self.number),
                "SizeBytes": sum(map(item_size, (keys, *there.values()))),
                "StreamViewType": stream.view,
            },
        }
        if flags & _BY_TTL:
            record["userIdentity"] = dict(SERVICE)
        return record
