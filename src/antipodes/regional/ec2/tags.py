"""Tags, as requests give them."""

from collections.abc import Mapping, Sequence
from typing import Any

from antipodes.regional.ec2 import programs, sitetags
from antipodes.service.contract import ServiceError

TAGS_MAX = 50
TAG_KEY_LENGTH_MAX = 128
TAG_VALUE_LENGTH_MAX = 256


def tags_given(specifications: Sequence[Mapping[str, Any]], kind: str) -> dict[str, str]:
    """Return the tags that a request gives to what it makes; refuse those for something else."""
    tags: dict[str, str] = {}
    for one in specifications:
        if one.get("ResourceType") != kind:
            raise ServiceError(
                "InvalidParameterValue",
                f"'{one.get('ResourceType')}' is not a valid taggable resource type for this "
                "operation.",
            )
        for key, value in pairs(one.get("Tags") or []):
            if key in tags:
                raise ServiceError("InvalidParameterValue", f"Duplicate tag key '{key}' specified.")
            tags[key] = value
    check_number(tags)
    return tags


def pairs(tags: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Keys and values of tags; refuse those that cannot be."""
    found = []
    for tag in tags:
        key, value = tag.get("Key") or "", tag.get("Value") or ""
        if not key or key.lower().startswith("aws:") or len(key) > TAG_KEY_LENGTH_MAX:
            raise ServiceError("InvalidParameterValue", f"Tag key '{key}' is not valid.")
        if len(value) > TAG_VALUE_LENGTH_MAX:
            raise ServiceError("InvalidParameterValue", f"The value of tag '{key}' is too long.")
        sitetags.check(key, value)
        programs.check(key, value)
        found.append((key, value))
    return found


def check_number(tags: Mapping[str, str]) -> None:
    """Refuse more tags than a resource may have."""
    if len(tags) > TAGS_MAX:
        raise ServiceError("TagLimitExceeded", f"A resource has at most {TAGS_MAX} tags.")


def shown(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags, as they are shown."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
