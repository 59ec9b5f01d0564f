"""XML bodies: what the query protocols answer, and REST-XML reads and answers.

Reading uses expat directly and refuses document type declarations, so no entity can be defined, let
alone expanded. XML cannot say most control characters at all: on the way out they become U+FFFD, so
that one odd byte in a name never makes an answer unreadable.
"""

import re
from collections.abc import Callable
from typing import Any

# The parser is told to refuse every document type declaration, which is what the rule is about.
from xml.parsers import expat  # nosec B406

from antipodes.wire import scalars
from antipodes.wire.errors import Malformed
from antipodes.wire.models import Member, Shape
from antipodes.wire.trees import members_of

DEPTH_MAX = 200

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"}
_SPECIAL = re.compile('[&<>"\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]')


class Element:
    """A node of a document: its name without namespace, attributes, text and children."""

    __slots__ = ("attributes", "children", "name", "text")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[Element] = []
        self.text = ""

    def named(self, name: str) -> "list[Element]":
        """Return the children of that name."""
        return [child for child in self.children if child.name == name]


class _Builder:
    def __init__(self) -> None:
        self.stack = [Element("", {})]

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self.stack) > DEPTH_MAX:
            raise Malformed("The document is nested too deep", code="MalformedXML")
        element = Element(name.rpartition(":")[2], attributes)
        self.stack[-1].children.append(element)
        self.stack.append(element)

    def end(self, _name: str) -> None:
        self.stack.pop()

    def characters(self, text: str) -> None:
        self.stack[-1].text += text

    def doctype(self, *_declaration: object) -> None:
        raise Malformed("Document type declarations are not allowed", code="MalformedXML")


def parse(body: bytes) -> Element:
    """Read a document; return its root."""
    builder = _Builder()
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.characters
    parser.StartDoctypeDeclHandler = builder.doctype
    try:
        parser.Parse(body, True)  # noqa: FBT003 - expat takes no keywords
    except expat.ExpatError as error:
        raise Malformed(f"The body is not XML: {error}", code="MalformedXML") from error
    return builder.stack[0].children[0]


def decode(member: Member, body: bytes) -> Any:
    """Read a body as a value of that member; an empty body is an empty structure."""
    return _read(member, [parse(body)]) if body else {}


def _read(member: Member, nodes: list[Element]) -> Any:
    """Read the elements that share a member's name: several only where it is flattened."""
    shape = member.shape
    node = nodes[0]
    if shape.kind == "structure":
        return _read_structure(shape, node)
    if shape.kind == "list":
        items = nodes if member.flattened else node.named(shape.member.location_name or "member")
        return [_read(shape.member, [item]) for item in items]
    if shape.kind == "map":
        return _read_map(shape, nodes if member.flattened else node.named("entry"))
    text = node.text if shape.kind in {"string", "blob"} else node.text.strip()
    return _scalar(shape.kind, text, node.name)


def _scalar(kind: str, text: str, name: str) -> Any:
    try:
        return scalars.from_text(kind, text)
    except (ValueError, OverflowError) as error:
        message = f"{text!r} in {name} is not a valid {kind}"
        raise Malformed(message, code="MalformedXML") from error


def _read_structure(shape: Shape, node: Element) -> dict[str, Any]:
    result = {}
    for name, part in shape.members.items():
        if part.location is not None:
            continue
        if part.xml_attribute:
            text = node.attributes.get(part.wire_name)
            if text is not None:
                result[name] = _scalar(part.kind, text, part.wire_name)
            continue
        nodes = node.named(part.xml_name)
        if nodes:
            result[name] = _read(part, nodes)
    return result


def _read_map(shape: Shape, entries: list[Element]) -> dict[str, Any]:
    result = {}
    for entry in entries:
        keys = entry.named(shape.key.wire_name)
        values = entry.named(shape.value.wire_name)
        if not keys or not values:
            raise Malformed(f"An entry of {entry.name} is incomplete", code="MalformedXML")
        result[keys[0].text] = _read(shape.value, values)
    return result


def escape(text: str) -> str:
    """Escape text for an element or an attribute."""
    return _SPECIAL.sub(lambda found: _ESCAPES.get(found[0], "\ufffd"), text)


def element(name: str, content: str, attributes: str = "") -> str:
    """Write an element around content that is already XML."""
    return f"<{name}{attributes}>{content}</{name}>"


def namespace_of(member: Member) -> str:
    """Write the attribute that declares a member's namespace."""
    if not member.xml_namespace:
        return ""
    prefix = f":{member.xml_prefix}" if member.xml_prefix else ""
    return f' xmlns{prefix}="{escape(member.xml_namespace)}"'


def encode(member: Member, value: Any, name: str, namespace: str = "") -> bytes:
    """Write a value as a document with a root of that name."""
    declared = namespace_of(member) or (f' xmlns="{escape(namespace)}"' if namespace else "")
    attributes = declared + _attributes(member, value)
    body = element(name, content(member, value), attributes)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + body.encode()


def content(member: Member, value: Any) -> str:
    """Write the members of a structure, without an element around them."""
    if member.kind != "structure":
        return _text(member, value)
    parts: list[str] = []
    for part, given in members_of(member, value):
        if part.location is None and not part.xml_attribute:
            _WRITE.get(part.kind, _write_scalar)(part, given, part.xml_name, parts)
    return "".join(parts)


def _attributes(member: Member, value: Any) -> str:
    if member.kind != "structure":
        return ""
    return "".join(
        f' {part.wire_name}="{escape(_text(part, given))}"'
        for part, given in members_of(member, value)
        if part.xml_attribute
    )


def _text(member: Member, value: Any) -> str:
    style = member.timestamp_format or "iso8601"
    return escape(scalars.to_text(member.kind, value, style))


def _write_scalar(member: Member, value: Any, name: str, parts: list[str]) -> None:
    parts.append(element(name, _text(member, value), namespace_of(member)))


def _write_structure(member: Member, value: Any, name: str, parts: list[str]) -> None:
    attributes = namespace_of(member) + _attributes(member, value)
    parts.append(element(name, content(member, value), attributes))


def _write_list(member: Member, value: Any, name: str, parts: list[str]) -> None:
    part = member.shape.member
    write = _WRITE.get(part.kind, _write_scalar)
    if member.flattened:
        for item in value:
            write(part, item, name, parts)
        return
    inner: list[str] = []
    for item in value:
        write(part, item, part.location_name or "member", inner)
    parts.append(element(name, "".join(inner), namespace_of(member)))


def _write_map(member: Member, value: Any, name: str, parts: list[str]) -> None:
    shape = member.shape
    write = _WRITE.get(shape.value.kind, _write_scalar)
    entries: list[str] = []
    for key, item in value.items():
        entry = [element(shape.key.wire_name, escape(key))]
        write(shape.value, item, shape.value.wire_name, entry)
        entries.append(element(name if member.flattened else "entry", "".join(entry)))
    if member.flattened:
        parts.extend(entries)
    else:
        parts.append(element(name, "".join(entries)))


_WRITE: dict[str, Callable[[Member, Any, str, list[str]], None]] = {
    "structure": _write_structure,
    "list": _write_list,
    "map": _write_map,
}
