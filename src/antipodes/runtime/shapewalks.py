"""Shortcuts for what botocore and boto3 do with the shapes of a service's model.

Parameters are checked by walking them beside their shape, with a record of every mistake. Nearly
all are right: a quick walk that can only say yes goes first, and the original tells what is wrong.
boto3's DynamoDB resources walk parameters and answers in search of shapes of one name; where a
shape cannot lead there, the walk would change nothing. What was learnt of a shape is kept with it.
"""

from collections.abc import Callable, Mapping, MutableSequence
from decimal import Decimal
from typing import Any

Check = Callable[[Any], bool]

_CONTAINERS = frozenset({"structure", "map", "list"})
_ATOMS = frozenset({str, bytes, int, bool, float, Decimal, type(None)})


def quicken_validation(validate: Any) -> None:
    """Let `ParamValidator.validate` look quickly first."""
    kind = validate.ParamValidator
    original = kind.validate
    builder = _Checks(validate)

    def quick(self: Any, params: Any, shape: Any) -> Any:
        if type(self) is kind and builder.check_of(shape)(params):
            return validate.ValidationErrors()
        return original(self, params, shape)

    kind.validate = quick


def quicken_transforms(transform: Any) -> None:
    """Let `ParameterTransformer.transform` leave alone what it would not change.

    And let DynamoDB's resources copy the usual parameters without `deepcopy`.
    """
    kind = transform.ParameterTransformer
    original, original_copy = kind.transform, transform.copy_dynamodb_params

    def quick(self: Any, params: Any, model: Any, transformation: Any, target_shape: Any) -> None:
        if type(self) is not kind:
            original(self, params, model, transformation, target_shape)
        elif _leads_to(model, target_shape):
            _transform(model, params, transformation, target_shape)

    def copy_dynamodb_params(params: Any, **named: Any) -> Any:
        try:
            return _copied(params)
        except _UnusualError:
            return original_copy(params, **named)

    kind.transform = quick
    transform.copy_dynamodb_params = copy_dynamodb_params


def _transform(model: Any, params: Any, transformation: Callable[[Any], Any], target: str) -> None:
    """Put what the transformation gives in the place of all values of the target shape."""
    pairs: Any = ()
    if model.type_name == "structure" and isinstance(params, Mapping):
        members = model.members
        pairs = ((name, members[name]) for name in params if name in members)
    elif model.type_name == "map" and isinstance(params, Mapping):
        pairs = ((key, model.value) for key in params)
    elif model.type_name == "list" and isinstance(params, MutableSequence):
        pairs = ((index, model.member) for index in range(len(params)))
    for place, shape in pairs:
        if shape.name == target:
            params[place] = transformation(params[place])
        elif shape.type_name in _CONTAINERS:
            _transform(shape, params[place], transformation, target)


class _UnusualError(Exception):
    """Something that only `deepcopy` knows how to copy."""


def _copied(value: Any) -> Any:
    kind = type(value)
    if kind in _ATOMS:
        return value
    if kind is dict:
        return {_copied(name): _copied(item) for name, item in value.items()}
    if kind is list:
        return [_copied(item) for item in value]
    raise _UnusualError


def quicken_parsing(parsers: Any) -> None:
    """Let the JSON protocol's parser walk structures by what it knows of their members."""
    kind = parsers.JSONParser
    original = kind._handle_structure  # noqa: SLF001 - what is replaced

    def members_of(self: Any, shape: Any) -> Any:
        """Name, name in JSON, and shape if it is more than a value to hand on; or not at all."""
        if shape.is_document_type or shape.is_tagged_union:
            return None
        return [
            (
                name,
                member.serialization.get("name", name),
                member if hasattr(self, f"_handle_{member.type_name}") else None,
            )
            for name, member in shape.members.items()
        ]

    def handle_structure(self: Any, shape: Any, value: Any) -> Any:
        marks = vars(shape)
        if "_antipodes_members" not in marks:
            marks["_antipodes_members"] = members_of(self, shape)
        members = marks["_antipodes_members"]
        if members is None or type(self) is not kind or type(value) is not dict:
            return original(self, shape, value)
        parsed: dict[str, Any] = {}
        for name, json_name, member in members:
            raw = value.get(json_name)
            if raw is not None:
                parsed[name] = raw if member is None else self._parse_shape(member, raw)
        return parsed

    kind._handle_structure = handle_structure  # noqa: SLF001 - as above


