"""Policy documents in IAM's language, as VPC endpoints have them: what they allow.

A request is allowed if a statement that fits allows it, and none that fits denies it. What cannot
be judged here is refused when a document is set: principals other than AWS's accounts, roles and
sessions, policy variables, and conditions but a few on strings. A session does not tell its role's
path, so the role's name decides.

Source: IAM User Guide, "IAM JSON policy elements reference", "Policy evaluation logic".
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

ACCOUNT, VPC, ENDPOINT = "aws:principalaccount", "aws:sourcevpc", "aws:sourcevpce"
_ROOT = re.compile(r"arn:aws:iam::(\d{12}):root|(\d{12})")
_ROLE = re.compile(r"arn:aws:iam::(\d{12}):role/(?:.+/)?([^/]+)")
_SESSION = re.compile(r"arn:aws:sts::(\d{12}):assumed-role/([^/]+)/[^/]+")
_VARIABLE = "${"
_DOCUMENTS_MAX, _PATTERNS_MAX = 256, 4096
_MEMBERS = frozenset(
    {"Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)


class Asked(NamedTuple):
    """What somebody asks for; `context` are the values of condition keys, in lower case."""

    account: str
    principal: str  # an ARN; the account itself if empty
    action: str
    resource: str
    context: Mapping[str, str]


@lru_cache(_PATTERNS_MAX)
def _pattern(text: str) -> re.Pattern[str]:
    parts = (".*" if one == "*" else "." if one == "?" else re.escape(one) for one in text)
    return re.compile("".join(parts), re.DOTALL)


def _is_like(value: str, pattern: str) -> bool:
    return _pattern(pattern).fullmatch(value) is not None


# Whether a key's value is what a condition wants of it, given one of its values; and if any must.
_OPERATORS: dict[str, tuple[Callable[[str, str], bool], bool]] = {
    "StringEquals": (str.__eq__, True),
    "StringNotEquals": (str.__eq__, False),
    "StringLike": (_is_like, True),
    "StringNotLike": (_is_like, False),
}


def problem(text: str) -> str:
    """Why a document, JSON with statements, cannot be judged; "" if it can."""
    for statement in _statements(text):
        found = _problem_of(statement)
        if found:
            return found
    return ""


def _problem_of(statement: Any) -> str:
    if not isinstance(statement, dict) or statement.get("Effect") not in {"Allow", "Deny"}:
        return "A statement must have the Effect Allow or Deny."
    unknown = [one for one in statement if one not in _MEMBERS]
    if unknown:
        return f"{unknown[0]} is not offered in a statement here."
    for one, other in (("Action", "NotAction"), ("Resource", "NotResource")):
        values = _listed(statement.get(one, statement.get(other)))
        if (one in statement) == (other in statement) or not _are_texts(values):
            return f"A statement must have either {one} or {other}, with strings."
        if any(_VARIABLE in value for value in values):
            return "Policy variables are not offered here."
    return _problem_of_principal(statement.get("Principal")) or _problem_of_conditions(
        statement.get("Condition", {})
    )


def _problem_of_principal(principal: Any) -> str:
    if principal == "*":
        return ""
    if not isinstance(principal, dict) or list(principal) != ["AWS"]:
        return 'A statement must have a Principal, which can be "*" or AWS here.'
    for one in _listed(principal["AWS"]):
        known = isinstance(one, str) and (
            one == "*" or any(form.fullmatch(one) for form in (_ROOT, _ROLE, _SESSION))
        )
        if not known:
            return f"The principal {one} is no account, role or session of one."
    return ""


def _problem_of_conditions(conditions: Any) -> str:
    if not isinstance(conditions, dict):
        return "A Condition must be an object."
    for operator, keys in conditions.items():
        if operator not in _OPERATORS or not isinstance(keys, dict):
            return f"The condition operator {operator} is not offered here."
        for key, values in keys.items():
            if key.lower() not in {ACCOUNT, VPC, ENDPOINT}:
                return f"The condition key {key} is not offered here."
            if not _are_texts(_listed(values)) or any(_VARIABLE in one for one in _listed(values)):
                return f"The condition key {key} must have plain strings."
    return ""


def allows(text: str, asked: Asked) -> bool:
    """Whether a document allows what is asked for; what cannot be judged allows nothing."""
    allowed = False
    for statement in _statements(text):
        if _problem_of(statement):
            return False
        if _fits(statement, asked):
            if statement["Effect"] == "Deny":
                return False
            allowed = True
    return allowed


def _fits(statement: dict[str, Any], asked: Asked) -> bool:
    action = asked.action.lower()
    if "Action" in statement:
        if not any(_is_like(action, one.lower()) for one in _listed(statement["Action"])):
            return False
    elif any(_is_like(action, one.lower()) for one in _listed(statement["NotAction"])):
        return False
    if "Resource" in statement:
        if not any(_is_like(asked.resource, one) for one in _listed(statement["Resource"])):
            return False
    elif any(_is_like(asked.resource, one) for one in _listed(statement["NotResource"])):
        return False
    return _is_principal(statement["Principal"], asked) and all(
        _holds(operator, asked.context.get(key.lower(), ""), _listed(values))
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    )


def _holds(operator: str, value: str, wanted: list[str]) -> bool:
    matches, expected = _OPERATORS[operator]
    return any(matches(value, one) for one in wanted) is expected


def _is_principal(principal: Any, asked: Asked) -> bool:
    if principal == "*":
        return True
    return any(one == "*" or _is_one(one, asked) for one in _listed(principal["AWS"]))


def _is_one(named: str, asked: Asked) -> bool:
    whole, role = _ROOT.fullmatch(named), _ROLE.fullmatch(named)
    if whole is not None:
        return asked.account in whole.groups()
    if role is None:
        return named == asked.principal
    session = _SESSION.fullmatch(asked.principal)
    return session is not None and session.groups() == role.groups()


@lru_cache(_DOCUMENTS_MAX)
def _statements(text: str) -> list[Any]:
    return _listed(json.loads(text)["Statement"])


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _are_texts(values: list[Any]) -> bool:
    return bool(values) and all(isinstance(one, str) for one in values)
