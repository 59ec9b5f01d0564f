"""Principals and their sessions."""

import base64
import hashlib
import re
from typing import NamedTuple

from antipodes.service import accounts
from antipodes.service.contract import ServiceError

ROLE_SESSION_S = 3_600
ROLE_SESSION_CHAINED_S_MAX = 3_600
TOKEN_SESSION_S = 43_200
_ROLE_ARN = re.compile(r"arn:aws:iam::([0-9]{12}):role/((?:[!-~]+/)*)([\w+=,.@-]{1,64})", re.ASCII)


class Role(NamedTuple):
    """A role as its ARN names it."""

    account: str
    name: str
    id: str


class Principal(NamedTuple):
    """Somebody who calls."""

    account: str
    arn: str
    user_id: str


class Credentials(NamedTuple):
    """Temporary credentials; `expires_at` in Unix seconds."""

    access_key: str
    secret: str
    token: str
    expires_at: float


def parse_role(arn: str) -> Role:
    """Return the role that an ARN names."""
    found = _ROLE_ARN.fullmatch(arn)
    if found is None:
        raise ServiceError("ValidationError", f"{arn} is invalid")
    return Role(found[1], found[3], role_id(found[1], found[3]))


def role_id(account: str, name: str) -> str:
    """Return a role's unique id; iam derives the same, so neither has to ask the other."""
    digest = hashlib.sha256(f"role {account}/{name}".encode()).digest()
    return "AROA" + base64.b32encode(digest).decode()[:17]


def assumed(role: Role, session: str) -> Principal:
    """Return who a caller is after assuming a role."""
    arn = f"arn:aws:sts::{role.account}:assumed-role/{role.name}/{session}"
    return Principal(role.account, arn, f"{role.id}:{session}")


def caller(account: str, principal_arn: str) -> Principal:
    """Return who calls: an assumed role, or the root of the key's account."""
    _, _, resource = principal_arn.rpartition(":")
    kind, _, rest = resource.partition("/")
    name, _, session = rest.partition("/")
    if kind == "assumed-role" and session:
        return Principal(account, principal_arn, f"{role_id(account, name)}:{session}")
    return Principal(account, f"arn:aws:iam::{account}:root", account)


def issue(principal: Principal, salt: str, expires_at: float) -> Credentials:
    """Return credentials for a principal; `salt` tells its sessions apart."""
    key = accounts.session_key(principal.account, salt)
    token = accounts.session_token(principal.arn)
    return Credentials(key, accounts.session_secret(key), token, expires_at)
