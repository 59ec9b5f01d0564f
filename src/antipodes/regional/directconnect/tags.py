"""Tags, as requests give them; some of them say what the API has no word for."""

from collections.abc import Iterable, Mapping
from typing import Any

from antipodes.regional.directconnect import joining
from antipodes.regional.directconnect.service import refused
from antipodes.service.contract import ServiceError

TAGS_MAX = 50


def given(tags: Iterable[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    """Keys and values of tags; refuse those that cannot be."""
    pairs = [(one["key"], one.get("value") or "") for one in tags]
    if len(dict(pairs)) < len(pairs):
        raise ServiceError("DuplicateTagKeysException", "A tag key was given twice.")
    check_number(pairs)
    for key, value in pairs:
        if not key or key.lower().startswith("aws:"):
            raise refused(f"Tag key '{key}' is not valid.")
        if key == joining.PREFIXES:
            _check_prefixes(value)
    return tuple(sorted(pairs))


def check_number(pairs: Iterable[tuple[str, str]]) -> None:
    """Refuse more tags than a resource may have."""
    if len(list(pairs)) > TAGS_MAX:
        raise ServiceError("TooManyTagsException", f"A resource has at most {TAGS_MAX} tags.")


def _check_prefixes(value: str) -> None:
    try:
        list(joining.announced(value))
    except ValueError as error:
        raise refused(f"The value of tag '{joining.PREFIXES}' is not valid: {error}.") from None


def shown(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """Tags, as they are shown."""
    return [{"key": key, "value": value} for key, value in pairs]
