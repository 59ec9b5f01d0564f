"""Resource policies of functions: who may invoke them, as records.

Statements are kept and shown as AWS shows them; nothing asks them for permission here.
"""

import re
from typing import Any

import msgspec

from antipodes.regional.lambda_.model import constraint, invalid
from antipodes.service.contract import Request, ServiceError

POLICY_BYTES_MAX = 20 << 10

_STATEMENT_ID = re.compile(r"[a-zA-Z0-9-_]{1,100}")
_ACTION = re.compile(r"lambda:[*]|lambda:[a-zA-Z]+|[*]")
_ACCOUNT = re.compile(r"\d{12}")
Statement = dict[str, Any]


def statement(request: Request, function_arn: str) -> Statement:
    """Return the policy statement that a request for a permission means."""
    identifier, action = request["StatementId"], request["Action"]
    if _STATEMENT_ID.fullmatch(identifier) is None:
        raise constraint(
            identifier,
            "statementId",
            f"satisfy regular expression pattern: {_STATEMENT_ID.pattern}",
        )
    if _ACTION.fullmatch(action) is None:
        raise constraint(action, "action", f"satisfy regular expression pattern: {_ACTION.pattern}")
    made: Statement = {
        "Sid": identifier,
        "Effect": "Allow",
        "Principal": _principal(request["Principal"]),
        "Action": action,
        "Resource": function_arn,
    }
    if conditions := _conditions(request):
        made["Condition"] = conditions
    return made


def _principal(principal: str) -> Any:
    if principal == "*":
        return "*"
    if _ACCOUNT.fullmatch(principal):
        return {"AWS": f"arn:aws:iam::{principal}:root"}
    if principal.startswith("arn:"):
        return {"AWS": principal}
    if principal.endswith(".amazonaws.com"):
        return {"Service": principal}
    raise invalid("The provided principal was invalid. Please check the principal and try again.")


def _conditions(request: Request) -> dict[str, dict[str, str]]:
    equals: dict[str, str] = {}
    conditions: dict[str, dict[str, str]] = {}
    for member, key in (
        ("SourceAccount", "AWS:SourceAccount"),
        ("EventSourceToken", "lambda:EventSourceToken"),
        ("FunctionUrlAuthType", "lambda:FunctionUrlAuthType"),
        ("PrincipalOrgID", "aws:PrincipalOrgID"),
    ):
        if request.get(member):
            equals[key] = request[member]
    if equals:
        conditions["StringEquals"] = equals
    if request.get("SourceArn"):
        conditions["ArnLike"] = {"AWS:SourceArn": request["SourceArn"]}
    if request.get("InvokedViaFunctionUrl"):
        conditions["Bool"] = {"lambda:InvokedViaFunctionUrl": "true"}
    return conditions


def added(policy: tuple[Statement, ...], new: Statement) -> tuple[Statement, ...]:
    """Return the policy with one statement more."""
    if any(kept["Sid"] == new["Sid"] for kept in policy):
        raise ServiceError(
            "ResourceConflictException",
            f"The statement id ({new['Sid']}) provided already exists. Please provide a new "
            "statement id, or remove the existing statement.",
            409,
            Type="User",
        )
    grown = (*policy, new)
    if len(document(grown).encode()) > POLICY_BYTES_MAX:
        raise ServiceError(
            "PolicyLengthExceededException",
            f"The final policy size is bigger than the limit ({POLICY_BYTES_MAX}).",
            400,
            Type="User",
        )
    return grown


def removed(policy: tuple[Statement, ...], identifier: str) -> tuple[Statement, ...]:
    """Return the policy without a statement."""
    remaining = tuple(kept for kept in policy if kept["Sid"] != identifier)
    if len(remaining) == len(policy):
        raise ServiceError(
            "ResourceNotFoundException",
            f"Statement {identifier} is not found in resource policy.",
            404,
            Type="User",
        )
    return remaining


def no_policy() -> ServiceError:
    """Return the error for a function without a policy."""
    return ServiceError(
        "ResourceNotFoundException", "The resource you requested does not exist.", 404, Type="User"
    )


def as_json(value: Any) -> str:
    """Return JSON as text."""
    return msgspec.json.encode(value).decode()


def document(policy: tuple[Statement, ...]) -> str:
    """Return the whole policy as text."""
    return as_json({"Version": "2012-10-17", "Id": "default", "Statement": list(policy)})
