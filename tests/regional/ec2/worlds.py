"""A region's EC2 through boto3, and how its refusals are read."""

from typing import Any

import pytest
from botocore.exceptions import ClientError


def named(name: str, *values: str) -> list[dict[str, Any]]:
    """One filter."""
    return [{"Name": name, "Values": list(values)}]


def refusal(function: Any, **request: Any) -> str:
    """The code of the error that a call ends with."""
    with pytest.raises(ClientError) as caught:
        function(**request)
    code: str = caught.value.response["Error"]["Code"]
    return code


def tagged(kind: str, **tags: str) -> list[dict[str, Any]]:
    """Tags for what a request makes."""
    return [
        {"ResourceType": kind, "Tags": [{"Key": key, "Value": tags[key]} for key in tags]},
    ]
