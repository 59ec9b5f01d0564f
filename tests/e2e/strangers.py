"""What the tests of a stranger share: fresh tables, and refusals as a client sees them."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

_numbers = itertools.count(1)
ON_DEMAND = {"BillingMode": "PAY_PER_REQUEST"}
VALIDATION = "ValidationException"


class Refusal(NamedTuple):
    """What a client reads of an error."""

    code: str
    message: str
    status: int


def refusal(call: Callable[..., Any], **request: Any) -> Refusal:
    """Make a call that has to be refused."""
    try:
        answer = call(**request)
    except ClientError as error:
        told = error.response["Error"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return Refusal(told["Code"], told["Message"], status)
    raise AssertionError(f"not refused: {answer}")


def invalid(call: Callable[..., Any], **request: Any) -> str:
    """Make a call that has to be refused as invalid; return what was said."""
    code, message, status = refusal(call, **request)
    assert (code, status) == (VALIDATION, 400), (code, message)
    return message


def answer(call: Callable[..., Any], **request: Any) -> dict[str, Any]:
    """A call's answer without the client's own part."""
    found = dict(call(**request))
    assert found.pop("ResponseMetadata")["HTTPStatusCode"] == 200
    return found


def keys(hash_type: str = "S", sort_type: str = "", **others: str) -> dict[str, Any]:
    """The key schema of a table with a key `p` (and `c`), and further attributes of indexes."""
    names = {"p": hash_type, **({"c": sort_type} if sort_type else {})}
    defined = {**names, **others}
    return {
        "KeySchema": schema(*names),
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": kind} for name, kind in defined.items()
        ],
    }


def schema(*names: str) -> list[dict[str, str]]:
    """A key schema."""
    kinds = ("HASH", "RANGE")
    return [
        {"AttributeName": name, "KeyType": kind}
        for name, kind in zip(names, kinds[: len(names)], strict=True)
    ]


def index(name: str, *names: str, kind: str = "ALL", include: tuple[str, ...] = ()) -> Any:
    """A secondary index as CreateTable takes it."""
    projection: dict[str, Any] = {"ProjectionType": kind}
    if include:
        projection["NonKeyAttributes"] = list(include)
    return {"IndexName": name, "KeySchema": schema(*names), "Projection": projection}


def fresh(client: Any, hash_type: str = "S", sort_type: str = "", **more: Any) -> str:
    """Make a table that no other test has seen; return its name."""
    name = f"stranger-{next(_numbers)}"
    others = more.pop("others", {})
    request = {**keys(hash_type, sort_type, **others), **ON_DEMAND, **more}
    client.create_table(TableName=name, **request)
    client.get_waiter("table_exists").wait(TableName=name)
    return name


def text(value: str) -> dict[str, str]:
    """A string."""
    return {"S": value}


def number(value: str | int) -> dict[str, str]:
    """A number."""
    return {"N": str(value)}


def values(**given: Mapping[str, Any]) -> dict[str, Any]:
    """ExpressionAttributeValues."""
    return {f":{name}": value for name, value in given.items()}
