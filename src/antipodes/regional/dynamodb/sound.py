"""Whether a request is well formed beyond doubt, so that the model need not be asked.

What is sound here, reading by the model would give back as it is and validation by the model would
have nothing to say against. All else (null members, numbers where there should be text, members of
other times, very long names) is left to the model, right or wrong.
"""

from collections.abc import Callable
from typing import Any

from antipodes.regional.dynamodb.plain import NAME_CHARACTERS_MAX, Unusual, plain_size

_EXPRESSION_CHARACTERS_MAX = 4096
_COUNT_MAX = (1 << 31) - 1
_KEYS_MAX, _WRITES_MAX = 100, 25
_CAPACITY = ("NONE", "TOTAL", "INDEXES")
_OLD = ("NONE", "ALL_OLD")
_RETURNS = ("NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW")
_SELECT = ("ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES", "SPECIFIC_ATTRIBUTES", "COUNT")

Check = Callable[[Any], bool]


def _text(value: Any) -> bool:
    return type(value) is str and 0 < len(value) <= NAME_CHARACTERS_MAX


def _index_name(value: Any) -> bool:
    return _text(value) and len(value) > 2 and value.isascii() and value.isidentifier()  # noqa: PLR2004 - at least three characters


def _expression(value: Any) -> bool:
    return type(value) is str and len(value) <= _EXPRESSION_CHARACTERS_MAX


def _flag(value: Any) -> bool:
    return type(value) is bool


def _count(value: Any) -> bool:
    return type(value) is int and 0 < value <= _COUNT_MAX


def _names(value: Any) -> bool:
    return type(value) is dict and all(_text(name) for name in value.values())


def _plain(value: Any) -> bool:
    try:
        plain_size(value)
    except Unusual:
        return False
    return True


def _of_members(value: Any, members: dict[str, Check], *required: str) -> bool:
    """Whether a value is a structure of such members."""
    if type(value) is not dict:
        return False
    for name, given in value.items():
        check = members.get(name)
        if check is None or not check(given):
            return False
    return all(name in value for name in required)


def _by_table(check: Check) -> Check:
    def checked(value: Any) -> bool:
        if type(value) is not dict or not value:
            return False
        return all(_text(name) and check(part) for name, part in value.items())

    return checked


def _keys(value: Any) -> bool:
    return type(value) is list and 0 < len(value) <= _KEYS_MAX and all(map(_plain, value))


def _writes(value: Any) -> bool:
    if type(value) is not list or not 0 < len(value) <= _WRITES_MAX:
        return False
    for write in value:
        if type(write) is not dict or len(write) != 1:
            return False
        for name, part in write.items():
            member = {"PutRequest": "Item", "DeleteRequest": "Key"}.get(name)
            if member is None or not _of_members(part, {member: _plain}, member):
                return False
    return True


def _one_of(choices: tuple[str, ...]) -> Check:
    return lambda value: type(value) is str and value in choices


_EXPRESSIONS: dict[str, Check] = {
    "ExpressionAttributeNames": _names,
    "ReturnConsumedCapacity": _one_of(_CAPACITY),
    "TableName": _text,
}
_READ: dict[str, Check] = _EXPRESSIONS | {
    "ConsistentRead": _flag,
    "ProjectionExpression": _expression,
}
_WRITE: dict[str, Check] = _EXPRESSIONS | {
    "ConditionExpression": _expression,
    "ExpressionAttributeValues": _plain,
    "ReturnValues": _one_of(_RETURNS),
    "ReturnValuesOnConditionCheckFailure": _one_of(_OLD),
}
_PAGE: dict[str, Check] = _READ | {
    "ExclusiveStartKey": _plain,
    "ExpressionAttributeValues": _plain,
    "FilterExpression": _expression,
    "IndexName": _index_name,
    "Limit": _count,
    "Select": _one_of(_SELECT),
}
_KEYS: dict[str, Check] = {
    "ConsistentRead": _flag,
    "ExpressionAttributeNames": _names,
    "Keys": _keys,
    "ProjectionExpression": _expression,
}
# By operation: the members that are looked at, and what each must be.
MEMBERS: dict[str, dict[str, Check]] = {
    "BatchGetItem": {
        "RequestItems": _by_table(lambda part: _of_members(part, _KEYS, "Keys")),
        "ReturnConsumedCapacity": _one_of(_CAPACITY),
    },
    "BatchWriteItem": {
        "RequestItems": _by_table(_writes),
        "ReturnConsumedCapacity": _one_of(_CAPACITY),
    },
    "DeleteItem": _WRITE | {"Key": _plain},
    "GetItem": _READ | {"Key": _plain},
    "PutItem": _WRITE | {"Item": _plain},
    "Query": _PAGE | {"KeyConditionExpression": _expression, "ScanIndexForward": _flag},
    "Scan": _PAGE,
    "UpdateItem": _WRITE | {"Key": _plain, "UpdateExpression": _expression},
}
_REQUIRED = {
    "BatchGetItem": ("RequestItems",),
    "BatchWriteItem": ("RequestItems",),
    "DeleteItem": ("TableName", "Key"),
    "GetItem": ("TableName", "Key"),
    "PutItem": ("TableName", "Item"),
    "Query": ("TableName",),
    "Scan": ("TableName",),
    "UpdateItem": ("TableName", "Key"),
}


def is_sound(operation: str, request: dict[str, Any]) -> bool:
    """Whether a request is certainly well formed."""
    return _of_members(request, MEMBERS[operation], *_REQUIRED[operation])
