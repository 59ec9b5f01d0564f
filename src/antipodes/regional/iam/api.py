"""IAM's API, 2010-05-08: one thin function per operation."""

import re
from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from antipodes.regional.iam import model
from antipodes.regional.iam.model import Policy, Role
from antipodes.service.contract import (
    Call,
    Host,
    Operations,
    Request,
    Response,
    Service,
    ServiceError,
)
from antipodes.service.records import Records

operations = Operations()

PAGE_MAX = 100
_DIGITS = re.compile(r"[0-9]{1,9}")
T = TypeVar("T")


class Iam(Service):
    """AWS Identity and Access Management, for all regions."""

    name = "iam"
    operations = operations
    home = "us-east-1"

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.roles = Records(host.store, "iam/role", Role)
        self.policies = Records(host.store, "iam/policy", Policy)

    def role(self, call: Call, request: Request) -> Role:
        """Return the role a request names."""
        role = self.roles.get(call.account, _key(request["RoleName"]))
        if role is None:
            raise model.no_such_role(request["RoleName"])
        return role

    def change(self, role: Role, **fields: Any) -> None:
        """Replace a role's record."""
        changed = msgspec.structs.replace(role, **fields)
        self.roles.put(role.account, _key(role.name), changed)

    def policy(self, call: Call, arn: str) -> Policy:
        """Return the account's policy of that ARN."""
        model.check_policy_arn(arn)
        policy = self.policies.get(call.account, _key(arn.rpartition("/")[2]))
        if policy is None or policy.arn != arn:
            raise model.no_such(f"Policy {arn} was not found.")
        return policy

    def attachments(self, policy: Policy) -> int:
        """How many roles a policy is attached to."""
        return sum(policy.arn in role.attached for role in self.roles.list(policy.account))


def _key(name: str) -> str:
    """Names are told apart without regard to case."""
    return name.lower()


def _page(items: Sequence[T], request: Request) -> tuple[Sequence[T], Response]:
    """Return the items of a page, and the members that lead to the next."""
    marker = request.get("Marker") or "0"
    if _DIGITS.fullmatch(marker) is None:
        raise ServiceError("ValidationError", "Invalid Marker.")
    start = int(marker)
    end = start + (request.get("MaxItems") or PAGE_MAX)
    if end < len(items):
        return items[start:end], {"IsTruncated": True, "Marker": str(end)}
    return items[start:], {"IsTruncated": False}


# Roles.


@operations("CreateRole")
def create_role(service: Iam, call: Call, request: Request) -> Response:
    name = request["RoleName"]
    model.check_trust(request["AssumeRolePolicyDocument"])
    if service.roles.get(call.account, _key(name)) is not None:
        raise model.exists_already(f"Role with name {name} already exists.")
    if request.get("PermissionsBoundary"):
        model.check_policy_arn(request["PermissionsBoundary"])
    role = Role(
        account=call.account,
        name=name,
        path=request.get("Path") or "/",
        trust=request["AssumeRolePolicyDocument"],
        created_at=service.host.runtime.wall(),
        description=request.get("Description") or "",
        session_s_max=request.get("MaxSessionDuration") or model.SESSION_S_DEFAULT,
        boundary=request.get("PermissionsBoundary") or "",
        tags=model.tags_of(request),
    )
    service.roles.put(call.account, _key(name), role)
    return {"Role": model.describe_role(role)}


@operations("GetRole")
def get_role(service: Iam, call: Call, request: Request) -> Response:
    return {"Role": model.describe_role(service.role(call, request))}


@operations("ListRoles")
def list_roles(service: Iam, call: Call, request: Request) -> Response:
    prefix = request.get("PathPrefix") or "/"
    roles = [role for role in service.roles.list(call.account) if role.path.startswith(prefix)]
    page, more = _page(roles, request)
    return {"Roles": [model.describe_role(role, whole=False) for role in page], **more}


@operations("DeleteRole")
def delete_role(service: Iam, call: Call, request: Request) -> Response:
    role = service.role(call, request)
    if role.attached:
        raise model.delete_conflict("Cannot delete entity, must detach all policies first.")
    if role.inline:
        raise model.delete_conflict("Cannot delete entity, must delete policies first.")
    service.roles.delete(call.account, _key(role.name))
    return {}


@operations("UpdateAssumeRolePolicy")
def update_assume_role_policy(service: Iam, call: Call, request: Request) -> Response:
    role = service.role(call, request)
    model.check_trust(request["PolicyDocument"])
    service.change(role, trust=request["PolicyDocument"])
    return {}


# Attached policies.


@operations("AttachRolePolicy")
def attach_role_policy(service: Iam, call: Call, request: Request) -> Response:
    role, arn = service.role(call, request), request["PolicyArn"]
    model.check_policy_arn(arn)
    if not arn.startswith(model.AWS_POLICIES):
        try:
            service.policy(call, arn)
        except ServiceError:
            raise model.no_such(f"Policy {arn} does not exist or is not attachable.") from None
    if arn in role.attached:
        return {}
    if len(role.attached) >= model.ATTACHED_MAX:
        raise model.limit_exceeded(f"Cannot exceed quota for PoliciesPerRole: {model.ATTACHED_MAX}")
    service.change(role, attached=(*role.attached, arn))
    return {}


