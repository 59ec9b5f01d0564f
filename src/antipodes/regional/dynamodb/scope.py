"""What a request's placeholders stand for, and which of them were used."""

from typing import Any

from antipodes.regional.dynamodb.attributes import Item, Value, normal
from antipodes.regional.dynamodb.errors import validation
from antipodes.regional.dynamodb.grammar import Path
from antipodes.service.contract import ServiceError

Steps = tuple[str | int, ...]


class Scope:
    """The names and values of one request. Values are normalised; what is unused is refused."""

    def __init__(self, names: dict[str, str] | None, values: dict[str, Any] | None) -> None:
        if names is not None and not names:
            raise validation("ExpressionAttributeNames must not be empty")
        if values is not None and not values:
            raise validation("ExpressionAttributeValues must not be empty")
        for key in names or {}:
            if not key.startswith("#") or key in {"#", ":"}:
                raise validation(
                    f'ExpressionAttributeNames contains invalid key: Syntax error; key: "{key}"'
                )
        self._names = names or {}
        self._values = {key: _checked(key, value) for key, value in (values or {}).items()}
        self._used: dict[str, None] = {}

    def steps(self, path: Path, where: str) -> Steps:
        """Return a path with its placeholders resolved."""
        found: list[str | int] = []
        for step in path.steps:
            if isinstance(step, str) and step.startswith("#"):
                if step not in self._names:
                    raise validation(
                        f"Invalid {where}: An expression attribute name used in the document path "
                        f"is not defined; attribute name: {step}"
                    )
                self._used[step] = None
                found.append(self._names[step])
            else:
                found.append(step)
        return tuple(found)

    def value(self, name: str, where: str) -> Value:
        """Return what a value placeholder stands for."""
        if name not in self._values:
            raise validation(
                f"Invalid {where}: An expression attribute value used in expression is not "
                f"defined; attribute value: {name}"
            )
        self._used[name] = None
        return self._values[name]

    def check_used(self) -> None:
        """Refuse placeholders that no expression used."""
        for title, known in (("Names", self._names), ("Values", self._values)):
            unused = [key for key in known if key not in self._used]
            if unused:
                raise validation(
                    f"Value provided in ExpressionAttribute{title} unused in expressions: "
                    f"keys: {{{', '.join(unused)}}}"
                )


def _checked(key: str, value: Any) -> Value:
    if not key.startswith(":") or key in {"#", ":"}:
        raise validation(
            f'ExpressionAttributeValues contains invalid key: Syntax error; key: "{key}"'
        )
    try:
        return normal(value)
    except ServiceError as error:
        raise ServiceError(
            error.code,
            f"ExpressionAttributeValues contains invalid value: {error.message} for key {key}",
        ) from None


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


def check_overlaps(paths: list[Steps], where: str) -> None:
    """Refuse paths of which one is the beginning of another, or that treat one thing as two."""
    for number, one in enumerate(paths):
        for other in paths[number + 1 :]:
            short, long = sorted((one, other), key=len)
            if long[: len(short)] == short:
                raise validation(
                    f"Invalid {where}: Two document paths overlap with each other; must remove or "
                    f"rewrite one of these paths; path one: {shown(one)}, path two: {shown(other)}"
                )
            for a, b in zip(one, other, strict=False):
                if type(a) is not type(b):
                    raise validation(
                        f"Invalid {where}: Two document paths conflict with each other; must "
                        f"remove or rewrite one of these paths; path one: {shown(one)}, "
                        f"path two: {shown(other)}"
                    )
                if a != b:
                    break
