"""What a request's placeholders stand for, and which of them were used."""

import re
from collections.abc import Iterable
from typing import Any

from antipodes.regional.dynamodb.attributes import Item, Value, normal, size
from antipodes.regional.dynamodb.errors import validation
from antipodes.regional.dynamodb.syntax import Path, Used
from antipodes.service.contract import ServiceError

Steps = tuple[str | int, ...]
PLACEHOLDER_BYTES_MAX = 255
SUBSTITUTED_BYTES_MAX = 2 << 20
_NAME, _VALUE = re.compile(r"#[0-9a-zA-Z_]+"), re.compile(r":[0-9a-zA-Z_]+")


class Scope:
    """The names and values of one request. Values are normalised; what is unused is refused."""

    def __init__(self, names: dict[str, str] | None, values: dict[str, Any] | None) -> None:
        _check_keys("Names", names, _NAME)
        _check_keys("Values", values, _VALUE)
        self.names = names or {}
        self.values = {key: _checked(key, value) for key, value in (values or {}).items()}
        _check_size(self.names, self.values)
        self._used: dict[str, None] = {}

    def use(self, used: Used) -> None:
        """Note the placeholders of an expression as used."""
        self._used.update(dict.fromkeys((*used.names, *used.values)))

    def stands_for(self, used: Used) -> tuple[str | None, ...]:
        """What an expression's placeholders for names stand for, None for nothing."""
        return tuple(map(self.names.get, used.names))

    def check_used(self) -> None:
        """Refuse placeholders that no expression used."""
        for title, known in (("Names", self.names), ("Values", self.values)):
            unused = [key for key in known if key not in self._used]
            if unused:
                raise validation(
                    f"Value provided in ExpressionAttribute{title} unused in expressions: "
                    f"keys: {{{', '.join(unused)}}}"
                )


def _check_keys(title: str, given: Iterable[str] | None, pattern: re.Pattern[str]) -> None:
    if given is None:
        return
    if not given:
        raise validation(f"ExpressionAttribute{title} must not be empty")
    for key in given:
        if pattern.fullmatch(key) is None:
            raise validation(
                f'ExpressionAttribute{title} contains invalid key: Syntax error; key: "{key}"'
            )
        if len(key) > PLACEHOLDER_BYTES_MAX:
            raise validation(
                f"ExpressionAttribute{title} contains invalid key: The length of a key must not "
                f'exceed {PLACEHOLDER_BYTES_MAX} bytes; key: "{key}"'
            )


def _check_size(names: dict[str, str], values: dict[str, Value]) -> None:
    total = sum(map(size, values.values()))
    for key, name in names.items():
        if not name:
            raise validation(
                f"ExpressionAttributeNames contains invalid value: Empty attribute name for key "
                f"{key}"
            )
        total += len(name)
    if total > SUBSTITUTED_BYTES_MAX:
        raise validation(
            "The names and values that placeholders stand for have exceeded the maximum allowed "
            f"size of {SUBSTITUTED_BYTES_MAX} bytes"
        )


def _checked(key: str, value: Any) -> Value:
    try:
        return normal(value)
    except ServiceError as error:
        raise ServiceError(
            error.code,
            f"ExpressionAttributeValues contains invalid value: {error.message} for key {key}",
        ) from None


class Names:
    """What the placeholders of one expression stand for; it may be nothing."""

    def __init__(self, used: Used, stand_for: tuple[str | None, ...]) -> None:
        self._known = dict(zip(used.names, stand_for, strict=True))

    def undefined(self, path: Path) -> str | None:
        """The first placeholder of a path that stands for nothing."""
        for step in path.steps:
            if isinstance(step, str) and step[0] == "#" and self._known.get(step) is None:
                return step
        return None

    def steps(self, path: Path) -> Steps:
        """A path with its placeholders resolved."""
        return tuple(
            (self._known.get(step) or step) if isinstance(step, str) else step
            for step in path.steps
        )


def undefined_name(where: str, name: str) -> ServiceError:
    """The error for a placeholder of a name that nothing was given for."""
    return validation(
        f"Invalid {where}: An expression attribute name used in the document path is not defined; "
        f"attribute name: {name}"
    )


def undefined_value(where: str, name: str) -> ServiceError:
    """The error for a placeholder of a value that nothing was given for."""
    return validation(
        f"Invalid {where}: An expression attribute value used in expression is not defined; "
        f"attribute value: {name}"
    )


def get(item: Item, steps: Steps) -> Value | None:
    """Return the value at a document path, or None."""
    value: Value | None = {"M": item}
    for step in steps:
        if value is None:
            return None
        if isinstance(step, str):
            value = value["M"].get(step) if "M" in value else None
        else:
            members = value.get("L")
            value = members[step] if members is not None and step < len(members) else None
    return value


def shown(steps: Steps) -> str:
    """A path as AWS shows it: [a, b, [0]]."""
    return "[" + ", ".join(f"[{s}]" if isinstance(s, int) else s for s in steps) + "]"


class _Branch:
    """A step that paths share: the first of them, and the one that ends here."""

    __slots__ = ("end", "first", "kids")

    def __init__(self, first: Steps) -> None:
        self.first = first
        self.end: Steps | None = None
        self.kids: dict[str | int, _Branch] = {}


def check_overlaps(paths: Iterable[Steps], where: str) -> None:
    """Refuse paths of which one is the beginning of another, or that treat one thing as two."""
    root = _Branch(())
    conflict: tuple[Steps, Steps] | None = None
    for path in paths:
        branch = root
        for step in path:
            kid = branch.kids.get(step)
            if kid is None:
                other = next(iter(branch.kids), step)
                if conflict is None and type(other) is not type(step):
                    conflict = branch.kids[other].first, path
                kid = branch.kids[step] = _Branch(path)
            elif kid.end is not None:
                raise _clash("overlap", kid.end, path, where)
            branch = kid
        if branch.kids:
            raise _clash("overlap", branch.first, path, where)
        branch.end = path
    if conflict is not None:
        raise _clash("conflict", *conflict, where)


def _clash(how: str, one: Steps, other: Steps, where: str) -> ServiceError:
    return validation(
        f"Invalid {where}: Two document paths {how} with each other; must remove or rewrite one of "
        f"these paths; path one: {shown(one)}, path two: {shown(other)}"
    )
