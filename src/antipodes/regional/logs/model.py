"""Log groups, streams and events: their rules, and where they lie in the store.

Events are stored under the short numbers of their group and stream, then time, then order of
arrival: a stream reads in time order, and a key never outgrows the store's limit however long the
names are. Synchronous; the time is an argument, in milliseconds as everywhere in this API.
"""

import hashlib
import re
from typing import Any

import msgspec

from antipodes.runtime.contract import Store
from antipodes.service.contract import ServiceError
from antipodes.service.records import Records

EVENTS_MAX = 10_000  # kept of a stream; our own limit
STREAMS_MAX = 10_000  # of a group; our own limit
BATCH_EVENTS_MAX = 10_000
BATCH_BYTES_MAX = 1_048_576
EVENT_OVERHEAD_BYTES = 26
DAY_MS = 86_400_000
TOO_OLD_MS = 14 * DAY_MS
TOO_NEW_MS = 2 * 3_600_000
RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)

_GROUP_NAME = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}")
_STREAM_NAME = re.compile(r"[^:*]{1,512}")


class LogGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A log group."""

    name: str
    number: str
    created_ms: int
    retention_days: int = 0  # 0: for ever
    tags: dict[str, str] = {}


class LogStream(msgspec.Struct, frozen=True, kw_only=True):
    """A stream of a group."""

    name: str
    number: str
    created_ms: int
    first_ms: int = 0
    last_ms: int = 0
    ingested_ms: int = 0
    sequence: int = 0  # events ever put
    count: int = 0  # events kept


class Event(msgspec.Struct, frozen=True, array_like=True):
    """A log event as it is stored."""

    message: str
    ingested_ms: int


class Found(msgspec.Struct, frozen=True):
    """A log event as it is read: `position` is the end of its key, in order of time."""

    stream: str
    at_ms: int
    position: bytes
    message: str
    ingested_ms: int

    def show(self) -> dict[str, Any]:
        """The event as GetLogEvents gives it."""
        return {
            "timestamp": self.at_ms,
            "message": self.message,
            "ingestionTime": self.ingested_ms,
        }


def invalid(message: str) -> ServiceError:
    """Return this API's error for a bad parameter."""
    return ServiceError("InvalidParameterException", message, 400)


def _missing(what: str) -> ServiceError:
    message = f"The specified {what} does not exist."
    return ServiceError("ResourceNotFoundException", message, 400)


def _exists(what: str) -> ServiceError:
    message = f"The specified {what} already exists"
    return ServiceError("ResourceAlreadyExistsException", message, 400)


def _number(*names: str) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for name in names:
        digest.update(name.encode() + b"\x00")
    return digest.hexdigest()


def validate_group_name(name: str) -> None:
    """Refuse a name that no group can have."""
    if _GROUP_NAME.fullmatch(name) is None:
        raise invalid(
            f"1 validation error detected: Value '{name}' at 'logGroupName' failed to satisfy "
            f"constraint: Member must satisfy regular expression pattern: {_GROUP_NAME.pattern}"
        )


