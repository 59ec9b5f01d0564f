"""Form bodies: how the query protocols (and EC2's, a dialect of it) write a request.

`Tags.member.1.Key=a` is a path to a scalar. The paths are first hung into a tree, then the tree is
read by the shape, so a missing index or an unknown name costs nothing. Numbers in lists need not be
dense, only distinct, as in AWS.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any
from urllib.parse import parse_qsl

from antipodes.wire import scalars
from antipodes.wire.errors import Malformed
from antipodes.wire.models import Member

FIELDS_MAX = 20_000
DEPTH_MAX = 64

Node = dict[str, Any]  # a path's next step -> Node or text


def fields(body: bytes | str) -> dict[str, str]:
    """Read `a=b&c=d`."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS_MAX))
    except ValueError as error:
        raise Malformed("The form has too many fields", code="MalformedInput") from error


def decode(member: Member, form: dict[str, str], *, ec2: bool) -> dict[str, Any]:
    """Read the form's fields as a value of the operation's input."""
    root: Node = {}
    for path, text in form.items():
        _hang(root, path, text)
    name = attrgetter("ec2_name" if ec2 else "wire_name")
    return _structure(member, root, "", _Reader(name, indexed_only=ec2))


def _hang(root: Node, path: str, text: str) -> None:
    steps = path.split(".")
    if len(steps) > DEPTH_MAX:
        raise Malformed(f"{path[:100]} is nested too deep", code="MalformedInput")
    node = root
    for step in steps[:-1]:
        under = node.setdefault(step, {})
        if not isinstance(under, dict):  # `Tags=` says: an empty list
            under = node[step] = {}
        node = under
    node.setdefault(steps[-1], text)


class _Reader:
    """What a dialect calls members, and whether its lists have a name between."""

    def __init__(self, name: Callable[[Member], str], *, indexed_only: bool) -> None:
        self.name = name
        self.indexed_only = indexed_only


def _read(member: Member, node: Any, path: str, reader: _Reader) -> Any:
    kind = member.kind
    if kind == "structure":
        return _structure(member, node if isinstance(node, dict) else {}, path, reader)
    if kind == "list":
        return _list(member, node, path, reader)
    if kind == "map":
        return _map(member, node, path, reader)
    if isinstance(node, dict):
        raise Malformed(f"Unexpected complex element at {path}", code="MalformedInput")
    try:
        return scalars.from_text(kind, node)
    except (ValueError, OverflowError) as error:
        raise Malformed(
            f"{node} is not a valid {kind} at {path}", code="InvalidParameterValue"
        ) from error


def _structure(member: Member, node: Node, path: str, reader: _Reader) -> dict[str, Any]:
    result = {}
    for name, part in member.shape.members.items():
        wire_name = reader.name(part)
        if part.kind == "list" and part.flattened and not reader.indexed_only:
            wire_name = part.xml_name
        if wire_name in node:
            step = f"{path}.{wire_name}" if path else wire_name
            result[name] = _read(part, node[wire_name], step, reader)
    return result


def _numbered(node: Any, path: str) -> list[tuple[str, Any]]:
    """Return the numbered steps below a node in their order; empty text is an empty list."""
    if not isinstance(node, dict):
        if node == "":
            return []
        raise Malformed(f"{path} is a list", code="MalformedInput")
    try:
        return sorted(node.items(), key=lambda item: int(item[0]))
    except ValueError as error:
        raise Malformed(f"{path} has a key that is no number", code="MalformedInput") from error


def _list(member: Member, node: Any, path: str, reader: _Reader) -> list[Any]:
    element = member.shape.member
    if not member.flattened and not reader.indexed_only and isinstance(node, dict):
        between = element.location_name or "member"
        # Some clients write `member` where the model has another name, and some nothing.
        node = node.get(between, node.get("member", node))
    return [
        _read(element, item, f"{path}.{index}", reader) for index, item in _numbered(node, path)
    ]


def _map(member: Member, node: Any, path: str, reader: _Reader) -> dict[str, Any]:
    if not member.flattened and isinstance(node, dict):
        node = node.get("entry", node)
    key, value = member.shape.key, member.shape.value
    result = {}
    for index, entry in _numbered(node, path):
        if not isinstance(entry, dict) or not isinstance(entry.get(key.wire_name), str):
            raise Malformed(f"{path}.{index} has no {key.wire_name}", code="MalformedInput")
        step = f"{path}.{index}.{value.wire_name}"
        result[entry[key.wire_name]] = _read(value, entry.get(value.wire_name, ""), step, reader)
    return result