@operations("DetachRolePolicy")
def detach_role_policy(service: Iam, call: Call, request: Request) -> Response:
    role, arn = service.role(call, request), request["PolicyArn"]
    if arn not in role.attached:
        raise model.no_such(f"Policy {arn} was not found.")
    service.change(role, attached=tuple(kept for kept in role.attached if kept != arn))
    return {}


@operations("ListAttachedRolePolicies")
def list_attached_role_policies(service: Iam, call: Call, request: Request) -> Response:
    prefix = request.get("PathPrefix") or "/"
    attached = [
        {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn}
        for arn in service.role(call, request).attached
        if _path(arn).startswith(prefix)
    ]
    page, more = _page(attached, request)
    return {"AttachedPolicies": list(page), **more}


def _path(arn: str) -> str:
    return arn[arn.index("/") : arn.rindex("/") + 1]


# Inline policies.


@operations("PutRolePolicy")
def put_role_policy(service: Iam, call: Call, request: Request) -> Response:
    role = service.role(call, request)
    model.check_policy(request["PolicyDocument"])
    inline = {**role.inline, request["PolicyName"]: request["PolicyDocument"]}
    model.check_inline(inline)
    service.change(role, inline=inline)
    return {}


def _inline(service: Iam, call: Call, request: Request) -> tuple[Role, str]:
    role, name = service.role(call, request), request["PolicyName"]
    if name not in role.inline:
        raise model.no_such(f"The role policy with name {name} cannot be found.")
    return role, name


@operations("GetRolePolicy")
def get_role_policy(service: Iam, call: Call, request: Request) -> Response:
    role, name = _inline(service, call, request)
    document = quote(role.inline[name], safe="")
    return {"RoleName": role.name, "PolicyName": name, "PolicyDocument": document}


@operations("ListRolePolicies")
def list_role_policies(service: Iam, call: Call, request: Request) -> Response:
    page, more = _page(sorted(service.role(call, request).inline), request)
    return {"PolicyNames": list(page), **more}


@operations("DeleteRolePolicy")
def delete_role_policy(service: Iam, call: Call, request: Request) -> Response:
    role, name = _inline(service, call, request)
    remaining = {kept: document for kept, document in role.inline.items() if kept != name}
    service.change(role, inline=remaining)
    return {}


# Customer-managed policies.


@operations("CreatePolicy")
def create_policy(service: Iam, call: Call, request: Request) -> Response:
    name = request["PolicyName"]
    model.check_policy(request["PolicyDocument"])
    if service.policies.get(call.account, _key(name)) is not None:
        raise model.exists_already(
            f"A policy called {name} already exists. Duplicate names are not allowed."
        )
    policy = Policy(
        account=call.account,
        name=name,
        path=request.get("Path") or "/",
        document=request["PolicyDocument"],
        created_at=service.host.runtime.wall(),
        description=request.get("Description") or "",
        tags=model.tags_of(request),
    )
    service.policies.put(call.account, _key(name), policy)
    return {"Policy": model.describe_policy(policy, 0, whole=False)}


@operations("GetPolicy")
def get_policy(service: Iam, call: Call, request: Request) -> Response:
    policy = service.policy(call, request["PolicyArn"])
    return {"Policy": model.describe_policy(policy, service.attachments(policy))}


@operations("GetPolicyVersion")
def get_policy_version(service: Iam, call: Call, request: Request) -> Response:
    policy, version = service.policy(call, request["PolicyArn"]), request["VersionId"]
    if version != "v1":
        raise model.no_such(
            f"Policy {policy.arn} version {version} does not exist or is not attachable."
        )
    return {"PolicyVersion": model.describe_version(policy)}


@operations("ListPolicies")
def list_policies(service: Iam, call: Call, request: Request) -> Response:
    prefix = request.get("PathPrefix") or "/"
    ours = request.get("Scope") != "AWS"
    ours = ours and request.get("PolicyUsageFilter") != "PermissionsBoundary"
    policies = service.policies.list(call.account) if ours else []
    counted = [
        (policy, service.attachments(policy))
        for policy in policies
        if policy.path.startswith(prefix)
    ]
    if request.get("OnlyAttached"):
        counted = [pair for pair in counted if pair[1]]
    page, more = _page(counted, request)
    return {
        "Policies": [model.describe_policy(policy, count, whole=False) for policy, count in page],
        **more,
    }


@operations("DeletePolicy")
def delete_policy(service: Iam, call: Call, request: Request) -> Response:
    policy = service.policy(call, request["PolicyArn"])
    if service.attachments(policy):
        raise model.delete_conflict("Cannot delete a policy attached to entities.")
    service.policies.delete(call.account, _key(policy.name))
    return {}