class LogStore:
    """The groups, streams and events of one host."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._groups = Records(store, "logs/group", LogGroup)
        self._streams = Records(store, "logs/stream", LogStream)
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(Event).decode

    # Groups.

    def groups(self, account: str) -> list[LogGroup]:
        """Return the account's groups, by name."""
        return sorted(self._groups.list(account), key=lambda group: group.name)

    def group(self, account: str, name: str) -> LogGroup:
        """Return a group or say that there is none."""
        validate_group_name(name)
        group = self._groups.get(account, _number(account, name))
        if group is None:
            raise _missing("log group")
        return group

    def create_group(self, account: str, name: str, tags: dict[str, str], now_ms: int) -> None:
        """Create a group."""
        validate_group_name(name)
        number = _number(account, name)
        if self._groups.get(account, number) is not None:
            raise _exists("log group")
        group = LogGroup(name=name, number=number, created_ms=now_ms, tags=tags)
        self._groups.put(account, number, group)

    def set_retention(self, account: str, group: LogGroup, days: int) -> None:
        """Keep events so long; 0 for ever."""
        changed = msgspec.structs.replace(group, retention_days=days)
        self._groups.put(account, group.number, changed)

    def delete_group(self, account: str, name: str) -> None:
        """Delete a group with its streams and their events."""
        group = self.group(account, name)
        for stream in self.streams(account, group):
            self._delete_stream(account, group, stream)
        self._groups.delete(account, group.number)

    # Streams.

    def _owner(self, account: str, group: LogGroup) -> str:
        return f"{account}\x00{group.number}"

    def streams(self, account: str, group: LogGroup) -> list[LogStream]:
        """Return a group's streams, by name."""
        streams = self._streams.list(self._owner(account, group))
        return sorted(streams, key=lambda stream: stream.name)

    def stream(self, account: str, group: LogGroup, name: str) -> LogStream:
        """Return a stream or say that there is none."""
        stream = self._streams.get(self._owner(account, group), _number(group.number, name))
        if stream is None:
            raise _missing("log stream")
        return stream

    def create_stream(self, account: str, group: LogGroup, name: str, now_ms: int) -> None:
        """Create a stream."""
        if _STREAM_NAME.fullmatch(name) is None:
            raise invalid(
                f"1 validation error detected: Value '{name}' at 'logStreamName' failed to satisfy "
                f"constraint: Member must satisfy regular expression pattern: "
                f"{_STREAM_NAME.pattern}"
            )
        owner, number = self._owner(account, group), _number(group.number, name)
        if self._streams.get(owner, number) is not None:
            raise _exists("log stream")
        if len(self._streams.list(owner)) >= STREAMS_MAX:
            message = f"At most {STREAMS_MAX} streams of a group are kept here"
            raise ServiceError("LimitExceededException", message, 400)
        self._streams.put(owner, number, LogStream(name=name, number=number, created_ms=now_ms))

    def delete_stream(self, account: str, group: LogGroup, name: str) -> None:
        """Delete a stream with its events."""
        self._delete_stream(account, group, self.stream(account, group, name))

    def _delete_stream(self, account: str, group: LogGroup, stream: LogStream) -> None:
        prefix = self._prefix(group, stream)
        for key, _ in self._store.scan(prefix, prefix + b"\xff" * 17):
            self._store.delete(key)
        self._streams.delete(self._owner(account, group), stream.number)

    # Events.

    def _prefix(self, group: LogGroup, stream: LogStream) -> bytes:
        return b"logs/event\x00" + bytes.fromhex(group.number + stream.number)

    def put(
        self,
        account: str,
        group: LogGroup,
        stream: LogStream,
        events: list[tuple[int, str]],
        now_ms: int,
    ) -> None:
        """Add events, oldest first; forget the oldest beyond the limit."""
        prefix = self._prefix(group, stream)
        sequence = stream.sequence
        for at_ms, message in events:
            key = prefix + at_ms.to_bytes(8, "big") + sequence.to_bytes(8, "big")
            self._store.put(key, self._encode(Event(message, now_ms)))
            sequence += 1
        count = stream.count + len(events)
        if count > EVENTS_MAX:
            stop = prefix + b"\xff" * 17
            for key, _ in self._store.scan(prefix, stop, limit=count - EVENTS_MAX):
                self._store.delete(key)
            count = EVENTS_MAX
        changed = msgspec.structs.replace(
            stream,
            first_ms=min(stream.first_ms or events[0][0], events[0][0]),
            last_ms=max(stream.last_ms, events[-1][0]),
            ingested_ms=now_ms,
            sequence=sequence,
            count=count,
        )
        self._streams.put(self._owner(account, group), stream.number, changed)

    def read(  # noqa: PLR0913 - a question has its parts
        self,
        group: LogGroup,
        stream: LogStream,
        start: bytes,
        stop: bytes,
        *,
        limit: int = 0,
        reverse: bool = False,
    ) -> list[Found]:
        """Return events between two positions, in order of time (or against it)."""
        prefix = self._prefix(group, stream)
        pairs = self._store.scan(prefix + start, prefix + stop, limit=limit, reverse=reverse)
        found = []
        for key, value in pairs:
            position = key[len(prefix) :]
            event = self._decode(value)
            at_ms = int.from_bytes(position[:8], "big")
            found.append(Found(stream.name, at_ms, position, event.message, event.ingested_ms))
        return found

    def expired_before(self, group: LogGroup, now_ms: int, day_ms: float) -> int:
        """The time before which events are past the group's retention."""
        if not group.retention_days:
            return 0
        return max(0, int(now_ms - group.retention_days * day_ms))


def position(at_ms: int) -> bytes:
    """Return the position before all events of a millisecond."""
    return max(0, at_ms).to_bytes(8, "big")
