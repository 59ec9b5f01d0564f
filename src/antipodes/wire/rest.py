"""The REST binding: members in the path, the query, headers and the body.

Which body format fills the rest of the message is the caller's choice; this module only deals with
places. A member with a location goes there; a payload member is the whole body; all others share
the body as one structure.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from antipodes.wire import scalars
from antipodes.wire.errors import Malformed
from antipodes.wire.models import Member, Operation
from antipodes.wire.trees import members_of

_LIST_ITEM = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^,]*))\s*(?:,|$)')

Decode = Callable[[Member, bytes], Any]
Encode = Callable[[Member, Any], bytes]


class Places(NamedTuple):
    """A request taken apart: where members may be found."""

    labels: Mapping[str, str]
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes


class Message(NamedTuple):
    """An answer: what a response dictionary became."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def parse(operation: Operation, places: Places, decode: Decode) -> dict[str, Any]:
    """Collect the input of an operation from its places."""
    if operation.input is None:
        return {}
    shape = operation.input.shape
    result: dict[str, Any] = {}
    for name, member in shape.members.items():
        if member.location is not None:
            value = _READ[member.location](member, places, shape.members)
            if value is not None:
                result[name] = value
    if shape.payload is not None:
        member = shape.members[shape.payload]
        if member.kind in {"blob", "string"}:
            if places.body:
                result[shape.payload] = _raw(member, places.body)
        elif places.body:
            result[shape.payload] = decode(member, places.body)
    elif places.body and any(m.location is None for m in shape.members.values()):
        result.update(decode(operation.input, places.body))
    return result


def _raw(member: Member, body: bytes) -> bytes | str:
    if member.kind == "blob":
        return body
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Malformed("The body is not UTF-8") from error


def _scalar(member: Member, text: str) -> Any:
    try:
        return scalars.from_text(member.kind, text)
    except (ValueError, OverflowError) as error:
        message = f"{text} in {member.wire_name} cannot be converted to {member.kind}"
        raise Malformed(message) from error


def _from_uri(member: Member, places: Places, _members: Mapping[str, Member]) -> Any:
    text = places.labels.get(member.wire_name)
    return None if text is None else _scalar(member, text)


def _from_query(member: Member, places: Places, members: Mapping[str, Member]) -> Any:
    if member.kind == "map":
        return _query_map(member, places.query, members)
    texts = places.query.get(member.wire_name)
    if texts is None:
        return None
    if member.kind == "list":
        return [_scalar(member.shape.member, text) for text in texts]
    return _scalar(member, texts[-1])


def _query_map(
    member: Member, query: Mapping[str, list[str]], members: Mapping[str, Member]
) -> dict[str, Any] | None:
    """A map in the query is every parameter that has no member of its own."""
    own = {m.wire_name for m in members.values() if m.location == "querystring"}
    several = member.shape.value.kind == "list"
    found = {k: v if several else v[-1] for k, v in query.items() if k not in own}
    return found or None


def _from_header(member: Member, places: Places, _members: Mapping[str, Member]) -> Any:
    text = places.headers.get(member.wire_name.lower())
    if text is None:
        return None
    if member.kind == "list":
        return [_scalar(member.shape.member, item) for item in _list_items(text)]
    return _scalar(member, text)


def _list_items(text: str) -> list[str]:
    items = []
    at = 0
    while at < len(text):
        found = _LIST_ITEM.match(text, at)
        if found is None:
            raise Malformed(f"{text[:100]} is not a list of a header")
        quoted, plain = found.groups()
        items.append(plain.strip() if quoted is None else quoted.replace('\\"', '"'))
        at = found.end()
    return items


def _from_prefixed(member: Member, places: Places, _members: Mapping[str, Member]) -> Any:
    prefix = member.wire_name.lower() if member.location_name else ""
    found = {k[len(prefix) :]: v for k, v in places.headers.items() if k.startswith(prefix)}
    return found or None


_READ: dict[str, Callable[[Member, Places, Mapping[str, Member]], Any]] = {
    "uri": _from_uri,
    "querystring": _from_query,
    "header": _from_header,
    "headers": _from_prefixed,
}


def serialise(operation: Operation, response: Mapping[str, Any], encode: Encode) -> Message:
    """Put an output into its places; `encode` writes what belongs in a structured body."""
    if operation.output is None:
        assert not response, f"{operation} has no output"
        return Message(operation.status, [], b"")
    return in_places(operation.output, response, operation.status, encode)


def in_places(member: Member, value: Mapping[str, Any], status: int, encode: Encode) -> Message:
    """Put a structure, an output or a modelled error, into its places."""
    shape = member.shape
    headers: list[tuple[str, str]] = []
    payload: Any = None
    for part, given in members_of(member, value):
        if part.location == "statusCode":
            status = int(given)
        elif part.location == "header":
            headers.append((part.wire_name, _header_text(part, given)))
        elif part.location == "headers":
            prefix = part.location_name or ""
            headers += [(prefix + key, str(text)) for key, text in given.items()]
        elif part.name == shape.payload:
            payload = given
    if shape.payload is not None:
        return Message(status, headers, _payload(shape.members[shape.payload], payload, encode))
    if any(part.location is None for part in shape.members.values()):
        return Message(status, headers, encode(member, value))
    return Message(status, headers, b"")


def _payload(member: Member, value: Any, encode: Encode) -> bytes:
    if value is None:
        return b""
    if member.kind in {"blob", "string"}:
        return value.encode() if isinstance(value, str) else bytes(value)
    return encode(member, value)


def _header_text(member: Member, value: Any) -> str:
    if member.kind == "list":
        return ",".join(_header_text(member.shape.member, item) for item in value)
    return scalars.to_text(member.kind, value, member.timestamp_format or "rfc822")