def _children(shape: Any) -> list[Any]:
    if shape.type_name == "structure":
        return list(shape.members.values())
    if shape.type_name == "map":
        return [shape.value]
    return [shape.member] if shape.type_name == "list" else []


def _leads_to(shape: Any, target: str) -> bool:
    """Whether a shape of that name is somewhere below this one."""
    known: dict[str, bool] = vars(shape).setdefault("_antipodes_leads_to", {})
    if target not in known:
        seen, waiting = {shape.name}, [shape]
        known[target] = False
        while waiting and not known[target]:
            for child in _children(waiting.pop()):
                known[target] = known[target] or child.name == target
                if child.name not in seen:
                    seen.add(child.name)
                    waiting.append(child)
    return known[target]


def _never(_: Any) -> bool:
    return False


class _Checks:
    """Makes the quick check of a shape: yes, or ask the original."""

    def __init__(self, validate: Any) -> None:
        self._scalars = validate.ParamValidator.SCALAR_TYPES
        self._containers = validate.ParamValidator.CONTAINER_TYPES
        self._is_time = validate.ParamValidator._type_check_datetime  # noqa: SLF001 - the same

    def check_of(self, shape: Any) -> Check:
        check: Check | None = vars(shape).get("_antipodes_check")
        if check is None:
            check = shape._antipodes_check = self._make(shape)  # noqa: SLF001 - kept with it
        return check

    def _make(self, shape: Any) -> Check:
        special = ("jsonvalue", "hostLabel")
        if any(shape.serialization.get(mark) for mark in special):
            return _never
        match shape.type_name:
            case "structure":
                return self._structure(shape)
            case "map":
                return self._map(shape)
            case "list":
                return self._list(shape)
            case "timestamp":
                return lambda value: bool(self._is_time(None, value))
            case "blob":
                return lambda value: isinstance(value, bytes | bytearray | str)
            case _:
                return self._scalar(shape)

    def _structure(self, shape: Any) -> Check:
        if shape.is_document_type or shape.is_tagged_union:
            return _never
        members, required = shape.members, shape.metadata.get("required", [])
        kinds = self._containers["structure"]
        checks: dict[str, Check] = {}

        def check(value: Any) -> bool:
            if not isinstance(value, kinds):
                return False
            for name in required:
                if name not in value:
                    return False
            for name, member in value.items():
                known = checks.get(name)
                if known is None:
                    if name not in members:
                        return False
                    known = checks[name] = self.check_of(members[name])
                if not known(member):
                    return False
            return True

        return check

    def _map(self, shape: Any) -> Check:
        kinds = self._containers["map"]
        value_shape, check_key = shape.value, self.check_of(shape.key)

        def check(value: Any) -> bool:
            if not isinstance(value, kinds):
                return False
            check_value = self.check_of(value_shape)  # not before: shapes hold themselves
            for key, item in value.items():  # noqa: SIM110 - as in a list
                if not (check_key(key) and check_value(item)):
                    return False
            return True

        return check

    def _list(self, shape: Any) -> Check:
        kinds, member = self._containers["list"], shape.member
        least = shape.metadata.get("min", 0)

        def check(value: Any) -> bool:
            if not isinstance(value, kinds) or len(value) < least:
                return False
            check_item = self.check_of(member)
            for item in value:  # noqa: SIM110 - a generator costs more than the check
                if not check_item(item):
                    return False
            return True

        return check

    def _scalar(self, shape: Any) -> Check:
        kinds = self._scalars.get(shape.type_name)
        if kinds is None:
            return _never
        least = shape.metadata.get("min")
        if least is None or shape.type_name == "boolean":
            return lambda value: isinstance(value, kinds)
        if shape.type_name == "string":
            return lambda value: isinstance(value, kinds) and len(value) >= least
        return lambda value: isinstance(value, kinds) and value >= least
