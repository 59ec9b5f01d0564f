"""What the JSON protocol makes of parameters and answers, in one walk compiled for each shape.

botocore checks parameters against their shape, boto3's resources turn items' values into DynamoDB's
types, and a third walk writes what is sent; an answer is walked twice. A compiled walk does all of
it at once for what is usual: a value of exactly the types that are written below. For everything
else, right or wrong, it raises `Unusual`, and the long way tells.
"""

import base64
import binascii
from collections.abc import Callable
from decimal import Decimal, DecimalException
from typing import Any

Walk = Callable[[Any], Any]

_ATTRIBUTE = "AttributeValue"  # the shape that boto3's resources turn into values


class Unusual(Exception):
    """Not for this walk."""


def _refuse(_: Any) -> Any:
    raise Unusual


class Types:
    """How a resource has DynamoDB's types: what boto3's (de)serialiser do, for exact types.

    `names` are the names in the module that defines them: whoever changes its number context
    changes it for us.
    """

    def __init__(self, names: dict[str, Any]) -> None:
        self._names = names

    def write(self, value: Any) -> dict[str, Any]:
        """Return a value as DynamoDB's JSON has it."""
        kind = type(value)
        if kind is str:
            return {"S": value}
        if kind is bool:
            return {"BOOL": value}
        if kind is int or kind is Decimal:
            return {"N": self._number(value)}
        if kind is dict:
            for name in value:
                if type(name) is not str:
                    raise Unusual
            return {"M": {name: self.write(item) for name, item in value.items()}}
        if kind is list:
            return {"L": [self.write(item) for item in value]}
        if value is None:
            return {"NULL": True}
        if kind is bytes:
            return {"B": base64.b64encode(value).decode()}
        raise Unusual  # among them sets, whose copy may be in another order

    def _number(self, value: Any) -> str:
        try:
            text = str(self._names["DYNAMODB_CONTEXT"].create_decimal(value))
        except (DecimalException, ValueError, TypeError) as error:
            raise Unusual from error
        if text in {"Infinity", "NaN"}:
            raise Unusual
        return text

    def read(self, told: Any) -> Any:
        """Return the value that DynamoDB's JSON tells of."""
        if type(told) is not dict or len(told) != 1:
            raise Unusual
        ((kind, value),) = told.items()
        sort = type(value)
        if sort is str:
            return self._read_text(kind, value)
        if kind == "M" and sort is dict:
            return {name: self.read(item) for name, item in value.items()}
        if kind == "BOOL" and sort is bool:
            return value
        if kind == "NULL" and sort is bool:
            return None
        if sort is list:
            if kind == "L":
                return [self.read(item) for item in value]
            if kind in {"SS", "NS", "BS"}:
                return set([self._read_text(kind[0], item) for item in value])  # noqa: C403 - in order
        raise Unusual

    def _read_text(self, kind: str, value: Any) -> Any:
        if type(value) is not str:
            raise Unusual
        if kind == "S":
            return value
        try:
            if kind == "N":
                return self._names["DYNAMODB_CONTEXT"].create_decimal(value)
            if kind == "B":
                return self._names["Binary"](base64.b64decode(value))
        except (DecimalException, binascii.Error, ValueError) as error:
            raise Unusual from error
        raise Unusual


# Parameters: checked, turned and written.


