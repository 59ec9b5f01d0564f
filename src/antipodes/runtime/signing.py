"""Signature Version 4 as botocore computes it, in one pass and with the day's key at hand."""

import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any

_KEYS_MAX = 64


def timestamp(wall: float) -> str:
    """Return a time in the form that is signed, like 20260131T235959Z."""
    text = datetime.fromtimestamp(wall, UTC).isoformat(timespec="seconds")
    return text[:19].replace("-", "").replace(":", "") + "Z"


@lru_cache(_KEYS_MAX)
def _signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def authorization(  # noqa: PLR0913, PLR0917 - all that is signed
    credentials: Any,
    scope: tuple[str, str],
    time: str,
    request_lines: Sequence[str],
    headers: Mapping[str, list[str]],
    digest: str,
) -> str:
    """Return the `Authorization` header of a request.

    `scope` is region and service; `request_lines` are method, path and query in canonical form;
    `headers` are those to sign, by name in lower case, trimmed; `digest` is the body's.
    """
    region, service = scope
    signed = ";".join(sorted([name.strip() for name in headers]))
    lines = [*request_lines, *[f"{name}:{','.join(headers[name])}" for name in sorted(headers)]]
    lines += ["", signed, digest]
    scope_text = f"{time[:8]}/{region}/{service}/aws4_request"
    hashed = sha256("\n".join(lines).encode()).hexdigest()
    key = _signing_key(credentials.secret_key, time[:8], region, service)
    text = f"AWS4-HMAC-SHA256\n{time}\n{scope_text}\n{hashed}"
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope_text}, "
        f"SignedHeaders={signed}, Signature={signature}"
    )
