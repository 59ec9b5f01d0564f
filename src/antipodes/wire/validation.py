"""An input against the model's constraints, with AWS's combined message for what is wrong.

Every constraint that fails is told, in the model's order, as AWS's framework does:
`2 validation errors detected: Value null at 'tableName' failed to satisfy constraint: Member must
not be null; Value ...`. Constraints of the scalars in a list or map are told once, for the whole.
The code of the error differs between services; a path is written in camel case.

Nearly all inputs break nothing, so that is found out first: each shape is compiled, once, into a
test that only says yes or no and skips what has no constraints. The walk that explains comes after
a no.

What a list or map holds is never null, but for DynamoDB's maps, of which it speaks itself.

Left out: patterns that Python cannot run (see `models.compiled`), and constraints that services
enforce in code of their own, which are theirs to say.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from antipodes.wire import particular
from antipodes.wire.errors import Invalid
from antipodes.wire.models import Member, Model, Operation, Shape

_VALUE_LENGTH_MAX = 1024  # of a value quoted in a message
_CODES: Mapping[str, str] = {
    "ec2": "InvalidParameterValue",
    "lambda": "InvalidParameterValueException",
    "logs": "InvalidParameterException",
    "resource-groups": "BadRequestException",
    "route53": "InvalidInput",
    "s3": "InvalidArgument",
    "servicediscovery": "InvalidInput",
    # cloudwatch speaks JSON and CBOR now, and kept the code of its query days.
    "cloudwatch": "ValidationError",
}
_LENGTHY = ("string", "list", "map", "blob")
Test = Callable[[Any], bool]  # whether a value keeps all constraints


def validate(operation: Operation, value: Mapping[str, Any]) -> None:
    """Raise Invalid if an operation's input breaks the model's constraints."""
    if operation.input is None:
        return
    try:
        nulls = operation.model.name.startswith("dynamodb")
        test = _test_of(operation.input.shape, nulls)
        if test is None or test(value):
            return
        found = list(_structure(operation.input.shape, value, ""))
        if not nulls:
            found += _nulls(operation.input.shape, value, "")
    except RecursionError as error:
        raise Invalid(_code(operation.model), "The input is nested too deep") from error
    if not found:
        return
    particular.refuse_first(operation, value)
    if operation.model.name == "dynamodb":
        found = found[: particular.ERRORS_MAX]
    noun = "error" if len(found) == 1 else "errors"
    message = f"{len(found)} validation {noun} detected: {'; '.join(found)}"
    raise Invalid(_code(operation.model), message)


@cache
def _test_of(shape: Shape, nulls: bool) -> Test | None:  # noqa: FBT001 - part of the cache's key
    """The compiled test of a shape; None where nothing in it is constrained.

    `nulls`: maps may hold them.
    """
    return _compiled(shape, {}, nulls=nulls)


def _compiled(shape: Shape, outer: dict[Shape, list[Test]], *, nulls: bool) -> Test | None:
    """`outer` has the shapes that this one stands in: a shape within itself is found in there."""
    if shape in outer:
        box = outer[shape]
        return lambda value: box[0](value)  # noqa: PLW0108 - the box is still empty
    outer[shape] = box = []
    own = _own_test(shape)
    if shape.kind == "structure":
        test = None if shape.document else _structure_test(shape, outer, nulls=nulls)
    elif shape.kind == "list":
        test = _list_test(own, _compiled(shape.member.shape, outer, nulls=nulls))
    elif shape.kind == "map":
        key = _compiled(shape.key.shape, outer, nulls=nulls)
        part = _compiled(shape.value.shape, outer, nulls=nulls)
        test = _map_test(own, key, part, nulls=nulls)
    else:
        test = own
    del outer[shape]
    box.append(test or _anything)
    return test


def _anything(_: Any) -> bool:
    return True


def _own_test(shape: Shape) -> Test | None:
    """The constraints of a shape itself, without those of its parts."""
    low = float("-inf") if shape.min is None else shape.min
    high = float("inf") if shape.max is None else shape.max
    bounded = shape.min is not None or shape.max is not None
    if shape.kind == "string" and (shape.regex is not None or shape.enum):
        matches = None if shape.regex is None else shape.regex.fullmatch
        enum = frozenset(shape.enum)

        def spelled(value: str) -> bool:
            if bounded and not low <= len(value) <= high:
                return False
            return (matches is None or matches(value) is not None) and (not enum or value in enum)

        return spelled
    if not bounded:
        return None
    if shape.kind in _LENGTHY:
        return lambda value: low <= len(value) <= high
    return lambda value: low <= value <= high


def _structure_test(shape: Shape, outer: dict[Shape, list[Test]], *, nulls: bool) -> Test | None:
    required = shape.required
    compiled = {
        name: _compiled(member.shape, outer, nulls=nulls) for name, member in shape.members.items()
    }
    tests = {name: test for name, test in compiled.items() if test is not None}
    if not tests and not required:
        return None

    def test(value: Mapping[str, Any]) -> bool:
        for name in required:
            if value.get(name) is None:
                return False
        for name, given in value.items():
            if given is not None and name in tests and not tests[name](given):
                return False
        return True

    return test


def _list_test(own: Test | None, part: Test | None) -> Test:
    def test(value: list[Any]) -> bool:
        if None in value or (own is not None and not own(value)):
            return False
        return part is None or all(map(part, value))

    return test


def _map_test(own: Test | None, key: Test | None, part: Test | None, *, nulls: bool) -> Test | None:
    if nulls and own is None and key is None and part is None:
        return None

    def test(value: Mapping[str, Any]) -> bool:
        if not nulls and None in value.values():
            return False
        if own is not None and not own(value):
            return False
        if key is not None and not all(map(key, value)):
            return False
        return part is None or all(part(item) for item in value.values() if item is not None)

    return test


def _code(model: Model) -> str:
    """The code that a service gives to broken constraints."""
    default = "ValidationError" if model.protocol == "query" else "ValidationException"
    return _CODES.get(model.name, default)


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]


def _structure(shape: Shape, value: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, member in shape.members.items():
        given = value.get(name)
        if given is not None:
            yield from _value(member.shape, given, _step(path, name))
        elif name in shape.required:
            yield _told("null", _step(path, name), "Member must not be null")


def _step(path: str, name: str) -> str:
    return f"{path}.{_camel(name)}" if path else _camel(name)


def _value(shape: Shape, value: Any, path: str) -> Iterator[str]:
    for constraint in _broken(shape, value):
        yield _told(_quoted(shape, value), path, constraint)
    if shape.kind == "structure":
        if not shape.document:
            yield from _structure(shape, value, path)
    elif shape.kind == "list":
        yield from _list(shape, value, path)
    elif shape.kind == "map":
        yield from _map(shape, value, path)


def _list(shape: Shape, value: list[Any], path: str) -> Iterator[str]:
    part = shape.member.shape
    if None in value or any(_broken(part, item) for item in value):
        rules = "Member must not be null" if None in value else f"[{', '.join(_rules(part))}]"
        told = rules if None in value else f"Member must satisfy constraint: {rules}"
        yield _told(_quoted(shape, value), path, told)
    for index, item in enumerate(value, 1):
        if item is not None:
            yield from _inside(part, item, f"{path}.{index}.member")


def _map(shape: Shape, value: Mapping[str, Any], path: str) -> Iterator[str]:
    key, part = shape.key.shape, shape.value.shape
    if any(_broken(key, name) for name in value):
        rules = f"Map keys must satisfy constraint: [{', '.join(_rules(key))}]"
        yield _told(_quoted(shape, value), path, rules)
    if any(item is not None and _broken(part, item) for item in value.values()):
        rules = f"Map value must satisfy constraint: [{', '.join(_rules(part))}]"
        yield _told(_quoted(shape, value), path, rules)
    for name, item in value.items():
        if item is not None:
            yield from _inside(part, item, f"{path}.{name}.member")


def _inside(shape: Shape, value: Any, path: str) -> Iterator[str]:
    """The parts of an element; its own constraints were told of the whole."""
    if shape.kind == "structure":
        yield from _value(shape, value, path)
    elif shape.kind == "list":
        yield from _list(shape, value, path)
    elif shape.kind == "map":
        yield from _map(shape, value, path)


def _nulls(shape: Shape, value: Any, path: str) -> Iterator[str]:
    """What is null in maps."""
    if shape.kind == "structure" and not shape.document:
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from _nulls(member.shape, value[name], _step(path, name))
    elif shape.kind == "list":
        for index, item in enumerate(value, 1):
            if item is not None:
                yield from _nulls(shape.member.shape, item, f"{path}.{index}.member")
    elif shape.kind == "map":
        for name, item in value.items():
            if item is None:
                yield _told("null", f"{path}.{name}.member", "Member must not be null")
            else:
                yield from _nulls(shape.value.shape, item, f"{path}.{name}.member")


def _broken(shape: Shape, value: Any) -> list[str]:
    """The constraints of a shape that a value breaks."""
    broken = []
    if shape.min is not None or shape.max is not None:
        measured = len(value) if shape.kind in _LENGTHY else value
        if shape.max is not None and measured > shape.max:
            broken.append(_at_most(shape))
        if shape.min is not None and measured < shape.min:
            broken.append(_at_least(shape))
    if shape.kind == "string":
        if shape.regex is not None and shape.regex.fullmatch(value) is None:
            broken.append(_pattern(shape))
        if shape.enum and value not in shape.enum:
            broken.append(_one_of(shape))
    return broken


def _rules(shape: Shape) -> list[str]:
    """All constraints of a shape."""
    rules = [_at_most(shape)] if shape.max is not None else []
    if shape.min is not None:
        rules.append(_at_least(shape))
    if shape.regex is not None:
        rules.append(_pattern(shape))
    if shape.enum:
        rules.append(_one_of(shape))
    return rules


def _at_most(shape: Shape) -> str:
    measure = "length" if shape.kind in _LENGTHY else "value"
    return f"Member must have {measure} less than or equal to {shape.max}"


def _at_least(shape: Shape) -> str:
    measure = "length" if shape.kind in _LENGTHY else "value"
    return f"Member must have {measure} greater than or equal to {shape.min}"


def _pattern(shape: Shape) -> str:
    return f"Member must satisfy regular expression pattern: {shape.pattern}"


def _one_of(shape: Shape) -> str:
    return f"Member must satisfy enum value set: [{', '.join(particular.enum_of(shape))}]"


def _told(value: str, path: str, constraint: str) -> str:
    given = f" {value}" if value else ""
    return f"Value{given} at '{path}' failed to satisfy constraint: {constraint}"


def _quoted(shape: Shape, value: Any) -> str:
    """A value between quotes, as AWS prints its own objects; nothing of what is secret."""
    if shape.sensitive:
        return ""
    text = _printed(shape, value)
    return f"'{text[:_VALUE_LENGTH_MAX]}'"


def _printed(shape: Shape, value: Any) -> str:
    if value is None:
        return "null"
    if shape.sensitive:
        return "***"
    if shape.kind == "structure":
        return f"{shape.name}({', '.join(_printed_members(shape, value))})"
    if shape.kind == "list":
        return f"[{', '.join(_printed(shape.member.shape, item) for item in value)}]"
    if shape.kind == "map":
        part = shape.value.shape
        return f"{{{', '.join(f'{k}={_printed(part, v)}' for k, v in value.items())}}}"
    if shape.kind == "blob":
        return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    return str(value).lower() if shape.kind == "boolean" else str(value)


def _printed_members(shape: Shape, value: Mapping[str, Any]) -> Iterator[str]:
    members: Mapping[str, Member] = shape.members
    for name, member in members.items():
        if name in value:
            yield f"{_camel(name)}={_printed(member.shape, value[name])}"