class Writer:
    """Compiles the walks of parameters, as far as values lead: shapes hold themselves."""

    def __init__(self, types: Types | None) -> None:
        self._types = types

    def walk(self, shape: Any) -> Walk:
        """Return the walk that writes values of a shape."""
        if self._types is not None and shape.name == _ATTRIBUTE:
            return self._types.write
        return self._make(shape)

    def _make(self, shape: Any) -> Walk:
        if any(shape.serialization.get(mark) for mark in ("jsonvalue", "hostLabel", "location")):
            return _refuse
        least = shape.metadata.get("min")
        match shape.type_name:
            case "structure":
                return self._structure(shape)
            case "map":
                return self._map(shape)
            case "list":
                return self._list(shape, least or 0)
            case kind:
                return _scalar(kind, least)

    def _structure(self, shape: Any) -> Walk:
        if shape.is_document_type or shape.is_tagged_union:
            return _refuse
        required = tuple(shape.metadata.get("required", ()))
        members: dict[str, tuple[str, Walk]] = {}

        def learn(name: Any) -> tuple[str, Walk]:
            if name not in shape.members:
                raise Unusual
            member = shape.members[name]
            known = members[name] = (member.serialization.get("name", name), self.walk(member))
            return known

        def structure(value: Any) -> dict[str, Any]:
            if type(value) is not dict:
                raise Unusual
            for name in required:
                if name not in value:
                    raise Unusual
            written: dict[str, Any] = {}
            for name, item in value.items():
                member = members.get(name) or learn(name)
                written[member[0]] = member[1](item)
            return written

        return structure

    def _map(self, shape: Any) -> Walk:
        key_walk, item_shape = self.walk(shape.key), shape.value
        item_walk: Walk | None = None

        def mapping(value: Any) -> dict[str, Any]:
            nonlocal item_walk
            if type(value) is not dict:
                raise Unusual
            if item_walk is None:
                item_walk = self.walk(item_shape)
            return {key_walk(key): item_walk(item) for key, item in value.items()}

        return mapping

    def _list(self, shape: Any, least: int) -> Walk:
        item_walk: Walk | None = None

        def sequence(value: Any) -> list[Any]:
            nonlocal item_walk
            if type(value) is not list or len(value) < least:
                raise Unusual
            if item_walk is None:
                item_walk = self.walk(shape.member)
            return [item_walk(item) for item in value]

        return sequence


def _scalar(kind: str, least: Any) -> Walk:
    if kind == "string":
        return _exactly(str, None) if least is None else _long_enough(least)
    if kind in {"integer", "long"}:
        return _exactly(int, least)
    if kind == "boolean":
        return _exactly(bool, None)
    return _blob if kind == "blob" else _refuse


def _exactly(kind: type, least: Any) -> Walk:
    def check(value: Any) -> Any:
        if type(value) is not kind or (least is not None and value < least):
            raise Unusual
        return value

    return check


def _long_enough(least: int) -> Walk:
    def check(value: Any) -> Any:
        if type(value) is not str or len(value) < least:
            raise Unusual
        return value

    return check


def _blob(value: Any) -> str:
    if type(value) is not bytes:
        raise Unusual
    return base64.b64encode(value).decode()


# Answers: read and turned.


class Reader:
    """Compiles the walks of answers, as far as answers lead."""

    def __init__(self, types: Types | None, parser: Any) -> None:
        self._types = types
        self._parser = parser

    def walk(self, shape: Any) -> Walk | None:
        """Return the walk that reads values of a shape; None if they are what is told."""
        if self._types is not None and shape.name == _ATTRIBUTE:
            return self._types.read
        return self._make(shape)

    def _make(self, shape: Any) -> Walk | None:
        match shape.type_name:
            case "structure":
                return self._structure(shape)
            case "map":
                return self._map(shape)
            case "list":
                return self._list(shape)
            case kind:
                handle = getattr(self._parser, f"_handle_{kind}", None)
                return None if handle is None else lambda value: handle(shape, value)

    def _structure(self, shape: Any) -> Walk:
        if shape.is_document_type or shape.is_tagged_union:
            return _refuse
        members: list[tuple[str, str, Walk | None]] = []

        def structure(told: Any) -> dict[str, Any]:
            if type(told) is not dict:
                raise Unusual
            if not told:
                return {}
            if not members:
                members.extend(
                    (name, member.serialization.get("name", name), self.walk(member))
                    for name, member in shape.members.items()
                )
            read: dict[str, Any] = {}
            for name, json_name, walk in members:
                value = told.get(json_name)
                if value is not None:
                    read[name] = value if walk is None else walk(value)
            return read

        return structure

    def _map(self, shape: Any) -> Walk:
        if self.walk(shape.key) is not None:
            return _refuse
        walks: list[Walk | None] = []

        def mapping(told: Any) -> dict[str, Any]:
            if type(told) is not dict:
                raise Unusual
            if not walks:
                walks.append(self.walk(shape.value))
            walk = walks[0]
            return told if walk is None else {key: walk(item) for key, item in told.items()}

        return mapping

    def _list(self, shape: Any) -> Walk:
        walks: list[Walk | None] = []

        def sequence(told: Any) -> list[Any]:
            if type(told) is not list or None in told:
                raise Unusual
            if not walks:
                walks.append(self.walk(shape.member))
            walk = walks[0]
            return told if walk is None else [walk(item) for item in told]

        return sequence
