"""Resource policies, as records: kept, shown and told apart, and judged by nobody.

Two documents are the same policy if they say the same, whatever their spacing, the order of their
members, or a single action in a list. Revisions are the times of changes. Wording as observed of
AWS (ack-api-quirks, services/dynamodb, DDB-TABLE-205 to 214, 351 to 356, 442).
"""

from typing import Any

import orjson

from antipodes.regional.dynamodb.errors import invalid_value, validation
from antipodes.regional.dynamodb.features import Policy
from antipodes.service.contract import ServiceError

BYTES_MAX = 20_480
VERSION = "2008-10-17"  # of a document that names none
NONE = "NO_POLICY"
_MEMBERS = (
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
)


def canonical(document: str) -> str:
    """The document in the form in which it is kept and shown, checked."""
    if len(document.encode()) > BYTES_MAX:
        raise invalid_value(f"Maximum policy size of {BYTES_MAX} bytes exceeded")
    try:
        told = orjson.loads(document)
    except orjson.JSONDecodeError:
        told = None
    if not isinstance(told, dict):
        raise _invalid("This policy contains invalid Json")
    statements = told.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        raise _invalid("Could not parse the policy: Statement is empty!")
    kept = [_statement(statement) for statement in statements]
    names = [statement["Sid"] for statement in kept if "Sid" in statement]
    if any(name in names[:number] for number, name in enumerate(names)):
        raise _invalid("The Statement Ids in the policy are not unique")
    head = {"Version": told.get("Version", VERSION)}
    if "Id" in told:
        head["Id"] = told["Id"]
    try:
        return orjson.dumps({**head, "Statement": kept}).decode()
    except TypeError:  # nested deeper than can be written
        raise _invalid("This policy contains invalid Json") from None


def _statement(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise _invalid("Could not parse the policy: Statement is empty!")
    for name in ("Effect", "Principal", "Action", "Resource"):
        if name not in given and f"Not{name}" not in given:
            raise _invalid(f"Missing required field {name}")
    unknown = sorted(given.keys() - {*_MEMBERS})
    if unknown or str(given["Effect"]).capitalize() not in {"Allow", "Deny"}:
        raise _invalid(f"Unknown {f'field {unknown[0]}' if unknown else 'Effect'}")
    found = {name: _single(given[name]) for name in _MEMBERS if name in given}
    found["Effect"] = str(given["Effect"]).capitalize()
    if found["Effect"] == "Allow" and "Condition" not in found:
        principal = found.get("Principal")
        if principal == "*" or (isinstance(principal, dict) and "*" in principal.values()):
            raise validation(
                "Resource-based policy grants unbounded access in one or more elements. Please "
                "revise the policy to ensure least-privilege form of access"
            )
    return found


def _single(value: Any) -> Any:
    """A list of one thing as the thing."""
    if isinstance(value, list) and len(value) == 1:
        return value[0]
    if isinstance(value, dict):
        return {name: _single(part) for name, part in value.items()}
    return value


def _invalid(what: str) -> ServiceError:
    return invalid_value(f"Invalid policy document: {what}")


def put(present: Policy | None, document: str, now: float) -> Policy:
    """The policy after a PutResourcePolicy: the present one if it says the same."""
    kept = canonical(document)
    if present is not None and present.document == kept:
        return present
    return Policy(kept, next_revision(present, now))


def next_revision(present: Policy | None, now: float) -> str:
    """The revision of a change: its time in milliseconds, and later than the one before."""
    return str(max(int(now * 1000), 0 if present is None else int(present.revision) + 1))


def check_revision(present: Policy | None, expected: str | None, arn: str) -> None:
    """Refuse a change that expects another policy than there is."""
    if expected is None:
        return
    if present is None and expected != NONE:
        raise not_found(arn)
    if present is not None and present.revision != expected:
        raise not_found(f"{arn}. The expected revision id {expected} did not match")


def not_found(arn: str) -> ServiceError:
    """The error for a resource that has no policy, or another one."""
    return ServiceError(
        "PolicyNotFoundException",
        f"Resource-based policy not found for the provided ResourceArn: {arn}",
    )
