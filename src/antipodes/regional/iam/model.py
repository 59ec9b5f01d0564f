"""Roles and policies, and what is wrong with a policy document."""

import base64
import hashlib
import re
from typing import Any
from urllib.parse import quote

import msgspec

from antipodes.service.contract import Response, ServiceError

ATTACHED_MAX = 10
TRUST_LENGTH_MAX = 2_048
POLICY_LENGTH_MAX = 6_144
INLINE_LENGTH_MAX = 10_240  # of all inline policies of a role together
SESSION_S_DEFAULT = 3_600
VERSIONS = ("2012-10-17", "2008-10-17")
AWS_POLICIES = "arn:aws:iam::aws:policy/"
_POLICY_ARN = re.compile(
    r"arn:aws:iam::(aws|[0-9]{12}):policy/([!-~]+/)?[\w+=,.@-]{1,128}", re.ASCII
)


class Role(msgspec.Struct, frozen=True):
    """A role of an account."""

    account: str
    name: str
    path: str
    trust: str
    created_at: float
    description: str = ""
    session_s_max: int = SESSION_S_DEFAULT
    boundary: str = ""
    tags: dict[str, str] = {}
    attached: tuple[str, ...] = ()
    inline: dict[str, str] = {}

    @property
    def arn(self) -> str:
        """The role's ARN."""
        return f"arn:aws:iam::{self.account}:role{self.path}{self.name}"


class Policy(msgspec.Struct, frozen=True):
    """A customer-managed policy."""

    account: str
    name: str
    path: str
    document: str
    created_at: float
    description: str = ""
    tags: dict[str, str] = {}

    @property
    def arn(self) -> str:
        """The policy's ARN."""
        return f"arn:aws:iam::{self.account}:policy{self.path}{self.name}"


def unique_id(prefix: str, kind: str, account: str, name: str) -> str:
    """Return an entity's id; sts derives a role's in the same way, so neither asks the other."""
    digest = hashlib.sha256(f"{kind} {account}/{name}".encode()).digest()
    return prefix + base64.b32encode(digest).decode()[:17]


def no_such(message: str) -> ServiceError:
    """Return the error for what is not there."""
    return ServiceError("NoSuchEntity", message, 404)


def no_such_role(name: str) -> ServiceError:
    """Return the error for a role that is not there."""
    return no_such(f"The role with name {name} cannot be found.")


def exists_already(message: str) -> ServiceError:
    """Return the error for a name that is taken."""
    return ServiceError("EntityAlreadyExists", message, 409)


def delete_conflict(message: str) -> ServiceError:
    """Return the error for what is still in use."""
    return ServiceError("DeleteConflict", message, 409)


def limit_exceeded(message: str) -> ServiceError:
    """Return the error for a quota."""
    return ServiceError("LimitExceeded", message, 409)


def check_policy_arn(arn: str) -> None:
    """Refuse what is no policy's ARN."""
    if _POLICY_ARN.fullmatch(arn) is None:
        raise ServiceError("InvalidInput", f"ARN {arn} is not valid.")


def tags_of(request: dict[str, Any]) -> dict[str, str]:
    """Return the tags of a request as a dictionary."""
    tags: dict[str, str] = {}
    for tag in request.get("Tags") or []:
        if tag["Key"] in tags:
            raise ServiceError("InvalidInput", "Duplicate tag keys found.")
        tags[tag["Key"]] = tag["Value"]
    return tags


# Documents.


def check_trust(document: str) -> None:
    """Refuse a document that is no trust policy."""
    _check_length(document, TRUST_LENGTH_MAX, "ACLSizePerRole")
    for statement in _statements(document):
        if "Resource" in statement or "NotResource" in statement:
            raise _malformed("Has prohibited field Resource")
        if "Principal" not in statement and "NotPrincipal" not in statement:
            raise _malformed("AssumeRole policy must contain principals.")


def check_policy(document: str) -> None:
    """Refuse a document that is no permissions policy."""
    _check_length(document, POLICY_LENGTH_MAX, "PolicySize")
    for statement in _statements(document):
        if "Principal" in statement or "NotPrincipal" in statement:
            raise _malformed("Policy document should not specify a principal.")
        if "Resource" not in statement and "NotResource" not in statement:
            raise _malformed("Policy statement must contain resources.")


def check_inline(policies: dict[str, str]) -> None:
    """Refuse more text than fits a role."""
    if sum(_length(document) for document in policies.values()) > INLINE_LENGTH_MAX:
        raise limit_exceeded(
            f"Maximum policy size of {INLINE_LENGTH_MAX} bytes exceeded for role policies"
        )


def _length(document: str) -> int:
    """White space does not count (reference_iam-quotas)."""
    return len("".join(document.split()))


def _check_length(document: str, limit: int, quota: str) -> None:
    if _length(document) > limit:
        raise limit_exceeded(f"Cannot exceed quota for {quota}: {limit}")


def _statements(document: str) -> list[dict[str, Any]]:
    try:
        policy = msgspec.json.decode(document)
    except (msgspec.DecodeError, RecursionError):
        raise _malformed("This policy contains invalid Json") from None
    if not isinstance(policy, dict):
        raise _malformed("Syntax errors in policy.")
    if policy.get("Version", VERSIONS[0]) not in VERSIONS:
        raise _malformed("Policy document must be version 2012-10-17 or greater.")
    statements = policy.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        raise _malformed("Syntax errors in policy.")
    for statement in statements:
        if not isinstance(statement, dict) or statement.get("Effect") not in {"Allow", "Deny"}:
            raise _malformed("Syntax errors in policy.")
        if "Action" not in statement and "NotAction" not in statement:
            raise _malformed("Policy statement must contain actions.")
    return statements


def _malformed(message: str) -> ServiceError:
    return ServiceError("MalformedPolicyDocument", message)


# Descriptions.


def describe_role(role: Role, *, whole: bool = True) -> Response:
    """Return a role in the shape of the API; lists leave out what is not `whole`."""
    response: Response = {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": unique_id("AROA", "role", role.account, role.name),
        "Arn": role.arn,
        "CreateDate": role.created_at,
        "AssumeRolePolicyDocument": quote(role.trust, safe=""),
        "MaxSessionDuration": role.session_s_max,
    }
    if role.description:
        response["Description"] = role.description
    if whole and role.boundary:
        response["PermissionsBoundary"] = {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": role.boundary,
        }
    if whole and role.tags:
        response["Tags"] = _tags(role.tags)
    if whole:
        response["RoleLastUsed"] = {}
    return response


def describe_policy(policy: Policy, attachments: int, *, whole: bool = True) -> Response:
    """Return a policy in the shape of the API."""
    response: Response = {
        "PolicyName": policy.name,
        "PolicyId": unique_id("ANPA", "policy", policy.account, policy.name),
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": "v1",
        "AttachmentCount": attachments,
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": True,
        "CreateDate": policy.created_at,
        "UpdateDate": policy.created_at,
    }
    if whole and policy.description:
        response["Description"] = policy.description
    if whole and policy.tags:
        response["Tags"] = _tags(policy.tags)
    return response


def describe_version(policy: Policy) -> Response:
    """Return a policy's one version."""
    return {
        "Document": quote(policy.document, safe=""),
        "VersionId": "v1",
        "IsDefaultVersion": True,
        "CreateDate": policy.created_at,
    }


def _tags(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
