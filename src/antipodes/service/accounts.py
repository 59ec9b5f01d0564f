"""Whose account a caller means, told from the access key alone.

A key of twelve digits *is* the account. Temporary keys (`ASIA...`) that sts hands out carry their
account, so that any host can tell it without asking: 40 bits of account, 30 of salt and 10 of
checksum, as sixteen characters of the alphabet that AWS's own keys use. A temporary key from
elsewhere fails the checksum (all but one in a thousand) and means the default account, like every
other key. Session tokens carry the assumed role's ARN in the same way, and secrets follow from
their key; nothing of it is secret, and nothing need be stored or replicated.
"""

import base64
import hashlib
import re

PLAIN_SECRET = "test"  # noqa: S105 - the one secret of keys that no sts issued; documented
_ASIA = "ASIA"
_TOKEN_START = "antipodes."  # noqa: S105 - marks tokens of ours
_ACCOUNT = re.compile(r"[0-9]{12}")
_SESSION = re.compile(r"ASIA[A-Z2-7]{16}")
_ACCOUNTS = 10**12


def _checksum(head: int) -> int:
    digest = hashlib.sha256(head.to_bytes(9, "big")).digest()
    return int.from_bytes(digest[:2], "big") & 0x3FF


def session_key(account: str, salt: str) -> str:
    """Return the access key of a session in an account; `salt` tells sessions apart."""
    assert _ACCOUNT.fullmatch(account), f"{account!r} is no account"
    digest = hashlib.sha256(salt.encode()).digest()
    head = int(account) << 30 | int.from_bytes(digest[:4], "big") & 0x3FFFFFFF
    whole = head << 10 | _checksum(head)
    return _ASIA + base64.b32encode(whole.to_bytes(10, "big")).decode()


def session_account(access_key: str) -> str | None:
    """Return the account in a temporary key of ours, or None."""
    if _SESSION.fullmatch(access_key) is None:
        return None
    whole = int.from_bytes(base64.b32decode(access_key[len(_ASIA) :]), "big")
    head, checksum = whole >> 10, whole & 0x3FF
    account = head >> 30
    if account >= _ACCOUNTS or checksum != _checksum(head):
        return None
    return f"{account:012}"


def account_of(access_key: str, default: str) -> str:
    """Return the account that an access key stands for."""
    if _ACCOUNT.fullmatch(access_key):
        return access_key
    return session_account(access_key) or default


def session_secret(access_key: str) -> str:
    """Return the secret that goes with a temporary key: 40 characters, always the same."""
    digest = hashlib.sha256(b"antipodes secret of " + access_key.encode()).digest()
    return base64.b64encode(digest).decode()[:40]


def secret_of(access_key: str) -> str:
    """Return the secret that a request with this key must be signed with, if that is verified."""
    return PLAIN_SECRET if session_account(access_key) is None else session_secret(access_key)


def session_token(principal_arn: str) -> str:
    """Return the session token that carries a principal's ARN."""
    return _TOKEN_START + base64.urlsafe_b64encode(principal_arn.encode()).decode()


def principal_of(token: str) -> str:
    """Return the principal's ARN in a session token, or nothing if the token is not ours."""
    if not token.startswith(_TOKEN_START):
        return ""
    try:
        return base64.urlsafe_b64decode(token.removeprefix(_TOKEN_START)).decode()
    except ValueError:
        return ""
